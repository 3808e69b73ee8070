"""One operator at a time: random cases of every operator, as graphs of one node."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tests.support.images import image_networks, random_segments
from tinyc import ops
from tinyc.frontend.tflite.activation import ACTIVATIONS, activation_range
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import Operator, TypeRuleError
from tinyc.ir.types import Array, DType, Quant, Shape, Signature, TensorType
from tinyc.ops.conv import weight_scales
from tinyc.ops.conv_sums import products_quant
from tinyc.ops.sums import sums_type
from tinyc.ops.window import WindowOperator, same_padding
from tinyc.program.segment import form_segments

Draw = st.DrawFn


@dataclass(frozen=True)
class Case:
    """An operator, its operands (constant where there is an array, None where absent), its result's quantisation."""

    op: Operator
    operands: tuple[tuple[TensorType, Array | None] | None, ...]
    quant: Quant | None

    def node(self) -> Node:
        return self.graph().nodes[0]

    def graph(self) -> Graph:
        """A graph of this node alone. Raises TypeRuleError where the operator refuses its operands."""
        graph = Graph("case")
        values = [None if operand is None else _value(graph, i, *operand) for i, operand in enumerate(self.operands)]
        ((shape, dtype),) = self.op.infer(*(None if v is None else v.type for v in values))
        node = graph.add(self.op, values, TensorType(shape, dtype, self.quant))
        graph.outputs = [node.output]
        self.op.check(node.signature)
        return graph


def _value(graph: Graph, number: int, t: TensorType, data: Array | None) -> Value:
    return graph.add_input(f"x{number}", t) if data is None else graph.add_constant(f"c{number}", t, data)


def inputs_of(graph: Graph, rng: np.random.Generator) -> list[list[Array]]:
    """Inputs to try: random, all lowest, all highest, alternating between the two."""
    columns = [_arrays(value.type, rng) for value in graph.inputs]
    return [list(row) for row in zip(*columns, strict=True)]


def _arrays(t: TensorType, rng: np.random.Generator) -> list[Array]:
    low, high = (-4.0, 4.0) if t.dtype is DType.float32 else (-128, 127)
    alternating = np.where(np.arange(t.elements) % 2 == 0, low, high).reshape(t.shape)
    made = [random_array(t, rng), np.full(t.shape, low), np.full(t.shape, high), alternating]
    return [a.astype(t.dtype.numpy) for a in made]


def random_array(t: TensorType, rng: np.random.Generator) -> Array:
    if t.dtype is DType.float32:
        # Halves and quarters meet the rounding of exact ties for scales that are powers of two.
        return (np.round(rng.normal(0, 40, t.shape)) / 8).astype(np.float32)
    return rng.integers(-128, 128, t.shape).astype(t.dtype.numpy)


# ---------------------------------------------------------------------- quantisation
def scales(low: float = -9.0, high: float = 3.0) -> st.SearchStrategy[float]:
    """float32 scales from 2^low to 2^high, powers of two among them."""
    return (st.floats(low, high) | st.integers(math.ceil(low), math.floor(high))).map(
        lambda e: float(np.float32(2.0**e))
    )


zero_points = st.sampled_from([-128, 127, 0]) | st.integers(-128, 127)
sizes = st.sampled_from([3, 2, 1, 5, 6])


@st.composite
def per_tensor(draw: Draw, scale: st.SearchStrategy[float] | None = None) -> Quant:
    return Quant.per_tensor(draw(scales() if scale is None else scale), draw(zero_points))


@st.composite
def int8(draw: Draw, shape: Shape, scale: st.SearchStrategy[float] | None = None) -> TensorType:
    return TensorType(shape, DType.int8, draw(per_tensor(scale)))


@st.composite
def shapes(draw: Draw, low: int = 1, high: int = 4) -> Shape:
    return tuple(draw(st.lists(sizes, min_size=low, max_size=high)))


@st.composite
def rngs(draw: Draw) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def clamp_of(draw: Draw, t: TensorType) -> tuple[int, int]:
    """A clamp that is one of TFLite's fused activations."""
    return activation_range(draw(st.sampled_from(sorted(ACTIVATIONS))), t)


# ---------------------------------------------------------------------- one strategy per operator
STRATEGIES: dict[str, st.SearchStrategy[Case]] = {}


def _cases(*names: str) -> Callable[[Callable[..., Case]], Callable[..., Case]]:
    """Registers a function (draw, name) → Case; cases that the operator refuses are not drawn."""

    def register(function: Callable[..., Case]) -> Callable[..., Case]:
        @st.composite
        def drawn(draw: Draw, name: str) -> Case:
            case = function(draw, name)
            try:
                case.graph()
            except TypeRuleError:
                assume(False)
            return case

        STRATEGIES.update({name: drawn(name) for name in names})
        return function

    return register


def _window(draw: Draw, op: WindowOperator, rows: int, cols: int, extent: tuple[int, int]) -> WindowOperator:
    """The operator with strides, and with padding SAME or VALID, which is all that TFLite can say."""
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    padding = (0, 0, 0, 0)
    if draw(st.booleans()):
        (top, bottom), (left, right) = (
            same_padding(n, k, s, d)
            for n, k, s, d in zip((rows, cols), extent, stride, op.dilation, strict=True)
        )
        padding = (top, left, bottom, right)
    return replace(op, stride=stride, padding=padding)


def _weights(draw: Draw, shape: Shape, axis: int, zero_point: bool = False) -> tuple[TensorType, Array]:
    """Weights with one scale, or one per output channel, alike or of very different sizes."""
    rng = draw(rngs())
    count = shape[axis] if draw(st.booleans()) else 1
    spread = draw(st.sampled_from([1, 8]))
    steps = tuple(float(np.float32(2.0 ** rng.uniform(-4 - spread, -4))) for _ in range(count))
    zero = draw(zero_points) if zero_point and count == 1 else 0
    quant = Quant(steps, (zero,) * count, None if count == 1 else axis)
    low, high = draw(st.sampled_from([(-128, 127), (-20, 20), (-128, -128), (127, 127)]))
    return TensorType(shape, DType.int8, quant), rng.integers(low, high + 1, shape).astype(np.int8)


def _bias(draw: Draw, channels: int) -> tuple[tuple[TensorType, Array], ...]:
    """A bias operand, or none: TFLM's depthwise kernel dies of an operand that is marked absent."""
    limit = draw(st.sampled_from([0, 1000, 2**20]))
    data = draw(rngs()).integers(-limit, limit + 1, channels).astype(np.int32)
    return ((TensorType((channels,), DType.int32), data),) if draw(st.booleans()) else ()


def _accumulated(draw: Draw, x: TensorType, w: TensorType) -> Quant:
    """An output quantisation for the accumulators: most spread over the codes, some saturate, some vanish."""
    assert w.quant is not None
    exponent = draw(st.sampled_from([9, 7, 11, 8, 10, 4, 15, -3])) + draw(rngs()).uniform(-0.5, 0.5)
    scale = x.scale * max(w.quant.scale) * 2.0**exponent
    return Quant.per_tensor(scale, draw(zero_points))


@_cases("conv2d", "depthwise_conv2d")
def _convolution(draw: Draw, name: str) -> Case:
    batch, rows, cols, kh, kw = (draw(sizes) for _ in range(5))
    groups, depth, filters = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    x = draw(int8((min(batch, 2), rows, cols, groups * depth)))
    dense = name == "conv2d"
    shape = (groups * filters, kh, kw, depth) if dense else (1, kh, kw, groups * depth * filters)
    w, data = _weights(draw, shape, 0 if dense else 3)
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    bare = ops.Conv2D(dilation=dilation) if dense else ops.DepthwiseConv2D(dilation=dilation)
    op = _window(draw, bare, rows, cols, (kh, kw))
    quant = _accumulated(draw, x, w)
    op = replace(op, clamp=clamp_of(draw, TensorType((1,), DType.int8, quant)))
    return Case(op, ((x, None), (w, data), *_bias(draw, shape[0 if dense else 3])), quant)


@_cases("fully_connected")
def _fully_connected(draw: Draw, name: str) -> Case:
    depth, units = draw(st.integers(1, 40)), draw(sizes)
    x = draw(int8((*draw(shapes(1, 3)), depth)))
    w, data = _weights(draw, (units, depth), 0, zero_point=True)
    quant = _accumulated(draw, x, w)
    clamp = clamp_of(draw, TensorType((1,), DType.int8, quant))
    return Case(ops.FullyConnected(clamp), ((x, None), (w, data), *_bias(draw, units)), quant)


POOLS = {cls.name: cls for cls in (ops.AveragePool2D, ops.AveragePoolEven2D, ops.MaxPool2D)}


@_cases(*POOLS)
def _pool(draw: Draw, name: str) -> Case:
    rows, cols, extent = draw(sizes), draw(sizes), (draw(sizes), draw(sizes))
    x = draw(int8((draw(st.integers(1, 2)), rows, cols, draw(sizes))))
    op = _window(draw, POOLS[name](extent=extent, clamp=clamp_of(draw, x)), rows, cols, extent)
    return Case(op, ((x, None),), x.quant)


@_cases("batch_matmul")
def _batch_matmul(draw: Draw, name: str) -> Case:
    """Matrices with leading axes of which some broadcast; TFLite takes up to five axes."""
    rows, depth, columns = draw(sizes), draw(st.sampled_from([1, 3, 4, 9, 16, 17, 40])), draw(sizes)
    lead = draw(shapes(0, 2))
    broadcast = tuple(1 if draw(st.booleans()) else n for n in lead)
    of_a, of_b = draw(st.sampled_from([(lead, lead), (lead, broadcast), (broadcast, lead)]))
    transposed = draw(st.booleans()), draw(st.booleans())
    a = draw(int8((*of_a, *_turned((rows, depth), transposed[0]))))
    b = draw(int8((*of_b, *_turned((depth, columns), transposed[1]))))
    exponent = draw(st.sampled_from([7, 9, 11, 8, 4, 15, -3])) + draw(rngs()).uniform(-0.5, 0.5)
    quant = Quant.per_tensor(a.scale * b.scale * 2.0**exponent, draw(zero_points))
    return Case(ops.BatchMatMul(*transposed), ((a, None), (b, None)), quant)


def _turned(shape: tuple[int, int], transposed: bool) -> tuple[int, int]:
    return (shape[1], shape[0]) if transposed else shape


@_cases("layer_norm")
def _layer_norm(draw: Draw, name: str) -> Case:
    """Scales at which the variance outweighs epsilon, or epsilon any variance; gamma and beta, one of them or none."""
    channels = draw(st.sampled_from([1, 2, 3, 8, 17, 64, 100]))
    x = draw(int8((*draw(shapes(0, 3)), channels), scales(-30, 20)))
    op = ops.LayerNorm(draw(st.sampled_from([1e-5, 1e-6, 1e-12, 0.0, 1000.0]).map(lambda e: float(np.float32(e)))))
    rng, given = draw(rngs()), draw(st.sampled_from([(True, True), (True, False), (False, True), (False, False)]))
    gamma = draw(int8((channels,), scales(-8, 2)))
    bare = Signature((x, gamma), (x,))
    reach = max(op.largest_deviation(bare), 1e-30) * 128 * gamma.scale  # of results
    quant = Quant.per_tensor(reach / 128 * 2.0 ** draw(st.floats(-6, 2)), draw(zero_points))
    beta = TensorType((channels,), DType.int32, Quant.per_tensor(quant.scale[0] * 2.0 ** draw(st.integers(-12, 1)), 0))
    codes = rng.integers(-(2 ** draw(st.sampled_from([6, 12, 30]))), 2**10, channels).astype(np.int32)
    optional = ((gamma, random_array(gamma, rng)), (beta, codes))
    operands = tuple(operand if wanted else None for operand, wanted in zip(optional, given, strict=True))
    return Case(op, ((x, None), *operands), quant)


@_cases("add", "sub", "mul", "squared_difference", "maximum", "minimum")
def _binary(draw: Draw, name: str) -> Case:
    wide = draw(shapes(0))
    narrow = tuple(1 if draw(st.booleans()) else n for n in wide)[draw(st.integers(0, len(wide))) :]
    pair = draw(st.sampled_from([(wide, wide), (wide, narrow), (narrow, wide)]))
    a = draw(int8(pair[0]))
    if name in ("maximum", "minimum"):
        op = ops.Maximum() if name == "maximum" else ops.Minimum()
        return Case(op, ((a, None), (a.with_shape(pair[1]), None)), a.quant)
    # Scales of like size are what networks have; unlike ones reach every shift.
    b = draw(int8(pair[1], scales(-6, 6).map(lambda ratio: float(np.float32(a.scale * ratio)))))
    larger = max(a.scale, b.scale)
    product = {"mul": a.scale * b.scale, "squared_difference": larger * larger}.get(name, larger)
    quant = Quant.per_tensor(product * 2.0 ** draw(st.floats(-8, 10)), draw(zero_points))
    if name == "squared_difference":  # TFLite has no activation for it
        return Case(ops.SquaredDifference(), ((a, None), (b, None)), quant)
    op_type = {"add": ops.Add, "sub": ops.Sub, "mul": ops.Mul}[name]
    return Case(op_type(clamp_of(draw, TensorType((1,), DType.int8, quant))), ((a, None), (b, None)), quant)


@_cases("relu", "relu6", "leaky_relu", "logistic", "tanh", "hard_swish", "requantize", "gelu", "rsqrt")
def _unary(draw: Draw, name: str) -> Case:
    x = TensorType((2, 128), DType.int8, draw(per_tensor(scales(-12, 6))))
    if name == "rsqrt":  # of numbers that are not negative, without which TFLM ends the run
        x = replace(x, quant=Quant.per_tensor(x.scale, -128))
    other = Quant.per_tensor(x.scale * 2.0 ** draw(st.floats(-7, 7)), draw(zero_points))
    root = Quant.per_tensor(2.0 ** draw(st.floats(-12, 4)) / math.sqrt(x.scale), other.zero_point[0])
    alpha = draw(st.sampled_from([0.0, 0.1, 0.3, 1.5, -0.25]).map(lambda a: float(np.float32(a))))
    op, quant = {
        "relu": (ops.Relu(), other),
        "relu6": (ops.Relu6(), x.quant),
        "leaky_relu": (ops.LeakyRelu(alpha), other),
        "logistic": (ops.Logistic(), Quant.per_tensor(1 / 256, -128)),
        "tanh": (ops.Tanh(), Quant.per_tensor(1 / 128, 0)),
        "hard_swish": (ops.HardSwish(), other),
        "requantize": (ops.Requantize(), other),
        "gelu": (ops.Gelu(draw(st.booleans())), other),
        "rsqrt": (ops.Rsqrt(), root),
    }[name]
    return Case(op, ((x, None),), quant)


@_cases("lut")
def _lut(draw: Draw, name: str) -> Case:
    table = draw(rngs()).integers(-128, 128, 256).astype(np.int8)
    x = draw(int8(draw(shapes())))
    return Case(ops.Lut(), ((x, None), (TensorType((256,)), table)), draw(per_tensor()))


@_cases("softmax_scaled")
def _softmax_scaled(draw: Draw, name: str) -> Case:
    x = draw(int8((*draw(shapes(0, 3)), draw(st.sampled_from([1, 2, 10, 300]))), scales(-14, 6)))
    return Case(ops.SoftmaxScaled(), ((x, None),), draw(per_tensor(scales(-16, 3))))


@_cases("softmax")
def _softmax(draw: Draw, name: str) -> Case:
    x = draw(int8((*draw(shapes(0, 3)), draw(st.sampled_from([1, 2, 10, 300]))), scales(-14, 6)))
    beta = draw(st.sampled_from([1.0, 0.5, 2.3]).map(lambda b: float(np.float32(b))))
    return Case(ops.Softmax(beta), ((x, None),), Quant.per_tensor(1 / 256, -128))


@_cases("quantize", "dequantize")
def _ends(draw: Draw, name: str) -> Case:
    shape, quant = draw(shapes()), draw(per_tensor())
    if name == "quantize":
        return Case(ops.Quantize(), ((TensorType(shape, DType.float32), None),), quant)
    return Case(ops.Dequantize(), ((TensorType(shape, DType.int8, quant), None),), None)


@_cases("mean")
def _mean(draw: Draw, name: str) -> Case:
    x = draw(int8(draw(shapes())))
    axes = draw(st.sets(st.integers(0, x.rank - 1), min_size=1))
    other = Quant.per_tensor(x.scale * 2.0 ** draw(st.floats(-8, 8)), draw(zero_points))
    quant = x.quant if draw(st.booleans()) else other
    return Case(ops.Mean(tuple(sorted(axes)), draw(st.booleans())), ((x, None),), quant)


@_cases("pad")
def _pad(draw: Draw, name: str) -> Case:
    x = draw(int8(draw(shapes())))
    counts = st.tuples(*[st.integers(0, 2)] * x.rank)
    value = draw(st.sampled_from([x.zero_point, -128, 5]))
    return Case(ops.Pad(draw(counts), draw(counts), value), ((x, None),), x.quant)


@_cases("reshape", "transpose")
def _shape(draw: Draw, name: str) -> Case:
    x = draw(int8(draw(shapes())))
    order = tuple(draw(st.permutations(range(x.rank))))
    moved = tuple(x.shape[a] for a in order)
    return Case(ops.Reshape(moved) if name == "reshape" else ops.Transpose(order), ((x, None),), x.quant)


@_cases("concatenation")
def _concatenation(draw: Draw, name: str) -> Case:
    first = draw(int8(draw(shapes())))
    axis = draw(st.integers(0, first.rank - 1))
    lengths = draw(st.lists(sizes, min_size=1, max_size=4))
    types = [first.with_shape((*first.shape[:axis], n, *first.shape[axis + 1 :])) for n in lengths]
    return Case(ops.Concatenation(axis), tuple((t, None) for t in types), first.quant)


@_cases("strided_slice")
def _strided_slice(draw: Draw, name: str) -> Case:
    x = draw(int8(draw(shapes())))
    begin = tuple(draw(st.integers(0, n - 1)) for n in x.shape)
    stride = tuple(draw(st.sampled_from([1, 2, 3, -1, -2])) for _ in x.shape)
    room = [(n - 1 - b if s > 0 else b) // abs(s) + 1 for n, b, s in zip(x.shape, begin, stride, strict=True)]
    shape = tuple(draw(st.integers(1, n)) for n in room)
    return Case(ops.StridedSlice(begin, stride, shape), ((x, None),), x.quant)


@_cases("resize_nearest")
def _resize(draw: Draw, name: str) -> Case:
    x = draw(int8((1, draw(sizes), draw(sizes), draw(st.integers(1, 2)))))
    size = (draw(st.integers(1, 13)), draw(st.integers(1, 13)))
    return Case(ops.ResizeNearest(size, draw(st.booleans()), draw(st.booleans())), ((x, None),), x.quant)


@_cases("sum_rows", "add_rows")
def _sums(draw: Draw, name: str) -> Case:
    image = draw(int8((1, *draw(st.tuples(sizes, sizes, sizes)))))
    sums = sums_type(image)
    operands = ((image, None),) if name == "sum_rows" else ((image, None), (sums, None))
    return Case(ops.SumRows() if name == "sum_rows" else ops.AddRows(), operands, image.quant)


@_cases("conv2d_sums")
def _conv_sums(draw: Draw, name: str) -> Case:
    """A part of a window, other parts of which lie on each side; sums of those, or none."""
    rows, cols, kh, kw = (draw(sizes) for _ in range(4))
    cut = tuple(-draw(st.integers(0, 3)) for _ in range(4))
    stride = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    x = draw(int8((draw(st.integers(1, 2)), rows + 6, cols + 6, draw(st.integers(1, 5)))))
    w, data = _weights(draw, (draw(st.integers(1, 5)), kh, kw, x.shape[3]), 0)
    op, quant = ops.Conv2DSums(stride, padding=(cut[0], cut[1], cut[2], cut[3])), products_quant(x, w)
    try:
        ((shape, dtype),) = op.infer(x, w)
    except TypeRuleError:
        assume(False)
    earlier = ((TensorType(shape, dtype, quant), None),) if draw(st.booleans()) else ()
    return Case(op, ((x, None), (w, data), *earlier), quant)


@_cases("requantize_sums")
def _requantize_sums(draw: Draw, name: str) -> Case:
    channels = draw(sizes)
    w, _ = _weights(draw, (channels, 1, 1, 1), 0)
    x = draw(int8((1,)))
    sums = TensorType((draw(st.integers(1, 2)), draw(sizes), draw(sizes), channels), DType.int32, products_quant(x, w))
    quant = Quant.per_tensor(x.scale * max(weight_scales(w)) * 2.0 ** draw(st.floats(-4, 12)), draw(zero_points))
    op = ops.RequantizeSums(clamp_of(draw, TensorType((1,), DType.int8, quant)))
    return Case(op, ((sums, None), *_bias(draw, channels)), quant)


@_cases("average_sums", "average_even_sums", "mean_sums")
def _from_sums(draw: Draw, name: str) -> Case:
    image = draw(int8((1, 1, 1, draw(sizes))))
    count = draw(st.integers(1, 64))
    shape = (1, image.shape[3]) if draw(st.booleans()) else image.shape
    kinds = {kind.name: kind for kind in (ops.AverageSums, ops.AverageEvenSums, ops.MeanSums)}
    op = kinds[name](count, shape)
    other = Quant.per_tensor(image.scale * 2.0 ** draw(st.floats(-8, 8)), draw(zero_points))
    return Case(op, ((sums_type(image), None),), other)


@_cases("segment")
def _segment(draw: Draw, name: str) -> Case:
    """A random run of operators on images, with one result."""
    graph = draw(image_networks())
    schedule = random_segments(draw, graph)
    form_segments(graph, schedule.segments, schedule.heights)
    found = [node for node in graph.nodes if node.op.name == name and len(node.outputs) == 1]
    assume(found)
    node = draw(st.sampled_from(found))
    return Case(node.op, tuple((v.type, v.data) for v in node.inputs if v is not None), node.output.type.quant)
