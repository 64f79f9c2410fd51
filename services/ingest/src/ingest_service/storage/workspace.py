"""Local folders for files that are being checked."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Workspace"]


class Workspace:
    """One folder per submission or run, named after it and this process; removed when the work ends."""

    def __init__(self, root: Path | None) -> None:
        self._own = root is None
        self._root = root or Path(tempfile.gettempdir())

    @contextmanager
    def folder(self, submission_id: str, *parts: str) -> Iterator[Path]:
        """A fresh folder that only this user can read, with nothing in it but the empty folders `parts`."""
        self._root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"submission-{os.getpid()}-{submission_id}-", dir=self._root))
        try:
            for part in parts:
                (folder / part).mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def clean(self) -> int:
        """Removes folders of processes that died; how many. Does nothing in a shared temporary folder."""
        if self._own or not self._root.is_dir():
            return 0
        left = [path for path in self._root.glob("submission-*") if not _alive(path.name.split("-")[1])]
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        return len(left)


def _alive(pid: str) -> bool:
    return pid.isdecimal() and Path(f"/proc/{pid}").exists() and int(pid) != os.getpid()
