import stat
from pathlib import Path

from localstack.process import Identity
from localstack.state import PartState, PartStatus, Record, StackState, read_record, read_state


def test_state_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    part = PartStatus("postgres", "PostgreSQL", PartState.BACKOFF, detail="ended by SIGKILL", restarts=3)
    StackState(Identity(1, 2), 5.0, {"postgres": part}).write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = read_state(path)
    assert found.parts == {"postgres": part}
    assert found.supervisor == Identity(1, 2)


def test_a_missing_or_broken_state_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert read_state(path).parts == {}
    path.write_text('{"parts": {"a": {"state": "ready", "unknown": 1}}}')
    assert read_state(path).supervised() is False


def test_record_survives_the_file(tmp_path: Path) -> None:
    record = Record(Identity(10, 20), "abc", 1.5, set_up=True)
    record.write(tmp_path / "r.pid.json")
    assert read_record(tmp_path / "r.pid.json") == record
    (tmp_path / "r.pid.json").write_text("not json")
    assert read_record(tmp_path / "r.pid.json") is None
