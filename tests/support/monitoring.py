"""What the chart's alerts and panels ask Prometheus for."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from support.helm import CHART

__all__ = ["Selector", "expressions", "panels", "rules", "selectors"]

_SELECTOR = re.compile(r"\b([a-zA-Z_][a-zA-Z0-9_]*)\{([^}]*)\}")
_LABEL = re.compile(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)")
# What the scrape adds, not the program.
_ADDED = {"namespace", "app_kubernetes_io_component"}


@dataclass(frozen=True)
class Selector:
    """A metric and the labels of its own that are asked for; `asked_by` is an alert or a panel."""

    metric: str
    labels: frozenset[str]
    asked_by: str


def rules():
    """The alerts as they stand in the chart."""
    return yaml.safe_load((CHART / "monitoring" / "rules.yaml").read_text())["groups"][0]["rules"]


def panels():
    """The panels of the dashboard."""
    return json.loads((CHART / "monitoring" / "dashboard.json").read_text())["panels"]


def expressions() -> Iterator[tuple[str, str]]:
    """(who asks, expression) of every alert and panel."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def selectors() -> list[Selector]:
    """Every selector of every expression."""
    return [
        Selector(name, frozenset(_LABEL.findall(labels)) - _ADDED, asked_by)
        for asked_by, expression in expressions()
        for name, labels in _SELECTOR.findall(expression)
    ]
