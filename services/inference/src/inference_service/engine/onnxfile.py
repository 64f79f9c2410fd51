"""Checks an ONNX file before anything runs it. Only ever called in the inspection process."""

from collections.abc import Iterator
from typing import Any

import onnx
from google.protobuf.message import DecodeError, Message

from inference_service.domain.model import Signature, TensorSpec
from inference_service.engine.datatypes import BY_ONNX
from inference_service.errors import ModelFileError
from servicekit.errors import Text

__all__ = ["check_file"]

OWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
MIN_OPSET = 7
MAX_TENSORS = 256
MAX_DEPTH = 32


def _refuse(en: str, indonesian: str, reason: str, remedy_en: str, remedy_id: str) -> ModelFileError:
    return ModelFileError(
        Text(en=en, id=indonesian), Text(en=remedy_en, id=remedy_id), field="data", reason=reason
    )


def check_file(content: bytes) -> Signature:
    """Parses and checks a file and reads its signature.

    Raises:
        ModelFileError: not ONNX, data outside of the file, operators of other domains, an opset that is not
            supported, an input or output that is not a plain tensor, or anything that onnx' own checker refuses.
    """
    model = _parse(content)
    for message in _walk(model):
        _check_external(message)
    _check_opsets(model)
    _check_domains(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        said = str(error).strip().splitlines()[0][:300].rstrip(".")
        raise _refuse(
            f"The ONNX checker refuses the file: {said}.",
            f"Pemeriksa ONNX menolak berkas: {said}.",
            "ONNX_INVALID",
            "Export the model again and run onnx.checker.check_model on it.",
            "Ekspor ulang model dan periksa dengan onnx.checker.check_model.",
        ) from error
    return _signature(model)


def _parse(content: bytes) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, RecursionError) as error:
        raise _not_onnx() from error
    if not model.HasField("graph") or not model.opset_import or not model.graph.node:
        raise _not_onnx()
    return model


def _not_onnx() -> ModelFileError:
    return _refuse(
        "The file is not an ONNX model.",
        "Berkas bukan model ONNX.",
        "NOT_ONNX",
        "Send the bytes of a file such as skl2onnx or torch.onnx writes.",
        "Kirim isi berkas seperti yang ditulis skl2onnx atau torch.onnx.",
    )


def _walk(message: Message, depth: int = 0) -> Iterator[Message]:
    """Every message in the model: subgraphs, functions, attributes and training graphs alike."""
    if depth > MAX_DEPTH:
        raise _refuse(
            f"The model nests deeper than {MAX_DEPTH} levels.",
            f"Model bersarang lebih dari {MAX_DEPTH} tingkat.",
            "MODEL_TOO_DEEP",
            "Flatten the control flow.",
            "Sederhanakan alur kendali model.",
        )
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in value if field.is_repeated else (value,):
            yield from _walk(part, depth + 1)


def _check_external(message: Message) -> None:
    if not isinstance(message, onnx.TensorProto):
        return
    if message.external_data or message.data_location == onnx.TensorProto.EXTERNAL:
        raise _refuse(
            f"The tensor {message.name[:100]!r} keeps its data outside of the file.",
            f"Data tensor {message.name[:100]!r} berada di luar berkas.",
            "EXTERNAL_DATA",
            "Save the model in one file (onnx.save with save_as_external_data=False).",
            "Simpan model dalam satu berkas (onnx.save dengan save_as_external_data=False).",
        )


def _check_opsets(model: onnx.ModelProto) -> None:
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in {"", "ai.onnx"} and not MIN_OPSET <= opset.version <= newest:
            raise _refuse(
                f"Opset {opset.version} is not supported.",
                f"Opset {opset.version} tidak didukung.",
                "OPSET_UNSUPPORTED",
                f"Export with an opset from {MIN_OPSET} to {newest}.",
                f"Ekspor dengan opset {MIN_OPSET} sampai {newest}.",
            )


def _check_domains(model: onnx.ModelProto) -> None:
    """Only standard operators, and functions that the model itself defines from them."""
    functions = {(function.domain, function.name) for function in model.functions}
    for message in _walk(model):
        if not isinstance(message, onnx.NodeProto) or message.domain in OWN_DOMAINS:
            continue
        if (message.domain, message.op_type) not in functions:
            raise _refuse(
                f"The operator {message.op_type[:100]!r} comes from the domain {message.domain[:100]!r}.",
                f"Operator {message.op_type[:100]!r} berasal dari domain {message.domain[:100]!r}.",
                "CUSTOM_OPERATOR",
                "Use the standard operators of ai.onnx and ai.onnx.ml only.",
                "Pakai hanya operator baku ai.onnx dan ai.onnx.ml.",
            )


def _signature(model: onnx.ModelProto) -> Signature:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [_spec(value, "input") for value in model.graph.input if value.name not in constants]
    outputs = [_spec(value, "output") for value in model.graph.output]
    if not outputs or len(inputs) + len(outputs) > MAX_TENSORS:
        raise _refuse(
            f"The model has {len(inputs)} inputs and {len(outputs)} outputs.",
            f"Model memiliki {len(inputs)} masukan dan {len(outputs)} keluaran.",
            "SIGNATURE_UNSUPPORTED",
            f"Give it at least one output and at most {MAX_TENSORS} tensors.",
            f"Model perlu sedikitnya satu keluaran dan paling banyak {MAX_TENSORS} tensor.",
        )
    return Signature(tuple(inputs), tuple(outputs))


def _spec(value: Any, side: str) -> TensorSpec:
    tensor = value.type.tensor_type if value.type.WhichOneof("value") == "tensor_type" else None
    kind = BY_ONNX.get(tensor.elem_type) if tensor is not None else None
    if tensor is None or kind is None or not tensor.HasField("shape"):
        raise _refuse(
            f"The {side} {value.name[:100]!r} is not a plain tensor of a known rank and type.",
            f"Tensor {value.name[:100]!r} bukan tensor biasa dengan rank dan tipe yang dikenal.",
            "SIGNATURE_UNSUPPORTED",
            "Export with plain tensors (skl2onnx: options={'zipmap': False}) and state their shapes.",
            "Ekspor dengan tensor biasa (skl2onnx: options={'zipmap': False}) dan nyatakan bentuknya.",
        )
    shape = tuple(
        dimension.dim_value if dimension.HasField("dim_value") and dimension.dim_value >= 0 else -1
        for dimension in tensor.shape.dim
    )
    return TensorSpec(value.name, kind.name, shape)
