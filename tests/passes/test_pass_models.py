"""The default pipeline on real networks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tinyc.frontend import load
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.transform import PassContext, Sequential, VerifyAfter
from tinyc.passes import DEFAULT_PIPELINE, DropFloatEnds

# What the passes are to leave out of each network, and what may come in its place.
CHANGES: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "ad01_int8": ({}, {}),
    "kws_ref_model": ({}, {}),
    "mcunet_vww": ({"pad": 4, "transpose": 1}, {}),
    "person_detect": ({}, {}),
    "pretrainedResnet_quant": ({}, {}),
    "vww_96_int8": ({}, {}),
}
# It scales and shifts its image by constants.
LONG = pytest.param("mobilenet_v2_1.0_224", ({"mul": 1, "sub": 1}, {"lut": 1}), marks=pytest.mark.long)


def operators(graph: Graph) -> Counter[str]:
    return Counter(node.op.name for node in graph.nodes)


def optimised(graph: Graph) -> Graph:
    twin = graph.copy()
    with PassContext(instruments=[VerifyAfter()]):
        Sequential(DEFAULT_PIPELINE)(twin)
    return twin


@pytest.mark.parametrize(("name", "change"), [*CHANGES.items(), LONG])
def test_real_networks_keep_their_integers(
    name: str, change: tuple[dict[str, int], dict[str, int]], shared_models: Path
) -> None:
    before = load(shared_models / f"{name}.tflite")
    DropFloatEnds().run(before)
    after = optimised(before)
    assert after.macs == before.macs
    old, new = operators(before), operators(after)
    assert (old - new, new - old) == change
    rng = np.random.default_rng(0)
    for low, high in ((-128, 128), (127, 128)):
        inputs = [rng.integers(low, high, v.type.shape).astype(np.int8) for v in before.inputs]
        for expected, found in zip(evaluate(before, inputs), evaluate(after, inputs), strict=True):
            np.testing.assert_array_equal(found, expected)
