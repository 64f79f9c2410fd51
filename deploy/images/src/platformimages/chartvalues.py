"""Values for the chart that name the images just built: `helm install … -f build/images/values.yaml`."""

from collections.abc import Mapping
from typing import Any

__all__ = ["chart_values"]


def chart_values(defaults: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """A tag for every `image` of the chart's default values whose repository was built; `tags` are by repository."""
    found: dict[str, Any] = {}
    for key, value in defaults.items():
        if not isinstance(value, Mapping):
            continue
        if key == "image" and value.get("repository") in tags:
            found[key] = {"tag": tags[value["repository"]]}
        elif inner := chart_values(value, tags):
            found[key] = inner
    return found
