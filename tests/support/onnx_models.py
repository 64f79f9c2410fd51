"""Small ONNX models for tests."""

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper

OPSET = 21


def model_of(
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    constants: Sequence[Any] = (),
    **more: Any,
) -> onnx.ModelProto:
    """A model of these parts; `more` goes to `helper.make_model`."""
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), initializer=list(constants))
    more.setdefault("opset_imports", [helper.make_opsetid("", OPSET)])
    return helper.make_model(graph, ir_version=10, **more)


def linear(bias: float = 0.0) -> onnx.ModelProto:
    """y = x * [1, 2, 3] + bias over rows of three FP32 numbers."""
    tensor = helper.make_tensor_value_info
    return model_of(
        [helper.make_node("Mul", ["x", "w"], ["scaled"]), helper.make_node("Add", ["scaled", "b"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["rows", 3])],
        [tensor("y", TensorProto.FLOAT, ["rows", 3])],
        [
            helper.make_tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0]),
            helper.make_tensor("b", TensorProto.FLOAT, [1], [bias]),
        ],
    )


def identity(onnx_type: int) -> onnx.ModelProto:
    """y = x for any shape of two axes."""
    tensor = helper.make_tensor_value_info
    return model_of(
        [helper.make_node("Identity", ["x"], ["y"])],
        [tensor("x", onnx_type, ["rows", "columns"])],
        [tensor("y", onnx_type, ["rows", "columns"])],
    )
