"""Reads a YAML document with the exact path of whatever is wrong in it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from compute_service.errors import DeclarationError
from servicekit.errors import Text

__all__ = ["Node", "load_document"]

MAX_CHARS = 200_000
MAX_ITEMS = 1000
MAX_TEXT = 20_000


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key named twice, and aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not offered", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool | None):
                raise yaml.MarkedYAMLError(problem="a key must be a text", problem_mark=key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} stands here twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_document(text: str) -> "Node":
    """The document as a node; DeclarationError with the line when it is no YAML mapping."""
    if len(text) > MAX_CHARS:
        raise wrong(
            "",
            f"has {len(text)} characters; {MAX_CHARS} are allowed",
            f"terlalu panjang: {len(text)} karakter",
        )
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise wrong(place, f"is not readable YAML: {problem}", f"bukan YAML yang sah: {problem}") from error
    except (RecursionError, ValueError) as error:
        raise wrong("", f"cannot be read: {error}", f"tidak terbaca: {error}") from error
    return Node(document, "")


def wrong(path: str, en: str, indonesian: str) -> DeclarationError:
    """An error at a path of the document."""
    place = path or "declaration"
    return DeclarationError(
        Text(en=f"{place} {en}.", id=f"{place} {indonesian}."),
        Text(
            en="Correct it as the pipeline language says and apply it again.",
            id="Perbaiki sesuai bahasa pipeline lalu kirim lagi.",
        ),
        field=place,
    )


class Node:
    """A value of the document and its path."""

    def __init__(self, value: Any, path: str) -> None:
        self.value, self.path = value, path

    def fail(self, en: str, indonesian: str) -> DeclarationError:
        """An error here."""
        return wrong(self.path, en, indonesian)

    def fields(self, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, "Node"]:
        """The members of a mapping; unknown and missing keys are errors."""
        if not isinstance(self.value, dict):
            raise self.fail("must be a mapping", "harus berupa pemetaan")
        known = (*required, *optional)
        for key in self.value:
            if key not in known:
                raise Node(None, self._below(str(key))).fail(
                    f"is not a key of the language (known here: {', '.join(known)})",
                    f"bukan kunci yang dikenal (yang dikenal: {', '.join(known)})",
                )
        for key in required:
            if self.value.get(key) is None:
                raise Node(None, self._below(key)).fail("is missing", "tidak ada")
        return {key: Node(value, self._below(key)) for key, value in self.value.items() if value is not None}

    def items(self) -> list["Node"]:
        """The members of a list."""
        if not isinstance(self.value, list) or len(self.value) > MAX_ITEMS:
            raise self.fail(
                f"must be a list of at most {MAX_ITEMS}", f"harus berupa daftar, paling banyak {MAX_ITEMS}"
            )
        return [Node(value, f"{self.path}[{index}]") for index, value in enumerate(self.value)]

    def entries(self) -> Iterator[tuple[str, "Node"]]:
        """The members of a mapping with free keys."""
        if not isinstance(self.value, dict) or len(self.value) > MAX_ITEMS:
            raise self.fail("must be a mapping", "harus berupa pemetaan")
        for key, value in self.value.items():
            yield str(key), Node(value, self._below(str(key)))

    def text(self) -> str:
        """A text that is not empty."""
        if not isinstance(self.value, str) or not self.value.strip() or len(self.value) > MAX_TEXT:
            raise self.fail("must be a text", "harus berupa teks")
        return self.value

    def name(self) -> str:
        """A name in snake case."""
        return checked_name(self.text(), self)

    def names(self, *, least: int = 0) -> tuple[str, ...]:
        """A list of different column names."""
        found = tuple(item.text() for item in self.items())
        if len(found) < least:
            raise self.fail(f"needs at least {least} name(s)", f"memerlukan sedikitnya {least} nama")
        if repeated := next((name for name in found if found.count(name) > 1), None):
            raise self.fail(f"names {repeated} twice", f"menyebut {repeated} dua kali")
        return found

    def whole(self, *, least: int = 0) -> int:
        """A whole number."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < least:
            raise self.fail(f"must be a whole number from {least}", f"harus bilangan bulat mulai {least}")
        return self.value

    def one_of(self, *choices: str) -> str:
        """One of some words."""
        if self.value not in choices:
            raise self.fail(
                f"is {self.value!r}; it must be one of {', '.join(choices)}",
                f"bernilai {self.value!r}; pilihannya {', '.join(choices)}",
            )
        return str(self.value)

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def checked_name(name: str, node: Node) -> str:
    """The name, when it is one."""
    if not _NAME.fullmatch(name):
        raise node.fail(
            f"is {name[:80]!r}; a name is [a-z][a-z0-9_]{{0,62}}",
            f"bernilai {name[:80]!r}; nama harus [a-z][a-z0-9_]{{0,62}}",
        )
    return name
