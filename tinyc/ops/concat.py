"""Concatenation: TFLite CONCATENATION."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise, Window
from tinyc.ir.operator import expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import Movement, given

MAX_INPUTS = 10  # of TFLM's CONCATENATION


@operator("concatenation")
@dataclass(frozen=True)
class Concatenation(Movement):
    """The inputs one after the other along `axis`. TFLM does not rescale: all quantisations must be equal."""

    axis: int
    inputs = ("x", "...")

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        types = given(*inputs)
        first = types[0]
        expect(0 <= self.axis < first.rank, f"expected an axis of {list(first.shape)}, got {self.axis}")
        expect(len(types) <= MAX_INPUTS, f"expected at most {MAX_INPUTS} inputs, got {len(types)}")
        expect(len({t.dtype for t in types}) == 1, "expected inputs of one element type")
        expect(
            len({self._across(t) for t in types}) == 1,
            f"expected shapes that differ on axis {self.axis} alone, got {', '.join(map(str, types))}",
        )
        total = sum(t.shape[self.axis] for t in types)
        return (((*first.shape[: self.axis], total, *first.shape[self.axis + 1 :]), first.dtype),)

    def _across(self, t: TensorType) -> tuple[Shape, Shape]:
        return t.shape[: self.axis], t.shape[self.axis + 1 :]

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        types = given(*sig.inputs)
        offsets = np.cumsum([0, *(t.shape[self.axis] for t in types)]).tolist()
        return tuple(self._one(t, offset, sig.output) for t, offset in zip(types, offsets, strict=False))

    def _one(self, t: TensorType, offset: int, y: TensorType) -> Access:
        if t.shape == y.shape:
            return Access.elementwise(t.rank)
        along = Window(self.axis, extent=1, before=offset)
        return Access(tuple(along if a == self.axis else Elementwise(a) for a in range(t.rank)))

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        return (np.concatenate(given(*inputs), axis=self.axis),)
