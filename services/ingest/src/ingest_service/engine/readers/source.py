"""What every reader gives, whatever the file's format."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl
from typing_extensions import override

from ingest_service.domain.contract import Contract
from ingest_service.engine.fatal import FatalFileError

__all__ = ["FILE", "Broken", "Source", "TextSource", "check_header", "is_place"]

# The column of the file's own name.
FILE = "@file"
_MAX_COLUMNS = 10_000


def is_place(column: str) -> bool:
    """Whether a column says where in a file a row stood, and was not in the file itself."""
    return column.startswith("@")


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that is no row of the table, at the place of one: its text, and why. `place` says more of where it stood."""

    row: int
    rule: str
    text: str
    en: str
    indonesian: str
    remedy_en: str
    remedy_id: str
    place: Mapping[str, str | None] | None = None

    @property
    def record(self) -> str:
        """As JSON."""
        if self.place is None:
            return json.dumps(self.text, ensure_ascii=False)
        return json.dumps({**self.place, "value": self.text}, ensure_ascii=False)

    def moved(self, by: int) -> "Broken":
        """The same, in a file that begins so many rows later."""
        return replace(self, row=self.row + by)


class Source(ABC):
    """A file that passed its guards. Rows can be read more than once."""

    @property
    @abstractmethod
    def schema(self) -> dict[str, pl.DataType]:
        """The file's columns in order, with the types that `blocks` gives."""

    @abstractmethod
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        """Blocks in file order: `__row` (from 1) and one column `__raw:{name}` per column of the file.

        `types` are other types than the schema's, out of `readable_types`.

        Raises:
            NotOfTypeError: a column does not hold what `types` says.
        """

    def readable_types(self, contract: Contract) -> dict[str, pl.DataType]:
        """Columns that `blocks` can give with another type than the schema's."""
        del contract
        return {}

    @property
    def broken_rows(self) -> Sequence[Broken]:
        """What stands at the place of a row and is none, in order. Complete once `blocks` has ended."""
        return ()

    @property
    def skipped(self) -> int:
        """Rows that the contract's template passes over, such as notes and totals. Complete once `blocks` has ended."""
        return 0

    @property
    def extra_columns(self) -> Sequence[str]:
        """Columns that turned up while reading and are not in the schema. Complete once `blocks` has ended."""
        return ()

    @property
    def encoding_detected(self) -> str:
        """The encoding, where the contract leaves it to the file."""
        return ""


class TextSource(Source):
    """A file whose columns are all read as text."""

    _names: list[str]

    @property
    @override
    def schema(self) -> dict[str, pl.DataType]:
        return dict.fromkeys(self._names, pl.String())


def check_header(header: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The header with a name of its own for every column.

    Raises:
        FatalFileError: a wanted column is missing or stands there twice; one finding per column.
    """
    if len(header) > _MAX_COLUMNS:
        raise FatalFileError.of(
            "header",
            f"The header has {len(header)} columns; the limit is {_MAX_COLUMNS}.",
            f"Baris judul berisi {len(header)} kolom; batasnya {_MAX_COLUMNS}.",
            "Check the delimiter, and that it is the right file.",
            "Periksa pemisah kolom, dan apakah berkasnya benar.",
            value=str(len(header)),
        )
    problems = []
    listed = ", ".join(header[:50])
    for name in dict.fromkeys(wanted):
        times = list(header).count(name)
        if times == 0:
            problems.append(
                FatalFileError.of(
                    "header",
                    f"The file has no column {name}; it has {listed}.",
                    f"Berkas tidak mempunyai kolom {name}; kolomnya {listed}.",
                    f"Name the column {name} in the header row.",
                    f"Beri nama {name} pada baris judul.",
                    column=name,
                )
            )
        elif times > 1:
            problems.append(
                FatalFileError.of(
                    "header",
                    f"The file names the column {name} {times} times.",
                    f"Berkas menyebut kolom {name} {times} kali.",
                    "Keep one of them, or give them different names.",
                    "Sisakan satu, atau beri nama yang berbeda.",
                    column=name,
                )
            )
    if problems:
        raise FatalFileError(*(finding for problem in problems for finding in problem.findings))
    seen: dict[str, int] = {}
    names = []
    for index, name in enumerate(header, 1):
        unique = name or f"column_{index}"
        seen[unique] = seen.get(unique, 0) + 1
        names.append(unique if seen[unique] == 1 else f"{unique}_{index}")
    return names
