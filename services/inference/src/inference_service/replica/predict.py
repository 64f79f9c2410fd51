"""Predictions over gRPC messages: convert, run, convert."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from inference_service.domain.model import TensorSpec
from inference_service.engine.datatypes import DATATYPES
from inference_service.replica import tensors
from inference_service.replica.models import LoadedModel
from inference_service.replica.tensors import TensorHead
from lumbung.openinference import open_inference_pb2 as pb
from servicekit.errors import Text

__all__ = ["feeds_from_request", "model_metadata", "parse_request", "response_from_arrays"]

PLATFORM = "onnxruntime_onnx"
_CONTENTS = tuple(field.name for field in pb.InferTensorContents.DESCRIPTOR.fields)


def parse_request(content: bytes, kind: Callable[[], Any]) -> Any:
    """The message that the bytes are.

    Raises:
        TensorError: they are none.
    """
    message = kind()
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise tensors.refuse(
            "The bytes of the request are no message of the protocol.",
            "Isi permintaan bukan pesan protokol ini.",
            "",
            remedy=Text(
                en="Use a client of the Open Inference Protocol.", id="Pakai klien Open Inference Protocol."
            ),
            reason="REQUEST_UNREADABLE",
        ) from error
    return message


def feeds_from_request(
    request: pb.ModelInferRequest, model: LoadedModel, max_bytes: int
) -> tuple[dict[str, Any], list[TensorSpec], int]:
    """Arrays by input name, the outputs asked for, and the batch size (first length of the first input).

    Raises:
        TensorError, TensorTooLargeError: as `tensors` says.
    """
    heads = [
        TensorHead(tensor.name, tensor.datatype, tuple(tensor.shape), f"inputs[{position}]")
        for position, tensor in enumerate(request.inputs)
    ]
    signature = model.session.signature
    outputs = tensors.choose_outputs(signature.outputs, [output.name for output in request.outputs])
    specs = tensors.match_inputs(signature.inputs, heads)
    raw = request.raw_input_contents
    if raw and len(raw) != len(heads):
        raise tensors.refuse(
            f"raw_input_contents has {len(raw)} entries for {len(heads)} inputs.",
            f"raw_input_contents berisi {len(raw)} bagian untuk {len(heads)} masukan.",
            "raw_input_contents",
            reason="TENSOR_LENGTH",
        )
    feeds = {}
    for position, (spec, head) in enumerate(zip(specs, heads, strict=True)):
        kind, count = tensors.check_head(spec, head, max_bytes)
        contents = request.inputs[position].contents
        if not raw:
            feeds[spec.name] = tensors.array_from_elements(
                kind, count, head, _elements(kind.contents, contents, head), f"{head.place}.contents"
            )
            continue
        if contents.ByteSize():
            raise tensors.refuse(
                f"{spec.name} comes both raw and typed.",
                f"{spec.name} dikirim mentah dan bertipe sekaligus.",
                f"{head.place}.contents",
                reason="TENSOR_LENGTH",
            )
        feeds[spec.name] = tensors.array_from_raw(
            kind, count, head, raw[position], f"raw_input_contents[{position}]"
        )
    shape = heads[0].shape if heads else ()
    return feeds, outputs, shape[0] if shape else 1


def _elements(wanted: str | None, contents: pb.InferTensorContents, head: TensorHead) -> Any:
    filled = [name for name in _CONTENTS if len(getattr(contents, name))]
    if wanted is None or any(name != wanted for name in filled):
        field = wanted or "raw_input_contents"
        raise tensors.refuse(
            f"{head.name}: {head.datatype} elements go into {field}.",
            f"{head.name}: unsur {head.datatype} ditempatkan di {field}.",
            f"{head.place}.contents",
            reason="TENSOR_CONTENTS",
        )
    return getattr(contents, wanted)


def response_from_arrays(
    request: pb.ModelInferRequest, model: LoadedModel, outputs: list[TensorSpec], arrays: list[Any]
) -> pb.ModelInferResponse:
    """The answer, raw where the request was raw (and where a datatype has no typed field), else typed."""
    response = pb.ModelInferResponse(
        model_name=request.model_name, model_version=model.version, id=request.id
    )
    kinds = [DATATYPES[spec.datatype] for spec in outputs]
    raw = bool(request.raw_input_contents) or not request.inputs or any(k.contents is None for k in kinds)
    for spec, kind, array in zip(outputs, kinds, arrays, strict=True):
        tensor = response.outputs.add(name=spec.name, datatype=kind.name, shape=array.shape)
        if raw or kind.contents is None:
            response.raw_output_contents.append(tensors.raw_from_array(kind, array))
            continue
        elements = array.reshape(-1).tolist()
        if kind.name == "BYTES":
            elements = [text.encode() if isinstance(text, str) else text for text in elements]
        getattr(tensor.contents, kind.contents).extend(elements)
    return response


def model_metadata(model: LoadedModel) -> pb.ModelMetadataResponse:
    """What a model takes and gives."""
    response = pb.ModelMetadataResponse(name=model.ref.model, versions=[model.version], platform=PLATFORM)
    signature = model.session.signature
    for field, specs in ((response.inputs, signature.inputs), (response.outputs, signature.outputs)):
        for spec in specs:
            field.add(name=spec.name, datatype=spec.datatype, shape=spec.shape)
    return response
