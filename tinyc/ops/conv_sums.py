"""A convolution in pieces: sums of products over a part of its window, added up in int32, then requantised once.

The compiler makes these; model files do not hold them. Addition in 32 bits has no order, so the integers are those of
the whole convolution. Sums are of codes as they are; the input's zero point is in the bias that is added at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Whole
from tinyc.ir.operator import Operator, expect, operator
from tinyc.ir.types import Array, DType, Quant, Shape, Signature, TensorType
from tinyc.ops.common import expect_int8, expect_one_scale, given
from tinyc.ops.conv import (
    ChannelMultipliers,
    accumulate_bias,
    check_shifts,
    check_weights,
    expect_bias,
    extent_of,
    products,
    weight_scales,
)
from tinyc.ops.fixed_point import multiplier_of, requantize, wrap32
from tinyc.ops.window import Pair, WindowOperator, expect_image

ALL_CODES = (-128, 127)


def products_quant(x: TensorType, w: TensorType) -> Quant:
    """The quantisation of products of x and w [O,·,·,·]: a scale, or one per output channel; float64, so exact."""
    scales = tuple(x.scale * s for s in weight_scales(w))
    return Quant(scales, (0,) * len(scales), None if len(scales) == 1 else 3)


@operator("conv2d_sums")
@dataclass(frozen=True)
class Conv2DSums(WindowOperator):
    """Σ x·w over a part of a convolution's window, plus the sums of other parts where there are some.

    Inputs: x int8[N,H,W,C], w int8[O,KH,KW,C], sums int32[N,OH,OW,O] or absent. Output int32[N,OH,OW,O], with the
    scales of `products_quant`, wrapping as a register does. Padding is 0 or less: what it cuts off at each border is
    where the window's other parts lie.
    """

    inputs = ("x", "w", "sums")
    optional = frozenset({"sums"})

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x, w = given(*inputs[:2])
        expect_image("x", x.shape)
        expect_image("w", w.shape)
        expect_int8(x, w)
        expect(x.shape[3] == w.shape[3], f"expected weights of {x.shape[3]} channels, got {list(w.shape)}")
        shape = (x.shape[0], *self.output_size(x.shape[1], x.shape[2], extent_of(w)), w.shape[0])
        sums = inputs[2] if len(inputs) > 2 else None
        expect(sums is None or (sums.shape, sums.dtype) == (shape, DType.int32), f"expected sums {shape}, got {sums}")
        return ((shape, DType.int32),)

    def check_padding(self) -> None:
        expect(max(self.padding) <= 0, f"expected padding of 0 or less, got {self.padding}")

    def check(self, sig: Signature) -> None:
        expect(self.clamp == ALL_CODES, "sums are not codes: they have no clamp")
        expect_one_scale(sig.input(0))
        check_weights(sig.input(1), 0)
        wanted = products_quant(sig.input(0), sig.input(1))
        for t in (sig.output, *sig.inputs[2:]):
            expect(t is None or t.quant == wanted, f"expected the scales of products, {wanted}, got {t}")

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        window = Access((*self.window_axes(extent_of(sig.input(1))), Whole()))
        earlier = (None if t is None else Access.elementwise(4) for t in sig.inputs[2:])
        return (window, Access.whole(4), *earlier)

    def macs(self, sig: Signature) -> int:
        w = sig.input(1)
        return sig.output.elements * (w.elements // w.shape[0])

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        x, w = given(*inputs[:2])
        earlier = inputs[2] if len(inputs) > 2 else None
        total = products(self, x, w, sig.output.shape, 0)
        return (wrap32(total if earlier is None else total + earlier).astype(np.int32),)


@operator("requantize_sums")
@dataclass(frozen=True)
class RequantizeSums(Operator):
    """Codes of sums [N,H,W,C] int32, with one scale or one per channel, plus a bias int32[C] or none.

    `rounds_once` as of `Convolution`.
    """

    clamp: Pair = ALL_CODES
    rounds_once: bool = False
    inputs = ("sums", "bias")
    optional = frozenset({"bias"})

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        (sums,) = given(*inputs[:1])
        expect(sums.rank == 4 and sums.dtype is DType.int32, f"expected int32 sums [N,H,W,C], got {sums}")
        expect_bias(inputs[1] if len(inputs) > 1 else None, sums.shape[3])
        return ((sums.shape, DType.int8),)

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.output)
        check_weights(sig.input(0), 3)
        check_shifts(self.multipliers(sig))

    def multipliers(self, sig: Signature) -> ChannelMultipliers:
        """Requantisation per channel."""
        sums, y = sig.input(0), sig.output
        scales = weight_scales(sums)
        scales = scales * sums.shape[3] if len(scales) == 1 else scales
        found = [multiplier_of(s / y.scale, self.rounds_once) for s in scales]
        return ChannelMultipliers(tuple(m.multiplier for m in found), tuple(m.shift for m in found))

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        bias = (None if t is None else Access.whole(t.rank) for t in sig.inputs[1:])
        return (Access.elementwise(4), *bias)

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        (sums,) = given(*inputs[:1])
        acc = accumulate_bias(sums.astype(np.int64), inputs[1] if len(inputs) > 1 else None)
        m = self.multipliers(sig)
        return (requantize(acc, np.array(m.multiplier), np.array(m.shift), sig.output.zero_point, self.clamp),)
