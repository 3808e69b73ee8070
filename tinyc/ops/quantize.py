"""Changes of quantisation: TFLite QUANTIZE (from float32, and int8 to int8) and DEQUANTIZE (to float32)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_int8, expect_one_scale, given
from tinyc.ops.fixed_point import (
    Multiplier,
    expect_headroom,
    quantize_multiplier,
    requantize,
    round_half_away_array,
)
from tinyc.ops.unary import Unary, centred_codes


@operator("quantize")
@dataclass(frozen=True)
class Quantize(Operator):
    """round(x / scale) + zero point, halves away from zero, limited to int8 (TFLite QUANTIZE of float32).

    The division is in float32. Quotients past the int32 range and NaN are undefined in C; they become the
    nearest code and the zero point, which is what a Cortex-M's conversion instruction gives.
    """

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect(x.dtype is DType.float32, f"expected float32, got {x.dtype.value}")
        return ((x.shape, DType.int8),)

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.output)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access.elementwise(sig.input(0).rank),)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        with np.errstate(over="ignore", invalid="ignore"):
            quotient = np.nan_to_num(x / np.float32(sig.output.scale), nan=0.0)
            rounded = round_half_away_array(np.clip(quotient, -512, 512)).astype(np.int64)
        return (np.clip(rounded + sig.output.zero_point, -128, 127).astype(np.int8),)


@operator("requantize")
@dataclass(frozen=True)
class Requantize(Unary):
    """The same numbers at another scale and zero point (TFLite QUANTIZE of int8)."""

    def multiplier(self, sig: Signature) -> Multiplier:
        return quantize_multiplier(sig.input(0).scale / sig.output.scale)

    def check(self, sig: Signature) -> None:
        super().check(sig)
        expect_headroom(255, self.multiplier(sig), "the result")

    def real(self, sig: Signature, *inputs: Array) -> Array:
        return inputs[0]

    def table(self, sig: Signature) -> Array:
        m = self.multiplier(sig)
        return requantize(centred_codes(sig), m.multiplier, m.shift, sig.output.zero_point, (-128, 127))


@operator("dequantize")
@dataclass(frozen=True)
class Dequantize(Operator):
    """scale · (code − zero point) in float32 (TFLite DEQUANTIZE of int8)."""

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (x,) = given(*inputs)
        expect_int8(x)
        return ((x.shape, DType.float32),)

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.input(0))

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        return (Access.elementwise(sig.input(0).rank),)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (x,) = given(*inputs)
        t = sig.input(0)
        return (((x.astype(np.int32) - t.zero_point) * t.scale).astype(np.float32),)
