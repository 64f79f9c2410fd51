"""Where the table is in a file that is made for readers and not for programs: workbooks and printed reports."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ingest_service.domain.contract.strict import StrictModel

__all__ = [
    "Capture",
    "CellMatch",
    "Header",
    "Layout",
    "ReportTemplate",
    "Section",
    "Unpivot",
    "WorkbookTemplate",
]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern


def _has_group(pattern: str) -> str:
    if re.compile(pattern).groups == 0:
        raise ValueError(f"{pattern!r} has no group: what is found is the first group")
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_compiles)]


class Capture(StrictModel):
    """A value that stands once, beside the table: the first group of the first match."""

    pattern: Annotated[Pattern, AfterValidator(_has_group)]
    required: bool = True


class CellMatch(StrictModel):
    """A row by the text of one of its cells: of a column of the header, or of the first cell that is not empty."""

    pattern: Pattern
    column: str | None = None


class Header(StrictModel):
    """The rows of names: by number, or the first row that has all texts of `find` among its cells."""

    row: int | None = Field(default=None, ge=1, le=1000)
    find: tuple[str, ...] = Field(default=(), strict=False)
    within: int = Field(default=30, ge=1, le=1000)
    rows: int = Field(default=1, ge=1, le=10)
    skip_below: int = Field(default=0, ge=0, le=100)
    fill: bool = True

    @model_validator(mode="after")
    def _one_way(self) -> "Header":
        if (self.row is None) == (not self.find):
            raise ValueError("give one of row and find")
        return self


class Unpivot(StrictModel):
    """Columns become rows: `keep` (name in the header: name given) stays, each other column gives a row.

    `names` names, for each row of the header, the column that gets the header's text; null leaves that row out.
    """

    keep: dict[str, str]
    names: tuple[str | None, ...] = Field(min_length=1, max_length=10, strict=False)
    value: str = "value"
    leave_out: Pattern | None = None


class Layout(StrictModel):
    """One form that a sheet may have."""

    name: str = Field(min_length=1)
    sheet: str | int | None = None
    transpose: bool = False
    header: Header
    above: dict[str, Capture] = Field(default_factory=dict)
    fill_down: tuple[str, ...] = Field(default=(), strict=False)
    skip: tuple[CellMatch, ...] = Field(default=(), strict=False)
    stop: tuple[CellMatch, ...] = Field(default=(), strict=False)
    unpivot: Unpivot | None = None


class WorkbookTemplate(StrictModel):
    """Layouts in the order in which they are tried."""

    layouts: tuple[Layout, ...] = Field(min_length=1, max_length=50, strict=False)


class Section(StrictModel):
    """Lines between two others; `begin` and `end` belong to it where they are lines of figures."""

    name: str = Field(min_length=1)
    begin: Pattern
    end: Pattern


class ReportTemplate(StrictModel):
    """Lines of a text report. Either `line` or `columns` says where the figures stand in a line."""

    captures: dict[str, Capture] = Field(default_factory=dict)
    sections: tuple[Section, ...] = Field(default=(), strict=False)
    line: Pattern | None = None
    columns: dict[str, Annotated[tuple[int, int], Field(strict=False)]] | None = None
    headings: tuple[str, ...] = Field(default=(), max_length=10, strict=False)
    heading: Pattern = r":\s*$"
    continues: str | None = None
    total: Pattern | None = None
    ignore: tuple[Pattern, ...] = Field(default=(), strict=False)
    padding: Literal["none", "nul"] = "none"

    @model_validator(mode="after")
    def _one_way(self) -> "ReportTemplate":
        if (self.line is None) == (self.columns is None):
            raise ValueError("give one of line and columns")
        for name, (first, last) in (self.columns or {}).items():
            if not 1 <= first <= last:
                raise ValueError(f"columns.{name}: the first position is at least 1, the last not before it")
        if self.continues is not None and self.continues not in self.fields:
            raise ValueError(f"continues: {self.continues!r} is no field of a line")
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """What a line of figures gives, in order."""
        if self.columns is not None:
            return tuple(self.columns)
        return tuple(re.compile(self.line or "").groupindex)
