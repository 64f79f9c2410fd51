"""Holds the protos against an earlier state: the newest release tag, else the protos before their last change."""

import importlib
import subprocess
import tempfile
from pathlib import Path

from grpc_tools import protoc

__all__ = ["breaking_command", "build_image"]


def build_image(protos: Path, target: Path) -> Path:
    """Compiles a folder of protos to one descriptor set.

    Raises:
        SystemExit: protoc refuses; its messages stand on standard error.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    google_apis = Path(next(iter(importlib.import_module("google.api").__path__))).parent.parent
    well_known = Path(protoc.__file__).parent / "_proto"
    arguments = [
        "protoc",
        f"--proto_path={protos}",
        f"--proto_path={google_apis}",
        f"--proto_path={well_known}",
        f"--descriptor_set_out={target}",
        "--include_imports",
        "--include_source_info",
        *(str(file.relative_to(protos)) for file in sorted(protos.rglob("*.proto"))),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit(f"protoc refuses {protos}")
    return target


def _git(root: Path, *arguments: str) -> bytes:
    finished = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    return finished.stdout if finished.returncode == 0 else b""


def _baseline(root: Path) -> str:
    """The commit to compare with; empty when there is none."""
    tags = _git(root, "tag", "--list", "v*", "--sort=-version:refname").decode().split()
    if tags:
        return tags[0]
    changes = _git(root, "log", "--format=%H", "-2", "--", "protos").decode().split()
    return changes[1] if len(changes) > 1 else ""


def breaking_command(root: Path, image: Path) -> list[str]:
    """The command that compares `image` with the baseline; empty when there is no baseline."""
    commit = _baseline(root)
    archive = _git(root, "archive", commit, "protos") if commit else b""
    if not archive:
        return []
    before = image.with_name("protos-before.binpb")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "--extract", f"--directory={folder}"], input=archive, check=True)
        build_image(Path(folder) / "protos", before)
    return [str(root / ".venv" / "bin" / "buf"), "breaking", str(image), "--against", str(before)]
