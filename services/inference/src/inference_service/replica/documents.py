"""Predictions over JSON documents (the protocol's REST form): convert, run, convert."""

import json
import math
from typing import Any

from inference_service.domain.model import TensorSpec
from inference_service.engine.datatypes import DATATYPES
from inference_service.replica import tensors
from inference_service.replica.models import LoadedModel
from inference_service.replica.predict import PLATFORM
from inference_service.replica.tensors import TensorHead
from servicekit.errors import Text

__all__ = ["feeds_from_document", "metadata_document", "parse_document", "response_document"]

MAX_DEPTH = 16
_FLOATS = frozenset({"FP16", "FP32", "FP64"})
_REMEDY = Text(
    en='Send {"inputs": [{"name": …, "shape": […], "datatype": …, "data": […]}]}.',
    id='Kirim {"inputs": [{"name": …, "shape": […], "datatype": …, "data": […]}]}.',
)


def _malformed(en: str, indonesian: str, field: str) -> Exception:
    return tensors.refuse(en, indonesian, field, remedy=_REMEDY, reason="BODY_MALFORMED")


def parse_document(body: bytes) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        TensorError: it is none.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed("The body is not JSON.", "Isi permintaan bukan JSON.", "body") from error
    if not isinstance(document, dict):
        raise _malformed("The body is not a JSON object.", "Isi permintaan bukan objek JSON.", "body")
    return document


def _list(document: dict[str, Any], field: str) -> list[dict[str, Any]]:
    found = document.get(field, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise _malformed(f"{field} is not a list of objects.", f"{field} bukan daftar objek.", field)
    return found


def _head(entry: dict[str, Any], position: int) -> TensorHead:
    shape = entry.get("shape")
    lengths = isinstance(shape, list) and all(type(length) is int for length in shape)
    if not isinstance(shape, list) or not lengths:
        raise _malformed(
            f"inputs[{position}].shape is not a list of whole numbers.",
            f"inputs[{position}].shape bukan daftar bilangan bulat.",
            f"inputs[{position}].shape",
        )
    return TensorHead(
        str(entry.get("name", "")), str(entry.get("datatype", "")), tuple(shape), f"inputs[{position}]"
    )


def _flat(data: Any, depth: int = 0) -> list[Any]:
    """Elements in row-major order; the protocol allows them nested or flat."""
    if not isinstance(data, list) or depth > MAX_DEPTH:
        raise _malformed("data is not a list.", "data bukan daftar.", "inputs.data")
    if not any(isinstance(part, list) for part in data):
        return data
    return [element for part in data for element in _flat(part, depth + 1)]


def _typed(elements: list[Any], head: TensorHead) -> list[Any]:
    """Elements of the right JSON type; null is a missing number (NaN) where the datatype is a float."""
    datatype = head.datatype
    if datatype == "BYTES":
        good = all(isinstance(element, str) for element in elements)
        elements = [str(element).encode() for element in elements]
    elif datatype == "BOOL":
        good = all(isinstance(element, bool) for element in elements)
    elif datatype in _FLOATS:
        elements = [math.nan if element is None else element for element in elements]
        good = all(type(element) in {int, float} for element in elements)
    else:
        good = datatype in DATATYPES and datatype != "BF16" and all(type(e) is int for e in elements)
    if not good:
        raise tensors.refuse(
            f"{head.name}: data holds values that are not {datatype}.",
            f"{head.name}: data berisi nilai yang bukan {datatype}.",
            f"{head.place}.data",
            remedy=Text(
                en="Use matching JSON values (BF16: gRPC).", id="Pakai nilai JSON yang sesuai (BF16: gRPC)."
            ),
            reason="TENSOR_VALUE",
        )
    return elements


def feeds_from_document(
    document: dict[str, Any], model: LoadedModel, max_bytes: int
) -> tuple[dict[str, Any], list[TensorSpec], int]:
    """Arrays by input name, the outputs asked for, and the batch size.

    Raises:
        TensorError, TensorTooLargeError: as `tensors` says.
    """
    entries = _list(document, "inputs")
    heads = [_head(entry, position) for position, entry in enumerate(entries)]
    signature = model.session.signature
    names = [str(entry.get("name", "")) for entry in _list(document, "outputs")]
    outputs = tensors.choose_outputs(signature.outputs, names)
    feeds = {}
    for entry, head, spec in zip(entries, heads, tensors.match_inputs(signature.inputs, heads), strict=True):
        kind, count = tensors.check_head(spec, head, max_bytes)
        elements = _typed(_flat(entry.get("data")), head)
        feeds[spec.name] = tensors.array_from_elements(kind, count, head, elements, f"{head.place}.data")
    shape = heads[0].shape if heads else ()
    return feeds, outputs, shape[0] if shape else 1


def response_document(
    document: dict[str, Any], name: str, model: LoadedModel, outputs: list[TensorSpec], arrays: list[Any]
) -> dict[str, Any]:
    """The answer; numbers that JSON cannot write (NaN, infinities) are null."""
    return {
        "model_name": name,
        "model_version": model.version,
        "id": str(document.get("id", "")),
        "outputs": [
            {
                "name": spec.name,
                "datatype": spec.datatype,
                "shape": list(array.shape),
                "data": [_json(element) for element in array.reshape(-1).tolist()],
            }
            for spec, array in zip(outputs, arrays, strict=True)
        ],
    }


def _json(element: Any) -> Any:
    return None if isinstance(element, float) and not math.isfinite(element) else element


def metadata_document(model: LoadedModel) -> dict[str, Any]:
    """What a model takes and gives."""

    def specs(side: tuple[TensorSpec, ...]) -> list[dict[str, Any]]:
        return [{"name": s.name, "datatype": s.datatype, "shape": list(s.shape)} for s in side]

    signature = model.session.signature
    return {
        "name": model.ref.model,
        "versions": [model.version],
        "platform": PLATFORM,
        "inputs": specs(signature.inputs),
        "outputs": specs(signature.outputs),
    }
