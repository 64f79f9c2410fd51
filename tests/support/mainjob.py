"""The main job as a test runs it, and what it leaves in the stack."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lumbung.errors import ApiError
from lumbung.inference.v1 import model_service_pb2 as pb
from lumbung.inference.v1 import model_service_pb2_grpc as pb_grpc

from support.stack import ROOT, RunningStack

__all__ = ["MODEL", "is_loaded", "row_counts", "run_main_job"]

MODEL = "next_year_realisation"
STEWARD = "steward-pusat"
_TABLES = {"apbd_panel", "apbd_national", "apbd_by_province", "apbd_reconciliation", "province"}
_SECONDS = 850


def row_counts(stack: RunningStack) -> dict[str, int]:
    """Rows of the newest snapshot of every dataset that has one."""
    datasets = stack.client(STEWARD).catalog.list_datasets()
    return {
        entry.name.removeprefix("datasets/"): entry.latest_snapshot.rows
        for entry in datasets
        if entry.latest_snapshot.name
    }


def is_loaded(stack: RunningStack) -> bool:
    """Whether the main job's tables are there and its model is served."""
    try:
        counts = row_counts(stack)
        answer = pb_grpc.ModelServiceStub(stack.client("ilmuwan-pusat").channel).ListDeployments(
            pb.ListDeploymentsRequest(), timeout=30
        )
    except ApiError:
        return False
    served = {entry.model for entry in answer.deployments if entry.ready}
    return counts.keys() >= _TABLES and f"models/{MODEL}" in served


def run_main_job(stack: RunningStack) -> list[dict[str, Any]]:
    """Runs the main job; gives the table of its steps. Its whole output is in the error when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "steps.json"
        done = subprocess.run(
            [sys.executable, "-m", "treasury.main_job", "--json", str(result)],
            cwd=ROOT,
            env=stack.environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"the main job failed:\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}")
        steps: list[dict[str, Any]] = json.loads(result.read_text())
    return steps
