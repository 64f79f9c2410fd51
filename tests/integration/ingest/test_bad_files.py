"""Files that nothing good can come of: each is refused with a reason, and the service goes on."""

import io
import zipfile

import polars as pl
import pytest

from lumbung.ingest.v1 import submission_service_pb2 as pb

from .conftest import declaration

HEADER = b"Kode;Tahun;Anggaran\n"
ROW = b"1101;2017;1\n"


def _bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 100_000_000)
    return content.getvalue()


def _parquet() -> bytes:
    content = io.BytesIO()
    pl.DataFrame({"Kode": [1101]}).write_parquet(content)
    return content.getvalue()


FILES = {
    "binary": ("csv", b"\x7fELF" + bytes(100), "file"),
    "workbook called CSV": ("csv", b"PK\x03\x04" + bytes(100), "file"),
    "long line": ("csv", HEADER + b"1" * 30_000_000, "file"),
    "duplicate header": ("csv", b"Kode;Kode;Tahun;Anggaran\n1;1;2017;1\n", "header"),
    "wrong column": ("csv", b"Kode;Thn;Anggaran\n" + ROW, "header"),
    "wrong encoding": ("csv", HEADER + "1101;2017;1 é\n".encode("latin-1"), "file"),
    "only a header": ("csv", HEADER, "no_good_row"),
    "only bad rows": ("csv", HEADER + b"x;y;z\n", "no_good_row"),
    "zip bomb": ("xlsx", _bomb(), "file"),
    "no workbook": ("xlsx", HEADER + ROW, "file"),
    "no Parquet": ("parquet", HEADER + ROW, "file"),
    "cut Parquet": ("parquet", _parquet()[:-10], "file"),
    "Parquet without a column": ("parquet", _parquet(), "header"),
}


@pytest.mark.parametrize("name", FILES)
async def test_a_bad_file_is_rejected(service, catalog, lake, name):
    kind, content, rule = FILES[name]
    form = '{type: csv, delimiter: ";"}' if kind == "csv" else f"{{type: {kind}}}"
    dataset = "bad_" + "".join(letter if letter.isalpha() else "_" for letter in name.lower())
    catalog.declarations[dataset] = declaration(dataset, form=form)
    client = service.client()
    done = await client.send(dataset, content, name="berkas.csv")
    assert done.state == pb.Submission.STATE_REJECTED, done.message
    assert "Nothing was published" in done.message
    assert done.rows_good == 0
    assert not done.snapshot
    found = await client.findings(done.name)
    assert found.findings
    if rule != "no_good_row":
        assert {finding.rule for finding in found.findings} == {rule}
        assert {finding.severity for finding in found.findings} == {pb.SEVERITY_FATAL}
    else:
        assert rule in done.message or "None of the" in done.message
    assert not lake.table_exists(dataset)
    assert not catalog.snapshots
    assert not lake.objects.list_prefix(f"staging/uploads/{await _upload_of(service, done.name)}")
    # The service is up: a good file follows.
    catalog.declarations["after"] = declaration("after", mode="overwrite")
    assert (await client.send("after", HEADER + ROW)).state == pb.Submission.STATE_PUBLISHED


async def _upload_of(service, name):
    rows = service.sql("SELECT upload_id FROM submissions WHERE submission_id = %s", [name.partition("/")[2]])
    return rows[0][0]


async def test_a_file_beyond_the_memory_of_its_process(stores, signin, catalog, tmp_path):
    import grpc

    from ingest_service.app import start

    from .conftest import Client, settings_for

    catalog.declarations["large"] = declaration("large")
    limits = {"work_dir": str(tmp_path / "work"), "memory_bytes": 128 * 2**20}
    settings = settings_for(stores, signin, catalog, tmp_path, validation=limits)
    stoppers = await start(settings)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel:
        client = Client(channel, signin.token("kontributor-pusat", "contributor", office="pusat"))
        rows = b"".join(b"%d;2017;%d\n" % (1000 + n % 9000, n) for n in range(1_000_000))
        done = await client.send("large", HEADER + rows)
        assert done.state == pb.Submission.STATE_REJECTED
        assert "more memory than the limit" in done.message
    for stop in stoppers:
        await stop()
    assert not list((tmp_path / "work").iterdir())


async def test_a_contract_that_does_not_compile_fails_at_once(service, catalog):
    rules = (
        "[{id: r, severity: error, check: \"year > 'x'\", message: {id: a, en: a}, remedy: {id: a, en: a}}]"
    )
    catalog.declarations["broken"] = declaration("broken", rules=rules)
    done = await service.client().send("broken", HEADER + ROW)
    assert done.state == pb.Submission.STATE_FAILED
    assert "contract's r" in done.message
