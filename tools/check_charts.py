"""Holds every profile of the chart against checkov and kube-score; each waiver is in `charts/waivers.yaml` with its reason.

    python tools/check_charts.py

checkov comes from PyPI and kube-score from its Go module, both in a fixed version. Without Go (or kube-score on PATH) that
half is left out, and said so. Needs the network the first time.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "charts" / "lumbung"
PROFILES = ("kind", "small", "large", "options")
CHECKOV = "checkov==3.3.30"
KUBE_SCORE = "github.com/zegl/kube-score/cmd/kube-score@v1.20.0"
GRADE_CRITICAL = 1


def _program(name: str, *places: Path) -> str | None:
    return shutil.which(name) or next((str(place) for place in places if place.exists()), None)


def _render(helm: str, profile: str, target: Path) -> None:
    values = CHART / f"values-{profile}.yaml"
    command = [helm, "template", "lumbung", str(CHART), "--namespace", "lumbung", "--values", str(values)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    target.write_text(done.stdout + "".join(_run_pods(done.stdout)), encoding="utf-8")


def _run_pods(rendered: str) -> Iterator[str]:
    """The deployments that the Dask operator makes of the cluster in a ConfigMap, which no checker sees into."""
    for document in yaml.safe_load_all(rendered):
        if not document or "cluster.yaml" not in document.get("data", {}):
            continue
        for name, part in yaml.safe_load(document["data"]["cluster.yaml"])["spec"].items():
            metadata = {**document["metadata"], "name": f"run-{name}", "labels": part["metadata"]["labels"]}
            spec = {
                "replicas": 1,
                "selector": {"matchLabels": part["metadata"]["labels"]},
                "template": {"metadata": part["metadata"], "spec": part["spec"]},
            }
            deployment = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata,
                "spec": spec,
            }
            yield f"\n---\n{yaml.safe_dump(deployment)}"


def _checkov(uv: str, manifest: Path, waived: list[str]) -> Iterator[str]:
    command = [
        uv,
        "tool",
        "run",
        "--no-python-downloads",
        "--from",
        CHECKOV,
        "checkov",
        "--file",
        str(manifest),
    ]
    command += ["--framework", "kubernetes", "--output", "json", "--compact", "--quiet", "--skip-download"]
    command += ["--skip-check", ",".join(waived)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    answer: dict[str, Any] = json.loads(done.stdout)
    if answer.get("resource_count", answer.get("summary", {}).get("resource_count", 0)) == 0:
        raise RuntimeError(f"checkov saw nothing: {done.stderr[-500:]}")
    for failed in answer["results"]["failed_checks"]:
        yield f"{failed['check_id']} {failed['check_name']}: {failed['resource']}"


def _kube_score(program: list[str], manifest: Path, waived: list[str]) -> Iterator[str]:
    command = [*program, "score", "--output-format", "json", "--kubernetes-version", "v1.34", str(manifest)]
    for name in waived:
        command += ["--ignore-test", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    scored: list[dict[str, Any]] = json.loads(done.stdout)
    if not scored:
        raise RuntimeError(f"kube-score saw nothing: {done.stderr[-500:]}")
    for entry in scored:
        for check in entry["checks"]:
            if not check["skipped"] and check["grade"] <= GRADE_CRITICAL:
                said = "; ".join(comment["summary"] for comment in check["comments"] or [])
                yield f"{check['check']['id']}: {entry['object_name']}: {said}"


def main() -> int:
    """Prints the findings of every profile; 1 when there are any."""
    waivers = yaml.safe_load((ROOT / "charts" / "waivers.yaml").read_text(encoding="utf-8"))
    helm = _program("helm", ROOT / "build" / "tools" / "helm")
    uv = _program("uv", ROOT / ".lumbung" / "tools" / "uv" / "bin" / "uv")
    if helm is None or uv is None:
        sys.stderr.write(
            "helm and uv are needed: put them on PATH (`pytest tests/charts` unpacks a helm into build/tools)\n"
        )
        return 2
    score = (
        [found]
        if (found := _program("kube-score"))
        else ["go", "run", KUBE_SCORE]
        if _program("go")
        else None
    )
    findings = 0
    with tempfile.TemporaryDirectory() as folder:
        for profile in PROFILES:
            manifest = Path(folder) / f"{profile}.yaml"
            _render(helm, profile, manifest)
            found_here = [*_checkov(uv, manifest, [entry["check"] for entry in waivers["checkov"]])]
            if score:
                found_here += _kube_score(
                    score, manifest, [entry["check"] for entry in waivers["kube-score"]]
                )
            findings += len(found_here)
            sys.stdout.write(
                f"{profile}: {len(found_here)} findings\n" + "".join(f"  {line}\n" for line in found_here)
            )
    if score is None:
        sys.stdout.write("NOT CHECKED by kube-score: there is neither kube-score nor go on PATH\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
