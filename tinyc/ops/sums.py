"""Global pooling in pieces, so that it can accumulate while rows pass: sums of a few rows, then the mean of the sums.

The compiler makes these; model files do not hold them. Sums are int32 per channel and carry the image's quantisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise, Whole
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_one_scale, given
from tinyc.ops.fixed_point import Multiplier, quantize_multiplier, requantize
from tinyc.ops.pool import MAX_WINDOW, mean_to_even
from tinyc.ops.reduce import mean_multiplier


def sums_type(image: TensorType) -> TensorType:
    """The type of an image's sums per channel."""
    return TensorType((1, 1, 1, image.shape[3]), DType.int32, image.quant)


@operator("sum_rows")
@dataclass(frozen=True)
class SumRows(Operator):
    """Σ over rows and columns of x int8[1,H,W,C], per channel: int32[1,1,1,C]."""

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x = given(*inputs)[0]
        expect(x.rank == 4 and x.shape[0] == 1 and x.dtype is DType.int8, f"expected one int8 image, got {x}")
        return ((sums_type(x).shape, DType.int32),)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access((Whole(), Whole(), Whole(), Elementwise(3))),)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        return (x.sum(axis=(0, 1, 2), dtype=np.int32).reshape(sig.output.shape),)


@operator("add_rows")
@dataclass(frozen=True)
class AddRows(SumRows):
    """The same, added to the sums of earlier rows."""

    inputs = ("x", "sums")

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x, sums = given(*inputs)
        expect((sums.shape, sums.dtype) == (sums_type(x).shape, DType.int32), f"expected sums of {x}, got {sums}")
        return super().infer(x)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (*super().access(sig), Access.elementwise(4))

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        x, sums = given(*inputs)
        (more,) = super().reference(sig, x)
        return (sums + more,)


@dataclass(frozen=True)
class FromSums(Operator):
    """The result of a global pooling over `count` elements, from sums int32[1,1,1,C]; `shape` is the output's."""

    count: int
    shape: tuple[int, ...]
    inputs = ("sums",)

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (sums,) = given(*inputs)
        expect(sums.dtype is DType.int32, f"expected int32 sums, got {sums}")
        expect(self.shape[-1:] == sums.shape[-1:], f"sums {list(sums.shape)} cannot give {list(self.shape)}")
        return ((self.shape, DType.int8),)

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.input(0), sig.output)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access(tuple(Elementwise(sig.output.rank - 1) if a == 3 else Whole() for a in range(4))),)


@operator("average_sums")
@dataclass(frozen=True)
class AverageSums(FromSums):
    """As AVERAGE_POOL_2D rounds: sum / count, halves away from zero."""

    clamp: tuple[int, int] = (-128, 127)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        total = given(*inputs)[0].astype(np.int64).reshape(self.shape)
        mean = np.sign(total) * ((np.abs(total) + self.count // 2) // self.count)
        return (np.clip(mean, *self.clamp).astype(np.int8),)


@operator("average_even_sums")
@dataclass(frozen=True)
class AverageEvenSums(FromSums):
    """As ONNX's AveragePool rounds: once, on the output's scale, halves to even or, with `odd` 1, to odd distances."""

    clamp: tuple[int, int] = (-128, 127)
    odd: int = 0

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect(self.count <= MAX_WINDOW, f"an image of {self.count} elements is too large to average")
        expect(-10 <= self.ratio(sig).shift <= 20, "the scales lie too far apart to average in 64 bits")

    def ratio(self, sig: Signature) -> Multiplier:
        """From the image's scale to the output's."""
        return quantize_multiplier(sig.input(0).scale / sig.output.scale)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        total = given(*inputs)[0].astype(np.int64).reshape(self.shape) - self.count * sig.input(0).zero_point
        mean = mean_to_even(total, self.count, self.ratio(sig), self.odd)
        return (np.clip(mean + sig.output.zero_point, *self.clamp).astype(np.int8),)


@operator("mean_sums")
@dataclass(frozen=True)
class MeanSums(FromSums):
    """As MEAN rounds: the centred sum through one multiplier."""

    rounds_once: bool = False

    def multiplier(self, sig: Signature) -> Multiplier:
        return mean_multiplier(sig.input(0).scale, sig.output.scale, self.count, self.rounds_once)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        total = given(*inputs)[0].astype(np.int64).reshape(self.shape) - self.count * sig.input(0).zero_point
        m = self.multiplier(sig)
        return (requantize(total, m.multiplier, m.shift, sig.output.zero_point, (-128, 127)),)
