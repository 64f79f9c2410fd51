"""YAML that is refused before anybody looks at it."""

import pytest

from catalog_service.domain.document import digest, parse_document
from catalog_service.errors import DeclarationInvalidError

HEAD = "kind: Dataset\nname: a\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a list",
        "just text",
        "kind: Policy\nname: a",
        "kind: Dataset",
        "kind: Dataset\nname: 7",
        "kind: Dataset\nname: A",
        "kind: Dataset\nname: " + "a" * 64,
        HEAD + "name: b",
        HEAD + "x: &one [1]\ny: *one",
        HEAD + "x: {y: 1, y: 2}",
        HEAD + "? [1, 2]\n: 3",
        HEAD + "x: !!python/object/apply:os.system [id]",
        HEAD + "x: " + "[" * 40 + "]" * 40,
        HEAD + "x: [1",
        HEAD + "x: \x00",
        HEAD + "x: " + "a" * 300_000,
    ],
    ids=range(17),
)
def test_refused(text):
    with pytest.raises(DeclarationInvalidError):
        parse_document(text, "Dataset")


def test_layout_does_not_matter_to_the_digest():
    first = parse_document("kind: Dataset\nname: a\ntags: [x, y]\n", "Dataset")
    second = parse_document("# note\nname: a\nkind: Dataset\ntags:\n- x\n- y\n", "Dataset")
    third = parse_document("kind: Dataset\nname: a\ntags: [y, x]\n", "Dataset")
    assert digest(first) == digest(second) != digest(third)
