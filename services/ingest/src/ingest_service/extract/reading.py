"""Reads one chunk of a SQL source."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from ingest_service.domain.source import Sql
from ingest_service.extract.database import Access, Database, DbColumn
from ingest_service.extract.failures import refused, schema_changed
from ingest_service.extract.job import Extracted, ExtractJob
from ingest_service.extract.positions import Held, Position, Value, lowered, read_position, write_position
from ingest_service.extract.settling import settle
from ingest_service.extract.spool import Pace, write_spool

__all__ = ["Open", "read_chunk"]

# A connection to the source, in the snapshot of another one where there is a name for it.
Open = Callable[[Access, str | None], Database]
_POSITIONS = {"whole", "decimal", "date", "instant", "local"}
# What comes as text in the one form that the reader gives it.
_PLAIN = {"decimal", "date", "instant", "local"}


@dataclass(frozen=True, slots=True)
class _Span:
    """What a chunk covers: a condition on its rows, and how far the source has been read afterwards."""

    where: str
    position: str | None
    ceiling: str | None
    last: bool


def read_chunk(
    job: ExtractJob, password: str, open_database: Open, heard: Callable[[], None] = lambda: None
) -> Extracted:
    """Reads one chunk into the job's folders, all of it in one snapshot of the source where it has such a thing.

    `heard` is called whenever the source has answered.

    Raises:
        ExtractError: it cannot be read.
    """
    access = Access(job.sql, job.address, password, job.connect_seconds, job.ca_file)
    control = open_database(access, None)
    try:
        return _Chunk(job, access, control, open_database, heard).read()
    finally:
        control.close()


class _Chunk:
    def __init__(
        self,
        job: ExtractJob,
        access: Access,
        control: Database,
        open_database: Open,
        heard: Callable[[], None],
    ) -> None:
        self._job, self._sql, self._access = job, job.sql, access
        self._control, self._open = control, open_database
        self._relation = control.relation(job.sql)
        self._known = {column.name: column for column in control.describe(self._relation)}
        self._pace = Pace(job.sql.throttle, job.max_bytes, heard)
        self._heard = heard

    def read(self) -> Extracted:
        columns = self._columns(self._job.columns)
        span = self._span()
        self._heard()
        snapshot = self._control.snapshot()
        self._spool(columns, self._ranges(span.where), self._job.out, snapshot)
        rows, size = self._pace.rows, self._pace.bytes
        if span.last and self._job.key_columns:
            self._spool(self._columns(self._job.key_columns), [""], self._job.keys_out, snapshot)
        plain = tuple(column.name for column in columns if column.kind in _PLAIN)
        return Extracted(
            rows=rows, bytes=size, position=span.position, ceiling=span.ceiling, last=span.last, plain=plain
        )

    def _columns(self, names: Sequence[str]) -> list[DbColumn]:
        if missing := [name for name in names if name not in self._known]:
            have = ", ".join(self._known)
            raise schema_changed(
                f"The source has no column {', '.join(missing)}; it has {have[:1000]}.",
                f"Sumber tidak mempunyai kolom {', '.join(missing)}; kolomnya {have[:1000]}.",
            )
        columns = [self._known[name] for name in names]
        if self._sql.time_zone is None and (local := [c.name for c in columns if c.kind == "local"]):
            raise refused(f"{', '.join(local)} has no time zone: say `time_zone` in the source")
        return columns

    def _span(self) -> _Span:
        sql, job = self._sql, self._job
        if sql.column is None:
            return _Span("", None, None, last=True)
        column = self._control.quote(sql.column)
        before = read_position(job.position, sql.column) if job.position else None
        ceiling, held = self._ceiling(column, before)
        kept = write_position(Position(sql.column, ceiling)) if ceiling is not None else None
        if job.everything:
            after = None if ceiling is None else write_position(Position(sql.column, ceiling, held))
            return _Span("", after, kept, last=True)
        where = self._from(column, before)
        if ceiling is None:
            return _Span(where, job.position, None, last=True)
        bound = self._bound(column, where)
        if bound is None or bound >= ceiling:  # type: ignore[operator]
            # What lies above the ceiling (times to come) is read with it, and again until its time has passed.
            last = ceiling if before is None else max(before.value, ceiling)
            return _Span(where, write_position(Position(sql.column, last, held)), kept, last=True)
        # While a span is read again the position is below what it was: a run that ends here leaves no gap.
        limited = f"({where or '1 = 1'}) AND ({column} <= {self._literal(bound)}{self._nulls(column)})"
        return _Span(limited, write_position(Position(sql.column, bound, held)), kept, last=False)

    def _ceiling(self, column: str, before: Position | None) -> tuple[Value | None, Held | None]:
        """What the position may not pass, and what is held below it: both are found with the first chunk of a run."""
        job = self._job
        known = read_position(job.ceiling, self._sql.column or "").value if job.ceiling else None

        def highest() -> Value | None:
            return known if known is not None else self._highest(self._sql, column)

        if not job.again:
            return highest(), before.held if before is not None else None
        return settle(self._control, highest, before, job.settle_seconds)

    def _from(self, column: str, before: Position | None) -> str:
        if before is None:
            return ""
        if not self._job.again:
            return f"{column} > {self._literal(before.value)}"
        if before.start is None:
            return ""
        lowest = self._literal(lowered(before.start, self._sql.lag_span))
        return f"{column} >= {lowest}{self._nulls(column)}"

    def _nulls(self, column: str) -> str:
        """A row without a value in the column is at no position: each run reads it with its first chunk."""
        return f" OR {column} IS NULL" if self._job.again else ""

    def _highest(self, sql: Sql, column: str) -> Value | None:
        """The column's greatest value, but no time that is still to come on the server's clock."""
        found = self._columns((sql.column or "",))[0]
        if found.kind not in _POSITIONS:
            raise refused(f"{found.name} holds {found.kind} values: `column` is a whole number, date or time")
        highest = self._control.scalar(f"SELECT max({column}) FROM {self._relation} AS source")  # noqa: S608 - quoted
        if highest is None:
            return None
        now = self._control.clock()
        if isinstance(highest, datetime):
            if highest.tzinfo is None:
                return min(
                    highest, now.astimezone(ZoneInfo(self._sql.time_zone or "UTC")).replace(tzinfo=None)
                )
            return min(highest, now)
        return min(highest, now.date()) if isinstance(highest, date) else int(highest)

    def _bound(self, column: str, where: str) -> Value | None:
        """The value up to which there are `chunk_rows` rows; None when there are no more than that."""
        some = f"({where}) AND {column} IS NOT NULL" if where else f"{column} IS NOT NULL"
        found = self._control.scalar(
            f"SELECT {column} FROM {self._relation} AS source WHERE {some}"  # noqa: S608 - quoted
            f" ORDER BY {column} LIMIT 1 OFFSET {self._sql.chunk_rows - 1}"
        )
        return found if found is None or isinstance(found, date) else int(found)

    def _literal(self, value: Value) -> str:
        return self._control.literal(value)

    def _ranges(self, where: str) -> list[str]:
        """Conditions of the parts that are read side by side; each row meets one of them."""
        parts = self._sql.partitions
        if parts is None:
            return [where]
        if self._columns((parts.column,))[0].kind not in {"whole", "decimal"}:
            raise refused(f"{parts.column} is no whole number: it cannot be cut into ranges")
        column = self._control.quote(parts.column)
        chosen = f" WHERE {where}" if where else ""
        ends = [
            self._control.scalar(f"SELECT {end}({column}) FROM {self._relation} AS source{chosen}")  # noqa: S608 - quoted
            for end in ("min", "max")
        ]
        if None in ends or int(ends[0]) == int(ends[1]):
            return [where]
        lowest, highest = int(ends[0]), int(ends[1])
        step = (highest - lowest) // parts.count + 1
        cuts = [lowest + step * number for number in range(1, parts.count)]
        conditions = [f"{column} < {cuts[0]} OR {column} IS NULL"]
        conditions += [f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(cuts)]
        conditions.append(f"{column} >= {cuts[-1]}")
        return [f"({where}) AND ({condition})" if where else condition for condition in conditions]

    def _spool(
        self, columns: Sequence[DbColumn], ranges: Sequence[str], folder: Path, snapshot: str | None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(self._sql.throttle.connections) as pool:
            parts = [
                pool.submit(self._read_range, columns, where, folder / f"{number:05}.arrow", snapshot)
                for number, where in enumerate(ranges)
            ]
            for part in parts:
                part.result()

    def _read_range(self, columns: Sequence[DbColumn], where: str, path: Path, snapshot: str | None) -> None:
        database = self._open(self._access, snapshot)
        try:
            names = [database.quote(column.name) for column in columns]
            chosen = [
                f"{database.as_text(name)} AS {name}" if column.kind == "other" else name
                for name, column in zip(names, columns, strict=True)
            ]
            query = f"SELECT {', '.join(chosen)} FROM {self._relation} AS source"  # noqa: S608 - quoted
            if where:
                query += f" WHERE {where}"
            write_spool(path, database.batches(query, columns), columns, self._sql.time_zone, self._pace)
        finally:
            database.close()
