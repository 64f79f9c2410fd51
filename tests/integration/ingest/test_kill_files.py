"""`kill -9` of ingest while it takes files: every row that a client was told of is there, once and whole."""

import asyncio
import time
from decimal import Decimal

import pytest

from lake import TableId
from lumbung.ingest.v1 import submission_service_pb2 as pb
from lumbung.ingest.v1 import upload_service_pb2 as upload_pb

from .conftest import Client, declaration, settings_for
from support.killing import Kills, Watch, dice_of, serving
from support.lakes import all_rows

ROWS = 12_000
HEADER = b"Kode;Tahun;Anggaran\n"
# A point of its own is where the client is when the service dies.
SENDING, FINISHING = "half of the file sent", "asked to finish"
POINTS = {
    SENDING: lambda _watch: True,
    FINISHING: lambda _watch: True,
    "finished": lambda _watch: True,
    "file fetched": lambda watch: watch.files("", "file"),
    "validation begun": lambda watch: watch.files("out", "job.json"),
    "rows checked": lambda watch: watch.files("out", "*.parquet"),
    "report written": lambda watch: watch.files("out", "report.json"),
    "quarantine committed": lambda watch: watch.buried() > watch.buried_before,
    "rows committed": lambda watch: watch.commits() > watch.commits_before,
    "catalog asked to note it": lambda watch: watch.told() > watch.told_before,
    "no work left": lambda watch: watch.told() > watch.told_before and not watch.files("", "file"),
    "any moment": lambda _watch: False,
}
FEW = (FINISHING, "rows checked", "rows committed")


class Ledger:
    """What was sent, kept outside: amounts by key, and how many rows were bad."""

    def __init__(self) -> None:
        self.amounts: dict[tuple[str, int], Decimal] = {}
        self.bad = 0

    def file(self, number: int, dice) -> bytes:
        """A file of rows with keys of their own; one in a hundred is bad."""
        lines = []
        for row in range(ROWS):
            code, year = 1000 + row % 9000, 2000 + number * 2 + row // 9000
            if dice.random() < 0.01:
                lines.append(f"{code};{year};tidak ada\n")
                self.bad += 1
            else:
                amount = dice.randrange(10**12)
                lines.append(f"{code};{year};{amount}\n")
                self.amounts[f"{code}", year] = Decimal(amount)
        return HEADER + "".join(lines).encode()

    def check(self, lake, dataset: str, said: str) -> None:
        """The table holds exactly what was sent, and each bad row is in quarantine once."""
        rows = all_rows(lake, dataset).select("region_code", "year", "budget").rows()
        assert len(rows) == len(self.amounts), said
        assert {(code, year): amount for code, year, amount in rows} == self.amounts, said
        bad = all_rows(lake, TableId.quarantine(dataset)).select("submission", "source_row", "rule").rows()
        assert len(bad) == len(set(bad)) == self.bad, said


def whole(lake, dataset: str, sizes: dict[str, int]) -> None:
    """Of each submission all rows can be seen, or none."""
    if not lake.table_exists(dataset):
        return
    seen = dict(all_rows(lake, dataset).group_by("submission").len().rows())
    for submission, rows in seen.items():
        assert rows == sizes[submission], submission


class Sender:
    """A client that goes on where the service says it is, as the SDK does."""

    def __init__(self, dataset: str, content: bytes, request_id: str) -> None:
        self._dataset, self._content, self._request_id = dataset, content, request_id

    async def send(self, client: Client, upto: float = 1.0) -> upload_pb.Upload:
        """Sends what is missing of a share of the file."""
        upload = await client.create(self._dataset, len(self._content), request_id=self._request_id)
        end = int(len(self._content) * upto)
        if upload.state == upload_pb.Upload.STATE_OPEN and upload.committed_bytes < end:
            await client.write(
                upload.name, self._content[upload.committed_bytes : end], upload.committed_bytes
            )
        return upload

    async def finish(self, client: Client, upload: upload_pb.Upload) -> pb.Submission:
        return await client.finish(upload.name, self._content)


@pytest.mark.timeout(900)
async def test_nothing_is_lost_or_doubled(stores, signin, catalog, tmp_path, lake, record_property):
    dataset = "killed_file"
    kills = Kills(POINTS, FEW)
    settings = settings_for(stores, signin, catalog, tmp_path)
    catalog.declarations[dataset] = declaration(dataset)
    token = signin.token("kontributor-pusat", "contributor", office="pusat")
    ledger, sizes = Ledger(), {}
    for number, case in enumerate(kills.cases):
        point, dice = case[0], dice_of(case)
        before = len(ledger.amounts)
        sender = Sender(dataset, ledger.file(number, dice), f"kiriman-{number}")
        async with serving(settings, tmp_path) as (process, channel):
            client = Client(channel, token)
            watch = Watch(process, tmp_path / "work", lake, catalog, dataset)
            upload = await sender.send(client, 0.5 if point == SENDING else 1.0)
            finishing = None
            if point == FINISHING:
                finishing = asyncio.create_task(sender.finish(client, upload))
                await asyncio.sleep(dice.uniform(0, 0.02))
            elif point != SENDING:
                await sender.finish(client, upload)
            await kills.kill(watch, case, dice)
            if finishing is not None:
                await asyncio.gather(finishing, return_exceptions=True)
        # Which submission the rows belong to is asked below; until then only whole ones may be seen.
        async with serving(settings, tmp_path) as (_process, channel):
            client = Client(channel, token)
            begun = time.monotonic()
            upload = await sender.send(client)
            submission = await sender.finish(client, upload)
            sizes[submission.name.partition("/")[2]] = len(ledger.amounts) - before
            whole(lake, dataset, sizes)
            done = await client.wait(submission.name)
            kills.resumed.append(time.monotonic() - begun)
            assert done.state == pb.Submission.STATE_PUBLISHED, f"{case}: {done.message}"
            assert done.rows_good == len(ledger.amounts) - before
            ledger.check(lake, dataset, f"{case}")
            ids = [info.run_id for info in lake.snapshots(dataset)]
            assert sorted(ids) == sorted(sizes), f"{case}: a file was committed twice"
            assert watch.told() == number + 1
    assert not list((tmp_path / "work").iterdir())
    kills.close("files", record_property)
