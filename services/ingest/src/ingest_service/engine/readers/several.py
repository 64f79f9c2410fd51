"""Several files as one, one after the other; and the name of a file as a column of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import polars as pl
from typing_extensions import override

from ingest_service.domain.contract import Contract
from ingest_service.engine.columns import raw_name
from ingest_service.engine.fatal import FatalFileError
from ingest_service.engine.plan import ROW
from ingest_service.engine.readers.member import Member
from ingest_service.engine.readers.source import FILE, Broken, Source

__all__ = ["NamedSource", "SeveralSources"]

_BLOCK_ROWS = 65_536


class NamedSource(Source):
    """A file whose rows have its name in the column `@file`."""

    def __init__(self, source: Source, name: str) -> None:
        self._source, self._name = source, name

    @property
    @override
    def schema(self) -> dict[str, pl.DataType]:
        return {**self._source.schema, FILE: pl.String()}

    @override
    def readable_types(self, contract: Contract) -> dict[str, pl.DataType]:
        types = self._source.readable_types(contract)
        return {name: kind for name, kind in types.items() if name != FILE}

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        own = pl.lit(self._name).alias(raw_name(FILE))
        for block in self._source.blocks(types):
            yield block.with_columns(own)

    @property
    @override
    def broken_rows(self) -> Sequence[Broken]:
        return self._source.broken_rows

    @property
    @override
    def skipped(self) -> int:
        return self._source.skipped

    @property
    @override
    def extra_columns(self) -> Sequence[str]:
        return self._source.extra_columns

    @property
    @override
    def encoding_detected(self) -> str:
        return self._source.encoding_detected


class SeveralSources(Source):
    """The files of an archive, numbered through. Each is read as text; small blocks are put together.

    A file that is refused refuses all of them, or, with `keep_going`, is itself a broken row.
    """

    def __init__(
        self, members: Sequence[Member], opener: Callable[[Member], Source], *, keep_going: bool
    ) -> None:
        self._members, self._opener, self._keep_going = members, opener, keep_going
        self._broken: list[Broken] = []
        self._skipped = 0
        self._late: dict[str, None] = {}
        self._encodings: set[str] = set()
        self._schema: dict[str, pl.DataType] = {}
        refused: FatalFileError | None = None
        for member in members:
            try:
                self._schema = opener(member).schema
                break
            except FatalFileError as error:
                refused = _named(error, member.name)
                if not keep_going:
                    raise refused from error
        else:
            if refused is not None:
                raise refused

    @property
    @override
    def schema(self) -> dict[str, pl.DataType]:
        return self._schema

    @property
    @override
    def broken_rows(self) -> Sequence[Broken]:
        return self._broken

    @property
    @override
    def skipped(self) -> int:
        return self._skipped

    @property
    @override
    def extra_columns(self) -> Sequence[str]:
        return list(self._late)

    @property
    @override
    def encoding_detected(self) -> str:
        return ", ".join(sorted(self._encodings - {""}))

    @override
    def blocks(self, types: Mapping[str, pl.DataType] = MappingProxyType({})) -> Iterator[pl.DataFrame]:
        del types
        self._broken, self._skipped = [], 0
        waiting: list[pl.DataFrame] = []
        height = 0
        for block in self._numbered():
            waiting.append(block)
            height += block.height
            if height >= _BLOCK_ROWS:
                yield pl.concat(waiting)
                waiting, height = [], 0
        if waiting:
            yield pl.concat(waiting)

    def _numbered(self) -> Iterator[pl.DataFrame]:
        before = 0
        columns = [raw_name(name) for name in self._schema]
        for member in self._members:
            try:
                source = self._open(member)
            except FatalFileError as error:
                if not self._keep_going:
                    raise _named(error, member.name) from error
                before += 1
                self._broken.append(_refused(before, member.name, error))
                continue
            last = 0
            for block in source.blocks():
                if block.height:
                    last = int(block[ROW][-1])
                    yield block.select(pl.col(ROW) + before, *columns)
            broken = source.broken_rows
            self._broken += [entry.moved(before) for entry in broken]
            self._skipped += source.skipped
            self._late.update(dict.fromkeys(source.extra_columns))
            self._encodings.add(source.encoding_detected)
            before += max([last, *(entry.row for entry in broken)])

    def _open(self, member: Member) -> Source:
        source = self._opener(member)
        if missing := [name for name in self._schema if name not in source.schema]:
            raise FatalFileError.of(
                "header",
                f"The file lacks the column {missing[0]} that the first file of the archive has.",
                f"Berkas tidak mempunyai kolom {missing[0]} yang ada pada berkas pertama dalam arsip.",
                "Send files of one form together.",
                "Kirim bersama hanya berkas yang bentuknya sama.",
                column=missing[0],
            )
        self._late.update(dict.fromkeys(name for name in source.schema if name not in self._schema))
        if odd := [name for name, kind in source.schema.items() if self._schema.get(name, kind) != kind]:
            raise FatalFileError.of(
                "header",
                f"The column {odd[0]} has another type than in the first file of the archive.",
                f"Tipe kolom {odd[0]} berbeda dari berkas pertama dalam arsip.",
                "Write the files with the same types.",
                "Tulis berkas dengan tipe yang sama.",
                column=odd[0],
            )
        return source


def _named(error: FatalFileError, name: str) -> FatalFileError:
    """The same, with the file's name."""
    return FatalFileError(
        *(
            finding.model_copy(
                update={
                    "message_en": f"{name}: {finding.message_en}",
                    "message_id": f"{name}: {finding.message_id}",
                }
            )
            for finding in error.findings
        )
    )


def _refused(row: int, name: str, error: FatalFileError) -> Broken:
    finding = _named(error, name).findings[0]
    return Broken(
        row,
        finding.rule,
        name,
        finding.message_en,
        finding.message_id,
        finding.remedy_en,
        finding.remedy_id,
    )
