"""A release in Kubernetes, read through kubectl."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any

__all__ = ["Cluster", "KubectlError"]

_SECONDS = 30


class KubectlError(Exception):
    """kubectl is not there, or says no; the text is its own."""


@dataclass(frozen=True)
class Cluster:
    """The namespace and name of a release; `program` is kubectl with its first arguments."""

    namespace: str
    release: str = "lumbung"
    program: tuple[str, ...] = ("kubectl",)

    def objects(self, kind: str, *, all_of_namespace: bool = False) -> list[dict[str, Any]]:
        """Objects of the release, or of the whole namespace (events carry no labels)."""
        selector = () if all_of_namespace else ("--selector", f"app.kubernetes.io/instance={self.release}")
        listed: list[dict[str, Any]] = json.loads(self._run("get", kind, *selector, "--output", "json"))[
            "items"
        ]
        return listed

    def last_words(self, pod: str) -> str:
        """The last line that a pod's container said, of the one before when it was started again; may be empty."""
        for more in ((), ("--previous",)):
            try:
                lines = self._run("logs", pod, "--tail", "1", *more).strip().splitlines()
            except KubectlError:
                continue
            if lines:
                return lines[-1][:500]
        return ""

    def _run(self, *arguments: str) -> str:
        command = [*self.program, *arguments, "--namespace", self.namespace]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KubectlError(str(error)) from error
        if done.returncode != 0:
            raise KubectlError(done.stderr.strip()[:500])
        return done.stdout
