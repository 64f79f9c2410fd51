"""The one way to a file's rows, whatever its format."""

from pathlib import Path

from ingest_service.domain.contract import Contract, Format
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationLimits
from ingest_service.engine.readers.csv import CsvSource
from ingest_service.engine.readers.parquet import ParquetSource
from ingest_service.engine.readers.source import Source
from ingest_service.engine.readers.xlsx import XlsxSource

__all__ = ["open_source"]


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
    if form.type == "csv":
        return CsvSource(path, form, limits, wanted)
    if form.type == "xlsx":
        return XlsxSource(path, form, limits, contract.columns)
    return ParquetSource(path, limits, wanted)
