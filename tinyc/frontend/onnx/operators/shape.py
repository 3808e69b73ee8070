"""Operators that move elements or only rename their axes: these look at codes and real numbers alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tinyc.frontend.onnx.converter import MANY, converter
from tinyc.frontend.onnx.fold import resolve_shape
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.elementwise import broadcast, constant_value
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Constant, Island, Known, Pending, Quantised, Tensor, codes_of
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
    natural, wanted = Layout.row_major(x.shape), Layout.row_major(shape)
    if isinstance(x, Pending):
        later = moved(site, x, natural, lambda t: t)
        assert isinstance(later, Pending)
        return replace(later, layout=wanted)
    return site.arranged(site.settled(x), natural).relaid(wanted)


def moved(site: Site, x: Known, layout: Layout, move: Callable[[Tensor], Tensor]) -> Known:
    """What `move` makes of an operand that may still be float: codes move as the numbers do, then to `layout`."""
    if isinstance(x, Island):
        return replace(x, source=move(x.source))
    if not isinstance(x, Pending):
        return move(site.settled(x))

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.arranged(move(Tensor(x.finish(quant, clamp), x.layout, real=True)), layout).value

    return replace(x, layout=layout, finish=finish, affine=None)


def in_order_of(x: Known, shape: Shape) -> Layout:
    """A layout of another shape, its axes in the order of the operand's."""
    layout = x.source.layout if isinstance(x, Island) else getattr(x, "layout", None)
    order = layout.axes() if isinstance(layout, Layout) else None
    return Layout.ordered(shape, order or tuple(range(len(shape))))


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


@converter("Expand", inputs=(2, 2))
def expand(site: Site) -> None:
    """Copies nothing: axes of length 1 may be added, not stretched."""
    x, asked = site.operand(0), site.integers(1, "the shape")
    shape = broadcast([x.shape, asked])
    if int(np.prod(shape)) != int(np.prod(x.shape)):
        found = f"it repeats a computed tensor {list(x.shape)} to {list(shape)}"
        raise Refusal(found, "leave it out where the next operator broadcasts")
    site.result(relaid(site, x, shape))


@converter("Where", inputs=(3, 3))
def where(site: Site) -> None:
    """A constant condition that is the same everywhere chooses one operand."""
    chosen = site.array(0, "the condition").astype(bool)
    if chosen.size == 0 or chosen.any() != chosen.all():
        raise Refusal("it masks a computed tensor element by element", "masks are not supported: use full attention")
    x = site.operand(1 if chosen.all() else 2)
    if broadcast([chosen.shape, *(site.operand(i).shape for i in (1, 2))]) != x.shape:
        raise Refusal("it repeats a computed tensor", "leave it out where the next operator broadcasts")
    site.result(x)


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
    site.result(joined(site, [site.operand(i) for i in range(site.count)]))


def joined(site: Site, operands: Sequence[Known]) -> Tensor | Pending:
    """The operands along the axis; brought to the result's scale where theirs differ."""
    parts = [x if isinstance(x, (Constant, Quantised)) else site.settled(x) for x in operands]
    lead = next((x for x in parts if isinstance(x, Tensor)), None)
    if lead is None:
        raise Refusal("all of its operands are constants", "fold them when exporting")
    rank = len(lead.shape)
    axis = site.axis(site.whole("axis", 0), max(rank, 1))
    if any(len(x.shape) != rank for x in parts):
        raise Refusal("its operands differ in their number of axes", "the file is damaged")
    parts = [_as_codes(x, lead) if isinstance(x, Constant) and not lead.real else x for x in parts]
    if len({x.quant if isinstance(x, (Tensor, Quantised)) else None for x in parts}) == 1:
        return joined_alike(site, [x for x in parts if not isinstance(x, Constant)], axis)
    if not lead.real or any(isinstance(x, Tensor) and not x.real for x in parts):
        raise Refusal("it joins codes of different quantisations", "dequantise them first")
    return _rescaled_parts(site, lead, parts, axis)


def joined_alike(site: Site, parts: Sequence[Tensor | Quantised], axis: int) -> Tensor:
    """Parts of one quantisation along the axis."""
    lead = next(x for x in parts if isinstance(x, Tensor))
    order, layout = _joint(lead, parts, axis)
    placed = [_ordered_part(site, x, order) for x in parts]
    value = site.emit(Concatenation(order.index(axis)), placed, placed[0].type.quant)
    return replace(lead, value=value, layout=layout)


def _rescaled_parts(site: Site, lead: Tensor, parts: Sequence[Tensor | Constant | Quantised], axis: int) -> Pending:
    """Tensors by tables, constants here."""
    order, layout = _joint(lead, parts, axis)
    op = Concatenation(order.index(axis))
    tensors = {i: site.ordered(x, order) for i, x in enumerate(parts) if isinstance(x, Tensor)}

    def finish(quant: Quant, clamp: Clamp) -> Value:
        placed = []
        for i, x in enumerate(parts):
            if isinstance(x, Tensor):
                placed.append(site.requantised(replace(lead, value=tensors[i]), quant))
            else:
                scale, zero = quant.scalar
                codes = Quantised(codes_of(x.array, scale, zero), np.array([scale], np.float32), np.array([zero]))
                placed.append(_ordered_part(site, codes, order))
        return site.clamped(site.emit(op, placed, quant), clamp)

    return Pending("Concat", layout, finish)


def _joint(lead: Tensor, parts: Sequence[Known], axis: int) -> tuple[tuple[int, ...], Layout]:
    """(the order in memory of the result's axes, its layout)."""
    rest = {(*x.shape[:axis], *x.shape[axis + 1 :]) for x in parts}
    if len(rest) > 1:
        raise Refusal(f"its operands differ on other axes than {axis}", "the file is damaged")
    order = lead.layout.axes() or tuple(range(len(lead.shape)))
    total = sum(x.shape[axis] for x in parts)
    return order, Layout.ordered(tuple(total if a == axis else n for a, n in enumerate(lead.shape)), order)


def _as_codes(x: Constant, lead: Tensor) -> Quantised:
    """A constant of codes beside a tensor of codes."""
    if x.array.dtype != (np.uint8 if lead.unsigned else np.int8):
        raise Refusal(f"it joins codes with a constant of {x.array.dtype}", "the file is damaged")
    scale, zero = lead.quant.scalar
    codes = x.array.astype(np.int64) - 128 * lead.unsigned
    return Quantised(codes, np.array([scale], np.float32), np.array([zero]))


def _ordered_part(site: Site, x: Tensor | Quantised, order: tuple[int, ...]) -> Value:
    if isinstance(x, Tensor):
        return site.ordered(x, order)
    return constant_value(site, x, Layout.ordered(x.shape, order), tuple(x.shape[a] for a in order))
