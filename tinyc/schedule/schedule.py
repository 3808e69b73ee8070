"""The Schedule: order of execution, the kernel of each operator, and the segments that stream.

Operators are named by their (first) output value, which is unique in a graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyc.errors import ModelError, UsageError
from tinyc.ir.graph import Graph, Node
from tinyc.program.kernel import Kernel, needs_kernel, select
from tinyc.program.lower import one_image
from tinyc.program.rows import row_stages
from tinyc.schedule.segments import Step, choose_segments

if TYPE_CHECKING:
    from tinyc.targets import Target


@dataclass(frozen=True)
class Schedule:
    """Operators in order of execution, which kernel serves each (views need none), and which stream together.

    A segment is a run of consecutive operators (or a single one) that is executed row by row.
    """

    order: tuple[str, ...]
    kernels: Mapping[str, str]
    segments: tuple[tuple[str, ...], ...] = ()
    stream_input: bool = False

    def to_json(self) -> str:
        """A text that `from_json` reads back; one line per operator, for people who edit it."""
        data = {"order": self.order, "kernels": dict(self.kernels), "segments": self.segments,
                "stream_input": self.stream_input}
        return json.dumps(data, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Raises UsageError where the text is no schedule."""
        try:
            data = json.loads(text)
            order, kernels = tuple(data["order"]), dict(data["kernels"])
            segments = tuple(tuple(segment) for segment in data.get("segments", ()))
            stream_input = data.get("stream_input", False) is True
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"this is no schedule: expected JSON with 'order' and 'kernels' ({error})") from None
        names = (*order, *kernels, *kernels.values(), *(n for s in segments for n in s))
        if not all(isinstance(n, str) for n in names):
            raise UsageError("this is no schedule: it must hold names of operators and kernels")
        return cls(order, kernels, segments, stream_input)


def make_schedule(
    graph: Graph, target: Target, given: Schedule | None = None, *, budget: int | None = None,
    stream_input: bool = False,
) -> Schedule:
    """Choose kernels and segments, in the graph's order of execution; decisions in `given` are kept.

    `budget` is the SRAM in bytes that the network should need at most; None streams nothing but a streamed input.
    Raises UsageError where `given` does not fit the graph, ModelError listing every operator that no kernel serves.
    """
    names = tuple(node.output.name for node in graph.nodes)
    if given:
        _check_names(given, names)
        by_name = dict(zip(names, graph.nodes, strict=True))
        graph.reorder(by_name[name] for name in given.order)
    wanted = dict(given.kernels) if given else {}
    nodes = [node for node in graph.nodes if needs_kernel(node)]
    chosen = _kernels(nodes, target, wanted)
    if given:
        segments = given.segments
    else:
        steps = [_step(node, chosen[node.output.name], target) for node in nodes]
        segments = choose_segments(graph, steps, budget, graph.inputs[0] if stream_input else None)
    streamed = {name for segment in segments for name in segment}
    kernels = {
        node.output.name: _row_kernel(node, target, wanted.get(node.output.name))
        if node.output.name in streamed else chosen[node.output.name]
        for node in nodes
    }
    order = tuple(node.output.name for node in graph.nodes)
    stream_input = given.stream_input if given else stream_input
    return Schedule(order, {name: kernel.name for name, kernel in kernels.items()}, segments, stream_input)


def _check_names(given: Schedule, names: tuple[str, ...]) -> None:
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


def _row_kernel(node: Node, target: Target, wanted: str | None) -> Kernel:
    stages = row_stages(node)
    if isinstance(stages, str):
        raise UsageError(f"{node.op.name} {node.name!r} cannot be part of a segment: {stages}")
    return select(node.name, stages[-1].sites, target, wanted)


def _step(node: Node, kernel: Kernel, target: Target) -> Step:
    """What the choice of segments needs to know of one operator."""
    site, _ = one_image(node)
    scratch, row_scratch = kernel.scratch(site, target), 0
    stages = row_stages(node)
    if not isinstance(stages, str):
        try:
            row_kernels = [(select(node.name, stage.sites[:1], target), stage) for stage in stages]
            row_scratch = max(k.scratch(s, target) for k, stage in row_kernels for s in stage.sites)
        except ModelError:
            stages = "no kernel computes its rows"
    in_place = [i for i, v in enumerate(node.inputs) if v is not None and kernel.trails(site, i) == 0]
    return Step(node, scratch, row_scratch, () if isinstance(stages, str) else stages, next(iter(in_place), None))
