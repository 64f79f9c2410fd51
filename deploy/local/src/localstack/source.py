"""A stamp of a package's source, so that `up` restarts the parts whose code was edited."""

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

_SUFFIXES = frozenset({".py", ".sql", ".json", ".html", ".yaml"})


def has_module(package: str, module: str) -> bool:
    """Whether an installed package holds a module; nothing is imported to find out."""
    return any((folder / f"{module}.py").exists() for folder in _folders(package))


def source_stamp(*packages: str) -> str:
    """Hash of the names, sizes and times of all source files of the packages that are installed.

    A package may be followed by a slash and one of its modules or subpackages: `a_service/ray_head`.
    """
    digest = hashlib.sha256()
    for package in packages:
        name, _, inner = package.partition("/")
        for folder in _folders(name):
            for path in _files(folder / inner):
                entry = path.stat()
                digest.update(f"{path}:{entry.st_size}:{entry.st_mtime_ns}".encode())
    return digest.hexdigest()


def _folders(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec is not None else None
    return [Path(location) for location in locations or ()]


def _files(place: Path) -> Iterator[Path]:
    module = place.with_suffix(".py")
    if module.exists():
        yield module
    yield from (path for path in sorted(place.rglob("*")) if path.suffix in _SUFFIXES)
