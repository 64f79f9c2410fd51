"""Makes what the chart's values are checked against, and the page that lists them.

    python tools/chart_schema.py [--check]

`charts/lumbung/values.schema.json` is `charts/schema.base.yaml` with the services' settings models in it;
`docs/reference/chart-values.md` is `charts/lumbung/values.yaml` as a table. With `--check`, says what is stale.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from catalog_service.settings import CatalogSettings
from compute_service.settings import ComputeSettings, WorkerSettings
from gateway_service.settings import GatewaySettings
from inference_service.settings import InferenceSettings, NodeSettings
from ingest_service.settings import IngestSettings
from platformsetup.settings import BackupSettings, BucketSettings, DatabasesSettings, RealmSettings
from portal_service.settings import PortalSettings
from servicekit.settings import ServiceSettings

NOT_HERE = "not here: it comes from a Secret"
ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "charts" / "lumbung"
# Settings by the name of their definition in the schema, and of the template that makes them.
SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "portal": PortalSettings,
    "catalog": CatalogSettings,
    "ingest": IngestSettings,
    "compute": ComputeSettings,
    "inference": InferenceSettings,
    "daskWorker": WorkerSettings,
    "rayWorker": NodeSettings,
    "setupDatabases": DatabasesSettings,
    "setupBucket": BucketSettings,
    "setupRealm": RealmSettings,
    "backup": BackupSettings,
}


def values_schema() -> dict[str, Any]:
    """The whole schema. Nothing of a settings model is required (the chart knows the rest); no secret may be given."""
    base = yaml.safe_load((ROOT / "charts" / "schema.base.yaml").read_text(encoding="utf-8"))
    schema: dict[str, Any] = _extended(base, base["$defs"])
    references, definitions = models_json_schema(
        [(model, "validation") for model in SETTINGS.values()], ref_template="#/$defs/settings.{model}"
    )
    for name, model in SETTINGS.items():
        schema["$defs"][f"config.{name}"] = references[model, "validation"]
    for name, definition in definitions["$defs"].items():
        schema["$defs"][f"settings.{name}"] = _partial(definition)
    return schema


def _extended(node: Any, definitions: dict[str, Any]) -> Any:
    """With the properties of what it extends, and closed: an unknown key is then named as such."""
    if isinstance(node, list):
        return [_extended(entry, definitions) for entry in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _extended(value, definitions) for key, value in node.items() if key != "extends"}
    if "extends" in node:
        parent = _extended(definitions[node["extends"]], definitions)
        plain["properties"] = {**parent["properties"], **plain.get("properties", {})}
        plain = {"type": "object", "additionalProperties": False, **plain}
    return plain


def _partial(node: Any) -> Any:
    """Without `required` and titles, at every depth; a secret's only value says where it belongs."""
    if isinstance(node, list):
        return [_partial(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key not in ("required", "title")}
    if "properties" in kept:
        kept["properties"] = {
            name: {"const": NOT_HERE} if _secret(entry) else _partial(entry)
            for name, entry in kept["properties"].items()
        }
    return {key: value if key == "properties" else _partial(value) for key, value in kept.items()}


def _secret(node: Any) -> bool:
    if isinstance(node, list):
        return any(_secret(entry) for entry in node)
    return isinstance(node, dict) and (
        node.get("writeOnly") is True
        or any(_secret(node.get(key)) for key in ("anyOf", "additionalProperties"))
    )


def values_page() -> str:
    """`values.yaml` as a page: every value with its default and its comment."""
    lines = [
        "# Values of the chart",
        "",
        "Made by `python tools/chart_schema.py` from `charts/lumbung/values.yaml`; do not edit. Every `config` is laid over what the",
        "chart makes and takes the keys of that part's settings model; `charts/lumbung/values.schema.json` has them with their",
        "limits, and a wrong one is refused at `helm install`.",
        "",
        "| Value | Default | What |",
        "|---|---|---|",
    ]
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    lines += [f"| `{path}` | {default} | {comment} |" for path, default, comment in _entries(text)]
    return "\n".join(lines) + "\n"


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    """Path, default and comment of each value. A comment line belongs to the key below it."""
    comments = _comments(text)

    def walk(node: yaml.Node | None, path: str) -> Iterator[tuple[str, str, str]]:
        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            here = f"{path}.{key.value}" if path else key.value
            comment = comments.get(key.start_mark.line, "")
            if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
                if comment:
                    yield here, "", comment
                yield from walk(value, here)
            else:
                plain = json.dumps(yaml.safe_load(yaml.serialize(value)), ensure_ascii=False)
                yield here, f"`{plain}`", comment

    yield from walk(yaml.compose(text, Loader=yaml.SafeLoader), "")


def _comments(text: str) -> dict[int, str]:
    found: dict[int, str] = {}
    gathered: list[str] = []
    for number, line in enumerate(text.splitlines()):
        stripped = line.strip()
        if stripped.startswith("#"):
            gathered.append(stripped.removeprefix("#").strip())
        else:
            if stripped and gathered:
                found[number] = " ".join(gathered).replace("|", "\\|")
            gathered = []
    return found


def main() -> int:
    """Writes both files; with `--check` only compares, and 1 when one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    check = parser.parse_args().check
    wanted = {
        CHART / "values.schema.json": json.dumps(values_schema(), indent=1, ensure_ascii=False) + "\n",
        ROOT / "docs" / "reference" / "chart-values.md": values_page(),
    }
    stale = [
        path
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if check:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run `python tools/chart_schema.py`\n")
        else:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
