"""What a dataset promises (language: treasury/CONTRACTS.md)."""

from ingest_service.domain.contract.declaration import parse_declaration
from ingest_service.domain.contract.model import (
    Carry,
    ColumnSpec,
    Contract,
    ControlTotal,
    Declaration,
    Format,
    Let,
    Localized,
    NumberStyle,
    Provenance,
    Publish,
    Rule,
)
from ingest_service.domain.contract.template import (
    CellMatch,
    Header,
    Layout,
    ReportTemplate,
    Unpivot,
    WorkbookTemplate,
)
from ingest_service.domain.contract.types import ColumnType
from ingest_service.domain.contract.windows import Window, Windows

__all__ = [
    "Carry",
    "CellMatch",
    "ColumnSpec",
    "ColumnType",
    "Contract",
    "ControlTotal",
    "Declaration",
    "Format",
    "Header",
    "Layout",
    "Let",
    "Localized",
    "NumberStyle",
    "Provenance",
    "Publish",
    "ReportTemplate",
    "Rule",
    "Unpivot",
    "Window",
    "Windows",
    "WorkbookTemplate",
    "parse_declaration",
]
