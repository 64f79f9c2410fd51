"""What other processes do to a lake in the concurrency and crash tests."""

import os

import polars as pl

from lake import Lake, LakeSettings, TableSchema, system_decision
from lake.commits import LockedLog


def append_many(settings: LakeSettings, table: str, worker: int, commits: int) -> list[int]:
    """Append one row per commit; returns the snapshots made."""
    with Lake.open(settings) as lake:
        writer = lake.writer(table)
        frames = ((n, pl.DataFrame({"worker": [worker], "number": [n]})) for n in range(commits))
        return [writer.append(frame, run_id=f"w{worker}-{n}").snapshot_id for n, frame in frames]


def append_the_same(settings: LakeSettings, table: str, worker: int) -> int:
    """Every worker commits the same run; returns its snapshot."""
    with Lake.open(settings) as lake:
        del worker
        frame = pl.DataFrame({"worker": [0], "number": [0]})
        return lake.writer(table).append(frame, run_id="same").snapshot_id


def die_before_the_record(settings: LakeSettings, table: str) -> None:
    """Make a snapshot and end without a trace, as a killed process does, before its record is written."""

    def die(*_: object) -> None:
        os._exit(9)

    LockedLog.add = die  # type: ignore[assignment,method-assign]
    with Lake.open(settings) as lake:
        lake.writer(table).append(pl.DataFrame({"worker": [1], "number": [1]}), run_id="crash")


def overwrite_again_and_again(settings: LakeSettings, table: str, rounds: int) -> None:
    """Replace the whole table by other rows with the same number and sum."""
    with Lake.open(settings) as lake:
        writer = lake.writer(table)
        for n in range(rounds):
            frame = pl.DataFrame({"worker": [n] * 10, "number": list(range(10))})
            writer.overwrite(frame, run_id=f"round-{n}")


def total(lake: Lake, table: str) -> tuple[int, int]:
    """Rows and sum of `number` as a reader sees them."""
    frame = lake.reader.scan(table, system_decision(table, run_id="test")).lazyframe
    row = frame.select(pl.len(), pl.col("number").sum()).collect().row(0)
    return int(row[0]), int(row[1])


def write_and_read(settings: LakeSettings, table: str) -> None:
    """One commit, one scan and one scan of a partition; fails when a row is missing."""
    with Lake.open(settings) as lake:
        lake.create_table(table, TableSchema.of([("worker", "int"), ("number", "int")]))
        lake.writer(table).append(pl.DataFrame({"worker": [1], "number": [5]}), run_id="r1")
        decision = system_decision(table, run_id="test")
        parts = [
            lake.reader.scan_partition(part, decision) for part in lake.reader.plan_files(table, decision)
        ]
        if total(lake, table) != (1, 5) or pl.concat(parts).collect().height != 1:
            raise RuntimeError("rows are missing")
