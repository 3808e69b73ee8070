"""What operators refuse, and the sentence they refuse it with."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tinyc import ops
from tinyc.ir.graph import Graph
from tinyc.ir.operator import Operator
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.ir.verifier import check_types

PLAIN = Quant.per_tensor(0.5, 3)


def int8(*shape: int, scale: float = 0.5, zero: int = 3) -> TensorType:
    return TensorType(shape, DType.int8, Quant.per_tensor(scale, zero))


def channels(*shape: int, axis: int, count: int | None = None, zero: int = 0) -> TensorType:
    n = shape[axis] if count is None else count
    return TensorType(shape, DType.int8, Quant((0.1,) * n, (zero,) * n, axis))


BIAS = TensorType((4,), DType.int32)
IMAGE, WEIGHTS = int8(1, 4, 4, 2), int8(4, 3, 3, 2, zero=0)
CONV = ops.Conv2D()
FLOAT = TensorType((2, 3), DType.float32)

PART, PRODUCTS = ops.Conv2DSums(padding=(-1, -1, 0, 0)), Quant.per_tensor(0.25, 0)


def sums(*shape: int, quant: Quant = PRODUCTS) -> TensorType:
    return TensorType(shape, DType.int32, quant)


REFUSED: list[tuple[Operator, list[TensorType], TensorType, str]] = [
    (CONV, [int8(4, 4, 2), WEIGHTS], int8(1, 2, 2, 4), "expected x of shape [N,H,W,C], got [4, 4, 2]"),
    (CONV, [IMAGE, int8(4, 3, 3, 3)], int8(1, 2, 2, 4), "2 channels do not divide into groups of 3"),
    (CONV, [IMAGE, int8(3, 3, 3, 1)], int8(1, 2, 2, 3), "3 filters do not divide into 2 groups"),
    (CONV, [IMAGE, int8(4, 5, 3, 2)], int8(1, 2, 2, 4), "a window of 5 rows does not fit in 4 padded rows"),
    (CONV, [IMAGE, WEIGHTS], int8(1, 3, 3, 4), "expected outputs int8[1,2,2,4], got int8[1,3,3,4]"),
    (CONV, [IMAGE, WEIGHTS, int8(4)], int8(1, 2, 2, 4), "expected an int32 bias of 4 elements"),
    (PART, [IMAGE, int8(4, 3, 3, 1)], sums(1, 1, 1, 4), "expected weights of 2 channels, got [4, 3, 3, 1]"),
    (PART, [IMAGE, WEIGHTS, sums(1, 2, 1, 4)], sums(1, 1, 1, 4), "expected sums (1, 1, 1, 4), got int32[1,2,1,4]"),
    (PART, [IMAGE, WEIGHTS], sums(1, 1, 1, 4, quant=PLAIN), "expected the scales of products, q(0.25;0), got"),
    (PART, [IMAGE, WEIGHTS, sums(1, 1, 1, 4, quant=PLAIN)], sums(1, 1, 1, 4), "expected the scales of products"),
    (ops.Conv2DSums(padding=(1, 0, 0, 0)), [IMAGE, WEIGHTS], sums(1, 3, 2, 4),
     "expected padding of 0 or less, got (1, 0, 0, 0)"),
    (ops.Conv2DSums(clamp=(0, 127)), [IMAGE, WEIGHTS], sums(1, 2, 2, 4), "sums are not codes: they have no clamp"),
    (ops.RequantizeSums(), [int8(1, 2, 2, 4)], int8(1, 2, 2, 4), "expected int32 sums [N,H,W,C], got int8[1,2,2,4]"),
    (ops.RequantizeSums(), [sums(1, 2, 2, 4), TensorType((3,), DType.int32)], int8(1, 2, 2, 4),
     "expected an int32 bias of 4 elements"),
    (ops.RequantizeSums(), [sums(1, 2, 2, 4)], int8(1, 2, 2, 4, scale=2.0**-40), "cannot be computed in 32 bits"),
    (CONV, [IMAGE, int8(4, 3, 3, 2, zero=1)], int8(1, 2, 2, 4), "expected weights with zero point 0"),
    (
        CONV,
        [IMAGE, channels(4, 3, 3, 2, axis=3)],
        int8(1, 2, 2, 4),
        "expected weight scales on axis 0, got axis 3",
    ),
    (
        CONV,
        [IMAGE, channels(4, 3, 3, 2, axis=0, count=3)],
        int8(1, 2, 2, 4),
        "expected 1 or 4 weight scales, got 3",
    ),
    (CONV, [IMAGE, WEIGHTS], int8(1, 2, 2, 4, scale=1e-11), "cannot be computed in 32 bits"),
    (CONV, [IMAGE, WEIGHTS], TensorType((1, 2, 2, 4)), "expected one scale, got int8[1,2,2,4]"),
    (ops.Conv2D(stride=(0, 1)), [IMAGE, WEIGHTS], IMAGE, "expected strides of 1 or more, got (0, 1)"),
    (ops.Conv2D(dilation=(1, 0)), [IMAGE, WEIGHTS], IMAGE, "expected dilations of 1 or more, got (1, 0)"),
    (ops.Conv2D(padding=(0, -1, 0, 0)), [IMAGE, WEIGHTS], IMAGE, "expected padding of 0 or more"),
    (
        ops.DepthwiseConv2D(),
        [IMAGE, WEIGHTS],
        IMAGE,
        "expected depthwise weights [1,KH,KW,C·M], got [4, 3, 3, 2]",
    ),
    (ops.DepthwiseConv2D(), [IMAGE, int8(1, 3, 3, 3)], IMAGE, "3 filters are no multiple of 2 channels"),
    (ops.FullyConnected(), [int8(2, 3), int8(4, 5)], int8(2, 4), "x has 3 columns, w 5"),
    (ops.FullyConnected(), [int8(2, 3, 1), int8(4, 5)], int8(2, 3, 4), "x has 1 columns, w 5"),
    (ops.FullyConnected(), [int8(5), int8(4, 5)], int8(4), "expected x [...,K] and w [O,K], got [5] and [4, 5]"),
    (ops.LayerNorm(), [int8(2, 3), int8(2)], int8(2, 3), "expected a gamma of 3 elements, got int8[2]"),
    (ops.LayerNorm(), [int8(2, 3), int8(3), FLOAT], int8(2, 3), "expected a beta of 3 elements"),
    (ops.LayerNorm(), [int8(3), int8(3), TensorType((3,), DType.float32)], int8(3), "expected an int32 beta"),
    (ops.LayerNorm(), [int8(1 << 15)], int8(1 << 15), "rows of more than 16384 elements"),
    (ops.LayerNorm(float("inf")), [int8(3)], int8(3), "expected a finite epsilon of 0 or more, got inf"),
    (ops.LayerNorm(-1.0), [int8(3)], int8(3), "expected a finite epsilon of 0 or more, got -1.0"),
    (ops.LayerNorm(), [int8(3), int8(3)], int8(3, scale=1e-7), "is too small: results reach"),
    (ops.BatchMatMul(), [int8(2, 3), int8(4, 5)], int8(2, 5), "a has 3 columns, b 4 rows"),
    (ops.BatchMatMul(True), [int8(2, 3), int8(3, 5)], int8(3, 5), "a has 2 columns, b 3 rows"),
    (ops.BatchMatMul(), [int8(3), int8(3, 5)], int8(5), "expected matrices a [...,M,K] and b [...,K,N]"),
    (ops.BatchMatMul(), [int8(2, 2, 3), int8(3, 3, 5)], int8(3, 2, 5), "do not broadcast"),
    (ops.BatchMatMul(), [int8(1, 40000), int8(40000, 1)], int8(1, 1), "the sum of 40000 products"),
    (ops.BatchMatMul(), [int8(2, 3), int8(3, 5)], int8(2, 5, scale=1e-11), "cannot be computed in 32 bits"),
    (ops.SquaredDifference(), [int8(2), int8(2)], int8(2, scale=1e-6), "the output scale is too small"),
    (ops.Rsqrt(), [int8(2)], int8(2, scale=1e8), "is too large for 32 bits"),
    (ops.Rsqrt(), [int8(2)], int8(2, scale=1e-10), "rsqrt does not fit in 32 bits"),
    (
        ops.FullyConnected(),
        [int8(2, 3), channels(4, 3, axis=0, zero=1)],
        int8(2, 4),
        "expected zero point 0 where there is a scale per channel",
    ),
    (ops.MaxPool2D(extent=(0, 1)), [IMAGE], IMAGE, "expected a window of 1 by 1 or more, got (0, 1)"),
    (ops.MaxPool2D(dilation=(2, 2)), [IMAGE], IMAGE, "pooling windows have no dilation"),
    (
        ops.MaxPool2D(padding=(1, 0, 0, 0)),
        [IMAGE],
        int8(1, 5, 4, 2),
        "leaves windows of (1, 1) with nothing to pool",
    ),
    (ops.AveragePool2D(), [IMAGE], int8(1, 4, 4, 2, zero=4), "expected equal quantisation"),
    (ops.Add(), [int8(2, 3), int8(3, 2)], int8(2, 3), "shapes [2, 3] and [3, 2] do not broadcast"),
    (ops.Add(), [int8(1, 1, 2, 3, 4), int8(4)], int8(1, 1, 2, 3, 4), "broadcasting takes at most 4 axes"),
    (ops.Add(), [int8(2), int8(2)], int8(2, scale=1e-9), "the output scale is too small"),
    (ops.Add(), [int8(2), FLOAT], int8(2, 3), "expected int8 operands, got int8, float32"),
    (ops.Mul(), [int8(2), int8(2)], int8(2, scale=1e-6), "the product does not fit in 32 bits"),
    (ops.Maximum(), [int8(2), int8(2, zero=4)], int8(2), "expected equal quantisation"),
    (ops.Minimum(), [int8(2), int8(2)], int8(2, scale=0.25), "expected equal quantisation"),
    (ops.Mean((1, 0)), [int8(2, 3)], int8(), "expected rising axes of [2, 3], got (1, 0)"),
    (ops.Mean(()), [int8(2, 3)], int8(2, 3), "expected rising axes"),
    (ops.Mean((2,)), [int8(2, 3)], int8(2, 3), "expected rising axes"),
    (ops.Mean((0,)), [int8(2**24, 1)], int8(1), "the sum of 16777216 elements does not fit in 32 bits"),
    (ops.Pad((1,), (1,), 3), [int8(2, 3)], int8(4, 5), "expected a pair of paddings for each of 2 axes"),
    (ops.Pad((-1, 0), (0, 0), 3), [int8(2, 3)], int8(1, 3), "expected paddings of 0 or more"),
    (ops.Pad((1, 0), (0, 0), 200), [int8(2, 3)], int8(3, 3), "expected an int8 code to pad with, got 200"),
    (ops.Pad((0,) * 6, (0,) * 6, 3), [int8(*[1] * 6)], int8(*[1] * 6), "expected at most 5 axes"),
    (ops.Reshape((4,)), [int8(2, 3)], int8(4), "6 elements cannot take the shape [4]"),
    (ops.Reshape((6,)), [int8(2, 3)], int8(6, zero=0), "expected equal quantisation"),
    (ops.Transpose((0, 0)), [int8(2, 3)], int8(2, 2), "expected a permutation of 2 axes, got (0, 0)"),
    (ops.Transpose((1, 0)), [channels(2, 3, axis=1)], channels(3, 2, axis=1), "expected equal quantisation"),
    (ops.Concatenation(2), [int8(2, 3)], int8(2, 3), "expected an axis of [2, 3], got 2"),
    (
        ops.Concatenation(0),
        [int8(2, 3), int8(2, 4)],
        int8(4, 3),
        "expected shapes that differ on axis 0 alone",
    ),
    (ops.Concatenation(0), [int8(1)] * 11, int8(11), "expected at most 10 inputs, got 11"),
    (ops.Concatenation(0), [int8(1), int8(1, zero=9)], int8(2), "expected equal quantisation"),
    (ops.Concatenation(0), [], int8(2), "expected inputs (x, ...), got 0"),
    (ops.StridedSlice((0,), (0,), (2,)), [int8(3)], int8(2), "expected strides that are not 0"),
    (ops.StridedSlice((1,), (1,), (3,)), [int8(3)], int8(3), "axis 0: elements 1 to 3 are not all inside 3"),
    (
        ops.StridedSlice((1,), (-1,), (3,)),
        [int8(3)],
        int8(3),
        "axis 0: elements 1 to -1 are not all inside 3",
    ),
    (ops.StridedSlice((0,), (1,), (0,)), [int8(3)], int8(0), "the slice [0] is empty"),
    (ops.StridedSlice((0,), (1,), (1,)), [int8(3, 3)], int8(1), "expected begin, stride, shape for 2 axes"),
    (ops.ResizeNearest((0, 1)), [IMAGE], IMAGE, "expected a size of 1 by 1 or more, got (0, 1)"),
    (ops.Relu(), [int8(2, scale=0.0)], int8(2), "expected a positive finite scale"),
    (ops.Relu(), [int8(2, scale=1e30)], int8(2, scale=1e-30), "relu does not fit in 32 bits"),
    (ops.Sub(), [int8(2), int8(2, scale=3e38)], int8(2), "the output scale is too small against the other"),
    (ops.FullyConnected(), [int8(2, 3, scale=1e30), int8(4, 3, scale=1e30)], int8(2, 4), "an effective scale of 2^30"),
    (CONV, [IMAGE, int8(4, 3, 3, 2, scale=0.0)], int8(1, 2, 2, 4), "expected positive finite weight scales"),
    (ops.Relu(), [FLOAT], int8(2, 3), "expected int8 operands, got float32"),
    (ops.Relu(), [int8(2)], int8(2, scale=1e-8), "the output scale is too small against the input's"),
    (ops.Relu6(), [int8(2)], int8(2, scale=0.25), "expected equal quantisation"),
    (ops.LeakyRelu(float("nan")), [int8(2)], int8(2), "expected a finite alpha, got nan"),
    (ops.Logistic(), [int8(2)], int8(2), "expected output scale 0.00390625 and zero point -128"),
    (ops.Tanh(), [int8(2)], int8(2), "expected output scale 0.0078125 and zero point 0"),
    (ops.Tanh(), [int8(2, scale=1e-9)], int8(2, scale=1 / 128, zero=0), "outside what fixed point can hold"),
    (ops.HardSwish(), [int8(2)], int8(2, scale=1e-4), "does not fit the input scale 0.5 in 16 bits"),
    (ops.Requantize(), [int8(2)], int8(2, scale=1e-8), "the result does not fit in 32 bits"),
    (ops.Softmax(), [int8(2)], int8(2), "expected output scale 0.00390625 and zero point -128"),
    (ops.Softmax(), [int8(4096)], int8(4096), "the sum over 4096 elements does not fit in 32 bits"),
    (ops.Softmax(1e-9), [int8(2)], int8(2, scale=1 / 256, zero=-128), "is too small for 32 bits"),
    (
        ops.Softmax(float("inf")),
        [int8(2)],
        int8(2, scale=1 / 256, zero=-128),
        "expected a finite beta, got inf",
    ),
    (ops.Quantize(), [int8(2)], int8(2), "expected float32, got int8"),
    (ops.Quantize(), [FLOAT], TensorType((2, 3)), "expected one scale"),
    (ops.Dequantize(), [TensorType((2, 3))], FLOAT, "expected one scale"),
    (ops.Lut(), [int8(2), TensorType((255,))], int8(2), "expected a table of 256 codes, got [255]"),
    (ops.Lut(), [int8(2)], int8(2), "expected inputs (x, table), got 1"),
]


@pytest.mark.parametrize(
    ("op", "types", "output", "sentence"), REFUSED, ids=lambda v: getattr(v, "name", None)
)
def test_refusals(op: Operator, types: list[TensorType], output: TensorType, sentence: str) -> None:
    graph = Graph("refused")
    node = graph.add(op, [graph.add_input(f"x{i}", t) for i, t in enumerate(types)], output)
    problems = check_types(node)
    assert len(problems) == 1
    assert re.search(re.escape(sentence), problems[0]), problems[0]


def test_absent_operands_are_named() -> None:
    graph = Graph("refused")
    x = graph.add_input("x", int8(2))
    for op, inputs, sentence in (
        (ops.Add(), [x, None], "input 1 (b) is absent"),
        (ops.Concatenation(0), [x, x, None], "input 2 (...) is absent"),
    ):
        node = graph.add(op, inputs, int8(2))
        assert sentence in check_types(node)[0]


def test_attributes_that_do_not_matter_are_not_refused() -> None:
    graph = Graph("accepted")
    image = graph.add_input("x", IMAGE)
    weights = graph.add_constant("w", WEIGHTS, np.zeros(WEIGHTS.shape))
    for inputs in (
        [image, weights],
        [image, weights, None],
        [image, weights, graph.add_constant("b", BIAS, None)],
    ):
        assert check_types(graph.add(CONV, inputs, int8(1, 2, 2, 4))) == []
