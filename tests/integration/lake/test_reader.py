import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from lake import Lake, Mask, ReadDecision, RowFilter, TableId, TableSchema, deny, system_decision
from lake.errors import AccessDeniedError, ColumnDeniedError, SnapshotNotFoundError, TableNotFoundError

SCHEMA = TableSchema.of(
    [("province", "text"), ("nik", "text"), ("code", "text"), ("day", "date"), ("amount", "decimal(20,2)")]
)
ROWS = [
    ("32", "3201234567890001", "1", date(2016, 5, 6), Decimal("10.00")),
    ("32", "3201234567890002", "2", date(2017, 8, 17), Decimal("20.00")),
    ("33", "3301234567890003", "SECRET-CODE", date(2016, 1, 1), Decimal("40.00")),
    (None, "9901234567890004", "HIDDEN", None, Decimal("80.00")),
]
OFFICE_32 = RowFilter.where("province", "32")


@pytest.fixture(scope="module", autouse=True)
def people(lake: Lake) -> None:
    lake.create_table("people", SCHEMA)
    frame = pl.DataFrame(ROWS, schema=SCHEMA.to_polars(), orient="row")
    lake.writer("people").append(frame, run_id="r1")


def office_32(**changes: Any) -> ReadDecision:
    return ReadDecision(**{"dataset": "people", "allowed": True, "row_filter": OFFICE_32, **changes})


def everything(dataset: str = "people") -> ReadDecision:
    return system_decision(dataset, run_id="test")


def test_all_rows_under_a_system_decision(lake: Lake) -> None:
    scan = lake.reader.scan("people", everything())
    assert scan.lazyframe.collect().height == 4
    assert scan.schema == SCHEMA
    assert scan.rows_withheld is False
    assert scan.snapshot_id == lake.describe("people").snapshot_id


def test_the_filter_keeps_rows_back_and_says_so(lake: Lake) -> None:
    scan = lake.reader.scan("people", office_32())
    assert scan.lazyframe.collect()["province"].to_list() == ["32", "32"]
    # A count may come from file statistics only where no filter is: it must not tell how many rows there are.
    assert scan.lazyframe.select(pl.len()).collect().item() == 2
    assert scan.lazyframe.select(pl.col("amount").max()).collect().item() == Decimal("20.00")
    assert scan.rows_withheld is True


def test_a_filter_that_keeps_nothing_back_says_so(lake: Lake) -> None:
    lake.create_table("of_one_office", SCHEMA)
    lake.writer("of_one_office").append(
        pl.DataFrame(ROWS[:2], schema=SCHEMA.to_polars(), orient="row"), run_id="r1"
    )
    scan = lake.reader.scan("of_one_office", office_32(dataset="of_one_office"))
    assert scan.rows_withheld is False
    wide = RowFilter.where("province", "31", "32")
    assert (
        lake.reader.scan("of_one_office", office_32(dataset="of_one_office", row_filter=wide)).rows_withheld
        is False
    )
    other = RowFilter.where("province", "33")
    assert (
        lake.reader.scan("of_one_office", office_32(dataset="of_one_office", row_filter=other)).rows_withheld
        is True
    )


def test_no_row_at_all(lake: Lake) -> None:
    scan = lake.reader.scan("people", office_32(row_filter=RowFilter.nothing()))
    assert scan.lazyframe.collect().height == 0
    assert scan.rows_withheld is True


def test_denied_before_existence_is_revealed(lake: Lake) -> None:
    messages = set()
    for name in ("people", "no_such_table"):
        with pytest.raises(AccessDeniedError) as caught:
            lake.reader.scan(name, deny(name, "no role"))
        messages.add(caught.value.sentence("en").replace(name, "*"))
    assert len(messages) == 1
    with pytest.raises(TableNotFoundError):
        lake.reader.scan("no_such_table", everything("no_such_table"))


def test_a_decision_for_another_dataset_opens_nothing(lake: Lake) -> None:
    lake.create_table(TableId.quarantine("people"), SCHEMA)
    with pytest.raises(AccessDeniedError):
        lake.reader.scan("people", everything("other"))
    with pytest.raises(AccessDeniedError):
        lake.reader.scan(TableId.quarantine("people"), everything("people"))
    assert (
        lake.reader.scan(TableId.quarantine("people"), everything("quarantine.people"))
        .lazyframe.collect()
        .height
        == 0
    )


def test_denied_columns_are_as_absent_as_unknown_ones(lake: Lake) -> None:
    decision = office_32(denied_columns=frozenset({"nik"}))
    scan = lake.reader.scan("people", decision)
    assert "nik" not in scan.lazyframe.collect_schema().names()
    assert scan.schema.names == ("province", "code", "day", "amount")
    messages = set()
    for column in ("nik", "no_such_column"):
        with pytest.raises(ColumnDeniedError) as caught:
            lake.reader.scan("people", decision, columns=["amount", column])
        messages.add(caught.value.sentence("en").replace(column, "*"))
    assert len(messages) == 1
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        scan.lazyframe.filter(pl.col("nik") == "3201234567890001").collect()


def test_a_filter_may_use_a_denied_column(lake: Lake) -> None:
    decision = office_32(denied_columns=frozenset({"province"}))
    assert lake.reader.scan("people", decision, columns=["amount"]).lazyframe.collect().height == 2


def test_chosen_columns_in_their_order(lake: Lake) -> None:
    scan = lake.reader.scan("people", office_32(), columns=["amount", "province"])
    assert scan.lazyframe.collect().columns == ["amount", "province"]
    assert scan.schema.names == ("amount", "province")


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("mask", [Mask.REDACT, Mask.NULLIFY, Mask.HASH, Mask.LAST4])
def test_a_predicate_cannot_see_below_a_mask(lake: Lake, mask: Mask, engine: Any) -> None:
    frame = lake.reader.scan("people", ReadDecision("people", allowed=True, masks={"nik": mask})).lazyframe
    real = "3201234567890001"
    asks: list[Callable[[pl.LazyFrame], pl.LazyFrame]] = [
        lambda f: f.filter(pl.col("nik") == real),
        lambda f: f.filter(pl.col("nik").str.starts_with("3201")),
        lambda f: f.filter(pl.col("nik").is_in([real])).select("amount"),
        lambda f: f.join(pl.LazyFrame({"nik": [real]}), on="nik"),
        lambda f: pl.SQLContext(t=f).execute(f"SELECT amount FROM t WHERE nik = '{real}'"),
    ]
    for ask in asks:
        assert ask(frame).collect(engine=engine).height == 0
    shown = frame.select("nik").collect(engine=engine)["nik"]
    assert len(shown) == 4
    assert real not in shown.to_list()


def test_masks_of_dates_and_amounts(lake: Lake) -> None:
    masks = {"day": Mask.DATE_TO_YEAR, "amount": Mask.NULLIFY, "province": Mask.HASH}
    scan = lake.reader.scan("people", office_32(masks=masks))
    frame = scan.lazyframe.collect()
    assert frame["day"].to_list() == [date(2016, 1, 1), date(2017, 1, 1)]
    assert frame["amount"].to_list() == [None, None]
    assert frame["province"].n_unique() == 1
    assert pl.Schema(frame.schema) == scan.schema.to_polars()
    in_2016 = scan.lazyframe.filter(pl.col("day") == date(2016, 5, 6)).collect()
    assert in_2016.height == 0


def test_hashes_agree_between_processes_of_one_platform(lake: Lake, lake_settings: Any) -> None:
    decision = office_32(masks={"nik": Mask.HASH})
    with Lake.open(lake_settings) as other:
        mine = lake.reader.scan("people", decision).lazyframe.collect()
        assert mine.equals(other.reader.scan("people", decision).lazyframe.collect())


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_errors_of_a_query_tell_nothing_of_withheld_rows(lake: Lake, engine: Any) -> None:
    frame = lake.reader.scan("people", office_32()).lazyframe
    strict = frame.filter(pl.col("code").cast(pl.Int64) > 0)
    assert strict.collect(engine=engine).height == 2
    with pytest.raises(pl.exceptions.PolarsError) as caught:
        frame.filter(pl.col("nik").str.to_date("%Y") > date(2000, 1, 1)).collect(engine=engine)
    assert "330123" not in str(caught.value)
    query = "SELECT count(*) FROM t WHERE CAST(code AS BIGINT) > 0 OR province = '33'"
    assert pl.SQLContext(t=frame).execute(query).collect(engine=engine).item() == 2


def test_a_filter_on_a_column_that_the_table_lacks_denies(lake: Lake) -> None:
    with pytest.raises(AccessDeniedError):
        lake.reader.scan("people", office_32(row_filter=RowFilter.where("office", "32")))


def test_files_are_pruned_by_the_filter(lake: Lake) -> None:
    lake.create_table("pruned", SCHEMA)
    for row in ROWS[:3]:
        frame = pl.DataFrame([row], schema=SCHEMA.to_polars(), orient="row")
        lake.writer("pruned").append(frame, run_id=f"r-{row[2]}")
    decision = office_32(dataset="pruned")
    partitions = lake.reader.plan_files("pruned", decision)
    assert [partition.rows for partition in partitions] == [2]
    assert len(partitions[0].files) == 2


def test_time_travel(lake: Lake) -> None:
    lake.create_table("history", TableSchema.of([("n", "int")]))
    created = datetime.now(UTC)
    writer = lake.writer("history")
    first = writer.append(pl.DataFrame({"n": [1]}), run_id="r1")
    time.sleep(0.01)
    second = writer.append(pl.DataFrame({"n": [2]}), run_id="r2")

    def numbers(**options: Any) -> list[int]:
        return sorted(
            lake.reader.scan("history", everything("history"), **options).lazyframe.collect()["n"].to_list()
        )

    assert numbers() == [1, 2]
    assert numbers(snapshot_id=first.snapshot_id) == [1]
    assert numbers(as_of=first.commit_time) == [1]
    assert numbers(as_of=second.commit_time - timedelta(milliseconds=1)) == [1]
    assert numbers(as_of=second.commit_time) == [1, 2]
    assert numbers(as_of=second.commit_time.astimezone(tz=None)) == [1, 2]
    scan = lake.reader.scan("history", everything("history"), as_of=first.commit_time)
    assert (scan.snapshot_id, scan.as_of) == (first.snapshot_id, first.commit_time)
    with pytest.raises(SnapshotNotFoundError):
        numbers(as_of=created - timedelta(days=1))
    with pytest.raises(SnapshotNotFoundError, match="12345"):
        numbers(snapshot_id=12345)
    with pytest.raises(ValueError, match="no time zone"):
        numbers(as_of=datetime(2020, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="not both"):
        numbers(as_of=created, snapshot_id=first.snapshot_id)


def test_a_scan_keeps_its_snapshot(lake: Lake) -> None:
    lake.create_table("stable", TableSchema.of([("n", "int")]))
    writer = lake.writer("stable")
    writer.append(pl.DataFrame({"n": [1]}), run_id="r1")
    scan = lake.reader.scan("stable", everything("stable"))
    writer.overwrite(pl.DataFrame({"n": [2]}), run_id="r2")
    assert scan.lazyframe.collect()["n"].to_list() == [1]


def test_a_table_without_a_commit(lake: Lake) -> None:
    lake.create_table("fresh", SCHEMA)
    scan = lake.reader.scan("fresh", office_32(dataset="fresh"))
    assert (scan.snapshot_id, scan.lazyframe.collect().height, scan.rows_withheld) == (None, 0, False)
    assert scan.as_of.tzinfo is not None
    assert lake.reader.plan_files("fresh", everything("fresh")) == []


def test_partitions_add_up_under_the_same_decision(lake: Lake) -> None:
    lake.create_table("parts", TableSchema.of([("province", "text"), ("n", "int")]))
    writer = lake.writer("parts")
    for start in range(0, 50, 10):
        frame = pl.DataFrame({"province": ["32", "33"] * 5, "n": list(range(start, start + 10))})
        writer.append(frame, run_id=f"r{start}")
    decision = office_32(dataset="parts", masks={"province": Mask.REDACT})
    partitions = lake.reader.plan_files("parts", decision, rows_per_partition=25)
    assert [partition.rows for partition in partitions] == [20, 20, 10]
    assert sum(partition.bytes for partition in partitions) == lake.describe("parts").bytes
    sent = [pickle.loads(pickle.dumps(partition)) for partition in partitions]  # noqa: S301
    frame = pl.concat(lake.reader.scan_partition(partition, decision) for partition in sent).collect()
    whole = lake.reader.scan("parts", decision).lazyframe.collect()
    assert frame.sort("n").equals(whole.sort("n"))
    assert frame["province"].unique().to_list() == ["xxxx"]
    assert frame.height == 25


def test_a_forged_partition_opens_nothing(lake: Lake) -> None:
    lake.create_table("other_people", SCHEMA)
    lake.writer("other_people").append(pl.DataFrame({"nik": ["x"]}), run_id="r1")
    foreign = lake.reader.plan_files("people", everything())[0]
    forged = replace(
        foreign, table="other_people", snapshot_id=lake.describe("other_people").snapshot_id or 0
    )
    with pytest.raises(AccessDeniedError, match="is not a file of table other_people"):
        lake.reader.scan_partition(forged, everything("other_people"))
    with pytest.raises(AccessDeniedError):
        lake.reader.scan_partition(foreign, deny("people", "no role"))


@pytest.mark.parametrize("named", ["nik", "number_of_person"], ids=["by the old name", "by the new name"])
def test_a_rename_or_the_past_gets_around_no_rule(lake: Lake, named: str) -> None:
    table = f"renamed_{named}"
    lake.create_table(table, TableSchema.of([("prov", "text"), ("nik", "text"), ("n", "int")]))
    rows = pl.DataFrame({"prov": ["32", "33"], "nik": ["secret-1", "secret-2"], "n": [1, 2]})
    first = lake.writer(table).append(rows, run_id="r1")
    lake.rename_column(table, "nik", "number_of_person")
    lake.rename_column(table, "prov", "province")
    filtered = RowFilter.where("province" if named != "nik" else "prov", "32")
    masked = ReadDecision(table, allowed=True, row_filter=filtered, masks={named: Mask.REDACT})
    denied = ReadDecision(table, allowed=True, row_filter=filtered, denied_columns=frozenset({named}))
    for snapshot_id in (None, first.snapshot_id):
        frame = lake.reader.scan(table, masked, snapshot_id=snapshot_id).lazyframe.collect()
        assert [row[1:] for row in frame.rows()] == [("xxxx", 1)]
        frame = lake.reader.scan(table, denied, snapshot_id=snapshot_id).lazyframe.collect()
        assert [row[1:] for row in frame.rows()] == [(1,)]
        partitions = lake.reader.plan_files(table, masked, snapshot_id=snapshot_id)
        frame = pl.concat(lake.reader.scan_partition(partition, masked) for partition in partitions).collect()
        assert [row[1:] for row in frame.rows()] == [("xxxx", 1)]


def test_a_new_column_with_an_old_name_is_under_the_same_rule(lake: Lake) -> None:
    lake.create_table("name_again", TableSchema.of([("nik", "text")]))
    lake.rename_column("name_again", "nik", "old_nik")
    lake.ensure_table("name_again", TableSchema.of([("nik", "text")]))
    lake.writer("name_again").append(pl.DataFrame({"nik": ["b"], "old_nik": ["a"]}), run_id="r1")
    decision = ReadDecision("name_again", allowed=True, masks={"nik": Mask.REDACT})
    assert lake.reader.scan("name_again", decision).lazyframe.collect().rows() == [("xxxx", "xxxx")]
    both = ReadDecision("name_again", allowed=True, masks={"nik": Mask.REDACT, "old_nik": Mask.HASH})
    frame = lake.reader.scan("name_again", both).lazyframe.collect()
    assert frame.select("old_nik", "nik").rows() == [(None, "xxxx")]
