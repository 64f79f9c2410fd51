"""Inspects a file in a process of its own, which may be killed: a parser or a kernel that runs away harms nobody."""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path

from typing_extensions import override

from inference_service.domain.model import Signature, TensorSpec
from inference_service.errors import ModelFileError
from servicekit.errors import Text
from servicekit.telemetry import get_logger

__all__ = ["ModelInspector", "SubprocessInspector"]

_log = get_logger(__name__)

MAX_COMPLAINT = 2000


class ModelInspector(ABC):
    """Says whether a file may be registered."""

    @abstractmethod
    async def inspect(self, path: Path) -> Signature:
        """The signature of the file; ModelFileError when it may not be registered."""


def _ended(en: str, indonesian: str) -> ModelFileError:
    return ModelFileError(
        Text(en=en, id=indonesian),
        Text(
            en="Make the model smaller or simpler, and check that it loads with onnxruntime.",
            id="Perkecil atau sederhanakan model, dan periksa apakah dapat dimuat dengan onnxruntime.",
        ),
        field="data",
        reason="INSPECTION_ENDED",
    )


class SubprocessInspector(ModelInspector):
    """Runs `inference_service.engine.inspection` with limits of memory (bytes) and time (seconds)."""

    def __init__(self, memory_bytes: int = 2 * 2**30, seconds: float = 30.0, parallel: int = 1) -> None:
        self._memory = memory_bytes
        self._seconds = seconds
        self._slots = asyncio.Semaphore(parallel)

    @override
    async def inspect(self, path: Path) -> Signature:
        async with self._slots:
            with tempfile.TemporaryDirectory(prefix="inspection-") as folder:
                return await self._run(path, folder)

    async def _run(self, path: Path, folder: str) -> Signature:
        # The file's own process gets no credentials: its environment holds nothing but the paths.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            # No byte code: the process may not write files, and a first import that tries to can take it down.
            "-B",
            "-m",
            "inference_service.engine.inspection",
            str(path),
            str(self._memory),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": folder, "OMP_NUM_THREADS": "1"},
        )
        try:
            answer, complaint = await asyncio.wait_for(process.communicate(), self._seconds)
        except TimeoutError:
            raise _ended(
                f"Inspecting the file took longer than {self._seconds:g} seconds.",
                f"Pemeriksaan berkas melebihi {self._seconds:g} detik.",
            ) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.returncode != 0:
            tail = complaint[-MAX_COMPLAINT:].decode(errors="replace")
            _log.warning("inspection ended", code=process.returncode, complaint=tail)
            raise _ended(
                f"Inspecting the file needed more than {self._memory // 2**20} MiB, or crashed.",
                f"Pemeriksaan berkas memerlukan lebih dari {self._memory // 2**20} MiB, atau gagal.",
            )
        return _read(answer)


def _read(answer: bytes) -> Signature:
    document = json.loads(answer)
    if "error" in document:
        error = document["error"]
        remedy = error["remedy"]
        raise ModelFileError(
            Text(**error["message"]),
            Text(**remedy) if remedy else None,
            field="data",
            reason=error["reason"],
        )
    sides = (
        tuple(TensorSpec(spec["name"], spec["datatype"], tuple(spec["shape"])) for spec in document[side])
        for side in ("inputs", "outputs")
    )
    return Signature(*sides)
