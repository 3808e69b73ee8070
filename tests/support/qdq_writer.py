"""From a Graph to a .onnx file in QDQ form: what torch's exporter and onnxruntime's quantiser make of the networks of
`tinyc.nas.spaces`, node by node (tests/nas/test_training.py has the real ones). For planning against builds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.frontend_onnx.qdq import F32, Model
from tinyc import ops
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.types import Array, Shape, TensorType

OPSET = 20
ToOnnx = Callable[["_Writer", Node], str]
_WRITERS: dict[str, ToOnnx] = {}


def write_qdq(graph: Graph) -> bytes:
    """The bytes of the file. Raises ValueError for an operator that none of the spaces has."""
    return _Writer(graph).run()


def _writes(*names: str) -> Callable[[ToOnnx], ToOnnx]:
    def register(function: ToOnnx) -> ToOnnx:
        _WRITERS.update(dict.fromkeys(names, function))
        return function

    return register


class _Writer:
    """Real names (dequantised) by value, the shapes that they have in the file, which are images [N,C,H,W] there."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.model = graph, Model(opset=OPSET)
        self.names: dict[int, str] = {}
        self.shapes: dict[str, Shape] = {}
        self.images: set[str] = set()

    def run(self) -> bytes:
        (image,) = self.graph.inputs
        n, h, w, c = image.type.shape
        name = self.model.input((n, c, h, w), image.type.scale, image.type.zero_point)
        self.keep(image, name, (n, c, h, w), image=True)
        for node in self.graph.nodes:
            if node.op.name not in _WRITERS:
                raise ValueError(f"{node}: no network of the spaces has {node.op.name!r}")
            _WRITERS[node.op.name](self, node)
        return self.model.build(*(self.name(v) for v in self.graph.outputs))

    def keep(self, value: Value, name: str, shape: Shape, *, image: bool = False) -> str:
        self.names[id(value)], self.shapes[name] = name, shape
        if image:
            self.images.add(name)
        return name

    def name(self, value: Value | None) -> str:
        assert value is not None
        if id(value) not in self.names:
            assert value.data is not None and value.type.quant is not None
            self.keep(value, self.model.weights(value.data, value.type.scale), value.type.shape)
        return self.names[id(value)]

    def node(self, op: str, *inputs: str, like: TensorType, **attributes: Any) -> str:
        """An operator and the quantisation of its result."""
        assert like.quant is not None
        return self.model.quant(self.model.node(op, *inputs, **attributes), like.scale, like.zero_point)

    def shaped(self, name: str, shape: Shape, like: TensorType) -> str:
        """Reshape, or nothing."""
        if self.shapes.get(name) == shape:
            return name
        goal = self.model.constant(np.array(shape, np.int64))
        found = self.node("Reshape", name, goal, like=like)
        self.shapes[found] = shape
        return found

    def weights(self, node: Node, data: Array, axis: int) -> str:
        quant = node.input(1).type.quant
        assert quant is not None
        return self.model.weights(data, quant.scale, axis=axis)

    def bias(self, node: Node) -> str:
        """int32 on the scales of the products."""
        x, w, b = node.input(0).type, node.input(1).type, node.input(2)
        assert w.quant is not None and b.data is not None
        scales = F32(x.scale) * np.array(w.quant.scale, F32)
        return self.model.weights(b.data, scales, axis=0)


# ---------------------------------------------------------------------- images
@_writes("conv2d", "depthwise_conv2d")
def _conv(writer: _Writer, node: Node) -> str:
    op, w = node.op, node.input(1).data
    assert isinstance(op, ops.Conv2D | ops.DepthwiseConv2D) and w is not None
    deep = isinstance(op, ops.DepthwiseConv2D)
    data = w.transpose((3, 0, 1, 2) if deep else (0, 3, 1, 2))
    inputs = writer.name(node.input(0)), writer.weights(node, data, 0), writer.bias(node)
    attributes = {"strides": op.stride, "pads": op.padding, "group": data.shape[0] if deep else 1}
    found = writer.model.node("Conv", *inputs, kernel_shape=data.shape[2:], dilations=op.dilation, **attributes)
    y = node.output.type
    n, h, v, c = y.shape
    name = writer.model.quant(found, y.scale, y.zero_point)  # the range of ReLU6 is that of its codes
    return writer.keep(node.output, name, (n, c, h, v), image=True)


@_writes("add")
def _add(writer: _Writer, node: Node) -> str:
    a, b = writer.name(node.input(0)), writer.name(node.input(1))
    name = writer.node("Add", a, b, like=node.output.type)
    return writer.keep(node.output, name, writer.shapes[a], image=a in writer.images)


@_writes("average_pool2d_even")
def _mean(writer: _Writer, node: Node) -> str:
    axes = writer.model.constant(np.array((2, 3), np.int64))
    name = writer.node("ReduceMean", writer.name(node.input(0)), axes, like=node.output.type, keepdims=0)
    return writer.keep(node.output, name, (1, node.output.type.shape[3]))


# ---------------------------------------------------------------------- dense
@_writes("fully_connected")
def _dense(writer: _Writer, node: Node) -> str:
    """Gemm; of tokens [1,N,C] between two reshapes."""
    x, y, w = writer.name(node.input(0)), node.output.type, node.input(1).data
    assert w is not None
    if y.rank == 2:
        inputs = x, writer.weights(node, w, 0), writer.bias(node)
        return writer.keep(node.output, writer.node("Gemm", *inputs, like=y, transB=1), y.shape)
    rows = writer.shaped(x, (y.shape[1], w.shape[1]), node.input(0).type)
    found = writer.node("Gemm", rows, writer.weights(node, w.T, 1), writer.bias(node), like=y)
    return writer.keep(node.output, writer.shaped(found, y.shape, y), y.shape)


@_writes("batch_matmul")
def _product(writer: _Writer, node: Node) -> str:
    op, b = node.op, writer.name(node.input(1))
    assert isinstance(op, ops.BatchMatMul)
    if op.transpose_b:
        b = writer.node("Transpose", b, like=node.input(1).type, perm=(0, 1, 3, 2))
    name = writer.node("MatMul", writer.name(node.input(0)), b, like=node.output.type)
    return writer.keep(node.output, name, node.output.type.shape)


# ---------------------------------------------------------------------- rows and single elements
@_writes("softmax", "softmax_scaled")
def _softmax(writer: _Writer, node: Node) -> str:
    """Attention's factor is a product of its own, whose scale the quantiser finds to follow."""
    x, beta = writer.name(node.input(0)), F32(node.op.attributes()["beta"])
    if beta != 1:
        factor = writer.model.weights(np.array(127, np.int8), beta / F32(127))
        scale, zero = node.input(0).type.scale * float(beta), node.input(0).type.zero_point
        x = writer.model.quant(writer.model.node("Mul", x, factor), scale, zero)
    name = writer.node("Softmax", x, like=node.output.type, axis=-1)
    return writer.keep(node.output, name, node.output.type.shape)


@_writes("layer_norm")
def _norm(writer: _Writer, node: Node) -> str:
    x, gamma, beta = node.input(0).type, node.input(1), node.input(2)
    assert beta.data is not None
    offset = writer.model.weights(beta.data, F32(x.scale) * F32(gamma.type.scale))
    inputs = writer.name(node.input(0)), writer.name(gamma), offset
    epsilon = node.op.attributes()["epsilon"]
    name = writer.node("LayerNormalization", *inputs, like=node.output.type, axis=-1, epsilon=epsilon)
    return writer.keep(node.output, name, node.output.type.shape)


@_writes("gelu")
def _gelu(writer: _Writer, node: Node) -> str:
    name = writer.node("Gelu", writer.name(node.input(0)), like=node.output.type)
    return writer.keep(node.output, name, node.output.type.shape)


# ---------------------------------------------------------------------- movement
@_writes("reshape")
def _reshape(writer: _Writer, node: Node) -> str:
    """An image to tokens transposes them as well: channels come first in the file."""
    x, y = writer.name(node.input(0)), node.output.type
    if x in writer.images:
        n, h, w, c = node.input(0).type.shape
        x = writer.node("Transpose", writer.shaped(x, (n, c, h * w), y), like=y, perm=(0, 2, 1))
        writer.shapes[x] = (n, h * w, c)
    return writer.keep(node.output, writer.shaped(x, y.shape, y), y.shape)


@_writes("transpose")
def _transpose(writer: _Writer, node: Node) -> str:
    perm = node.op.attributes()["perm"]
    name = writer.node("Transpose", writer.name(node.input(0)), like=node.output.type, perm=perm)
    return writer.keep(node.output, name, node.output.type.shape)


@_writes("strided_slice")
def _select(writer: _Writer, node: Node) -> str:
    """One index of one axis, which goes: the Reshape that follows finds its shape."""
    x, y, begin = node.input(0).type.shape, node.output.type.shape, node.op.attributes()["begin"]
    (axis,) = (a for a, (n, m) in enumerate(zip(x, y, strict=True)) if n != m)
    index = writer.model.constant(np.array(begin[axis], np.int64))
    name = writer.node("Gather", writer.name(node.input(0)), index, like=node.output.type, axis=axis)
    return writer.keep(node.output, name, y[:axis] + y[axis + 1 :])


@_writes("concatenation")
def _concatenation(writer: _Writer, node: Node) -> str:
    names = [writer.name(v) for v in node.inputs]
    name = writer.node("Concat", *names, like=node.output.type, axis=node.op.attributes()["axis"])
    return writer.keep(node.output, name, node.output.type.shape)
