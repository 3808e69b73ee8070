"""The calls that kernel costs are fitted to: for each operator sizes as networks have them, single rows among them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.support.operator_cases import Case
from tinyc import ops
from tinyc.ir.operator import Operator
from tinyc.ir.types import DType, Quant, Shape, TensorType
from tinyc.ops.sums import sums_type
from tinyc.ops.window import same_padding

WEIGHT = 0.01  # scale of weights
LINEAR = Quant.per_tensor(0.05, 4)  # of outputs
Conv = ops.Conv2D | ops.DepthwiseConv2D
Size, Taps = tuple[int, int, int], tuple[int, int]


def int8(*shape: int, scale: float = 0.05, zero: int = 3) -> TensorType:
    return TensorType(shape, DType.int8, Quant.per_tensor(scale, zero))


def moved(op: Operator, *types: TensorType, quant: Quant | None = None) -> Case:
    """An operator on activations."""
    return Case(op, tuple((t, None) for t in types), quant or types[0].quant)


def weighted(op: Conv | ops.FullyConnected, x: TensorType, shape: Shape, channels: int) -> Case:
    """Random weights, one scale per channel and a bias; half of the outputs are never negative, a quarter clamped."""
    seed = zlib.crc32(repr((op, x.shape, shape)).encode())
    rng, zero = np.random.default_rng(seed), (4, -128)[seed & 1]
    axis = 3 if isinstance(op, ops.DepthwiseConv2D) else 0
    scales = tuple(float(s) for s in np.float32(WEIGHT * rng.uniform(0.5, 1, channels)))
    weights = TensorType(shape, DType.int8, Quant(scales, (0,) * channels, axis))
    operands = (
        (x, None), (weights, rng.integers(-127, 128, shape).astype(np.int8)),
        (TensorType((channels,), DType.int32), rng.integers(-2000, 2000, channels).astype(np.int32)),
    )
    spread = WEIGHT * 60 * math.sqrt(math.prod(shape) // channels)
    op = replace(op, clamp=(zero, 110)) if seed & 6 == 0 else op
    return Case(op, operands, Quant.per_tensor(x.scale * spread, zero))


def window(
    kind: type[ops.Conv2D] | type[ops.DepthwiseConv2D], size: Size, taps: Taps, outputs: int, stride: int = 1,
    *, above: int | None = None,
) -> Case:
    """A convolution of one image of `size` (rows, columns, channels), padded SAME.

    `above` tells of a few rows in the middle of an image: rows of padding above, none below.
    """
    rows, columns, channels = size
    (top, bottom), (left, right) = (same_padding(n, k, stride, 1) for n, k in zip((rows, columns), taps, strict=True))
    padding = (top, left, bottom, right) if above is None else (above, left, 0, right)
    dense = kind is ops.Conv2D
    zero = -128 if rows % 2 else 3
    op = kind(stride=(stride, stride), padding=padding)
    shape = (outputs, *taps, channels) if dense else (1, *taps, outputs)
    return weighted(op, int8(1, *size, zero=zero), shape, outputs)


def _pointwise() -> tuple[Case, ...]:
    sizes = (
        (12, 12, 8, 16), (6, 6, 32, 32), (1, 24, 8, 16), (4, 4, 64, 64), (1, 1, 64, 12), (5, 5, 24, 40), (1, 7, 32, 10),
        (2, 3, 128, 20), (5, 5, 17, 9), (1, 1, 33, 30), (3, 20, 16, 8), (1, 48, 16, 8), (7, 2, 48, 7), (1, 6, 96, 24),
        (9, 9, 4, 24), (1, 3, 160, 64), (1, 2, 20, 120), (25, 5, 64, 64), (12, 12, 16, 32), (6, 6, 96, 48),
    )
    return tuple(window(ops.Conv2D, (r, c, d), (1, 1), n) for r, c, d, n in sizes)


def _convolutions() -> tuple[Case, ...]:
    k1, k3, k5, k7, tall = (1, 1), (3, 3), (5, 5), (7, 7), (10, 4)
    whole = (
        ((16, 16, 3), k3, 8, 2), ((9, 9, 16), k3, 16, 1), ((6, 6, 8), k3, 12, 2), ((20, 10, 1), tall, 16, 2),
        ((6, 6, 32), k1, 8, 2), ((7, 7, 4), k5, 6, 1), ((8, 8, 1), k3, 8, 1), ((4, 11, 2), k3, 5, 1),
        ((4, 4, 64), k3, 24, 1), ((1, 9, 24), (1, 3), 16, 1), ((5, 5, 33), k3, 10, 1), ((8, 8, 3), k1, 10, 1),
        ((14, 14, 3), k7, 4, 2), ((12, 12, 3), k3, 4, 1), ((5, 16, 4), k3, 7, 1), ((1, 16, 6), k1, 9, 2),
        ((25, 10, 1), tall, 64, 2), ((24, 24, 3), k3, 16, 2), ((12, 12, 16), k3, 32, 2), ((5, 5, 64), k3, 64, 1),
    )
    rows = (
        ((3, 32, 3), k3, 16, 2, 0), ((3, 12, 16), k3, 16, 1, 0), ((2, 24, 8), k3, 8, 1, 1),
        ((10, 4, 1), tall, 24, 2, 0), ((3, 3, 40), k3, 33, 1, 0),
    )
    return _windows(ops.Conv2D, whole, rows)


def _depthwise() -> tuple[Case, ...]:
    k3, k5, k7, tall = (3, 3), (5, 5), (7, 7), (10, 4)
    whole = (
        ((8, 8, 16), k3, 16, 1), ((9, 9, 24), k3, 24, 2), ((12, 12, 8), k3, 8, 1), ((6, 6, 64), k3, 64, 1),
        ((13, 5, 32), k3, 32, 1), ((6, 6, 12), k5, 12, 1), ((7, 7, 10), k7, 10, 1), ((10, 10, 12), k5, 12, 2),
        ((3, 3, 128), k3, 128, 1), ((12, 12, 16), k3, 16, 2), ((24, 24, 8), k3, 8, 1), ((6, 6, 40), k3, 40, 2),
        ((4, 4, 96), k3, 96, 1), ((11, 11, 18), k7, 18, 2), ((6, 6, 48), k5, 48, 1), ((3, 20, 32), k3, 32, 1),
        ((7, 7, 20), k3, 20, 1), ((12, 12, 24), k7, 24, 1), ((20, 20, 16), k5, 16, 2), ((25, 5, 64), k3, 64, 1),
        ((24, 24, 16), k3, 16, 2), ((24, 24, 24), k3, 24, 1), ((11, 11, 32), k3, 32, 2), ((20, 10, 1), tall, 8, 2),
        ((9, 9, 1), k3, 8, 1), ((12, 6, 1), k3, 4, 2), ((6, 6, 4), k3, 8, 1), ((16, 16, 1), k5, 6, 2),
    )
    rows = (
        ((3, 24, 16), k3, 16, 1, 0), ((3, 24, 16), k3, 16, 2, 0), ((3, 48, 8), k3, 8, 1, 0), ((3, 6, 64), k3, 64, 1, 0),
        ((5, 12, 24), k5, 24, 1, 0), ((4, 12, 32), k3, 32, 1, 0), ((7, 10, 16), k7, 16, 1, 0),
        ((7, 16, 32), k7, 32, 2, 0), ((5, 24, 16), k5, 16, 2, 0), ((5, 9, 48), k3, 48, 2, 0),
        ((2, 24, 16), k3, 16, 1, 1), ((2, 12, 32), k3, 32, 2, 1), ((3, 32, 1), k3, 16, 1, 0),
        ((10, 10, 1), tall, 24, 1, 0),
    )
    return _windows(ops.DepthwiseConv2D, whole, rows)


def _windows(
    kind: type[ops.Conv2D] | type[ops.DepthwiseConv2D],
    whole: Sequence[tuple[Size, Taps, int, int]], rows: Sequence[tuple[Size, Taps, int, int, int]],
) -> tuple[Case, ...]:
    """Whole images, and rows out of the middle of some: size, taps, outputs, stride, rows of padding above."""
    images = [window(kind, size, taps, outputs, stride) for size, taps, outputs, stride in whole]
    return (*images, *(window(kind, size, taps, n, stride, above=above) for size, taps, n, stride, above in rows))


def _dense() -> tuple[Case, ...]:
    sizes = ((1, 320, 64), (1, 64, 10), (1, 128, 128), (1, 16, 16), (4, 64, 32), (1, 33, 5), (9, 24, 20), (1, 256, 8),
             (3, 17, 9), (2, 128, 40), (1, 8, 128), (6, 96, 12), (1, 12, 3), (16, 32, 32), (7, 64, 16),
             (1, 100, 50))  # fmt: skip
    return tuple(weighted(ops.FullyConnected(), int8(n, d), (c, d), c) for n, d, c in sizes)


def _pools(kind: type[ops.Pool2D]) -> tuple[Case, ...]:
    sizes = (
        ((8, 8, 16), (2, 2), 2), ((7, 7, 32), (7, 7), 1), ((2, 12, 24), (2, 2), 2), ((9, 9, 8), (3, 3), 2),
        ((13, 5, 64), (13, 5), 1), ((1, 24, 8), (1, 2), 2), ((3, 3, 128), (3, 3), 1), ((6, 6, 5), (3, 3), 1),
        ((4, 4, 40), (4, 4), 4), ((3, 16, 16), (3, 3), 1), ((6, 6, 17), (2, 2), 2), ((1, 9, 20), (1, 9), 1),
        ((4, 4, 10), (4, 4), 1), ((6, 6, 3), (6, 6), 1),
    )
    return tuple(moved(kind(extent=k, stride=(s, s)), int8(1, *size)) for size, k, s in sizes)


def _even() -> tuple[Case, ...]:
    return tuple(replace(case, quant=Quant.per_tensor(0.07, -9)) for case in _pools(ops.AveragePoolEven2D))


EQUAL = ((8, 8, 16), (1, 24, 8), (4, 4, 64), (1, 48, 16), (5, 64), (33,), (6, 6, 24), (1, 6, 5), (1, 128))
BROADCAST = (((6, 6, 16), (16,)), ((5, 64), (5, 1)), ((4, 4, 32), (1,)), ((1, 24, 8), (8,)), ((3, 40), (40,)))


def _binary(op: Operator, *, alike: bool = False) -> tuple[Case, ...]:
    pairs = [*((s, s) for s in EQUAL), *BROADCAST]
    second = {"scale": 0.05, "zero": 3} if alike else {"scale": 0.03, "zero": -7}
    quant = None if alike else Quant.per_tensor(0.08, 2)
    return tuple(moved(op, int8(*a), int8(*b, **second), quant=quant) for a, b in pairs)


def _elements(op: Operator, quant: Quant | None = None, kind: DType = DType.int8) -> tuple[Case, ...]:
    counts = (16, 60, 256, 900, 2000, 131)
    return tuple(
        moved(op, int8(1, n) if kind is DType.int8 else TensorType((1, n), kind), quant=quant) for n in counts
    )


def _rows(op: Operator, scale: float, quant: Quant) -> tuple[Case, ...]:
    sizes = ((1, 10), (1, 2), (4, 64), (8, 20), (1, 300), (16, 16), (30, 3), (1, 128), (5, 33))
    return tuple(moved(op, int8(*size, scale=scale), quant=quant) for size in sizes)


def _normalised() -> tuple[Case, ...]:
    sizes = ((1, 64), (5, 64), (3, 192), (8, 33), (6, 16), (1, 128), (20, 8), (2, 96))
    rng = np.random.default_rng(5)
    return tuple(
        Case(
            ops.LayerNorm(1e-5),
            (
                (int8(*size), None),
                (int8(size[1], scale=0.01, zero=0), rng.integers(60, 127, size[1]).astype(np.int8)),
                (TensorType((size[1],), DType.int32, Quant.per_tensor(1e-4, 0)),
                 rng.integers(-900, 900, size[1]).astype(np.int32)),
            ),
            Quant.per_tensor(0.03, 2),
        )
        for size in sizes
    )  # fmt: skip


def _products() -> tuple[Case, ...]:
    sizes = (
        ((5, 64), (64, 9)), ((2, 8, 16), (2, 16, 8)), ((1, 32), (32, 20)), ((9, 9), (9, 32)), ((1, 64), (64, 17)),
        ((16, 16), (16, 16)), ((3, 33), (33, 12)), ((4, 6, 20), (4, 20, 5)), ((1, 50), (50, 64)), ((6, 49), (49, 24)),
    )
    found = []
    for a, b in sizes:
        quant = Quant.per_tensor(0.0025 * 300 * math.sqrt(a[-1]), 1)
        turned = (*b[:-2], b[-1], b[-2])
        found += [moved(ops.BatchMatMul(), int8(*a), int8(*b), quant=quant),
                  moved(ops.BatchMatMul(transpose_b=True), int8(*a), int8(*turned), quant=quant)]  # fmt: skip
    return tuple(found)


def _means() -> tuple[Case, ...]:
    sizes: Sequence[tuple[Shape, tuple[int, ...]]] = (
        ((1, 7, 7, 32), (1, 2)), ((1, 12, 64), (1,)), ((4, 5, 6), (2,)), ((1, 4, 4, 96), (1, 2)), ((1, 3, 3, 10),
        (1, 2)),
        ((6, 40), (1,)), ((1, 13, 5, 24), (1, 2)), ((1, 49, 17), (1,)), ((1, 8, 16), (1,)),
    )  # fmt: skip
    return tuple(moved(ops.Mean(axes, True), int8(*shape), quant=Quant.per_tensor(0.04, 1)) for shape, axes in sizes)


def _pads() -> tuple[Case, ...]:
    sizes: Sequence[tuple[Shape, Shape, Shape]] = (
        ((1, 8, 8, 8), (0, 1, 1, 0), (0, 1, 1, 0)), ((1, 3, 24, 4), (0, 0, 1, 0), (0, 0, 1, 0)),
        ((1, 6, 6, 16), (0, 0, 0, 8), (0, 0, 0, 8)), ((1, 12, 12, 3), (0, 0, 0, 0), (0, 1, 1, 0)),
        ((4, 20), (0, 4), (0, 4)), ((1, 1, 48, 8), (0, 0, 1, 0), (0, 0, 1, 0)), ((1, 5, 5, 32), (0, 2, 2, 0),
        (0, 2, 2, 0)),
        ((1, 2, 40, 16), (0, 1, 0, 0), (0, 1, 0, 0)), ((30, 3), (0, 1), (0, 0)),
    )  # fmt: skip
    return tuple(moved(ops.Pad(before, after, 3), int8(*shape)) for shape, before, after in sizes)


def _transposes() -> tuple[Case, ...]:
    sizes: Sequence[tuple[Shape, tuple[int, ...]]] = (
        ((33, 20), (1, 0)), ((8, 64), (1, 0)), ((4, 8, 8), (0, 2, 1)), ((1, 9, 2, 16), (0, 2, 1, 3)),
        ((1, 8, 8, 6), (0, 3, 1, 2)), ((1, 6, 8, 8), (0, 2, 3, 1)), ((2, 12, 10), (1, 0, 2)), ((1, 16, 4, 8),
        (0, 2, 3, 1)),
        ((64, 3), (1, 0)), ((5, 5, 32), (1, 0, 2)), ((3, 4, 5, 6), (3, 2, 1, 0)),
    )  # fmt: skip
    return tuple(moved(ops.Transpose(perm), int8(*shape)) for shape, perm in sizes)


def _slices() -> tuple[Case, ...]:
    sizes: Sequence[tuple[Shape, Shape, Shape, Shape]] = (
        ((1, 8, 8, 16), (0, 2, 0, 0), (1, 1, 1, 1), (1, 4, 8, 16)), ((1, 8, 8, 16), (0, 0, 0, 4), (1, 1, 1, 1),
        (1, 8, 8, 8)),
        ((6, 60), (0, 20), (1, 1), (6, 20)), ((1, 12, 12, 3), (0, 0, 0, 0), (1, 2, 2, 1), (1, 6, 6, 3)),
        ((9, 40), (0, 0), (1, 2), (9, 20)), ((1, 10, 64), (0, 0, 0), (1, 1, 1), (1, 1, 64)), ((300,), (1,), (2,),
        (140,)),
    )  # fmt: skip
    return tuple(moved(ops.StridedSlice(b, s, y), int8(*x)) for x, b, s, y in sizes)


def _joins() -> tuple[Case, ...]:
    sizes: Sequence[tuple[int, Sequence[Shape]]] = (
        (3, ((1, 6, 6, 8), (1, 6, 6, 16))), (1, ((1, 3, 8, 8), (1, 2, 8, 8))), (1, ((12, 4), (12, 4), (12, 4))),
        (0, ((5, 64), (1, 64))), (3, ((1, 1, 24, 8), (1, 1, 24, 24))), (1, ((1, 300), (1, 40))), (1, ((4, 5, 20),
        (4, 3, 20))),
    )  # fmt: skip
    return tuple(moved(ops.Concatenation(axis), *(int8(*s) for s in shapes)) for axis, shapes in sizes)


def _resizes() -> tuple[Case, ...]:
    sizes = (((4, 4, 16), (8, 8)), ((1, 12, 8), (2, 24)), ((5, 5, 3), (10, 10)), ((8, 8, 4), (4, 4)), ((2, 2, 40),
             (6, 6)),
             ((6, 6, 24), (6, 12)))  # fmt: skip
    return tuple(moved(ops.ResizeNearest(to, False, False), int8(1, *size)) for size, to in sizes)


IMAGES = ((1, 24, 8), (5, 5, 32), (2, 12, 16), (7, 7, 64), (1, 6, 96), (3, 3, 10), (1, 48, 3))
CHANNELS = (8, 32, 64, 3, 130, 300)


def _sums(kind: type[ops.AverageSums] | type[ops.AverageEvenSums] | type[ops.MeanSums]) -> tuple[Case, ...]:
    quant = LINEAR if kind is ops.AverageSums else Quant.per_tensor(0.04, 1)
    return tuple(
        Case(kind(49, (1, 1, 1, n)), ((sums_type(int8(1, 1, 1, n)), None),), quant) for n in CHANNELS
    )


def _of_constants(op: type[ops.Reshape]) -> tuple[Case, ...]:
    """Views of bytes in flash, which are copied."""
    rng = np.random.default_rng(3)
    counts = (16, 60, 256, 900, 3000, 131)
    return tuple(
        Case(op((1, n)), ((int8(n), rng.integers(-128, 128, n).astype(np.int8)),), int8(1).quant) for n in counts
    )


_TABLE = np.arange(-128, 128).astype(np.int8)
SITES: dict[str, tuple[Case, ...]] = {
    "conv2d": (*_pointwise(), *_convolutions()),
    "depthwise_conv2d": _depthwise(),
    "fully_connected": _dense(),
    "average_pool2d": _pools(ops.AveragePool2D),
    "average_pool2d_even": _even(),
    "max_pool2d": _pools(ops.MaxPool2D),
    "add": _binary(ops.Add()),
    "sub": _binary(ops.Sub()),
    "mul": _binary(ops.Mul()),
    "squared_difference": _binary(ops.SquaredDifference()),
    "minimum": _binary(ops.Minimum(), alike=True),
    "maximum": _binary(ops.Maximum(), alike=True),
    "lut": tuple(
        Case(ops.Lut(), (*c.operands, (TensorType((256,)), _TABLE)), LINEAR) for c in _elements(ops.Relu(), LINEAR)
    ),
    "relu": _elements(ops.Relu(), LINEAR),
    "softmax": _rows(ops.Softmax(), 0.05, Quant.per_tensor(1 / 256, -128)),
    "softmax_scaled": _rows(ops.SoftmaxScaled(), 0.05, Quant.per_tensor(1 / 200, -100)),
    "layer_norm": _normalised(),
    "batch_matmul": _products(),
    "mean": _means(),
    "pad": _pads(),
    "transpose": _transposes(),
    "strided_slice": _slices(),
    "concatenation": _joins(),
    "resize_nearest": _resizes(),
    "quantize": _elements(ops.Quantize(), LINEAR, DType.float32),
    "dequantize": tuple(Case(ops.Dequantize(), c.operands, None) for c in _elements(ops.Relu(), LINEAR)),
    "sum_rows": tuple(moved(ops.SumRows(), int8(1, *image)) for image in IMAGES),
    "add_rows": tuple(moved(ops.AddRows(), int8(1, *image), sums_type(int8(1, *image))) for image in IMAGES),
    "average_sums": _sums(ops.AverageSums),
    "average_even_sums": _sums(ops.AverageEvenSums),
    "mean_sums": _sums(ops.MeanSums),
    "reshape": _of_constants(ops.Reshape),
}
