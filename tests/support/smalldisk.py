"""A disk that can be filled: a file system in memory of a given size."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["SmallDisk", "small_disk"]


@dataclass(frozen=True)
class SmallDisk:
    """Its folder, which everybody may write, and a name for what lies on it."""

    folder: Path

    @property
    def part(self) -> str:
        return self.folder.name

    def fill(self) -> None:
        """Takes all that is free."""
        with (self.folder / "ballast").open("wb") as ballast, contextlib.suppress(OSError):
            while True:
                os.write(ballast.fileno(), bytes(2**20))

    def make_room(self) -> None:
        """Gives back what `fill` took."""
        (self.folder / "ballast").unlink()

    @property
    def free(self) -> int:
        """Bytes."""
        return shutil.disk_usage(self.folder).free


@contextlib.contextmanager
def small_disk(part: str, mebibytes: int) -> Iterator[SmallDisk]:
    """Mounted while the context lasts, where also servers get at it that do not run as root; needs root."""
    if os.geteuid() != 0:
        pytest.skip("NO FULL DISK: what a full disk does is NOT tested here; mounting one needs root")
    parent = Path(tempfile.mkdtemp(prefix="lumbung-disk-"))
    parent.chmod(0o755)
    folder = parent / part
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0777", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(parent)
