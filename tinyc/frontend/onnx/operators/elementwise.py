"""Add, Sub, Mul, Div, Min, Max: of two tensors that broadcast, or of one tensor and constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.affine import (
    as_factor_and_offset,
    per_channel,
    quantised_constant,
    single_axis,
)
from tinyc.frontend.onnx.operators.unary import F32, as_island, evaluated, rooted
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Constant, Island, Known, Pending, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.types import Array, DType, Quant, Shape
from tinyc.ops import Add, Mul, Sub
from tinyc.ops.elementwise import Binary

_FUNCTIONS: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Min": np.minimum, "Max": np.maximum,
    "Pow": np.power,
}  # fmt: skip
_INTEGER: dict[str, Binary] = {"Add": Add(), "Sub": Sub(), "Mul": Mul(rounds_once=True)}


@converter(*_FUNCTIONS, inputs=(2, 2))
def binary(site: Site) -> None:
    site.result(combine(site, site.node.op, site.operand(0), site.operand(1)))


def combine(site: Site, op: str, a: Known, b: Known) -> Known:
    """The result for two real operands: numbers, one table, or an operator on two tensors."""
    constants = [x for x in (a, b) if isinstance(x, (Constant, Quantised))]
    if len(constants) == 2:
        broadcast([a.shape, b.shape])
        return Constant(evaluated(lambda v: _FUNCTIONS[op](v, constants[1].array), constants[0].array))
    fused = _fused(site, op, a, b)
    if fused is not None:
        return fused
    if any(x.array.size == 1 for x in constants) or _one_source(site, a, b):
        return _island(site, op, a, b)
    if constants and (isinstance(constants[0], Constant) or not constants[0].is_int8):
        return _with_floats(site, op, a, b)
    return _two_tensors(site, op, a, b)


def _fused(site: Site, op: str, a: Known, b: Known) -> Pending | None:
    """A factor, an offset or a limit on the result of an operator that is not quantised yet."""
    for x, c in ((a, b), (b, a)):
        if not isinstance(x, Pending) or not isinstance(c, (Constant, Quantised)):
            continue
        pair = as_factor_and_offset(op, x is a, _exact(c))
        if pair is not None and x.affine is not None:
            return x.affine(*pair)
        if pair is not None and c.array.size == 1 and pair[0].item() > 0 and not pair[1].any():
            return _rescaled(site, x, pair[0].item())
        if op in ("Min", "Max") and c.array.size == 1:
            number = float(c.array.reshape(-1)[0])
            return x.limited(-math.inf, number) if op == "Min" else x.limited(number, math.inf)
    return None


def _rescaled(site: Site, x: Pending, factor: float) -> Pending:
    """factor · x: the codes of x itself, on a scale that is as many times finer, seen on the result's scale."""

    def finish(quant: Quant, clamp: Clamp) -> Value:
        scale, zero = quant.scalar
        value = x.finish(Quant.per_tensor(scale / factor, zero), clamp)
        return site.lookup(value, np.arange(-128, 128), quant)

    return replace(x, finish=finish, low=x.low * factor, high=x.high * factor)


def _exact(c: Constant | Quantised) -> Array:
    """The real numbers in double precision."""
    return c.exact if isinstance(c, Quantised) else c.array.astype(np.float64)


def _one_source(site: Site, a: Known, b: Known) -> tuple[Island, Island] | None:
    """Both as functions of the same tensor, element by element (x · sigmoid(x)); None where they are not."""
    if not all(isinstance(x, (Tensor, Island)) for x in (a, b)):
        return None
    if any(isinstance(x, Tensor) and not x.real for x in (a, b)):
        return None
    first, second = (rooted(site, as_island(site, x)) for x in (a, b))
    return (first, second) if first.source == second.source else None


def _island(site: Site, op: str, a: Known, b: Known) -> Island:
    tables, sources, shapes = [], [], []
    operands: tuple[Known, Known] = _one_source(site, a, b) or (a, b)
    for x in operands:
        shapes.append(x.shape)
        if isinstance(x, (Constant, Quantised)):
            tables.append(np.asarray(x.array, F32).reshape(-1))
        else:
            island = as_island(site, x)
            tables.append(island.table)
            sources.append(island.source)
    source, shape = sources[0], broadcast(shapes)
    layout = source.layout.reshaped(shape)  # a constant with more axes adds axes of length 1
    assert layout is not None
    table = np.broadcast_to(tables[0], (256,))
    return Island(source.relaid(layout), evaluated(lambda v: _FUNCTIONS[op](v, tables[1]), table))


def broadcast(shapes: list[Shape]) -> Shape:
    """The common shape. Raises Refusal where there is none."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        found = " and ".join(str(list(shape)) for shape in shapes)
        raise Refusal(f"shapes {found} do not broadcast", "the file is damaged") from None


# ---------------------------------------------------------------------- two tensors
def _two_tensors(site: Site, op: str, a: Known, b: Known) -> Pending:
    if op not in _INTEGER:
        raise Refusal(f"{op} of two tensors is not supported", f"{op} takes a constant of one element")
    shape = broadcast([a.shape, b.shape])
    pair = [_lifted(_real(site, x), len(shape)) for x in (a, b)]
    kind = _INTEGER[op]
    first, second, layout = _aligned(site, pair, shape)
    kind.infer(first.type, second.type)

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.emit(replace(kind, clamp=clamp), [first, second], quant)

    return Pending(op, layout, finish)


def _with_floats(site: Site, op: str, a: Known, b: Known) -> Pending:
    """A tensor and float numbers: a factor or offset per channel, else codes over the numbers' range."""
    x, c = (a, b) if isinstance(b, (Constant, Quantised)) else (b, a)
    assert isinstance(c, (Constant, Quantised))
    real, shape = _exact(c), broadcast([a.shape, b.shape])
    if not np.isfinite(real).all():
        raise Refusal("its constant operand has elements that are not finite", "masks by infinity are not supported")
    pair = as_factor_and_offset(op, x is a, real)
    if pair is None:
        found = f"{op} of a tensor and {real.size} constants is not supported"
        raise Refusal(found, "quantise them with the activations")
    x, axis = _real(site, x), single_axis(real.shape, len(shape))
    assert isinstance(x, Tensor)
    if axis is not None and x.shape == shape and site.by_axes(x)[1][-1] == axis:
        return per_channel(site, x, axis, *(v.reshape(-1) for v in pair))
    lifted = _lifted(x, len(shape))
    assert isinstance(lifted, Tensor)
    layout = _layout([lifted], [lifted.shape, (1,) * (len(shape) - real.ndim) + real.shape], shape)

    def finish(quant: Quant, clamp: Clamp) -> Value:
        scale = quant.scalar[0]
        limit = scale if op in ("Add", "Sub") else scale / (256 * x.quant.scalar[0])
        number = quantised_constant(pair[0] if op == "Div" else real, limit)
        kind = "Mul" if op == "Div" else op
        operands = (x, number) if x is a or op in ("Add", "Mul", "Div") else (number, x)
        return _two_tensors(site, kind, *operands).finish(quant, clamp)

    return Pending(op, layout, finish)


def _real(site: Site, x: Known) -> Tensor | Quantised:
    """A dequantised tensor, or a constant of int8 codes. Raises Refusal for what is float."""
    if isinstance(x, Quantised):
        return x
    found = site.settled(x)
    if not found.real:
        raise Refusal("it computes on codes that nothing dequantises", "put a DequantizeLinear before it")
    return found


def _lifted(x: Tensor | Quantised, rank: int) -> Tensor | Quantised:
    """With leading axes of length 1, up to `rank` axes."""
    shape = (*(1,) * (rank - len(x.shape)), *x.shape)
    if isinstance(x, Quantised):
        return replace(x, codes=x.codes.reshape(shape))
    layout = x.layout.reshaped(shape)
    assert layout is not None
    return x.relaid(layout)


def _aligned(site: Site, pair: list[Tensor | Quantised], shape: Shape) -> tuple[Value, Value, Layout]:
    """Both operands with their elements in one order, and the layout of the result."""
    tensors = [x for x in pair if isinstance(x, Tensor)]
    lead, layout = _lead(tensors), _layout(tensors, [x.shape for x in pair], shape)
    if all(x.shape == shape for x in pair):
        size = lead.value.type.shape
        values = [
            site.viewed(site.arranged(x, lead.layout).value, size)
            if isinstance(x, Tensor)
            else constant_value(site, x, lead.layout, size)
            for x in pair
        ]
        return values[0], values[1], layout
    axes = lead.layout.axes() or tuple(range(len(shape)))
    values = [
        site.ordered(x, axes) if isinstance(x, Tensor)
        else constant_value(site, x, Layout.ordered(x.shape, axes), tuple(x.shape[a] for a in axes))
        for x in pair
    ]  # fmt: skip
    return values[0], values[1], layout


def _lead(tensors: Sequence[Tensor]) -> Tensor:
    """The tensor whose order in memory the others follow."""
    return max(tensors, key=lambda x: math.prod(x.shape))


def _layout(tensors: Sequence[Tensor], shapes: Sequence[Shape], shape: Shape) -> Layout:
    """Of the result. Where both operands have its shape, no axis needs to be told from another."""
    found = _lead(tensors).layout
    if all(s == shape for s in shapes):
        return found
    return Layout.ordered(shape, found.axes() or tuple(range(len(shape))))


def constant_value(site: Site, x: Quantised, layout: Layout, shape: Shape) -> Value:
    """A quantised constant in the graph, its elements in the order of a layout."""
    return site.constant("operand", layout.to_memory(x.codes).reshape(shape), DType.int8, x.quant)
