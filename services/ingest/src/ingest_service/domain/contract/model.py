"""The contract language as models; an unknown key is an error."""

import codecs
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from ingest_service.domain.contract.strict import StrictModel
from ingest_service.domain.contract.template import ReportTemplate, WorkbookTemplate
from ingest_service.domain.contract.types import ColumnType
from ingest_service.domain.contract.windows import Windows

__all__ = [
    "Carry",
    "ColumnSpec",
    "Contract",
    "ControlTotal",
    "Declaration",
    "Format",
    "Let",
    "Localized",
    "NumberStyle",
    "Provenance",
    "Publish",
    "Rule",
]

_SNAKE = r"^[a-z][a-z0-9_]{0,62}$"
Identifier = Annotated[str, Field(pattern=_SNAKE)]
BUILT_IN = frozenset(
    {
        "header",
        "file",
        "fields",
        "line",
        "skipped",
        "required",
        "type",
        "precision",
        "inexact",
        "unmapped",
        "pattern",
        "allowed",
        "key_repeated",
        "rounded_half_even",
        "rounded_half_up",
        "no_good_row",
        "correction_row",
    }
)


class Localized(StrictModel):
    """A sentence in both languages."""

    id: str = Field(min_length=1)
    en: str = Field(min_length=1)


DETECT = "detect"


def _known_encoding(name: str) -> str:
    if name == DETECT:
        return name
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ValueError(f"{name!r} is no encoding that Python names, nor {DETECT!r}") from error


def _kind_of_template(value: Any) -> str:
    is_workbook = "layouts" in value if isinstance(value, dict) else isinstance(value, WorkbookTemplate)
    return "workbook" if is_workbook else "report"


Template = Annotated[
    Annotated[WorkbookTemplate, Tag("workbook")] | Annotated[ReportTemplate, Tag("report")],
    Discriminator(_kind_of_template),
]
_TEMPLATES = {"workbook": WorkbookTemplate, "xlsx": WorkbookTemplate, "report": ReportTemplate}


class Format(StrictModel):
    """How a file is read."""

    type: Literal["csv", "xlsx", "workbook", "json", "jsonl", "parquet", "arrow", "report"]
    delimiter: str = Field(default=",", min_length=1, max_length=1, pattern=r"^[\x09\x20-\x7e]$")
    quote: str = Field(default='"', min_length=1, max_length=1, pattern=r"^[\x21-\x7e]$")
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    sheet: str | int = 0
    header_row: int = Field(default=1, ge=0, le=1000)
    names: tuple[str, ...] = Field(default=(), max_length=2000, strict=False)
    records: str = ""
    members: str = Field(default="*", min_length=1)
    refused: Literal["reject", "quarantine"] = "reject"
    null_values: tuple[str, ...] = Field(default=("",), strict=False)
    template: Template | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "Format":
        if (self.header_row == 0) != bool(self.names) or (self.names and self.type != "csv"):
            raise ValueError("names and header_row 0 belong together, in a csv without a header")
        wanted = _TEMPLATES.get(self.type)
        if self.template is not None and (wanted is None or not isinstance(self.template, wanted)):
            raise ValueError("a template has layouts (workbook, xlsx) or lines (report)")
        if self.type == "report" and self.template is None:
            raise ValueError("a report is read by its template")
        return self


class NumberStyle(StrictModel):
    """How numbers or dates are written."""

    decimal: Literal[".", ","] = "."
    group: Literal["", ".", ",", " ", "'"] = ""
    suffix: str = Field(default="", max_length=20)
    format: Literal["iso", "dd/mm/yyyy", "dd-mm-yyyy", "month dd, yyyy"] = "iso"

    @model_validator(mode="after")
    def _distinct(self) -> "NumberStyle":
        if self.decimal == self.group:
            raise ValueError(f"decimal and group are both {self.decimal!r}")
        return self


class Carry(StrictModel):
    """The nearest value at or above a row of the column `from` that is one of `values`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)
    source: str = Field(alias="from")
    values: tuple[str, ...] = Field(min_length=1, strict=False)


class ColumnSpec(StrictModel):
    """One column of the table."""

    name: Identifier
    type: str
    source: str | None = None
    carry: Carry | None = None
    derive: str | None = None
    map: dict[str, str] | None = None
    required: bool = False
    key: bool = False
    pattern: str | None = Field(default=None, max_length=1000)
    allowed: tuple[str, ...] | None = Field(default=None, strict=False)
    pad: int | None = Field(default=None, ge=1, le=64)
    style: NumberStyle = NumberStyle()
    round: Literal["half_even", "half_up"] | None = None
    null_values: tuple[str, ...] = Field(default=(), strict=False)
    temporary: bool = False
    unit: str = ""
    description: Localized | None = None
    tags: tuple[str, ...] = Field(default=(), strict=False)

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        ColumnType.parse(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "ColumnSpec":
        if sum(way is not None for way in (self.source, self.carry, self.derive)) > 1:
            raise ValueError("give one of source, carry and derive")
        kind = self.column_type
        if self.pad is not None and kind.kind != "code":
            raise ValueError("pad is for type code")
        if self.round is not None and kind.kind != "decimal":
            raise ValueError("round is for type decimal")
        if (self.pattern is not None or self.allowed is not None) and not kind.is_text:
            raise ValueError("pattern and allowed are for types text and code")
        if self.key and self.temporary:
            raise ValueError("a key column is stored: it cannot be temporary")
        return self

    @property
    def column_type(self) -> ColumnType:
        """The type, read."""
        return ColumnType.parse(self.type)

    @property
    def file_column(self) -> str | None:
        """The column of the file; None for carry and derive."""
        return None if self.carry or self.derive else (self.source or self.name)

    @property
    def is_required(self) -> bool:
        """Whether null is a finding."""
        return self.required or self.key


class Provenance(StrictModel):
    """Names of the stored columns that say where a row came from."""

    row: Identifier
    submission: Identifier


class KeyPolicy(StrictModel):
    """What becomes of rows whose key repeats."""

    on_repeat: Literal["quarantine", "keep_first"] = "quarantine"


class Let(StrictModel):
    """An aggregate over groups."""

    by: tuple[str, ...] = Field(strict=False)
    agg: str


class Rule(StrictModel):
    """A rule on rows."""

    id: Identifier
    severity: Literal["warning", "error", "fatal"]
    column: str | None = None
    when: str | None = None
    let: dict[Identifier, Let] = Field(default_factory=dict)
    check: str
    message: Localized
    remedy: Localized


class ControlTotal(StrictModel):
    """An exact sum over the published rows."""

    id: Identifier
    sum: str
    where: str | None = None
    by: tuple[str, ...] = Field(default=(), strict=False)


class Publish(StrictModel):
    """How good rows enter the table; with `certify: required` only after a second person has released them."""

    mode: Literal["append", "overwrite", "replace"]
    by: tuple[str, ...] = Field(default=(), strict=False)
    certify: Literal["none", "required"] = "none"

    @model_validator(mode="after")
    def _by_only_for_replace(self) -> "Publish":
        if (self.mode == "replace") != bool(self.by):
            raise ValueError("`by` belongs to mode replace, and replace needs it")
        return self


class Contract(StrictModel):
    """What a dataset promises."""

    version: Literal[1]
    format: Format | None = None
    columns: tuple[ColumnSpec, ...] = Field(min_length=1, max_length=2000, strict=False)
    provenance: Provenance | None = None
    key: KeyPolicy = KeyPolicy()
    rules: tuple[Rule, ...] = Field(default=(), strict=False)
    control_totals: tuple[ControlTotal, ...] = Field(default=(), strict=False)
    publish: Publish | None = None
    windows: Windows | None = None

    @property
    def needs_certification(self) -> bool:
        """Whether a second person releases what is validated."""
        return self.publish is not None and self.publish.certify == "required"

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Names of the key's columns, in order."""
        return tuple(column.name for column in self.columns if column.key)

    def column(self, name: str) -> ColumnSpec | None:
        """A declared column."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def stored_columns(self) -> tuple[tuple[str, str, bool, str], ...]:
        """The table's columns, provenance last: name, type in the lake, required, description (English)."""
        stored = [
            (c.name, c.column_type.lake_type, c.is_required, c.description.en if c.description else "")
            for c in self.columns
            if not c.temporary
        ]
        if self.provenance is not None:
            stored.append(
                (self.provenance.row, "int", True, "Row of the file, from 1, the header not counted")
            )
            stored.append((self.provenance.submission, "text", True, "Submission that brought the row"))
        return tuple(stored)


class Declaration(StrictModel):
    """A dataset with its contract."""

    kind: Literal["Dataset"]
    name: Annotated[str, Field(pattern=re.compile(_SNAKE))]
    display_name: Localized
    description: Localized
    owner: str
    tags: tuple[str, ...] = Field(default=(), strict=False)
    contract: Contract
