"""A vision transformer as litert-torch and ai-edge-quantizer write it (tests/data/tflite_vit), bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.frontend.test_models import extremes, random_input
from tinyc.compiler import compile
from tinyc.frontend import load
from tinyc.frontend.tflite import tensor_indices
from tinyc.ir.interpreter import evaluate_all
from tinyc.ir.types import DType, Quant, Signature, TensorType
from tinyc.ir.verifier import verify
from tinyc.ops import Gelu
from tinyc.reference.gelu import without_gelu
from tinyc.reference.tflm import TflmReference
from tinyc.verification import make_samples
from tinyc.verification import verify as compare

FOLDER = Path(__file__).parents[1] / "data" / "tflite_vit"
VIT = FOLDER / "vit.tflite"
LITERAL = {"squared_difference", "rsqrt", "mean", "gelu", "batch_matmul", "softmax", "transpose", "fully_connected"}


def test_every_tensor_equals_tflm() -> None:
    graph, data = load(VIT), VIT.read_bytes()
    verify(graph)
    assert {node.op.name for node in graph.nodes} >= LITERAL and len(data) < 150_000
    (x,), indices, reference = graph.inputs, tensor_indices(data), TflmReference(data)
    values = {v.source: v.name for node in graph.nodes for v in node.outputs if v.source}
    assert len(values) > 100
    for image in (*(random_input(x.type, seed) for seed in range(6)), *extremes(x.type)):
        computed = evaluate_all(graph, [image])
        expected = reference.tensors([image], [indices[source] for source in values])
        for source, name in values.items():
            np.testing.assert_array_equal(computed[name], expected[indices[source]], err_msg=source)


@pytest.mark.parametrize(("target", "objective"), [("cortex-m4", "sram"), ("cortex-m55", "speed")])
def test_the_generated_c_equals_tflm(target: str, objective: str) -> None:
    compiled = compile(VIT, target, objective=objective)
    found = compare(compiled, make_samples(compiled, 6), per_layer=True)
    assert found.failure is None and found.found.compared == 30 and found.found.mismatches == 0


def test_gelu_is_litert_s() -> None:
    """Its tables against those that LiteRT's own kernel gave (gelu.npz)."""
    with np.load(FOLDER / "gelu.npz") as stored:
        parameters, tables = stored["parameters"], stored["tables"]
    assert len(tables) >= 40 and len(np.unique(tables)) == 256
    for (approximate, *numbers), table in zip(parameters.tolist(), tables, strict=True):
        x, y = (TensorType((1,), DType.int8, Quant.per_tensor(s, int(z))) for s, z in (numbers[:2], numbers[2:]))
        np.testing.assert_array_equal(Gelu(bool(approximate)).table(Signature((x,), (y,))), table, err_msg=str(numbers))


def test_a_file_without_gelu_stays_as_it_is() -> None:
    pytest.importorskip("tflite_micro", reason="the reference package tflite-micro is not installed")
    rewritten = without_gelu(VIT.read_bytes())
    assert rewritten != VIT.read_bytes() and without_gelu(rewritten) == rewritten
