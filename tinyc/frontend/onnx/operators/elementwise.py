"""Add, Sub, Mul, Div, Min, Max: of two tensors that broadcast, or of one tensor and constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.unary import F32, as_island, evaluated
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
_INTEGER: dict[str, type[Binary]] = {"Add": Add, "Sub": Sub, "Mul": Mul}


@converter(*_FUNCTIONS, inputs=(2, 2))
def binary(site: Site) -> None:
    site.result(combine(site, site.node.op, site.operand(0), site.operand(1)))


def combine(site: Site, op: str, a: Known, b: Known) -> Known:
    """The result for two real operands: numbers, one table, or an operator on two tensors."""
    constants = [x for x in (a, b) if isinstance(x, (Constant, Quantised))]
    if len(constants) == 2:
        broadcast([a.shape, b.shape])
        return Constant(evaluated(lambda v: _FUNCTIONS[op](v, constants[1].array), constants[0].array))
    fused = _fused(op, a, b)
    if fused is not None:
        return fused
    if any(x.array.size == 1 for x in constants) or _one_source(a, b):
        return _island(site, op, a, b)
    return _two_tensors(site, op, a, b)


def _fused(op: str, a: Known, b: Known) -> Pending | None:
    """A bias or a limit on the result of an operator that is not quantised yet."""
    for x, c in ((a, b), (b, a)):
        if not isinstance(x, Pending) or not isinstance(c, (Constant, Quantised)):
            continue
        if op == "Add" and x.add_bias is not None:
            return x.add_bias(c.exact if isinstance(c, Quantised) else c.array.astype(np.float64))
        if op in ("Min", "Max") and c.array.size == 1:
            number = float(c.array.reshape(-1)[0])
            return x.limited(-math.inf, number) if op == "Min" else x.limited(number, math.inf)
    return None


def _one_source(a: Known, b: Known) -> bool:
    """Whether both are functions of the same tensor, element by element (x · sigmoid(x))."""
    tensors = [x.source if isinstance(x, Island) else x for x in (a, b)]
    first, second = tensors
    return isinstance(first, Tensor) and isinstance(second, Tensor) and first.real and first == second


def _island(site: Site, op: str, a: Known, b: Known) -> Island:
    tables, sources, shapes = [], [], []
    for x in (a, b):
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
    kind().infer(first.type, second.type)

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.emit(kind(clamp=clamp), [first, second], quant)

    return Pending(op, layout, finish)


def _real(site: Site, x: Known) -> Tensor | Quantised:
    """A dequantised tensor or constant. Raises Refusal for what is float."""
    if isinstance(x, Quantised):
        if x.axis is not None or x.codes.min() < -128 or x.codes.max() > 127:
            raise Refusal("its constant operand has no single int8 quantisation", "quantise it to int8, per tensor")
        return x
    if isinstance(x, Constant):
        raise Refusal(f"its constant operand of shape {list(x.shape)} is float32", "quantise it with the activations")
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
    lead = max(tensors, key=lambda x: math.prod(x.shape))
    if all(x.shape == shape for x in pair):  # no axis needs to be told from another
        size = lead.value.type.shape
        values = [
            site.viewed(site.arranged(x, lead.layout).value, size)
            if isinstance(x, Tensor)
            else constant_value(site, x, lead.layout, size)
            for x in pair
        ]
        return values[0], values[1], lead.layout
    axes = lead.layout.axes() or tuple(range(len(shape)))
    values = [
        site.ordered(x, axes) if isinstance(x, Tensor)
        else constant_value(site, x, Layout.ordered(x.shape, axes), tuple(x.shape[a] for a in axes))
        for x in pair
    ]  # fmt: skip
    return values[0], values[1], Layout.ordered(shape, axes)


def constant_value(site: Site, x: Quantised, layout: Layout, shape: Shape) -> Value:
    """A quantised constant in the graph, its elements in the order of a layout."""
    quant = Quant.per_tensor(float(x.scale[0]), int(x.zero_point[0]))
    return site.constant("operand", layout.to_memory(x.codes).reshape(shape), DType.int8, quant)
