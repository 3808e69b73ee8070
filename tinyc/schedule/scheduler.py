"""Makes schedules: the order of execution, the kernel of every operator, and the segments that stream.

A `Scheduler` does once what all schedules of a graph share, so that asking for another budget costs little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tinyc.errors import ModelError, UsageError
from tinyc.ir.graph import Graph, Node, Value
from tinyc.program.kernel import Kernel, needs_kernel, select
from tinyc.program.lower import one_image, stage_kernel
from tinyc.program.rows import row_stages
from tinyc.schedule.order import Order, best_order, with_late_views
from tinyc.schedule.schedule import OrderSearch, Schedule
from tinyc.schedule.segments import Partition, Partitions, Step

if TYPE_CHECKING:
    from tinyc.targets import Target


def make_schedule(
    graph: Graph, target: Target, given: Schedule | None = None, *, budget: int | None = None,
    stream_input: bool = False,
) -> Schedule:
    """Choose order, kernels and segments; decisions in `given` are kept. Puts the graph into the order chosen.

    `budget` is the SRAM in bytes that the network should need at most; None streams nothing but a streamed input.
    Raises UsageError where `given` does not fit the graph, ModelError listing every operator that no kernel serves.
    """
    return Scheduler(graph, target, given, stream_input=stream_input).schedule(budget)


@dataclass(frozen=True)
class Candidate:
    """An order of execution that a schedule may have; its partitions are worked out when they are needed."""

    graph: Graph
    nodes: tuple[Node, ...]
    layer_peak: int  # bytes, without segments
    steps: tuple[Step, ...]
    pushed: Value | None

    @cached_property
    def partitions(self) -> Partitions:
        return Partitions(self.graph, self.steps, self.pushed)

    def choose(self, budget: float | None) -> Partition | None:
        """What to stream under a budget; None where that is nothing."""
        return None if budget is None and self.pushed is None else self.partitions.choose(budget)

    def score(self, budget: float | None) -> tuple[float, float, float]:
        """Less is better: bytes beyond the budget count first, then the work that streaming adds, then all bytes."""
        chosen, nothing = self.choose(budget), budget is None and self.pushed is None
        if chosen is None:
            peak, work = (self.layer_peak, 0.0) if nothing else (math.inf, 0.0)
        else:
            peak, work = chosen.peak, chosen.work
        return max(peak, math.inf if budget is None else budget), work, peak

    def names(self, partition: Partition | None) -> tuple[tuple[str, ...], ...]:
        """The segments of a partition as a schedule holds them."""
        return tuple(
            tuple(step.node.output.name for step in self.steps[part.start : part.stop])
            for part in (partition.parts if partition else ()) if part.streamed
        )


class Scheduler:
    """Schedules of one graph on one target. Raises what `make_schedule` raises."""

    def __init__(
        self, graph: Graph, target: Target, given: Schedule | None = None, *, stream_input: bool = False,
        wanted: Mapping[str, str] | None = None,
    ) -> None:
        self.graph, self.target, self.given = graph, target, given
        self.wanted: Mapping[str, str] = {**(given.kernels if given else {}), **(wanted or {})}
        self.stream_input = given.stream_input if given else stream_input
        self._order(given)
        self.nodes = [node for node in graph.nodes if needs_kernel(node)]
        self.kernels = _kernels(self.nodes, target, self.wanted)

    def _order(self, given: Schedule | None) -> None:
        if given is None:
            self.graph.reorder(with_late_views(self.graph, [node for node in self.graph.nodes if needs_kernel(node)]))
            return
        by_name = {node.output.name: node for node in self.graph.nodes}
        _check_names(given, by_name)
        try:
            self.graph.reorder(by_name[name] for name in given.order)
        except ValueError as error:
            raise UsageError(f"the order of the schedule cannot be executed: {error}") from None

    @cached_property
    def steps(self) -> dict[int, Step]:
        """By the identity of their nodes."""
        return {id(node): _step(node, self.kernels[node.output.name], self.target) for node in self.nodes}

    @cached_property
    def order(self) -> Order:
        """The order with the least layer-by-layer peak."""
        scratch = {step.node.output.name: step.scratch for step in self.steps.values()}
        trails = {step.node.output.name: step.trails for step in self.steps.values()}
        return best_order(self.graph, scratch, trails)

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The file's order, and the best one where that has a lower peak: streaming may turn that around."""
        pushed = self.graph.inputs[0] if self.stream_input else None
        own, best = self.graph.nodes, self.order.nodes
        return [
            Candidate(
                self.graph, nodes, self.order.peak_bytes,
                tuple(self.steps[id(node)] for node in nodes if id(node) in self.steps), pushed,
            )
            for nodes in dict.fromkeys((own, best))
        ]

    def schedule(self, budget: float | None) -> Schedule:
        """The schedule with the least work under a budget in bytes (None: without), or else with the least peak."""
        if self.given:
            return self._schedule(self.given.segments, None)
        # Of orders that stream nothing, the last has the lower peak.
        nothing = budget is None and not self.stream_input
        candidate = self.candidates[-1] if nothing else min(self.candidates, key=lambda c: c.score(budget))
        return self.of(candidate, candidate.choose(budget))

    def of(self, candidate: Candidate, partition: Partition | None) -> Schedule:
        """The schedule with these decisions. Puts the graph into its order."""
        self.graph.reorder(candidate.nodes)
        return self._schedule(candidate.names(partition), OrderSearch(self.order.states > 0, self.order.exact))

    def _schedule(self, segments: tuple[tuple[str, ...], ...], search: OrderSearch | None) -> Schedule:
        streamed = {name for segment in segments for name in segment}
        kernels = {}
        for node in self.nodes:
            name = node.output.name
            rows = name in streamed
            kernels[name] = self._row_kernel(node) if rows else self.kernels[name]
        order = tuple(node.output.name for node in self.graph.nodes)
        names = {name: kernels[name].name for name in order if name in kernels}
        return Schedule(order, names, segments, self.stream_input, search)

    def _row_kernel(self, node: Node) -> Kernel:
        stages = row_stages(node)
        if isinstance(stages, str):
            raise UsageError(f"{node.op.name} {node.name!r} cannot be part of a segment: {stages}")
        return select(node.name, stages[-1].sites, self.target, self.wanted.get(node.output.name))


def _check_names(given: Schedule, names: Mapping[str, Node]) -> None:
    if sorted(given.order) != sorted(names):
        odd = sorted(set(given.order) ^ set(names))
        raise UsageError(f"the schedule is for another graph: it and the model do not share {', '.join(odd[:5])}")
    unknown = sorted({*given.kernels, *(n for s in given.segments for n in s)} - set(names))
    if unknown:
        raise UsageError(f"the schedule names operators that the model lacks: {', '.join(unknown[:5])}")
    for segment in given.segments:
        start = given.order.index(segment[0]) if segment else 0
        if not segment or given.order[start : start + len(segment)] != segment:
            raise UsageError(f"a segment must be consecutive operators, got {', '.join(segment) or 'none'}")


def _kernels(nodes: list[Node], target: Target, wanted: Mapping[str, str]) -> dict[str, Kernel]:
    """The kernel of every operator, executed as a whole. Raises ModelError with all that have none."""
    chosen: dict[str, Kernel] = {}
    problems: list[str] = []
    for node in nodes:
        site, _ = one_image(node)
        try:
            chosen[node.output.name] = select(node.name, [site], target, wanted.get(node.output.name))
        except ModelError as error:
            problems += error.problems
    if problems:
        raise ModelError(problems)
    return chosen


def _step(node: Node, kernel: Kernel, target: Target) -> Step:
    """What the choice of segments needs to know of one operator."""
    site, images = one_image(node)
    distances = [(i, kernel.trails(site, i)) for i, v in enumerate(node.inputs) if v is not None and images == 1]
    trails = tuple((i, distance) for i, distance in distances if distance is not None)
    plain = Step(node, kernel.scratch(site, target), 0, 0.0, (), trails)
    stages = row_stages(node)
    if isinstance(stages, str):
        return plain
    try:
        rows = select(node.name, stages[-1].sites, target)
        calls = [(stage_kernel(rows, stage, target), v.site, n) for stage in stages for n, v in stage.runs]
    except ModelError:  # no kernel computes its rows
        return plain
    scratch = max(k.scratch(s, target) for k, s, _ in calls)
    work = sum(times * k.cost(s, target) for k, s, times in calls) - images * kernel.cost(site, target)
    return replace(plain, row_scratch=scratch, row_work=max(0.0, work), stages=stages)
