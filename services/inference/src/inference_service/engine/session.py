"""ONNX Runtime: one loaded model."""

import ctypes
import math
import threading
import time
from typing import Any

import numpy as np
import onnxruntime as ort

from inference_service.domain.model import Signature, TensorSpec
from inference_service.engine.datatypes import BY_ORT
from inference_service.errors import ModelFileError, TensorError
from servicekit.errors import DeadlineExceededError, Text

__all__ = ["OnnxSession", "RunGuard", "run_options"]

BF16 = 16
QUIET = 3


class RunGuard:
    """Ends runs that take longer than `limit_seconds`. One watching thread for all runs of a process."""

    def __init__(self, limit_seconds: float) -> None:
        self._limit = limit_seconds
        self._running: dict[int, tuple[float, Any]] = {}
        threading.Thread(target=self._watch, name="run-guard", daemon=True).start()

    def enter(self, options: Any) -> None:
        """A run begins."""
        self._running[id(options)] = (time.monotonic() + self._limit, options)

    def leave(self, options: Any) -> bool:
        """A run is over; True when it was ended from here."""
        return time.monotonic() >= self._running.pop(id(options))[0]

    def _watch(self) -> None:
        while True:
            time.sleep(0.25)
            now = time.monotonic()
            for deadline, options in list(self._running.values()):
                if now >= deadline:
                    options.terminate = True


def run_options() -> Any:
    """Options of one run."""
    options = ort.RunOptions()
    options.log_severity_level = QUIET
    return options


class OnnxSession:
    """Runs one model on one thread, so that replicas share the machine fairly."""

    def __init__(self, content: bytes, guard: RunGuard | None = None) -> None:
        """Loads the model.

        Raises:
            ModelFileError: ONNX Runtime refuses it.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            said = str(error).strip().splitlines()[0][:300]
            raise ModelFileError(
                Text(
                    en=f"ONNX Runtime does not load the file: {said}",
                    id=f"ONNX Runtime tidak dapat memuat berkas: {said}",
                ),
                Text(
                    en="Run it with onnxruntime on your own machine first.",
                    id="Jalankan dahulu dengan onnxruntime di komputer sendiri.",
                ),
                field="data",
                reason="MODEL_NOT_LOADABLE",
            ) from error
        self._guard = guard
        self.signature = Signature(
            tuple(_spec(value) for value in self._session.get_inputs()),
            tuple(_spec(value) for value in self._session.get_outputs()),
        )
        self._outputs = [spec.name for spec in self.signature.outputs]
        self._has_bf16 = any(
            spec.datatype == "BF16" for spec in (*self.signature.inputs, *self.signature.outputs)
        )
        self._bf16 = {spec.name for spec in self.signature.inputs if spec.datatype == "BF16"}

    def run(
        self, feeds: dict[str, Any], outputs: list[str] | None = None, options: Any | None = None
    ) -> list[Any]:
        """Arrays of the outputs asked for (all by default), in that order. BF16 is given and taken as uint16.

        Setting `options.terminate` from elsewhere ends the run.

        Raises:
            TensorError: the model cannot work on these values.
            DeadlineExceededError: it took longer than the guard allows.
        """
        options = options or run_options()
        wanted = outputs or self._outputs
        if self._guard is not None:
            self._guard.enter(options)
        ended = False
        try:
            if self._has_bf16:
                result = self._run_values(wanted, feeds, options)
            else:
                result = self._session.run(wanted, feeds, options)
        except Exception as error:
            ended = self._leave(options)
            if ended:
                raise _too_slow() from error
            said = str(error).strip().splitlines()[0][:300]
            raise TensorError(
                Text(
                    en=f"The model cannot work on these tensors: {said}",
                    id=f"Model tidak dapat mengolah tensor ini: {said}",
                ),
                Text(
                    en="Check values and shapes against the metadata.",
                    id="Periksa nilai dan bentuk terhadap metadata model.",
                ),
                reason="MODEL_RUN_FAILED",
            ) from error
        self._leave(options)
        return list(result)

    def _leave(self, options: Any) -> bool:
        return self._guard.leave(options) if self._guard is not None else False

    def _run_values(self, wanted: list[str], feeds: dict[str, Any], options: Any) -> list[Any]:
        values = {
            name: ort.OrtValue.ortvalue_from_numpy_with_onnx_type(array, BF16)
            if name in self._bf16
            else ort.OrtValue.ortvalue_from_numpy(array)
            for name, array in feeds.items()
        }
        return [_array(value) for value in self._session.run_with_ort_values(wanted, values, options)]


def _array(value: Any) -> Any:
    if value.element_type() != BF16:
        return value.numpy()
    shape = value.shape()
    content = ctypes.string_at(value.data_ptr(), 2 * math.prod(shape))
    return np.frombuffer(content, np.uint16).reshape(shape)


def _too_slow() -> DeadlineExceededError:
    return DeadlineExceededError(
        Text(en="The model took too long on this request.", id="Model terlalu lama mengolah permintaan ini."),
        Text(en="Send fewer rows at a time.", id="Kirim lebih sedikit baris sekaligus."),
        reason="MODEL_RUN_TIMEOUT",
    )


def _spec(value: Any) -> TensorSpec:
    kind = BY_ORT.get(value.type)
    shape = tuple(length if isinstance(length, int) and length >= 0 else -1 for length in value.shape)
    return TensorSpec(value.name, kind.name if kind is not None else str(value.type), shape)
