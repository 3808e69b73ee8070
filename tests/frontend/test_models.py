"""The shared models import, verify, and compute what TensorFlow Lite Micro computes, tensor by tensor."""

from __future__ import annotations

import functools
import time
from pathlib import Path

import numpy as np
import pytest

from tinyc.frontend import load
from tinyc.frontend.tflite import tensor_indices
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate_all
from tinyc.ir.text import parse_graph, print_graph
from tinyc.ir.types import Array, DType, TensorType
from tinyc.ir.verifier import verify
from tinyc.reference.tflm import TflmReference

MODELS = {
    "ad01_int8": 10, "kws_ref_model": 13, "mcunet_vww": 63, "mobilenet_v2_1.0_224": 69, "person_detect": 31,
    "pretrainedResnet_quant": 16, "vww_96_int8": 31,
}  # fmt: skip
CONVERSION_SECONDS = 2.0


def extremes(type_: TensorType) -> list[Array]:
    """Inputs at the ends of the element type, and both in turn."""
    low, high = (-128, 127) if type_.dtype is DType.int8 else (-4.0, 4.0)
    ends = np.array([low, high], type_.dtype.numpy)
    return [
        np.full(type_.shape, low, ends.dtype),
        np.full(type_.shape, high, ends.dtype),
        np.resize(ends, type_.shape),
    ]


def random_input(type_: TensorType, seed: int) -> Array:
    random = np.random.default_rng(seed)
    if type_.dtype is DType.int8:
        return random.integers(-128, 128, type_.shape).astype(np.int8)
    return random.uniform(-1.5, 1.5, type_.shape).astype(np.float32)


@functools.cache
def model(path: Path) -> tuple[Graph, bytes]:
    return load(path), path.read_bytes()


@pytest.fixture(params=MODELS)
def imported(request: pytest.FixtureRequest, shared_models: Path) -> tuple[Graph, bytes]:
    return model(shared_models / f"{request.param}.tflite")


def test_imports_and_verifies(imported: tuple[Graph, bytes]) -> None:
    graph, _ = imported
    verify(graph)
    assert len(graph.nodes) == MODELS[graph.name]
    assert all(value.source for node in graph.nodes for value in node.outputs)


def test_every_tensor_equals_tflm(imported: tuple[Graph, bytes], long: bool) -> None:
    graph, data = imported
    (x,) = graph.inputs
    inputs = [random_input(x.type, seed) for seed in range(3)] + extremes(x.type)
    if x.type.elements > 100_000 and not long:
        inputs = inputs[:1] + inputs[-1:]  # MobileNetV2: half a second and more per image
    indices = tensor_indices(data)
    values = {v.source: v.name for node in graph.nodes for v in node.outputs if v.source}
    reference = TflmReference(data)
    for image in inputs:
        computed = evaluate_all(graph, [image])
        expected = reference.tensors([image], [indices[source] for source in values])
        for source, name in values.items():
            np.testing.assert_array_equal(
                computed[name], expected[indices[source]], err_msg=f"{graph.name} {source}"
            )
        outputs = reference.run([image])
        assert len(outputs) == len(graph.outputs)
        for value, output in zip(graph.outputs, outputs, strict=True):
            np.testing.assert_array_equal(computed[value.name], output)


@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model", "person_detect", "pretrainedResnet_quant"])
def test_text_form_round_trips(name: str, shared_models: Path) -> None:
    graph, _ = model(shared_models / f"{name}.tflite")
    short = print_graph(graph, weights=False)
    assert print_graph(parse_graph(short), weights=False) == short


def test_conversion_is_quick(imported: tuple[Graph, bytes], shared_models: Path) -> None:
    start = time.process_time()
    load(shared_models / f"{imported[0].name}.tflite")
    assert time.process_time() - start < CONVERSION_SECONDS


def test_person_detect_bias_scales_are_no_obstacle(shared_models: Path) -> None:
    """Its rank-1 biases have a scale per channel of an axis that they lack; TFLM never reads those."""
    graph, _ = model(shared_models / "person_detect.tflite")
    assert [v.type.quant for v in graph.constants.values() if v.type.dtype is DType.int32] == [None] * 28


def test_names_are_short_and_sources_whole(shared_models: Path) -> None:
    graph, _ = model(shared_models / "kws_ref_model.tflite")
    first = graph.nodes[0]
    assert first.name == "activation_Relu"
    assert [v.name for v in first.inputs if v] == [
        "input_1",
        "activation_Relu_weights",
        "activation_Relu_bias",
    ]
    assert first.output.source is not None and first.output.source.startswith("functional_1/activation/Relu;")
