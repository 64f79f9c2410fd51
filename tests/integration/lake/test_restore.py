"""A publication is tagged with its commit, and taken back by one more: what was known before stays readable."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lake import Lake, RowFilter
from lake.errors import CommitConflictError, InvalidCommitError, SnapshotNotFoundError

from .test_writer import SCHEMA, read, rows

A, B, C = ("32", 2016, "1"), ("33", 2016, "2"), ("34", 2017, "3")


def _shown(*values):
    return sorted((province, year, Decimal(amount)) for province, year, amount in values)


@pytest.fixture
def table(lake: Lake, request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_").split("[")[0][:60]
    lake.create_table(name, SCHEMA)
    return str(name)


def test_the_tag_comes_with_the_commit_also_the_first(lake: Lake, table: str) -> None:
    first = lake.writer(table).append(rows(A), run_id="a", tag="publication-a")
    second = lake.writer(table).overwrite(rows(B), run_id="b", tag="publication-b")
    assert lake.tags(table) == {"publication-a": first.snapshot_id, "publication-b": second.snapshot_id}
    assert len(lake.snapshots(table)) == 2


def test_restore_brings_the_earlier_rows_back_and_keeps_what_was_known(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    first = writer.append(rows(A, B), run_id="a")
    second = writer.overwrite(rows(C, ("32", 2016, "9")), run_id="b", where=RowFilter.where("province", "32"))
    known = datetime.now(UTC)
    third = writer.restore(first.snapshot_id, run_id="revert-b", expected=second.snapshot_id, tag="revert-b")
    assert read(lake, table) == _shown(A, B)
    assert third.rows_total == 2
    assert lake.describe(table).snapshot_id == third.snapshot_id == lake.tags(table)["revert-b"]
    assert read(lake, table, as_of=known) == _shown(B, C, ("32", 2016, "9"))
    again = writer.restore(first.snapshot_id, run_id="revert-b", expected=second.snapshot_id)
    assert (again.snapshot_id, again.repeated) == (third.snapshot_id, True)
    # The first publication taken back leaves an empty table, and a later one builds on it.
    writer.restore(None, run_id="revert-a", expected=third.snapshot_id)
    assert read(lake, table) == []
    writer.append(rows(C), run_id="c")
    assert read(lake, table) == _shown(C)


def test_an_append_is_withdrawn_from_under_later_ones(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    writer.append(rows(A), run_id="a")
    writer.append(rows(B), run_id="b")
    newest = writer.append(rows(C), run_id="c").snapshot_id
    with pytest.raises(InvalidCommitError):
        writer.withdraw("b", rows=2, run_id="revert-b", expected=newest)
    writer.withdraw("b", rows=1, run_id="revert-b", expected=newest)
    assert read(lake, table) == _shown(A, C)


def test_a_table_that_moved_on_is_not_changed(lake: Lake, table: str) -> None:
    writer = lake.writer(table)
    first = writer.append(rows(A), run_id="a").snapshot_id
    writer.append(rows(B), run_id="b")
    with pytest.raises(CommitConflictError):
        writer.restore(None, run_id="r", expected=first)
    with pytest.raises(CommitConflictError):
        writer.withdraw("a", rows=1, run_id="r", expected=first)
    with pytest.raises(CommitConflictError):
        writer.overwrite(rows(C), run_id="r", expected=first)
    assert read(lake, table) == _shown(A, B)
    with pytest.raises(SnapshotNotFoundError):
        writer.restore(7, run_id="r", expected=lake.describe(table).snapshot_id or 0)
