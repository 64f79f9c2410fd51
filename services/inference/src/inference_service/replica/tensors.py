"""Holds the tensors of a request against the model's signature, and makes arrays of them.

Knows no wire format: the gRPC and the REST door both bring `TensorHead`s and elements here.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from inference_service.domain.model import TensorSpec
from inference_service.engine.datatypes import DATATYPES, Datatype
from inference_service.errors import TensorError, TensorTooLargeError
from servicekit.errors import Text

__all__ = [
    "TensorHead",
    "array_from_elements",
    "array_from_raw",
    "check_head",
    "choose_outputs",
    "match_inputs",
    "raw_from_array",
    "refuse",
]

MAX_RANK = 16


@dataclass(frozen=True, slots=True)
class TensorHead:
    """What a request says of one tensor; `place` is where it says so, such as `inputs[0]`."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    place: str


def refuse(
    en: str, indonesian: str, field: str, *, remedy: Text | None = None, reason: str | None = None
) -> TensorError:
    """The error for a tensor that does not fit."""
    default = Text(en="Ask for the model's metadata.", id="Lihat metadata model.")
    return TensorError(Text(en=en, id=indonesian), remedy or default, field=field, reason=reason)


def match_inputs(specs: tuple[TensorSpec, ...], heads: list[TensorHead]) -> list[TensorSpec]:
    """The spec of each head, in the request's order.

    Raises:
        TensorError: an input twice, unknown or missing.
    """
    by_name = {spec.name: spec for spec in specs}
    seen: set[str] = set()
    matched = []
    for head in heads:
        spec = by_name.get(head.name)
        if spec is None or head.name in seen:
            trouble = (
                ("is given twice", "diberikan dua kali")
                if spec
                else ("is not an input of the model", "bukan masukan model")
            )
            raise refuse(
                f"{head.name[:100]!r} {trouble[0]}; its inputs are {', '.join(by_name)}.",
                f"{head.name[:100]!r} {trouble[1]}; masukannya {', '.join(by_name)}.",
                f"{head.place}.name",
                reason="TENSOR_NAME",
            )
        seen.add(head.name)
        matched.append(spec)
    missing = [name for name in by_name if name not in seen]
    if missing:
        raise refuse(
            f"The input {missing[0]} is missing.",
            f"Masukan {missing[0]} tidak ada.",
            "inputs",
            remedy=Text(en=f"Send {by_name[missing[0]]}.", id=f"Kirim {by_name[missing[0]]}."),
            reason="TENSOR_MISSING",
        )
    return matched


def check_head(spec: TensorSpec, head: TensorHead, max_bytes: int) -> tuple[Datatype, int]:
    """The datatype and the number of elements of a tensor that fits.

    Raises:
        TensorError: another datatype or shape than the model's.
        TensorTooLargeError: more than `max_bytes`.
    """
    if head.datatype != spec.datatype:
        raise refuse(
            f"{spec.name} is {spec.datatype}, the request sends {head.datatype[:20] or 'no datatype'}.",
            f"{spec.name} bertipe {spec.datatype}, permintaan mengirim {head.datatype[:20] or 'tanpa tipe'}.",
            f"{head.place}.datatype",
            remedy=Text(en=f"Convert it to {spec.datatype}.", id=f"Ubah menjadi {spec.datatype}."),
            reason="TENSOR_DATATYPE",
        )
    fits = len(head.shape) == len(spec.shape) <= MAX_RANK and all(
        length >= 0 and wanted in {-1, length} for length, wanted in zip(head.shape, spec.shape, strict=True)
    )
    if not fits:
        raise refuse(
            f"{spec.name} has the shape {list(spec.shape)} (-1: any length), the request sends {list(head.shape[:MAX_RANK])}.",
            f"{spec.name} berbentuk {list(spec.shape)} (-1: bebas), permintaan mengirim {list(head.shape[:MAX_RANK])}.",
            f"{head.place}.shape",
            remedy=Text(en="Reshape the tensor.", id="Ubah bentuk tensor."),
            reason="TENSOR_SHAPE",
        )
    kind = DATATYPES[spec.datatype]
    count = prod(head.shape)
    if count * max(kind.size, 1) > max_bytes:
        raise TensorTooLargeError(
            Text(
                en=f"{spec.name} with the shape {list(head.shape)} is over the limit of {max_bytes} bytes.",
                id=f"{spec.name} berbentuk {list(head.shape)} melebihi batas {max_bytes} bita.",
            ),
            Text(en="Send fewer rows at a time.", id="Kirim lebih sedikit baris sekaligus."),
            field=f"{head.place}.shape",
        )
    return kind, count


def _wrong_count(name: str, place: str, wanted: str, got: str) -> TensorError:
    return refuse(
        f"{name}: its shape asks for {wanted}, the request sends {got}.",
        f"{name}: bentuknya memerlukan {wanted}, permintaan mengirim {got}.",
        place,
        remedy=Text(en="Send exactly what the shape says.", id="Kirim tepat sesuai bentuknya."),
        reason="TENSOR_LENGTH",
    )


def array_from_raw(kind: Datatype, count: int, head: TensorHead, raw: bytes, place: str) -> Any:
    """An array of little-endian elements; BYTES are length-prefixed (4 bytes each) and have to be UTF-8.

    Raises:
        TensorError: the bytes are not exactly that many elements.
    """
    if kind.name == "BYTES":
        return _strings(_split(raw, count, head.name, place), head, place)
    if len(raw) != count * kind.size:
        raise _wrong_count(head.name, place, f"{count * kind.size} bytes", f"{len(raw)} bytes")
    if kind.name == "BOOL" and raw.translate(None, b"\x00\x01"):
        raise refuse(
            f"{head.name}: a BOOL byte is 0 or 1.",
            f"{head.name}: bita BOOL harus 0 atau 1.",
            place,
            reason="TENSOR_VALUE",
        )
    return np.frombuffer(raw, dtype=kind.dtype).reshape(head.shape)


def _split(raw: bytes, count: int, name: str, place: str) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    while at < len(raw):
        end = at + 4 + int.from_bytes(raw[at : at + 4], "little")
        if at + 4 > len(raw) or end > len(raw) or len(parts) == count:
            raise _wrong_count(name, place, f"{count} length-prefixed elements", "other bytes")
        parts.append(raw[at + 4 : end])
        at = end
    if len(parts) != count:
        raise _wrong_count(name, place, f"{count} elements", f"{len(parts)}")
    return parts


def _strings(parts: list[bytes], head: TensorHead, place: str) -> Any:
    array = np.empty(len(parts), dtype=object)
    try:
        array[:] = [part.decode() for part in parts]
    except UnicodeDecodeError as error:
        raise refuse(
            f"{head.name}: an element is not UTF-8.",
            f"{head.name}: ada unsur yang bukan UTF-8.",
            place,
            reason="TENSOR_VALUE",
        ) from error
    return array.reshape(head.shape)


def array_from_elements(kind: Datatype, count: int, head: TensorHead, elements: Any, place: str) -> Any:
    """An array of a list of elements: numbers, booleans, or (for BYTES) bytes.

    Raises:
        TensorError: another number of elements, or a value that the datatype cannot hold.
    """
    if len(elements) != count:
        raise _wrong_count(head.name, place, f"{count} elements", f"{len(elements)}")
    if kind.name == "BYTES":
        return _strings(list(elements), head, place)
    try:
        with np.errstate(over="ignore"):
            array = np.array(elements, dtype=kind.dtype)
    except (OverflowError, ValueError, TypeError) as error:
        raise refuse(
            f"{head.name}: a value does not fit into {kind.name}.",
            f"{head.name}: ada nilai yang tidak sesuai {kind.name}.",
            place,
            reason="TENSOR_VALUE",
        ) from error
    return array.reshape(head.shape)


def raw_from_array(kind: Datatype, array: Any) -> bytes:
    """The elements of an array as the protocol's raw bytes."""
    if kind.name != "BYTES":
        return bytes(np.ascontiguousarray(array, dtype=kind.dtype).tobytes())
    parts = [text.encode() if isinstance(text, str) else bytes(text) for text in array.reshape(-1)]
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def choose_outputs(specs: tuple[TensorSpec, ...], names: list[str]) -> list[TensorSpec]:
    """The outputs asked for, all when none are named.

    Raises:
        TensorError: an output that the model does not have.
    """
    if not names:
        return list(specs)
    by_name = {spec.name: spec for spec in specs}
    for position, name in enumerate(names):
        if name not in by_name:
            raise refuse(
                f"{name[:100]!r} is not an output of the model; its outputs are {', '.join(by_name)}.",
                f"{name[:100]!r} bukan keluaran model; keluarannya {', '.join(by_name)}.",
                f"outputs[{position}].name",
                reason="TENSOR_NAME",
            )
    return [by_name[name] for name in dict.fromkeys(names)]
