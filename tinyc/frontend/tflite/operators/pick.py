"""GATHER with constant indices, PACK and UNPACK: slices, reshapes and concatenations."""

from __future__ import annotations

from tinyc.frontend.tflite.converter import MANY, converter
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.frontend.tflite.site import Site
from tinyc.ir.graph import Value
from tinyc.ir.types import Shape
from tinyc.ops import Concatenation, Reshape, StridedSlice
from tinyc.ops.slice import runs


@converter("GATHER", inputs=(2, 2), options="GatherOptions")
def gather(site: Site) -> None:
    """Slices of the axis, joined where the indices are no even steps."""
    if site.option("batch_dims"):
        raise Refusal("indices for each batch (batch_dims) are not supported", "gather with batch_dims 0")
    x, index = site.value(0), site.numbers(1, "the indices")
    axis = site.axis(site.option("axis"), x.type.rank)
    size = x.type.shape[axis]
    if not index or not all(0 <= i < size for i in index):
        found = f"the indices {list(index)} are empty or outside the {size} elements of axis {axis}"
        raise Refusal(found, "the file is damaged")
    parts = [_slice(site, x, axis, part, f"slice{number}") for number, part in enumerate(runs(index))]
    if len(parts) > 1:
        joined = _resized(x.type.shape, axis, len(index))
        parts = [site.step(Concatenation(axis), parts, x.type.with_shape(joined), "joined")]
    site.emit(Reshape(site.output_type().shape), parts)


@converter("PACK", inputs=(1, MANY), options="PackOptions")
def pack(site: Site) -> None:
    """Concatenation along a new axis."""
    values = [site.value(i) for i in range(len(site.operator.inputs))]
    shape = values[0].type.shape
    axis = site.axis(site.option("axis"), len(shape) + 1)
    wide = (*shape[:axis], 1, *shape[axis:])
    if any(v.type.shape != shape for v in values):
        raise Refusal("its operands differ in shape", "the file is damaged")
    layers = [site.step(Reshape(wide), [v], v.type.with_shape(wide), f"layer{i}") for i, v in enumerate(values)]
    site.emit(Concatenation(axis), layers)


@converter("UNPACK", inputs=(1, 1), outputs=(1, MANY), options="UnpackOptions")
def unpack(site: Site) -> None:
    """One slice of the axis per output, without that axis."""
    x, count = site.value(0), len(site.operator.outputs)
    axis = site.axis(site.option("axis"), x.type.rank)
    if x.type.shape[axis] != count:
        raise Refusal(f"{x.type.shape[axis]} elements on axis {axis} for {count} outputs", "the file is damaged")
    for output in range(count):
        layer = _slice(site, x, axis, range(output, output + 1), f"layer{output}")
        site.emit(Reshape(site.output_type(output).shape), [layer], output)


def _slice(site: Site, x: Value, axis: int, part: range, suffix: str) -> Value:
    begin = tuple(part[0] if a == axis else 0 for a in range(x.type.rank))
    stride = tuple(part.step if a == axis else 1 for a in range(x.type.rank))
    shape = _resized(x.type.shape, axis, len(part))
    return site.step(StridedSlice(begin, stride, shape), [x], x.type.with_shape(shape), suffix)


def _resized(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])
