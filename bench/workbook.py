"""An XLSX of 100,000 rows, checked by ingest: CPU-seconds, beside openpyxl only reading it.

    uv run python bench/workbook.py [--rows 100000] [--rounds 3]

The rows go through the service's validating process, with everything that it does to a workbook. Times are medians; what starts once and stays
is left out. openpyxl reads the cells in its streaming mode and throws them away.
"""

# ruff: noqa: PLC0415, E402 - each side loads only what it needs
import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.checking import check
from bench.ingest import DECLARATION

GOAL_SECONDS = 3


def write_workbook(path: Path, rows: int) -> None:
    """Money, codes, dates and text, as somebody would type them."""
    import datetime as dt

    import xlsxwriter

    with xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, ["Kode", "Tahun", "Nomor", "Uraian", "Tanggal", "Anggaran", "Realisasi"])
        start = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - a cell has no zone
        for row in range(rows):
            sheet.write_string(row + 1, 0, str(1000 + row % 9000))
            sheet.write_number(row + 1, 1, 2010 + row % 15)
            sheet.write_number(row + 1, 2, row)
            sheet.write_string(row + 1, 3, ("Belanja Pegawai", "Belanja Modal", "Belanja Barang")[row % 3])
            sheet.write_datetime(row + 1, 4, start + dt.timedelta(days=row % 365))
            sheet.write_number(row + 1, 5, row * 1_234_567)
            sheet.write_number(row + 1, 6, row * 1_000_003)


def read_only(path: Path) -> float:
    """CPU seconds of openpyxl for every cell."""
    import openpyxl

    before = time.process_time()
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    for _row in book["Data"].iter_rows(values_only=True):
        pass
    book.close()
    return time.process_time() - before


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    contract = DECLARATION.replace('{type: csv, delimiter: ";"}', "{type: xlsx}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        write_workbook(path, arguments.rows)
        ours, theirs = [], []
        for _round in range(arguments.rounds):
            ours.append(check(path, contract, arguments.rows)[1].cpu)
            theirs.append(read_only(path))
        size = path.stat().st_size / 1e6
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(f"{arguments.rows:,} rows of XLSX, {size:.1f} MB, medians of {arguments.rounds}")
    print(
        f"ingest, checked                       {mine:8.2f} CPU s (goal below {GOAL_SECONDS} for 100,000 rows)"
    )
    print(f"openpyxl, only read                   {other:8.2f} CPU s, {other / mine:.1f}x")


if __name__ == "__main__":
    main()
