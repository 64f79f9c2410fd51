"""One column of a sample: its type, its style, and what stays open."""

import re
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ingest_service.engine.job import Remark
from ingest_service.engine.proposal.dates import date_style
from ingest_service.engine.proposal.figures import figures_of, is_whole
from ingest_service.engine.proposal.remarks import remark, shown

__all__ = ["DraftColumn", "draft_column"]

_CODE_NAMES = re.compile(
    r"(^|_)(id|nip|npwp|nik|nomor|rekening)(_|$)|^(kode|kd|code)|(code|kode|kd)$", re.IGNORECASE
)
_MONEY_NAMES = re.compile(
    r"anggaran|realisasi|pagu|alokasi|jumlah|nilai|saldo|rupiah|amount|budget|value|balance|total|payment|revenue|spending",
    re.IGNORECASE,
)
_MONEY_DIGITS, _OTHER_DIGITS = 20, 18
_MONEY_SCALE = 2
_CODE_LISTED = 12
_WORDS_FOR_NOTHING = ("-", "n/a", "na", "null", "none", "nihil", "kosong", "#n/a")
_PARTS = r"^[0-9A-Z]+(?:[.][0-9A-Z]+)*$"
_THOUSANDS = r"^[0-9]{1,3}(?:[.][0-9]{3})*$"
_TIMESTAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$"


@dataclass
class DraftColumn:
    """A column as keys of the contract language."""

    name: str
    source: str
    keys: dict[str, Any]
    required: bool
    money: bool = False
    remarks: list[Remark] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The type without digits."""
        return str(self.keys["type"]).partition("(")[0]

    def doubt(self, en: str, indonesian: str) -> None:
        """Adds a remark on this column."""
        self.remarks.append(remark(en, indonesian, self.name))


def draft_column(name: str, source: str, values: pl.Series) -> DraftColumn:
    """The draft of a column out of its values in the sample: texts of a text file, or a typed file's own."""
    if values.dtype != pl.String:
        return _typed(name, source, values)
    texts = values.str.strip_chars()
    texts = texts.filter(texts.is_not_null() & (texts != ""))
    nothing = [word for word in texts.unique() if word.lower() in _WORDS_FOR_NOTHING]
    meant = texts.filter(~texts.is_in(nothing)) if nothing else texts
    column = DraftColumn(name, source, {"type": "text"}, required=len(meant) == len(values) > 0)
    if nothing and len(meant):
        column.keys["null_values"] = sorted(nothing)
        listed = ", ".join(sorted(nothing))
        column.doubt(f"{listed} is taken for “nothing”.", f"{listed} dianggap “tidak ada”.")
    if meant.is_empty():
        column.doubt("No row of the sample has a value.", "Tidak ada nilai pada contoh.")
        return column
    _draft_text(column, meant)
    return column


def _draft_text(column: DraftColumn, texts: pl.Series) -> None:
    for attempt in (_as_code, _as_truth, _as_time, _as_date, _as_number):
        if attempt(column, texts):
            return
    distinct = texts.unique()
    if len(distinct.str.to_lowercase().unique()) < len(distinct) <= _CODE_LISTED:
        listed = ", ".join(shown(text) for text in sorted(distinct))
        column.doubt(
            f"Some values differ only in capitals: {listed}. A `map` makes one of them.",
            f"Sebagian nilai hanya berbeda huruf besar-kecil: {listed}. `map` menyatukannya.",
        )
        return
    if 1 < len(distinct) <= _CODE_LISTED and len(texts) >= 10 * len(distinct):
        column.keys["allowed"] = sorted(distinct)
        column.doubt(
            f"Only {len(distinct)} different values are in the sample: they are listed as the allowed ones.",
            f"Hanya ada {len(distinct)} nilai berbeda pada contoh: didaftar sebagai nilai yang diperbolehkan.",
        )


def _as_code(column: DraftColumn, texts: pl.Series) -> bool:
    """What looks like a number and is no amount: with a leading zero, in several parts, or under a name for codes."""
    named = _CODE_NAMES.search(column.source) is not None
    if not texts.str.contains(_PARTS).all():
        return False
    digits = is_whole(texts)
    zeros = bool(texts.str.contains(r"^0[0-9]").any())
    several = (
        bool(texts.str.contains(r"^[0-9]+\.[0-9]+\.").any()) and not texts.str.contains(_THOUSANDS).all()
    )
    if not (zeros and digits) and not several and not named:
        return False
    column.keys["type"] = "code"
    lengths = texts.str.len_chars()
    if digits and lengths.n_unique() == 1:
        column.keys["pattern"] = f"[0-9]{{{lengths[0]}}}" if lengths[0] > 1 else "[0-9]"
    elif digits and zeros:
        shortest, widest = int(str(lengths.min())), int(str(lengths.max()))
        column.doubt(
            f"Codes have {shortest} to {widest} digits: if a zero was lost in front, add `pad: {widest}`.",
            f"Kode berisi {shortest} sampai {widest} angka: bila nol di depan hilang, tambahkan `pad: {widest}`.",
        )
    return True


def _as_truth(column: DraftColumn, texts: pl.Series) -> bool:
    words = {text.lower() for text in texts.unique().head(10)}
    if words <= {"true", "false"}:
        column.keys["type"] = "boolean"
        return True
    if words in ({"ya", "tidak"}, {"yes", "no"}, {"y", "n"}, {"y", "t"}):
        column.keys["type"] = "boolean"
        yes = {"ya", "yes", "y"}
        column.keys["map"] = {text: str(text.lower() in yes).lower() for text in sorted(texts.unique())}
        return True
    return False


def _as_time(column: DraftColumn, texts: pl.Series) -> bool:
    if not texts.str.contains(_TIMESTAMP).all():
        return False
    if texts.str.contains(_TIMESTAMP + _ZONE).all():
        column.keys["type"] = "timestamp"
        return True
    column.doubt(
        "The times have no zone, so they stay text: 08:00 could be any hour elsewhere.",
        "Waktu tanpa zona, sehingga tetap teks: pukul 08:00 dapat berarti jam lain di tempat lain.",
    )
    return True


def _as_date(column: DraftColumn, texts: pl.Series) -> bool:
    found = date_style(texts)
    if found is None:
        return False
    if found.style is not None:
        column.keys["type"] = "date"
        if found.style != "iso":
            column.keys["style"] = {"format": found.style}
    if found.doubt is not None:
        column.doubt(*found.doubt)
    return True


def _as_number(column: DraftColumn, texts: pl.Series) -> bool:
    found = figures_of(texts)
    if found is None:
        return False
    money = _MONEY_NAMES.search(column.source) is not None
    if found.scale == 0 and not money and found.digits <= _OTHER_DIGITS:
        column.keys["type"] = "integer"
    else:
        digits = max(found.digits, _MONEY_DIGITS if money else _OTHER_DIGITS)
        # Half of the smaller unit is written like a tenth: 1.500,5 is 1.500,50.
        scale = _MONEY_SCALE if money and found.scale == 1 else found.scale
        column.keys["type"] = f"decimal({min(digits, 38)},{scale})"
    if found.style:
        column.keys["style"] = found.style
    if money:
        _doubt_money(column)
        if found.scale > _MONEY_SCALE:
            column.doubt(
                f"Amounts have up to {found.scale} decimals: money with so many comes from binary fractions; "
                "`decimal(20,2)` with `round: half_even` says so openly.",
                f"Angka memiliki sampai {found.scale} desimal: uang dengan desimal sebanyak itu berasal dari pecahan biner; "
                "`decimal(20,2)` dengan `round: half_even` menyatakannya secara terbuka.",
            )
    if found.doubt is not None:
        column.doubt(*found.doubt)
    if found.others:
        listed = ", ".join(shown(text) for text in found.others)
        column.doubt(
            f"Some values are no numbers and would be refused: {listed}.",
            f"Sebagian nilai bukan angka dan akan ditolak: {listed}.",
        )
    return True


def _typed(name: str, source: str, values: pl.Series) -> DraftColumn:
    """A column of a file that has types."""
    kind = values.dtype
    column = DraftColumn(name, source, {"type": "text"}, required=values.null_count() == 0 < len(values))
    money = _MONEY_NAMES.search(source) is not None
    if kind.is_integer():
        code = _CODE_NAMES.search(source) is not None
        column.keys["type"] = "code" if code else (f"decimal({_MONEY_DIGITS},0)" if money else "integer")
        if code:
            column.doubt(
                "The file has this code as a number: a zero in front is lost; `pad` gives it back.",
                "Kode ini berupa bilangan pada berkas: nol di depan hilang; `pad` mengembalikannya.",
            )
    elif isinstance(kind, pl.Decimal):
        column.keys["type"] = f"decimal({kind.precision or 38},{kind.scale})"
    elif kind.is_float():
        whole = values.drop_nulls()
        scale = 0 if (whole == whole.round(0)).all() else 2
        column.keys |= {"type": f"decimal({_MONEY_DIGITS},{scale})", "round": "half_even"}
        column.doubt(
            f"The file has floating-point numbers; they are rounded to {scale} decimals.",
            f"Berkas berisi bilangan pecahan biner; dibulatkan ke {scale} desimal.",
        )
    elif kind == pl.Boolean:
        column.keys["type"] = "boolean"
    elif kind == pl.Date:
        column.keys["type"] = "date"
    elif isinstance(kind, pl.Datetime):
        column.keys["type"] = "timestamp"
        if kind.time_zone is None:
            column.doubt(
                "The times have no zone and would be refused: write them with one.",
                "Waktu tanpa zona dan akan ditolak: tulis beserta zonanya.",
            )
    if money and column.kind == "decimal":
        _doubt_money(column)
    return column


def _doubt_money(column: DraftColumn) -> None:
    column.money = True
    column.doubt(
        "If this is money, say its `unit`, and whether it is in whole, thousands or millions.",
        "Bila ini uang, tulis `unit`-nya, dan apakah dalam satuan, ribuan, atau jutaan.",
    )
