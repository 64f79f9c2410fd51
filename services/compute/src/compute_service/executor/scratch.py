"""What the tasks of a run hand on: Arrow IPC objects under `runs/{run}/`, gone when the run has ended."""

import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import polars as pl

from lake import ObjectStore

__all__ = ["Scratch"]

MAX_OBJECTS = 100_000


class Scratch:
    """Objects of one run. A task that runs again overwrites its own."""

    def __init__(self, store: ObjectStore, run: str) -> None:
        self._store, self._prefix = store, f"runs/{run}/"

    def write(self, frame: pl.LazyFrame | pl.DataFrame, step: str, part: int) -> str:
        """Keeps a part of a step; its key. A lazy frame is streamed and may be larger than memory."""
        key = f"{self._prefix}{step}/part-{part:06}.arrow"
        if isinstance(frame, pl.DataFrame):
            content = BytesIO()
            frame.write_ipc(content, compression="lz4")
            self._store.put(key, content.getvalue())
            return key
        with tempfile.TemporaryDirectory(prefix="scratch-") as folder:
            path = Path(folder) / "part.arrow"
            frame.sink_ipc(path, compression="lz4")
            self._store.put_file(key, path)
        return key

    def fetch(self, keys: Sequence[str], folder: Path) -> pl.LazyFrame:
        """Parts of a step as one frame, over copies in a local folder."""
        paths = []
        for key in keys:
            if not key.startswith(self._prefix):
                raise ValueError(f"{key} is not of this run")
            path = folder / key.removeprefix(self._prefix).replace("/", "_")
            with path.open("wb") as stream:
                for chunk in self._store.stream(key):
                    stream.write(chunk)
            paths.append(path)
        return pl.scan_ipc(paths, glob=False)

    def clear(self) -> None:
        """Removes all of the run's objects."""
        for item in self._store.list_prefix(self._prefix, limit=MAX_OBJECTS):
            self._store.delete(item.key)
