"""What a draft leaves open, while it is made."""

from ingest_service.engine.job import Remark

__all__ = ["remark", "shown"]

_SHOWN_CHARS = 60


def remark(en: str, indonesian: str, column: str = "") -> Remark:
    """A remark in both languages."""
    return Remark(column=column, en=en, id=indonesian)


def shown(value: str) -> str:
    """A value of the file inside a sentence: short, on one line."""
    text = " ".join(value.split())
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
