"""Random networks: a hypothesis strategy for valid graphs of all int8 operators.

    @given(graphs())
    def test_something(graph: Graph) -> None: ...

Structure is drawn, so that hypothesis can shrink it; weights and scales come from a drawn seed. The graphs
are legal for `write_tflite` but where an option says otherwise, and small: evaluation takes milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st

from tests.support.builder import Builder, Constant
from tests.support.operator_cases import clamp_of
from tinyc import ops
from tinyc.ir.graph import Graph, Value
from tinyc.ir.types import DType, Quant, Shape, TensorType
from tinyc.ops.conv import Convolution
from tinyc.ops.window import WindowOperator, same_padding

W = TypeVar("W", bound=WindowOperator)


# ---------------------------------------------------------------------- one step per operator
Step = Callable[[Builder, Value], Value | None]
NamedStep = Callable[[Builder, Value, str], Value | None]  # one function for several operators
STEPS: dict[str, Step] = {}


def _step(*names: str) -> Callable[[NamedStep], NamedStep]:
    def register(function: NamedStep) -> NamedStep:
        def named(name: str) -> Step:
            return lambda b, x: function(b, x, name)

        STEPS.update({name: named(name) for name in names})
        return function

    return register


def _placed(b: Builder, op: W, rows: int, cols: int, extent: tuple[int, int]) -> W:
    """With strides, which may exceed the window, and padding SAME or VALID, which is all that TFLite has."""
    stride = (b.size(1, 3), b.size(1, 3))
    (top, bottom), (left, right) = (
        same_padding(n, k, s, d) for n, k, s, d in zip((rows, cols), extent, stride, op.dilation, strict=True)
    )
    return replace(op, stride=stride, padding=(top, left, bottom, right) if b.chance() else (0, 0, 0, 0))


def _weights(b: Builder, shape: Shape, axis: int, zero_point: bool = False) -> Constant:
    """One scale, or one per output channel, some of them very different."""
    if shape[axis] > 1 and b.chance():
        scales = tuple(float(np.float32(2.0**e)) for e in b.rng.uniform(-10, -4, shape[axis]))
        return b.constant(shape, Quant(scales, (0,) * shape[axis], axis))
    zero = int(b.rng.choice([0, 0, -128, 127, 5])) if zero_point else 0
    return b.constant(shape, Quant.per_tensor(2.0 ** b.rng.uniform(-10, -4), zero))


def _bias(b: Builder, channels: int) -> Constant | None:
    limit = int(b.rng.choice([0, 100, 10_000, 2**20]))
    data = b.rng.integers(-limit, limit + 1, channels).astype(np.int32)
    return Constant(TensorType((channels,), DType.int32), data) if b.chance() else None


def _accumulated(b: Builder, x: Value, w: Constant, terms: int) -> Quant:
    """A quantisation that the sums of so many products spread over."""
    assert w.type.quant is not None
    return b.quant(x.type.scale * float(np.median(w.type.quant.scale)) * 75 * math.sqrt(terms))


def _clamp(b: Builder, quant: Quant) -> tuple[int, int]:
    return clamp_of(b.draw, TensorType((1,), DType.int8, quant)) if b.chance() else (-128, 127)


@_step("conv2d")
def _conv2d(b: Builder, x: Value, name: str) -> Value | None:
    x = b.image(x)
    channels = x.type.shape[3]
    groups = b.pick([n for n in range(1, channels + 1) if channels % n == 0]) if b.chance() else 1
    shape = (groups * b.size(1, 4), *_extent(b), channels // groups)
    return _convolution(b, x, ops.Conv2D(), shape)


@_step("depthwise_conv2d")
def _depthwise(b: Builder, x: Value, name: str) -> Value | None:
    x = b.image(x)
    filters = x.type.shape[3] * b.pick([1, 1, 2, 3])
    return _convolution(b, x, ops.DepthwiseConv2D(), (1, *_extent(b), filters))


def _extent(b: Builder) -> tuple[int, int]:
    return b.size(1, 4), b.size(1, 4)


def _convolution(b: Builder, x: Value, op: Convolution, shape: Shape) -> Value | None:
    dilated = replace(op, dilation=(b.size(1, 2), b.size(1, 2)) if b.chance() else (1, 1))
    _, rows, cols, _ = x.type.shape
    placed = _placed(b, dilated, rows, cols, (shape[1], shape[2]))
    axis = op.channel_axis
    w = _weights(b, shape, axis)
    quant = _accumulated(b, x, w, math.prod(shape) // shape[axis])
    return b.apply(replace(placed, clamp=_clamp(b, quant)), [x, w, _bias(b, shape[axis])], quant)


@_step("fully_connected")
def _fully_connected(b: Builder, x: Value, name: str) -> Value | None:
    t = x.type
    depth = t.shape[-1] if t.rank > 1 and b.chance() else t.elements
    x = b.reshaped(x, (t.elements // depth, depth))
    w = _weights(b, (b.size(1, 9), depth), 0, zero_point=True)
    quant = _accumulated(b, x, w, depth)
    return b.apply(ops.FullyConnected(_clamp(b, quant)), [x, w, _bias(b, w.type.shape[0])], quant)


POOLS = {cls.name: cls for cls in (ops.AveragePool2D, ops.AveragePoolEven2D, ops.MaxPool2D)}


@_step(*POOLS)
def _pool(b: Builder, x: Value, name: str) -> Value | None:
    x, kind = b.image(x), POOLS[name]
    _, rows, cols, _ = x.type.shape
    extent = (rows, cols) if b.chance() else (b.size(1, 4), b.size(1, 4))
    assert x.type.quant is not None
    op = _placed(b, kind(extent=extent, clamp=_clamp(b, x.type.quant)), rows, cols, extent)
    return b.apply(op, [x], x.type.quant)


def _second(b: Builder, x: Value, same_quant: bool) -> Value | Constant:
    """Another operand: a tensor that broadcasts with x (x itself at times), or a constant."""
    if b.chance():
        shape = b.pick([(1,), (1,) * x.type.rank, x.type.shape[-1:], x.type.shape])
        assert x.type.quant is not None
        return b.constant(shape, x.type.quant if same_quant else b.quant(x.type.scale))
    others = [v for v in b.values if v.type.rank <= 4 and _broadcasts(v.type.shape, x.type.shape)]
    return b.pick([v for v in others if not same_quant or v.type.quant == x.type.quant] or [x])


def _broadcasts(a: Shape, b: Shape) -> bool:
    return all(1 in pair or pair[0] == pair[1] for pair in zip(a[::-1], b[::-1], strict=False))


@_step("add", "sub", "mul", "maximum", "minimum")
def _binary(b: Builder, x: Value, name: str) -> Value | None:
    kinds = {"add": ops.Add, "sub": ops.Sub, "mul": ops.Mul, "maximum": ops.Maximum, "minimum": ops.Minimum}
    extremum = name in ("maximum", "minimum")
    y = _second(b, x, extremum)
    product = x.type.scale * y.type.scale * 100 if name == "mul" else max(x.type.scale, y.type.scale)
    quant = x.type.quant if extremum else b.quant(product)
    assert quant is not None
    op = kinds[name]() if extremum else kinds[name](_clamp(b, quant))
    return b.apply(op, [x, y] if b.chance() else [y, x], quant)


@_step("relu", "relu6", "leaky_relu", "requantize", "hard_swish", "logistic", "tanh")
def _unary(b: Builder, x: Value, name: str) -> Value | None:
    alpha = float(np.float32(b.pick([0.0, 0.1, 0.3, 1.5, -0.25])))
    kinds = {"relu": ops.Relu(), "relu6": ops.Relu6(), "leaky_relu": ops.LeakyRelu(alpha), "tanh": ops.Tanh(),
             "requantize": ops.Requantize(), "hard_swish": ops.HardSwish(), "logistic": ops.Logistic()}
    fixed = {"logistic": Quant.per_tensor(1 / 256, -128), "tanh": Quant.per_tensor(1 / 128, 0)}
    other = x.type.quant if name == "relu6" or b.chance() else b.quant(x.type.scale)
    return b.apply(kinds[name], [x], fixed.get(name, other))


@_step("softmax_scaled")
def _softmax_scaled(b: Builder, x: Value, name: str) -> Value | None:
    return b.apply(ops.SoftmaxScaled(), [x], b.quant(1 / 200)) if x.type.rank else None


@_step("softmax")
def _softmax(b: Builder, x: Value, name: str) -> Value | None:
    beta = float(np.float32(b.pick([1.0, 0.5, 2.3])))
    return b.apply(ops.Softmax(beta), [x], Quant.per_tensor(1 / 256, -128))


@_step("lut")
def _lut(b: Builder, x: Value, name: str) -> Value | None:
    table = Constant(TensorType((256,)), b.rng.integers(-128, 128, 256).astype(np.int8))
    return b.apply(ops.Lut(), [x, table], b.quant(x.type.scale))


@_step("mean")
def _mean(b: Builder, x: Value, name: str) -> Value | None:
    axes = b.draw(st.sets(st.integers(0, x.type.rank - 1), min_size=1)) if b.chance() else {x.type.rank // 2}
    quant = x.type.quant if b.chance() else b.quant(x.type.scale)
    keep = len(axes) == x.type.rank or b.chance()  # TFLite has no tensors of rank 0 between operators
    return b.apply(ops.Mean(tuple(sorted(axes)), keep), [x], quant)


@_step("pad")
def _pad(b: Builder, x: Value, name: str) -> Value | None:
    axes = {1, 2} if x.type.rank == 4 and b.chance() else set(range(x.type.rank))
    before, after = (tuple(b.size(0, 3) if a in axes else 0 for a in range(x.type.rank)) for _ in range(2))
    value = b.pick([x.type.zero_point, x.type.zero_point, -128, 5])
    return b.apply(ops.Pad(before, after, value), [x], x.type.quant)


@_step("reshape")
def _reshape(b: Builder, x: Value, name: str) -> Value | None:
    shape = x.type.shape
    split = b.size(0, len(shape))
    merged = (math.prod(shape[:split]), math.prod(shape[split:]))
    other = b.pick([merged, (1, *merged), (x.type.elements,), shape[::-1], shape])
    return b.apply(ops.Reshape(other), [x], x.type.quant)


@_step("transpose")
def _transpose(b: Builder, x: Value, name: str) -> Value | None:
    usual = [(0, 3, 1, 2), (0, 2, 3, 1)] if x.type.rank == 4 else []
    perm = b.pick([*usual, tuple(b.draw(st.permutations(range(x.type.rank))))])
    return b.apply(ops.Transpose(perm), [x], x.type.quant)


def _across(x: Value, axis: int) -> tuple[Shape, Shape]:
    """The shape but for one axis."""
    return x.type.shape[:axis], x.type.shape[axis + 1 :]


@_step("concatenation")
def _concatenation(b: Builder, x: Value, name: str) -> Value | None:
    axis = b.size(0, x.type.rank - 1)
    fits = [v for v in b.values if v.type.quant == x.type.quant and _across(v, axis) == _across(x, axis)]
    others = b.draw(st.lists(st.sampled_from(fits or [x]), max_size=3))
    return b.apply(ops.Concatenation(axis), [x, *others], x.type.quant)


@_step("strided_slice")
def _strided_slice(b: Builder, x: Value, name: str) -> Value | None:
    axes = []
    for n in x.type.shape:
        whole = b.chance()
        first, step = (0, 1) if whole else (b.size(0, n - 1), b.pick([1, 1, 2, 3, -1, -2]))
        room = (n - 1 - first if step > 0 else first) // abs(step) + 1
        axes.append((first, step, room if whole else b.size(1, room)))
    begin, stride, shape = (tuple(column) for column in zip(*axes, strict=True))
    return b.apply(ops.StridedSlice(begin, stride, shape), [x], x.type.quant)


@_step("resize_nearest")
def _resize(b: Builder, x: Value, name: str) -> Value | None:
    x = b.image(x)
    _, rows, cols, _ = x.type.shape
    size = b.pick([(2 * rows, 2 * cols), (rows, cols), (b.size(1, 9), b.size(1, 9))])
    return b.apply(ops.ResizeNearest(size, b.chance(), b.chance()), [x], x.type.quant)


# ---------------------------------------------------------------------- whole graphs
ENDS = frozenset({"quantize", "dequantize"})  # operators that `float_ends` brings
NOT_IN_TFLITE = frozenset({"lut", "average_pool2d_even", "softmax_scaled"})
# What converters write again and again, and what meets by chance only rarely.
IDIOMS = (
    ("pad", "conv2d"),
    ("pad", "depthwise_conv2d"),
    ("conv2d", "relu"),
    ("depthwise_conv2d", "relu6"),
    ("add", "maximum"),
    ("requantize", "requantize"),
    ("reshape", "reshape"),
    ("reshape", "tanh", "reshape"),
    ("transpose", "transpose"),
    ("transpose", "leaky_relu", "transpose"),
    ("transpose", "mean", "mean"),
)


def _extend(b: Builder, chain: Sequence[str], x: Value) -> None:
    """One node after the other, from x on, as far as operators take what is there."""
    for name in chain:
        made = STEPS[name](b, x)
        if made is None:
            return
        b.values.append(made)
        x = made


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    max_nodes: int = 7,
    operators: Collection[str] | None = None,
    float_ends: bool = False,
    in_tflite: bool = True,
    constant_nodes: bool = False,
    unused: bool = True,
) -> Graph:
    """A valid graph of one or two inputs and one or more outputs. Inputs and results are their own source.

    max_nodes: no further nodes from that count on.
    operators: names to choose from (default: all); reshapes come in where an operator needs another rank.
    float_ends: float32 inputs and outputs, through QUANTIZE and DEQUANTIZE.
    in_tflite: only what `write_tflite` can write. constant_nodes: also nodes that read constants alone.
    unused: results that nobody reads may remain.
    """
    b = Builder(draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    allowed = STEPS if operators is None else operators
    names = sorted(set(allowed) - (NOT_IN_TFLITE if in_tflite else set()))
    for i in range(b.size(1, 2)):
        b.values.append(_input(b, f"input{i}", float_ends))
    if constant_nodes:
        c = b.constant((1, 2, 3, 4), b.quant(0.05))
        b.values.append(b.graph.add_constant("constant", c.type, c.data))
    idioms = [idiom for idiom in IDIOMS if {*idiom} <= {*names}]
    for _ in range(b.size(1, max_nodes)):
        chain = b.pick([*idioms, *([name] for name in names)])
        if len(b.graph.nodes) < max_nodes:
            _extend(b, chain, b.pick(b.values[-4:]))
    _finish(b, float_ends, unused)
    return b.graph


def _input(b: Builder, name: str, float_ends: bool) -> Value:
    sizes = [1, 2, 3, 5, 7]
    shape = (b.pick([1, 1, 1, 2]), b.pick(sizes), b.pick(sizes), b.pick([1, 2, 3, 4, 8]))
    quant = b.quant(0.05)
    if not float_ends:
        return b.graph.add_input(name, TensorType(shape, DType.int8, quant))
    real = b.graph.add_input(name, TensorType(shape, DType.float32))
    return b.graph.add(ops.Quantize(), [real], TensorType(shape, DType.int8, quant)).output


def _finish(b: Builder, float_ends: bool, unused: bool) -> None:
    """Choose the outputs: results that nobody reads, and perhaps one that others read as well."""
    graph = b.graph
    results = [v for v in b.values if v.producer is not None]
    if not results:
        x = b.values[0]
        results = [graph.add(ops.Requantize(), [x], x.type).output]
    leaves = [v for v in results if not v.uses]
    if unused and len(leaves) > 1 and b.chance():
        leaves = leaves[: b.size(1, len(leaves) - 1)]
    inner = [v for v in results if v.uses]
    chosen = [*leaves, b.pick(inner)] if inner and b.chance() else leaves
    graph.outputs = list(b.draw(st.permutations(chosen))) if len(chosen) > 1 else chosen
    if float_ends:
        reals = [TensorType(v.type.shape, DType.float32) for v in graph.outputs]
        nodes = [graph.add(ops.Dequantize(), [v], t) for v, t in zip(graph.outputs, reals, strict=True)]
        graph.outputs = [node.output for node in nodes]
    graph.inputs = [v for v in graph.inputs if v.uses]
    for value in (*graph.inputs, *(v for node in graph.nodes for v in node.outputs)):
        value.source = value.name
