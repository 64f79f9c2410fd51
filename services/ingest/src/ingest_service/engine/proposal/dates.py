"""How dates are written in a column of texts."""

from dataclasses import dataclass

import polars as pl

__all__ = ["FoundDates", "date_style"]

_SHAPES = {
    "iso": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "dd/mm/yyyy": r"^([0-9]{2})/([0-9]{2})/[0-9]{4}$",
    "dd-mm-yyyy": r"^([0-9]{2})-([0-9]{2})-[0-9]{4}$",
    "month dd, yyyy": r"^[A-Z][a-z]+ +[0-9]{1,2}, +[0-9]{4}$",
}
_LOOSE = r"^[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:[0-9]{2}|[0-9]{4})$"
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class FoundDates:
    """The style of the contract language, or None where it has none for these dates; a doubt in both languages."""

    style: str | None
    doubt: tuple[str, str] | None = None


def date_style(texts: pl.Series) -> FoundDates | None:
    """The style that all texts have; None when they are no dates."""
    for style, shape in _SHAPES.items():
        if texts.str.contains(shape).all():
            return _of_parts(style, texts, shape) if "(" in shape else FoundDates(style)
    if texts.str.contains(_LOOSE).all():
        return FoundDates(
            None,
            (
                "These look like dates in a form that the contract language does not have, so they stay text.",
                "Ini tampak sebagai tanggal dalam bentuk yang tidak dikenal bahasa kontrak, sehingga tetap teks.",
            ),
        )
    return None


def _of_parts(style: str, texts: pl.Series, shape: str) -> FoundDates:
    """Day and month may have changed places: a part above 12 is a day."""
    first = texts.str.extract(shape, 1).cast(pl.Int32)
    second = texts.str.extract(shape, 2).cast(pl.Int32)
    if (second > _MONTHS).any():
        return FoundDates(
            None,
            (
                "The month comes before the day in some of these dates: the contract language reads the day first.",
                "Pada sebagian tanggal ini bulan mendahului hari: bahasa kontrak membaca hari lebih dahulu.",
            ),
        )
    if (first > _MONTHS).any():
        return FoundDates(style)
    return FoundDates(
        style,
        (
            "No date of the sample tells day and month apart; the day is taken to come first.",
            "Tidak ada tanggal pada contoh yang membedakan hari dan bulan; hari dianggap lebih dahulu.",
        ),
    )
