"""Dense layers: TFLite FULLY_CONNECTED at int8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise, Whole
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.conv import ChannelMultipliers, channel_multipliers, expect_bias
from tinyc.ops.fixed_point import quantize_multiplier, requantize, wrap32


@operator("fully_connected")
@dataclass(frozen=True)
class FullyConnected(Operator):
    """y = x · wᵀ + bias (TFLite FULLY_CONNECTED).

    Inputs: x int8[rows,K], w int8[O,K], bias int32[O] or absent. Output int8[rows,O].
    Weights may have a zero point when they have one scale.
    """

    clamp: tuple[int, int] = (-128, 127)
    inputs = ("x", "w", "bias")
    optional = frozenset({"bias"})

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x, w, bias = (*inputs, None)[:3]
        assert x is not None and w is not None
        expect(x.rank == 2 and w.rank == 2, f"expected x [rows,K] and w [O,K], got {list(x.shape)} and {list(w.shape)}")
        expect(x.shape[1] == w.shape[1], f"x has {x.shape[1]} columns, w {w.shape[1]}")
        expect(x.dtype is DType.int8 and w.dtype is DType.int8, f"expected int8 operands, got {x.dtype.value}, {w.dtype.value}")
        expect_bias(bias, w.shape[0])
        return (((x.shape[0], w.shape[0]), DType.int8),)

    def check(self, sig: Signature) -> None:
        for role, t in (("input", sig.input(0)), ("output", sig.output)):
            expect(t.quant is not None and not t.quant.is_per_channel, f"expected one scale for the {role}, got {t}")
        quant = sig.input(1).quant
        expect(quant is not None, "expected quantised weights")
        assert quant is not None
        expect(quant.axis in (None, 0), f"expected weight scales on axis 0, got axis {quant.axis}")
        zero_free = all(z == 0 for z in quant.zero_point)
        expect(quant.axis is None or zero_free, "expected zero point 0 where there is a scale per channel")
        expect(max(self.multipliers(sig).shift) <= 30, "an effective scale of 2^30 or more cannot be computed in 32 bits")

    def multipliers(self, sig: Signature) -> ChannelMultipliers:
        """Requantisation per output; with one weight scale, TFLM multiplies s_x · s_w in float32 first."""
        x, w, y = sig.input(0), sig.input(1), sig.output
        assert w.quant is not None
        if len(w.quant.scale) > 1:
            return channel_multipliers(sig, y.shape[1])
        product = float(np.float32(x.scale) * np.float32(w.quant.scale[0]))
        found = quantize_multiplier(product / y.scale)
        return ChannelMultipliers((found.multiplier,) * y.shape[1], (found.shift,) * y.shape[1])

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        rest = tuple(None if t is None else Access.whole(t.rank) for t in sig.inputs[1:])
        return (Access((Elementwise(0), Whole())), *rest)

    def macs(self, sig: Signature) -> int:
        return sig.output.elements * sig.input(0).shape[1]

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        x, w, bias = (*inputs, None)[:3]
        assert x is not None and w is not None and sig.inputs[1] is not None
        quant = sig.inputs[1].quant
        assert quant is not None
        weights = w.astype(np.float64) - (quant.zero_point[0] if len(quant.zero_point) == 1 else 0)
        acc = ((x.astype(np.float64) - sig.input(0).zero_point) @ weights.T).astype(np.int64)
        if bias is not None:
            acc += bias.reshape(-1)
        m = self.multipliers(sig)
        multiplier, shift = np.array(m.multiplier), np.array(m.shift)
        return (requantize(wrap32(acc), multiplier, shift, sig.output.zero_point, self.clamp),)
