"""The validating process: one per file, without secrets, killed when it must be, gone with its parents."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from ingest_service.engine.job import Order, ValidationJob
from ingest_service.executor.forkserver import ForkServer
from ingest_service.executor.validator import ProcessValidator
from ingest_service.settings import ValidationSettings
from servicekit.errors import InternalError

from support.contracts import contract_of

FOUND_TIME = "2026-11-24T05:00:00.000000+00:00"
ENDLESS = 4_000_000


def _job(folder: Path, rows: int) -> ValidationJob:
    folder.mkdir()
    file, out = folder / "file", folder / "out"
    out.mkdir()
    file.write_text("n;a\n" + "".join(f"{row};x\n" for row in range(rows)))
    contract = contract_of([{"name": "n", "type": "integer", "key": True}, {"name": "a", "type": "text"}])
    return ValidationJob(
        file=file, out=out, dataset="t", submission="s1", contract=contract, found_time=FOUND_TIME
    )


@pytest.fixture
async def make_validator():
    """Makes validators with other settings than usual; each is closed at the end."""
    made = []

    def make(**settings):
        made.append(ProcessValidator(ValidationSettings(**settings)))
        return made[-1]

    yield make
    for validator in made:
        await validator.close()


@pytest.fixture
async def validator(make_validator):
    validator = make_validator()
    await validator.start()
    return validator


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _fork_servers() -> list[int]:
    wanted = b"ingest_service.engine.forkserver"
    return [pid for pid in _children(os.getpid()) if wanted in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _fork_server() -> int:
    return _fork_servers()[0]


async def _until(what):
    """Waits for a true answer about another process."""
    async with asyncio.timeout(20):
        while not (found := what()):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)
    return found


async def _child_of(server: int) -> int:
    return (await _until(lambda: _children(server)))[0]


def _gone(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().split()[2] == "Z"


def _environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def _folder_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/cwd").resolve()


def _opened(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]


async def test_files_one_after_the_other_and_side_by_side(validator, tmp_path):
    server = _fork_server()
    for number in range(3):
        report = await validator.validate(_job(tmp_path / f"one{number}", 10))
        assert report.rows_good == 10
    reports = await asyncio.gather(
        *(validator.validate(_job(tmp_path / f"two{number}", 1000 + number)) for number in range(4))
    )
    assert [report.rows_good for report in reports] == [1000, 1001, 1002, 1003]
    assert _fork_server() == server
    assert not _children(server)


async def test_no_secret_and_no_file_of_the_service_reaches_it(make_validator, monkeypatch, tmp_path):
    monkeypatch.setenv("LUMBUNG_LAKE__S3__SECRET_KEY", "rahasia")
    validator = make_validator()
    job = _job(tmp_path / "job", ENDLESS)
    work = asyncio.create_task(validator.validate(job))
    (server,) = await _until(_fork_servers)
    child = await _child_of(server)
    await _until(lambda: _folder_of(child) == job.out)
    for pid in (server, child):
        assert b"LUMBUNG" not in _environment(pid)
        assert b"rahasia" not in _environment(pid)
    # Of the descriptors none is a connection: neither the fork server's nor that of another child.
    assert not [name for name in _opened(child) if name.startswith("socket:")]
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await _until(lambda: _gone(child))


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"wall_seconds": 3}, "more time than"), ({"cpu_seconds": 1}, "more CPU time than")],
)
async def test_beyond_a_limit_it_is_killed_and_the_file_is_refused(make_validator, tmp_path, limits, said):
    validator = make_validator(**limits)
    job = _job(tmp_path / "job", ENDLESS)
    report = await validator.validate(
        job.model_copy(update={"limits": job.limits.model_copy(update={"block_bytes": 5000})})
    )
    assert report.rejected
    assert said in report.fatal[0].message_en
    # The next file is not concerned.
    assert (await validator.validate(_job(tmp_path / "next", 10))).rows_good == 10


async def test_a_fork_server_that_died_takes_its_children_along_and_comes_again(validator, tmp_path):
    server = _fork_server()
    work = asyncio.create_task(validator.validate(_job(tmp_path / "job", ENDLESS)))
    child = await _child_of(server)
    os.kill(server, signal.SIGKILL)
    with pytest.raises(InternalError):
        await work
    assert await _until(lambda: _gone(child))
    assert (await validator.validate(_job(tmp_path / "next", 10))).rows_good == 10
    assert _fork_server() != server


async def test_a_process_that_fails_says_why_in_the_log(tmp_path):
    server = ForkServer(threads=1)
    order = Order(
        job=tmp_path / "absent",
        report=tmp_path / "report",
        log=tmp_path / "log",
        memory_bytes=2**30,
        cpu_seconds=60,
    )
    child = await server.begin(order)
    assert await child.ended() == 1
    child.close()
    assert "FileNotFoundError" in (tmp_path / "log").read_text()
    await server.close()
