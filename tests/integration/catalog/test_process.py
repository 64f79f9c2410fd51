"""The catalog as its own process: settings from a file, secrets from the environment, stops and deaths."""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from datetime import UTC, datetime

import grpc
import pytest
import yaml
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.catalog.v1 import audit_service_pb2 as pb

from support.catalog_server import ISSUER, Catalog, run_catalog
from support.jsonserver import Answer, serve_json
from support.ports import free_port


def _entry():
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC))
    return pb.AuditEntry(uid=str(uuid.uuid4()), time=stamp, username="u", action="a", outcome="OK")


@contextlib.asynccontextmanager
async def _process(database, issuer, folder):
    port = free_port()
    with serve_json(lambda _asked: Answer(issuer.keys)) as jwks_url:
        settings = {
            "listen": {"port": port, "metrics_port": free_port(), "stop_grace_seconds": 1},
            "auth": {"issuer": ISSUER, "jwks_url": jwks_url},
            "identity": {"token_url": "http://127.0.0.1:1/", "client_id": "svc-catalog"},
            "postgres": {
                "port": database.port,
                "database": database.database,
                "user": database.user,
            },
        }
        config = folder / "catalog.yaml"
        config.write_text(yaml.safe_dump(settings))
        env = os.environ | {
            "LUMBUNG_CONFIG": str(config),
            "LUMBUNG_POSTGRES__PASSWORD": database.password,
            "LUMBUNG_IDENTITY__CLIENT_SECRET": "s",
            "LUMBUNG_AUDIT__CHECKPOINT_KEY": "test key",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "catalog_service", env=env, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await asyncio.wait_for(channel.channel_ready(), 30)
                yield process, Catalog(channel, issuer)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


async def _keep_recording(catalog, kept, enough):
    with contextlib.suppress(grpc.aio.AioRpcError):
        while True:
            entry = _entry()
            await catalog.audit.RecordAuditEntries(
                pb.RecordAuditEntriesRequest(entries=[entry]), metadata=catalog.by("svc-compute")
            )
            kept.add(entry.uid)
            if len(kept) >= 100:
                enough.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_what_was_answered_is_in_the_log_whatever_ends_the_process(database, issuer, tmp_path, number):
    kept: set[str] = set()
    async with _process(database, issuer, tmp_path) as (process, catalog):
        enough = asyncio.Event()
        writers = [asyncio.create_task(_keep_recording(catalog, kept, enough)) for _ in range(8)]
        await asyncio.wait_for(enough.wait(), 30)
        process.send_signal(number)
        await asyncio.gather(*writers)
        output, _ = await process.communicate()
        assert process.returncode == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    if number == signal.SIGTERM:
        assert b"audit checkpoint" in output
    async with run_catalog(database, issuer) as catalog:
        verified = await catalog.audit.VerifyAuditLog(
            pb.VerifyAuditLogRequest(), metadata=catalog.by("auditor-pusat")
        )
        assert verified.intact, verified.message
        found, token = set(), ""
        while True:
            answer = await catalog.audit.ListAuditEntries(
                pb.ListAuditEntriesRequest(page_size=1000, page_token=token),
                metadata=catalog.by("auditor-pusat"),
            )
            found |= {entry.uid for entry in answer.entries}
            token = answer.next_page_token
            if not token:
                break
    assert kept <= found
