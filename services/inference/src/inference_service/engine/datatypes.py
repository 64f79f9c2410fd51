"""Datatypes: the Open Inference Protocol's names, ONNX' element types and NumPy's dtypes side by side.

BF16 has no NumPy dtype; its 16 bits travel as unsigned integers and the engine is told what they mean.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = ["BY_ONNX", "BY_ORT", "DATATYPES", "Datatype"]


@dataclass(frozen=True, slots=True)
class Datatype:
    """One element type; `size` is bytes per element on the wire (0: it varies), `contents` the typed field."""

    name: str
    onnx: int
    ort: str
    dtype: np.dtype[Any]
    size: int
    contents: str | None


def _of(name: str, onnx: int, ort: str, dtype: str, contents: str | None) -> Datatype:
    kind = np.dtype(dtype)
    return Datatype(name, onnx, f"tensor({ort})", kind, 0 if name == "BYTES" else kind.itemsize, contents)


# The numbers are those of onnx.TensorProto.DataType, written out so that a replica need not import onnx.
_ALL: Final = (
    _of("FP32", 1, "float", "<f4", "fp32_contents"),
    _of("UINT8", 2, "uint8", "<u1", "uint_contents"),
    _of("INT8", 3, "int8", "<i1", "int_contents"),
    _of("UINT16", 4, "uint16", "<u2", "uint_contents"),
    _of("INT16", 5, "int16", "<i2", "int_contents"),
    _of("INT32", 6, "int32", "<i4", "int_contents"),
    _of("INT64", 7, "int64", "<i8", "int64_contents"),
    _of("BYTES", 8, "string", "O", "bytes_contents"),
    _of("BOOL", 9, "bool", "?", "bool_contents"),
    _of("FP16", 10, "float16", "<f2", None),
    _of("FP64", 11, "double", "<f8", "fp64_contents"),
    _of("UINT32", 12, "uint32", "<u4", "uint_contents"),
    _of("UINT64", 13, "uint64", "<u8", "uint64_contents"),
    _of("BF16", 16, "bfloat16", "<u2", None),
)

DATATYPES: Final = {kind.name: kind for kind in _ALL}
BY_ONNX: Final = {kind.onnx: kind for kind in _ALL}
BY_ORT: Final = {kind.ort: kind for kind in _ALL}
