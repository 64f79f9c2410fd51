"""The real tables against their real contracts, where the data is at hand."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ingest_service.domain.contract import parse_declaration

from support.contracts import check

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data" / "djpk-apbd-panel"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(),
    reason=f"THE REAL TABLES ARE NOT CHECKED: there is no {DATA.parent.parent.name}/data/djpk-apbd-panel beside the checkout",
)


def _contract(dataset):
    return parse_declaration((ROOT / "treasury" / "datasets" / f"{dataset}.yaml").read_text()).contract


def test_the_national_table(tmp_path):
    content = (DATA / "apbd_nasional_2010_2017_idnum.csv").read_bytes()
    outcome = check(tmp_path, _contract("apbd_national"), content)
    assert outcome.report.rows_bad == 0
    assert outcome.report.rows_read == content.count(b"\n") - 1 + (not content.endswith(b"\n"))
    assert outcome.good.filter(account_code="APBD.REV.TOTAL")["year"].sort().to_list() == list(
        range(2010, 2018)
    )
    first = outcome.good.row(0, named=True)
    assert (first["budget"], first["absorption"]) == (Decimal(403041383450271), Decimal("111.36"))
    # Two lines are called alike; the heading above tells them apart.
    twins = outcome.good.filter(pl.col("account") == "Belanja Pegawai")
    assert twins["account_code"].n_unique() == 2


def test_the_panel(tmp_path):
    file = DATA / "apbd_kabkota_2010_2017.parquet"
    contract = _contract("apbd_panel")
    outcome = check(tmp_path, contract, file.read_bytes())
    frame = pl.read_parquet(file)
    assert outcome.report.rows_read == frame.height
    assert outcome.quarantine["source_row"].n_unique() == outcome.report.rows_bad
    assert outcome.counts["aggregate_row"] == frame.filter(pl.col("Kabupaten") == "Semua pemda").height
    good = outcome.good
    assert good.select(contract.key_columns).is_duplicated().sum() == 0
    assert (good["region_code"].str.slice(0, 2) == good["province_code"]).all()
    # What was published is the file, rounded: row by row.
    both = good.join(frame.with_row_index("source_row", 1).cast({"source_row": pl.Int64}), on="source_row")
    assert both.height == good.height
    for column, source in (("budget", "Alokasi"), ("realisation", "Realisasi")):
        assert ((both[column].cast(pl.Float64) - both[source]).abs() <= 0.5).all()
    changed = frame.select(
        pl.any_horizontal(pl.col("Alokasi", "Realisasi").ne(pl.col("Alokasi", "Realisasi").round(0))).sum()
    )
    assert outcome.counts["rounded_half_even"] == changed.item()
    totals = good.filter(account_code="APBD.REV.TOTAL").group_by("year").agg(pl.col("budget").sum())
    for year, total in totals.iter_rows():
        assert outcome.report.control_totals[f"revenue_budget/{year}"] == str(total)
    assert outcome.report.replaced == tuple((str(year),) for year in range(2010, 2018))


def test_the_provinces(tmp_path):
    outcome = check(tmp_path, _contract("province"), (DATA / "provcode.csv").read_bytes())
    assert (outcome.report.rows_good, outcome.report.rows_bad) == (34, 0)
