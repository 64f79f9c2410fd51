"""Kafka's jars."""

import os
import shutil
from pathlib import Path

from platformsetup import kafkajars
from platformsetup.buildcache import cache_folder

__all__ = ["stamp", "write"]


def stamp() -> str:
    """Changes with what would be fetched."""
    return kafkajars.VERSION


def write(target: Path) -> None:
    """Fetches the jars if needed (once per user) and lays them into `target`."""
    shutil.copytree(kafkajars.fetched_jars(cache_folder(os.environ)), target)
