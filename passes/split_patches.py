"""Executes the first operators patch by patch, so that only a part of their tensors is in memory at a time.

The scheme of MCUNetV2 (Lin et al., NeurIPS 2021, section 3.1): the output of the patch stage is cut into a grid;
each patch is computed from the part of the input that it needs. Neighbouring patches overlap by the halo, which is
computed anew for each. Streamed segments (docs/memory.md) need no recomputation and usually less memory; this pass is
for comparing, and for networks where a patch is wanted as such. It is not part of the default pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tinyc.errors import UsageError
from tinyc.ir.access import Interval, Whole, input_interval
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import COLS, ROWS, Operator
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import Signature, TensorType
from tinyc.ops import Concatenation, StridedSlice
from tinyc.passes.rewriting import named_operator

AXES = (ROWS, COLS)
Region = tuple[Interval, Interval]  # rows and columns


@graph_pass("split-patches", opt_level=3)
@dataclass(frozen=True)
class SplitPatches(Pass):
    """All operators up to `until` (the name of an operator or of its tensor) run once per patch of a `grid`.

    Raises UsageError where the stage cannot be split: an operator that reads its input whole, a tensor inside the
    stage that is read after it (a split inside a residual block), or a grid finer than the map.
    """

    grid: tuple[int, int] = (2, 2)
    until: str = ""

    def run(self, graph: Graph) -> bool:
        last = named_operator(graph, self.until, "split-patches: until")
        stage = _Stage(graph, last, self._regions(last.output))
        rows: list[Value] = []
        for regions in self._rows(last.output):
            patches = [stage.patch(region) for region in regions]
            rows.append(stage.join(patches, COLS))
        stage.finish(stage.join(rows, ROWS))
        return True

    def _rows(self, value: Value) -> Iterator[list[Region]]:
        vertical, horizontal = (_cuts(value.type.shape[axis], n) for axis, n in zip(AXES, self.grid, strict=True))
        for rows in vertical:
            yield [(rows, cols) for cols in horizontal]

    def _regions(self, value: Value) -> list[Region]:
        if value.type.rank != 4 or value.type.shape[0] != 1:
            raise UsageError(f"split-patches: {value.name!r} is no image, but {value.type}; name an earlier operator")
        for axis, count in zip(AXES, self.grid, strict=True):
            if not 1 <= count <= value.type.shape[axis]:
                shape = "x".join(map(str, value.type.shape[1:3]))
                grid = "x".join(map(str, self.grid))
                raise UsageError(f"split-patches: a grid of {grid} does not divide {shape} pixels")
        return [region for row in self._rows(value) for region in row]


def _cuts(size: int, count: int) -> list[Interval]:
    """`count` intervals as equal as can be."""
    edges = [size * i // count for i in range(count + 1)]
    return list(zip(edges, edges[1:], strict=False))


@dataclass
class _Stage:
    """The operators that `last` needs, and the copies of them that are made for each patch."""

    graph: Graph
    last: Node
    regions: list[Region]
    nodes: list[Node] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = list(_ancestors(self.graph, self.last))
        inside = {id(node) for node in self.nodes}
        for node in self.nodes:
            late = [user for user in node.output.users if id(user) not in inside]
            if node is not self.last and (late or self.graph.is_output(node.output)):
                reader = f"{late[0].name!r}" if late else "the caller"
                raise UsageError(
                    f"split-patches: {node.output.name!r} is made inside the patches and read after them by {reader} "
                    f"(a split inside a residual block); choose until= at the end of the block"
                )
        for region in self.regions:
            self._needs(region)  # refuse before anything is changed

    # -- what a patch needs
    def _needs(self, region: Region) -> dict[int, Region]:
        """The region of every tensor that a patch of the last one depends on: the halo, composed backwards."""
        needs = {id(self.last.output): region}
        for node in reversed(self.nodes):
            for value, wanted in self._operands(node, needs[id(node.output)]):
                needs[id(value)] = _union(needs.get(id(value)), wanted)
        return needs

    def _operands(self, node: Node, region: Region) -> Iterator[tuple[Value, Region]]:
        """The region that each operand needs for a region of the result; constants are read as they are."""
        for value, access in zip(node.inputs, node.access(), strict=True):
            if value is None or value.is_constant or access is None:
                continue
            axes = access.axes
            if len(axes) != 4 or any(isinstance(axes[a], Whole) or axes[a].axis != a for a in AXES):  # type: ignore[union-attr]
                raise UsageError(f"split-patches: {node.op.name} {node.name!r} reads its input whole; stop before it")
            wanted = [input_interval(axes[a], part, value.type.shape[a]) for a, part in zip(AXES, region, strict=True)]
            if any(lo == hi for lo, hi in wanted):
                raise UsageError(f"split-patches: a patch of {node.name!r} would be padding alone; use a coarser grid")
            yield value, (wanted[0], wanted[1])

    # -- making patches
    def patch(self, region: Region) -> Value:
        """Compute one patch of the last tensor; its value."""
        needs = self._needs(region)
        made: dict[int, tuple[Value, Region]] = {
            id(v): (v, _whole(v)) for node in self.nodes for v in node.inputs if v is not None and v.producer is None
        }
        for node in self.nodes:
            part = needs[id(node.output)]
            operands: dict[int, Value] = {}
            for value, wanted in self._operands(node, part):
                operands[id(value)] = self._crop(*made[id(value)], wanted)
            inputs = [operands.get(id(v), v) if v is not None else None for v in node.inputs]
            made[id(node.output)] = (self._tile(node, inputs, part), part)
        return made[id(self.last.output)][0]

    def _tile(self, node: Node, inputs: list[Value | None], part: Region) -> Value:
        """The operator on one patch: rows first, then columns of what remains."""
        op, sig = node.op, node.signature
        for axis, interval in zip(AXES, part, strict=True):
            tiled = op.tile(sig, axis, interval)
            if tiled is None:
                raise UsageError(f"split-patches: {node.op.name} {node.name!r} cannot be computed in patches")
            op, sig = tiled, _along(sig, node, axis, interval)
        return self._add(op, inputs, sig.output, f"{node.name}.patch")

    def _crop(self, value: Value, have: Region, wanted: Region) -> Value:
        """The part of a tensor that an operator needs: the tensor itself where it is no more than that."""
        if have == wanted:
            return value
        begin = (0, wanted[0][0] - have[0][0], wanted[1][0] - have[1][0], 0)
        shape = (1, wanted[0][1] - wanted[0][0], wanted[1][1] - wanted[1][0], value.type.shape[3])
        crop = StridedSlice(begin, (1, 1, 1, 1), shape)
        return self._add(crop, [value], value.type.with_shape(shape), f"{value.name}.crop")

    def join(self, parts: list[Value], axis: int) -> Value:
        """Patches side by side; the concatenation takes ten operands, so many are joined in groups."""
        while len(parts) > 1:
            groups = [parts[i : i + 10] for i in range(0, len(parts), 10)]
            parts = [self._concatenate(group, axis) if len(group) > 1 else group[0] for group in groups]
        return parts[0]

    def _concatenate(self, parts: list[Value], axis: int) -> Value:
        op = Concatenation(axis)
        ((shape, _),) = op.infer(*(p.type for p in parts))
        return self._add(op, parts, parts[0].type.with_shape(shape), f"{self.last.name}.joined")

    def _add(self, op: Operator, inputs: Iterable[Value | None], type: TensorType, name: str) -> Value:
        return self.graph.add(op, list(inputs), type, name=name, before=self.nodes[0]).output

    def finish(self, result: Value) -> None:
        """Readers take the joined patches, under the same name; the operators that ran whole go."""
        name, result.source = self.last.output.name, self.last.output.source
        self.graph.replace_value(self.last.output, result)
        for node in reversed(self.nodes):
            self.graph.erase(node)
        self.graph.rename(result, name)


def _ancestors(graph: Graph, last: Node) -> Iterator[Node]:
    """The nodes that a node depends on, itself included, in order."""
    needed = {id(last)}
    for node in reversed(graph.nodes):
        if id(node) in needed:
            needed.update(id(v.producer) for v in node.inputs if v is not None and v.producer is not None)
    return (node for node in graph.nodes if id(node) in needed)


def _whole(value: Value) -> Region:
    shape = value.type.shape
    return ((0, shape[ROWS]), (0, shape[COLS])) if len(shape) == 4 else ((0, 0), (0, 0))


def _union(one: Region | None, other: Region) -> Region:
    if one is None:
        return other
    rows, cols = ((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other, strict=True))
    return rows, cols


def _along(sig: Signature, node: Node, axis: int, part: Interval) -> Signature:
    """The signature with one axis of the result, and what it needs of the operands, cut to a part."""
    inputs: list[TensorType | None] = []
    for kind, value, access in zip(sig.inputs, node.inputs, node.op.access(sig), strict=True):
        moves = kind is not None and value is not None and not value.is_constant and access is not None
        if not moves or kind is None or access is None:
            inputs.append(kind)
            continue
        lo, hi = input_interval(access.axes[axis], part, kind.shape[axis])
        inputs.append(kind.with_shape((*kind.shape[:axis], hi - lo, *kind.shape[axis + 1 :])))
    shape = sig.output.shape
    return Signature(tuple(inputs), (sig.output.with_shape((*shape[:axis], part[1] - part[0], *shape[axis + 1 :])),))
