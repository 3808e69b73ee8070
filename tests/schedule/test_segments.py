"""The choice of segments: optimal among all partitions, and its estimates are what the program needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.images import Images, image_networks, token_networks
from tinyc import ops, targets
from tinyc.compiler import Options, compile_graph, run_passes
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph, Node
from tinyc.ir.interpreter import evaluate
from tinyc.memory import lower_bound
from tinyc.program.interpreter import execute
from tinyc.program.kernel import Kernel, find_kernel
from tinyc.program.lifetimes import blocks, lifetimes, trails
from tinyc.program.lower import lower, one_image
from tinyc.program.plan import least_arena
from tinyc.program.program import Program
from tinyc.schedule.cost import estimated_instructions
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.segments import Part, Partitions

CORES = st.sampled_from(["cortex-m0plus", "cortex-m4", "cortex-m55"])


NETWORKS = st.one_of(image_networks(), token_networks())


def scheduler(graph: Graph, core: str, stream_input: bool) -> Scheduler:
    run_passes(graph, Options())
    return Scheduler(graph, targets.load(core), stream_input=stream_input)


def every(partitions: Partitions, state: int, start: int = 0) -> Iterator[list[Part]]:
    """Every partition into parts that can run beside so much state, in single rows and with the fastest kernels."""
    needs = partitions.needs
    if start == needs.count:
        yield []
        return
    for bounds in needs.parts(start):
        if start == 0 and needs.state(bounds.stop) > state:
            continue
        own = needs.network.operations[start : bounds.stop]
        work = sum(op.row_work for op in own) - own[-1].moved if bounds.streamed else 0.0
        part = Part(start, bounds.stop, needs.need(start, bounds.stop, bounds.streamed, state), work)
        yield from ([part, *rest] for rest in every(partitions, state, bounds.stop))


def prices(partitions: Partitions, state: int) -> set[tuple[float, float]]:
    found = every(partitions, state)
    return {(max((p.need for p in parts), default=0), sum(p.work for p in parts)) for parts in found}


@settings(max_examples=40)
@given(NETWORKS, CORES, st.booleans(), st.floats(0, 1))
def test_no_partition_is_better(graph: Graph, core: str, stream_input: bool, share: float) -> None:
    for candidate in scheduler(graph, core, stream_input).candidates:
        partitions = candidate.partitions
        if partitions.least is None:
            assert partitions.choose(0) is None and partitions.front() == []
            continue
        found = prices(partitions, partitions.least.state)
        least, most = min(found)[0], max(found)[0]
        assert least == partitions.least_peak
        budget = least * 0.9 + share * (most - least * 0.9)
        chosen = partitions.choose(budget)
        assert chosen is not None and chosen.peak <= max(budget, least)
        if not any(part.lean for part in chosen.parts):  # lean kernels add work, more rows at a time save some
            assert chosen.work <= min(work for peak, work in found if peak <= max(budget, least)) + 1e-6


@settings(max_examples=40)
@given(NETWORKS, CORES, st.booleans())
def test_the_front_goes_from_the_least_work_to_the_least_peak(graph: Graph, core: str, stream_input: bool) -> None:
    for candidate in scheduler(graph, core, stream_input).candidates:
        partitions = candidate.partitions
        front = [(partition.peak, partition.work) for partition in partitions.front()]
        assert front == sorted(front, reverse=True) and len({work for _, work in front}) == len(front)
        if front:
            assert front[-1][0] == partitions.least_peak


def step_need(program: Program, step: int) -> int:
    """Bytes that the packer needs for what is alive in a step."""
    lives = lifetimes(program)
    alive = {name for name, (first, last) in lives.items() if first <= step <= last}
    here = [replace(b, first=0, last=0) for b in blocks(program) if b.name in alive]
    return lower_bound(here, [t for t in trails(program) if {t.lower, t.upper} <= alive])


@settings(max_examples=60)
@given(NETWORKS, CORES, st.booleans())
def test_estimates_are_what_the_program_needs(graph: Graph, core: str, stream_input: bool) -> None:
    """For every step: the bytes that the packer needs for the lowered program."""
    maker = scheduler(graph, core, stream_input)
    candidate = maker.candidates[0]
    for partition in candidate.partitions.front():
        try:
            program = lower(maker.graph, maker.of(candidate, partition), maker.target)
        except UsageError as error:
            assert stream_input and "cannot be streamed" in str(error)
            continue
        own = [step_need(program, number) for number in range(len(program.body))]
        assert own == [part.need for part in partition.parts]
        assert least_arena(program) == partition.peak
        if not stream_input:
            whole = sum(one_image(n)[1] * k.cost(one_image(n)[0], maker.target) for n, k in kernels(maker))
            assert estimated_instructions(program, maker.target) <= whole + partition.work + 1


def kernels(maker: Scheduler) -> list[tuple[Node, Kernel]]:
    return [(node, find_kernel(maker.whole[node.output.name][0].kernel)) for node in maker.nodes]


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
        needs = candidate.partitions.needs
        every_part = [(start, b.stop, b.streamed) for start in range(needs.count) for b in needs.parts(start)]
        parts = [(start, stop) for start, stop, streamed in every_part if streamed]
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
