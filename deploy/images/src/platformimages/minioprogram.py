"""MinIO's program, with its licences and the list of its Go modules."""

import os
import shutil
from pathlib import Path

from platformsetup import minioserver
from platformsetup.buildcache import cache_folder
from platformsetup.golang import MODULES

__all__ = ["stamp", "write"]

_PROGRAM = Path("usr/local/bin/minio")
_DOCUMENTS = Path("usr/share/doc/minio")


def stamp() -> str:
    """Changes with what would be built."""
    return minioserver.VERSION


def write(target: Path) -> None:
    """Builds the program if needed (minutes, once per user) and lays it below `target`."""
    program = minioserver.built_program(cache_folder(os.environ))
    (target / _PROGRAM).parent.mkdir(parents=True)
    shutil.copy(program, target / _PROGRAM)
    (target / _DOCUMENTS).mkdir(parents=True)
    for name in (MODULES, *minioserver.LICENCES):
        shutil.copyfile(program.parent / name, target / _DOCUMENTS / name)
