"""The rule that a correction adds: only rows that were bad."""

from collections.abc import Sequence

import polars as pl

from ingest_service.domain.correction import ROW_COLUMN
from ingest_service.engine.plan import Check

__all__ = ["correction_check"]


def correction_check(rows: Sequence[int]) -> Check:
    """Breaks on a row whose number is not among the bad rows that nobody has mended yet."""
    number = pl.col(ROW_COLUMN)
    known = pl.Series(list(rows), dtype=pl.Int64).implode()
    return Check(
        "correction_row",
        "error",
        ROW_COLUMN,
        (~number.is_in(known)).fill_null(value=False),
        number.cast(pl.String),
        "Row {value} is not among the bad rows of the submission, or it was mended already.",
        "Baris {value} tidak termasuk baris yang salah pada kiriman itu, atau sudah diperbaiki.",
        "Leave it out; download the bad rows again to see what is left.",
        "Hapus baris ini; unduh lagi baris yang salah untuk melihat sisanya.",
    )
