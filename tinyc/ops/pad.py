"""Padding with a constant: TFLite PAD (by the zero point) and PADV2 (by a given code)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinyc.ir.access import Access, Interval, Window
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import Movement, expect_int8, given

MAX_RANK = 5  # of TFLM's PAD


@operator("pad")
@dataclass(frozen=True)
class Pad(Movement):
    """`before[a]` and `after[a]` elements of code `value` around axis a. int8, equally quantised."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect_int8(x)
        expect(x.rank <= MAX_RANK, f"expected at most {MAX_RANK} axes, got {list(x.shape)}")
        expect(
            len(self.before) == len(self.after) == x.rank,
            f"expected a pair of paddings for each of {x.rank} axes, got {self.before} and {self.after}",
        )
        expect(min((*self.before, *self.after), default=0) >= 0, "expected paddings of 0 or more")
        expect(-128 <= self.value <= 127, f"expected an int8 code to pad with, got {self.value}")
        shape = tuple(b + n + a for b, n, a in zip(self.before, x.shape, self.after, strict=True))
        return ((shape, x.dtype),)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        moves_nothing = not any((*self.before, *self.after))
        axes = tuple(Window(axis, extent=1, before=count) for axis, count in enumerate(self.before))
        return (Access.elementwise(len(axes)) if moves_nothing else Access(axes),)

    def tile(self, sig: Signature, axis: int, part: Interval) -> Operator | None:
        """Padding belongs to the true border: a tile has what it covers of it."""
        if sig.output.rank != 4:
            return None
        (lo, hi), ahead, size = part, self.before[axis], sig.input(0).shape[axis]
        before, after = list(self.before), list(self.after)
        before[axis], after[axis] = max(0, ahead - lo), max(0, hi - ahead - size)
        return replace(self, before=tuple(before), after=tuple(after))

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        return (np.pad(x, tuple(zip(self.before, self.after, strict=True)), constant_values=self.value),)
