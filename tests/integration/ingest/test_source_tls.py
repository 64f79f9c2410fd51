"""`tls: verify` speaks only to a server whose certificate is signed by who should have, for the address it has."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ingest_service.domain.source_declaration import parse_source
from ingest_service.extract.drivers import open_database
from ingest_service.extract.failures import ExtractError
from ingest_service.extract.job import ExtractJob
from ingest_service.extract.reading import read_chunk

from support.authority import Authority
from support.mariadb import run_mariadb
from support.servers import run_postgres
from support.sources import Ledger, MariadbLedger, source
from support.tlsdoor import tls_door


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def _for_server(authority, host):
    """A folder with key and certificate that a server without rights may read."""
    folder = Path(tempfile.mkdtemp(prefix="lumbung-tls-"))
    files = authority.issue(folder, host)
    if os.geteuid() == 0:
        for path in (folder, *files):
            shutil.chown(path, "nobody", "nogroup")
    return folder, *files


@contextmanager
def _postgresql(public, private):
    with run_postgres() as server, tls_door(server.port, public, private) as port:
        ledger = Ledger(server.create_database("tls")).create()
        ledger.database = replace(ledger.database, port=port)
        yield ledger


@contextmanager
def _mariadb(public, private):
    with run_mariadb(f"--ssl-cert={public}", f"--ssl-key={private}") as server:
        yield MariadbLedger(server, server.create_database()).create()


@pytest.fixture(params=[("postgresql", _postgresql), ("mariadb", _mariadb)], ids=lambda param: param[0])
def serve(request, authority):
    """Runs a server whose certificate is for an address."""
    driver, run = request.param

    @contextmanager
    def serve(host):
        folder, public, private = _for_server(authority, host)
        try:
            with run(public, private) as ledger:
                ledger.driver = driver
                yield ledger
        finally:
            shutil.rmtree(folder)

    return serve


def read(ledger, folder, ca_file):
    connection = {"tls": "verify"}
    declaration = source("tls", ledger.database, driver=ledger.driver, mode="full", column=None, lag=None)
    sql = parse_source(declaration).sql
    sql = sql.model_copy(update={"connection": sql.connection.model_copy(update=connection)})
    job = ExtractJob(
        sql=sql,
        address="127.0.0.1",
        columns=("id", "amount"),
        out=folder / "rows",
        keys_out=folder / "keys",
        max_bytes=10**9,
        connect_seconds=5,
        ca_file=None if ca_file is None else str(ca_file),
    )
    return read_chunk(job, ledger.database.password, open_database).rows


def test_only_the_right_server_is_spoken_to(serve, authority, tmp_path):
    stranger = Authority(tmp_path / "stranger")
    with serve("127.0.0.1") as ledger:
        assert read(ledger, tmp_path, authority.file) == 0
        for ca_file in (stranger.file, None):
            with pytest.raises(ExtractError) as caught:
                read(ledger, tmp_path, ca_file)
            assert caught.value.failure.reason == "SOURCE_UNTRUSTED", caught.value
            assert caught.value.failure.lasting


def test_a_certificate_for_another_address_is_none(serve, authority, tmp_path):
    with serve("127.0.0.2") as ledger, pytest.raises(ExtractError) as caught:
        read(ledger, tmp_path, authority.file)
    assert caught.value.failure.reason == "SOURCE_UNTRUSTED", caught.value


def test_a_server_without_tls_is_not_spoken_to(ledger, authority, tmp_path):
    with pytest.raises(ExtractError) as caught:
        read(ledger, tmp_path, authority.file)
    assert caught.value.failure.reason == "SOURCE_UNTRUSTED", caught.value
