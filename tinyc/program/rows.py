"""Operators a few output rows at a time: which rows each reads, and the few distinct shapes that its blocks have.

Global pooling has two stages: sums that accumulate while rows pass, and the result from the last of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

from tinyc.errors import UsageError
from tinyc.ir.access import AxisAccess, Sampled, Whole
from tinyc.ir.graph import Node, Value
from tinyc.ir.operator import ROWS, Operator
from tinyc.ir.types import Signature, TensorType
from tinyc.ops.sums import AddRows, SumRows, sums_type
from tinyc.program.flow import Feed, Stage
from tinyc.program.kernel import Site

Rows = tuple[int | None, ...]  # of the inputs of an operator
KNOWN = 1 << 14  # operators, by type and height, whose blocks are remembered: networks repeat theirs


@dataclass(frozen=True)
class Variant:
    """The operator that computes output rows of `node` from `first` on: so many `rows` of each input, `made` of its
    result; None for operands that it reads, or makes, as they are."""

    first: int
    op: Operator
    rows: Rows
    made: int | None
    node: Node

    @property
    def inputs(self) -> tuple[Value | None, ...]:
        return self.node.inputs

    @cached_property
    def site(self) -> Site:
        """Where a kernel serves one block."""
        sig = self.node.signature
        inputs = [kind and _with_rows(kind, rows) for kind, rows in zip(sig.inputs, self.rows, strict=True)]
        return Site(self.op, Signature(tuple(inputs), (_with_rows(sig.output, self.made),)), Site.of(self.node).data)


@dataclass(frozen=True)
class RowStage:
    """One tensor, computed in blocks of rows. `reads` are the activations that it reads, in the order of the operands.

    `rows` rows of `row_bytes` bytes, `first` of them in the first block and `height` in each other, but for the last.
    For sums, a row is what one block of the image adds up to, and replaces the one before.
    """

    name: str
    output: Value
    rows: int
    row_bytes: int
    reads: tuple[tuple[Value, Feed], ...]
    variants: tuple[Variant, ...]
    height: int = 1
    first: int = 1

    @property
    def sites(self) -> list[Site]:
        return [variant.site for variant in self.variants]

    @property
    def runs(self) -> list[tuple[int, Variant]]:
        """Each variant and the number of blocks that it computes."""
        blocks = Stage((), 0, self.height, self.first)
        ends = [*(variant.first for variant in self.variants[1:]), self.rows]
        return [(blocks.blocks(v.first, end), v) for v, end in zip(self.variants, ends, strict=True)]


class Blocks(NamedTuple):
    """How an operator makes its rows: so many at a time, and so many at first."""

    height: int
    first: int


def segment_forms(nodes: Iterable[Node], heights: Iterable[int]) -> Iterator[tuple[Node, Blocks, tuple[RowStage, ...]]]:
    """Operators that stream together, `heights` rows at a time. Raises UsageError where one cannot."""
    made: dict[int, RowStage] = {}
    for node, height in zip(nodes, heights, strict=True):
        blocks = Blocks(height, first_block(node, height, made))
        stages = row_stages(node, *blocks)
        if isinstance(stages, str):
            raise UsageError(f"{node.op.name} {node.name!r} cannot be part of a segment: {stages}")
        yield node, blocks, stages
        made |= {id(stage.output): stage for stage in stages}


def segment_stages(nodes: Iterable[Node], heights: Iterable[int]) -> list[tuple[Node, RowStage]]:
    """The stages of operators that stream together. Raises what `segment_forms` raises."""
    return [(node, stage) for node, _, stages in segment_forms(nodes, heights) for stage in stages]


def row_stages(node: Node, height: int = 1, first: int | None = None) -> tuple[RowStage, ...] | str:
    """The form of a node that makes `height` rows at a time (`first` at first), or the reason why it has none.

    An operator that can make single rows alone does so, whatever the height.
    """
    sig = node.signature
    if len(node.outputs) != 1:
        return "it has several results"
    finish = node.op.from_sums(sig)
    if finish is not None and has_rows(sig.input(0)):
        return _accumulating(node, finish, height, first or height)
    if not has_rows(sig.output):
        return "only one image of rows and columns, or one row of tokens, can be streamed"
    if sig.output.shape[ROWS] < 2:
        return "it has a single row"
    operator = node.op, sig.unquantised, _constant(node)
    feeds = _feeds(*operator)
    if isinstance(feeds, str):
        return feeds
    rows = sig.output.shape[ROWS]
    height = 1 if any(feed.table for _, feed in feeds) else min(height, rows)
    first = min(first or height, height)
    tiles = _tiles(*operator, Stage((), 0, height, first))
    if isinstance(tiles, str):
        return tiles
    variants = tuple(Variant(*tile, node) for tile in tiles)
    reads = tuple((node.input(index), feed) for index, feed in feeds)
    return (RowStage(node.name, node.output, rows, sig.output.bytes // rows, reads, variants, height, first),)


def has_rows(kind: TensorType) -> bool:
    """Whether a tensor is one image [1,H,W,C] or one sequence of tokens [1,N,C], whose rows lie one after the other."""
    return kind.rank in (3, 4) and kind.shape[0] == 1


def line_rows(kind: TensorType) -> int:
    """Rows of a tensor as a line of a segment; one that has none is a single row."""
    return kind.shape[ROWS] if has_rows(kind) else 1


def _accumulating(node: Node, finish: Operator, height: int, first: int) -> tuple[RowStage, ...]:
    """Sums over the rows so far, each from the one before and a block of rows, and the result from the last."""
    image, sig = node.input(0), node.signature
    rows, kind = image.type.shape[ROWS], sums_type(image.type)
    height, first = min(height, rows), min(first, rows)
    sums = Value(f"{node.output.name}.sums", kind)
    counts = [first, *(min(height, rows - row) for row in range(first, rows, height))]  # rows of each block
    summing, adding = Node(SumRows(), [image], [sums], node.name), Node(AddRows(), [image, sums], [sums], node.name)
    finishing = Node(finish, [sums], node.outputs, node.name)
    variants = [Variant(0, summing.op, (first,), None, summing)]
    for block in range(1, len(counts)):
        if block == 1 or counts[block] != counts[block - 1]:
            variants.append(Variant(block, adding.op, (counts[block], None), None, adding))
    result = Variant(0, finish, (None,), None, finishing)
    block_of_rows = Feed(0, height, height - first, height)
    previous, last = Feed(0, before=1), Feed(0, stride=0, before=1 - len(counts))
    reads = ((image, block_of_rows), (sums, previous))
    return (
        RowStage(f"{node.name}.sums", sums, len(counts), kind.bytes, reads, tuple(variants)),
        RowStage(node.name, node.output, 1, sig.output.bytes, ((sums, last),), (result,)),
    )


def first_block(node: Node, height: int, made: Mapping[int, RowStage]) -> int:
    """Rows of the first block of an operator that else makes `height` at a time, so that no row has to wait.

    Its blocks then need rows up to where a block ends of what it reads, if that is `made` (by identity of the value)
    in the same segment; the more rows the better.
    """
    if node.op.from_sums(node.signature) is not None:
        feeds: tuple[tuple[int, Feed], ...] | str = ((0, Feed(0)),)
    else:
        feeds = _feeds(node.op, node.signature.unquantised, _constant(node))
    if isinstance(feeds, str) or any(feed.table for _, feed in feeds):
        return 1
    sources = [(feed, made.get(id(node.input(index)))) for index, feed in feeds]

    def waiting(first: int) -> int:
        """Rows that are there too early when the first block begins."""
        ends = [(feed.needs(0, s.rows, first)[1], s) for feed, s in sources if s is not None and not feed.is_fixed]
        return sum((s.first - end) % s.height for end, s in ends if end < s.rows)

    return min(range(height, 0, -1), key=waiting)


def _constant(node: Node) -> tuple[bool, ...]:
    return tuple(value is not None and value.is_constant for value in node.inputs)


@lru_cache(maxsize=KNOWN)
def _feeds(op: Operator, sig: Signature, constant: tuple[bool, ...]) -> tuple[tuple[int, Feed], ...] | str:
    """How an operator reads the rows of every activation, or why it cannot be tiled; from a signature without
    quantisation."""
    found: list[tuple[int, Feed]] = []
    for index, (kind, access) in enumerate(zip(sig.inputs, op.access(sig), strict=True)):
        if kind is None or access is None:
            continue
        moving = [(i, a) for i, a in enumerate(access.axes) if not isinstance(a, Whole) and a.axis == ROWS]
        if any(i != ROWS or not _never_falls(a) for i, a in moving) or (
            moving and (constant[index] or not has_rows(kind))
        ):
            return f"it does not read input {index} row after row"
        if not constant[index]:
            found.append((index, Feed.of(0, moving[0][1] if moving else Whole(), line_rows(kind))))
    if all(feed.is_fixed for _, feed in found):
        return "it reads no input row by row"
    return tuple(found)


def _never_falls(axis: AxisAccess) -> bool:
    """Whether later output rows read no earlier input rows."""
    return not isinstance(axis, Sampled) or all(a <= b for a, b in pairwise(axis.source))


@lru_cache(maxsize=KNOWN)
def _tiles(
    op: Operator, sig: Signature, constant: tuple[bool, ...], blocks: Stage
) -> tuple[tuple[int, Operator, Rows, int], ...] | str:
    """The first output row of every variant, the operator that computes it, and rows of its operands; likewise.

    Blocks of one shape are contiguous: each is kept once, with the first output row that has it.
    """
    feeds = _feeds(op, sig, constant)
    assert not isinstance(feeds, str)
    found: list[tuple[int, Operator, Rows, int]] = []
    last: object = None
    row, rows = 0, sig.output.shape[ROWS]
    while row < rows:
        count = blocks.block(row, rows)
        shape = (count, *(_border(feed, row, count, line_rows(sig.input(index))) for index, feed in feeds))
        if shape != last:
            last, tiled = shape, _tiled(op, sig, feeds, row, count)
            if isinstance(tiled, str):
                return tiled
            found.append((row, *tiled, count))
        row += count
    return tuple(found)


def _border(feed: Feed, row: int, count: int, rows: int) -> tuple[int, int]:
    """Rows of the windows that lie above and below the image."""
    if feed.table:
        return 0, 0
    lo = row * feed.stride - feed.before
    return max(0, -lo), max(0, lo + (count - 1) * feed.stride + feed.reach - rows)


def _tiled(
    op: Operator, sig: Signature, feeds: Sequence[tuple[int, Feed]], row: int, count: int
) -> tuple[Operator, Rows] | str:
    """The operator on the input rows of one block of output rows, and how many these are."""
    tile = op.tile(sig, ROWS, (row, row + count))
    if tile is None:
        return "its rows cannot be computed one after the other"
    inputs: list[int | None] = [None] * len(sig.inputs)
    for index, feed in feeds:
        lo, hi = feed.needs(row, line_rows(sig.input(index)), count)
        if hi <= lo:
            return f"output row {row} reads padding alone"
        inputs[index] = None if feed.is_fixed else hi - lo
    return tile, tuple(inputs)


def _with_rows(kind: TensorType, rows: int | None) -> TensorType:
    return kind if rows is None else kind.with_shape((1, rows, *kind.shape[2:]))
