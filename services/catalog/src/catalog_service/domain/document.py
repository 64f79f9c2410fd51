"""Reads YAML declarations: no anchors, no repeated keys, no surprise in size or depth."""

import hashlib
import json
from typing import Any

import yaml

from catalog_service.domain.names import is_id
from catalog_service.errors import DeclarationInvalidError

__all__ = ["canonical", "digest", "parse_document"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 24


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses what makes two readers see two documents."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("anchors and aliases are not allowed")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.YAMLError(f"deeper than {MAX_DEPTH} levels")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _value in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool):
                raise yaml.YAMLError(f"line {key_node.start_mark.line + 1}: a key is not a text")
            if key in seen:
                raise yaml.YAMLError(f"line {key_node.start_mark.line + 1}: the key {key!r} is repeated")
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse_document(text: str, kind: str) -> dict[str, Any]:
    """The mapping in a declaration of `kind`, with a usable `name`.

    Raises:
        DeclarationInvalidError: it is too large, no YAML mapping, of another kind, or its name is not an id.
    """
    if len(text.encode()) > MAX_BYTES:
        raise DeclarationInvalidError(
            "$", f"longer than {MAX_BYTES} bytes.", f"lebih panjang dari {MAX_BYTES} bita."
        )
    try:
        loaded = yaml.load(text, _StrictLoader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        cause = " ".join(str(error).split())[:300]
        raise DeclarationInvalidError("$", f"not readable: {cause}.", f"tidak terbaca: {cause}.") from error
    if not isinstance(loaded, dict):
        raise DeclarationInvalidError("$", "not a mapping of keys.", "bukan pasangan kunci dan isi.")
    if loaded.get("kind") != kind:
        raise DeclarationInvalidError(
            "kind", f"is {loaded.get('kind')!r}, not {kind}.", f"berisi {loaded.get('kind')!r}, bukan {kind}."
        )
    name = loaded.get("name")
    if not isinstance(name, str) or not is_id(name):
        raise DeclarationInvalidError(
            "name",
            f"is {name!r}; it starts with a small letter, then up to 62 of a-z, 0-9 and _.",
            f"berisi {name!r}; mulailah dengan huruf kecil, lalu paling banyak 62 dari a-z, 0-9, dan _.",
        )
    return loaded


def canonical(document: Any) -> bytes:
    """One encoding for equal documents, whatever their layout and order of keys."""
    return json.dumps(
        document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str
    ).encode()


def digest(document: Any) -> bytes:
    """SHA-256 of the canonical encoding, 32 bytes."""
    return hashlib.sha256(canonical(document)).digest()
