"""Convolutions: TFLite CONV_2D and DEPTHWISE_CONV_2D at int8."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from tinyc.ir.access import Access, AxisAccess, Elementwise, Sampled, Whole
from tinyc.ir.operator import TypeRuleError, expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.common import expect_int8, expect_one_scale, given
from tinyc.ops.fixed_point import (
    Scheme,
    double_rounding,
    requantize,
    single_rounding,
    without_right_shift,
    wrap32,
)
from tinyc.ops.window import Pair, WindowOperator, expect_image


@dataclass(frozen=True, slots=True)
class ChannelMultipliers:
    """Requantisation of int32 accumulators, one multiplier and shift per output channel."""

    multiplier: tuple[int, ...]
    shift: tuple[int, ...]


def channel_multipliers(sig: Signature, channels: int, scheme: Scheme = double_rounding) -> ChannelMultipliers:
    """s_x · s_w[c] / s_y in double precision for each output channel (TFLM's per-channel rule)."""
    x, w, y = sig.input(0), sig.input(1), sig.output
    scales = weight_scales(w)
    scales = scales * channels if len(scales) == 1 else scales
    return _channel_multipliers(x.scale, scales, y.scale, scheme)


@lru_cache(maxsize=1024)  # the same weights are looked at in blocks of many heights
def _channel_multipliers(x: float, w: tuple[float, ...], y: float, scheme: Scheme) -> ChannelMultipliers:
    with np.errstate(all="ignore"):  # a quotient that is not finite is refused by the scheme
        exact = np.array(w) * x / y
    found = scheme(exact)
    return ChannelMultipliers(tuple(m.multiplier for m in found), tuple(m.shift for m in found))


def weight_scales(w: TensorType) -> tuple[float, ...]:
    """One scale, or one per output channel."""
    if w.quant is None:
        raise ValueError(f"expected quantised weights, got {w}")
    return w.quant.scale


def check_weights(w: TensorType, axis: int) -> None:
    """Weights are quantised, with one scale or one per index of the output-channel axis `axis`."""
    if w.quant is None:
        raise TypeRuleError(f"expected quantised weights, got {w}")
    expect(w.quant.axis in (None, axis), f"expected weight scales on axis {axis}, got axis {w.quant.axis}")
    positive = min(w.quant.scale) > 0 and math.isfinite(sum(w.quant.scale))
    expect(positive, "expected positive finite weight scales")
    count = len(w.quant.scale)
    expect(count in (1, w.shape[axis]), f"expected 1 or {w.shape[axis]} weight scales, got {count}")


def check_shifts(m: ChannelMultipliers) -> None:
    """A shift is what the kernels can do to a 32-bit accumulator."""
    expect(max(m.shift) <= 30, "an effective scale of 2^30 or more cannot be computed in 32 bits")


def expect_bias(bias: TensorType | None, channels: int) -> None:
    if bias is not None:
        expect(
            bias.dtype is DType.int32 and bias.elements == channels,
            f"expected an int32 bias of {channels} elements, got {bias}",
        )


def accumulate_bias(acc: Array, bias: Array | None) -> Array:
    """[..., channels] accumulators plus bias, in the int32 that the reference's registers hold."""
    return wrap32(acc if bias is None else acc + bias.reshape(-1).astype(np.int64))


@dataclass(frozen=True)
class Convolution(WindowOperator):
    """Base of both convolutions: what they have in common is all but the arithmetic over channels.

    `rounds_once`: sums are requantised in one rounding, as close to float arithmetic as it gets; TFLite has two.
    """

    rounds_once: bool = False
    inputs = ("x", "w", "bias")
    optional = frozenset({"bias"})
    channel_axis: ClassVar[int]  # of the weights: the output channels

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x, w = given(*inputs[:2])
        expect_image("x", x.shape)
        expect_image("w", w.shape)
        expect_int8(x, w)
        self.check_channels(x.shape[3], w.shape)
        channels = w.shape[self.channel_axis]
        expect_bias(inputs[2] if len(inputs) > 2 else None, channels)
        rows, cols = self.output_size(x.shape[1], x.shape[2], extent_of(w))
        return (((x.shape[0], rows, cols, channels), DType.int8),)

    def check_channels(self, channels: int, w: Shape) -> None:
        """Refuse weights that do not fit an input of `channels`."""
        raise NotImplementedError(f"{type(self).__name__} declares no rule for channels")

    def check(self, sig: Signature) -> None:
        expect_one_scale(sig.input(0), sig.output)
        w = sig.input(1)
        check_weights(w, self.channel_axis)
        expect(w.quant is not None and not any(w.quant.zero_point), "expected weights with zero point 0")
        check_shifts(self.multipliers(sig))

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        rest = tuple(None if t is None else Access.whole(t.rank) for t in sig.inputs[1:])
        return (Access((*self.window_axes(extent_of(sig.input(1))), self.channel_access(sig))), *rest)

    def multipliers(self, sig: Signature) -> ChannelMultipliers:
        """Requantisation per output channel."""
        return channel_multipliers(sig, sig.output.shape[3], self.scheme())

    def scheme(self) -> Scheme:
        """How sums are rounded."""
        return single_rounding if self.rounds_once else double_rounding

    def channel_access(self, sig: Signature) -> AxisAccess:
        """How the output channels read the input channels."""
        raise NotImplementedError(f"{type(self).__name__} declares no channel access")

    def accumulators(self, sig: Signature, x: Array, w: Array) -> Array:
        """Sums of products, int64 of the output's shape."""
        raise NotImplementedError(f"{type(self).__name__} declares no reference")

    def macs(self, sig: Signature) -> int:
        w = sig.input(1)
        return sig.output.elements * math.prod(w.shape) // w.shape[self.channel_axis]

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        x, w = given(*inputs[:2])
        acc = accumulate_bias(self.accumulators(sig, x, w), inputs[2] if len(inputs) > 2 else None)
        m = self.multipliers(sig)
        multiplier, shift = np.array(m.multiplier), np.array(m.shift)
        return (requantize(acc, multiplier, shift, sig.output.zero_point, self.clamp),)


def extent_of(w: TensorType) -> Pair:
    """Rows and columns of the window, for weights [·,KH,KW,·]."""
    return w.shape[1], w.shape[2]


@operator("conv2d")
@dataclass(frozen=True)
class Conv2D(Convolution):
    """Convolution (TFLite CONV_2D).

    Inputs: x int8[N,H,W,C], w int8[O,KH,KW,C/groups], bias int32[O] or absent. Output int8[N,OH,OW,O].
    Groups follow from the shapes: output channel o reads the input channels of group o // (O / groups).
    """

    channel_axis = 0

    def check_channels(self, channels: int, w: Shape) -> None:
        filters, depth = w[0], w[3]
        expect(
            depth > 0 and channels % depth == 0, f"{channels} channels do not divide into groups of {depth}"
        )
        groups = channels // depth
        expect(groups > 0 and filters % groups == 0, f"{filters} filters do not divide into {groups} groups")

    def channel_access(self, sig: Signature) -> AxisAccess:
        return Whole()

    def accumulators(self, sig: Signature, x: Array, w: Array) -> Array:
        return products(self, x, w, sig.output.shape, sig.input(0).zero_point)


def products(op: WindowOperator, x: Array, w: Array, output: Shape, zero: int) -> Array:
    """Σ (x − zero)·w over every window of x, `zero` outside of it, int64 [N,OH,OW,O]; w is [O,KH,KW,C/groups]."""
    n, rows, cols, filters = output
    depth = w.shape[3]
    groups = x.shape[3] // depth
    columns = np.stack([t for _, _, t in op.taps(x, w.shape[1:3], (rows, cols), zero)], axis=3)
    # Sums of int8 products stay far below 2^53, so float64 matrix products are exact (and use BLAS).
    centred = columns.reshape(n * rows * cols, -1, groups, depth).astype(np.float64) - zero
    kernels = w.reshape(groups, filters // groups, -1).astype(np.float64)
    sums = [centred[:, :, g].reshape(len(centred), -1) @ kernels[g].T for g in range(groups)]
    return np.concatenate(sums, axis=1).astype(np.int64).reshape(output)


@operator("depthwise_conv2d")
@dataclass(frozen=True)
class DepthwiseConv2D(Convolution):
    """Depthwise convolution, one filter per output channel (TFLite DEPTHWISE_CONV_2D).

    Inputs: x int8[N,H,W,C], w int8[1,KH,KW,C·M], bias int32[C·M] or absent. Output int8[N,OH,OW,C·M]:
    output channel c·M + m filters input channel c.
    """

    channel_axis = 3

    def check_channels(self, channels: int, w: Shape) -> None:
        expect(w[0] == 1, f"expected depthwise weights [1,KH,KW,C·M], got {list(w)}")
        expect(
            channels > 0 and w[3] % channels == 0, f"{w[3]} filters are no multiple of {channels} channels"
        )

    def channel_access(self, sig: Signature) -> AxisAccess:
        channels, filters = sig.input(0).shape[3], sig.output.shape[3]
        multiplier = filters // channels
        return (
            Elementwise(3) if multiplier == 1 else Sampled(3, tuple(o // multiplier for o in range(filters)))
        )

    def scheme(self) -> Scheme:
        """Sums of few products need no shift to the right: bits enough are left without."""
        return without_right_shift if self.rounds_once else double_rounding

    def accumulators(self, sig: Signature, x: Array, w: Array) -> Array:
        zero = sig.input(0).zero_point
        _, rows, cols, filters = sig.output.shape
        wide = np.repeat(x, filters // x.shape[3], axis=3)
        acc = np.zeros(sig.output.shape, np.int64)
        for i, j, tap in self.taps(wide, extent_of(sig.input(1)), (rows, cols), zero):
            acc += (tap.astype(np.int32) - zero) * w[0, i, j].astype(np.int32)
        return acc
