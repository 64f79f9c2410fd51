"""The files of the main job: the public tables where they are at hand, else a generated sample that says so."""

import os
from dataclasses import dataclass
from pathlib import Path

from treasury.generators.apbd_sample import generate, write

__all__ = ["Inputs", "find_collection", "find_inputs"]

ROOT = Path(__file__).resolve().parents[2]
SHARED = "shared/data"
PANEL_FOLDER = "djpk-apbd-panel"
PANEL = "apbd_kabkota_2010_2017.parquet"


@dataclass(frozen=True)
class Inputs:
    """The three files, and whether their figures are real."""

    panel: Path
    national: Path
    province: Path
    generated: bool

    @property
    def origin(self) -> str:
        """What the figures are."""
        if self.generated:
            return "a GENERATED sample (no figure is real)"
        return "the public tables of local budgets, 2010-2017"


def find_inputs(work: Path) -> Inputs:
    """Looks in LUMBUNG_SHARED_DATA, then beside the checkout; otherwise generates a sample in `work`."""
    folder = _shared() / PANEL_FOLDER
    generated = not (folder / PANEL).is_file()
    if generated:
        folder = work / "generated"
        write(generate(), folder)
    return Inputs(
        panel=folder / PANEL,
        national=folder / "apbd_nasional_2010_2017_idnum.csv",
        province=folder / "provcode.csv",
        generated=generated,
    )


def find_collection(name: str) -> Path | None:
    """A folder of public files in the same place; None where it is not at hand."""
    folder = _shared() / name
    return folder if folder.is_dir() else None


def _shared() -> Path:
    named = os.environ.get("LUMBUNG_SHARED_DATA")
    return Path(named) if named else ROOT.parent / SHARED
