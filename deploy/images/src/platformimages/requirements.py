"""What the lock says: pinned and hashed third-party packages, and the workspace's own packages."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement

from platformimages.commands import program, run
from platformimages.recipes import Export, Image, Layer

__all__ = ["LayerContent", "contents"]

# What markers are asked about: Debian 12's Python, whatever Python builds.
_IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
    "extra": "",
}


@dataclass(frozen=True)
class LayerContent:
    """A layer with what the lock gives it: requirement lines with hashes, folders of own packages."""

    layer: Layer
    requirements: tuple[str, ...] = ()
    packages: tuple[Path, ...] = ()


def contents(image: Image) -> tuple[LayerContent, ...]:
    """Every layer of an image, in order; a package is in the first layer that asks for it."""
    seen: set[str] = set()
    own: set[Path] = set()
    found = []
    for layer in image.layers:
        third: set[str] = set()
        for export in layer.exports:
            lines = _export(export)
            third |= {_applied(line) for line in lines if not line.startswith("-e ")} - {""}
            own |= {Path(line.removeprefix("-e ")) for line in lines if line.startswith("-e ")}
        packages = {Path(name) for name in layer.packages} | (own if layer.kind == "own" else set())
        found.append(LayerContent(layer, tuple(sorted(third - seen)), tuple(sorted(packages))))
        seen |= third
    return tuple(found)


def _applied(line: str) -> str:
    """A line of the lock without its marker; empty when it is not for the image's Python."""
    pinned, *hashes = line.split(" --hash=")
    requirement = Requirement(pinned)
    if requirement.marker is not None and not requirement.marker.evaluate(_IMAGE):
        return ""
    return " --hash=".join([f"{requirement.name}{requirement.specifier}", *hashes])


@cache
def _export(export: Export) -> tuple[str, ...]:
    command = [
        program("uv", "uv (pip install uv)"),
        "export",
        "--quiet",
        "--locked",
        "--no-header",
        "--no-annotate",
    ]
    command += ["--package", export.package]
    if export.groups:
        for group in export.groups:
            command += ["--only-group", group]
    else:
        command.append("--no-dev")
        for extra in export.extras:
            command += ["--extra", extra]
    text = run(command).replace("\\\n", " ")
    return tuple(" ".join(line.split()) for line in text.splitlines() if line.strip())
