"""Products of two activations: TFLite BATCH_MATMUL at int8; ONNX MatMul of two computed operands is the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Elementwise, Whole
from tinyc.ir.operator import Operator, TypeRuleError, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_int8, expect_one_scale, given
from tinyc.ops.fixed_point import Multiplier, multiplier_of, requantize

MAX_DEPTH = 2**31 // 255**2  # products whose sum surely fits in 32 bits


@operator("batch_matmul")
@dataclass(frozen=True)
class BatchMatMul(Operator):
    """y = a · b on the last two axes (TFLite BATCH_MATMUL). Leading axes are equal, or broadcast from 1.

    Inputs: a int8[...,M,K], or [...,K,M] with `transpose_a`; b int8[...,K,N], or [...,N,K] with `transpose_b`; each
    with one scale and zero point. Output int8[...,M,N]. `rounds_once` as for convolutions.
    """

    transpose_a: bool = False
    transpose_b: bool = False
    rounds_once: bool = False
    inputs = ("a", "b")

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        a, b = given(*inputs)
        expect_int8(a, b)
        shapes = f"{list(a.shape)} and {list(b.shape)}"
        expect(min(a.rank, b.rank) >= 2, f"expected matrices a [...,M,K] and b [...,K,N], got {shapes}")
        rows, depth, depth_b, columns = *_matrix(a, self.transpose_a), *_matrix(b, self.transpose_b)
        expect(depth == depth_b, f"a has {depth} columns, b {depth_b} rows")
        expect(depth <= MAX_DEPTH, f"the sum of {depth} products does not fit in 32 bits")
        try:
            lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except ValueError:
            raise TypeRuleError(f"the leading axes of {shapes} do not broadcast") from None
        return (((*lead, rows, columns), DType.int8),)

    def dims(self, sig: Signature) -> tuple[int, int, int]:
        """(M, K, N): rows, products per sum, columns."""
        return *_matrix(sig.input(0), self.transpose_a), sig.output.shape[-1]

    def check(self, sig: Signature) -> None:
        expect_one_scale(*given(*sig.inputs), sig.output)
        expect(self.multiplier(sig).shift <= 30, "an effective scale of 2^30 or more cannot be computed in 32 bits")

    def multiplier(self, sig: Signature) -> Multiplier:
        """s_a · s_b / s_y in double precision."""
        return multiplier_of(sig.input(0).scale * sig.input(1).scale / sig.output.scale, self.rounds_once)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        a, b, y = sig.input(0), sig.input(1), sig.output
        row: AxisAccess = Elementwise(y.rank - 2)
        column: AxisAccess = Elementwise(y.rank - 1)
        return (
            Access((*_leading(a, y), *((Whole(), row) if self.transpose_a else (row, Whole())))),
            Access((*_leading(b, y), *((column, Whole()) if self.transpose_b else (Whole(), column)))),
        )

    def macs(self, sig: Signature) -> int:
        return sig.output.elements * self.dims(sig)[1]

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        a, b = given(*inputs)
        # Sums of int8 products stay far below 2^53, so float64 matrix products are exact (and use BLAS).
        left, right = a.astype(np.float64) - sig.input(0).zero_point, b.astype(np.float64) - sig.input(1).zero_point
        left = left.swapaxes(-1, -2) if self.transpose_a else left
        right = right.swapaxes(-1, -2) if self.transpose_b else right
        m = self.multiplier(sig)
        sums = (left @ right).astype(np.int64)
        return (requantize(sums, m.multiplier, m.shift, sig.output.zero_point, (-128, 127)),)


def _matrix(t: TensorType, transposed: bool) -> tuple[int, int]:
    """Rows and columns of the matrices that the operator multiplies."""
    rows, columns = t.shape[-2:]
    return (columns, rows) if transposed else (rows, columns)


def _leading(x: TensorType, y: TensorType) -> list[AxisAccess]:
    lead = y.rank - x.rank
    return [
        Elementwise(axis + lead) if n == y.shape[axis + lead] else Whole() for axis, n in enumerate(x.shape[:-2])
    ]
