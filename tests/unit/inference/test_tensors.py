"""Tensors between the wire and arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto

from inference_service.domain.names import VersionRef
from inference_service.engine.datatypes import DATATYPES
from inference_service.engine.session import OnnxSession
from inference_service.errors import TensorError, TensorTooLargeError
from inference_service.replica.documents import feeds_from_document, parse_document, response_document
from inference_service.replica.models import LoadedModel, WantedModel
from inference_service.replica.predict import feeds_from_request, parse_request, response_from_arrays
from inference_service.replica.tensors import TensorHead, array_from_raw, raw_from_array
from lumbung.openinference import open_inference_pb2 as pb

from support.onnx_models import identity, linear

LIMIT = 2**20


def _loaded(model):
    wanted = WantedModel(model="m", version=3, object_key="k", sha256="0" * 64, size_bytes=1)
    assert wanted.ref == VersionRef("m", 3)
    return LoadedModel(wanted, OnnxSession(model.SerializeToString()))


@pytest.fixture(scope="module")
def model():
    return _loaded(linear())


def _request(shape=(1, 3), datatype="FP32", name="x", raw=None, **contents):
    request = pb.ModelInferRequest(model_name="m", id="7")
    request.inputs.add(name=name, datatype=datatype, shape=shape, contents=pb.InferTensorContents(**contents))
    if raw is not None:
        request.raw_input_contents.append(raw)
    return request


FP32 = np.ones(3, dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (_request(name="z", raw=FP32), "TENSOR_NAME", "inputs[0].name"),
        (_request(datatype="FP64", raw=FP32), "TENSOR_DATATYPE", "inputs[0].datatype"),
        (_request(datatype="", raw=FP32), "TENSOR_DATATYPE", "inputs[0].datatype"),
        (_request(shape=(3,), raw=FP32), "TENSOR_SHAPE", "inputs[0].shape"),
        (_request(shape=(1, 4), raw=FP32), "TENSOR_SHAPE", "inputs[0].shape"),
        (_request(shape=(-1, 3), raw=FP32), "TENSOR_SHAPE", "inputs[0].shape"),
        (_request(raw=FP32[:-1]), "TENSOR_LENGTH", "raw_input_contents[0]"),
        (_request(raw=FP32 + b"x"), "TENSOR_LENGTH", "raw_input_contents[0]"),
        (_request(raw=FP32, fp32_contents=[1, 2, 3]), "TENSOR_LENGTH", "inputs[0].contents"),
        (_request(fp32_contents=[1, 2]), "TENSOR_LENGTH", "inputs[0].contents"),
        (_request(fp64_contents=[1, 2, 3]), "TENSOR_CONTENTS", "inputs[0].contents"),
        (_request(fp32_contents=[1, 2, 3], int_contents=[1]), "TENSOR_CONTENTS", "inputs[0].contents"),
        (pb.ModelInferRequest(model_name="m"), "TENSOR_MISSING", "inputs"),
    ],
)
def test_tensors_that_do_not_fit(model, request_, reason, field):
    with pytest.raises(TensorError) as caught:
        feeds_from_request(request_, model, LIMIT)
    assert (caught.value.stable_reason, caught.value.field) == (reason, field)
    assert caught.value.remedy is not None


def test_an_input_twice_and_raw_entries_that_do_not_pair(model):
    twice = _request(raw=FP32)
    twice.raw_input_contents.append(FP32)
    with pytest.raises(TensorError, match="2 entries for 1 inputs"):
        feeds_from_request(twice, model, LIMIT)
    twice.inputs.append(twice.inputs[0])
    with pytest.raises(TensorError, match="given twice"):
        feeds_from_request(twice, model, LIMIT)


def test_an_unknown_output(model):
    request = _request(raw=FP32)
    request.outputs.add(name="nothing")
    with pytest.raises(TensorError, match="not an output"):
        feeds_from_request(request, model, LIMIT)


@pytest.mark.parametrize("rows", [2**20, 2**62, 2**63 - 1])
def test_a_shape_over_the_limit_is_refused_before_anything_is_made_of_it(model, rows):
    with pytest.raises(TensorTooLargeError):
        feeds_from_request(_request(shape=(rows, 3), raw=FP32), model, LIMIT)


def test_garbage_is_no_request():
    with pytest.raises(TensorError) as caught:
        parse_request(b"\xff\xff\xff", pb.ModelInferRequest)
    assert caught.value.stable_reason == "REQUEST_UNREADABLE"


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("BOOL", b"\x02"),
        ("BYTES", b"\x05\x00\x00\x00ab"),
        ("BYTES", b"\x01\x00"),
        ("BYTES", b"\x01\x00\x00\x00\xff"),
        ("BYTES", b""),
        ("BYTES", b"\x00\x00\x00\x00\x00\x00\x00\x00"),
    ],
)
def test_raw_elements_that_are_none(name, raw):
    head = TensorHead("x", name, (1,), "inputs[0]")
    with pytest.raises(TensorError):
        array_from_raw(DATATYPES[name], 1, head, raw, "raw_input_contents[0]")


def test_typed_values_out_of_range():
    eight = _loaded(identity(TensorProto.INT8))
    with pytest.raises(TensorError) as caught:
        feeds_from_request(_request(shape=(1, 1), datatype="INT8", int_contents=[300]), eight, LIMIT)
    assert caught.value.stable_reason == "TENSOR_VALUE"


def test_the_answer_comes_in_kind(model):
    for request in (_request(raw=FP32), _request(fp32_contents=[1, 1, 1])):
        feeds, outputs, batch = feeds_from_request(request, model, LIMIT)
        answer = response_from_arrays(request, model, outputs, model.session.run(feeds))
        assert (batch, answer.id, answer.model_version) == (1, "7", "3")
        assert bool(answer.raw_output_contents) == bool(request.raw_input_contents)
        values = answer.outputs[0].contents.fp32_contents or np.frombuffer(
            answer.raw_output_contents[0], "<f4"
        )
        assert list(values) == [1, 2, 3]


_NUMBERS = {
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "FP16": TensorProto.FLOAT16,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "BOOL": TensorProto.BOOL,
    "BF16": TensorProto.BFLOAT16,
}
_SESSIONS = {}


def _identity(name):
    if name not in _SESSIONS:
        _SESSIONS[name] = _loaded(identity(_NUMBERS.get(name, TensorProto.STRING)))
    return _SESSIONS[name]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_raw_round_trip_through_the_runtime(data):
    name = data.draw(st.sampled_from(sorted(_NUMBERS)))
    kind = DATATYPES[name]
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=5))
    array = data.draw(hnp.arrays(kind.dtype, shape))
    loaded = _identity(name)
    request = _request(shape=shape, datatype=name, raw=raw_from_array(kind, array))
    feeds, outputs, _ = feeds_from_request(request, loaded, LIMIT)
    answer = response_from_arrays(request, loaded, outputs, loaded.session.run(feeds))
    assert answer.raw_output_contents[0] == raw_from_array(kind, array)
    assert tuple(answer.outputs[0].shape) == shape


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), max_size=6))
def test_bytes_round_trip_raw_typed_and_json(words):
    loaded = _identity("BYTES")
    kind = DATATYPES["BYTES"]
    array = np.array(words, dtype=object).reshape(1, -1)
    raw = _request(shape=array.shape, datatype="BYTES", raw=raw_from_array(kind, array))
    typed = _request(shape=array.shape, datatype="BYTES", bytes_contents=[word.encode() for word in words])
    for request in (raw, typed):
        feeds, outputs, _ = feeds_from_request(request, loaded, LIMIT)
        answer = response_from_arrays(request, loaded, outputs, loaded.session.run(feeds))
        got = list(answer.outputs[0].contents.bytes_contents)
        if answer.raw_output_contents:
            assert answer.raw_output_contents[0] == raw_from_array(kind, array)
        else:
            assert got == [word.encode() for word in words]
    tensor = {"name": "x", "datatype": "BYTES", "shape": list(array.shape), "data": words}
    document = {"inputs": [tensor]}
    feeds, outputs, _ = feeds_from_document(document, loaded, LIMIT)
    arrays = loaded.session.run(feeds)
    assert response_document(document, "m", loaded, outputs, arrays)["outputs"][0]["data"] == words


def _tensor(**changes):
    return {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]} | changes


@pytest.mark.parametrize(
    "document",
    [
        {"inputs": {}},
        {"inputs": ["x"]},
        {"inputs": [_tensor(shape="1,3")]},
        {"inputs": [_tensor(shape=[True, 3])]},
        {"inputs": [_tensor(data="123")]},
        {"inputs": [_tensor(data=["1", "2", "3"])]},
        {"inputs": [_tensor(data=[True, False, True])]},
        {"inputs": [_tensor(data=[1, 2])]},
        {"inputs": [_tensor(data=[[1, 2], 3])]},
        {"inputs": [_tensor(data=[10**400, 2, 3])]},
        {"inputs": [_tensor()], "outputs": [{"name": "nothing"}]},
        {},
    ],
)
def test_documents_that_do_not_fit(model, document):
    with pytest.raises(TensorError):
        feeds_from_document(document, model, LIMIT)


@pytest.mark.parametrize("body", [b"", b"[1]", b"nonsense", b"[" * 100_000])
def test_bodies_that_are_no_document(body):
    with pytest.raises(TensorError):
        parse_document(body)


def test_nested_data_and_null_for_not_a_number(model):
    document = {"inputs": [_tensor(shape=[2, 3], data=[[1, None, 1], [2, 2, 2]])]}
    feeds, outputs, batch = feeds_from_document(document, model, LIMIT)
    answer = response_document(document, "m", model, outputs, model.session.run(feeds))
    assert batch == 2
    assert answer["outputs"][0]["data"] == [1, None, 3, 2, 4, 6]
