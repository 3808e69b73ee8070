"""Operators that move elements or only rename their axes: these look at codes and real numbers alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyc.frontend.onnx.converter import MANY, converter
from tinyc.frontend.onnx.fold import resolve_shape
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.elementwise import constant_value
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Constant, Island, Known, Pending, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.types import Quant, Shape
from tinyc.ops import Concatenation, Pad


def relaid(site: Site, x: Known, shape: Shape) -> Known:
    """Row-major reshape in the ONNX sense. Nothing moves unless the new axes cut across the old order."""
    if isinstance(x, Quantised):
        if x.axis is not None:
            raise Refusal("it reshapes weights with a scale per channel", "reshape them before quantising")
        return replace(x, codes=x.codes.reshape(shape))
    if isinstance(x, Constant):
        return Constant(x.array.reshape(shape))
    if isinstance(x, Island):
        source = relaid(site, x.source, shape)
        assert isinstance(source, Tensor)
        return replace(x, source=source)
    layout = x.layout.reshaped(shape)
    if layout is not None:
        return replace(x, layout=layout)
    if isinstance(x, Pending):
        raise Refusal(f"it reshapes the float result of {x.what}, which no QuantizeLinear follows", "quantise it first")
    x = site.arranged(site.settled(x), Layout.row_major(x.shape))
    found = x.layout.reshaped(shape)
    assert found is not None
    return x.relaid(found)


@converter("Reshape", inputs=(2, 2))
def reshape(site: Site) -> None:
    x = site.operand(0)
    asked = site.integers(1, "the new shape")
    try:
        shape = resolve_shape(x.shape, asked, site.whole("allowzero", 0))
    except (ValueError, IndexError) as error:
        raise Refusal(f"its shape: {error}", "the file is damaged, or made for another batch size") from None
    site.result(relaid(site, x, shape))


@converter("Flatten", inputs=(1, 1))
def flatten(site: Site) -> None:
    x = site.operand(0)
    rank = len(x.shape)
    axis = site.whole("axis", 1)
    axis = rank if axis == rank else site.axis(axis, max(rank, 1))
    site.result(relaid(site, x, (int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:])))))


@converter("Squeeze", inputs=(1, 2))
def squeeze(site: Site) -> None:
    x = site.operand(0)
    axes = site.axes(len(x.shape), 1, ()) or tuple(a for a, n in enumerate(x.shape) if n == 1)
    if any(x.shape[a] != 1 for a in axes):
        raise Refusal(f"axes {sorted(axes)} of {list(x.shape)} are not all of length 1", "the file is damaged")
    site.result(relaid(site, x, tuple(n for a, n in enumerate(x.shape) if a not in axes)))


@converter("Unsqueeze", inputs=(1, 2))
def unsqueeze(site: Site) -> None:
    x = site.operand(0)
    given = site.integers(1, "the axes") if site.has(1) else site.wholes("axes", ())
    axes = site.axes(len(x.shape) + len(given), 1, ())
    rest = iter(x.shape)
    site.result(relaid(site, x, tuple(1 if a in axes else next(rest) for a in range(len(x.shape) + len(axes)))))


@converter("Transpose", inputs=(1, 1))
def transpose(site: Site) -> None:
    x = site.operand(0)
    perm = site.wholes("perm", tuple(reversed(range(len(x.shape)))))
    if sorted(perm) != list(range(len(x.shape))):
        raise Refusal(f"{list(perm)} is no permutation of {len(x.shape)} axes", "the file is damaged")
    if isinstance(x, Quantised):
        axis = None if x.axis is None else perm.index(x.axis)
        site.result(replace(x, codes=x.codes.transpose(perm), axis=axis))
    elif isinstance(x, Constant):
        site.result(Constant(x.array.transpose(perm)))
    elif isinstance(x, Island):
        site.result(replace(x, source=x.source.relaid(x.source.layout.transposed(perm))))
    else:
        site.result(replace(x, layout=x.layout.transposed(perm)))


@converter("Shape", inputs=(1, 1))
def shape_of(site: Site) -> None:
    shape = site.operand(0).shape
    end = site.whole("end", len(shape))
    site.result(Constant(np.array(shape[site.whole("start", 0) : end], np.int64)))


# ---------------------------------------------------------------------- padding
@converter("Pad", inputs=(2, 4))
def pad(site: Site) -> None:
    x = site.tensor(0)
    if site.text("mode", "constant") != "constant":
        raise Refusal(f"padding by {site.text('mode', '')!r} is not supported", "pad with a constant")
    rank = len(x.shape)
    axes = site.axes(rank, 3, ()) if site.has(3) else tuple(range(rank))
    amounts = site.integers(1, "the pads")
    if len(amounts) != 2 * len(axes) or min(amounts, default=0) < 0:
        found = f"its pads are {list(amounts)}, expected {2 * len(axes)} numbers of 0 or more"
        raise Refusal(found, "use Slice to crop")
    value, order = site.by_axes(x)
    before, after = dict(zip(axes, amounts, strict=False)), dict(zip(axes, amounts[len(axes) :], strict=True))
    op = Pad(tuple(before.get(a, 0) for a in order), tuple(after.get(a, 0) for a in order), _pad_code(site, x))
    padded = site.emit(op, [value], value.type.quant)
    shape = tuple(before.get(a, 0) + n + after.get(a, 0) for a, n in enumerate(x.shape))
    site.result(replace(x, value=padded, layout=Layout.ordered(shape, order)))


def _pad_code(site: Site, x: Tensor) -> int:
    """The code to pad with. Real numbers must have one; a missing value is 0."""
    given = site.array(2, "the value").reshape(-1) if site.has(2) else np.zeros(1, np.float32)
    number = float(given[0]) if given.size else 0.0
    if not x.real:
        code = number - 128 * x.unsigned
    else:
        scale, zero = x.quant.scalar
        code = np.rint(np.float32(number) / np.float32(scale)) + zero
    if not -128 <= code <= 127 or (x.real and abs((code - zero) * scale - number) > scale / 2):
        raise Refusal(f"the value {number} that it pads with has no code in {x.value.type.quant}", "pad with 0")
    return int(code)


# ---------------------------------------------------------------------- concatenation
@converter("Concat", inputs=(1, MANY))
def concat(site: Site) -> None:
    operands = [site.operand(i) for i in range(site.count)]
    if any(isinstance(x, Constant) for x in operands):
        raise Refusal("one of its operands is a constant that is not dequantised", "quantise it with the activations")
    site.result(joined(site, [x if isinstance(x, Quantised) else site.settled(x) for x in operands]))


def joined(site: Site, parts: Sequence[Tensor | Quantised]) -> Tensor | Pending:
    """The parts along the axis; brought to the result's scale where theirs differ."""
    lead = next((x for x in parts if isinstance(x, Tensor)), None)
    if lead is None:
        raise Refusal("all of its operands are constants", "fold them when exporting")
    rank = len(lead.shape)
    axis = site.axis(site.whole("axis", 0), rank)
    if any(len(x.shape) != rank for x in parts):
        raise Refusal("its operands differ in their number of axes", "the file is damaged")
    order = lead.layout.axes() or tuple(range(rank))
    placed = [_ordered_part(site, x, order) for x in parts]
    total = sum(x.shape[axis] for x in parts)
    shape = tuple(total if a == axis else n for a, n in enumerate(lead.shape))
    layout, op = Layout.ordered(shape, order), Concatenation(order.index(axis))
    if len({value.type.quant for value in placed}) == 1:
        return replace(lead, value=site.emit(op, placed, placed[0].type.quant), layout=layout)
    if not lead.real:
        raise Refusal("it joins codes of different quantisations", "dequantise them first")

    def finish(quant: Quant, clamp: Clamp) -> Value:
        same = [site.requantised(replace(lead, value=value), quant) for value in placed]
        return site.clamped(site.emit(op, same, quant), clamp)

    op.infer(*(value.type for value in placed))
    return Pending("Concat", layout, finish)


def _ordered_part(site: Site, x: Tensor | Quantised, order: tuple[int, ...]) -> Value:
    if isinstance(x, Tensor):
        return site.ordered(x, order)
    if x.axis is not None or x.codes.min(initial=0) < -128 or x.codes.max(initial=0) > 127:
        raise Refusal("one of its constants has no single int8 quantisation", "quantise it to int8, per tensor")
    return constant_value(site, x, Layout.ordered(x.shape, order), tuple(x.shape[a] for a in order))
