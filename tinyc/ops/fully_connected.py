"""Dense layers: TFLite FULLY_CONNECTED at int8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise, Whole
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_int8, expect_one_scale, given
from tinyc.ops.conv import (
    ChannelMultipliers,
    accumulate_bias,
    channel_multipliers,
    check_shifts,
    check_weights,
    expect_bias,
    weight_scales,
)
from tinyc.ops.fixed_point import requantize, single_rounding


@operator("fully_connected")
@dataclass(frozen=True)
class FullyConnected(Operator):
    """y = x · wᵀ + bias (TFLite FULLY_CONNECTED).

    Inputs: x int8[...,K] of two axes or more, w int8[O,K], bias int32[O] or absent. Output int8[...,O].
    Weights may have a zero point when they have one scale. `rounds_once` as for convolutions.
    """

    clamp: tuple[int, int] = (-128, 127)
    rounds_once: bool = False
    inputs = ("x", "w", "bias")
    optional = frozenset({"bias"})

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x, w = given(*inputs[:2])
        shapes = f"{list(x.shape)} and {list(w.shape)}"
        expect(x.rank >= 2 and w.rank == 2, f"expected x [...,K] and w [O,K], got {shapes}")
        expect(x.shape[-1] == w.shape[1], f"x has {x.shape[-1]} columns, w {w.shape[1]}")
        expect_int8(x, w)
        expect_bias(inputs[2] if len(inputs) > 2 else None, w.shape[0])
        return (((*x.shape[:-1], w.shape[0]), DType.int8),)

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.input(0), sig.output)
        w = sig.input(1)
        check_weights(w, 0)
        single = len(weight_scales(w)) == 1
        expect(
            single or self.weight_zero_point(w) == 0,
            "expected zero point 0 where there is a scale per channel",
        )
        check_shifts(self.multipliers(sig))

    def weight_zero_point(self, w: TensorType) -> int:
        """The largest magnitude where there are several, which `check` refuses unless it is 0."""
        assert w.quant is not None
        return max(w.quant.zero_point, key=abs)

    def multipliers(self, sig: Signature) -> ChannelMultipliers:
        """Requantisation per output."""
        if self.rounds_once:
            return channel_multipliers(sig, sig.output.shape[-1], single_rounding)
        return channel_multipliers(sig, sig.output.shape[-1])

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        rest = tuple(None if t is None else Access.whole(t.rank) for t in sig.inputs[1:])
        return (Access((*map(Elementwise, range(sig.output.rank - 1)), Whole())), *rest)

    def macs(self, sig: Signature) -> int:
        return sig.output.elements * sig.input(0).shape[-1]

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        x, w = given(*inputs[:2])
        centred = x.astype(np.float64) - sig.input(0).zero_point
        weights = w.astype(np.float64) - self.weight_zero_point(sig.input(1))
        # Sums of int8 products stay far below 2^53, so float64 matrix products are exact (and use BLAS).
        products = (centred @ weights.T).astype(np.int64)
        acc = accumulate_bias(products, inputs[2] if len(inputs) > 2 else None)
        m = self.multipliers(sig)
        multiplier, shift = np.array(m.multiplier), np.array(m.shift)
        return (requantize(acc, multiplier, shift, sig.output.zero_point, self.clamp),)
