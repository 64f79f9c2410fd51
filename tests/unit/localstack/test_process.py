import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from localstack.process import MARK, Identity, end, kin, marked, process_table, spawn

SLEEP = "import time; time.sleep(60)"
# Two generations: the child leaves its parent's session, the grandchild stays in the child's.
FAMILY = (
    "import subprocess, sys, time\n"
    f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
    f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)\n"
    "time.sleep(60)\n"
)


def start(code: str, folder: Path, mark: str = "") -> subprocess.Popen[bytes]:
    env = {**os.environ, **({MARK: mark} if mark else {})}
    return spawn((sys.executable, "-c", code), env, folder, folder / "log")


def wait_for(count: int, root: Identity) -> set[Identity]:
    deadline = time.monotonic() + 20
    while len(found := kin(root, process_table())) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_a_process_with_the_same_pid_and_another_start_is_a_stranger() -> None:
    own = Identity.of(os.getpid())
    assert own is not None
    assert own.alive()
    stranger = Identity(own.pid, own.start + 1)
    assert not stranger.alive()
    stranger.send(signal.SIGKILL)
    assert own.alive()


def test_a_zombie_is_dead(tmp_path: Path) -> None:
    process = start("pass", tmp_path)
    deadline = time.monotonic() + 20
    while Identity.of(process.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert Identity.of(process.pid) is None
    process.wait()


def test_orphans_are_found_by_session_and_by_mark(tmp_path: Path) -> None:
    process = start(FAMILY, tmp_path, mark="test-mark:part")
    root = Identity.of(process.pid)
    assert root is not None
    assert len(wait_for(3, root)) == 3
    root.send(signal.SIGKILL)
    process.wait()
    table = process_table()
    by_session = kin(root, table)
    by_mark = {identity for mark, identity in marked("test-mark:", table) if mark == "test-mark:part"}
    assert len(by_session) == 1
    assert len(by_mark) == 2
    assert by_session < by_mark
    end(by_mark, seconds=5.0)
    assert not any(identity.alive() for identity in by_mark)


def test_end_kills_what_ignores_the_first_signal(tmp_path: Path) -> None:
    code = (
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path('deaf').touch()\ntime.sleep(60)\n"
    )
    process = start(code, tmp_path)
    deadline = time.monotonic() + 20
    while not (tmp_path / "deaf").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    identity = Identity.of(process.pid)
    assert identity is not None
    end([identity], seconds=0.3)
    assert process.wait(5) == -signal.SIGKILL
