"""The words of a run's tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compute_service.domain.pipeline import Pipeline
from compute_service.domain.plan import Plan
from compute_service.domain.runs import Run
from servicekit.telemetry import client_metadata

__all__ = ["Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """What the tasks of one attempt have in common."""

    run: Run
    pipeline: Pipeline
    plan: Plan
    decisions: Mapping[str, dict[str, Any]]
    contracts: Mapping[str, str]

    def _common(self, kind: str) -> dict[str, Any]:
        return {
            "kind": kind,
            "run": self.run.run,
            "declaration": self.run.declaration,
            "contracts": dict(self.contracts),
            "trace": dict(client_metadata()),
        }

    def partition_task(self, index: int, piece: dict[str, Any], decision: dict[str, Any]) -> dict[str, Any]:
        """The task of one part of the partitioned input."""
        return {**self._common("partition"), "part": index, "partition": piece, "decision": decision}

    def finish_task(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        """The task after all of them."""
        handed: dict[str, list[str]] = {}
        keys: dict[str, list[str]] = {}
        for part in parts:
            for step, key in part["handed"].items():
                handed.setdefault(step, []).append(key)
            for dataset, words in part["sinks"].items():
                if words["keys"]:
                    keys.setdefault(dataset, []).append(words["keys"])
        return {
            **self._common("finish"),
            "decisions": dict(self.decisions),
            "inputs": dict(self.run.inputs or {}),
            "handed": handed,
            "keys": keys,
        }
