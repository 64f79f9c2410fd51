"""YAML documents of people: safe, without anchors, and without a key given twice."""

from typing import Any

import yaml

__all__ = ["load_document", "path_of"]

_MAX_CHARS = 1_000_000


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("anchors and aliases are not part of the language")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _value in node.value]
        repeated = {str(key) for key in keys if keys.count(key) > 1}
        if repeated:
            raise yaml.YAMLError(f"{', '.join(sorted(repeated))} is given twice{node.start_mark}")
        return super().construct_mapping(node, deep=deep)


def load_document(text: str) -> Any:
    """What a document says; ValueError says why it is none."""
    if len(text) > _MAX_CHARS:
        raise ValueError(f"the document is longer than {_MAX_CHARS} characters")
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"not YAML: {error}") from error


def path_of(location: tuple[int | str, ...]) -> str:
    """A place in a document as `a.b[0].c`."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or "document"
