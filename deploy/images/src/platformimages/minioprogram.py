"""MinIO's program, with its licences and the list of its Go modules."""

import os
from pathlib import Path

from platformimages.goprogram import lay_program
from platformsetup import minioserver
from platformsetup.buildcache import cache_folder
from platformsetup.golang import MODULES

__all__ = ["stamp", "write"]


def stamp() -> str:
    """Changes with what would be built."""
    return minioserver.VERSION


def write(target: Path) -> None:
    """Builds the program if needed (minutes, once per user) and lays it below `target`."""
    program = minioserver.built_program(cache_folder(os.environ))
    lay_program(program, (MODULES, *minioserver.LICENCES), target)
