"""Errors of queries, and how they come from a query's process to the service."""

from typing import Any

from compute_service.errors import QueryCrashedError, QueryMemoryError, QueryTimeError
from servicekit.errors import LumbungError, Text

__all__ = ["crashed", "error_from_json", "error_to_json", "memory_error", "time_error"]


def crashed() -> QueryCrashedError:
    """The error for whatever is not the caller's fault."""
    return QueryCrashedError(
        Text(en="The query failed inside the platform.", id="Kueri gagal di dalam sistem."),
        Text(
            en="Try again; if it stays, tell the platform team.",
            id="Coba lagi; bila berulang, hubungi tim platform.",
        ),
    )


def error_to_json(error: LumbungError) -> dict[str, Any]:
    """An error as plain words; the service raises it again."""
    remedy = error.remedy
    return {
        "code": error.code,
        "reason": error.stable_reason,
        "field": error.field,
        "metadata": error.metadata,
        "message": [error.message.en, error.message.id],
        "remedy": [remedy.en, remedy.id] if remedy else None,
    }


def memory_error(limit: int) -> QueryMemoryError:
    """The error of a process that grew over its limit of bytes."""
    size = f"{limit / 2**20:.0f} MiB"
    return QueryMemoryError(
        Text(
            en=f"The query needs more than its {size} of memory.",
            id=f"Kueri memerlukan memori lebih dari {size}.",
        ),
        Text(
            en="Read fewer columns or rows, or aggregate first.",
            id="Baca lebih sedikit kolom atau baris, atau agregasikan dahulu.",
        ),
        field="sql",
    )


def time_error(limit: str) -> QueryTimeError:
    """The error of a process that took longer than it may."""
    return QueryTimeError(
        Text(
            en=f"The query took longer than allowed ({limit}).", id=f"Kueri melampaui batas waktu ({limit})."
        ),
        Text(
            en="Narrow it with WHERE, join on keys, or run it as a pipeline.",
            id="Persempit dengan WHERE, gabungkan lewat kunci, atau jalankan sebagai pipeline.",
        ),
        field="sql",
    )


def error_from_json(document: dict[str, Any]) -> LumbungError:
    """The error that a process reported, as the kind that its code names."""
    kind = error_kind(document["code"])
    remedy = Text(*document["remedy"]) if document["remedy"] else None
    return kind(
        Text(*document["message"]),
        remedy,
        field=document["field"],
        metadata=document["metadata"],
        reason=document["reason"],
    )


def error_kind(code: str) -> type[LumbungError]:
    """The kind of error with a code."""
    for kind in LumbungError.__subclasses__():
        if kind.code == code and kind.__module__ == LumbungError.__module__:
            return kind
    return LumbungError
