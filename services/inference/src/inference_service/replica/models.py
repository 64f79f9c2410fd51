"""The models that a replica has loaded, and how it comes to what it should have."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from inference_service.domain.model import TensorSpec
from inference_service.domain.names import VersionRef
from inference_service.engine.session import OnnxSession, RunGuard, run_options
from inference_service.errors import DeployFailedError, ModelFileError, ModelNotServedError
from lake import ObjectStore
from servicekit.errors import LumbungError, Text
from servicekit.telemetry import get_logger

__all__ = ["LoadedModel", "ModelSet", "WantedModel"]

_log = get_logger(__name__)

SLOW_INPUT_BYTES = 256 * 1024
SLOW_SECONDS = 0.01


class WantedModel(BaseModel):
    """A version that should be served, and where its file lies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    version: int
    object_key: str
    sha256: str
    size_bytes: int

    @property
    def ref(self) -> VersionRef:
        """Its name in the registry."""
        return VersionRef(self.model, self.version)


class LoadedModel:
    """A version that answers."""

    def __init__(self, wanted: WantedModel, session: OnnxSession) -> None:
        self.wanted = wanted
        self.ref = wanted.ref
        self.name = str(wanted.ref)
        self.version = str(wanted.version)
        self.session = session
        self._seconds = 0.0

    async def run(self, feeds: dict[str, Any], outputs: list[TensorSpec]) -> list[Any]:
        """Answers ModelInfer. Large inputs, and models that were slow the last time, in a thread: others need not wait."""
        names = [spec.name for spec in outputs]
        size = sum(array.nbytes for array in feeds.values())
        started = time.perf_counter()
        if size <= SLOW_INPUT_BYTES and self._seconds <= SLOW_SECONDS:
            arrays = self.session.run(feeds, names)
            self._seconds = time.perf_counter() - started
            return arrays
        options = run_options()
        try:
            arrays = await asyncio.to_thread(self.session.run, feeds, names, options)
        except asyncio.CancelledError:
            # Nobody waits for it any more: the thread is wanted for others.
            options.terminate = True
            raise
        if size <= SLOW_INPUT_BYTES:
            self._seconds = time.perf_counter() - started
        return arrays


class ModelSet:
    """What is served. A version that does not load leaves the one before it in place."""

    def __init__(self, objects: ObjectStore, max_run_seconds: float) -> None:
        self._objects = objects
        self._guard = RunGuard(max_run_seconds)
        self._loaded: dict[str, LoadedModel] = {}
        self._failures: dict[VersionRef, str] = {}
        self._lock = asyncio.Lock()

    async def apply(self, wanted: Sequence[WantedModel]) -> None:
        """Loads what is missing, then lets go of what is not wanted. Never raises for a single model."""
        async with self._lock:
            self._failures.clear()
            for model in wanted:
                current = self._loaded.get(model.model)
                if current is not None and current.wanted == model:
                    continue
                try:
                    self._loaded[model.model] = await asyncio.to_thread(self._load, model)
                except LumbungError as error:
                    self._failures[model.ref] = error.message.en
                    _log.error("model not loaded", model=str(model.ref), cause=error.message.en)
            names = {model.model for model in wanted}
            self._loaded = {name: model for name, model in self._loaded.items() if name in names}

    def _load(self, wanted: WantedModel) -> LoadedModel:
        content = self._objects.get(wanted.object_key, limit=wanted.size_bytes)
        if hashlib.sha256(content).hexdigest() != wanted.sha256:
            raise ModelFileError(
                Text(
                    en=f"The stored file of {wanted.ref} has changed.",
                    id=f"Berkas tersimpan {wanted.ref} berubah.",
                ),
                reason="MODEL_FILE_CHANGED",
            )
        return LoadedModel(wanted, OnnxSession(content, self._guard))

    @property
    def incomplete(self) -> bool:
        """Whether a wanted version could not be loaded."""
        return bool(self._failures)

    def model_ready(self, model: str, version: str = "") -> bool:
        """Whether `get` gives the model."""
        loaded = self._loaded.get(model.removeprefix("models/"))
        return loaded is not None and version in {"", loaded.version}

    def get(self, model: str, version: str = "") -> LoadedModel:
        """The served version of a model, by its id or as `models/{model}`.

        Raises:
            ModelNotServedError: the model, or that version of it, is not served.
            DeployFailedError: that version should be served and does not load.
        """
        name = model.removeprefix("models/")
        loaded = self._loaded.get(name)
        if loaded is not None and version in {"", loaded.version}:
            return loaded
        for ref, cause in self._failures.items():
            if ref.model == name and version in {"", str(ref.version)}:
                raise DeployFailedError(
                    Text(en=f"{ref} does not load: {cause}", id=f"{ref} tidak dapat dimuat: {cause}"),
                    Text(en="Deploy another version.", id="Pasang versi lain."),
                )
        asked = f"models/{name[:100]}" + (f"/versions/{version[:20]}" if version else "")
        raise ModelNotServedError(
            Text(en=f"{asked} is not served.", id=f"{asked} tidak sedang dilayani."),
            Text(
                en="See ListDeployments for what is served, or deploy it.",
                id="Lihat ListDeployments untuk model yang dilayani, atau pasang model itu.",
            ),
        )
