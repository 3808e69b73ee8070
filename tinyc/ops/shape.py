"""Operators that change the shape or the order of axes alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise
from tinyc.ir.operator import expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import Movement, given


@operator("reshape")
@dataclass(frozen=True)
class Reshape(Movement):
    """The same elements in row-major order under another shape (TFLite RESHAPE, SQUEEZE, EXPAND_DIMS)."""

    shape: tuple[int, ...] = ()
    is_view = True

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect(
            math.prod(self.shape) == x.elements,
            f"{x.elements} elements cannot take the shape {list(self.shape)}",
        )
        return ((self.shape, x.dtype),)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access(Access.whole(sig.input(0).rank).axes, flat=True),)

    def real(self, sig: Signature, *inputs: Array) -> Array:
        return inputs[0].reshape(self.shape)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        return (x.reshape(self.shape),)


MAX_TRANSPOSE_RANK = 5  # of TFLM's TRANSPOSE


@operator("transpose")
@dataclass(frozen=True)
class Transpose(Movement):
    """Axis i of the output is axis perm[i] of the input (TFLite TRANSPOSE)."""

    perm: tuple[int, ...]

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect(
            x.rank <= MAX_TRANSPOSE_RANK, f"expected at most {MAX_TRANSPOSE_RANK} axes, got {list(x.shape)}"
        )
        expect(
            sorted(self.perm) == list(range(x.rank)),
            f"expected a permutation of {x.rank} axes, got {self.perm}",
        )
        return ((tuple(x.shape[a] for a in self.perm), x.dtype),)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        x = sig.input(0)
        axes = tuple(Elementwise(self.perm.index(axis)) for axis in range(x.rank))
        # Axes of length 1 can go anywhere: nothing moves in memory while the others keep their order.
        long = [axis for axis in self.perm if x.shape[axis] > 1]
        return (Access(axes, flat=long == sorted(long)),)

    def real(self, sig: Signature, *inputs: Array) -> Array:
        return inputs[0].transpose(self.perm)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        return (np.array(x.transpose(self.perm), order="C"),)
