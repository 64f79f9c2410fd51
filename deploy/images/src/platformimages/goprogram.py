"""Where a program that was built from its Go module lies in an image."""

import shutil
from collections.abc import Iterable
from pathlib import Path

__all__ = ["lay_program"]

_PROGRAMS = Path("usr/local/bin")
_DOCUMENTS = Path("usr/share/doc")


def lay_program(program: Path, documents: Iterable[str], target: Path) -> None:
    """Copies a program below `target`, and the documents that lie beside it."""
    programs, papers = target / _PROGRAMS, target / _DOCUMENTS / program.name
    programs.mkdir(parents=True)
    shutil.copy(program, programs / program.name)
    papers.mkdir(parents=True)
    for name in documents:
        shutil.copyfile(program.parent / name, papers / name)
