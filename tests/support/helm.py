"""Runs helm on the project's chart. Skips, and says why, where there is no helm."""

import lzma
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "lumbung"
PROFILES = ("kind", "small", "large", "options")
NAMESPACE = "lumbung-test"


def find_helm() -> str | None:
    """The helm on PATH, else that of the shared cluster tools, unpacked into build/."""
    found = shutil.which("helm")
    if found:
        return found
    tools = Path(os.environ.get("LUMBUNG_CLUSTER_TOOLS") or ROOT.parent / "shared" / "tools" / "cluster")
    packed = tools / "prebuilt" / "helm.xz"
    unpacked = ROOT / "build" / "tools" / "helm"
    if packed.is_file() and not unpacked.exists():
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        fresh = unpacked.with_name(f"helm.{os.getpid()}")
        with lzma.open(packed) as source, fresh.open("wb") as target:
            shutil.copyfileobj(source, target)
        fresh.chmod(0o755)
        fresh.replace(unpacked)
    return str(unpacked) if unpacked.exists() else None


@dataclass(frozen=True)
class Helm:
    """`helm template` and `helm lint` of charts/lumbung."""

    program: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs helm, away from the caller's own cluster and settings."""
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "KUBECONFIG": "/nonexistent/config"}
        return subprocess.run(
            [self.program, *arguments], env=env, capture_output=True, text=True, timeout=120, check=False
        )

    def template(self, *arguments: str) -> list[dict[str, Any]]:
        """Every rendered object."""
        done = self.run("template", "lumbung", str(CHART), "--namespace", NAMESPACE, *arguments)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    def profile(self, name: str) -> list[dict[str, Any]]:
        """Every object of a profile; "default" is the chart without one."""
        return self.template(*([] if name == "default" else ["--values", str(CHART / f"values-{name}.yaml")]))


def helm_or_skip() -> Helm:
    """Helm, or a skip that cannot be overlooked."""
    program = find_helm()
    if program is None:
        pytest.skip(
            "NO HELM: the charts are NOT tested here. Put helm on PATH, or set LUMBUNG_CLUSTER_TOOLS."
        )
    return Helm(program)


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    """Objects of these kinds."""
    return [entry for entry in objects if entry["kind"] in kinds]


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod template (metadata, spec) of each workload, by the part's name; also of those that a run's cluster gets."""
    found = {
        _component(entry): entry["spec"]["template"]
        for entry in of_kind(objects, "Deployment", "StatefulSet", "Job")
    }
    for entry in of_kind(objects, "CronJob"):
        found[_component(entry)] = entry["spec"]["jobTemplate"]["spec"]["template"]
    for cluster in run_clusters(objects):
        found |= {_component(template): template for template in cluster["spec"].values()}
    return found


def _component(entry: dict[str, Any]) -> str:
    name: str = entry["metadata"]["labels"]["app.kubernetes.io/component"]
    return name


def run_clusters(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The DaskCluster that every run's is made from: one, or none where Dask stands."""
    return [
        yaml.safe_load(entry["data"]["cluster.yaml"])
        for entry in of_kind(objects, "ConfigMap")
        if "cluster.yaml" in entry["data"]
    ]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Every container of a pod template, the first ones included."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
