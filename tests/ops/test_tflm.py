"""Every operator's reference against TensorFlow Lite Micro itself, bit for bit, on models of one operator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.operator_cases import STRATEGIES, Case, inputs_of
from tests.support.tflite_writer import write_tflite
from tests.support.tflm import run_tflm
from tinyc.ir.interpreter import evaluate
from tinyc.ir.operator import operators
from tinyc.ir.verifier import verify

pytest.importorskip("tflite_micro", reason="the reference package tflite-micro is not installed")

# The compiler makes these, or the ONNX frontend; TFLM has no kernel for GELU.
NOT_IN_TFLITE = {
    "lut", "layer_norm", "sum_rows", "add_rows", "average_sums", "average_even_sums",
    "mean_sums", "average_pool2d_even", "softmax_scaled", "conv2d_sums", "requantize_sums",
    "gelu",
}  # fmt: skip


def assert_equals_tflm(case: Case, seed: int) -> None:
    graph = case.graph()
    verify(graph)
    model = write_tflite(graph)
    for inputs in inputs_of(graph, np.random.default_rng(seed)):
        (expected,) = run_tflm(model, inputs)
        (found,) = evaluate(graph, inputs)
        np.testing.assert_array_equal(found.reshape(expected.shape), expected, err_msg=str(case.node()))


@pytest.mark.parametrize("name", sorted(operators().keys() - NOT_IN_TFLITE))
def test_reference_equals_tflm(name: str, long: bool) -> None:
    @settings(max_examples=1000 if long else 20)
    @given(case=STRATEGIES[name], seed=st.integers(0, 2**32 - 1))
    def check(case: Case, seed: int) -> None:
        assert_equals_tflm(case, seed)

    check()
