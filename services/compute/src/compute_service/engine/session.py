"""One query inside its process: governed frames in, Arrow out."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from compute_service.domain.decisions import decision_from_words
from compute_service.domain.query import QueryLimits, QuerySummary, TableRead
from compute_service.engine.failures import crashed
from compute_service.engine.frames import MAX_CHUNK
from compute_service.engine.source import FrameSource
from compute_service.engine.statement import Statement, brief, inspect_statement
from compute_service.errors import (
    QueryInvalidError,
    QueryMemoryError,
    StatementRefusedError,
)
from lake import GovernedReader, GovernedScan, ReadDecision
from servicekit.errors import LumbungError, Text

__all__ = ["QuerySession", "open_connection"]

_BATCH_ROWS = 16_384
_CALLERS_FAULT = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.DataError,
    duckdb.InvalidInputException,
    duckdb.InvalidTypeException,
    duckdb.NotImplementedException,
    duckdb.OutOfRangeException,
    duckdb.ParserException,
    duckdb.SyntaxException,
    duckdb.TypeMismatchException,
)
Send = Callable[[bytes], None]


def open_connection(limits: QueryLimits | None, temp: Path | None) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory without files, network, extensions, replacement scans or other settings.

    Registering frames comes next, then `lock`.
    """
    config: dict[str, Any] = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_unsigned_extensions": "false",
        "python_enable_replacements": "false",
        "python_scan_all_frames": "false",
        "max_expression_depth": "500",
        "temp_directory": str(temp) if temp else "",
        "threads": str(limits.threads if limits else 1),
        # Arrow and Polars come on top; the service watches the whole process.
        "memory_limit": f"{int(limits.memory_bytes * 0.6) if limits else 64 * 2**20}B",
    }
    if limits and temp:
        config["max_temp_directory_size"] = f"{limits.temp_bytes}B"
    return duckdb.connect(":memory:", config=config)


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """No setting changes after this."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET lock_configuration = true")


class QuerySession:
    """Runs queries of one process, one at a time. Errors are those of the service, safe to show to the caller."""

    def __init__(self, reader: GovernedReader) -> None:
        self._reader = reader
        self._parser = open_connection(None, None)
        lock(self._parser)

    def inspect(self, sql: str) -> Statement:
        """Tables that a statement names; StatementRefusedError when it is not one SELECT."""
        return inspect_statement(self._parser, sql)

    def run_query(
        self, sql: str, tables: Sequence[dict[str, Any]], limits: QueryLimits, temp: Path, send: Send
    ) -> QuerySummary:
        """Sends the answer as one Arrow IPC stream in pieces of at most 1 MiB.

        `tables` are a dataset, its decision and a snapshot or None. Only they exist for the statement.
        """
        started = time.process_time()
        statement = self.inspect(sql)
        decided = {str(table["dataset"]) for table in tables}
        if statement.strangers or not set(statement.tables) <= decided:
            # The service asked for a decision on every table before: this is not the statement it asked for.
            raise StatementRefusedError(
                Text(en="A table has no decision.", id="Ada tabel tanpa keputusan akses."), field="sql"
            )
        connection = open_connection(limits, temp)
        sources: list[FrameSource] = []
        try:
            scans = [self._register(connection, table, sources) for table in tables]
            lock(connection)
            with _engine_errors(sources):
                reader = connection.sql(sql).to_arrow_reader(_BATCH_ROWS)
                rows, truncated = _send_rows(reader, limits, send)
            reads = tuple(_read_of(name, decision, scan) for name, decision, scan in scans)
        finally:
            connection.close()
        return QuerySummary(rows, truncated, round(time.process_time() - started, 6), reads)

    def _register(
        self, connection: duckdb.DuckDBPyConnection, table: dict[str, Any], sources: list[FrameSource]
    ) -> tuple[str, ReadDecision, GovernedScan]:
        decision = decision_from_words(table["decision"])
        scan = self._reader.scan(table["dataset"], decision, snapshot_id=table["snapshot_id"])
        source = FrameSource(scan.lazyframe, scan.schema.to_polars())
        sources.append(source)
        connection.register(table["dataset"], source)
        return table["dataset"], decision, scan


def _read_of(name: str, decision: ReadDecision, scan: GovernedScan) -> TableRead:
    masked = tuple(column for column in scan.schema.names if column in decision.masks)
    withheld = scan.rows_withheld
    return TableRead(
        name, scan.snapshot_id, scan.as_of, withheld is not False, masked, decision.policy_version
    )


class _engine_errors:  # noqa: N801 - reads as a statement
    """Turns what DuckDB raises into errors that may be shown."""

    def __init__(self, sources: Sequence[FrameSource]) -> None:
        self._sources = sources

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, LumbungError) or not isinstance(error, Exception):
            return
        if any(source.failure for source in self._sources):
            raise crashed() from error
        if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
            raise QueryMemoryError(
                Text(
                    en="The query needs more memory or temporary room than it may have.",
                    id="Kueri memerlukan memori atau ruang sementara melebihi batas.",
                ),
                Text(
                    en="Read fewer columns or rows, or aggregate first.",
                    id="Baca lebih sedikit kolom atau baris, atau agregasikan dahulu.",
                ),
                field="sql",
            ) from error
        if isinstance(error, _CALLERS_FAULT):
            said = brief(error)
            raise QueryInvalidError(
                Text(en=f"The query cannot be run: {said}", id=f"Kueri tidak dapat dijalankan: {said}"),
                Text(
                    en="Correct the query; `lumbung datasets show NAME` lists the columns.",
                    id="Perbaiki kueri; `lumbung datasets show NAMA` menampilkan kolomnya.",
                ),
                field="sql",
            ) from error
        raise crashed() from error


class _Pieces:
    """A file that joins small writes and sends pieces of at most 1 MiB."""

    closed = False

    def __init__(self, send: Send) -> None:
        self._send, self._held = send, bytearray()
        self.written = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), MAX_CHUNK):
            piece = view[start : start + MAX_CHUNK]
            if len(self._held) + len(piece) > MAX_CHUNK:
                self.flush()
            self._held += piece
        self.written += len(view)
        return len(view)

    def flush(self) -> None:
        """Sends what is held back."""
        if self._held:
            self._send(bytes(self._held))
            self._held.clear()


def _send_rows(reader: pa.RecordBatchReader, limits: QueryLimits, send: Send) -> tuple[int, bool]:
    """Rows sent, and whether a limit cut more off."""
    pieces = _Pieces(send)
    rows, truncated = 0, False
    with pa.ipc.new_stream(pieces, reader.schema) as writer:
        for batch in reader:
            if batch.num_rows == 0:
                continue
            part = batch.slice(0, limits.max_rows - rows)
            truncated = part.num_rows < batch.num_rows or pieces.written >= limits.max_result_bytes
            if truncated and pieces.written >= limits.max_result_bytes:
                break
            writer.write_batch(part)
            rows += part.num_rows
            if truncated:
                break
    pieces.flush()
    return rows, truncated
