"""What the file can say and a Graph says otherwise: each case imports, and computes what TFLM computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tflite  # type: ignore[import-untyped]

from tests.support.flat_model import FlatModel
from tests.support.tflm import run_tflm
from tinyc.frontend.tflite import import_tflite
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.types import Array, DType
from tinyc.ir.verifier import verify

QUANT: dict[str, Any] = {"scale": [0.1], "zero_point": [3]}
RNG = np.random.default_rng(7)


def int32(*values: int) -> Array:
    return np.array(values, np.int32)


def single(
    code: str,
    shape: tuple[int, ...],
    output: tuple[int, ...] | list[tuple[int, ...]],
    constants: list[Array] | None = None,
    table: str | None = None,
    constants_first: bool = False,
    **options: Any,
) -> FlatModel:
    """A model of one operator on one input, with integer operands; all tensors of one quantisation."""
    flat = FlatModel()
    x = flat.tensor("x", shape, **QUANT)
    extra = [flat.constant(f"operand{i}", array) for i, array in enumerate(constants or [])]
    shapes = output if isinstance(output, list) else [output]
    results = [flat.tensor(f"y{i}", s, **QUANT) for i, s in enumerate(shapes)]
    flat.operator(code, [*extra, x] if constants_first else [x, *extra], results, table, **options)
    flat.inputs, flat.outputs = [x], results
    return flat


def agrees(flat: FlatModel) -> Graph:
    """Import and compare with TFLM on random codes and on both ends."""
    data = flat.to_bytes()
    graph = import_tflite(data, "case")
    verify(graph)
    for make in (lambda s: RNG.integers(-128, 128, s), lambda s: np.full(s, -128), lambda s: np.full(s, 127)):
        inputs = [make(v.type.shape).astype(v.type.dtype.numpy) for v in graph.inputs]
        for ours, theirs in zip(evaluate(graph, inputs), run_tflm(data, inputs), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    return graph


# ---------------------------------------------------------------------- shapes
@pytest.mark.parametrize("asked", [(2, 12), (-1, 12), (2, -1)])
def test_reshape_by_operand(asked: tuple[int, int]) -> None:
    graph = agrees(single("RESHAPE", (1, 4, 6), (2, 12), [int32(*asked)], "ReshapeOptions"))
    assert "reshape(%x) {shape=(2, 12)}" in str(graph)


def test_reshape_by_option() -> None:
    agrees(single("RESHAPE", (1, 4, 6), (24,), None, "ReshapeOptions", NewShape=int32(-1)))


@pytest.mark.parametrize("axes", [(), (0,), (2,), (-1, 0)])
def test_squeeze(axes: tuple[int, ...]) -> None:
    shape = (1, 3, 1)
    dropped = {a % 3 for a in axes} or {0, 2}
    kept = tuple(n for a, n in enumerate(shape) if a not in dropped)
    agrees(single("SQUEEZE", shape, kept, None, "SqueezeOptions", SqueezeDims=int32(*axes)))


@pytest.mark.parametrize(("axis", "shape"), [(0, (1, 2, 3)), (1, (2, 1, 3)), (-1, (2, 3, 1))])
def test_expand_dims(axis: int, shape: tuple[int, ...]) -> None:
    agrees(single("EXPAND_DIMS", (2, 3), shape, [np.array(axis, np.int32)], "ExpandDimsOptions"))


def test_transpose() -> None:
    agrees(single("TRANSPOSE", (2, 3, 4), (4, 2, 3), [int32(2, 0, 1)], "TransposeOptions"))


@pytest.mark.parametrize("axis", [1, -1, -2])
def test_concatenation_axis_from_the_back(axis: int) -> None:
    flat = FlatModel()
    a, b = (
        flat.tensor("a", (2, 2), **QUANT),
        flat.constant("b", np.array([[1, -2], [3, 4]], np.int8), **QUANT),
    )
    y = flat.tensor("y", (2, 4) if axis % 2 else (4, 2), **QUANT)
    flat.operator("CONCATENATION", [a, b], [y], "ConcatenationOptions", Axis=axis)
    flat.inputs, flat.outputs = [a], [y]
    assert f"axis={axis % 2}" in str(agrees(flat))


# ---------------------------------------------------------------------- slices
@pytest.mark.parametrize(
    ("size", "begin", "end", "stride", "masks"),
    [
        (7, 1, 6, 1, {}), (7, 1, 6, 2, {}), (7, -3, -1, 1, {}), (7, 6, 0, -2, {}), (7, -1, -8, -1, {}),
        (7, 5, 100, 1, {}), (7, 3, 2, 1, {"BeginMask": 1, "EndMask": 1}), (7, 2, 3, -1, {"EndMask": 1}),
        (7, 2, 0, 3, {"EndMask": 1}), (7, 4, 0, 1, {"ShrinkAxisMask": 1}),
        (7, -2, 0, 1, {"ShrinkAxisMask": 1}),
    ],
)  # fmt: skip
def test_strided_slice(size: int, begin: int, end: int, stride: int, masks: dict[str, Any]) -> None:
    whole = np.empty((size, 3))
    first, last = (None if masks.get(mask) else n for mask, n in (("BeginMask", begin), ("EndMask", end)))
    shape = whole[begin].shape if masks.get("ShrinkAxisMask") else whole[first:last:stride].shape
    operands = [int32(begin, 0), int32(end, 3), int32(stride, 1)]
    agrees(single("STRIDED_SLICE", (size, 3), shape, operands, "StridedSliceOptions", **masks))


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize(("begin", "size", "shape"), [((1, 0), (2, 3), (2, 3)), ((1, 1), (-1, 1), (3, 1))])
def test_slice(begin: tuple[int, ...], size: tuple[int, ...], shape: tuple[int, ...], kind: type) -> None:
    agrees(single("SLICE", (4, 3), shape, [np.array(begin, kind), np.array(size, kind)], "SliceOptions"))


@pytest.mark.parametrize("axis", [0, -1])
def test_split(axis: int) -> None:
    part = (2, 6) if axis == 0 else (4, 3)
    flat = single(
        "SPLIT", (4, 6), [part, part], [np.array(axis, np.int32)], "SplitOptions", True, NumSplits=2
    )
    assert [node.op.name for node in agrees(flat).nodes] == ["strided_slice"] * 2


def test_split_v() -> None:
    operands = [int32(1, 4, 2), np.array(0, np.int32)]
    agrees(single("SPLIT_V", (7, 2), [(1, 2), (4, 2), (2, 2)], operands, "SplitVOptions", NumSplits=3))


# ---------------------------------------------------------------------- gather, pack, unpack
@pytest.mark.parametrize(
    ("index", "axis", "shape", "operators"),
    [
        (np.array(2, np.int32), 1, (3, 5), ["strided_slice", "reshape"]),
        (int32(1), -1, (3, 4, 1), ["strided_slice", "reshape"]),
        (int32(0, 2), 0, (2, 4, 5), ["strided_slice", "reshape"]),
        (int32(3, 1, 0), 1, (3, 3, 5), ["strided_slice", "strided_slice", "concatenation", "reshape"]),
        (int32(4, 4, 1, 2).reshape(2, 2), 2, (3, 4, 2, 2), [*["strided_slice"] * 3, "concatenation", "reshape"]),
    ],
)
def test_gather(index: Array, axis: int, shape: tuple[int, ...], operators: list[str]) -> None:
    graph = agrees(single("GATHER", (3, 4, 5), shape, [index], "GatherOptions", Axis=axis))
    assert [node.op.name for node in graph.nodes] == operators


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_pack_and_unpack(axis: int) -> None:
    flat = FlatModel()
    x = [flat.tensor(name, (2, 3), **QUANT) for name in "abc"]
    wide = [2, 3]
    wide.insert(axis % 3, 3)
    y = flat.tensor("y", tuple(wide), **QUANT)
    z = [flat.tensor(f"z{i}", (2, 3), **QUANT) for i in range(3)]
    flat.operator("PACK", x, [y], "PackOptions", Axis=axis, ValuesCount=3)
    flat.operator("UNPACK", [y], z, "UnpackOptions", Axis=axis, Num=3)
    flat.inputs, flat.outputs = x, z
    agrees(flat)


@pytest.mark.parametrize("adjoint", [(False, False), (False, True), (True, False)])
def test_matrices_with_a_constant(adjoint: tuple[bool, bool]) -> None:
    flat = FlatModel()
    x = flat.tensor("x", (1, 6, 4) if adjoint[0] else (1, 4, 6), **QUANT)
    w = flat.constant("w", RNG.integers(-128, 128, (5, 6) if adjoint[1] else (6, 5)).astype(np.int8), **QUANT)
    y = flat.tensor("y", (1, 4, 5), scale=[4.0], zero_point=[-3])
    flat.operator("BATCH_MATMUL", [x, w], [y], "BatchMatMulOptions", AdjX=adjoint[0], AdjY=adjoint[1])
    flat.inputs, flat.outputs = [x], [y]
    agrees(flat)


# ---------------------------------------------------------------------- reductions, padding, resizing
@pytest.mark.parametrize(("axes", "keep"), [((1, 2), True), ((-1, -3), False), ((2, 2), False)])
def test_mean(axes: tuple[int, ...], keep: bool) -> None:
    dropped = {axis % 4 for axis in axes}
    shape = tuple(1 if a in dropped else n for a, n in enumerate((1, 3, 4, 5)) if keep or a not in dropped)
    agrees(single("MEAN", (1, 3, 4, 5), shape, [int32(*axes)], "ReducerOptions", KeepDims=keep))


def test_pad_fills_with_the_zero_point() -> None:
    pads = np.array([[0, 0], [1, 2], [0, 1]], np.int32)
    assert "value=3" in str(agrees(single("PAD", (1, 2, 2), (1, 5, 3), [pads], "PadOptions")))


def test_padv2_fills_with_its_operand() -> None:
    flat = single("PADV2", (2, 2), (3, 2), [np.array([[1, 0], [0, 0]], np.int32)], "PadV2Options")
    flat.operators[0].inputs = [
        *flat.operators[0].inputs,
        flat.constant("fill", np.array(-9, np.int8), **QUANT),
    ]
    assert "value=-9" in str(agrees(flat))


# ---------------------------------------------------------------------- arithmetic
@pytest.mark.parametrize("code", ["ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM"])
@pytest.mark.parametrize("constant_first", [False, True])
@pytest.mark.parametrize("shape", [(1, 2, 2, 3), (3,), (1,), ()])
def test_constant_on_either_side(code: str, constant_first: bool, shape: tuple[int, ...]) -> None:
    flat = FlatModel()
    x, y = flat.tensor("x", (1, 2, 2, 3), **QUANT), flat.tensor("y", (1, 2, 2, 3), **QUANT)
    c = flat.constant("c", RNG.integers(-128, 128, shape).astype(np.int8), **QUANT)
    table = {"MINIMUM": "MaximumMinimumOptions", "MAXIMUM": "MaximumMinimumOptions"}
    flat.operator(
        code, [c, x] if constant_first else [x, c], [y], table.get(code, f"{code.capitalize()}Options")
    )
    flat.inputs, flat.outputs = [x], [y]
    agrees(flat)


def test_a_constant_shared_by_two_operators_is_one_value() -> None:
    flat = FlatModel()
    x, y, z = (flat.tensor(name, (2, 2), **QUANT) for name in "xyz")
    c = flat.constant("c", np.array([[1, 2], [3, 4]], np.int8), **QUANT)
    flat.operator("ADD", [x, c], [y], "AddOptions")
    flat.operator("MUL", [y, c], [z], "MulOptions")
    flat.inputs, flat.outputs = [x], [y, z]
    assert list(agrees(flat).constants) == ["y_b"]


# ---------------------------------------------------------------------- windows
def convolution(code: str, channels: int, padding: int, activation: int, **options: int) -> FlatModel:
    """A 3 by 3 convolution of a 7 by 5 image, with one scale per channel."""
    depthwise = code == "DEPTHWISE_CONV_2D"
    stride, dilation = options.get("StrideH", 1), options.get("DilationHFactor", 1)
    same = padding == tflite.Padding.SAME
    rows, cols = (-(-n // stride) if same else (n - 2 * dilation - 1) // stride + 1 for n in (7, 5))
    flat = FlatModel()
    x = flat.tensor("x", (1, 7, 5, 2), scale=[0.05], zero_point=[-4])
    shape = (1, 3, 3, channels) if depthwise else (channels, 3, 3, 2)
    scale = RNG.uniform(0.01, 0.05, channels).tolist()
    quant = {"scale": scale, "zero_point": [0] * channels, "axis": 3 if depthwise else 0}
    w = flat.constant("w", RNG.integers(-127, 128, shape).astype(np.int8), **quant)
    b = flat.constant("b", RNG.integers(-300, 300, channels).astype(np.int32))
    y = flat.tensor("y", (1, rows, cols, channels), scale=[0.07], zero_point=[5])
    table = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    multiplier = {"DepthMultiplier": channels // 2} if depthwise else {}
    fields = {"StrideH": 1, "StrideW": stride, "DilationWFactor": dilation} | options | multiplier
    flat.operator(code, [x, w, b], [y], table, Padding=padding, FusedActivationFunction=activation, **fields)
    flat.inputs, flat.outputs = [x], [y]
    return flat


@pytest.mark.parametrize("code", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize("padding", [tflite.Padding.SAME, tflite.Padding.VALID])
@pytest.mark.parametrize("options", [{}, {"StrideH": 2}, {"StrideH": 3}, {"DilationHFactor": 2}])
def test_convolutions(code: str, padding: int, options: dict[str, int]) -> None:
    agrees(convolution(code, 4, padding, 0, **options))


@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
def test_fused_activations(activation: str) -> None:
    graph = agrees(convolution("CONV_2D", 3, 0, getattr(tflite.ActivationFunctionType, activation)))
    expected = {"NONE": (-128, 127), "RELU": (5, 127), "RELU6": (5, 91), "RELU_N1_TO_1": (-9, 19)}
    assert graph.nodes[0].op.attributes()["clamp"] == expected[activation]


@pytest.mark.parametrize("absent", ["left out", "-1"])
def test_missing_bias(absent: str) -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    x, w, _ = flat.operators[0].inputs
    flat.operators[0].inputs = [x, w] if absent == "left out" else [x, w, -1]
    assert agrees(flat).nodes[0].inputs[2] is None


def test_bias_with_scales_of_no_axis() -> None:
    flat = convolution("CONV_2D", 4, 0, 0)
    flat.tensors[2].scale, flat.tensors[2].zero_point, flat.tensors[2].axis = [0.1] * 7, [0] * 7, 3
    agrees(flat)


@pytest.mark.parametrize("code", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("padding", [tflite.Padding.SAME, tflite.Padding.VALID])
def test_pools(code: str, padding: int) -> None:
    options: dict[str, Any] = {
        "StrideH": 2,
        "StrideW": 1,
        "FilterHeight": 3,
        "FilterWidth": 2,
        "Padding": padding,
    }
    shape = (1, 4, 5, 2) if padding == tflite.Padding.SAME else (1, 3, 4, 2)
    agrees(single(code, (1, 7, 5, 2), shape, None, "Pool2DOptions", FusedActivationFunction=1, **options))


# ---------------------------------------------------------------------- dense layers
def dense(shape: tuple[int, ...], output: tuple[int, ...], channels: int = 1, **options: Any) -> FlatModel:
    flat = FlatModel()
    x = flat.tensor("x", shape, scale=[0.5], zero_point=[-7])
    quant = {"scale": [0.25 + i for i in range(channels)], "zero_point": [0] * channels}
    w = flat.constant("w", RNG.integers(-127, 128, (3, 6)).astype(np.int8), **quant)
    b = flat.constant("b", int32(100, -200, 300), scale=[0.125], zero_point=[0])
    y = flat.tensor("y", output, scale=[20.0], zero_point=[1])
    flat.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions", **options)
    flat.inputs, flat.outputs = [x], [y]
    return flat


@pytest.mark.parametrize("channels", [1, 3])
def test_dense(channels: int) -> None:
    graph = agrees(dense((2, 6), (2, 3), channels))
    assert [node.op.name for node in graph.nodes] == ["fully_connected"]


@pytest.mark.parametrize(
    ("shape", "output", "operators"),
    [
        ((1, 2, 3), (1, 3), ["reshape", "fully_connected"]),
        ((1, 2, 2, 3), (2, 3), ["reshape", "fully_connected"]),
        ((2, 2, 6), (2, 2, 3), ["fully_connected"]),
        ((1, 1, 2, 6), (1, 1, 2, 3), ["fully_connected"]),
        ((1, 2, 12), (1, 4, 3), ["reshape", "fully_connected", "reshape"]),
        ((6,), (3,), ["reshape", "fully_connected", "reshape"]),
    ],
)
def test_dense_of_any_rank(shape: tuple[int, ...], output: tuple[int, ...], operators: list[str]) -> None:
    graph = agrees(dense(shape, output, KeepNumDims=len(output) > 2))
    assert [node.op.name for node in graph.nodes] == operators
    assert graph.outputs[0].type.shape == output


# ---------------------------------------------------------------------- the ends of the network
def test_float_ends() -> None:
    flat = FlatModel()
    x, y = flat.tensor("x", (2, 3), "FLOAT32"), flat.tensor("y", (2, 3), "FLOAT32")
    codes = [
        flat.tensor(f"codes{i}", (2, 3), scale=[s], zero_point=[z])
        for i, (s, z) in enumerate([(1.5, 2), (3, -1)])
    ]
    flat.operator("QUANTIZE", [x], [codes[0]], "QuantizeOptions")
    flat.operator("QUANTIZE", [codes[0]], [codes[1]], "QuantizeOptions")
    flat.operator("DEQUANTIZE", [codes[1]], [y], "DequantizeOptions")
    flat.inputs, flat.outputs = [x], [y]
    graph = agrees(flat)
    assert [node.op.name for node in graph.nodes] == ["quantize", "requantize", "dequantize"]
    assert graph.inputs[0].type.dtype is graph.outputs[0].type.dtype is DType.float32
