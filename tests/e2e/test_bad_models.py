"""Model files and tensors that do not fit are refused, and the served model goes on answering."""

import json

import httpx
import onnx
import pytest
from onnx import TensorProto, helper

from lumbung.tensors import Tensor

from support.mainjob import MODEL
from support.onnx_models import linear, model_of
from support.practice import refusals

SCIENTIST = "ilmuwan-pusat"
GOOD = Tensor("inputs", "FP64", (1, 7), [0, 0, 1e12, 9e11, 1.1e12, 1e12, 9.5e11])
NEW = "practice_model"


@pytest.fixture(autouse=True)
def the_model_answers(loaded_stack):
    """After every test the good tensor is answered."""
    yield
    (answer,) = loaded_stack.client("analis-kanwil-32").models.predict(MODEL, [GOOD])
    assert tuple(answer.shape) == (1, 1)
    assert next(iter(answer.values)) > 0


def _external(location):
    model = linear()
    weights = model.graph.initializer[0]
    weights.ClearField("float_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": "12"}.items():
        weights.external_data.add(key=key, value=value)
    return model.SerializeToString()


def _foreign_operator():
    tensor = helper.make_tensor_value_info
    model = model_of(
        [helper.make_node("Spy", ["x"], ["y"], domain="com.example")],
        [tensor("x", TensorProto.FLOAT, ["rows", 3])],
        [tensor("y", TensorProto.FLOAT, ["rows", 3])],
        opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.example", 1)],
    )
    return model.SerializeToString()


def _does_not_load():
    model = linear()
    model.graph.node[0].op_type = "NoSuchOperator"
    return model.SerializeToString()


FILES = {
    "external-data": (lambda: _external("weights.bin"), "EXTERNAL_DATA"),
    "external-data-of-the-machine": (lambda: _external("/etc/passwd"), "EXTERNAL_DATA"),
    "external-data-above": (lambda: _external("../../secrets/accounts.json"), "EXTERNAL_DATA"),
    "foreign-operator": (_foreign_operator, "CUSTOM_OPERATOR"),
    "unknown-operator": (_does_not_load, "ONNX_INVALID"),
    "no-onnx": (lambda: b"PK\x03\x04 this is no model", "NOT_ONNX"),
    "empty": (lambda: b"", "MODEL_FILE_EMPTY"),
    "truncated": (lambda: linear().SerializeToString()[:-20], "NOT_ONNX"),
    "text-graph": (lambda: onnx.printer.to_text(linear()).encode(), "NOT_ONNX"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_served_is_not_registered(loaded_stack, name):
    before = len(loaded_stack.client(SCIENTIST).models.list_versions(NEW))
    make, reason = FILES[name]
    content = make()
    errors = refusals(loaded_stack, SCIENTIST, lambda client: client.models.register(NEW, content))
    assert (errors["en"].code, errors["en"].reason) == ("INVALID_ARGUMENT", reason)
    assert errors["en"].message.count(". ") >= 1
    assert len(loaded_stack.client(SCIENTIST).models.list_versions(NEW)) == before


def test_the_command_line_says_it_with_its_exit_code(cli, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(_external("weights.bin"))
    error = cli(SCIENTIST).fails("models", "register", NEW, file)
    assert (error["reason"], error["exit_code"]) == ("EXTERNAL_DATA", 6)


def test_an_analyst_registers_nothing(cli, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(linear().SerializeToString())
    assert cli("analis-kanwil-32").fails("models", "register", NEW, file)["exit_code"] == 4


TENSORS = {
    "wrong-width": (Tensor("inputs", "FP64", (1, 6), [0.0] * 6), "TENSOR_SHAPE"),
    "wrong-rank": (Tensor("inputs", "FP64", (7,), [0.0] * 7), "TENSOR_SHAPE"),
    "wrong-name": (Tensor("input", "FP64", (1, 7), [0.0] * 7), "TENSOR_NAME"),
    "wrong-type": (Tensor("inputs", "FP32", (1, 7), [0.0] * 7), "TENSOR_DATATYPE"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_that_does_not_fit_is_refused(loaded_stack, name):
    tensor, reason = TENSORS[name]
    errors = refusals(loaded_stack, "analis-kanwil-32", lambda client: client.models.predict(MODEL, [tensor]))
    assert (errors["en"].code, errors["en"].reason) == ("INVALID_ARGUMENT", reason)
    assert errors["en"].message.count(".") >= 2


def test_no_tensor_and_one_too_many_are_refused(loaded_stack):
    extra = Tensor("more", "FP64", (1, 7), [0.0] * 7)
    for tensors, reason in (([], "TENSOR_MISSING"), ([GOOD, extra], "TENSOR_NAME")):
        errors = refusals(
            loaded_stack, SCIENTIST, lambda client, tensors=tensors: client.models.predict(MODEL, tensors)
        )
        assert (errors["en"].code, errors["en"].reason) == ("INVALID_ARGUMENT", reason)


def test_an_unknown_model_is_not_found(loaded_stack, cli):
    errors = refusals(loaded_stack, SCIENTIST, lambda client: client.models.predict("no_such_model", [GOOD]))
    assert errors["en"].code == "NOT_FOUND"
    assert "no_such_model" in errors["id"].message
    text = json.dumps([{"name": "inputs", "datatype": "FP64", "shape": [1, 7], "data": list(GOOD.values)}])
    assert cli(SCIENTIST).fails("models", "predict", "no_such_model", text)["exit_code"] == 5


BODIES = {
    "short": {"inputs": [{"name": "inputs", "datatype": "FP64", "shape": [1, 7], "data": [0] * 6}]},
    "text": {"inputs": [{"name": "inputs", "datatype": "FP64", "shape": [1, 7], "data": ["0"] * 7}]},
    "huge-shape": {"inputs": [{"name": "inputs", "datatype": "FP64", "shape": [10**12, 7], "data": [0]}]},
    "negative-shape": {"inputs": [{"name": "inputs", "datatype": "FP64", "shape": [-1, 7], "data": [0] * 7}]},
    "no-inputs": {},
    "list": [],
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_document_is_refused_over_rest(loaded_stack, name):
    told = {}
    for language in ("id", "en"):
        answer = httpx.post(
            f"{loaded_stack.gateway_url}/v2/models/{MODEL}/infer",
            json=BODIES[name],
            headers={
                "authorization": f"Bearer {loaded_stack.token(SCIENTIST)}",
                "accept-language": language,
            },
            trust_env=False,
            timeout=20,
        )
        assert answer.status_code in {400, 413, 429}, answer.text
        told[language] = json.dumps(answer.json())
    assert told["id"] != told["en"]
