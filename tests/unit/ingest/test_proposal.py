"""A drafted contract says what the file says, and names what it does not."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime

import openpyxl
import polars as pl
import pytest

from ingest_service.domain.contract import parse_declaration
from ingest_service.engine.job import ProposalJob, ValidationLimits
from ingest_service.engine.proposal.propose import propose_contract


def draft(tmp_path, content, name="berkas.csv", **changes):
    """The report for bytes, and its contract; the contract is None where the file was refused."""
    file = tmp_path / "file"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    job = ProposalJob(
        file=file, file_name=name, out=tmp_path, dataset="rancangan", owner="steward-pusat", **changes
    )
    # The job crosses a process boundary as JSON.
    report = propose_contract(ProposalJob.model_validate_json(job.model_dump_json()))
    return report, parse_declaration(report.declaration).contract if report.declaration else None


def column_of(tmp_path, values, name="Nilai"):
    """The draft of one column, beside another that is the key."""
    rows = "".join(f'k{number};"{value}"\n' for number, value in enumerate(values))
    report, contract = draft(tmp_path, f"Kunci;{name}\n{rows}")
    column = contract.columns[1]
    return column, [remark.en for remark in report.remarks if remark.column == column.name]


@pytest.mark.parametrize(
    ("values", "kind", "style"),
    [
        (["1.234,50", "2.000,75", "3"], "decimal(20,2)", (",", ".")),
        (["1,234.50", "2,000.75", "3"], "decimal(20,2)", (".", ",")),
        (["1234,5", "2", "3"], "decimal(20,2)", (",", "")),
        (["1234.5", "2", "3"], "decimal(20,2)", (".", "")),
        (["1 234,5", "2", "3"], "decimal(20,2)", (",", " ")),
        (["1.234.567", "2.000.000", "3"], "decimal(20,0)", (",", ".")),
        (["1234567", "-2", "3"], "decimal(20,0)", (".", "")),
    ],
)
def test_numbers_are_read_in_their_own_style(tmp_path, values, kind, style):
    column, _said = column_of(tmp_path, values)
    assert column.type == kind
    assert (column.style.decimal, column.style.group) == style


def test_a_point_that_may_be_either_mark_is_a_question(tmp_path):
    column, said = column_of(tmp_path, ["1.234", "2.345"])
    assert (column.style.decimal, column.style.group) == (",", ".")
    assert any("1.234 could be thousands or a fraction; it is read as 1234" in text for text in said)


def test_percent_signs_and_words_for_nothing(tmp_path):
    column, said = column_of(tmp_path, ["12,5%", "3%", "-"], name="Serapan")
    assert (column.type, column.style.suffix, column.null_values) == ("decimal(18,1)", "%", ("-",))
    assert not column.required
    assert any("taken for “nothing”" in text for text in said)


def test_values_that_are_no_numbers_are_shown(tmp_path):
    column, said = column_of(tmp_path, [*map(str, range(100)), "belum ada"], name="banyak")
    assert column.type == "integer"
    assert any("no numbers and would be refused: belum ada" in text for text in said)


@pytest.mark.parametrize(
    ("values", "name", "pattern"),
    [
        (["0101", "0202"], "apa saja", "[0-9]{4}"),
        (["1101", "1202"], "kode daerah", "[0-9]{4}"),
        (["11.01.01", "12.01"], "wilayah", None),
        (["11", "11.01", "12"], "kode", None),
        (["1101", "1202"], "KdSatker", "[0-9]{4}"),
    ],
)
def test_codes_stay_text(tmp_path, values, name, pattern):
    column, _said = column_of(tmp_path, values, name)
    assert (column.type, column.pattern) == ("code", pattern)


def test_a_zero_that_was_lost_is_asked_about(tmp_path):
    _column, said = column_of(tmp_path, ["0101", "202"], "kode")
    assert any("add `pad: 4`" in text for text in said)


@pytest.mark.parametrize(
    ("values", "kind", "form", "doubt"),
    [
        (["2026-01-31", "2026-02-01"], "date", "iso", ""),
        (["31/01/2026", "01/02/2026"], "date", "dd/mm/yyyy", ""),
        (["05-01-2026", "01-02-2026"], "date", "dd-mm-yyyy", "tells day and month apart"),
        (["01/31/2026", "02/01/2026"], "text", "iso", "month comes before the day"),
        (["31/1/26", "1/2/26"], "text", "iso", "does not have"),
        (["January 31, 2026"], "date", "month dd, yyyy", ""),
        (["2026-01-31T08:00:00+07:00"], "timestamp", "iso", ""),
        (["2026-01-31 08:00:00"], "text", "iso", "no zone"),
    ],
)
def test_dates_and_times(tmp_path, values, kind, form, doubt):
    column, said = column_of(tmp_path, values, "tanggal")
    assert (column.type, column.style.format) == (kind, form)
    assert any(doubt in text for text in said) if doubt else not said


def test_yes_and_no(tmp_path):
    column, _said = column_of(tmp_path, ["Ya", "Tidak", "ya"], "aktif")
    assert column.type == "boolean"
    assert column.map == {"Ya": "true", "Tidak": "false", "ya": "true"}


def test_few_words_become_a_list(tmp_path):
    column, _said = column_of(tmp_path, ["kota", "kabupaten"] * 20, "jenis")
    assert set(column.allowed) == {"kota", "kabupaten"}


def test_words_that_differ_in_capitals_are_a_question(tmp_path):
    column, said = column_of(tmp_path, ["Kota", "KOTA"] * 20, "jenis")
    assert column.allowed is None
    assert any("differ only in capitals" in text for text in said)


def test_the_smallest_key_is_found_and_a_running_number_is_none(tmp_path):
    rows = "".join(f"{n},{2020 + n % 3},{10 + n // 3},{n * 7 % 5}\n" for n in range(12))
    report, contract = draft(tmp_path, f"No,tahun,kode,nilai\n{rows}")
    assert contract.key_columns == ("tahun", "kode")
    assert report.rows_bad == 0


def test_without_a_key_it_says_so(tmp_path):
    report, contract = draft(tmp_path, "nama,nilai\na,1\na,1\n")
    assert contract.key_columns == ()
    assert any("without a key" in remark.en for remark in report.remarks)


def test_money_gets_a_control_total(tmp_path):
    _report, contract = draft(tmp_path, "kode,anggaran,lama\n01,1000,5\n02,2000,6\n")
    assert [(total.id, total.sum) for total in contract.control_totals] == [("total_anggaran", "anggaran")]


CSV = "Kode;Nilai\n01;1.234,50\n02;2,25\n"
RECORDS = [{"kode": "01", "nilai": 1234.5}, {"kode": "02", "nilai": 2.25}]


def _workbook():
    book = openpyxl.Workbook()
    for row in (["REALISASI 2026"], [], ["Kode", "Nilai"], ["01", 1234.5], ["02", 2.25]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _parquet():
    stream = io.BytesIO()
    pl.DataFrame(RECORDS).cast({"nilai": pl.Decimal(12, 2)}).write_parquet(stream)
    return stream.getvalue()


def _zip():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV.replace("01", "03").replace("02", "04"))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (CSV, {"type": "csv", "delimiter": ";"}),
        (CSV.replace(";", "\t"), {"type": "csv", "delimiter": "\t"}),
        (gzip.compress(CSV.encode()), {"type": "csv", "delimiter": ";"}),
        (CSV.encode("utf-16"), {"type": "csv", "delimiter": ";", "encoding": "utf-16"}),
        ("DATA 2026\n\n" + CSV, {"type": "csv", "delimiter": ";", "header_row": 3}),
        (json.dumps(RECORDS), {"type": "json"}),
        (json.dumps({"meta": {"n": [2]}, "data": RECORDS}, indent=1), {"type": "json", "records": "data"}),
        ("\n".join(json.dumps(record) for record in RECORDS), {"type": "jsonl"}),
        (_workbook(), {"type": "xlsx", "header_row": 3}),
        (_parquet(), {"type": "parquet"}),
        (_zip(), {"type": "csv", "delimiter": ";"}),
    ],
    ids=["csv", "tabs", "gz", "utf-16", "preamble", "json", "records", "jsonl", "xlsx", "parquet", "zip"],
)
def test_the_format_is_seen_from_the_content(tmp_path, content, form):
    report, contract = draft(tmp_path, content, "tanpa-akhiran")
    assert contract.format.model_dump(exclude_defaults=True) | {"type": contract.format.type} == form
    assert report.rows_bad == 0
    assert report.rows_read in {2, 4}
    assert [column.name for column in contract.columns] == ["kode", "nilai"]
    assert contract.columns[0].type == "code"
    assert contract.columns[0].key
    assert contract.columns[1].type.startswith("decimal(")


def test_names_that_are_missing_are_asked_for(tmp_path):
    report, contract = draft(tmp_path, "11,ACEH\n12,SUMATERA UTARA\n13,SUMATERA BARAT\n")
    assert contract.format.names == ("column_1", "column_2")
    assert report.rows_read == 3
    assert any("give the columns their names" in remark.en for remark in report.remarks)


def test_a_file_that_was_cut_loses_its_last_line_only(tmp_path):
    report, contract = draft(tmp_path, "kode,nilai\n01,1\n02,2\n03", cut=True)
    assert (report.rows_read, report.rows_bad) == (2, 0)
    assert contract.key_columns == ("kode",)
    assert any("Only the beginning" in remark.en for remark in report.remarks)


def test_remarks_stand_in_the_draft_in_the_language_asked_for(tmp_path):
    report, _contract = draft(tmp_path, "kode,tanggal\n01,01/02/2026\n02,03/04/2026\n", language="id")
    lines = report.declaration.splitlines()
    at = next(index for index, line in enumerate(lines) if "name: tanggal" in line)
    assert lines[at - 1].strip().startswith("# Tidak ada tanggal pada contoh yang membedakan hari dan bulan")


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"PAR1 cut off", b"PK\x03\x04 cut off"])
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path, content):
    report, contract = draft(tmp_path, content)
    assert contract is None
    assert report.fatal[0].message_en
    assert report.fatal[0].remedy_id


def test_limits_hold_for_a_draft_too(tmp_path):
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 2_000_000)
    report, _contract = draft(tmp_path, packed, limits=ValidationLimits(unpacked_bytes=1_000_000))
    assert "unpacks to more" in report.fatal[0].message_en


@pytest.mark.parametrize("content", ["a: b,'c\"\n1,2\n", "#x,- y,{z}\n1,2,3\n", "😀,ä,\u00a0b\n1,2,3\n"])
def test_odd_names_still_make_a_valid_draft(tmp_path, content):
    report, contract = draft(tmp_path, content)
    assert report.rows_read == 1
    assert len({column.name for column in contract.columns}) == len(contract.columns)


def test_a_header_that_names_a_column_twice_is_no_header(tmp_path):
    report, contract = draft(tmp_path, "nama,nama\na,b\n")
    assert contract.format.names == ("column_1", "column_2")
    assert any("give the columns their names" in remark.en for remark in report.remarks)


def test_typed_columns_keep_their_types(tmp_path):
    frame = pl.DataFrame(
        {
            "Kode": [1, 2],
            "amount": [1.5, 2.25],
            "on": [True, False],
            "when": [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)],
            "naive": [datetime(2026, 1, 1), datetime(2026, 1, 2)],  # noqa: DTZ001 - what a file may hold
        }
    )
    stream = io.BytesIO()
    frame.write_parquet(stream)
    report, contract = draft(tmp_path, stream.getvalue())
    assert [column.type for column in contract.columns] == [
        "code", "decimal(20,2)", "boolean", "timestamp", "timestamp",
    ]  # fmt: skip
    said = " ".join(remark.en for remark in report.remarks)
    assert "a zero in front is lost" in said
    assert "no zone and would be refused" in said
    assert report.rows_bad == 2
    assert "2 of 2 rows do not hold under this draft (type 2)" in said
