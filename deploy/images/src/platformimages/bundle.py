"""Everything that an installation without a network needs, in one tar."""

import hashlib
import json
import os
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from platformimages.archive import read_archive, write_archive
from platformimages.build import OUTPUT, Built, build, full_reference
from platformimages.commands import ROOT

__all__ = ["bundle", "chart_files", "write_together"]

_CHART = ROOT / "charts" / "lumbung"


def bundle() -> Path:
    """Builds what changed and writes build/lumbung-<version>.tar.

    It holds `images.tar` (an OCI archive with every image, each layer once), `images.json`, `values.yaml` (their names for the
    chart), the bills of material, the chart with what it links to, and `SHA256SUMS`.
    """
    images = build()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    target = ROOT / "build" / f"lumbung-{version}.tar"
    with tempfile.TemporaryDirectory(dir=OUTPUT) as work:
        together = Path(work, "images.tar")
        write_together(images, together)
        listing = Path(work, "images.json")
        listing.write_text(json.dumps({"images": [asdict(image) for image in images]}, indent=1) + "\n")
        files = {"images.tar": together, "images.json": listing, "values.yaml": OUTPUT / "values.yaml"}
        files |= {f"sbom/{image.sbom}": OUTPUT / image.sbom for image in images}
        files |= {f"charts/lumbung/{name}": path for name, path in chart_files(_CHART).items()}
        sums = Path(work, "SHA256SUMS")
        sums.write_text("".join(f"{_sha256(path)}  {name}\n" for name, path in files.items()))
        part = target.with_name(f"{target.name}.part")
        with tarfile.open(part, "w") as archive:
            for name, path in {**files, "SHA256SUMS": sums}.items():
                archive.add(path.resolve(), f"lumbung-{version}/{name}", filter=_plain)
        part.replace(target)
    sys.stdout.write(f"{target.stat().st_size / 1e6:7.0f} MB  {target.relative_to(ROOT)}\n")
    return target


def chart_files(chart: Path) -> dict[str, Path]:
    """Every file of a chart by its name in it; a chart that is linked into it becomes a part of it."""
    found = [Path(folder, name) for folder, _, names in os.walk(chart, followlinks=True) for name in names]
    return {str(path.relative_to(chart)): path for path in sorted(found)}


def write_together(images: Iterable[Built], target: Path) -> None:
    """One OCI archive with these images: what a node or a registry is given."""
    archives = {full_reference(image.reference): read_archive(OUTPUT / image.archive) for image in images}
    write_archive(archives, target)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member
