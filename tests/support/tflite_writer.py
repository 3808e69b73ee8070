"""From a tinyc Graph to a .tflite file: the inverse of the frontend, for tests against TensorFlow Lite Micro.

Raises ValueError where TFLite cannot say what the graph says (odd padding, a clamp that is no activation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite  # type: ignore[import-untyped]

from tests.support.flat_model import FlatModel
from tinyc import ops
from tinyc.frontend.tflite.activation import ACTIVATIONS, activation_range
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.ops.window import Pair, WindowOperator, same_padding


def write_tflite(graph: Graph) -> bytes:
    """The graph as the bytes of a .tflite file that TensorFlow Lite Micro accepts."""
    return to_flat_model(graph).to_bytes()


def to_flat_model(graph: Graph) -> FlatModel:
    """The graph as a FlatModel, for tests that go on to change a detail of it."""
    return _Lowering(graph).run()


# ---------------------------------------------------------------------- one operator each
@dataclass
class Spec:
    """What a node becomes: operator code, options table, and constant operands after its inputs."""

    code: str
    table: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    extra: Sequence[np.ndarray[Any, Any]] = ()
    extra_type: TensorType | None = None  # quantisation of the last extra operand


_SPECS: dict[str, Callable[[Node], Spec]] = {}


def _writes(*names: str) -> Callable[[Callable[[Node], Spec]], Callable[[Node], Spec]]:
    def register(function: Callable[[Node], Spec]) -> Callable[[Node], Spec]:
        _SPECS.update(dict.fromkeys(names, function))
        return function

    return register


def _int32(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int32)


def _activation(node: Node, clamp: Pair) -> int:
    for name in ACTIVATIONS:
        if activation_range(name, node.output.type) == clamp:
            return int(getattr(tflite.ActivationFunctionType, name))
    raise ValueError(f"{node}: clamp {clamp} is no fused activation for {node.output.type}")


def _window(node: Node, extent: Pair) -> dict[str, Any]:
    """The options that all windows share. SAME where it gives the node's padding, else VALID."""
    op, shape = node.op, node.input(0).type.shape
    assert isinstance(op, WindowOperator)
    rows, cols = (same_padding(shape[i + 1], extent[i], op.stride[i], op.dilation[i]) for i in (0, 1))
    if op.padding == (rows[0], cols[0], rows[1], cols[1]):
        padding = tflite.Padding.SAME
    elif op.padding == (0, 0, 0, 0):
        padding = tflite.Padding.VALID
    else:
        raise ValueError(f"{node}: padding {op.padding} is neither SAME nor VALID")
    return {
        "Padding": padding,
        "StrideH": op.stride[0],
        "StrideW": op.stride[1],
        "FusedActivationFunction": _activation(node, op.clamp),
    }


@_writes("conv2d", "depthwise_conv2d")
def _conv(node: Node) -> Spec:
    op, w = node.op, node.input(1).type.shape
    assert isinstance(op, WindowOperator)
    dilation = {"DilationHFactor": op.dilation[0], "DilationWFactor": op.dilation[1]}
    options = _window(node, (w[1], w[2])) | dilation
    if isinstance(op, ops.Conv2D):
        return Spec("CONV_2D", "Conv2DOptions", options)
    multiplier = w[3] // node.input(0).type.shape[3]
    return Spec("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", options | {"DepthMultiplier": multiplier})


@_writes("fully_connected")
def _fully_connected(node: Node) -> Spec:
    assert isinstance(node.op, ops.FullyConnected)
    options = {"FusedActivationFunction": _activation(node, node.op.clamp), "KeepNumDims": node.output.type.rank != 2}
    return Spec("FULLY_CONNECTED", "FullyConnectedOptions", options)


@_writes("average_pool2d", "max_pool2d")
def _pool(node: Node) -> Spec:
    assert isinstance(node.op, (ops.AveragePool2D, ops.MaxPool2D))
    rows, cols = node.op.extent
    code = "AVERAGE_POOL_2D" if isinstance(node.op, ops.AveragePool2D) else "MAX_POOL_2D"
    return Spec(
        code, "Pool2DOptions", _window(node, node.op.extent) | {"FilterHeight": rows, "FilterWidth": cols}
    )


@_writes("add", "sub", "mul")
def _arithmetic(node: Node) -> Spec:
    options = {"FusedActivationFunction": _activation(node, node.op.attributes()["clamp"])}
    return Spec(node.op.name.upper(), f"{node.op.name.capitalize()}Options", options)


@_writes("minimum", "maximum")
def _extremum(node: Node) -> Spec:
    return Spec(node.op.name.upper(), "MaximumMinimumOptions")


@_writes("reshape")
def _reshape(node: Node) -> Spec:
    shape = _int32(*node.output.type.shape)
    return Spec("RESHAPE", "ReshapeOptions", {"NewShape": shape}, [shape])


@_writes("mean")
def _mean(node: Node) -> Spec:
    attributes = node.op.attributes()
    return Spec(
        "MEAN", "ReducerOptions", {"KeepDims": attributes["keep_dims"]}, [_int32(*attributes["axes"])]
    )


@_writes("pad")
def _pad(node: Node) -> Spec:
    attributes, x = node.op.attributes(), node.input(0).type
    pads = np.array([attributes["before"], attributes["after"]], np.int32).T
    if attributes["value"] == x.zero_point:
        return Spec("PAD", "PadOptions", {}, [pads])
    return Spec("PADV2", "PadV2Options", {}, [pads, np.array([attributes["value"]], np.int8)], extra_type=x)


@_writes("transpose")
def _transpose(node: Node) -> Spec:
    return Spec("TRANSPOSE", "TransposeOptions", {}, [_int32(*node.op.attributes()["perm"])])


@_writes("concatenation")
def _concatenation(node: Node) -> Spec:
    options = {"Axis": node.op.attributes()["axis"], "FusedActivationFunction": 0}
    return Spec("CONCATENATION", "ConcatenationOptions", options)


@_writes("strided_slice")
def _strided_slice(node: Node) -> Spec:
    attributes = node.op.attributes()
    begin, stride = attributes["begin"], attributes["stride"]
    ends = [
        b + (n - 1) * s + (1 if s > 0 else -1)
        for b, s, n in zip(begin, stride, node.output.type.shape, strict=True)
    ]
    mask = sum(
        1 << axis for axis, end in enumerate(ends) if end < 0
    )  # an end of -1 would count from the back
    zeros = dict.fromkeys(("BeginMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask"), 0)
    options = zeros | {"EndMask": mask}
    return Spec(
        "STRIDED_SLICE", "StridedSliceOptions", options, [_int32(*begin), _int32(*ends), _int32(*stride)]
    )


@_writes("resize_nearest")
def _resize(node: Node) -> Spec:
    attributes = node.op.attributes()
    options = {
        "AlignCorners": attributes["align_corners"],
        "HalfPixelCenters": attributes["half_pixel_centers"],
    }
    size = [_int32(*node.output.type.shape[1:3])]
    return Spec("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", options, size)


@_writes("relu", "relu6", "logistic", "tanh", "hard_swish")
def _unary(node: Node) -> Spec:
    return Spec(node.op.name.upper(), "HardSwishOptions" if node.op.name == "hard_swish" else None)


@_writes("batch_matmul")
def _batch_matmul(node: Node) -> Spec:
    attributes = node.op.attributes()
    options = {"AdjX": attributes["transpose_a"], "AdjY": attributes["transpose_b"]}
    return Spec("BATCH_MATMUL", "BatchMatMulOptions", options)


@_writes("squared_difference")
def _squared_difference(node: Node) -> Spec:
    return Spec("SQUARED_DIFFERENCE", "SquaredDifferenceOptions")


@_writes("gelu")
def _gelu(node: Node) -> Spec:
    return Spec("GELU", "GeluOptions", {"Approximate": node.op.attributes()["approximate"]})


@_writes("rsqrt")
def _rsqrt(node: Node) -> Spec:
    return Spec("RSQRT")


@_writes("leaky_relu")
def _leaky_relu(node: Node) -> Spec:
    return Spec("LEAKY_RELU", "LeakyReluOptions", {"Alpha": node.op.attributes()["alpha"]})


@_writes("softmax")
def _softmax(node: Node) -> Spec:
    return Spec("SOFTMAX", "SoftmaxOptions", {"Beta": node.op.attributes()["beta"]})


@_writes("quantize", "requantize")
def _quantize(node: Node) -> Spec:
    return Spec("QUANTIZE", "QuantizeOptions")


@_writes("dequantize")
def _dequantize(node: Node) -> Spec:
    return Spec("DEQUANTIZE", "DequantizeOptions")


#: The operators that TFLite has a form for.
WRITABLE = frozenset(_SPECS)


# ---------------------------------------------------------------------- the whole graph
_KINDS = {d: d.name.upper() for d in DType}


class _Lowering:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.flat = graph, FlatModel()
        self.indices: dict[int, int] = {}

    def value(self, value: Value) -> int:
        if id(value) not in self.indices:
            data = None if value.data is None else value.data.tobytes()
            self.indices[id(value)] = self.tensor(value.source or value.name, value.type, data)
        return self.indices[id(value)]

    def tensor(self, name: str, type: TensorType, data: bytes | None) -> int:
        quant: dict[str, Any] = {}
        if type.quant is not None:
            quant = {
                "scale": type.quant.scale,
                "zero_point": type.quant.zero_point,
                "axis": type.quant.axis or 0,
            }
        return self.flat.tensor(name, type.shape, _KINDS[type.dtype], data=data, **quant)

    def bias_type(self, node: Node) -> TensorType | None:
        """An int32 bias carries the scale of the products, which TFLM checks for dense layers."""
        names = node.op.inputs
        if "bias" not in names or len(node.inputs) < 3 or node.inputs[2] is None:
            return None
        x, w, bias = (node.input(i).type for i in range(3))
        if w.quant is None or bias.quant is not None:
            return None
        scales = tuple(float(np.float32(x.scale) * np.float32(s)) for s in w.quant.scale)
        quant = Quant(scales, (0,) * len(scales), 0 if len(scales) > 1 else None)
        return TensorType(bias.shape, bias.dtype, quant)

    def operand(self, node: Node, index: int) -> int:
        value = node.inputs[index]
        if value is None:
            return -1
        scaled = self.bias_type(node) if index == 2 else None
        if scaled is None or id(value) in self.indices:
            return self.value(value)
        assert value.data is not None
        self.indices[id(value)] = self.tensor(value.source or value.name, scaled, value.data.tobytes())
        return self.indices[id(value)]

    def node(self, node: Node) -> None:
        if node.op.name not in _SPECS:
            raise ValueError(f"{node}: TFLite has no operator {node.op.name!r}")
        spec = _SPECS[node.op.name](node)
        inputs = [self.operand(node, index) for index in range(len(node.inputs))]
        while inputs[-1:] == [-1]:  # TFLM's depthwise kernel takes an operand less, but none marked absent
            inputs.pop()
        for position, array in enumerate(spec.extra):
            last = spec.extra_type is not None and position == len(spec.extra) - 1
            kind = DType(array.dtype.name)
            type_ = TensorType(array.shape, kind, spec.extra_type.quant if last and spec.extra_type else None)
            inputs.append(self.tensor(f"{node.name}/operand{position}", type_, array.tobytes()))
        self.flat.operator(
            spec.code, inputs, [self.value(v) for v in node.outputs], spec.table, **spec.options
        )

    def run(self) -> FlatModel:
        self.flat.inputs = [self.value(v) for v in self.graph.inputs]
        for node in self.graph.nodes:
            self.node(node)
        self.flat.outputs = [self.value(v) for v in self.graph.outputs]
        return self.flat
