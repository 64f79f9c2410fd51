"""The one way to a file's rows, whatever its format."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ingest_service.domain.contract import ColumnSpec, Contract, Format
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.job import ValidationJob, ValidationLimits
from ingest_service.engine.readers.arrow import ArrowSource
from ingest_service.engine.readers.cells import find_odd_cells
from ingest_service.engine.readers.csv import CsvSource
from ingest_service.engine.readers.json import JsonLinesSource, JsonSource
from ingest_service.engine.readers.member import Member, members_of
from ingest_service.engine.readers.parquet import ParquetSource
from ingest_service.engine.readers.report import ReportSource
from ingest_service.engine.readers.several import NamedSource, SeveralSources
from ingest_service.engine.readers.source import FILE, Source
from ingest_service.engine.readers.spool import SpoolSource
from ingest_service.engine.readers.topic import TopicSource
from ingest_service.engine.readers.topicspool import MANIFEST
from ingest_service.engine.readers.workbook import WorkbookSource
from ingest_service.engine.readers.workbookguard import check_workbook
from ingest_service.engine.readers.xlsx import XlsxSource

__all__ = ["open_source"]


def open_source(job: ValidationJob) -> Source:
    """Unpacks a file, checks its form and header, and opens it; a folder holds what a source's reader wrote.

    Raises:
        FatalFileError: the file is refused as a whole.
    """
    contract, limits = job.contract, job.limits
    if (job.file / MANIFEST).is_file():
        return TopicSource(job.file, contract)
    if job.file.is_dir():
        return SpoolSource(job.file, list(dict.fromkeys(_wanted(contract))))
    form = contract.format or Format(type="csv")

    def opened(member: Member) -> Source:
        source = _open_one(member.path, contract, form, limits)
        named = any(column.file_column == FILE for column in contract.columns)
        return NamedSource(source, member.name) if named else source

    members = members_of(job.file, job.file_name, form, limits, job.out)
    if len(members) == 1:
        return opened(members[0])
    return SeveralSources(members, opened, keep_going=form.refused == "quarantine")


def _open_one(path: Path, contract: Contract, form: Format, limits: ValidationLimits) -> Source:
    if path.stat().st_size == 0:
        raise FatalFileError.of(
            "file",
            "The file is empty.",
            "Berkas kosong.",
            "Send the file with its content.",
            "Kirim berkas beserta isinya.",
        )
    return _READERS[form.type](path, contract, form, limits)


def _wanted(contract: Contract) -> list[str]:
    """Columns that have to be in the file; its name is known without."""
    names = [column.file_column for column in contract.columns if column.file_column is not None]
    return [name for name in names if name != FILE]


def _of_file(contract: Contract) -> list[ColumnSpec]:
    return [column for column in contract.columns if column.file_column != FILE]


def _open_xlsx(path: Path, contract: Contract, form: Format, limits: ValidationLimits) -> Source:
    if form.template is None:
        check_workbook(path, limits)
        source = XlsxSource(path, form, _of_file(contract))
        # The quick reader takes errors and formulas without a value for empty cells.
        if not find_odd_cells(path, source.sheet):
            return source
    return WorkbookSource(path, form, limits, _of_file(contract))


_Reader = Callable[[Path, Contract, Format, ValidationLimits], Source]
_READERS: Mapping[str, _Reader] = {
    "csv": lambda path, contract, form, limits: CsvSource(path, form, limits, _wanted(contract)),
    "json": lambda path, contract, form, limits: JsonSource(path, form, limits, _of_file(contract)),
    "jsonl": lambda path, contract, form, limits: JsonLinesSource(path, form, limits, _of_file(contract)),
    "parquet": lambda path, contract, _form, limits: ParquetSource(path, limits, _wanted(contract)),
    "arrow": lambda path, contract, _form, limits: ArrowSource(path, limits, _wanted(contract)),
    "report": lambda path, contract, form, limits: ReportSource(path, form, limits, _wanted(contract)),
    "xlsx": _open_xlsx,
    "workbook": lambda path, contract, form, limits: WorkbookSource(path, form, limits, _of_file(contract)),
}
