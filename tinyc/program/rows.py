"""One operator, one output row at a time: which rows it reads, and the few distinct shapes that its rows have."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.ir.access import AxisAccess, Elementwise, Window
from tinyc.ir.graph import Node
from tinyc.ir.operator import ROWS
from tinyc.ir.types import Signature
from tinyc.program.flow import Feed
from tinyc.program.kernel import Site


@dataclass(frozen=True)
class RowView:
    """How an operator runs row by row. `feeds` are (input number, rows it reads); other inputs are read whole.

    `sites` are (first output row, site): rows at the image's border read fewer rows and keep their padding.
    """

    node: Node
    feeds: tuple[tuple[int, Feed], ...]
    sites: tuple[tuple[int, Site], ...]


def row_view(node: Node) -> RowView | str:
    """The row by row form of a node, or the reason why it has none, as a clause."""
    sig = node.signature
    if len(node.outputs) != 1 or sig.output.rank != 4 or sig.output.shape[0] != 1:
        return "only one image of rows and columns can be streamed"
    if sig.output.shape[ROWS] < 2:
        return "it has a single row"
    axes = _row_axes(node)
    if isinstance(axes, str):
        return axes
    feeds = tuple((index, Feed.of(0, axis)) for index, axis in axes)
    sites = _sites(node, feeds)
    return sites if isinstance(sites, str) else RowView(node, feeds, sites)


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


def _sites(node: Node, feeds: tuple[tuple[int, Feed], ...]) -> tuple[tuple[int, Site], ...] | str:
    """Rows of one shape are contiguous: each is kept once, with the first output row that has it."""
    sig, found, last = node.signature, [], None
    for row in range(sig.output.shape[ROWS]):
        shape = tuple(_border(feed, row, sig.input(index).shape[ROWS]) for index, feed in feeds)
        if shape == last:
            continue
        last = shape
        site = _site(node, feeds, row)
        if isinstance(site, str):
            return site
        found.append((row, site))
    return tuple(found)


def _border(feed: Feed, row: int, rows: int) -> tuple[int, int]:
    """Rows of a window that lie above and below the image."""
    lo = row * feed.stride - feed.before
    return max(0, -lo), max(0, lo + feed.reach - rows)


def _site(node: Node, feeds: tuple[tuple[int, Feed], ...], row: int) -> Site | str:
    """The operator on the input rows of one output row."""
    sig = node.signature
    op = node.op.on_rows(sig, (row, row + 1))
    if op is None:
        return "its rows cannot be computed one by one"
    inputs = list(sig.inputs)
    for index, feed in feeds:
        kind = sig.input(index)
        lo, hi = feed.needs(row, kind.shape[ROWS])
        if hi <= lo:
            return f"output row {row} reads padding alone"
        inputs[index] = kind.with_shape((1, hi - lo, *kind.shape[2:]))
    output = sig.output.with_shape((1, 1, *sig.output.shape[2:]))
    whole = Site.of(node)
    return Site(op, Signature(tuple(inputs), (output,)), whole.data)
