"""Segments in the Graph: an operator whose body streams, a few rows at a time, through line buffers.

    %sum = segment(%image) {heights=(2, 1)} : int8[1,8,8,1] q(0.02;-128) {
      %conv = conv2d(%image, @w, none) {padding=(1, 1, 1, 1)} : int8[1,8,8,1] q(0.02;-128)
      %sum = add(%conv, %image) : int8[1,8,8,1] q(0.02;-128)
      return %sum
    }

Its reference lets the rows flow as the Program does, so that a halo, a border or a line that is too shallow shows as a
wrong answer in the Graph interpreter. A schedule's segments become such operators when it is lowered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tinyc.errors import UsageError
from tinyc.ir.graph import Graph, Node
from tinyc.ir.operator import TypeRuleError, expect, operator
from tinyc.ir.region import Body, Region
from tinyc.ir.types import Array, Signature
from tinyc.program.flow import Flow
from tinyc.program.lines import LineBuffers, SegmentLines, let_flow
from tinyc.program.rows import RowStage, Variant, segment_stages

Names = tuple[str, ...]


@operator("segment")
@dataclass(frozen=True)
class SegmentOperator(Region):
    """The operators of its body, together: each makes `heights` rows at a time (in their order; 1 where not given).

    Legal are bodies of operators that can make their rows one block after the other; one that reads an operand whole
    waits until it is complete, and a residual add until the longer path is there.
    """

    heights: tuple[int, ...] = ()

    def check(self, sig: Signature) -> None:
        super().check(sig)
        count = len(self.body.nodes)
        expect(len(self.heights) in (0, count), f"expected a height for each of {count} operators, got {self.heights}")
        expect(all(height >= 1 for height in self.heights), f"expected heights of 1 row or more, got {self.heights}")
        try:
            _ = self.stages
        except UsageError as error:
            raise TypeRuleError(str(error)) from None

    @cached_property
    def stages(self) -> list[tuple[Node, RowStage]]:
        """Its operators, block by block. Raises UsageError where one cannot be."""
        return segment_stages(self.body.nodes, self.heights or (1,) * len(self.body.nodes))

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        return _Run(self, inputs).results()


class _Run:
    """One execution of a segment, in line buffers that start as garbage."""

    def __init__(self, op: SegmentOperator, inputs: Sequence[Array | None]) -> None:
        self.body, self.stages = op.body, [stage for _, stage in op.stages]
        self.given = dict(zip(map(id, op.body.parameters), inputs, strict=True))
        self.lines = lines = SegmentLines(self.stages, op.body.graph)
        self.flow, garbage = Flow(lines.rows, lines.stages, None, lines.held), np.random.default_rng(0)
        sizes = [rows * size for rows, size in zip(lines.held, lines.row_bytes, strict=True)]
        self.memories = [garbage.integers(0, 256, size, dtype=np.uint8) for size in sizes]
        self.buffers = LineBuffers(self.flow, self.memories, [v.name for v in lines.values], garbage)
        for number in lines.stored:
            array = self.given[id(lines.values[number])]
            assert array is not None
            self.memories[number][:] = np.frombuffer(array.tobytes(), np.uint8)

    def results(self) -> tuple[Array, ...]:
        let_flow(self.flow, self._fire)
        found = ((self.memories[self.lines.numbers[id(v)]], v.type) for v in self.body.results)
        return tuple(np.frombuffer(m.tobytes(), kind.dtype.numpy).reshape(kind.shape) for m, kind in found)

    def _fire(self, index: int) -> None:
        stage, line, count = self.stages[index], self.flow.stages[index].output, self.flow.block(index)
        row = self.flow.made[line]
        variant = next(v for v in reversed(stage.variants) if v.first <= row)
        (rows,) = variant.site.op.reference(variant.site.sig, *self._operands(index, variant, row, count))
        self.buffers.append(line, count, rows)

    def _operands(self, index: int, variant: Variant, row: int, count: int) -> Iterator[Array | None]:
        feeds, read = iter(self.flow.stages[index].feeds), {id(value) for value, _ in self.stages[index].reads}
        for value, kind in zip(variant.inputs, variant.site.sig.inputs, strict=True):
            if value is None or kind is None or id(value) not in read:
                yield self.given.get(id(value))
            else:
                rows = self.buffers.operand(next(feeds), row, count)
                yield np.frombuffer(rows.tobytes(), kind.dtype.numpy).reshape(kind.shape)


# ---------------------------------------------------------------------- between operators and segments
def form_segments(graph: Graph, segments: Sequence[Sequence[str]], heights: Mapping[str, int]) -> None:
    """Wrap runs of operators, named by their results, with the rows that each makes at a time (1 where not given).

    Raises UsageError where an operator cannot be streamed, or needs what is made outside from what is made inside.
    """
    by_name = {node.output.name: node for node in graph.nodes}
    for names in segments:
        wrap_segment(graph, [by_name[name] for name in names], [heights.get(name, 1) for name in names])


def wrap_segment(graph: Graph, nodes: Sequence[Node], heights: Sequence[int]) -> Node:
    """Put one segment in the place of some operators, given in their order."""
    order = _side_by_side(graph, nodes)
    part = graph.part(nodes)
    op = SegmentOperator(Body(part), () if all(height == 1 for height in heights) else tuple(heights))
    _ = op.stages  # refuse before anything is changed
    values = {v.name: v for node in nodes for v in (*node.inputs, *node.outputs) if v is not None}
    graph.reorder(order)
    ends = ([values[v.name] for v in side] for side in (op.body.parameters, op.body.results))
    return graph.wrap(nodes, op, *ends)


def _side_by_side(graph: Graph, nodes: Sequence[Node]) -> list[Node]:
    """The order in which they stand next to each other: what lies between runs before them if it can, else after."""
    inside, late = {id(node) for node in nodes}, set[int]()
    before, after = list[Node](), list[Node]()
    left = len(nodes)
    for node in graph.nodes:
        sources = [v.producer for v in node.inputs if v is not None and v.producer is not None]
        waited = next((source for source in sources if id(source) in late), None)
        if id(node) in inside:
            left -= 1
            if waited is not None:
                raise UsageError(
                    f"a segment with {node.name!r} would need {waited.output.name!r} before it is there: that is made "
                    f"outside, from what the segment makes. Split it in two, or take {waited.name!r} in if it streams."
                )
        elif waited is not None or not left or any(id(source) in inside for source in sources):
            late.add(id(node))
            after.append(node)
        else:
            before.append(node)
    return [*before, *nodes, *after]


def inline_segments(graph: Graph) -> tuple[tuple[Names, ...], dict[str, int]]:
    """Put the operators of all segments in their place; the segments as a schedule names them, and the heights.

    The inverse of `form_segments`.
    """
    segments: list[Names] = []
    heights: dict[str, int] = {}
    for node in graph.nodes:
        if isinstance(node.op, SegmentOperator):
            names = tuple(n.output.name for n in graph.unwrap(node, node.op.body.graph))
            segments.append(names)
            heights |= {name: height for name, height in zip(names, node.op.heights, strict=False) if height > 1}
    return tuple(segments), heights
