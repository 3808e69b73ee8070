"""The choice of segments: optimal among all partitions, and its estimates are what the program needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.images import Images, image_networks, token_networks
from tinyc import ops, targets
from tinyc.compiler import Options, compile_graph, run_passes
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph, Node
from tinyc.ir.interpreter import evaluate
from tinyc.program.interpreter import execute
from tinyc.program.kernel import Kernel
from tinyc.program.lifetimes import lifetimes, trails
from tinyc.program.lower import lower, one_image
from tinyc.program.plan import timeline
from tinyc.program.program import Program, Segment, Statement
from tinyc.schedule.cost import estimated_instructions
from tinyc.schedule.pieces import Part
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.segments import SLOW, SPARE, Partitions
from tinyc.schedule.tasks import overlap

CORES = st.sampled_from(["cortex-m0plus", "cortex-m4", "cortex-m55"])


NETWORKS = st.one_of(image_networks(), token_networks())


def scheduler(graph: Graph, core: str, stream_input: bool) -> Scheduler:
    run_passes(graph, Options())
    return Scheduler(graph, targets.load(core), stream_input=stream_input)


def every(partitions: Partitions, start: int = 0) -> Iterator[list[Part]]:
    """Every partition into parts that can run."""
    if start == partitions.count:
        yield []
    for part in partitions.parts:
        if part.start == start and part.peak < float("inf"):
            yield from ([part, *rest] for rest in every(partitions, part.stop))


def prices(partitions: Partitions) -> set[tuple[float, float]]:
    return {(max((p.peak for p in parts), default=0.0), sum(p.work for p in parts)) for parts in every(partitions)}


@settings(max_examples=40)
@given(NETWORKS, CORES, st.booleans(), st.floats(0, 1))
def test_no_partition_is_better(graph: Graph, core: str, stream_input: bool, share: float) -> None:
    for candidate in scheduler(graph, core, stream_input).candidates:
        found = prices(candidate.partitions)
        if not found:
            assert candidate.partitions.choose(0) is None and candidate.partitions.front() == []
            continue
        least, most = min(found)[0], max(found)[0]
        budget = least * 0.9 + share * (most - least * 0.9)
        chosen = candidate.partitions.choose(budget)
        found = prices(candidate.partitions)  # what was chosen is estimated more closely
        least = min(found)[0]
        assert chosen is not None and chosen.peak <= max(budget, least)
        assert chosen.work == min(work for peak, work in found if peak <= max(budget, least))


@settings(max_examples=30)
@given(NETWORKS, CORES, st.booleans())
def test_bytes_are_spared_only_as_far_as_they_make_a_slow_network_quick(
    graph: Graph, core: str, stream_input: bool
) -> None:
    for candidate in scheduler(graph, core, stream_input).candidates:
        partitions = candidate.partitions
        chosen = partitions.choose(0, SPARE)
        if chosen is None:
            continue
        least, enough = partitions.least_peak, SLOW * partitions.work
        affordable = [(peak, work) for peak, work in prices(partitions) if peak <= (1 + SPARE) * least]
        quick = [peak for peak, work in affordable if work <= enough]
        assert (chosen.peak, chosen.work) in affordable
        assert chosen.peak <= min(quick) and chosen.work <= enough if quick else (
            chosen.work == min(work for _, work in affordable)
        )


@settings(max_examples=40)
@given(NETWORKS, CORES, st.booleans())
def test_the_front_holds_all_that_nothing_beats(graph: Graph, core: str, stream_input: bool) -> None:
    for candidate in scheduler(graph, core, stream_input).candidates:
        front = [(partition.peak, partition.work) for partition in candidate.partitions.front()]
        found = prices(candidate.partitions)  # those of the front estimated more closely
        best = {(p, w) for p, w in found if not any((q <= p and v <= w and (q, v) != (p, w)) for q, v in found)}
        assert set(front) == best and front == sorted(front, reverse=True)


def saved(program: Program, step: int) -> int:
    """The most that one output saves in a step by overlapping an input."""
    lives, buffers = lifetimes(program), program.buffers
    return max((
        overlap(buffers[t.upper].bytes, buffers[t.lower].bytes, t.distance)
        for t in trails(program) if lives[t.lower][0] == step
    ), default=0)


def overlaps_more(statement: Statement) -> bool:
    """Whether a segment holds all rows of a tensor inside, which then may overlap an input like an output."""
    return isinstance(statement, Segment) and any(
        line.depth == line.rows for line in statement.lines if "rows" in line.label
    )


@settings(max_examples=60)
@given(NETWORKS, CORES, st.booleans())
def test_estimates_are_what_the_program_needs(graph: Graph, core: str, stream_input: bool) -> None:
    """For every step: the bytes that are live in the lowered program, less the best overlap."""
    maker = scheduler(graph, core, stream_input)
    candidate = maker.candidates[0]
    for partition in candidate.partitions.front():
        try:
            program = lower(maker.graph, maker.of(candidate, partition), maker.target)
        except UsageError as error:
            assert stream_input and "cannot be streamed" in str(error)
            continue
        state = sum(b.bytes for b in program.buffers.values() if b.is_state)
        live = [step.live_bytes - saved(program, number) - state for number, step in enumerate(timeline(program))]
        for bytes, part, statement in zip(live, partition.parts, program.body, strict=True):
            assert bytes == part.peak or (bytes < part.peak and overlaps_more(statement))
        if not stream_input:
            whole = sum(one_image(n)[1] * k.cost(one_image(n)[0], maker.target) for n, k in kernels(maker))
            assert estimated_instructions(program, maker.target) <= whole + partition.work + 1


def kernels(maker: Scheduler) -> list[tuple[Node, Kernel]]:
    return [(node, maker.kernels[node.output.name]) for node in maker.nodes]


def test_a_view_ends_a_segment_that_makes_what_it_shows() -> None:
    """In between it would name rows that are long gone; a view that is read later stays out of the way."""
    net = Images(3, (12, 6, 4))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 40)
    wide = net.last
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 1)
    head = net.emit(ops.Reshape((1, 72)), [net.last], net.last.type.quant)
    net.last = wide
    net.conv(3, (1, 1), (1, 1), (1, 1, 1, 1), 4)
    net.emit(ops.Reshape((1, 6, 12, 4)), [net.last], net.last.type.quant)
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 24)
    net.conv(3, (1, 1), (1, 1), (1, 1, 1, 1), 2)
    net.graph.outputs = [net.last, head]
    for candidate in scheduler(net.graph.copy(), "cortex-m4", False).candidates:
        parts = [(part.start, part.stop) for part in candidate.partitions.parts if part.streamed]
        readers = [n for n, step in enumerate(candidate.steps) if step.node.input(0).producer_is(ops.Reshape)]
        assert readers and not any(start < reader < stop for start, stop in parts for reader in readers)
    for mode in ("stored", "stream"):
        compiled = compile_graph(net.graph, "cortex-m4", Options(objective="sram", input_mode=mode))  # type: ignore[arg-type]
        assert sorted(map(len, compiled.schedule.segments)) == [2, 3]
        again = compile_graph(net.graph, "cortex-m4", Options(schedule=compiled.schedule))
        assert again.schedule == compiled.schedule
        inputs = [np.random.default_rng(0).integers(-128, 128, (1, 12, 6, 4)).astype(np.int8)]
        got = execute(again.program, again.plan.offsets, again.plan.arena_bytes, inputs)
        for a, b in zip(got, evaluate(net.graph, inputs), strict=True):
            np.testing.assert_array_equal(a, b)
