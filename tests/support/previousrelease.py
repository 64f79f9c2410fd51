"""The version before this one, with its chart and images: a checkout of its own in build/previous."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from support.cluster import ROOT, tools

__all__ = ["SERVERS", "previous_checkout", "server_images"]

# Included servers that stand alone: replacing their pods is an outage of seconds, so their images can be kept in a first step.
SERVERS = ("postgres", "objectstore", "keycloak")
_NAMED = ROOT / "charts" / "previous-version"


def previous_checkout() -> Path:
    """Folder of the version that charts/previous-version names, with its images built; kept for the next run."""
    name = _NAMED.read_text(encoding="utf-8").split()[0]
    found = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        pytest.skip(
            f"NO UPGRADE: the upgrade from the version before is NOT tested here. This checkout has no {name} "
            f"(charts/previous-version); fetch the whole history: git fetch --unshallow --tags."
        )
    commit = found.stdout.strip()
    folder = ROOT / "build" / "previous" / commit
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(folder)], check=True, timeout=300
        )
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=folder, check=True, timeout=300)
    # Its own environment, not the one that these tests run in.
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in ("VIRTUAL_ENV", "LUMBUNG_DATA_DIR", "PYTHONPATH")
    }
    env["LUMBUNG_CLUSTER_TOOLS"] = str(tools().parent)
    subprocess.run(["make", "--silent", "images"], cwd=folder, env=env, check=True, timeout=1800)
    return folder


def server_images(checkout: Path) -> dict[str, object]:
    """Values that keep the images of the included servers as this checkout has them."""
    values = yaml.safe_load((checkout / "build" / "images" / "values.yaml").read_text(encoding="utf-8"))
    return {name: values[name] for name in SERVERS}
