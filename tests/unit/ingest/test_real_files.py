"""Files that were made for readers, against their real contracts, where the data is at hand."""

import csv
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ingest_service.domain.contract import parse_declaration
from ingest_service.engine.job import ProposalJob
from ingest_service.engine.proposal.propose import propose_contract

from support.contracts import check, contract_of

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not (DATA / "us-dts").is_dir(),
    reason="THE REAL FILES ARE NOT CHECKED: there is no shared/data beside the checkout",
)


def _contract(dataset):
    return parse_declaration((ROOT / "treasury" / "datasets" / f"{dataset}.yaml").read_text()).contract


def _zip(files) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return stream.getvalue()


def test_the_daily_statements_add_up(tmp_path):
    content = (DATA / "us-dts" / "dts_reports_2005_2010.zip").read_bytes()
    outcome = check(tmp_path, _contract("dts_cash_lines"), content)
    assert outcome.report.rows_bad == 0
    assert outcome.good["report"].n_unique() == outcome.good["day"].n_unique() == 1398
    # Other people read the same totals out of these reports.
    theirs = pl.read_csv(DATA / "us-dts" / "dts_daily_total_2005_2010.csv", try_parse_dates=True)
    printed = outcome.good.filter(pl.col("item").str.contains(r"^Total (Deposits|Withdrawals) \(excluding"))
    ours = printed.pivot("side", index="day", values="today")
    both = theirs.join(ours, left_on="date", right_on="day", how="inner")
    assert both.height == theirs.height
    assert (both["deposits"] == both["deposit"].cast(pl.Int64)).all()
    assert (both["withdrawals"] == both["withdrawal"].cast(pl.Int64)).all()


def test_a_line_that_is_missing_keeps_its_report_back(tmp_path):
    with zipfile.ZipFile(DATA / "us-dts" / "dts_reports_2005_2010.zip") as archive:
        report = archive.read("05060900.txt").decode()
    lines = [line for line in report.splitlines(keepends=True) if "Public Debt Cash Issues" not in line]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("05060900.txt", "".join(lines))
    outcome = check(tmp_path, _contract("dts_cash_lines"), content.getvalue())
    assert outcome.good["side"].unique().to_list() == ["withdrawal"]
    assert "the 18 lines of deposit add up to" in outcome.quarantine["message_en"][0]


def test_every_workbook_loads_by_its_layout(tmp_path):
    files = sorted((DATA / "djpk-spreadsheets").glob("*.xls*"))
    outcome = check(tmp_path, _contract("apbd_workbook"), _zip(files))
    assert outcome.report.rows_bad == 0
    regions = dict(outcome.good.group_by("file").agg(pl.col("region").n_unique()).iter_rows())
    assert regions.keys() == {file.name for file in files}
    # As many as the sheets say.
    assert regions["2011R5V1170518.xlsx"] == 497
    assert regions["2012R1V2161104.xlsx"] == 524
    assert regions["2012R3V1140415.xlsx"] == 402
    assert regions["2012R6V1140415.xlsx"] == 499
    assert regions["2014R1V1161021.xlsx"] == regions["2015R1V1170704.xlsx"] == 542
    figure = outcome.good.filter(file="2013R1V3200128.xlsx", sheet_row=4, sheet_column="E")
    assert figure.select("region", "account", "amount").row(0) == (
        "Prov. Aceh",
        "Pendapatan Daerah",
        Decimal("10671826520445.19"),
    )
    millions = outcome.good.filter(file="2010A1V1130326.xls", sheet_row=5, sheet_column="D")
    assert millions["amount"].to_list() == [Decimal("476975000000.00")]


def test_a_workbook_of_another_form_is_refused_alone(tmp_path):
    data = DATA / "djpk-spreadsheets"
    content = io.BytesIO(_zip([data / "2012A2V1130326.xlsx"]))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("2099A1.xlsx", b"no workbook")
    outcome = check(tmp_path, _contract("apbd_workbook"), content.getvalue())
    assert outcome.good["file"].unique().to_list() == ["2012A2V1130326.xlsx"]
    assert outcome.quarantine["value"].to_list() == ["2099A1.xlsx"]
    assert "neither XLSX, XLS nor ODS" in outcome.quarantine["message_en"][0]


def test_three_vintages_of_region_codes(tmp_path):
    names = ("permendagri_72_2019_base.csv", "wilayah_2022.csv", "wilayah_2025.csv")
    outcome = check(tmp_path, _contract("region_code"), _zip(DATA / "wilayah" / name for name in names))
    assert outcome.report.rows_bad == 0
    counted = dict(outcome.good["vintage"].value_counts().iter_rows())
    assert counted == {2019: 91_220, 2022: 91_281, 2025: 91_599}


def test_the_village_fund(tmp_path):
    content = (DATA / "dana-desa-2023-2024" / "pagu-dana-desa.csv").read_bytes()
    outcome = check(tmp_path, _contract("village_fund"), content)
    assert outcome.report.rows_bad == 0
    assert outcome.report.control_totals["ceiling/2023"] == "70000000000000"


@pytest.mark.parametrize("name", sorted(p.name for p in (DATA / "csv-spectrum" / "csvs").glob("*.csv")))
def test_csv_spectrum(tmp_path, name):
    content = (DATA / "csv-spectrum" / "csvs" / name).read_bytes()
    expected = json.loads((DATA / "csv-spectrum" / "json" / name.replace(".csv", ".json")).read_text())
    header = next(csv.reader(io.StringIO(content.decode())))
    columns = [{"name": f"c{i}", "type": "text", "source": source} for i, source in enumerate(header)]
    outcome = check(tmp_path, contract_of(columns, format={"type": "csv"}), content)
    if isinstance(expected, dict):
        # Its telephone number is another one than in the CSV file.
        assert list(outcome.good.row(0))[1:] == list(expected.values())[1:]
        return
    # The line ends within values were changed when the file was stored.
    rows = [[text.replace("\r\n", "\n") or None for text in record.values()] for record in expected]
    assert [list(row) for row in outcome.good.rows()] == rows


@pytest.mark.parametrize(
    ("path", "rows", "types", "key"),
    [
        (
            "dana-desa-2023-2024/pagu-dana-desa.csv",
            869,
            {"kdpemda": "code", "kdobjek": "code", "nilai": "decimal(20,0)"},
            ("tahun", "urpemda"),
        ),
        (
            "djpk-apbd-panel/apbd_nasional_2010_2017_idnum.csv",
            359,
            {"anggaran": "decimal(20,0)", "realisasi": "decimal(20,0)", "tahun": "integer"},
            (),
        ),
        ("wilayah/wilayah_2022.csv", 91_281, {"kode": "code", "nama": "text"}, ("kode",)),
        (
            "us-dts/dts_balance_2005_2010.csv",
            5232,
            {"date": "date", "close_today": "integer"},
            ("date", "account"),
        ),
        (
            "djpk-spreadsheets/2011R5V1170518.xlsx",
            497,
            {"daerah": "text", "hibah": "decimal(20,9)"},
            ("daerah",),
        ),
    ],
)
def test_a_drafted_contract_holds_for_its_file(tmp_path, path, rows, types, key):
    job = ProposalJob(
        file=_copy(DATA / path, tmp_path),
        file_name=path,
        out=tmp_path,
        dataset="rancangan",
        owner="steward-pusat",
    )
    report = propose_contract(job)
    contract = parse_declaration(report.declaration).contract
    assert (report.rows_read, report.rows_bad) == (rows, 0)
    assert {name: contract.column(name).type for name in types} == types
    assert contract.key_columns == key


def _copy(file, folder):
    copied = folder / "file"
    copied.write_bytes(file.read_bytes())
    return copied
