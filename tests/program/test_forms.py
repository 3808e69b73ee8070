"""Every form of a network means the same: graph == program in its arena == C on the host, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.graphs import graphs
from tests.support.images import image_networks, random_segments
from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.types import Array
from tinyc.program.interpreter import execute
from tinyc.simulate import run_host

CORES = ("cortex-m0plus", "cortex-m4", "cortex-m55")
plans = st.builds(
    lambda core, options: (core, options),
    st.sampled_from(CORES),
    st.builds(Options, objective=st.sampled_from(["speed", "sram"])),
)


def samples(graph: Graph, seed: int) -> list[list[Array]]:
    """Random codes, and all codes at either end."""
    random = np.random.default_rng(seed)
    shapes = [(v.type.shape, v.type.dtype.numpy) for v in graph.inputs]
    return [
        [random.integers(-128, 128, s).astype(d) for s, d in shapes],
        [np.full(s, -128, d) for s, d in shapes],
        [np.full(s, 127, d) for s, d in shapes],
    ]


def check_arena(compiled: Compiled, inputs: list[list[Array]]) -> None:
    for seed, one in enumerate(inputs):
        got = execute(compiled.program, compiled.plan.offsets, compiled.plan.arena_bytes, one, seed)
        for a, b in zip(got, evaluate(compiled.imported, one), strict=True):
            np.testing.assert_array_equal(a, b)


def check_host(compiled: Compiled, inputs: list[list[Array]], *, sanitize: bool) -> None:
    packed = [tuple(x.tobytes() for x in one) for one in inputs]
    result = run_host(compiled.project(), packed, sanitize=sanitize, optimize="-O0")
    for one, outputs in zip(inputs, result.outputs, strict=True):
        assert [o.tobytes() for o in evaluate(compiled.imported, one)] == list(outputs)


@examples(200)
@given(graphs(), plans, st.integers(0, 2**16))
def test_the_program_in_its_arena_computes_what_the_graph_means(
    graph: Graph, plan: tuple[str, Options], seed: int
) -> None:
    check_arena(compile_graph(graph, *plan), samples(graph, seed))


@examples(200)
@given(graphs(), plans, st.integers(0, 2**16))
def test_the_c_on_the_host_computes_what_the_graph_means(graph: Graph, plan: tuple[str, Options], seed: int) -> None:
    compiled = compile_graph(graph, *plan)
    if compiled.graph.nodes:
        check_host(compiled, samples(graph, seed), sanitize=True)


@st.composite
def streamed(draw: st.DrawFn) -> Compiled:
    """An image network with random segments, and now and then a streamed input."""
    graph, core = draw(image_networks()), draw(st.sampled_from(CORES))
    plain = compile_graph(graph, core)
    schedule = random_segments(draw, plain.graph)
    if draw(st.booleans()):
        try:
            return compile_graph(graph, core, Options(schedule=replace(schedule, stream_input=True)))
        except UsageError as error:
            assert "cannot be streamed" in str(error)
    return compile_graph(graph, core, Options(schedule=schedule))


@examples(150)
@given(streamed(), st.integers(0, 2**16))
def test_random_segments_compute_what_the_graph_means(compiled: Compiled, seed: int) -> None:
    check_arena(compiled, samples(compiled.imported, seed))


@examples(40)
@given(streamed(), st.integers(0, 2**16))
def test_random_segments_on_the_host(compiled: Compiled, seed: int) -> None:
    check_host(compiled, samples(compiled.imported, seed), sanitize=True)
