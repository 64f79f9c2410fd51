"""A stamp of a package's source, so that `up` restarts the parts whose code was edited."""

import hashlib
import importlib.util
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

_SUFFIXES = frozenset({".py", ".sql", ".json", ".html", ".yaml"})


def source_stamp(*packages: str) -> str:
    """Hash of the names, sizes and times of all source files of the packages or modules that are installed."""
    digest = hashlib.sha256()
    for package in packages:
        spec = importlib.util.find_spec(package)
        for path in _files(spec) if spec is not None else ():
            entry = path.stat()
            digest.update(f"{path}:{entry.st_size}:{entry.st_mtime_ns}".encode())
    return digest.hexdigest()


def _files(spec: ModuleSpec) -> Iterator[Path]:
    if spec.submodule_search_locations is None:
        if spec.origin is not None:
            yield Path(spec.origin)
        return
    for folder in spec.submodule_search_locations:
        yield from (path for path in sorted(Path(folder).rglob("*")) if path.suffix in _SUFFIXES)
