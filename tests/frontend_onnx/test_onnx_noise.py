"""The benchmark that tells our differences from onnxruntime's own, and what it says of small networks."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.onnx_noise import Reordered, compare_operators, reordered
from tests.frontend_onnx.test_onnx_files import FIXTURES
from tinyc.compiler import compile
from tinyc.reference.ort import OrtReference
from tinyc.verification import make_samples
from tinyc.verification.values import converted

NAMES = ("vit_ts17_raw_qdq_channel_s8", "vit_dynamo20_pre_qdq_channel_s8", "cnn_dynamo18_pre_qdq_channel_s8")


@pytest.mark.parametrize("name", NAMES)
def test_operators_are_those_of_float64(name: str) -> None:
    """Sums, products and normalisations round as float64 does, but for the few bits of a normalisation's bias."""
    compiled = compile(FIXTURES / f"{name}.onnx")
    assert compiled.source is not None
    inputs = [converted(x, compiled.graph.inputs, compiled.imported.inputs) for x in make_samples(compiled, 3)]
    counts = compare_operators(compiled, OrtReference(compiled.source), inputs)
    exact = {kind: found for kind, found in counts.items() if len(found) == 4}
    assert exact.keys() >= {"conv2d", "fully_connected"} | ({"layer_norm", "batch_matmul"} if "vit" in name else set())
    assert all(found[0] > 0 and found[3] <= 1e-4 * found[0] for found in exact.values()), counts


def test_sums_in_another_order_are_the_same_network() -> None:
    compiled = compile(FIXTURES / f"{NAMES[0]}.onnx")
    assert compiled.source is not None
    assert len(reordered(compiled.source, np.random.default_rng(0))) > len(compiled.source)
    inputs = converted(make_samples(compiled, 1)[0], compiled.graph.inputs, compiled.imported.inputs)
    references = (OrtReference(compiled.source), Reordered(compiled.source, 1))
    first, second = (reference.run(inputs)[0] for reference in references)
    output = compiled.graph.outputs[0].type
    np.testing.assert_allclose(first, second, atol=2 * output.scale if first.dtype.kind == "f" else 2)
