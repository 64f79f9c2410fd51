"""Fills the folder of one layer; the same step in a Dockerfile and without one."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from platformimages import collectorprogram, kafkaprogram, keycloak, minioprogram, rootfs, tidy
from platformimages.commands import ROOT, program, run
from platformimages.requirements import LayerContent
from platformimages.sbom import write_sbom

__all__ = ["PACKAGES_DIR", "fill_layer", "layer_key"]

PACKAGES_DIR = Path("usr/local/lib/python3.11/dist-packages")
"""Where Debian's Python looks for what its administrator installs."""

_SCRIPTS_DIR = Path("usr/local/bin")
_FILLING = frozenset(
    {
        "layers.py",
        "rootfs.py",
        "keycloak.py",
        "kafkaprogram.py",
        "collectorprogram.py",
        "goprogram.py",
        "minioprogram.py",
        "tidy.py",
        "sbom.py",
    }
)
"""Modules whose change is a change of every layer."""

_PROGRAMS: dict[str, tuple[Callable[[], str], Callable[[Path], None], str]] = {
    "keycloak": (keycloak.stamp, keycloak.write, "opt/keycloak"),
    "minio": (minioprogram.stamp, minioprogram.write, "."),
    "collector": (collectorprogram.stamp, collectorprogram.write, "."),
    "kafka": (kafkaprogram.stamp, kafkaprogram.write, "opt/kafka"),
}
"""What is not of wheels, by the kind of its layer: what its content hangs on, what writes it, and where."""

_SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc")


def layer_key(content: LayerContent) -> str:
    """Hash of everything that decides what the layer holds."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        if module.name in _FILLING:
            digest.update(module.read_bytes())
    digest.update(repr((content.layer, content.requirements)).encode())
    if content.layer.kind in _PROGRAMS:
        digest.update(_PROGRAMS[content.layer.kind][0]().encode())
    for folder in (*content.packages, *map(Path, content.layer.folders)):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def fill_layer(content: LayerContent, target: Path) -> None:
    """Writes the layer's files below `target`, which is empty or absent."""
    layer = content.layer
    target.mkdir(parents=True, exist_ok=True)
    if layer.kind == "rootfs":
        rootfs.write(target)
    elif layer.kind in _PROGRAMS:
        _, write, folder = _PROGRAMS[layer.kind]
        write(target / folder)
    else:
        packages = target / PACKAGES_DIR
        if content.requirements:
            _install_locked(content.requirements, packages)
        if content.packages:
            _install_own(content.packages, packages)
        _move_scripts(packages, target / _SCRIPTS_DIR, layer.scripts)
        for folder in layer.folders:
            shutil.copytree(ROOT / folder, target / "app" / folder, ignore=_SKIPPED)
    for name, destination in layer.links.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).symlink_to(destination)
    tidy.prune(target)
    tidy.true_records(target)
    tidy.compile_python(target)
    write_sbom(target, layer.name)
    tidy.normalise(target)


def _install_locked(requirements: tuple[str, ...], packages: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("\n".join(requirements) + "\n")
        listing.flush()
        _pip(packages, "--require-hashes", "--only-binary", ":all:", "--requirements", listing.name)


def _install_own(folders: tuple[Path, ...], packages: Path) -> None:
    with tempfile.TemporaryDirectory() as wheels:
        for folder in folders:
            run([program("uv", "uv"), "build", "--quiet", "--wheel", "--out-dir", wheels, ROOT / folder])
        _pip(packages, *sorted(str(path) for path in Path(wheels).glob("*.whl")))
    for leftover in packages.glob("lumbung*.dist-info/direct_url.json"):
        leftover.unlink()


def _pip(packages: Path, *arguments: str) -> None:
    command = [program("uv", "uv"), "pip", "install", "--quiet", "--no-deps", "--link-mode", "copy"]
    command += ["--python", tidy.python311(), "--target", str(packages), *arguments]
    run(command)


def _move_scripts(packages: Path, target: Path, kept: tuple[str, ...]) -> None:
    """Keeps the named programs, with the image's interpreter; drops the others."""
    for name in kept:
        path = packages / "bin" / name
        content = path.read_bytes()
        if content.startswith(b"#!"):
            content = b"#!/usr/bin/python3\n" + content.split(b"\n", 1)[1]
        target.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
        (target / name).chmod(0o755)
    shutil.rmtree(packages / "bin", ignore_errors=True)
