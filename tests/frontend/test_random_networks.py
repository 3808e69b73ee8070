"""Random networks written as .tflite, read back, and compared with TensorFlow Lite Micro: somebody else's semantics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.graphs import graphs
from tests.support.tflite_writer import write_tflite
from tests.support.tflm import run_tflm
from tinyc.frontend.tflite import import_tflite
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.verifier import verify

pytest.importorskip("tflite_micro", reason="the reference package tflite-micro is not installed")


@examples(200)
@given(graphs(), st.integers(0, 2**16))
def test_a_random_network_reads_back_and_equals_tflm(graph: Graph, seed: int) -> None:
    model = write_tflite(graph)
    imported = import_tflite(model, "random")
    verify(imported)
    random = np.random.default_rng(seed)
    for low, high in ((-128, 128), (127, 128), (-128, -127)):
        inputs = [random.integers(low, high, v.type.shape).astype(np.int8) for v in graph.inputs]
        expected = run_tflm(model, inputs)
        for meaning in (graph, imported):
            for got, want in zip(evaluate(meaning, inputs), expected, strict=True):
                np.testing.assert_array_equal(got.reshape(want.shape), want)
