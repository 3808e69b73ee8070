"""STRIDED_SLICE, SLICE, SPLIT and SPLIT_V: all become slices with begin, stride and shape, masks resolved."""

from __future__ import annotations

from tinyc.frontend.tflite.converter import MANY, converter
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.frontend.tflite.site import Site
from tinyc.ir.graph import Value
from tinyc.ir.types import DType
from tinyc.ops import Reshape, StridedSlice


@converter("STRIDED_SLICE", inputs=(4, 4), options="StridedSliceOptions")
def strided_slice(site: Site) -> None:
    """As Python's slices, axis by axis. A shrunk axis keeps one element and is then dropped."""
    for mask in ("ellipsis_mask", "new_axis_mask"):
        if site.option(mask):
            raise Refusal(f"{mask} is not supported", "TFLM ignores it: slice every axis, then reshape")
    if site.option("offset"):
        raise Refusal("an end counted from the begin is not supported", "give the end as an index")
    x = site.value(0)
    limits = (
        site.count(i, what, x.type.rank)
        for i, what in ((1, "the begins"), (2, "the ends"), (3, "the strides"))
    )
    resolved = [
        _resolve(site, axis, x.type.shape[axis], *three)
        for axis, three in enumerate(zip(*limits, strict=True))
    ]
    begin, stride, shape = (
        (tuple(column) for column in zip(*resolved, strict=True)) if resolved else ((), (), ())
    )
    op = StridedSlice(begin=begin, stride=stride, shape=shape)
    shrunk = [axis for axis in range(x.type.rank) if site.option("shrink_axis_mask") >> axis & 1]
    if not shrunk:
        site.emit(op, [x])
        return
    kept = tuple(n for axis, n in enumerate(shape) if axis not in shrunk)
    whole = site.step(op, [x], site.output_type().with_shape(shape), "slice")
    site.emit(Reshape(kept), [whole])


def _resolve(site: Site, axis: int, size: int, begin: int, end: int, stride: int) -> tuple[int, int, int]:
    """(first index, stride, count) on one axis."""
    if stride == 0:
        raise Refusal(f"axis {axis} has stride 0", "the file is damaged")
    if site.option("shrink_axis_mask") >> axis & 1:
        if stride < 0 or not -size <= begin < size:
            raise Refusal(f"index {begin} (stride {stride}) picks no element of {size} on axis {axis}")
        return begin % size, 1, 1
    first = None if site.option("begin_mask") >> axis & 1 else begin
    last = None if site.option("end_mask") >> axis & 1 else end
    indices = range(*slice(first, last, stride).indices(size))
    if not indices:
        raise Refusal(f"the slice {begin}:{end}:{stride} of axis {axis} is empty", "remove the operator")
    return indices[0], stride, len(indices)


@converter("SLICE", inputs=(3, 3))
def slice_(site: Site) -> None:
    """`size` -1 means all that is left."""
    x = site.value(0)
    begin, sizes = (
        site.count(index, role, x.type.rank, DType.int32, DType.int64)
        for index, role in ((1, "the begins"), (2, "the sizes"))
    )
    shape = tuple(n - b if s == -1 else s for n, b, s in zip(x.type.shape, begin, sizes, strict=True))
    _emit_slice(site, x, begin, shape)


def _emit_slice(
    site: Site, x: Value, begin: tuple[int, ...], shape: tuple[int, ...], output: int = 0
) -> None:
    site.emit(StridedSlice(begin=begin, stride=(1,) * len(begin), shape=shape), [x], output)


@converter("SPLIT", inputs=(2, 2), outputs=(1, MANY))
def split(site: Site) -> None:
    """Equal parts: as many as there are outputs."""
    x, parts = site.value(1), len(site.operator.outputs)
    (asked,) = site.count(0, "the axis", 1)
    axis = site.axis(asked, x.type.rank)
    if x.type.shape[axis] % parts:
        raise Refusal(f"{x.type.shape[axis]} elements on axis {axis} do not divide into {parts} parts")
    _emit_parts(site, x, axis, (x.type.shape[axis] // parts,) * parts)


@converter("SPLIT_V", inputs=(3, 3), outputs=(1, MANY))
def split_v(site: Site) -> None:
    """Parts of given sizes; one of them may be -1, all that is left."""
    x = site.value(0)
    sizes = site.count(1, "the sizes", len(site.operator.outputs))
    (asked,) = site.count(2, "the axis", 1)
    axis = site.axis(asked, x.type.rank)
    left = x.type.shape[axis] - sum(n for n in sizes if n != -1)
    parts = tuple(left if n == -1 else n for n in sizes)
    if sum(parts) != x.type.shape[axis]:
        raise Refusal(
            f"parts of {list(sizes)} do not make up {x.type.shape[axis]} elements", "the file is damaged"
        )
    _emit_parts(site, x, axis, parts)


def _emit_parts(site: Site, x: Value, axis: int, sizes: tuple[int, ...]) -> None:
    start = 0
    for output, size in enumerate(sizes):
        begin = tuple(start if a == axis else 0 for a in range(x.type.rank))
        shape = tuple(size if a == axis else n for a, n in enumerate(x.type.shape))
        _emit_slice(site, x, begin, shape, output)
        start += size
