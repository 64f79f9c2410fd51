import struct

import pytest

from lumbung.errors import ApiError
from lumbung.openinference import open_inference_pb2 as oip
from lumbung.tensors import Tensor, add_input, output_tensors


def _answer(datatype, raw):
    answer = oip.ModelInferResponse(raw_output_contents=[raw])
    answer.outputs.add(name="y", datatype=datatype, shape=[2])
    return answer


@pytest.mark.parametrize(
    ("datatype", "raw", "values"),
    [
        ("FP32", struct.pack("<2f", 1.5, -2), [1.5, -2.0]),
        ("FP16", struct.pack("<2e", 1.5, -2), [1.5, -2.0]),
        ("INT64", struct.pack("<2q", 2**62, -1), [2**62, -1]),
        ("BOOL", b"\x01\x00", [True, False]),
        ("BYTES", b"\x02\x00\x00\x00ab\x00\x00\x00\x00", [b"ab", b""]),
    ],
)
def test_raw_outputs(datatype, raw, values):
    [tensor] = output_tensors(_answer(datatype, raw))
    assert list(tensor.values) == values


@pytest.mark.parametrize(
    ("datatype", "raw"), [("FP64", b"123"), ("BYTES", b"\xff\x00\x00\x00a"), ("BF16", b"12")]
)
def test_a_broken_output_is_told(datatype, raw):
    with pytest.raises(ApiError, match="'y'"):
        output_tensors(_answer(datatype, raw))


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("x", "FP8", (1,), [1]),
        Tensor("x", "FP32", (2,), [1]),
        Tensor("x", "INT64", (1,), ["one"]),
        Tensor("x", "UINT8", (1,), [-1]),
        Tensor("x", "BYTES", (1,), [7]),
    ],
)
def test_a_wrong_input_is_told_before_it_is_sent(tensor):
    with pytest.raises(ApiError) as caught:
        add_input(oip.ModelInferRequest(), tensor)
    assert (caught.value.code, caught.value.field) == ("INVALID_ARGUMENT", "x")


def test_nested_lists_and_texts_go_in():
    request = oip.ModelInferRequest()
    add_input(request, Tensor("x", "BYTES", (1, 2), [["é", b"b"]]))
    assert list(request.inputs[0].contents.bytes_contents) == ["é".encode(), b"b"]
