"""What a draft leaves open, while it is made."""

from collections.abc import Iterable

from ingest_service.engine.job import Remark

__all__ = ["header_below", "remark", "shown"]

_SHOWN_CHARS = 60


def remark(en: str, indonesian: str, column: str = "") -> Remark:
    """A remark in both languages."""
    return Remark(column=column, en=en, id=indonesian)


def shown(value: str) -> str:
    """A value of the file inside a sentence: short, on one line."""
    text = " ".join(value.split())
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def header_below(number: int, line_en: str, above: Iterable[Iterable[str]]) -> Remark:
    """The header is on line or row `number`, and what stands above it is passed over."""
    told = "; ".join(shown(" ".join(cells)) for cells in map(list, above) if any(cells)) or "-"
    return remark(
        f"The header is {line_en} {number}; what stands above it is passed over: {told}.",
        f"Judul kolom ada pada baris {number}; yang di atasnya dilewati: {told}.",
    )
