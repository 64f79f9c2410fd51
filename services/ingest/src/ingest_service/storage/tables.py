"""The dataset's table and its quarantine, in the lake."""

import asyncio
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from ingest_service.domain.contract import Declaration
from ingest_service.domain.correction import BadRow
from ingest_service.engine.findings import QUARANTINE_COLUMNS
from ingest_service.engine.job import PartFile, Report
from lake import (
    Column,
    CommitResult,
    Lake,
    ReadDecision,
    RowFilter,
    TableId,
    TableSchema,
    WriteTarget,
    WrittenFile,
    write_parquet,
)
from servicekit.errors import FailedPreconditionError, Text

__all__ = [
    "LakeTableStore",
    "Publication",
    "TableStore",
    "publication_tag",
    "replaced_rows",
    "table_schema",
]

_CONTROL_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
_MAX_CONTROLS = 60
_FIELD_ID = b"PARQUET:field_id"
QUARANTINE_SCHEMA = TableSchema(
    tuple(Column(name, kind, required=required) for name, kind, required in QUARANTINE_COLUMNS)
)


@dataclass(frozen=True, slots=True)
class Publication:
    """A commit of good rows; `rows_total` are the table's rows after it, `sequence` counts the table's snapshots."""

    snapshot_id: int
    rows_total: int
    sequence: int


class TableStore(ABC):
    """Tables that submissions publish to."""

    @abstractmethod
    async def field_ids(self, declaration: Declaration) -> tuple[dict[str, int], dict[str, int]]:
        """Iceberg's field ids of the dataset's table and of its quarantine, foretold where there is no table yet."""

    @abstractmethod
    async def publish_quarantine(
        self, declaration: Declaration, report: Report, submission_id: str, properties: Mapping[str, str]
    ) -> None:
        """Commits quarantine records, once per submission however often it is called."""

    @abstractmethod
    async def publish(
        self,
        declaration: Declaration,
        report: Report,
        submission_id: str,
        properties: Mapping[str, str],
        *,
        onto: int | None = None,
    ) -> Publication:
        """Commits good rows, once per submission however often it is called, and tags the snapshot.

        `onto` is for a correction: its rows are added, whatever the contract's mode, to this snapshot.

        Raises:
            CommitConflictError: the newest snapshot is not `onto`.
        """

    @abstractmethod
    async def find_publication(self, dataset: str, submission_id: str) -> Publication | None:
        """The commit of a submission, or None."""

    @abstractmethod
    async def current_snapshot(self, dataset: str) -> int | None:
        """The newest snapshot of a dataset; None when there is none."""

    @abstractmethod
    async def read_quarantine(
        self, dataset: str, decision: ReadDecision, submission_id: str, start: int, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Quarantine records of a submission, by row, as far as the decision shows them; ListFindings and
        DownloadReport show them.
        """

    @abstractmethod
    async def bad_row_numbers(
        self, dataset: str, decision: ReadDecision, submission_id: str
    ) -> Sequence[int]:
        """Numbers of a submission's rows in quarantine, in order."""

    @abstractmethod
    async def download_bad_rows(
        self, dataset: str, decision: ReadDecision, submission_id: str, rows: Sequence[int]
    ) -> Sequence[BadRow]:
        """These rows out of quarantine, in order; for DownloadBadRows."""


def publication_tag(submission_id: str) -> str:
    """The table's name for the snapshot that a submission published."""
    return f"publication-{submission_id}"


def table_schema(declaration: Declaration) -> TableSchema:
    """The table that a contract asks for."""
    return TableSchema(
        tuple(
            Column(name, kind, required=required, description=description)
            for name, kind, required, description in declaration.contract.stored_columns
        )
    )


class LakeTableStore(TableStore):
    """Tables of the lake; blocking work runs in threads."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    @override
    async def field_ids(self, declaration: Declaration) -> tuple[dict[str, int], dict[str, int]]:
        return await asyncio.to_thread(self._field_ids, declaration)

    def _field_ids(self, declaration: Declaration) -> tuple[dict[str, int], dict[str, int]]:
        name = declaration.name
        names = [column[0] for column in declaration.contract.stored_columns]
        return (
            self._ids(TableId.of(name), names),
            self._ids(TableId.quarantine(name), [column[0] for column in QUARANTINE_COLUMNS]),
        )

    def _ids(self, table: TableId, names: Sequence[str]) -> dict[str, int]:
        if not self._lake.table_exists(table):
            # A fresh table numbers its columns from 1; a wrong guess costs one rewrite at publication.
            return {name: number for number, name in enumerate(names, 1)}
        schema = self._lake.writer(table).target("ids").schema
        return {field.name: int(field.metadata[_FIELD_ID]) for field in schema}

    @override
    async def publish_quarantine(
        self, declaration: Declaration, report: Report, submission_id: str, properties: Mapping[str, str]
    ) -> None:
        await asyncio.to_thread(self.quarantine, declaration, report, submission_id, properties)

    def quarantine(
        self, declaration: Declaration, report: Report, run_id: str, properties: Mapping[str, str]
    ) -> None:
        """Commits a report's quarantine records, once per run id; blocks."""
        if not report.quarantine:
            return
        table = TableId.quarantine(declaration.name)
        self._lake.ensure_table(table, QUARANTINE_SCHEMA)
        writer = self._lake.writer(table)
        if writer.find_commit(run_id) is None:
            files = self.files(report.quarantine, writer.target(run_id))
            writer.append(files, run_id=run_id, properties=properties)

    @override
    async def publish(
        self,
        declaration: Declaration,
        report: Report,
        submission_id: str,
        properties: Mapping[str, str],
        *,
        onto: int | None = None,
    ) -> Publication:
        result = await asyncio.to_thread(self._publish, declaration, report, submission_id, properties, onto)
        return _publication(result)

    def _publish(
        self,
        declaration: Declaration,
        report: Report,
        submission_id: str,
        properties: Mapping[str, str],
        onto: int | None,
    ) -> CommitResult:
        table = TableId.of(declaration.name)
        self._lake.ensure_table(table, table_schema(declaration), description=declaration.description.en)
        writer = self._lake.writer(table)
        if (found := writer.find_commit(submission_id)) is not None:
            return found
        files = self.files(report.good, writer.target(submission_id))
        controls = _summary_controls(report.control_totals)
        tag = publication_tag(submission_id)
        publish = declaration.contract.publish
        if onto is not None or publish is None or publish.mode == "append":
            return writer.append(
                files, run_id=submission_id, controls=controls, properties=properties, tag=tag, expected=onto
            )
        where = replaced_rows(declaration, report.replaced) if publish.mode == "replace" else None
        return writer.overwrite(
            files, run_id=submission_id, where=where, controls=controls, properties=properties, tag=tag
        )

    def files(self, parts: Sequence[PartFile], target: WriteTarget) -> list[WrittenFile]:
        """Puts a report's parts into the store; blocks."""
        return [self._file(part, target, f"part-{number:05}") for number, part in enumerate(parts)]

    def _file(self, part: PartFile, target: WriteTarget, name: str) -> WrittenFile:
        # The file is taken as it is when it carries the table's own field ids; else it is written once more.
        if not _fits(pq.read_schema(part.path), target.schema):
            return write_parquet(self._lake.objects, pl.scan_parquet(part.path), target, name)
        with part.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        address = f"{target.prefix}/{name}-{digest[:16]}.parquet"
        stored = self._lake.objects.put_file(self._lake.objects.key_of(address), part.path)
        return WrittenFile(address, part.rows, stored.size)

    @override
    async def find_publication(self, dataset: str, submission_id: str) -> Publication | None:
        return await asyncio.to_thread(self._find_publication, dataset, submission_id)

    def _find_publication(self, dataset: str, submission_id: str) -> Publication | None:
        if not self._lake.table_exists(dataset):
            return None
        found = self._lake.writer(dataset).find_commit(submission_id)
        return _publication(found) if found else None

    @override
    async def current_snapshot(self, dataset: str) -> int | None:
        return await asyncio.to_thread(self._current_snapshot, dataset)

    def _current_snapshot(self, dataset: str) -> int | None:
        return self._lake.describe(dataset).snapshot_id if self._lake.table_exists(dataset) else None

    @override
    async def read_quarantine(
        self, dataset: str, decision: ReadDecision, submission_id: str, start: int, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        return await asyncio.to_thread(self._read_quarantine, dataset, decision, submission_id, start, limit)

    def _read_quarantine(
        self, dataset: str, decision: ReadDecision, submission_id: str, start: int, limit: int
    ) -> list[dict[str, Any]]:
        table = TableId.quarantine(dataset)
        if not self._lake.table_exists(table):
            return []
        frame = self._lake.reader.scan(table, decision).lazyframe
        found = frame.filter(pl.col("submission") == submission_id)
        shown = [name for name in found.collect_schema().names() if name not in {"record", "submission"}]
        order = [name for name in ("source_row", "rule", "column") if name in shown]
        return found.select(shown).sort(order).slice(start, limit).collect().to_dicts()

    @override
    async def bad_row_numbers(
        self, dataset: str, decision: ReadDecision, submission_id: str
    ) -> Sequence[int]:
        return await asyncio.to_thread(self._bad_row_numbers, dataset, decision, submission_id)

    def _bad_row_numbers(self, dataset: str, decision: ReadDecision, submission_id: str) -> list[int]:
        frame = self._quarantined(dataset, decision, submission_id)
        if frame is None:
            return []
        numbers: list[int] = (
            frame.select("source_row").unique().sort("source_row").collect().to_series().to_list()
        )
        return numbers

    @override
    async def download_bad_rows(
        self, dataset: str, decision: ReadDecision, submission_id: str, rows: Sequence[int]
    ) -> Sequence[BadRow]:
        return await asyncio.to_thread(self._download_bad_rows, dataset, decision, submission_id, rows)

    def _download_bad_rows(
        self, dataset: str, decision: ReadDecision, submission_id: str, rows: Sequence[int]
    ) -> list[BadRow]:
        frame = self._quarantined(dataset, decision, submission_id)
        if frame is None:
            return []
        wanted = pl.LazyFrame({"source_row": list(rows)}, schema={"source_row": pl.Int64()})
        grouped = (
            frame.join(wanted, on="source_row", how="semi")
            .sort("source_row", "rule", "column")
            .group_by("source_row", maintain_order=True)
            .agg(pl.col("record").first(), "column", "message_en", "message_id")
        )
        return [_bad_row(row) for row in grouped.collect().iter_rows(named=True)]

    def _quarantined(self, dataset: str, decision: ReadDecision, submission_id: str) -> pl.LazyFrame | None:
        table = TableId.quarantine(dataset)
        if not self._lake.table_exists(table):
            return None
        frame = self._lake.reader.scan(table, decision).lazyframe
        return frame.filter((pl.col("submission") == submission_id) & (pl.col("severity") == "error"))


def _bad_row(row: Mapping[str, Any]) -> BadRow:
    fields, text = _fields(row["record"])
    reasons = [
        Text(en=f"{column}: {en}" if column else en, id=f"{column}: {indonesian}" if column else indonesian)
        for column, en, indonesian in zip(row["column"], row["message_en"], row["message_id"], strict=True)
    ]
    return BadRow(row["source_row"], fields, text, reasons)


def _fields(record: str | None) -> tuple[dict[str, str], str]:
    """A record's columns, or its text where the row had no columns."""
    read = json.loads(record) if record else {}
    if not isinstance(read, dict):
        return {}, str(read)
    return {name: "" if value is None else str(value) for name, value in read.items()}, ""


def _publication(result: CommitResult) -> Publication:
    return Publication(result.snapshot_id, result.rows_total, result.sequence)


def _fits(have: pa.Schema, want: pa.Schema) -> bool:
    """Whether a file's columns are the table's: names, ids, types, in order. How wide a text's offsets are, is not stored."""
    return len(have) == len(want) and all(
        (h.name, h.nullable, _narrow(h.type), (h.metadata or {}).get(_FIELD_ID))
        == (w.name, w.nullable, _narrow(w.type), w.metadata[_FIELD_ID])
        for h, w in zip(have, want, strict=True)
    )


def _narrow(kind: pa.DataType) -> pa.DataType:
    return pa.string() if kind == pa.large_string() else kind


def replaced_rows(declaration: Declaration, replaced: Sequence[Sequence[str]]) -> RowFilter:
    """The rows of the table that the good rows replace: those with one of the `replaced` groups of values.

    Raises:
        FailedPreconditionError: with several columns, their values do not occur in all combinations.
    """
    publish = declaration.contract.publish
    by = publish.by if publish else ()
    where = RowFilter()
    combinations = 1
    for index, name in enumerate(by):
        values = {row[index] for row in replaced}
        combinations *= len(values)
        column = declaration.contract.column(name)
        whole = column is not None and column.column_type.kind == "integer"
        where = where.also(name, *(int(value) if whole else value for value in values))
    if combinations != len(replaced):
        names = ", ".join(by)
        raise FailedPreconditionError(
            Text(
                en=f"The file's values of {names} do not occur in all combinations, so it is not clear which rows to replace.",
                id=f"Nilai {names} dalam berkas tidak muncul dalam semua kombinasi, sehingga baris yang diganti tidak jelas.",
            ),
            Text(
                en="Send one file per combination, or let the contract replace by one column.",
                id="Kirim satu berkas per kombinasi, atau atur kontrak agar mengganti menurut satu kolom.",
            ),
            reason="REPLACEMENT_UNCLEAR",
        )
    return where


def _summary_controls(totals: Mapping[str, str]) -> dict[str, str]:
    """Totals under names that a snapshot summary takes: `id.group`, or one sum per id where there are too many."""
    named = {name.replace("/", "."): value for name, value in totals.items() if name != "rows"}
    if len(named) <= _MAX_CONTROLS and all(_CONTROL_NAME.match(name) for name in named):
        return named
    sums: dict[str, Decimal] = {}
    for name, value in totals.items():
        if name != "rows":
            head = name.partition("/")[0]
            sums[head] = sums.get(head, Decimal(0)) + Decimal(value)
    return {name: format(value, "f") for name, value in sums.items()}
