"""The one way to a file's rows, whatever its format."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ingest_service.domain.contract import Contract, Format
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits

__all__ = ["Source", "check_header", "open_source"]


class Source(ABC):
    """A file that passed its guards. Rows can be read more than once."""

    @property
    @abstractmethod
    def schema(self) -> dict[str, pl.DataType]:
        """The file's columns in order, with the types that `blocks` gives."""

    @abstractmethod
    def blocks(self) -> Iterator[pl.DataFrame]:
        """Blocks in file order: `__row` (from 1) and one column `__raw:{name}` per column of the file."""

    @property
    def broken_rows(self) -> Sequence[tuple[int, int, str]]:
        """Rows with too few or too many fields: row, fields found, text. Complete once `blocks` has ended."""
        return ()


def open_source(path: Path, contract: Contract, limits: ValidationLimits) -> Source:
    """Checks a file's form and header and opens it.

    Raises:
        FatalFileError: the file is refused as a whole.
    """
    form = contract.format or Format(type="csv")
    if path.stat().st_size == 0:
        raise FatalFileError.of(
            "file",
            "The file is empty.",
            "Berkas kosong.",
            "Send the file with its content.",
            "Kirim berkas beserta isinya.",
        )
    wanted = [column.file_column for column in contract.columns if column.file_column is not None]
    source: Source
    # Each reader brings its own library: only the one that is needed is loaded.
    if form.type == "csv":
        from ingest_service.engine.readers.csv import CsvSource  # noqa: PLC0415

        source = CsvSource(path, form, limits, wanted)
    elif form.type == "xlsx":
        from ingest_service.engine.readers.xlsx import XlsxSource  # noqa: PLC0415

        source = XlsxSource(path, form, limits, contract.columns)
    else:
        from ingest_service.engine.readers.parquet import ParquetSource  # noqa: PLC0415

        source = ParquetSource(path, limits, wanted)
    return source


def check_header(header: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The header with a name of its own for every column.

    Raises:
        FatalFileError: a wanted column is missing or stands there twice; one finding per column.
    """
    problems = []
    listed = ", ".join(header[:50])
    for name in dict.fromkeys(wanted):
        times = list(header).count(name)
        if times == 0:
            problems.append(
                FatalFileError.of(
                    "header",
                    f"The file has no column {name}; it has {listed}.",
                    f"Berkas tidak mempunyai kolom {name}; kolomnya {listed}.",
                    f"Name the column {name} in the header row.",
                    f"Beri nama {name} pada baris judul.",
                    column=name,
                )
            )
        elif times > 1:
            problems.append(
                FatalFileError.of(
                    "header",
                    f"The file names the column {name} {times} times.",
                    f"Berkas menyebut kolom {name} {times} kali.",
                    "Keep one of them, or give them different names.",
                    "Sisakan satu, atau beri nama yang berbeda.",
                    column=name,
                )
            )
    if problems:
        raise FatalFileError(*(finding for problem in problems for finding in problem.findings))
    seen: dict[str, int] = {}
    names = []
    for index, name in enumerate(header, 1):
        unique = name or f"column_{index}"
        seen[unique] = seen.get(unique, 0) + 1
        names.append(unique if seen[unique] == 1 else f"{unique}_{index}")
    return names
