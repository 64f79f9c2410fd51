"""Rows that passed steps 2 and 3 wait in parts for the rules over sets, then become the table's files."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ingest_service.domain.contract import Contract
from ingest_service.engine.job import PartFile, ValidationJob
from ingest_service.engine.keyhashes import KeyHashes
from ingest_service.engine.parts import PartWriter, arrow_schema
from ingest_service.engine.plan import ROW
from ingest_service.engine.rownumbers import RowNumbers
from ingest_service.engine.sets import key_hash

__all__ = ["Staging"]


class Staging:
    """Takes good rows block by block and remembers, per row, its number in the file and the hash of its key."""

    def __init__(self, job: ValidationJob) -> None:
        self._contract, self._out, self._limit = job.contract, job.out, job.limits.part_rows
        self._schema = arrow_schema([item[:3] for item in job.contract.stored_columns], job.field_ids)
        temporary = [column.name for column in job.contract.columns if column.temporary]
        # Temporary columns are staged only where a later step may look at them.
        self._extra = temporary if _looks_later(job.contract) else []
        provenance = job.contract.provenance
        self._given = [
            name for name in self._schema.names if provenance is None or name != provenance.submission
        ]
        self._constant = {provenance.submission: job.submission} if provenance else {}
        schema = None if self._extra else self._schema
        self._writer = PartWriter(job.out, "staged", schema, self._limit, self._constant)
        self._numbers = RowNumbers()
        self._hashes = KeyHashes(job.out) if job.contract.key_columns else None

    def add(self, frame: pl.DataFrame) -> None:
        """Takes rows that have every declared column."""
        if frame.height == 0:
            return
        self._numbers.add(frame[ROW])
        if self._hashes is not None:
            self._hashes.add(frame.select(key_hash(self._contract)).to_series())
        self._writer.add(frame.select(*self._stored(), *self._extra))

    def finish(self) -> tuple[tuple[PartFile, ...], RowNumbers, KeyHashes | None]:
        """Parts, row numbers and key hashes (None without a key), in one order."""
        return self._writer.finish(), self._numbers, self._hashes

    def without(self, parts: Sequence[PartFile], removed: pl.Series) -> tuple[PartFile, ...]:
        """The table's files: the parts themselves where nothing was removed, else written anew."""
        if not self._extra and not removed.any():
            return tuple(parts)
        writer = PartWriter(self._out, "good", self._schema, self._limit, self._constant)
        start = 0
        for part in parts:
            keep = ~removed.slice(start, part.rows)
            writer.add(pl.read_parquet(part.path).filter(keep).select(self._given))
            start += part.rows
        return writer.finish()

    def _stored(self) -> list[pl.Expr]:
        provenance = self._contract.provenance
        stored = [pl.col(column.name) for column in self._contract.columns if not column.temporary]
        if provenance is not None:
            stored.append(pl.col(ROW).alias(provenance.row))
        return stored


def _looks_later(contract: Contract) -> bool:
    return bool(contract.control_totals) or any(rule.let for rule in contract.rules)


def clear(folder: Path) -> None:
    """Removes what an earlier attempt left in a folder."""
    for path in (*folder.glob("*.parquet"), *folder.glob("hashes-*")):
        path.unlink()
