"""Every form of a network means the same: graph == program in its arena == C on the host, bit for bit."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.forms import check_arena, check_host, samples
from tests.support.graphs import graphs
from tests.support.images import image_networks, random_segments, token_networks
from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph

CORES = ("cortex-m0plus", "cortex-m4", "cortex-m55")
plans = st.builds(
    lambda core, options: (core, options),
    st.sampled_from(CORES),
    st.builds(Options, objective=st.sampled_from(["speed", "sram"])),
)


@examples(200)
@given(graphs(), plans, st.integers(0, 2**16))
def test_the_program_in_its_arena_computes_what_the_graph_means(
    graph: Graph, plan: tuple[str, Options], seed: int
) -> None:
    check_arena(compile_graph(graph, *plan), samples(graph, seed))


@examples(120)
@given(graphs(), plans, st.integers(0, 2**16))
def test_the_c_on_the_host_computes_what_the_graph_means(graph: Graph, plan: tuple[str, Options], seed: int) -> None:
    compiled = compile_graph(graph, *plan)
    if compiled.graph.nodes:
        check_host(compiled, samples(graph, seed), sanitize=True)


@st.composite
def streamed(draw: st.DrawFn) -> Compiled:
    """A network with random segments, and now and then a streamed input."""
    graph, core = draw(st.one_of(image_networks(), token_networks())), draw(st.sampled_from(CORES))
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
