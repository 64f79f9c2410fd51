"""Turns a declaration into a pipeline, or says where it is wrong."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from compute_service.domain.document import Node, checked_name, load_document
from compute_service.domain.pipeline import (
    Aggregate,
    Expectation,
    Input,
    Join,
    Measure,
    Partitioning,
    Pipeline,
    Rows,
    Sink,
    Step,
    Words,
)

__all__ = ["ExpressionCheck", "parse_pipeline"]

#: Raises ValueError with a reason when a text is no expression of the language.
ExpressionCheck = Callable[[str], None]


@lru_cache(maxsize=32)
def parse_pipeline(text: str, check_expression: ExpressionCheck) -> Pipeline:
    """The pipeline of a declaration. Remembered: every attempt and every task of a run asks.

    Raises:
        DeclarationError: what is wrong and the path of the place, such as `steps[2].join.keys`.
    """
    parts = load_document(text).fields(
        ("kind", "name", "owner", "inputs", "steps", "sinks"),
        ("display_name", "description", "partition", "expectations"),
    )
    parts["kind"].one_of("Pipeline")
    reader = _Reader(check_expression)
    return Pipeline(
        name=parts["name"].name(),
        display_name=_words(parts.get("display_name")),
        description=_words(parts.get("description")),
        owner=parts["owner"].text(),
        inputs=reader.inputs(parts["inputs"]),
        partition=reader.partition(parts.get("partition")),
        steps=reader.steps(parts["steps"]),
        sinks=reader.sinks(parts["sinks"]),
        expectations=reader.expectations(parts.get("expectations")),
    )


def _words(node: Node | None) -> Words:
    if node is None:
        return Words()
    parts = node.fields((), ("id", "en"))
    return Words(**{key: part.text() for key, part in parts.items()})


class _Reader:
    """Reads the parts in order; names must be known before they are used."""

    def __init__(self, check_expression: ExpressionCheck) -> None:
        self._check = check_expression
        self._inputs: set[str] = set()
        self._known: set[str] = set()

    def inputs(self, node: Node) -> tuple[Input, ...]:
        found = []
        for name, part in node.entries():
            parts = part.fields(("dataset",), ("as_of",))
            checked_name(name, part)
            as_of = parts["as_of"].whole(least=1) if "as_of" in parts else None
            found.append(Input(name, parts["dataset"].name(), as_of))
        if not found:
            raise node.fail("names no input", "tidak menyebut masukan")
        self._inputs = {item.name for item in found}
        self._known = set(self._inputs)
        return tuple(found)

    def partition(self, node: Node | None) -> Partitioning | None:
        if node is None:
            return None
        parts = node.fields(("input", "by"))
        name = parts["input"].text()
        if name not in self._inputs:
            raise parts["input"].fail(f"is {name!r}, which is no input", f"bernilai {name!r}, bukan masukan")
        return Partitioning(name, parts["by"].names(least=1))

    def steps(self, node: Node) -> tuple[Step, ...]:
        return tuple(self._step(item) for item in node.items())

    def _step(self, node: Node) -> Step:
        parts = node.fields(("id",), ("rows", "aggregate", "join"))
        name = parts["id"].name()
        if name in self._known:
            raise parts["id"].fail(
                f"is {name!r}, a name in use already", f"bernilai {name!r}, nama yang sudah dipakai"
            )
        kinds = [key for key in ("rows", "aggregate", "join") if key in parts]
        if len(kinds) != 1:
            raise node.fail(
                "needs exactly one of rows, aggregate, join",
                "harus berisi tepat satu dari rows, aggregate, join",
            )
        makers: Mapping[str, Callable[[str, Node], Step]] = {
            "rows": self._rows,
            "aggregate": self._aggregate,
            "join": self._join,
        }
        step = makers[kinds[0]](name, parts[kinds[0]])
        self._known.add(name)
        return step

    def _rows(self, name: str, node: Node) -> Rows:
        parts = node.fields(("from",), ("where", "columns", "select"))
        columns: dict[str, str] = {}
        if "columns" in parts:
            columns = {
                checked_name(key, part): self._expression(part) for key, part in parts["columns"].entries()
            }
        return Rows(
            name,
            self._source(parts["from"]),
            self._expression(parts["where"]) if "where" in parts else None,
            columns,
            parts["select"].names(least=1) if "select" in parts else None,
        )

    def _aggregate(self, name: str, node: Node) -> Aggregate:
        parts = node.fields(("from", "by", "measures"))
        by = parts["by"].names()
        measures = []
        for key, part in parts["measures"].entries():
            checked_name(key, part)
            entries = list(part.entries())
            if len(entries) != 1:
                raise part.fail(
                    "needs exactly one of sum, count, min, max",
                    "harus berisi tepat satu dari sum, count, min, max",
                )
            function = Node(entries[0][0], part.path).one_of("sum", "count", "min", "max")
            column = entries[0][1].text()
            if column == "*" and function != "count":
                raise entries[0][1].fail("is *, which only count takes", "bernilai *, yang hanya untuk count")
            if key in by:
                raise part.fail("has the name of a column of by", "memakai nama kolom pada by")
            measures.append(Measure(key, function, column))
        if not measures:
            raise parts["measures"].fail("is empty", "kosong")
        return Aggregate(name, self._source(parts["from"]), by, tuple(measures))

    def _join(self, name: str, node: Node) -> Join:
        parts = node.fields(("left", "right", "keys", "how"), ("right_columns", "validate"))
        keys = parts["keys"].names(least=1)
        right: dict[str, str] = {}
        if "right_columns" in parts:
            for key, part in parts["right_columns"].entries():
                if checked_name(key, part) in keys:
                    raise part.fail("has the name of a key", "memakai nama kunci")
                right[key] = part.text()
        return Join(
            name,
            self._source(parts["left"]),
            self._source(parts["right"]),
            keys,
            parts["how"].one_of("inner", "left", "full"),
            right,
            parts["validate"].one_of("1:1", "m:1") if "validate" in parts else "1:1",
        )

    def sinks(self, node: Node) -> tuple[Sink, ...]:
        found: list[Sink] = []
        for item in node.items():
            parts = item.fields(("from", "dataset", "mode"), ("by",))
            mode = parts["mode"].one_of("overwrite", "replace")
            if (mode == "replace") != ("by" in parts):
                raise item.fail(
                    "needs `by` with mode replace, and only then", "memerlukan `by` hanya pada mode replace"
                )
            dataset = parts["dataset"].name()
            if any(sink.dataset == dataset for sink in found):
                raise parts["dataset"].fail(
                    f"is {dataset!r}, written twice", f"bernilai {dataset!r}, ditulis dua kali"
                )
            by = parts["by"].names(least=1) if "by" in parts else ()
            found.append(Sink(self._source(parts["from"]), dataset, mode, by))
        if not found:
            raise node.fail("names no sink", "tidak menyebut tujuan")
        return tuple(found)

    def expectations(self, node: Node | None) -> tuple[Expectation, ...]:
        found: list[Expectation] = []
        for item in node.items() if node else ():
            parts = item.fields(("id", "of", "check", "message"), ("where", "min_rows", "severity"))
            name = parts["id"].name()
            if any(other.id == name for other in found):
                raise parts["id"].fail(f"is {name!r}, used twice", f"bernilai {name!r}, dipakai dua kali")
            found.append(
                Expectation(
                    name,
                    self._source(parts["of"]),
                    self._expression(parts["check"]),
                    _words(parts["message"]),
                    self._expression(parts["where"]) if "where" in parts else None,
                    parts["min_rows"].whole() if "min_rows" in parts else 0,
                    parts["severity"].one_of("error", "warning") if "severity" in parts else "error",
                )
            )
        return tuple(found)

    def _source(self, node: Node) -> str:
        name = node.text()
        if name not in self._known:
            raise node.fail(
                f"is {name!r}, which is no input and no step above",
                f"bernilai {name!r}, bukan masukan atau langkah di atasnya",
            )
        return name

    def _expression(self, node: Node) -> str:
        text = node.text()
        try:
            self._check(text)
        except ValueError as error:
            raise node.fail(
                f"is no expression of the language: {error}", f"bukan ekspresi yang sah: {error}"
            ) from error
        return text
