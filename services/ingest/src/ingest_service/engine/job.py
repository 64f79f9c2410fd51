"""What the validating process is told and what it answers, as JSON files."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ingest_service.domain.contract import Contract

__all__ = [
    "FatalFinding",
    "Order",
    "PartFile",
    "ProposalJob",
    "ProposalReport",
    "Remark",
    "Report",
    "RuleRows",
    "Step",
    "ValidationJob",
    "ValidationLimits",
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ValidationLimits(_Message):
    """Bounds of one validation. Bytes, seconds and rows."""

    line_bytes: int = 1024 * 1024
    block_bytes: int = 8 * 1024 * 1024
    unpacked_bytes: int = 2 * 1024**3
    workbook_bytes: int = 512 * 1024**2
    unpack_ratio: int = 200
    members: int = 20_000
    part_rows: int = 1_000_000
    kept_findings: int = 10_000


class Order(_Message):
    """What a validating process is told first: the task, the job's file to read, files to write, bounds in bytes and CPU seconds."""

    task: Literal["validate", "propose"] = "validate"
    job: Path
    report: Path
    log: Path
    memory_bytes: int
    cpu_seconds: int


class ValidationJob(_Message):
    """One file to check, or the folder of a source's reader. `field_ids` and `quarantine_ids` are Iceberg's ids by column.

    `may_publish_nothing`: not one good row is no reason to refuse it, as in a file that only changes some rows.
    `mendable` are the rows of another submission that the file may mend; None for a file of its own.
    """

    file: Path
    file_name: str = ""
    out: Path
    dataset: str
    submission: str
    contract: Contract
    field_ids: dict[str, int] = {}
    quarantine_ids: dict[str, int] = {}
    found_time: str
    may_publish_nothing: bool = False
    mendable: tuple[int, ...] | None = None
    limits: ValidationLimits = ValidationLimits()


class FatalFinding(_Message):
    """Why a file is refused as a whole; `row` 0 means the file."""

    rule: str
    column: str = ""
    value: str = ""
    row: int = 0
    message_id: str
    message_en: str
    remedy_id: str
    remedy_en: str


class RuleRows(_Message):
    """Rows that break one rule."""

    rule: str
    severity: Literal["warning", "error", "fatal"]
    rows: int


class PartFile(_Message):
    """A Parquet file in the output folder."""

    path: Path
    rows: int


class Step(_Message):
    """How long a step took; nanoseconds since 1970."""

    name: str
    start: int
    end: int


class Report(_Message):
    """The outcome of one validation.

    `replaced` are the distinct values, as text, of the columns by which mode replace chooses rows. `mended` are, for a
    correction, the numbers of the rows that its good rows mend. `contract_error`
    (English, Indonesian) says that the contract itself does not compile.
    """

    rejected: bool
    contract_error: tuple[str, str] | None = None
    fatal: tuple[FatalFinding, ...] = ()
    rows_read: int = 0
    rows_good: int = 0
    rows_bad: int = 0
    rule_counts: tuple[RuleRows, ...] = ()
    control_totals: dict[str, str] = {}
    extra_columns: tuple[str, ...] = ()
    encoding_detected: str = ""
    replaced: tuple[tuple[str, ...], ...] = ()
    mended: tuple[int, ...] = ()
    good: tuple[PartFile, ...] = ()
    quarantine: tuple[PartFile, ...] = ()
    kept: PartFile | None = None
    kept_cut: int = 0
    steps: tuple[Step, ...] = ()


class ProposalJob(_Message):
    """One file to draft a contract from. `cut` says that it is only the beginning of a longer one."""

    file: Path
    file_name: str
    out: Path
    dataset: str
    owner: str
    language: Literal["en", "id"] = "en"
    cut: bool = False
    limits: ValidationLimits = ValidationLimits()


class Remark(_Message):
    """What a draft leaves open, in both languages; `column` is empty where the file is meant."""

    column: str = ""
    en: str
    id: str


class ProposalReport(_Message):
    """The outcome of drafting: `fatal` where the file cannot be read at all, else the declaration in YAML."""

    fatal: tuple[FatalFinding, ...] = ()
    declaration: str = ""
    remarks: tuple[Remark, ...] = ()
    rows_read: int = 0
    rows_bad: int = 0
