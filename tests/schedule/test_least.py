"""The least need is that of the best partition, whatever the bounds told; and what is lean stays nearly as fast."""

from __future__ import annotations

import math
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.program.test_forms import check_arena, samples
from tests.support.images import Images, image_networks, token_networks
from tinyc import targets
from tinyc.compiler import Options, compile_graph, run_passes
from tinyc.ir.graph import Graph
from tinyc.program.lifetimes import width
from tinyc.schedule.needs import Needs
from tinyc.schedule.scheduler import Candidate, Scheduler
from tinyc.schedule.search import DEAR
from tinyc.schedule.segments import Partitions

NETWORKS = st.one_of(image_networks(), token_networks())
CORES = st.sampled_from(["cortex-m0plus", "cortex-m7", "cortex-m55"])


def candidates(graph: Graph, core: str, stream_input: bool) -> list[Candidate]:
    run_passes(graph, Options())
    return Scheduler(graph, targets.load(core), stream_input=stream_input).candidates


def least_of_all(needs: Needs) -> float:
    """The least need by definition: over every first segment's state, a dynamic programme without bounds."""

    @cache
    def rest(step: int, state: int) -> float:
        if step == needs.count:
            return 0
        worst = (
            max(needs.need(step, b.stop, b.streamed, own), rest(b.stop, own))
            for b in needs.parts(step)
            for own in [needs.state(b.stop) if step == 0 else state]
        )
        return min(worst, default=math.inf)

    return rest(0, 0)


@settings(max_examples=30)
@given(NETWORKS, CORES, st.booleans())
def test_no_partition_needs_less(graph: Graph, core: str, stream_input: bool) -> None:
    for candidate in candidates(graph, core, stream_input):
        assert candidate.partitions.least_peak == least_of_all(candidate.partitions.needs)


@settings(max_examples=20)
@given(NETWORKS, CORES, st.booleans())
def test_needs_lie_between_their_bounds(graph: Graph, core: str, stream_input: bool) -> None:
    for candidate in candidates(graph, core, stream_input):
        needs = candidate.partitions.needs
        for step in range(needs.count):
            for bounds in needs.parts(step):
                state = needs.state(bounds.stop)
                need = needs.need(step, bounds.stop, bounds.streamed, state)
                assert bounds.low <= need - width(state) <= bounds.high


def wide_window() -> Images:
    """A 5x5 convolution of many channels on a tiny map: its columns need more bytes than both tensors together."""
    net = Images(1, (4, 4, 32))
    net.conv(5, (1, 1), (1, 1), (2, 2, 2, 2), 8)
    for _ in range(40):  # so that the network has other work to do
        net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 24)
        net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 8)
    net.graph.outputs = [net.last]
    return net


def test_the_operator_at_the_peak_gets_a_kernel_with_less_scratch() -> None:
    net = wide_window()
    fast = compile_graph(net.graph, "cortex-m4", Options(objective="speed"))
    small = compile_graph(net.graph, "cortex-m4", Options(objective="sram"))
    assert small.plan.arena_bytes < fast.plan.arena_bytes and small.plan.scratch_bytes < fast.plan.scratch_bytes
    check_arena(small, samples(net.graph, 0))


def test_lean_kernels_are_nearly_as_fast() -> None:
    graph = wide_window().graph
    run_passes(graph, Options())
    scheduler = Scheduler(graph, targets.load("cortex-m4"))
    partitions: Partitions = scheduler.candidates[0].partitions
    needs = partitions.needs
    p = needs.prepared
    lean = p.data[p.lean_kernel : p.lean_kernel + needs.count]
    pairs = [(op, op.whole[number]) for op, number in zip(needs.network.operations, lean, strict=True)]
    assert any(own is not op.whole[0] for op, own in pairs)
    for op, own in pairs:
        assert own is needs.lean(op.whole)
        most = op.whole[0].work + DEAR * needs.prepared.work
        assert own.scratch <= op.whole[0].scratch and own.work <= most


def test_the_graph_is_left_in_the_order_of_the_schedule() -> None:
    net = Images(2, (9, 5, 4))
    net.conv(3, (1, 1), (1, 1), (1, 1, 1, 1), 6)
    net.depthwise(5, (1, 1), (2, 2, 2, 2))
    net.graph.outputs = [net.last]
    compiled = compile_graph(net.graph, "cortex-m7", Options(objective="sram"))
    assert tuple(node.output.name for node in compiled.graph.nodes) == compiled.schedule.order
