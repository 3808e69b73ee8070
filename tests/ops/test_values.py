"""Values that one can check by hand, and those where TensorFlow Lite Micro gives none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.operator_cases import Case
from tinyc import ops
from tinyc.ir.operator import Operator
from tinyc.ir.types import DType, Quant, TensorType

PROBABILITY = Quant.per_tensor(1 / 256, -128)


def int8(shape: tuple[int, ...], scale: float = 1.0, zero: int = 0) -> TensorType:
    return TensorType(shape, DType.int8, Quant.per_tensor(scale, zero))


def compute(op: Operator, quant: Quant | None, *operands: tuple[TensorType, Any]) -> Any:
    """The operator's result as nested lists."""
    node = Case(op, tuple((t, None) for t, _ in operands), quant).node()
    (y,) = node.op.reference(node.signature, *(np.array(x, t.dtype.numpy) for t, x in operands))
    assert y.dtype == node.output.type.dtype.numpy and y.shape == node.output.type.shape
    return y.tolist()


UNIT = Quant.per_tensor(1.0, 0)


def test_softmax_of_many_equal_logits_is_zero_everywhere() -> None:
    """TFLM ends the process where the exponentials sum to 512 or more; test_tflm.py stays below."""
    x = int8((2, 1000), 0.1)
    peaked = np.full((1, 1000), -128)
    peaked[0, 7] = 127
    rows = np.concatenate([np.zeros((1, 1000)), peaked])
    y = np.array(compute(ops.Softmax(), PROBABILITY, (x, rows)))
    assert (y[0] == -128).all()
    assert y[1, 7] == 127 and (np.delete(y[1], 7) == -128).all()


HALVES = [(0.25, 4), (-0.25, 2), (0.1, 3), (0.75, 5), (-0.75, 1)]  # at scale 0.5 and zero point 3
BEYOND_INT32 = [(1e30, 127), (-1e30, -128), (np.inf, 127), (-np.inf, -128), (np.nan, 3)]


@pytest.mark.parametrize(("real", "code"), HALVES + BEYOND_INT32)
def test_quantize(real: float, code: int) -> None:
    x = TensorType((1,), DType.float32)
    assert compute(ops.Quantize(), Quant.per_tensor(0.5, 3), (x, [real])) == [code]


def test_dequantize() -> None:
    assert compute(ops.Dequantize(), None, (int8((3,), 0.5, 3), [-128, 3, 127])) == [-65.5, 0.0, 62.0]


def test_lut_reads_entry_code_plus_128() -> None:
    table = np.arange(127, -129, -1)
    operands = (int8((3,)), np.array([-128, 0, 127])), (TensorType((256,)), table)
    assert compute(ops.Lut(), UNIT, *operands) == [127, -1, -128]


def test_average_pool_counts_what_lies_in_the_image_and_rounds_away() -> None:
    op = ops.AveragePool2D(extent=(2, 2), padding=(1, 1, 0, 0), stride=(1, 1))
    x = np.array([[1, 2], [4, -8]]).reshape(1, 2, 2, 1)
    y = np.array(compute(op, UNIT, (int8(x.shape), x)))
    assert y.reshape(2, 2).tolist() == [[1, 2], [3, 0]]  # 3/2, 5/2 → 3; -1/4 → 0


def test_grouped_convolution() -> None:
    w = np.array([[1, 1], [10, 10]]).reshape(2, 1, 1, 2)
    weights = TensorType(w.shape, DType.int8, Quant.per_tensor(1.0, 0))
    x = int8((1, 1, 1, 4))
    y = compute(ops.Conv2D(), UNIT, (x, np.array([1, 2, 3, 4]).reshape(1, 1, 1, 4)), (weights, w))
    assert y == [[[[3, 70]]]]


def test_clamps_are_recognised_by_what_they_do() -> None:
    def clamp(op: ops.Unary, x: TensorType, y: TensorType) -> tuple[int, int] | None:
        return op.as_clamp(Case(op, ((x, None),), y.quant).node().signature)

    plain, fine = int8((4,), 0.1, -3), int8((4,), 0.05, -3)
    assert clamp(ops.Relu(), plain, plain) == (-3, 127)
    assert clamp(ops.Relu6(), plain, plain) == (-3, 57)
    assert clamp(ops.Requantize(), plain, plain) == (-128, 127)
    assert clamp(ops.LeakyRelu(0.0), plain, plain) == (-3, 127)
    assert clamp(ops.LeakyRelu(0.5), plain, plain) is None
    assert clamp(ops.Relu(), plain, fine) is None
    assert clamp(ops.Relu(), int8((4,), 0.1, 127), int8((4,), 0.1, 127)) == (127, 127)


def test_macs_are_counted_for_convolutions_and_dense_layers() -> None:
    quant = Quant.per_tensor(1.0, 0)
    image, grouped, depthwise = int8((1, 5, 5, 4)), int8((6, 3, 3, 2)), int8((1, 3, 3, 8))
    assert Case(ops.Conv2D(), ((image, None), (grouped, None)), quant).node().macs == 9 * 6 * 9 * 2
    assert Case(ops.DepthwiseConv2D(), ((image, None), (depthwise, None)), quant).node().macs == 9 * 8 * 9
    dense = ops.FullyConnected(), ((int8((2, 7)), None), (int8((3, 7)), None)), quant
    assert Case(*dense).node().macs == 2 * 7 * 3
    assert Case(ops.Add(), ((image, None), (image, None)), quant).node().macs == 0
