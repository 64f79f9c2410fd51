import re
from pathlib import Path

import polars as pl
import pytest
from treasury.generators.apbd_sample import Sample, generate, write
from treasury.generators.national import grouped, percent
from treasury.generators.regions import PROVINCES

SOURCE_COLUMNS = {
    "Akun": pl.String,
    "Alokasi": pl.Float64,
    "Realisasi": pl.Float64,
    "Tipe": pl.String,
    "Tahun": pl.Int32,
    "Provinsi": pl.String,
    "Kabupaten": pl.String,
    "Provcode": pl.Int32,
    "Persen": pl.Float64,
    "Akuncode": pl.String,
    "bpscode": pl.Int32,
    "dagricode": pl.String,
}
TOTALS = {"Pendapatan": "APBD.REV.TOTAL", "Belanja": "APBD.EXP.TOTAL"}


def national_totals(sample: Sample) -> dict[tuple[int, str], tuple[int, int]]:
    totals = {}
    for line in sample.national_csv.splitlines()[1:]:
        account, budget, realisation, _, _, year = line.split(";")
        if account in TOTALS:
            totals[int(year), TOTALS[account]] = (
                int(budget.replace(".", "")),
                int(realisation.replace(".", "")),
            )
    return totals


def without_planted_rows(panel: pl.DataFrame) -> pl.DataFrame:
    """The exclusions written out by hand, apart from the contract's way of saying them."""
    total = pl.col("Akuncode") == "APBD.REV.TOTAL"
    real = panel.filter(pl.col("Kabupaten") != "Semua pemda").filter(total.any().over("bpscode", "Tahun"))
    revenue = pl.col("Alokasi").filter(total)
    return real.filter(revenue.first().over("bpscode", "Tahun") * 5 <= revenue.sum().over("Tahun"))


def test_panel_has_the_columns_of_the_source(sample):
    assert dict(sample.panel.schema) == SOURCE_COLUMNS


def test_every_row_is_labelled_as_generated(sample, tmp_path):
    assert sample.panel["Tipe"].unique().to_list() == ["BUATAN"]
    write(sample, tmp_path)
    assert "Generated data" in (tmp_path / "GENERATED.txt").read_text(encoding="utf-8")


def test_same_seed_gives_the_same_sample_and_another_seed_does_not(sample):
    again = generate(7)
    assert again.panel.equals(sample.panel)
    assert again.national_csv == sample.national_csv
    assert not generate(8).panel.equals(sample.panel)


def test_raw_totals_are_far_from_the_nation_and_agree_after_the_exclusions(sample):
    nation = national_totals(sample)
    assert len(nation) == 16
    clean = without_planted_rows(sample.panel)
    differences = []
    for (year, code), (budget, realisation) in nation.items():
        at = (pl.col("Tahun") == year) & (pl.col("Akuncode") == code)
        raw, kept = sample.panel.filter(at), clean.filter(at)
        assert raw["Alokasi"].sum() > 1.9 * budget
        assert kept["Alokasi"].sum() == pytest.approx(budget, rel=0.0025)
        assert kept["Realisasi"].sum() == pytest.approx(realisation, rel=0.0025)
        differences.append(kept["Alokasi"].sum() - budget)
    assert any(differences), "a reconciliation in which nothing differs shows nothing"


def test_planted_counts_are_what_the_panel_holds(sample):
    panel, planted = sample.panel, sample.planted
    assert planted["aggregate_row"] == panel.filter(pl.col("Kabupaten") == "Semua pemda").height
    key = pl.struct("bpscode", "Tahun", "Akuncode")
    assert planted["key_repeated"] == panel.filter(key.is_duplicated()).height
    total = pl.col("Akuncode") == "APBD.REV.TOTAL"
    lacking = panel.filter(~total.any().over("bpscode", "Tahun"))
    assert planted["key_repeated"] + planted["region_year_without_budget"] == lacking.height
    assert planted["rounded_half_even"] == panel.filter(pl.col("Realisasi") % 1 != 0).height > 0


def test_parts_add_up_to_totals_in_every_government_year(sample):
    clean = without_planted_rows(sample.panel)
    code = pl.col("Akuncode")
    for total, parts in (
        ("APBD.REV.TOTAL", ["APBD.REV.OWN.SUM", "APBD.REV.TRA.SUM", "APBD.REV.OTH.SUM"]),
        ("APBD.EXP.TOTAL", ["APBD.EXP.IND.SUM", "APBD.EXP.DIR.SUM"]),
    ):
        sums = clean.group_by("bpscode", "Tahun").agg(
            pl.col("Realisasi").filter(code == total).sum().alias("total"),
            pl.col("Realisasi").filter(code.is_in(parts)).sum().alias("parts"),
        )
        assert sums.filter((pl.col("total") - pl.col("parts")).abs() > 0.5).is_empty()


def test_written_files_carry_the_names_of_the_real_ones(sample, tmp_path):
    write(sample, tmp_path)
    assert {path.name for path in Path(tmp_path).iterdir()} == {
        "apbd_kabkota_2010_2017.parquet",
        "apbd_nasional_2010_2017_idnum.csv",
        "provcode.csv",
        "GENERATED.txt",
    }
    assert pl.read_parquet(tmp_path / "apbd_kabkota_2010_2017.parquet").equals(sample.panel)
    assert len((tmp_path / "provcode.csv").read_text(encoding="utf-8").splitlines()) == len(PROVINCES) + 1


def test_national_lines_use_indonesian_numbers(sample):
    line = re.compile(
        r"[^;]+;-?\d{1,3}(\.\d{3})*;-?\d{1,3}(\.\d{3})*;(-|-?\d{1,3}(\.\d{3})*,\d{2} %);BUATAN;20\d\d"
    )
    assert all(line.fullmatch(text) for text in sample.national_csv.splitlines()[1:])


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0"), (999, "999"), (1000, "1.000"), (403041383450271, "403.041.383.450.271")]
)
def test_grouped(amount, text):
    assert grouped(amount) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(11136, 10000, "111,36 %"), (1, 0, "-"), (50, 1, "5.000,00 %"), (1, 16, "6,25 %")],
)
def test_percent(part, whole, text):
    assert percent(part, whole) == text
