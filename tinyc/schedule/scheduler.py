"""Makes schedules: the order of execution, the kernel of every operator, and the segments that stream.

A `Scheduler` does once what all schedules of a graph share, so that asking for another budget costs little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from tinyc.errors import ModelError, UsageError
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.outline import Outline
from tinyc.program.kernel import needs_kernel, usable
from tinyc.program.preference import NO_PREFERENCE, Preference
from tinyc.program.rows import Blocks, RowStage, row_stages, segment_forms
from tinyc.schedule.means import Asked, means_of
from tinyc.schedule.order import Order, best_order, with_late_views
from tinyc.schedule.schedule import OrderSearch, Schedule
from tinyc.schedule.segments import Partition, Partitions
from tinyc.schedule.step import BLOCK_INSTRUCTIONS, Form, Means, Step

if TYPE_CHECKING:
    from tinyc.targets import Target

Segments = tuple[tuple[str, ...], ...]


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

    @cached_property
    def _chosen(self) -> dict[tuple[float | None, float], Partition | None]:
        return {}

    def choose(self, budget: float | None, room: float = 1.0) -> Partition | None:
        """What to stream under a budget (see `Partitions.choose`); None where that is nothing."""
        if budget is None and self.pushed is None:
            return None
        if (budget, room) not in self._chosen:
            self._chosen[budget, room] = self.partitions.choose(budget, room)
        return self._chosen[budget, room]

    def score(self, budget: float | None) -> tuple[float, float, float]:
        """Less is better: bytes beyond the budget count first, then the work that streaming adds, then all bytes."""
        chosen, nothing = self.choose(budget), budget is None and self.pushed is None
        if chosen is None:
            peak, work = (self.layer_peak, 0.0) if nothing else (math.inf, 0.0)
        else:
            peak, work = chosen.peak, chosen.work
        return max(peak, math.inf if budget is None else budget), work, peak

    def segments(self, partition: Partition | None) -> tuple[Segments, dict[str, int]]:
        """The segments of a partition and the rows at a time of their operators, as a schedule holds them."""
        parts = [part for part in (partition.parts if partition else ()) if part.streamed]
        names = [tuple(step.node.output.name for step in self.steps[part.start : part.stop]) for part in parts]
        heights = {n: h for part, own in zip(parts, names, strict=True) for n, h in zip(own, part.heights, strict=True)}
        return tuple(names), {name: height for name, height in heights.items() if height > 1}

    def lean(self, partition: Partition | None) -> dict[str, str]:
        """The kernels of the operators that have those of least scratch, by name."""
        lean = [own for part in (partition.parts if partition else ()) for own in part.lean]
        return {self.steps[number].node.output.name: kernel for number, kernel in lean}


class Scheduler:
    """Schedules of one graph on one target. Raises what `make_schedule` raises."""

    def __init__(
        self, graph: Graph, target: Target, given: Schedule | None = None, *, stream_input: bool = False,
        wanted: Mapping[str, str] | None = None, preference: Preference = NO_PREFERENCE,
    ) -> None:
        self.graph, self.target, self.given, self.provider = graph, target, given, preference.provider
        asked = preference.of_graph(graph)
        self.wanted: Mapping[str, str] = {**(given.kernels if given else {}), **(wanted or {}), **asked}
        self.stream_input = given.stream_input if given else stream_input
        self._order(given)
        self.nodes = [node for node in graph.nodes if needs_kernel(node)]
        self._outlines: dict[int, Outline] = {}
        self.whole = self._as_a_whole()

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
        return {id(node): self._step(node) for node in self.nodes}

    @cached_property
    def order(self) -> Order:
        """The order with the least layer-by-layer peak."""
        scratch = {step.node.output.name: step.kernels[0].scratch for step in self.steps.values()}
        trails = {step.node.output.name: step.kernels[0].trails for step in self.steps.values()}
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

    def schedule(self, budget: float | None, room: float = 1.0) -> Schedule:
        """The schedule with the least work under a budget in bytes (None: without), or else with the least peak.

        `room` is for the packer (see `Partitions.choose`).
        """
        if self.given:
            return replace(self._schedule(self.given.segments, self.given.heights, {}), places=self.given.places)
        # Of orders that stream nothing, the last has the lower peak.
        nothing = budget is None and not self.stream_input
        candidate = self.candidates[-1] if nothing else min(self.candidates, key=lambda c: c.score(budget))
        return self.of(candidate, candidate.choose(budget, room), place=budget == 0)

    def tightest(self) -> Schedule | None:
        """The schedule that was found first to have the least peak, before anything was made quicker."""
        candidate = min(self.candidates, key=lambda c: c.partitions.least_peak)
        if candidate.partitions.least is None:
            return None
        return self.of(candidate, candidate.partitions.tightest(), place=True)

    def of(self, candidate: Candidate, partition: Partition | None, *, place: bool = False) -> Schedule:
        """The schedule with these decisions, and offsets if it is to `place` tensors. Puts the graph into its order."""
        self.graph.reorder(candidate.nodes)
        search = OrderSearch(self.order.states > 0, self.order.exact)
        expected = None if partition is None else partition.peak
        schedule = self._schedule(*candidate.segments(partition), candidate.lean(partition))
        places = candidate.partitions.places(partition) if partition and place else {}
        return replace(schedule, search=search, expected_bytes=expected, places=places)

    def _schedule(self, segments: Segments, heights: Mapping[str, int], lean: Mapping[str, str]) -> Schedule:
        by_name = {node.output.name: node for node in self.nodes}
        kernels = {name: means[0].kernel for name, means in self.whole.items()} | dict(lean)
        for names in segments:
            forms = segment_forms([by_name[n] for n in names], [heights.get(n, 1) for n in names])
            kernels |= {name: self._fastest(*form) for name, form in zip(names, forms, strict=True) if name not in lean}
        order = tuple(node.output.name for node in self.graph.nodes)
        chosen = {name: kernels[name] for name in order if name in kernels}
        return Schedule(order, chosen, segments, self.stream_input, heights)

    def _means(self, node: Node, blocks: Blocks | None = None) -> tuple[Means, ...]:
        """The kernels of an operator (see `means_of`)."""
        key = id(node)
        if key not in self._outlines:
            self._outlines[key] = Outline.of(node)
        wanted = self.wanted.get(node.output.name)
        return means_of(node, self._outlines[key], Asked(self.target, self.provider, wanted, blocks))

    def _fastest(self, node: Node, blocks: Blocks, stages: Sequence[RowStage]) -> str:
        """The kernel for an operator in blocks. Raises ModelError or UsageError where none computes them."""
        means = self._means(node, blocks)
        if not means:
            usable(node.name, stages[-1].sites, self.target, self.wanted.get(node.output.name), provider=self.provider)
        return means[0].kernel

    def _as_a_whole(self) -> dict[str, tuple[Means, ...]]:
        """The kernels of every operator, executed as a whole. Raises ModelError with all that have none.

        Those that a given schedule streams never are, and their kernels may serve no more than their blocks.
        """
        found: dict[str, tuple[Means, ...]] = {}
        problems: list[str] = []
        streamed = {name for names in (self.given.segments if self.given else ()) for name in names}
        for node in (n for n in self.nodes if n.output.name not in streamed):
            try:
                found[node.output.name] = self._means(node)
            except ModelError as error:
                problems += error.problems
        if problems:
            raise ModelError(problems)
        return found

    def _step(self, node: Node) -> Step:
        """What the choice of segments needs to know of one operator."""
        # One without kernels only runs in the segments of a given schedule.
        kernels = self.whole.get(node.output.name, (Means("", 0, 0.0),))
        return Step(node, kernels, partial(self._form, node, kernels[0].work))

    def _form(self, node: Node, whole: float, height: int, first: int) -> Form | None:
        """An operator in blocks of rows; `whole` are its instructions where it runs as a whole."""
        stages, means = row_stages(node, height, first), self._means(node, Blocks(height, first))
        if isinstance(stages, str) or not means:
            return None
        blocks = BLOCK_INSTRUCTIONS * sum(times for stage in stages for times, _ in stage.runs)
        return Form(stages, round(max(0.0, means[0].work - whole)) + blocks, means)


def _check_names(given: Schedule, names: Mapping[str, Node]) -> None:
    if sorted(given.order) != sorted(names):
        odd = sorted(set(given.order) ^ set(names))
        raise UsageError(f"the schedule is for another graph: it and the model do not share {', '.join(odd[:5])}")
    unknown = sorted({*given.kernels, *(n for s in given.segments for n in s)} - set(names))
    if unknown:
        raise UsageError(f"the schedule names operators that the model lacks: {', '.join(unknown[:5])}")
    running = tuple(name for name in given.order if needs_kernel(names[name]))
    for segment in given.segments:
        start = running.index(segment[0]) if segment and segment[0] in running else 0
        if not segment or running[start : start + len(segment)] != segment:
            raise UsageError(f"a segment must be consecutive operators, got {', '.join(segment) or 'none'}")
