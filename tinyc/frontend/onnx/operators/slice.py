"""Slice, Split and Gather of constant indices: pieces of a tensor along its axes."""

from __future__ import annotations

from dataclasses import replace

from tinyc.frontend.onnx.converter import MANY, converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.shape import in_order_of, joined_alike, moved, relaid
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Known, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ops import StridedSlice
from tinyc.ops.slice import runs


def piece(site: Site, x: Tensor, parts: dict[int, range]) -> Tensor:
    """The indices of `parts` on their axes, everything on the others."""
    ranges = [parts.get(axis, range(n)) for axis, n in enumerate(x.shape)]
    if any(len(r) == 0 for r in ranges):
        raise Refusal(f"what it takes of {list(x.shape)} is empty", "remove the operator")
    value, order = site.by_axes(x)
    op = StridedSlice(
        tuple(ranges[a][0] for a in order),
        tuple(ranges[a].step if len(ranges[a]) > 1 else 1 for a in order),
        tuple(len(ranges[a]) for a in order),
    )
    shape = tuple(len(r) for r in ranges)
    return replace(x, value=site.emit(op, [value], value.type.quant), layout=Layout.ordered(shape, order))


def taken(site: Site, x: Known, parts: dict[int, range]) -> Known:
    """`piece` of an operand that may still be float."""
    shape = tuple(len(parts.get(axis, range(n))) for axis, n in enumerate(x.shape))
    return moved(site, x, in_order_of(x, shape), lambda t: piece(site, t, parts))


@converter("Slice", inputs=(3, 5))
def slice_(site: Site) -> None:
    x = site.operand(0)
    rank = len(x.shape)
    starts, ends = site.integers(1, "the starts"), site.integers(2, "the ends")
    axes = site.axes(rank, 3, ()) if site.has(3) else tuple(range(len(starts)))
    steps = site.integers(4, "the steps") if site.has(4) else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) <= rank or 0 in steps:
        raise Refusal("its starts, ends, axes and steps do not fit together", "the file is damaged")
    parts = {}
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        # An end below -n of a backward slice means "past the first element", which Python spells None.
        last = None if step < 0 and end < -x.shape[axis] else end
        parts[axis] = range(*slice(start, last, step).indices(x.shape[axis]))
    site.result(taken(site, x, parts))


@converter("Split", inputs=(1, 2), outputs=(1, MANY))
def split(site: Site) -> None:
    """Sizes as an operand, or equal parts, the last one smaller."""
    x, count = site.operand(0), len(site.node.outputs)
    axis = site.axis(site.whole("axis", 0), len(x.shape))
    size = x.shape[axis]
    if site.has(1):
        sizes = site.integers(1, "the sizes")
    else:
        each = -(-size // count)
        sizes = tuple(min(each, size - i * each) for i in range(count))
    if len(sizes) != count or sum(sizes) != size or min(sizes) < 1:
        found = f"parts of {list(sizes)} do not make up {size} elements in {count} outputs"
        raise Refusal(found, "the file is damaged")
    start = 0
    for output, n in enumerate(sizes):
        if site.node.outputs[output]:
            site.result(taken(site, x, {axis: range(start, start + n)}), output)
        start += n


@converter("Gather", inputs=(2, 2))
def gather(site: Site) -> None:
    """Constant indices: slices of the axis, joined where they are no even steps; a scalar index drops the axis."""
    x, index = site.operand(0), site.integers(1, "the indices")
    axis = site.axis(site.whole("axis", 0), max(len(x.shape), 1))
    size, shape = x.shape[axis], site.array(1, "the indices").shape
    if not index or not all(-size <= i < size for i in index):
        found = f"its indices {list(index)} are empty or outside the {size} elements of axis {axis}"
        raise Refusal(found, "the file is damaged")
    steps = runs([i % size for i in index])

    def picked(t: Tensor) -> Tensor:
        pieces = [piece(site, t, {axis: run}) for run in steps]
        return pieces[0] if len(pieces) == 1 else joined_alike(site, pieces, axis)

    lead, rest = x.shape[:axis], x.shape[axis + 1 :]
    elements = moved(site, x, in_order_of(x, (*lead, len(index), *rest)), picked)
    site.result(relaid(site, elements, (*lead, *shape, *rest)))
