"""Cases of each operator for the kernel tests: random ones, and by hand what random ones do not reach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.operator_cases import STRATEGIES, Case, random_array
from tinyc import ops
from tinyc.ir.operator import Operator, TypeRuleError
from tinyc.ir.types import Array, DType, Quant, Shape, TensorType
from tinyc.ops.conv_sums import products_quant
from tinyc.ops.window import Padding, Pair


def cases_of(operator: str, count: int) -> list[Case]:
    """About `count` random cases of an operator, the same in every run, and those by hand.

    A view of bytes in the arena needs no kernel; the cases of such an operator have a constant to view.
    """
    if operator not in STRATEGIES and operator not in BY_HAND:
        raise AssertionError(f"{operator} has cases neither in operator_cases.py nor in BY_HAND: add some")
    drawn = _drawn(operator, count) if operator in STRATEGIES else ()
    every = [_given(case, 0) if case.op.is_view else case for case in (*drawn, *BY_HAND.get(operator, ()))]
    return every + rounding_once(every[::2])


def rounding_once(cases: Iterable[Case]) -> list[Case]:
    """Those whose operator has two ways to round, with the one that ONNX models have."""
    found: list[Case] = []
    for case in cases:
        op: Any = case.op
        if hasattr(op, "rounds_once"):
            found.append(replace(case, op=replace(op, rounds_once=True)))
    return found


def trained_again(
    case: Case, rng: np.random.Generator, spread: float = 1.5, *, scales_alone: bool = False
) -> Case | None:
    """The same with other numbers, as another training finds them: scales up to 2^`spread` larger or smaller, zero
    points that are not 0, int8 data. None where the operator refuses such scales."""

    def other(quant: Quant | None) -> Quant | None:
        if quant is None:
            return None
        scales = tuple(float(np.float32(s * 2 ** rng.uniform(-spread, spread))) for s in quant.scale)
        moved = tuple(int(rng.integers(-128, 128)) if zero else 0 for zero in quant.zero_point)
        return Quant(scales, quant.zero_point if scales_alone else moved, quant.axis)

    def data(kind: TensorType, array: Array | None) -> Array | None:
        return array if array is None or kind.dtype is not DType.int8 or scales_alone else rng.permuted(array)

    operands = tuple(
        o if o is None else (TensorType(o[0].shape, o[0].dtype, other(o[0].quant)), data(*o)) for o in case.operands
    )
    changed = replace(case, operands=operands, quant=other(case.quant))
    try:
        changed.graph()
    except TypeRuleError:
        return None
    return changed


def in_flash(case: Case) -> bool:
    """Whether every operand but the first is constant."""
    return all(operand is None or operand[1] is not None for operand in case.operands[1:])


@cache
def _drawn(operator: str, count: int) -> tuple[Case, ...]:
    found: list[Case] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STRATEGIES[operator])
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return tuple(found)


def _binary(kind: type[ops.Add] | type[ops.Sub] | type[ops.Mul]) -> tuple[Case, ...]:
    """Constant operands, five axes, vectors along any axis, clamps."""
    y = Quant.per_tensor(2.0, -20)

    def case(a: TensorType, b: TensorType, clamp: tuple[int, int] = (-128, 127)) -> Case:
        return Case(kind(clamp), ((a, None), (b, None)), y)

    image, other = _int8(2, 3, 4, 5, scale=0.9, zero=-128), _int8(2, 3, 4, 5, scale=0.3, zero=127)
    return (
        case(_int8(2, 1, 3, 2, 2), _int8(2, 1, 3, 2, 2, scale=0.1)),
        case(image, other, (-100, -10)),
        _given(case(image, _int8(5, scale=0.2)), 1),
        _given(case(_int8(1, scale=0.2, zero=-128), image), 0),
        case(_int8(3, 1, 5), image),
        case(_int8(2, 1, 4, 1), _int8(1, 3, 1, 5)),
        case(image, _int8(1, 3, 1, 1)),
        case(_int8(1, 67), _int8(1, 67, scale=0.001)),
        case(_int8(), _int8()),
    )


def _extreme(kind: type[ops.Maximum] | type[ops.Minimum]) -> tuple[Case, ...]:
    return tuple(
        _moved(kind(clamp), _int8(*a), _int8(*b))
        for a, b, clamp in (
            ((2, 3, 4, 5), (2, 3, 4, 5), (-128, 127)),
            ((2, 37), (1,), (-128, 127)),
            ((), (3, 33), (-128, 127)),
            ((2, 3, 4, 5), (2, 3, 4, 5), (-20, 30)),
            ((2, 1, 4, 1), (1, 3, 1, 5), (-128, 127)),
            ((2, 2, 1, 1, 2), (2, 2, 1, 1, 2), (-128, 127)),
        )
    )


def _given(case: Case, index: int, seed: int = 0) -> Case:
    """The same case with a constant in place of an input."""
    operand = case.operands[index]
    assert operand is not None
    t, data = operand[0], random_array(operand[0], np.random.default_rng(seed))
    return replace(case, operands=(*case.operands[:index], (t, data), *case.operands[index + 1 :]))


def _in_arena(case: Case) -> Case:
    """The same case with every operand in the arena."""
    return replace(case, operands=tuple(operand and (operand[0], None) for operand in case.operands))


def _int8(*shape: int, scale: float = 0.5, zero: int = 3) -> TensorType:
    return TensorType(shape, DType.int8, Quant.per_tensor(scale, zero))


def _moved(op: Operator, *types: TensorType) -> Case:
    return Case(op, tuple((t, None) for t in types), types[0].quant)


def _sums(channels: int) -> TensorType:
    return TensorType((1, 1, 1, channels), DType.int32, _SUMS)


def _plain(dtype: DType, *shape: int) -> TensorType:
    return TensorType(shape, dtype)


def _weighted(
    op: Operator, x: TensorType, shape: Shape, bias: tuple[int, ...] | None, *, scale: float = 0.01
) -> Case:
    """Weights of one scale with both ends of int8 among them, and an output scale to match."""
    weights = np.resize(np.array([-128, 127, 127, -1, 0, 90], np.int8), shape)
    operands: tuple[tuple[TensorType, Any], ...] = ((x, None), (_int8(*shape, scale=scale, zero=0), weights))
    if bias is not None:
        operands += ((TensorType((len(bias),), DType.int32), np.array(bias, np.int32)),)
    return Case(op, operands, Quant.per_tensor(x.scale * scale * 300, -7))


def _normalised(shape: Shape, scale: float, zero: int, result: float, epsilon: float = 1e-5) -> Case:
    """Layer normalisation with an output scale; gamma has both ends of int8, beta both signs and far too large ones."""
    channels = shape[-1]
    gamma = np.resize(np.array([127, -128, 60, 3, 0], np.int8), channels)
    beta = np.resize(np.array([0, 3000, -2000, 2**31 - 1, 128, -(2**31)], np.int32), channels)
    operands = (
        (_int8(*shape, scale=scale, zero=zero), None),
        (_int8(channels, scale=0.01, zero=-5), gamma),
        (TensorType((channels,), DType.int32, Quant.per_tensor(result / 256, 0)), beta),
    )
    return Case(ops.LayerNorm(float(np.float32(epsilon))), operands, Quant.per_tensor(result, zero))


def _product(a: Shape, b: Shape, zeros: tuple[int, int], ratio: float = 300, **attributes: bool) -> Case:
    """A matrix product of activations with scales of 0.5, whose result has `ratio` times the product's scale."""
    operands = ((_int8(*a, zero=zeros[0]), None), (_int8(*b, zero=zeros[1]), None))
    return Case(ops.BatchMatMul(**attributes), operands, Quant.per_tensor(0.25 * ratio, -7))


def _partial(stride: Pair, padding: Padding, image: Shape, weights: Shape, earlier: bool) -> Case:
    """Sums over a part of a window, added to random ones where there are `earlier` ones."""
    x, w = _int8(*image), _int8(*weights, scale=0.01, zero=0)
    codes = np.resize(np.array([-128, 127, 127, -1, 0, 90], np.int8), weights)
    op, quant = ops.Conv2DSums(stride, padding=padding), products_quant(x, w)
    sums = TensorType(op.infer(x, w)[0][0], DType.int32, quant)
    return Case(op, ((x, None), (w, codes), *(((sums, None),) if earlier else ())), quant)


def _biased(channels: int, given: bool) -> tuple[tuple[TensorType, Array], ...]:
    """A bias with both ends of int32, or none."""
    data = np.resize(np.array([2**31 - 1, -(2**31), 0, 5], np.int32), channels)
    return ((TensorType((channels,), DType.int32), data),) if given else ()


_ENDS = (2**31 - 1, -(2**31), 0, 5)
_CONV = _weighted(ops.Conv2D(padding=(2, 3, 4, 1)), _int8(1, 4, 5, 3, zero=-128), (4, 3, 2, 3), _ENDS)
_DENSE = _weighted(ops.FullyConnected((-100, 90)), _int8(3, 17, zero=127), (4, 17), (1, 2, 3, 4))
_DEPTHWISE = _weighted(
    ops.DepthwiseConv2D(padding=(3, 0, 0, 3), stride=(2, 1)), _int8(1, 5, 4, 2, zero=127), (1, 3, 3, 4), _ENDS
)
_SUMS = Quant.per_tensor(0.5, 3)
_IMAGES = ((1, 1, 1), (1, 5, 3), (4, 3, 17), (2, 2, 64), (7, 7, 2))
_SOFTMAX = Quant.per_tensor(1 / 256, -128)

BY_HAND: dict[str, tuple[Case, ...]] = {
    "conv2d": (
        _CONV,
        _in_arena(_CONV),
        _weighted(ops.Conv2D(dilation=(2, 3)), _int8(2, 7, 9, 4), (2, 3, 3, 2), None),
        _weighted(ops.Conv2D(rounds_once=True), _int8(1, 3, 5, 8), (7, 1, 1, 8), (9, -9, 300, 0, 5, 1, -80)),
        _weighted(ops.Conv2D(rounds_once=True), _int8(1, 3, 2, 8), (6, 1, 1, 8), (*_ENDS, 1, 2)),
        _weighted(ops.Conv2D(padding=(0, 5, 0, 5)), _int8(1, 1, 3, 4), (3, 1, 4, 4), None),
        _weighted(ops.Conv2D(), _int8(1, 9, 9, 24), (20, 1, 1, 24), None),
        _weighted(ops.Conv2D(stride=(3, 3), padding=(1, 1, 2, 2)), _int8(1, 2, 2, 1), (1, 1, 1, 1), (9,)),
        _weighted(ops.Conv2D(), _int8(1, 3, 5, 8), (6, 1, 1, 8), (9, -9, 2**31 - 1, 0, 5, 1)),
        _weighted(ops.Conv2D(clamp=(-90, 80)), _int8(1, 4, 4, 4, zero=127), (5, 1, 1, 4), (9, 0, 3, 4, 5)),
        _weighted(ops.Conv2D(), _int8(1, 1, 1, 33, zero=-128), (3, 1, 1, 33), None),
        _weighted(ops.Conv2D(), _int8(2, 1, 3, 12), (1, 1, 1, 12), (-77,)),
        _weighted(ops.Conv2D(), _int8(1, 1, 5, 20), (2, 1, 1, 20), None),
        _weighted(ops.Conv2D(stride=(2, 2), padding=(0, 0, 1, 1)), _int8(1, 8, 8, 3, zero=-1), (8, 3, 3, 3), (7,) * 8),
        _weighted(ops.Conv2D(stride=(2, 2), padding=(4, 1, 5, 1)), _int8(1, 11, 6, 1, zero=83), (5, 10, 4, 1), None),
    ),
    "depthwise_conv2d": (
        _DEPTHWISE,
        _in_arena(_DEPTHWISE),
        _weighted(ops.DepthwiseConv2D(padding=(1, 1, 1, 1)), _int8(1, 6, 6, 9), (1, 3, 3, 9), None),
        _weighted(ops.DepthwiseConv2D(padding=(1, 1, 0, 3)), _int8(1, 6, 6, 9), (1, 3, 3, 9), None),
        _weighted(ops.DepthwiseConv2D(padding=(6, 0, 6, 0)), _int8(3, 3, 3, 5), (1, 4, 2, 5), None),
        _weighted(ops.DepthwiseConv2D(padding=(0, 0, 1, 1), stride=(2, 2)), _int8(1, 8, 7, 6), (1, 3, 3, 6), (5,) * 6),
        _weighted(ops.DepthwiseConv2D(padding=(2, 2, 2, 2), clamp=(-90, 80)), _int8(1, 9, 5, 3), (1, 5, 5, 3), None),
        _weighted(ops.DepthwiseConv2D(padding=(0, 1, 1, 1)), _int8(1, 2, 9, 4), (1, 3, 3, 4), (1, 2, -3, 4)),
        _weighted(ops.DepthwiseConv2D(padding=(3, 3, 3, 3)), _int8(1, 2, 2, 5, zero=-128), (1, 7, 7, 5), (-9,) * 5),
        *(
            _weighted(
                ops.DepthwiseConv2D(stride=(n, n), padding=(1, 1, n, 1)), _int8(1, 6, 7, 1, zero=9), (1, 3, 3, 7), None
            )
            for n in (1, 2, 3)
        ),
        *(
            _weighted(
                ops.DepthwiseConv2D(stride=(n, n), padding=(1, 1, 1, 1) if n == 1 else (0, 0, 1, 1)),
                _int8(1, 6, 7, channels, zero=zero), (1, 3, 3, channels), None,
            )
            for n, zero, channels in ((1, 9, 16), (2, -128, 32), (1, -128, 48), (2, 5, 16), (1, 127, 32))
        ),
    ),
    "fully_connected": (
        _DENSE,
        _in_arena(_DENSE),
        _weighted(ops.FullyConnected(), _int8(1, 1), (1, 1), (-(2**31),)),
        _weighted(ops.FullyConnected(), _int8(64, 2), (2, 2), None),
        _weighted(ops.FullyConnected(rounds_once=True), _int8(1, 3, 20), (9, 20), None),
        _weighted(ops.FullyConnected(rounds_once=True), _int8(1, 1, 33), (8, 33), (*_ENDS, 9, 9, 9, 9)),
        _weighted(ops.FullyConnected(rounds_once=True), _int8(1, 1, 8), (12, 8), (5,) * 12),
        _weighted(ops.FullyConnected(), _int8(1, 31), (9, 31), None),
        _weighted(ops.FullyConnected((-90, 80)), _int8(1, 8, zero=127), (4, 8), (9, 2**31 - 1, 0, -5)),
        _weighted(ops.FullyConnected(), _int8(1, 3, zero=-128), (6, 3), None),
    ),
    "conv2d_sums": tuple(
        _partial(stride, padding, image, weights, earlier)
        for stride, padding, image, weights, earlier in (
            ((4, 4), (0, 0, 0, 0), (1, 8, 12, 3), (7, 4, 4, 3), False),
            ((8, 8), (-4, -2, 0, -2), (1, 16, 16, 3), (6, 4, 4, 3), True),
            ((8, 8), (-5, -7, -1, 0), (1, 16, 8, 3), (4, 2, 1, 3), True),
            ((5, 5), (0, -4, -2, 0), (1, 5, 15, 1), (1, 3, 1, 1), True),
            ((3, 3), (0, 0, 0, -1), (1, 9, 9, 4), (8, 3, 2, 4), False),
        )
    ),
    "requantize_sums": tuple(
        Case(
            ops.RequantizeSums(clamp, once),
            ((TensorType(shape, DType.int32, Quant.per_tensor(0.01, 0)), None), *_biased(shape[3], bias)),
            Quant.per_tensor(scale, zero),
        )
        for shape, scale, zero, clamp, bias, once in (
            ((1, 2, 3, 4), 0.5, 3, (-128, 127), True, False),
            ((1, 1, 1, 7), 0.01, -128, (-100, 90), True, False),
            ((2, 3, 1, 5), 0.02, 127, (-128, 127), False, True),
            ((1, 4, 4, 1), 0.0001, 0, (-128, 127), False, False),
            ((1, 1, 9, 16), 3.0, 9, (0, 60), True, True),
        )
    ),
    "average_pool2d": (
        _moved(ops.AveragePool2D(extent=(5, 5), padding=(4, 4, 4, 4)), _int8(2, 3, 3, 3)),
        _moved(ops.AveragePool2D(extent=(3, 2), stride=(4, 5)), _int8(1, 9, 9, 3)),
        _moved(ops.AveragePool2D(extent=(7, 7), clamp=(-3, 90)), _int8(1, 7, 7, 33)),
        _moved(ops.AveragePool2D(extent=(17, 16)), _int8(1, 17, 16, 6)),
        _moved(ops.AveragePool2D(extent=(1, 3)), _int8(2, 1, 3, 4)),
    ),
    "average_pool2d_even": (
        _moved(ops.AveragePoolEven2D(extent=(5, 5), padding=(4, 4, 4, 4)), _int8(2, 3, 3, 3, zero=-7)),
        _moved(ops.AveragePoolEven2D(extent=(2, 2), stride=(2, 2)), _int8(1, 8, 9, 5)),
        _moved(ops.AveragePoolEven2D(extent=(2, 2), stride=(2, 2), of_codes=True), _int8(1, 8, 8, 4, zero=-127)),
        _moved(ops.AveragePoolEven2D(extent=(4, 1), clamp=(-3, 90)), _int8(1, 9, 7, 3, zero=3)),
    ),
    "max_pool2d": (
        _moved(ops.MaxPool2D(extent=(5, 5), padding=(4, 4, 4, 4)), _int8(2, 3, 3, 3)),
        _moved(ops.MaxPool2D(extent=(3, 2), stride=(1, 2), clamp=(-3, 90)), _int8(1, 9, 9, 3)),
    ),
    "add": _binary(ops.Add),
    "sub": _binary(ops.Sub),
    "mul": _binary(ops.Mul),
    "minimum": _extreme(ops.Minimum),
    "maximum": _extreme(ops.Maximum),
    "lut": (Case(ops.Lut(), ((_int8(1, 3, 70), None), (TensorType((256,)), None)), Quant.per_tensor(1, 0)),),
    "softmax_scaled": tuple(
        Case(ops.SoftmaxScaled(), ((_int8(*shape, scale=0.05), None),), Quant.per_tensor(scale, zero))
        for shape, scale, zero in (
            ((3, 10), 1 / 255, -128),
            ((2, 700), 0.0001, 5),
            ((2, 9), 2**-16, 0),
            ((4, 3), 3.0, 127),
            ((1, 1), 1.0, -128),
        )
    ),
    "layer_norm": (
        _normalised((1, 5, 192), 0.05, 3, 0.04),
        _normalised((3, 4), 1e-9, -128, 1e-6),
        _normalised((2, 3, 33), 2.0**40, 127, 0.05),
        _normalised((1, 1, 768), 0.001, 0, 0.002, 1e-12),
        _normalised((4, 2), 0.5, 9, 0.3, 0.0),
        _normalised((6,), 1e-30, 9, 1e-30),
        _normalised((2, 1), 0.5, 9, 0.01),
        Case(ops.LayerNorm(1e-6), ((_int8(2, 7), None),), Quant.per_tensor(0.02, 5)),
    ),
    "batch_matmul": (
        _product((1, 5, 64), (1, 9, 64), (3, -4), 2000, transpose_b=True),
        _product((1, 5, 9), (1, 9, 64), (-128, 127)),
        _product((1, 1, 101), (1, 101, 66), (-128, 0)),
        _product((3, 2, 17), (3, 6, 17), (127, 127), transpose_b=True),
        _product((2, 3, 4, 5), (3, 5, 7), (1, 0)),
        _product((4, 5), (2, 3, 5, 3), (0, 5)),
        _product((2, 1, 4, 16), (1, 3, 8, 16), (-1, 5), transpose_b=True),
        _product((7, 3), (7, 5), (9, 5), transpose_a=True),
        _product((2, 7, 3), (5, 7), (9, 5), transpose_a=True, transpose_b=True),
        _product((1, 2, 31), (1, 2, 31), (0, 0), 2.0**-6, transpose_b=True),
        _product((3, 1), (1, 3), (-128, 127), 900.0),
        _product((2, 8), (8, 12), (-128, -128), 2.0**-12),
        _product((1, 4, 64), (1, 6, 64), (3, -4), 900, transpose_b=True, rounds_once=True),
        _product((1, 4, 101), (1, 101, 8), (-128, 127), 3000, rounds_once=True),
        _given(_product((1, 3, 20), (1, 5, 20), (2, 3), transpose_b=True), 1),
        _given(_product((6, 6), (2, 6, 4), (2, 3)), 0),
    ),
    "softmax": tuple(
        Case(ops.Softmax(), ((_int8(*shape, scale=scale), None),), _SOFTMAX)
        for shape, scale in (
            ((2, 511), 0.001),
            ((2, 512), 0.5),
            ((1, 4095), 0.01),
            ((3, 1), 100.0),
            ((7,), 2.0**40),
        )
    ),
    "mean": tuple(
        Case(ops.Mean(axes, keep), ((_int8(*shape, zero=zero), None),), Quant.per_tensor(0.4, -128))
        for axes, keep, shape, zero in (
            ((0, 2, 4), False, (2, 3, 4, 5, 6), 127),
            ((0, 2, 4, 6), True, (2, 1, 3, 2, 2, 3, 2), -128),
            ((1, 2), False, (1, 40, 40, 3), 0),
            ((0, 1), False, (2, 2), 0),
            ((2,), True, (1, 3, 1), 5),
        )
    ),
    "pad": (
        _moved(ops.Pad((1, 0, 2, 0, 1), (0, 1, 0, 3, 0), -128), _int8(2, 3, 1, 2, 2)),
        _moved(ops.Pad((0, 0, 0, 2), (0, 0, 0, 1), 127), _int8(1, 3, 3, 1)),
        _moved(ops.Pad((0, 9, 9, 0), (0, 0, 0, 0), 0), _int8(1, 2, 2, 30)),
        _moved(ops.Pad((0, 0), (0, 0), 0), _int8(5, 5)),
    ),
    "transpose": tuple(
        _moved(ops.Transpose(perm), t)
        for perm, t in (
            ((4, 2, 0, 3, 1), _int8(2, 3, 4, 5, 2)),
            ((0, 3, 1, 2), _int8(2, 4, 5, 9)),
            ((1, 0), _int8(33, 20)),
            ((1, 0, 2), _plain(DType.float32, 3, 4, 2)),
            ((1, 2, 0), _plain(DType.int32, 3, 4, 2)),
            ((0, 2, 1), _int8(3, 17, 18)),
            ((1, 0), _plain(DType.int64, 3, 2)),
            ((3, 2, 1, 0), _int8(2, 3, 4, 5)),
        )
    ),
    "strided_slice": tuple(
        _moved(ops.StridedSlice(begin, stride, shape), t)
        for begin, stride, shape, t in (
            ((1, 0, 4, 0, 1), (1, 2, -2, 1, 1), (1, 2, 3, 2, 2), _int8(2, 3, 5, 2, 4)),
            ((0, 2, 1, 0), (1, 1, 1, 1), (2, 3, 4, 30), _int8(2, 6, 6, 30)),
            ((3,), (-1,), (4,), _plain(DType.float32, 4)),
            ((1, 2), (2, -1), (2, 3), _plain(DType.int32, 4, 3)),
            ((0, 0), (1, 1), (5, 20), _int8(9, 20)),
            ((0, 1), (1, 1), (9, 19), _int8(9, 20)),
        )
    ),
    "concatenation": (
        *(_moved(ops.Concatenation(axis), _int8(2, 3, 4, 5), _int8(2, 3, 4, 5)) for axis in range(4)),
        _moved(ops.Concatenation(1), *(_int8(3, n) for n in range(1, 11))),
        _moved(ops.Concatenation(0), _plain(DType.float32, 3, 2), _plain(DType.float32, 1, 2)),
        _given(_moved(ops.Concatenation(2), _int8(1, 3, 4, 5), _int8(1, 3, 2, 5)), 1),
        _moved(ops.Concatenation(1), _plain(DType.int32, 3, 2), _plain(DType.int32, 3, 1)),
    ),
    "resize_nearest": tuple(
        _moved(ops.ResizeNearest(size, corners, half and not corners), _int8(2, rows, columns, 3))
        for size, (rows, columns) in (
            ((10, 10), (5, 5)),
            ((3, 2), (7, 9)),
            ((13, 17), (5, 3)),
            ((1, 1), (4, 4)),
        )
        for corners in (False, True)
        for half in (False, True)
    ),
    "quantize": tuple(
        Case(ops.Quantize(), ((_plain(DType.float32, 5, 30), None),), Quant.per_tensor(scale, zero))
        for scale, zero in ((2.0**-126, 0), (1e-7, 127), (0.1, -128), (0.0625, 5), (1e20, 127))
    ),
    "sum_rows": tuple(Case(ops.SumRows(), ((_int8(1, *shape), None),), _SUMS) for shape in _IMAGES),
    "add_rows": tuple(
        Case(ops.AddRows(), ((_int8(1, *shape), None), (_sums(shape[2]), None)), _SUMS) for shape in _IMAGES
    ),
    "average_sums": tuple(
        Case(ops.AverageSums(count, (1, 1, 1, depth), clamp), ((_sums(depth), None),), _SUMS)
        for count, depth, clamp in (
            (1, 3, (-128, 127)), (2, 40, (-128, 127)), (7, 1, (-10, 9)), (49, 64, (0, 127)), (3, 3, (-9, 9)),
        )
    ),
    "average_even_sums": tuple(
        Case(ops.AverageEvenSums(count, shape, clamp, odd), ((_sums(shape[-1]), None),), Quant.per_tensor(scale, zero))
        for count, shape, clamp, odd, scale, zero in (
            (1, (1, 3), (-128, 127), 0, 0.4, 0), (4, (1, 1, 1, 40), (-128, 127), 1, _SUMS.scale[0], 127),
            (49, (1, 64), (-9, 9), 0, 0.013, 3), (2, (1, 1, 1, 3), (-128, 127), 0, _SUMS.scale[0], -1),
        )
    ),
    "mean_sums": tuple(
        Case(ops.MeanSums(count, shape), ((_sums(shape[-1]), None),), Quant.per_tensor(0.4, zero))
        for count, shape, zero in (
            (1, (1, 3), 0), (2, (1, 1, 1, 40), 127), (7, (1, 1), -128), (49, (1, 64), 3), (3, (1, 3), 5),
        )
    ),
    "dequantize": tuple(
        Case(ops.Dequantize(), ((_int8(3, 40, scale=scale, zero=zero), None),), None)
        for scale, zero in ((1e-39, 127), (3e35, -128), (0.1, 0))
    ),
}
