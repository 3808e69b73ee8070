"""Slice, Split and Gather of one index: pieces of a tensor along its axes."""

from __future__ import annotations

from dataclasses import replace

from tinyc.frontend.onnx.converter import MANY, converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.shape import relaid
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ops import StridedSlice


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


@converter("Slice", inputs=(3, 5))
def slice_(site: Site) -> None:
    x = site.tensor(0)
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
    site.result(piece(site, x, parts))


@converter("Split", inputs=(1, 2), outputs=(1, MANY))
def split(site: Site) -> None:
    """Sizes as an operand, or equal parts, the last one smaller."""
    x, count = site.tensor(0), len(site.node.outputs)
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
            site.result(piece(site, x, {axis: range(start, start + n)}), output)
        start += n


@converter("Gather", inputs=(2, 2))
def gather(site: Site) -> None:
    """One constant index: a slice whose axis goes."""
    x, index = site.tensor(0), site.integers(1, "the index")
    axis = site.axis(site.whole("axis", 0), len(x.shape))
    if len(index) != 1 or not -x.shape[axis] <= index[0] < x.shape[axis]:
        raise Refusal(f"it gathers {len(index)} elements; one constant index is supported", "use Slice for several")
    first = index[0] % x.shape[axis]
    taken = piece(site, x, {axis: range(first, first + 1)})
    scalar = site.array(1, "the index").ndim == 0
    shape = tuple(n for a, n in enumerate(taken.shape) if a != axis or not scalar)
    site.result(relaid(site, taken, shape))
