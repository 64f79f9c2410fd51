"""Models: register, deploy, predict."""

import struct
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from lumbung.inference.v1 import model_service_pb2 as pb
from lumbung.inference.v1 import model_service_pb2_grpc as pb_grpc
from lumbung.openinference import open_inference_pb2 as oip
from lumbung.openinference import open_inference_pb2_grpc as oip_grpc
from lumbung.transport import api_errors

__all__ = ["Models", "Tensor"]

CHUNK_BYTES = 1024 * 1024
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Values in row-major order with a shape; `datatype` as in the Open Inference Protocol."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]


class Models:
    """Registers and deploys models, and asks them."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._models = pb_grpc.ModelServiceStub(channel)
        self._inference = oip_grpc.GRPCInferenceServiceStub(channel)

    def register(
        self,
        model: str,
        onnx: bytes,
        *,
        description: str = "",
        training_snapshots: Sequence[str] = (),
        metrics: Mapping[str, float] | None = None,
        request_id: str = "",
    ) -> pb.ModelVersion:
        """Registers an ONNX file as the next version of a model."""
        head = pb.RegisterModelVersionRequest.Head(
            parent=f"models/{model}",
            model_version=pb.ModelVersion(
                description=description, training_snapshots=training_snapshots, metrics=dict(metrics or {})
            ),
            request_id=request_id or str(uuid.uuid4()),
        )

        def parts() -> Iterator[pb.RegisterModelVersionRequest]:
            yield pb.RegisterModelVersionRequest(head=head)
            for start in range(0, len(onnx), CHUNK_BYTES):
                yield pb.RegisterModelVersionRequest(data=onnx[start : start + CHUNK_BYTES])

        with api_errors():
            answer: pb.ModelVersion = self._models.RegisterModelVersion(parts(), timeout=120)
        return answer

    def list_versions(self, model: str = "-") -> list[pb.ModelVersion]:
        """The newest versions of a model, or of all."""
        with api_errors():
            page = self._models.ListModelVersions(
                pb.ListModelVersionsRequest(parent=f"models/{model}", page_size=200), timeout=30
            )
        return list(page.model_versions)

    def deploy(self, version: str, timeout_seconds: float = 180.0) -> pb.Deployment:
        """Serves `models/{model}/versions/{version}`; returns when it answers."""
        with api_errors():
            answer: pb.Deployment = self._models.DeployModelVersion(
                pb.DeployModelVersionRequest(name=version), timeout=timeout_seconds
            )
        return answer

    def predict(self, model: str, inputs: Sequence[Tensor], *, timeout_seconds: float = 30.0) -> list[Tensor]:
        """Asks the deployed version of a model."""
        request = oip.ModelInferRequest(model_name=model)
        for tensor in inputs:
            entry = request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
            getattr(entry.contents, _CONTENTS[tensor.datatype]).extend(tensor.values)
        with api_errors():
            answer = self._inference.ModelInfer(request, timeout=timeout_seconds)
        return [_tensor(output, answer, index) for index, output in enumerate(answer.outputs)]


def _tensor(output: Any, answer: Any, index: int) -> Tensor:
    if index < len(answer.raw_output_contents):
        values: Sequence[Any] = _raw_values(output.datatype, answer.raw_output_contents[index])
    else:
        values = list(getattr(output.contents, _CONTENTS[output.datatype]))
    return Tensor(output.name, output.datatype, tuple(output.shape), values)


_FORMATS = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP32": "f",
    "FP64": "d",
}


def _raw_values(datatype: str, raw: bytes) -> Sequence[Any]:
    """Little-endian values; BYTES are length-prefixed with four bytes each, as the protocol says."""
    if datatype != "BYTES":
        size = struct.calcsize(f"<{_FORMATS[datatype]}")
        return struct.unpack(f"<{len(raw) // size}{_FORMATS[datatype]}", raw)
    values: list[bytes] = []
    offset = 0
    while offset < len(raw):
        length = int.from_bytes(raw[offset : offset + 4], "little")
        values.append(raw[offset + 4 : offset + 4 + length])
        offset += 4 + length
    return values
