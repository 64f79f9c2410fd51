"""Tensors between Python and the Open Inference Protocol."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from lumbung.errors import ApiError
from lumbung.openinference import open_inference_pb2 as oip
from lumbung.texts import say

__all__ = ["Tensor", "add_input", "output_tensors"]

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
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Values in row-major order with a shape; `datatype` as in the Open Inference Protocol. Texts go as BYTES."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]


def _wrong(name: str, cause: str) -> ApiError:
    return ApiError(
        code="INVALID_ARGUMENT",
        reason="TENSOR_INVALID",
        field=name,
        message=say("tensor_wrong", name=name, cause=cause),
    )


def add_input(request: oip.ModelInferRequest, tensor: Tensor) -> None:
    """Puts a tensor into a request.

    Raises:
        ApiError: INVALID_ARGUMENT; datatype, shape and values do not go together.
    """
    if tensor.datatype not in _CONTENTS:
        raise _wrong(tensor.name, f"datatype {tensor.datatype!r}; known are {', '.join(_CONTENTS)}")
    values = list(_flat(tensor.values))
    if prod(tensor.shape) != len(values):
        raise _wrong(
            tensor.name, f"shape {list(tensor.shape)} asks for {prod(tensor.shape)} values, not {len(values)}"
        )
    if tensor.datatype == "BYTES":
        values = [value.encode() if isinstance(value, str) else value for value in values]
    try:
        entry = request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        getattr(entry.contents, _CONTENTS[tensor.datatype]).extend(values)
    except (TypeError, ValueError) as error:
        raise _wrong(tensor.name, str(error)) from error


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value


def output_tensors(answer: oip.ModelInferResponse) -> list[Tensor]:
    """The outputs of an answer, from raw contents or typed ones."""
    return [
        Tensor(output.name, output.datatype, tuple(output.shape), _values(output, answer, index))
        for index, output in enumerate(answer.outputs)
    ]


def _values(output: Any, answer: oip.ModelInferResponse, index: int) -> Sequence[Any]:
    if index < len(answer.raw_output_contents):
        return _raw_values(output.name, output.datatype, answer.raw_output_contents[index])
    if output.datatype not in _CONTENTS:
        raise _wrong(output.name, f"datatype {output.datatype!r}")
    return list(getattr(output.contents, _CONTENTS[output.datatype]))


def _raw_values(name: str, datatype: str, raw: bytes) -> Sequence[Any]:
    """Little-endian values; BYTES are length-prefixed with four bytes each, as the protocol says."""
    if datatype == "BYTES":
        return _raw_bytes(name, raw)
    if datatype not in _FORMATS:
        raise _wrong(name, f"datatype {datatype!r}")
    size = struct.calcsize(f"<{_FORMATS[datatype]}")
    if len(raw) % size:
        raise _wrong(name, f"{len(raw)} bytes are no whole number of {datatype}")
    return struct.unpack(f"<{len(raw) // size}{_FORMATS[datatype]}", raw)


def _raw_bytes(name: str, raw: bytes) -> list[bytes]:
    values: list[bytes] = []
    offset = 0
    while offset < len(raw):
        begin = offset + 4
        offset = begin + int.from_bytes(raw[offset:begin], "little")
        if offset > len(raw):
            raise _wrong(name, "its bytes end early")
        values.append(raw[begin:offset])
    return values
