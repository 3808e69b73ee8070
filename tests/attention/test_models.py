"""Transformers from files: every export's attention is recognised, and the large ones need what they are to need."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.support.forms import check_arena, samples
from tests.support.vit import Vit, vit
from tinyc.compiler import Compiled, Options, compile_graph, run_passes
from tinyc.frontend import import_model, read_model
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.program.interpreter import execute

DATA = Path(__file__).resolve().parents[1] / "data"
EXPORTS = sorted(path for path in DATA.rglob("vit*") if path.suffix in (".onnx", ".tflite"))


def read(path: Path) -> Graph:
    return import_model(read_model(path), path.stem, path)


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_every_export_s_attention_runs_head_by_head(path: Path) -> None:
    graph = read(path)
    lowered, literal = graph.copy(), graph.copy()
    run_passes(lowered, Options())
    run_passes(literal, Options(disabled_pass=("lower-attention",)))
    counts, before = (Counter(node.op.name for node in g.nodes) for g in (lowered, literal))
    assert counts["batch_matmul"] == 2 * before["batch_matmul"] > 0  # of two heads
    products = [node for node in lowered.nodes if node.op.name == "batch_matmul"]
    assert all(node.output.type.rank == 3 for node in products)
    transposed = [node.input(0) for node in lowered.nodes if node.op.name == "transpose"]
    assert transposed in ([], lowered.inputs)  # what is left is the caller's layout of the image
    for inputs in samples(lowered, 0):
        np.testing.assert_array_equal(evaluate(lowered, inputs)[0], evaluate(literal, inputs)[0])


def compiled(graph: Graph, mode: str) -> Compiled:
    return compile_graph(graph, "cortex-m7", Options(objective="sram", input_mode=mode))  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "most"), [("stored", 184_320), ("stream", 53_248)])
def test_the_240_pixel_network(mode: str, most: int, shared_models: Path) -> None:
    found = compiled(read(shared_models / "vit_240_qdq.onnx"), mode)
    assert found.plan.arena_bytes <= most


@pytest.mark.long
def test_the_240_pixel_network_in_an_arena_of_exactly_its_size(shared_models: Path) -> None:
    found = compiled(read(shared_models / "vit_240_qdq.onnx"), "stream")
    for seed, inputs in enumerate(samples(found.graph, 1)):
        got = execute(found.program, found.plan.offsets, found.plan.arena_bytes, inputs, seed)
        np.testing.assert_array_equal(got[0], evaluate(found.graph, inputs)[0])


@pytest.mark.long
def test_deit_tiny_of_twelve_blocks() -> None:
    graph = vit(Vit(image=224, patch=16, embedding=192, heads=3, head=64, hidden=768, blocks=12, classes=1000))
    found = compiled(graph, "stream")
    assert found.plan.arena_bytes <= 98_304
    check_arena(found, samples(graph, 2)[:1])
