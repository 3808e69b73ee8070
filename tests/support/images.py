"""Random networks for streaming: convolutions, residual adds, concatenations, pooling, squeeze-excite on images; sums,
products, tables, softmax on tokens; and random segments."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tinyc import ops
from tinyc.ir.graph import Graph, Value
from tinyc.ir.operator import Operator
from tinyc.ir.types import DType, Quant, Shape, TensorType
from tinyc.ops.window import Padding, Pair
from tinyc.program.kernel import needs_kernel
from tinyc.program.rows import row_stages
from tinyc.schedule import Schedule


class Images:
    """An image network that grows; every value is int8[1,H,W,C], or int8[1,N,C] where `shape` is (N, C)."""

    def __init__(self, seed: int, shape: Shape) -> None:
        self.random = np.random.default_rng(seed)
        self.graph = Graph("images")
        self.last = self.graph.add_input("image", TensorType((1, *shape), quant=self.quant()))
        self.values: list[Value] = [self.last]

    def quant(self) -> Quant:
        return Quant.per_tensor(float(self.random.uniform(0.02, 0.2)), int(self.random.integers(-128, 128)))

    def emit(self, op: Operator, inputs: list[Value | None], quant: Quant | None = None) -> Value:
        """Append an operator; its output shape follows from its type rule."""
        ((shape, dtype),) = op.infer(*(None if v is None else v.type for v in inputs))
        node = self.graph.add(op, inputs, TensorType(shape, dtype, quant or self.quant()))
        self.last = node.output
        self.values.append(node.output)
        return node.output

    def weights(self, shape: Shape, channels: int, axis: int) -> list[Value]:
        scales = tuple(float(np.float32(s)) for s in self.random.uniform(0.005, 0.05, channels))
        kind = TensorType(shape, DType.int8, Quant(scales, (0,) * channels, axis))
        w = self.graph.add_constant("w", kind, self.random.integers(-127, 128, shape).astype(np.int8))
        bias = self.random.integers(-2000, 2000, channels).astype(np.int32)
        return [w, self.graph.add_constant("b", TensorType((channels,), DType.int32), bias)]

    def conv(self, k: int, stride: Pair, dilation: Pair, padding: Padding, channels: int) -> None:
        w = self.weights((channels, k, k, self.last.type.shape[3]), channels, 0)
        self.emit(ops.Conv2D(stride, dilation, padding), [self.last, *w])

    def table(self) -> None:
        codes = self.random.integers(-128, 128, 256).astype(np.int8)
        self.emit(ops.Lut(), [self.last, self.graph.add_constant("table", TensorType((256,), DType.int8), codes)])

    def squeeze_excite(self) -> None:
        """The image times a vector that depends on all of it."""
        image = self.last
        self.emit(ops.Mean((1, 2), True), [image])
        self.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), image.type.shape[3])
        self.emit(ops.Mul(), [image, self.last])

    def depthwise(self, k: int, stride: Pair, padding: Padding) -> None:
        channels = self.last.type.shape[3]
        w = self.weights((1, k, k, channels), channels, 3)
        self.emit(ops.DepthwiseConv2D(stride, (1, 1), padding), [self.last, *w])


@st.composite
def image_networks(draw: st.DrawFn) -> Graph:
    """Up to eight operators on an image of 3 to 14 rows."""
    seed = draw(st.integers(0, 2**20))
    net = Images(seed, (draw(st.integers(3, 14)), draw(st.integers(1, 6)), draw(st.integers(1, 5))))
    for _ in range(draw(st.integers(2, 8))):
        _grow(draw, net)
    if draw(st.booleans()):
        _, rows, cols, _ = net.last.type.shape
        net.emit(ops.AveragePool2D(extent=(rows, cols)), [net.last], net.last.type.quant)
    elif draw(st.booleans()):
        net.emit(ops.Mean((1, 2), draw(st.booleans())), [net.last])
    extra = [v for v in net.values[1:-1] if draw(st.integers(0, 9)) == 0]
    net.graph.outputs = [net.last, *extra]
    return net.graph


@st.composite
def token_networks(draw: st.DrawFn) -> Graph:
    """Up to eight operators on 2 to 20 tokens of int8[1,N,C]."""
    net = Images(draw(st.integers(0, 2**20)), (draw(st.integers(2, 20)), draw(st.integers(1, 6))))
    for _ in range(draw(st.integers(2, 8))):
        same = [v for v in net.values if v.type.shape == net.last.type.shape]
        other, kind = draw(st.sampled_from(same)), draw(st.sampled_from(["table", "add", "mul", "softmax", "concat"]))
        if kind == "table":
            net.table()
        elif kind == "softmax":
            net.emit(ops.Softmax(), [net.last], Quant.per_tensor(1 / 256, -128))
        elif kind == "concat" and other is not net.last and other.type.quant == net.last.type.quant:
            net.emit(ops.Concatenation(2), [other, net.last], net.last.type.quant)
        else:
            net.emit(ops.Mul() if kind == "mul" else ops.Add(), [other, net.last])
    net.graph.outputs = [net.last, *(v for v in net.values[1:-1] if draw(st.integers(0, 9)) == 0)]
    return net.graph


IMAGE_OPERATORS = [
    "conv", "conv", "depthwise", "depthwise", "residual", "concat", "pool", "pad", "lut", "squeeze-excite", "resize",
]


def _grow(draw: st.DrawFn, net: Images) -> None:
    """One more operator, where it fits the image that there is."""
    kind = draw(st.sampled_from(IMAGE_OPERATORS))
    _, rows, cols, channels = net.last.type.shape
    k = draw(st.sampled_from([1, 3, 5] if kind != "pool" else [2, 3]))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 2)))
    dilation = (draw(st.integers(1, 2)), 1) if kind == "conv" else (1, 1)
    reach = ((k - 1) * dilation[0] + 1, k)
    padding = _padding(draw, (rows, cols), reach)
    if kind == "conv":
        net.conv(k, stride, dilation, padding, draw(st.integers(1, 6)))
    elif kind == "depthwise":
        net.depthwise(k, stride, padding)
    elif kind == "pool":
        inside = all(p < k for p in padding)
        op = draw(st.sampled_from([ops.MaxPool2D, ops.AveragePool2D]))
        net.emit(op(stride=stride, padding=padding if inside else (0, 0, 0, 0), extent=(min(k, rows), min(k, cols))
                    if not inside else (k, k)), [net.last], net.last.type.quant)
    elif kind == "pad":
        before = (0, draw(st.integers(0, 1)), draw(st.integers(0, 1)), 0)
        net.emit(ops.Pad(before, (0, 1, 0, 0), int(net.random.integers(-128, 128))), [net.last], net.last.type.quant)
    elif kind == "lut":
        net.table()
    elif kind == "resize" and rows * cols < 200:
        corners, centres = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
        size = (draw(st.integers(1, 2 * rows)), draw(st.integers(1, 2 * cols)))
        net.emit(ops.ResizeNearest(size, corners, centres), [net.last], net.last.type.quant)
    elif kind == "squeeze-excite":
        net.squeeze_excite()
    else:
        same = [v for v in net.values if v.type.shape[:3] == net.last.type.shape[:3]]
        other = draw(st.sampled_from(same))
        if kind == "residual" and other.type.shape == net.last.type.shape:
            net.emit(ops.Add(), [other, net.last])
        elif kind == "concat" and other.type.quant == net.last.type.quant and other is not net.last:
            net.emit(ops.Concatenation(3), [other, net.last], net.last.type.quant)
        else:
            net.depthwise(1, (1, 1), (0, 0, 0, 0))


def _padding(draw: st.DrawFn, size: Pair, reach: Pair) -> Padding:
    """Any padding that leaves every window at least one pixel of the image, and the window inside the padded image."""
    pads = []
    for n, r in zip(size, reach, strict=True):
        before = draw(st.integers(0, min(r - 1, 3)))
        after = draw(st.integers(max(0, r - n - before), max(max(0, r - n - before), min(r - 1, 3))))
        pads.append((before, after))
    (top, bottom), (left, right) = pads
    return top, left, bottom, right


def random_segments(draw: st.DrawFn, graph: Graph) -> Schedule:
    """The graph's own order, with random runs of what can be streamed as segments, and random rows at a time."""
    names = [node.output.name for node in graph.nodes]
    segments: list[tuple[str, ...]] = []
    run: list[str] = []
    for node in graph.nodes:
        streams = needs_kernel(node) and not isinstance(row_stages(node), str)
        if run and (not streams or draw(st.integers(0, 3)) == 0):
            segments.append(tuple(run))
            run = []
        if streams and (run or draw(st.integers(0, 3)) > 0):
            run.append(node.output.name)
    if run:
        segments.append(tuple(run))
    streamed = [name for segment in segments for name in segment]
    heights = {name: draw(st.integers(1, 6)) for name in streamed if draw(st.booleans())}
    return Schedule(tuple(names), {}, tuple(segments), heights=heights)
