"""Makes schedules: the order of execution, the kernel of every operator, and the segments that stream.

A `Scheduler` does once what all schedules of a graph share, so that asking for another budget costs little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from tinyc.errors import ModelError, UsageError
from tinyc.ir.graph import Graph, Node, Value
from tinyc.program.kernel import Kernel, Site, needs_kernel, serving
from tinyc.program.lower import one_image, stage_kernel
from tinyc.program.preference import NO_PREFERENCE, Preference
from tinyc.program.rows import RowStage, row_stages, segment_stages
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

    def choose(self, budget: float | None, room: float = 1.0) -> Partition | None:
        """What to stream under a budget (see `Partitions.choose`); None where that is nothing."""
        return None if budget is None and self.pushed is None else self.partitions.choose(budget, room)

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
        self.kernels = self._kernels()

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
            return self._schedule(self.given.segments, self.given.heights, {})
        # Of orders that stream nothing, the last has the lower peak.
        nothing = budget is None and not self.stream_input
        candidate = self.candidates[-1] if nothing else min(self.candidates, key=lambda c: c.score(budget))
        return self.of(candidate, candidate.choose(budget, room))

    def tightest(self) -> Schedule | None:
        """The schedule that was found first to have the least peak, before anything was made quicker."""
        candidate = min(self.candidates, key=lambda c: c.partitions.least_peak)
        return None if candidate.partitions.least is None else self.of(candidate, candidate.partitions.tightest())

    def of(self, candidate: Candidate, partition: Partition | None) -> Schedule:
        """The schedule with these decisions. Puts the graph into its order."""
        self.graph.reorder(candidate.nodes)
        search = OrderSearch(self.order.states > 0, self.order.exact)
        expected = None if partition is None else partition.peak
        schedule = self._schedule(*candidate.segments(partition), candidate.lean(partition))
        return replace(schedule, search=search, expected_bytes=expected)

    def _schedule(self, segments: Segments, heights: Mapping[str, int], lean: Mapping[str, str]) -> Schedule:
        by_name = {node.output.name: node for node in self.nodes}
        kernels = {name: kernel.name for name, kernel in self.kernels.items()} | dict(lean)
        for names in segments:
            stages = segment_stages([by_name[n] for n in names], [heights.get(n, 1) for n in names])
            last = {node.output.name: (node, stage) for node, stage in stages if node.output.name not in lean}
            kernels |= {name: self._row_kernels(*own)[0][0].name for name, own in last.items()}
        order = tuple(node.output.name for node in self.graph.nodes)
        chosen = {name: kernels[name] for name in order if name in kernels}
        return Schedule(order, chosen, segments, self.stream_input, heights)

    def _row_kernels(self, node: Node, stage: RowStage) -> list[tuple[Kernel, float]]:
        """The kernels for a stage, the fastest first; of several stages, the last is the operator's own."""
        return self._serving(node, stage.sites, [times for times, _ in stage.runs])

    def _serving(
        self, node: Node, sites: Sequence[Site], times: Sequence[int] | None = None
    ) -> list[tuple[Kernel, float]]:
        wanted = self.wanted.get(node.output.name)
        return serving(node.name, sites, self.target, wanted, provider=self.provider, times=times)

    def _kernels(self) -> dict[str, Kernel]:
        """The kernel of every operator, executed as a whole. Raises ModelError with all that have none.

        Those that a given schedule streams never are, and their kernels may serve no more than their blocks.
        """
        chosen: dict[str, Kernel] = {}
        problems: list[str] = []
        streamed = {name for names in (self.given.segments if self.given else ()) for name in names}
        for node in (n for n in self.nodes if n.output.name not in streamed):
            site, _ = one_image(node)
            try:
                chosen[node.output.name] = self._serving(node, [site])[0][0]
            except ModelError as error:
                problems += error.problems
        if problems:
            raise ModelError(problems)
        return chosen

    def _step(self, node: Node) -> Step:
        """What the choice of segments needs to know of one operator."""
        site, images = one_image(node)

        def means(kernel: Kernel, cost: float) -> Means:
            inputs = [i for i, v in enumerate(node.inputs) if v is not None and images == 1]
            distances = [(i, kernel.trails(site, i)) for i in inputs]
            trails = tuple((i, distance) for i, distance in distances if distance is not None)
            return Means(kernel.name, kernel.scratch(site, self.target), images * cost, trails)

        if node.output.name in self.kernels:
            kernels = ever_leaner([means(*found) for found in self._serving(node, [site])])
        else:  # it only runs in the segments of a given schedule
            kernels = (Means("", 0, 0.0),)
        return Step(node, kernels, partial(self._form, node, kernels[0].work))

    def _form(self, node: Node, whole: float, height: int, first: int) -> Form | None:
        """An operator in blocks of rows; `whole` are its instructions where it runs as a whole."""
        stages = row_stages(node, height, first)
        if isinstance(stages, str):
            return None
        known = tuple(v and (v.is_constant, v.data is None, node.inputs.index(v)) for v in node.inputs)
        own = self.wanted.get(node.output.name), self.provider, self.target
        key = node.op, node.signature, known, height, first, whole, own
        if key not in _MEANS:
            if len(_MEANS) >= MOST_MEANS:
                _MEANS.clear()
            _MEANS[key] = self._row_means(node, stages)
        means = _MEANS[key]
        if not means:
            return None
        blocks = BLOCK_INSTRUCTIONS * sum(times for stage in stages for times, _ in stage.runs)
        return Form(stages, max(0.0, means[0].work - whole) + blocks, means)

    def _row_means(self, node: Node, stages: tuple[RowStage, ...]) -> tuple[Means, ...]:
        """The kernels of an operator's blocks; none where no kernel computes them."""
        try:
            served = self._row_kernels(node, stages[-1])
        except (ModelError, UsageError):  # no kernel computes its rows, or not the one asked for
            return ()
        return ever_leaner([self._means_in_rows(kernel, stages) for kernel, _ in served])

    def _means_in_rows(self, kernel: Kernel, stages: tuple[RowStage, ...]) -> Means:
        target = self.target
        calls = [(stage_kernel(kernel, stage, target), v.site, n) for stage in stages for n, v in stage.runs]
        scratch = max(k.scratch(s, target) for k, s, _ in calls)
        work = sum(times * k.cost(s, target) for k, s, times in calls)
        trails = ((i, d) for i, d in enumerate(_block_trails(kernel, stages[-1])) if d is not None)
        return Means(kernel.name, scratch, work, tuple(trails))


def ever_leaner(served: Sequence[Means]) -> tuple[Means, ...]:
    """Of the kernels that serve an operator, from the fastest on, those that have less scratch than all before."""
    kept = [served[0]]
    for means in served[1:]:
        if means.scratch < kept[-1].scratch:
            kept.append(means)
    return tuple(kept)


# By operator, types, which constants are known, height, first block, instructions as a whole, and what is asked for.
# Networks repeat their blocks, and searches theirs from network to network.
_MEANS: dict[tuple[object, ...], tuple[Means, ...]] = {}
MOST_MEANS = 1 << 17


def _block_trails(kernel: Kernel, stage: RowStage) -> Iterator[int | None]:
    """For each activation that a stage reads, how far below it its blocks may be written meanwhile (`Means`)."""
    for value, _ in stage.reads:
        distances = []
        for variant in stage.variants:
            reads = [index for index, read in enumerate(variant.inputs) if read is value]
            distances.append(kernel.trails(variant.site, reads[0]) if len(reads) == 1 else None)
        known = [distance for distance in distances if distance is not None]
        yield max(known) if known and len(known) == len(distances) else None


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
