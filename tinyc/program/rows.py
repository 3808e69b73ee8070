"""Operators one output row at a time: which rows each reads, and the few distinct shapes that its rows have.

Global pooling has two stages: sums that accumulate while rows pass, and the result from the last of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ir.access import AxisAccess, Elementwise, Window
from tinyc.ir.graph import Node, Value
from tinyc.ir.operator import ROWS, Operator
from tinyc.ir.types import Signature, TensorType
from tinyc.ops.sums import AddRows, SumRows, sums_type
from tinyc.program.flow import Feed
from tinyc.program.kernel import Site


@dataclass(frozen=True)
class Variant:
    """The operator that computes output rows from `first` on, and its operands."""

    first: int
    site: Site
    inputs: tuple[Value | None, ...]


@dataclass(frozen=True)
class RowStage:
    """One tensor, computed row by row. `reads` are the tensors read row by row, in the order of the operands.

    `rows` rows of `row_bytes` bytes: for sums, each row replaces the one before.
    """

    name: str
    output: Value
    rows: int
    row_bytes: int
    reads: tuple[tuple[Value, Feed], ...]
    variants: tuple[Variant, ...]

    @property
    def sites(self) -> list[Site]:
        return [variant.site for variant in self.variants]

    @property
    def runs(self) -> list[tuple[int, Variant]]:
        """Each variant and the number of rows that it computes."""
        firsts = [*(variant.first for variant in self.variants), self.rows]
        return [(end - v.first, v) for v, end in zip(self.variants, firsts[1:], strict=True)]


def row_stages(node: Node) -> tuple[RowStage, ...] | str:
    """The row by row form of a node, or the reason why it has none, as a clause."""
    sig = node.signature
    if len(node.outputs) != 1 or sig.inputs[0] is None or sig.input(0).rank != 4 or sig.input(0).shape[0] != 1:
        return "only one image of rows and columns can be streamed"
    finish = node.op.from_sums(sig)
    if finish is not None:
        return _accumulating(node, finish)
    if sig.output.rank != 4 or sig.output.shape[0] != 1:
        return "only one image of rows and columns can be streamed"
    if sig.output.shape[ROWS] < 2:
        return "it has a single row"
    axes = _row_axes(node)
    if isinstance(axes, str):
        return axes
    reads = tuple((node.input(index), Feed.of(0, axis)) for index, axis in axes)
    variants = _variants(node, [(index, feed) for (index, _), (_, feed) in zip(axes, reads, strict=True)])
    if isinstance(variants, str):
        return variants
    rows = sig.output.shape[ROWS]
    return (RowStage(node.name, node.output, rows, sig.output.bytes // rows, reads, variants),)


def _accumulating(node: Node, finish: Operator) -> tuple[RowStage, ...]:
    """Sums over the rows so far, each from the one before, and the result from the last."""
    image, sig = node.input(0), node.signature
    rows, kind = image.type.shape[ROWS], sums_type(image.type)
    sums = Value(f"{node.output.name}.sums", kind)
    row = image.type.with_shape((1, 1, *image.type.shape[2:]))
    first = Variant(0, Site(SumRows(), Signature((row,), (kind,)), (None,)), (image,))
    later = Variant(1, Site(AddRows(), Signature((row, kind), (kind,)), (None, None)), (image, sums))
    result = Variant(0, Site(finish, Signature((kind,), sig.outputs), (None,)), (sums,))
    previous, last = Feed(0, before=1), Feed(0, stride=0, before=1 - rows)
    return (
        RowStage(f"{node.name}.sums", sums, rows, kind.bytes, ((image, Feed(0)), (sums, previous)), (first, later)),
        RowStage(node.name, node.output, 1, sig.output.bytes, ((sums, last),), (result,)),
    )


def _row_axes(node: Node) -> list[tuple[int, AxisAccess]] | str:
    """For every input that is read row by row, how; or why the node cannot be tiled."""
    found: list[tuple[int, AxisAccess]] = []
    for index, (value, access) in enumerate(zip(node.inputs, node.access(), strict=True)):
        if value is None or access is None:
            continue
        moving = [(i, a) for i, a in enumerate(access.axes) if getattr(a, "axis", None) == ROWS]
        if not moving:
            if not value.is_constant and value.type.rank == 4 and value.type.shape[ROWS] > 1:
                return f"it reads all rows of input {index} for every row of its output"
            continue
        axis, how = moving[0]
        if axis != ROWS or value.type.rank != 4 or value.is_constant or not isinstance(how, Elementwise | Window):
            return f"it does not read input {index} row after row"
        found.append((index, how))
    return found or "it reads no input row by row"


def _variants(node: Node, feeds: list[tuple[int, Feed]]) -> tuple[Variant, ...] | str:
    """Rows of one shape are contiguous: each is kept once, with the first output row that has it."""
    found: list[Variant] = []
    last = None
    for row in range(node.output.type.shape[ROWS]):
        shape = tuple(_border(feed, row, node.input(index).type.shape[ROWS]) for index, feed in feeds)
        if shape == last:
            continue
        last = shape
        site = _site(node, feeds, row)
        if isinstance(site, str):
            return site
        found.append(Variant(row, site, node.inputs))
    return tuple(found)


def _border(feed: Feed, row: int, rows: int) -> tuple[int, int]:
    """Rows of a window that lie above and below the image."""
    lo = row * feed.stride - feed.before
    return max(0, -lo), max(0, lo + feed.reach - rows)


def _site(node: Node, feeds: list[tuple[int, Feed]], row: int) -> Site | str:
    """The operator on the input rows of one output row."""
    sig = node.signature
    op = node.op.tile(sig, ROWS, (row, row + 1))
    if op is None:
        return "its rows cannot be computed one by one"
    inputs = list(sig.inputs)
    for index, feed in feeds:
        kind = sig.input(index)
        lo, hi = feed.needs(row, kind.shape[ROWS])
        if hi <= lo:
            return f"output row {row} reads padding alone"
        inputs[index] = _with_rows(kind, hi - lo)
    return Site(op, Signature(tuple(inputs), (_with_rows(sig.output, 1),)), Site.of(node).data)


def _with_rows(kind: TensorType, rows: int) -> TensorType:
    return kind.with_shape((1, rows, *kind.shape[2:]))
