"""Files that must not become models."""

import onnx
import pytest
from onnx import TensorProto, helper

from inference_service.domain.model import TensorSpec
from inference_service.engine.inspection import inspect_file
from inference_service.engine.onnxfile import check_file
from inference_service.errors import ModelFileError

from support.onnx_models import OPSET, identity, linear, model_of


def _reason(model):
    content = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(ModelFileError) as caught:
        check_file(content)
    assert caught.value.remedy is not None
    return caught.value.stable_reason


def _external(tensor):
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return tensor


def _info(name, kind=TensorProto.FLOAT, shape=("rows", 3)):
    return helper.make_tensor_value_info(name, kind, list(shape))


def test_signature_is_read_from_the_file():
    signature = inspect_file(linear().SerializeToString())
    assert signature.inputs == (TensorSpec("x", "FP32", (-1, 3)),)
    assert signature.outputs == (TensorSpec("y", "FP32", (-1, 3)),)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(TensorProto.STRING, "BYTES"), (TensorProto.BFLOAT16, "BF16"), (TensorProto.UINT64, "UINT64")],
)
def test_datatypes_carry_the_protocols_names(kind, name):
    assert inspect_file(identity(kind).SerializeToString()).inputs[0].datatype == name


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"PK\x03\x04zip", b"{}", b"\xff" * 1000])
def test_not_onnx(content):
    assert _reason(content) == "NOT_ONNX"


def test_a_truncated_file_is_refused():
    content = linear().SerializeToString()
    assert _reason(content[: len(content) // 2]) in {"NOT_ONNX", "ONNX_INVALID"}


def test_external_data_in_an_initializer():
    model = linear()
    _external(model.graph.initializer[0])
    assert _reason(model) == "EXTERNAL_DATA"


def test_external_data_without_the_location_flag():
    model = linear()
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    assert _reason(model) == "EXTERNAL_DATA"


def test_external_data_in_an_attribute():
    tensor = _external(helper.make_tensor("t", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0]))
    model = model_of(
        [helper.make_node("Constant", [], ["c"], value=tensor), helper.make_node("Add", ["x", "c"], ["y"])],
        [_info("x")],
        [_info("y")],
    )
    assert _reason(model) == "EXTERNAL_DATA"


def test_external_data_in_a_subgraph():
    tensor = _external(helper.make_tensor("t", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0]))
    branch = helper.make_graph(
        [helper.make_node("Add", ["x", "t"], ["z"])], "branch", [], [_info("z")], initializer=[tensor]
    )
    other = helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "other", [], [_info("z")])
    model = model_of(
        [helper.make_node("If", ["flag"], ["y"], then_branch=branch, else_branch=other)],
        [_info("x"), _info("flag", TensorProto.BOOL, ())],
        [_info("y")],
    )
    assert _reason(model) == "EXTERNAL_DATA"


def test_external_data_in_a_function():
    tensor = _external(helper.make_tensor("t", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0]))
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("own", 1)]
    function = helper.make_function(
        "own",
        "AddT",
        ["a"],
        ["b"],
        [helper.make_node("Constant", [], ["c"], value=tensor), helper.make_node("Add", ["a", "c"], ["b"])],
        opsets[:1],
    )
    model = model_of(
        [helper.make_node("AddT", ["x"], ["y"], domain="own")],
        [_info("x")],
        [_info("y")],
        functions=[function],
        opset_imports=opsets,
    )
    assert _reason(model) == "EXTERNAL_DATA"


@pytest.mark.parametrize("domain", ["com.microsoft", "evil", "ai.onnx.preview.training"])
def test_operators_of_other_domains(domain):
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(domain, 1)]
    node = helper.make_node("Gelu", ["x"], ["y"], domain=domain)
    assert _reason(model_of([node], [_info("x")], [_info("y")], opset_imports=opsets)) == "CUSTOM_OPERATOR"


def test_a_function_of_the_model_itself_is_fine():
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("own", 1)]
    function = helper.make_function(
        "own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], opsets[:1]
    )
    model = model_of(
        [helper.make_node("Twice", ["x"], ["y"], domain="own")],
        [_info("x")],
        [_info("y")],
        functions=[function],
        opset_imports=opsets,
    )
    assert inspect_file(model.SerializeToString()).outputs[0].name == "y"


@pytest.mark.parametrize("version", [1, 6, onnx.defs.onnx_opset_version() + 1, 9999])
def test_opsets_outside_of_what_is_supported(version):
    model = linear()
    model.opset_import[0].version = version
    assert _reason(model) == "OPSET_UNSUPPORTED"


def test_an_unknown_operator():
    model = model_of([helper.make_node("Nonsense", ["x"], ["y"])], [_info("x")], [_info("y")])
    assert _reason(model) == "ONNX_INVALID"


def test_a_cycle():
    nodes = [helper.make_node("Add", ["x", "y"], ["z"]), helper.make_node("Identity", ["z"], ["y"])]
    assert _reason(model_of(nodes, [_info("x")], [_info("y")])) == "ONNX_INVALID"


def test_an_output_that_is_no_tensor():
    node = helper.make_node("SequenceConstruct", ["x"], ["y"])
    sequence = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
    assert _reason(model_of([node], [_info("x")], [sequence])) == "SIGNATURE_UNSUPPORTED"


def test_an_element_type_that_the_protocol_lacks():
    assert _reason(identity(TensorProto.COMPLEX64)) == "SIGNATURE_UNSUPPORTED"
