"""The Pareto front: nothing on it beats another point, and every point compiles to what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schedule.test_order import image_cell
from tests.support.images import image_networks
from tinyc.compiler import Compiled, Options, compile, compile_graph, run_passes
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.program.interpreter import execute
from tinyc.report import front as front_data
from tinyc.report import summarise
from tinyc.schedule.front import POINTS, Point, front


def points(compiled: Compiled) -> list[Point]:
    return front(compiled.graph, compiled.target, compiled.options)


def check_shape(found: list[Point]) -> None:
    assert 0 < len(found) <= POINTS
    for before, after in zip(found, found[1:], strict=False):
        assert before.arena_bytes > after.arena_bytes and before.instructions < after.instructions


@settings(max_examples=25)
@given(image_networks(), st.sampled_from(["cortex-m0plus", "cortex-m4"]), st.sampled_from(["stored", "stream"]))
def test_every_point_compiles_to_what_it_says(graph: Graph, core: str, mode: str) -> None:
    options = Options(objective="sram", input_mode=mode)  # type: ignore[arg-type]
    try:
        compiled = compile_graph(graph, core, options)
    except UsageError as error:
        assert "cannot be streamed" in str(error)
        return
    before = [node.name for node in compiled.graph.nodes]
    found = points(compiled)
    assert [node.name for node in compiled.graph.nodes] == before
    check_shape(found)
    random = np.random.default_rng(0)
    inputs = [random.integers(-128, 128, v.type.shape).astype(np.int8) for v in graph.inputs]
    for point in found:
        given_back = compile_graph(graph, core, Options(schedule=point.schedule))
        data = summarise(given_back, given_back.project())
        assert data["arena_bytes"] == point.arena_bytes
        assert data["estimated_instructions"] == point.instructions
        assert data["mac_overhead"] == point.mac_overhead == 0
        assert data["segments"] == len(point.schedule.segments)
        got = execute(given_back.program, given_back.plan.offsets, point.arena_bytes, inputs)
        for a, b in zip(got, evaluate(graph, inputs), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["kws_ref_model", "person_detect", "vww_96_int8", "mcunet_vww"])
def test_the_front_of_real_models(shared_models: Path, name: str) -> None:
    """It begins with the fastest plan and ends with the smallest, which are those of the two objectives."""
    path = shared_models / f"{name}.tflite"
    fast, small = (compile(path, "cortex-m4", objective=objective) for objective in ("speed", "sram"))
    found = points(fast)
    check_shape(found)
    assert found[0].schedule == fast.schedule and found[0].arena_bytes == fast.plan.arena_bytes
    assert found[-1].arena_bytes >= small.plan.arena_bytes
    for compiled, chosen in ((fast, 0), (small, -1)):
        data = front_data(compiled)
        assert [point["chosen"] for point in data].index(True) == chosen % len(data)
        assert data[chosen]["arena_bytes"] == compiled.plan.arena_bytes
        assert data[chosen]["segments"] == len(compiled.schedule.segments)


def test_the_front_holds_other_orders_of_execution() -> None:
    graph = image_cell([(48, 4), (48, 4), (48, 4)], 0)
    compiled = compile_graph(graph, "cortex-m0plus", Options(objective="speed"))
    run_passes(graph, compiled.options)
    found = front(graph, compiled.target, compiled.options)
    assert found[0].schedule == compiled.schedule and found[0].arena_bytes == compiled.plan.arena_bytes
    assert compiled.schedule.order != tuple(node.output.name for node in graph.nodes)


def test_what_cannot_be_streamed_has_no_front() -> None:
    from tests.program.test_lower import filled

    graph = filled("""graph @dense {
      %x = input : int8[1,16] q(0.1;0)
      @w = const : int8[4,16] q(0.01;0)
      @b = const : int32[4]
      %y = fully_connected(%x, @w, @b) : int8[1,4] q(0.2;0)
      return %y
    }""")
    compiled = compile_graph(graph, "cortex-m4")
    assert front(compiled.graph, compiled.target, Options(input_mode="stream")) == []
    assert len(points(compiled)) == 1
