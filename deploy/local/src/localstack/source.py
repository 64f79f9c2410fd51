"""A stamp of a package's source, so that `up` restarts the parts whose code was edited."""

import hashlib
import importlib.util
from pathlib import Path


def source_stamp(*packages: str) -> str:
    """Hash of the names, sizes and times of all source files of the packages that are installed."""
    digest = hashlib.sha256()
    for package in packages:
        spec = importlib.util.find_spec(package)
        for folder in spec.submodule_search_locations or () if spec is not None else ():
            for path in sorted(Path(folder).rglob("*")):
                if path.suffix in {".py", ".sql", ".json", ".html", ".yaml"}:
                    entry = path.stat()
                    digest.update(f"{path}:{entry.st_size}:{entry.st_mtime_ns}".encode())
    return digest.hexdigest()
