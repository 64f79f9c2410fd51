from pathlib import Path

import polars as pl
import pytest

from lake import Lake, LakeSettings, Mask, ReadDecision, RowFilter, TableSchema, system_decision


def test_a_cached_scan_is_the_same_under_the_same_decision(
    lake: Lake, lake_settings: LakeSettings, tmp_path: Path
) -> None:
    lake.create_table("cached", TableSchema.of([("province", "text"), ("nik", "text"), ("n", "int")]))
    for number in range(3):
        frame = pl.DataFrame({"province": ["32", "33"], "nik": ["a", "b"], "n": [number, number]})
        lake.writer("cached").append(frame, run_id=f"r{number}")
    lake.rename_column("cached", "n", "number")
    decision = ReadDecision(
        "cached", allowed=True, row_filter=RowFilter.where("province", "32"), masks={"nik": Mask.REDACT}
    )
    query = "SELECT province, nik, sum(number) AS total FROM t GROUP BY province, nik"
    with Lake.open(lake_settings.model_copy(update={"cache_dir": tmp_path / "cache"})) as caching:
        for _ in range(2):
            answers = [
                pl.SQLContext(t=opened.reader.scan("cached", decision).lazyframe).execute(query).collect()
                for opened in (lake, caching)
            ]
            assert answers[0].rows() == answers[1].rows() == [("32", "xxxx", 3)]
    assert len(list((tmp_path / "cache").iterdir())) == 3


@pytest.mark.parametrize("year", [2016, 2017])
def test_only_the_files_of_a_query_are_fetched(
    lake: Lake, lake_settings: LakeSettings, tmp_path: Path, year: int
) -> None:
    lake.ensure_table("by_year", TableSchema.of([("year", "int")]))
    for made in (2016, 2017):
        lake.writer("by_year").append(pl.DataFrame({"year": [made] * 5}), run_id=f"y{made}")
    with Lake.open(lake_settings.model_copy(update={"cache_dir": tmp_path})) as caching:
        scan = caching.reader.scan("by_year", system_decision("by_year", run_id="test"))
        assert scan.lazyframe.filter(pl.col("year") == year).collect().height == 5
    assert len(list(tmp_path.iterdir())) == 1
