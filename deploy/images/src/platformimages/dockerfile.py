"""Reads the last stage of a Dockerfile of ours: which layers it takes and how the image is run."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

from platformimages.errors import ImageError

__all__ = ["Runtime", "read_dockerfile"]

_FILLED = "--from=fill "


@dataclass
class Runtime:
    """What a container of the image starts with; `base` is False for an image from scratch."""

    layers: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    user: str = ""
    workdir: str = ""
    base: bool = True


def read_dockerfile(path: Path) -> Runtime:
    """The runtime of the last stage. ImageError at an instruction that could not be followed without a builder."""
    with path.open("rb") as stream:
        structure = DockerfileParser(fileobj=stream).structure
    runtime = Runtime()
    for entry in structure:
        instruction, value = entry["instruction"], entry["value"]
        if instruction == "FROM":
            runtime = Runtime(base=value != "scratch")
        elif instruction == "COPY" and value.startswith(_FILLED):
            runtime.layers.append(_layer(value, path))
        elif instruction == "ENV":
            runtime.env |= dict(word.split("=", 1) for word in value.split())
        elif instruction == "ENTRYPOINT":
            runtime.entrypoint = json.loads(value)
        elif instruction == "CMD":
            runtime.command = json.loads(value)
        elif instruction == "USER":
            runtime.user = value
        elif instruction == "WORKDIR":
            runtime.workdir = value
        elif instruction not in {"ARG", "COMMENT", "RUN", "COPY"}:
            raise ImageError(f"{path}: {instruction} is not understood without a container builder")
    return runtime


def _layer(value: str, path: Path) -> str:
    source, target = value.removeprefix(_FILLED).split()
    if target != "/" or not source.startswith("/out/") or not source.endswith("/"):
        raise ImageError(
            f"{path}: a layer is taken by `COPY --from=fill /out/NAME/ /`, not by `COPY {value}`"
        )
    return source.removeprefix("/out/").removesuffix("/")
