from decimal import Decimal

import pytest

from lake.errors import InvalidCommitError
from lake.summary import CommitNote


def test_control_totals_are_exact_text() -> None:
    note = CommitNote.of(
        "r1", "append", {"total": Decimal("1E+20"), "rows": 3, "unit": "rupiah"}, {"trace_id": "ab"}
    )
    assert note.controls == {"total": "100000000000000000000", "rows": "3", "unit": "rupiah"}
    entries = note.entries(3, 100)
    assert entries["lumbung.run-id"] == "r1"
    assert entries["lumbung.control.total"] == "100000000000000000000"
    assert entries["lumbung.property.trace_id"] == "ab"


@pytest.mark.parametrize("run_id", ["", "a b", "-x", "x" * 129, "a/b", "é", "r1\n"])
def test_bad_run_ids(run_id: str) -> None:
    with pytest.raises(InvalidCommitError, match="run_id"):
        CommitNote.of(run_id, "append", None, None)


@pytest.mark.parametrize("value", [1.5, True, None, "x" * 1001])
def test_bad_control_totals(value: object) -> None:
    with pytest.raises(InvalidCommitError, match="total"):
        CommitNote.of("r", "append", {"total": value}, None)  # type: ignore[dict-item]


def test_too_many_entries() -> None:
    with pytest.raises(InvalidCommitError, match="65"):
        CommitNote.of("r", "append", None, {f"p{n}": "v" for n in range(65)})
