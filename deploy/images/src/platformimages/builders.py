"""Three ways from a Dockerfile to an image: docker, buildah, or laying the layers together without either.

The last one needs no registry and no daemon; it is `mkimage.py` of the folder LUMBUNG_CLUSTER_TOOLS.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from platformimages.commands import EPOCH, ROOT, run
from platformimages.dockerfile import Runtime
from platformimages.errors import ImageError

__all__ = ["BUILDER", "assemble", "build_with", "cluster_tools", "find_tool"]

BUILDER = "lumbung/builder"
"""Name of the image in which the Dockerfiles fill their layers."""

_BUILDER_FILE = ROOT / "deploy" / "images" / "builder" / "Dockerfile"
_TOOL = "LUMBUNG_IMAGE_TOOL"
_TOOLS = ("docker", "buildah", "mkimage")


def cluster_tools() -> Path:
    """Folder with `mkimage.py` and `cluster.sh`: LUMBUNG_CLUSTER_TOOLS, else beside the checkout."""
    return Path(os.environ.get("LUMBUNG_CLUSTER_TOOLS") or ROOT.parent / "shared" / "tools" / "cluster")


def find_tool() -> str:
    """What builds: LUMBUNG_IMAGE_TOOL, else the first that works of docker, buildah and mkimage.

    docker and buildah work where they can make the builder image, for which they need a registry.
    """
    named = os.environ.get(_TOOL)
    if named:
        if named not in _TOOLS:
            raise ImageError(f"{_TOOL}={named!r} is not known; it is one of {', '.join(_TOOLS)}")
        if named != "mkimage":
            _make_builder(named)
        return named
    for tool in ("docker", "buildah"):
        if shutil.which(tool) and (tool != "docker" or _docker_answers()):
            try:
                _make_builder(tool)
            except ImageError as error:
                sys.stderr.write(f"{tool} is here but cannot build: {str(error)[-300:]}\n")
            else:
                return tool
    if (cluster_tools() / "mkimage.py").exists():
        return "mkimage"
    raise ImageError(
        "nothing here builds images: start docker, install buildah, or set LUMBUNG_CLUSTER_TOOLS to the folder of mkimage.py"
    )


def _docker_answers() -> bool:
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def _make_builder(tool: str) -> None:
    folder = str(_BUILDER_FILE.parent)
    command = {
        "docker": ["docker", "build"],
        "buildah": ["buildah", "bud", "--layers", "--isolation", "chroot"],
    }[tool]
    run([*command, "--quiet", "--tag", BUILDER, "--file", str(_BUILDER_FILE), folder])


def build_with(tool: str) -> Callable[[Path, str, Mapping[str, str], Path], None]:
    """The function of a container builder: (Dockerfile, reference, build arguments, archive to write)."""
    return {"docker": _docker, "buildah": _buildah}[tool]


def assemble(folders: list[Path], runtime: Runtime, reference: str, base: Path | None, archive: Path) -> None:
    """Lays the folders of the layers over the base image's archive."""
    command = [sys.executable, str(cluster_tools() / "mkimage.py"), reference, str(archive)]
    if base is not None:
        command += ["--base", str(base)]
    for folder in folders:
        command += ["--layer", str(folder)]
    for name, value in runtime.env.items():
        command += ["--env", f"{name}={value}"]
    if runtime.entrypoint:
        command += ["--entrypoint", json.dumps(runtime.entrypoint)]
    if runtime.command:
        command += ["--cmd", json.dumps(runtime.command)]
    if runtime.user:
        command += ["--user", runtime.user]
    if runtime.workdir:
        command += ["--workdir", runtime.workdir]
    run(command)


def _arguments(given: Mapping[str, str]) -> list[str]:
    return [word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")]


def _docker(dockerfile: Path, reference: str, given: Mapping[str, str], archive: Path) -> None:
    command = ["docker", "build", "--quiet", "--file", str(dockerfile), "--tag", reference]
    run([*command, *_arguments(given), str(ROOT)], env={"DOCKER_BUILDKIT": "1"})
    run(["docker", "save", "--output", str(archive), reference])


def _buildah(dockerfile: Path, reference: str, given: Mapping[str, str], archive: Path) -> None:
    command = ["buildah", "bud", "--quiet", "--isolation", "chroot", "--timestamp", EPOCH]
    run([*command, "--file", str(dockerfile), "--tag", reference, *_arguments(given), str(ROOT)])
    archive.unlink(missing_ok=True)
    run(["buildah", "push", "--quiet", reference, f"oci-archive:{archive}"])
