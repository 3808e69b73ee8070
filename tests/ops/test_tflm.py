"""Every operator's reference against TensorFlow Lite Micro itself, bit for bit, on models of one operator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.operator_cases import STRATEGIES, Case, inputs_of
from tests.support.tflite_writer import write_tflite
from tests.support.tflm import run_tflm
from tinyc import ops
from tinyc.ir.interpreter import evaluate
from tinyc.ir.operator import Operator, operators
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.ir.verifier import verify

pytest.importorskip("tflite_micro", reason="the reference package tflite-micro is not installed")

# The compiler makes these, or the ONNX frontend; TFLM has no kernel for GELU.
NOT_IN_TFLITE = {
    "lut", "layer_norm", "sum_rows", "add_rows", "average_sums", "average_even_sums",
    "mean_sums", "average_pool2d_even", "softmax_scaled", "conv2d_sums", "requantize_sums",
    "gelu", "segment",
}  # fmt: skip


def assert_equals_tflm(case: Case, seed: int) -> None:
    graph = case.graph()
    verify(graph)
    model = write_tflite(graph)
    for inputs in inputs_of(graph, np.random.default_rng(seed)):
        (expected,) = run_tflm(model, inputs)
        (found,) = evaluate(graph, inputs)
        np.testing.assert_array_equal(found.reshape(expected.shape), expected, err_msg=str(case.node()))


# Scales at which one code differs if an effective scale is rounded to float32 on the way, and that code's operands.
IN_DOUBLE: list[tuple[Operator, tuple[Quant, ...], Quant, tuple[int, ...]]] = [
    (ops.Relu(), (Quant.per_tensor(0.01958536170423031, -128),), Quant.per_tensor(0.010763626545667648, -128), (-31,)),
    (ops.Relu(), (Quant.per_tensor(3.515894889831543, -128),), Quant.per_tensor(3.499985694885254, 0), (-18,)),
    (ops.LeakyRelu(float(np.float32(0.1))), (Quant.per_tensor(0.19057634472846985, 0),),
     Quant.per_tensor(0.35414186120033264, 0), (118,)),
    (ops.HardSwish(), (Quant.per_tensor(1, -128),), Quant.per_tensor(1.3195079565048218, -128), (-64,)),
    (ops.Sub(), (Quant.per_tensor(0.044265612959861755, 0), Quant.per_tensor(0.10218658298254013, 0)),
     Quant.per_tensor(0.28929761052131653, 0), (112, -35)),
    (ops.Sub(), (Quant.per_tensor(0.03061431646347046, 0), Quant.per_tensor(0.038201797753572464, 0)),
     Quant.per_tensor(0.009595205076038837, 0), (-91, -62)),
    (ops.BatchMatMul(), (Quant.per_tensor(0.03303176164627075, 0), Quant.per_tensor(0.020471028983592987, 0)),
     Quant.per_tensor(0.20880889892578125, 0), (1883 // 256 - 128, 1883 % 256 - 128)),
    (ops.BatchMatMul(), (Quant.per_tensor(0.5188848376274109, 0), Quant.per_tensor(0.003074751468375325, 0)),
     Quant.per_tensor(0.5068329572677612, 0), (15680 // 256 - 128, 15680 % 256 - 128)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "inputs", "output", "codes"), IN_DOUBLE)
def test_effective_scales_are_not_rounded_to_float32(
    op: Operator, inputs: tuple[Quant, ...], output: Quant, codes: tuple[int, ...]
) -> None:
    kinds = [TensorType((1, 1), DType.int8, quant) for quant in inputs]
    graph = Case(op, tuple((kind, None) for kind in kinds), output).graph()
    arrays = [np.full((1, 1), code, np.int8) for code in codes]
    np.testing.assert_array_equal(evaluate(graph, arrays)[0], run_tflm(write_tflite(graph), arrays)[0])


@pytest.mark.parametrize(("x", "w", "y", "index"), [
    (0.017011819407343864, 0.07750321179628372, 0.2082349956035614, 2351),
    (0.139849454164505, 0.002177294809371233, 0.0841454267501831, 7691),
])  # fmt: skip
def test_so_are_those_of_a_dense_layer(x: float, w: float, y: float, index: int) -> None:
    kind = TensorType((1, 1), DType.int8, Quant.per_tensor(x, 0))
    weights = TensorType((1, 1), DType.int8, Quant.per_tensor(w, 0)), np.full((1, 1), index % 255 - 127, np.int8)
    graph = Case(ops.FullyConnected(), ((kind, None), weights), Quant.per_tensor(y, 0)).graph()
    codes = [np.full((1, 1), index // 255 - 128, np.int8)]
    np.testing.assert_array_equal(evaluate(graph, codes)[0], run_tflm(write_tflite(graph), codes)[0])


@pytest.mark.parametrize("name", sorted(operators().keys() - NOT_IN_TFLITE))
def test_reference_equals_tflm(name: str, long: bool) -> None:
    @settings(max_examples=1000 if long else 20)
    @given(case=STRATEGIES[name], seed=st.integers(0, 2**32 - 1))
    def check(case: Case, seed: int) -> None:
        assert_equals_tflm(case, seed)

    check()
