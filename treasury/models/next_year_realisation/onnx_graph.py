"""The forecaster as one ONNX graph: rupiah in, rupiah out, so that a caller needs no feature code.

Input `inputs`, double, shape (rows, 7), columns as `features.INPUTS`; output `realisation`, double, shape (rows, 1).
"""

import json
import warnings
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from treasury.models.next_year_realisation.features import (
    ACCOUNTS,
    BUDGET_POSITION,
    INPUTS,
    LEVEL_POSITION,
    RATIO_POSITIONS,
)
from treasury.models.next_year_realisation.forecaster import GROWTH_LIMIT, Forecaster

OPSET = 21
ML_OPSET = 3
_TREE_INPUT = "features"
_FEATURES = 3 + len(RATIO_POSITIONS)


def to_onnx_bytes(forecaster: Forecaster) -> bytes:
    """The whole forecaster, checked by onnx; names of accounts and columns are in the model's metadata."""
    trees = _trees(forecaster.trees)
    names = {trees.graph.input[0].name: _TREE_INPUT, trees.graph.output[0].name: "growth_raw"}
    for node in trees.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    nodes, constants = _before()
    after, more = _after()
    graph = helper.make_graph(
        [*nodes, *trees.graph.node, *after],
        "next_year_realisation",
        [helper.make_tensor_value_info("inputs", TensorProto.DOUBLE, ["rows", len(INPUTS)])],
        [helper.make_tensor_value_info("realisation", TensorProto.DOUBLE, ["rows", 1])],
        initializer=[*constants, *trees.graph.initializer, *more],
    )
    model = helper.make_model(
        graph,
        producer_name="lumbung",
        ir_version=10,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
    )
    helper.set_model_props(model, {"accounts": json.dumps(ACCOUNTS), "inputs": json.dumps(INPUTS)})
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data


def _trees(fitted: Any) -> Any:
    with warnings.catch_warnings():
        # The converter writes the side of missing values as a boolean where protobuf wants an integer.
        warnings.filterwarnings("ignore", "Field onnx.AttributeProto.ints", DeprecationWarning)
        return to_onnx(
            fitted,
            X=np.zeros((1, _FEATURES), dtype=np.float32),
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        )


def _constant(name: str, value: Any, dtype: Any) -> Any:
    return numpy_helper.from_array(np.array(value, dtype=dtype), name)


def _before() -> tuple[list[Any], list[Any]]:
    """From `inputs` to the trees' features: as `features.model_features`."""
    top, bottom = zip(*RATIO_POSITIONS, strict=True)
    constants = [
        _constant("zero", 0.0, np.float64),
        _constant("nan", np.nan, np.float64),
        _constant("plain_at", [0, 1], np.int64),
        _constant("level_at", [LEVEL_POSITION], np.int64),
        _constant("budget_at", [BUDGET_POSITION], np.int64),
        _constant("top_at", top, np.int64),
        _constant("bottom_at", bottom, np.int64),
    ]
    make = helper.make_node
    nodes = [
        make("Greater", ["inputs", "zero"], ["is_known"]),
        make("Where", ["is_known", "inputs", "nan"], ["known"]),
        make("Gather", ["inputs", "plain_at"], ["plain"], axis=1),
        make("Gather", ["known", "level_at"], ["level"], axis=1),
        make("Log", ["level"], ["log_level"]),
        make("Gather", ["known", "top_at"], ["top"], axis=1),
        make("Gather", ["known", "bottom_at"], ["bottom"], axis=1),
        make("Div", ["top", "bottom"], ["ratio"]),
        make("Log", ["ratio"], ["log_ratio"]),
        make("Concat", ["plain", "log_level", "log_ratio"], ["features_double"], axis=1),
        make("Cast", ["features_double"], [_TREE_INPUT], to=TensorProto.FLOAT),
    ]
    return nodes, constants


def _after() -> tuple[list[Any], list[Any]]:
    """From growth to rupiah: as `Forecaster.predict`."""
    constants = [
        _constant("growth_low", -GROWTH_LIMIT, np.float32),
        _constant("growth_high", GROWTH_LIMIT, np.float32),
    ]
    make = helper.make_node
    nodes = [
        make("Clip", ["growth_raw", "growth_low", "growth_high"], ["growth"]),
        make("Cast", ["growth"], ["growth_double"], to=TensorProto.DOUBLE),
        make("Exp", ["growth_double"], ["factor"]),
        make("Gather", ["inputs", "level_at"], ["last_year"], axis=1),
        make("Gather", ["inputs", "budget_at"], ["enacted_budget"], axis=1),
        make("Mul", ["last_year", "factor"], ["forecast"]),
        make("Greater", ["last_year", "zero"], ["has_last_year"]),
        make("Where", ["has_last_year", "forecast", "enacted_budget"], ["realisation"]),
    ]
    return nodes, constants
