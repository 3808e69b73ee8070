"""Convolutions: TFLite CONV_2D and DEPTHWISE_CONV_2D at int8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyc.ir.access import Access, Elementwise, Sampled, Whole
from tinyc.ir.operator import expect, operator
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType
from tinyc.ops.fixed_point import quantize_multiplier, requantize, wrap32
from tinyc.ops.window import WindowOperator, expect_image


@dataclass(frozen=True, slots=True)
class ChannelMultipliers:
    """Requantisation of int32 accumulators, one multiplier and shift per output channel."""

    multiplier: tuple[int, ...]
    shift: tuple[int, ...]


def channel_multipliers(sig: Signature, channels: int) -> ChannelMultipliers:
    """s_x · s_w[c] / s_y in double precision for each output channel (TFLM's per-channel rule)."""
    x, w, y = sig.input(0), sig.input(1), sig.output
    assert w.quant is not None
    scales = w.quant.scale * channels if len(w.quant.scale) == 1 else w.quant.scale
    found = [quantize_multiplier(x.scale * s / y.scale) for s in scales]
    return ChannelMultipliers(tuple(m.multiplier for m in found), tuple(m.shift for m in found))


def check_quantised(sig: Signature, channels: int, axis: int) -> None:
    """Quantisation that a convolution or dense layer needs, and that no effective scale is absurd."""
    for role, t in (("input", sig.input(0)), ("output", sig.output)):
        expect(t.quant is not None and not t.quant.is_per_channel, f"expected one scale for the {role}, got {t}")
    w = sig.input(1)
    expect(w.quant is not None, "expected quantised weights")
    assert w.quant is not None
    expect(all(z == 0 for z in w.quant.zero_point), "expected weights with zero point 0")
    expect(w.quant.axis in (None, axis), f"expected weight scales on axis {axis}, got axis {w.quant.axis}")
    shifts = channel_multipliers(sig, channels).shift
    expect(max(shifts) <= 30, "an effective scale of 2^30 or more cannot be computed in 32 bits")


def expect_bias(bias: TensorType | None, channels: int) -> None:
    if bias is not None:
        expect(
            bias.dtype is DType.int32 and bias.elements == channels,
            f"expected an int32 bias of {channels} elements, got {bias}",
        )


def finish(acc: Array, sig: Signature, bias: Array | None, clamp: tuple[int, int]) -> Array:
    """Bias, requantisation and clamp of [..., channels] accumulators."""
    if bias is not None:
        acc = acc + bias.reshape(-1).astype(np.int64)
    m = channel_multipliers(sig, acc.shape[-1])
    return requantize(wrap32(acc), np.array(m.multiplier), np.array(m.shift), sig.output.zero_point, clamp)


@operator("conv2d")
@dataclass(frozen=True)
class Conv2D(WindowOperator):
    """Convolution (TFLite CONV_2D).

    Inputs: x int8[N,H,W,C], w int8[O,KH,KW,C/groups], bias int32[O] or absent. Output int8[N,OH,OW,O].
    Groups follow from the shapes: output channel o reads the input channels of group o // (O / groups).
    """

    inputs = ("x", "w", "bias")
    optional = frozenset({"bias"})

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x, w, bias = (*inputs, None)[:3]
        assert x is not None and w is not None
        expect_image("x", x.shape)
        expect_image("w", w.shape)
        expect(x.dtype is DType.int8 and w.dtype is DType.int8, f"expected int8 operands, got {x.dtype.value}, {w.dtype.value}")
        expect(w.shape[3] > 0 and x.shape[3] % w.shape[3] == 0, f"{x.shape[3]} channels do not divide into groups of {w.shape[3]}")
        groups = x.shape[3] // w.shape[3]
        expect(groups > 0 and w.shape[0] % groups == 0, f"{w.shape[0]} filters do not divide into {groups} groups")
        expect_bias(bias, w.shape[0])
        rows, cols = self.output_size(x.shape[1], x.shape[2], (w.shape[1], w.shape[2]))
        return (((x.shape[0], rows, cols, w.shape[0]), DType.int8),)

    def check(self, sig: Signature) -> None:
        check_quantised(sig, sig.output.shape[3], 0)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        w = sig.input(1)
        rest = tuple(None if t is None else Access.whole(t.rank) for t in sig.inputs[1:])
        return (Access((*self.window_axes((w.shape[1], w.shape[2])), Whole())), *rest)

    def macs(self, sig: Signature) -> int:
        return sig.output.elements * int(np.prod(sig.input(1).shape[1:]))

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        x, w, bias = (*inputs, None)[:3]
        assert x is not None and w is not None
        n, rows, cols, filters = sig.output.shape
        _, kh, kw, depth = w.shape
        groups = x.shape[3] // depth
        columns = np.stack([t for _, _, t in self.taps(x, (kh, kw), (rows, cols), sig.input(0).zero_point)], axis=3)
        # Products of int8 sums stay far below 2^53, so float64 matrix products are exact (and use BLAS).
        centred = columns.reshape(-1, kh * kw, groups, depth).astype(np.float64) - sig.input(0).zero_point
        kernels = w.reshape(groups, filters // groups, kh * kw * depth).astype(np.float64)
        acc = [centred[:, :, g].reshape(len(centred), -1) @ kernels[g].T for g in range(groups)]
        flat = np.concatenate(acc, axis=1).astype(np.int64).reshape(n, rows, cols, filters)
        return (finish(flat, sig, bias, self.clamp),)


@operator("depthwise_conv2d")
@dataclass(frozen=True)
class DepthwiseConv2D(WindowOperator):
    """Depthwise convolution, one filter per channel (TFLite DEPTHWISE_CONV_2D).

    Inputs: x int8[N,H,W,C], w int8[1,KH,KW,C·M], bias int32[C·M] or absent. Output int8[N,OH,OW,C·M]:
    output channel c·M + m filters input channel c.
    """

    inputs = ("x", "w", "bias")
    optional = frozenset({"bias"})

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        x, w, bias = (*inputs, None)[:3]
        assert x is not None and w is not None
        expect_image("x", x.shape)
        expect_image("w", w.shape)
        expect(x.dtype is DType.int8 and w.dtype is DType.int8, f"expected int8 operands, got {x.dtype.value}, {w.dtype.value}")
        expect(w.shape[0] == 1, f"expected depthwise weights [1,KH,KW,C·M], got {list(w.shape)}")
        expect(x.shape[3] > 0 and w.shape[3] % x.shape[3] == 0, f"{w.shape[3]} filters are no multiple of {x.shape[3]} channels")
        expect_bias(bias, w.shape[3])
        rows, cols = self.output_size(x.shape[1], x.shape[2], (w.shape[1], w.shape[2]))
        return (((x.shape[0], rows, cols, w.shape[3]), DType.int8),)

    def check(self, sig: Signature) -> None:
        check_quantised(sig, sig.output.shape[3], 3)

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        x, w = sig.input(0), sig.input(1)
        multiplier = w.shape[3] // x.shape[3]
        source = tuple(o // multiplier for o in range(w.shape[3]))
        channel = Elementwise(3) if multiplier == 1 else Sampled(3, source)
        rest = tuple(None if t is None else Access.whole(t.rank) for t in sig.inputs[1:])
        return (Access((*self.window_axes((w.shape[1], w.shape[2])), channel)), *rest)

    def macs(self, sig: Signature) -> int:
        _, kh, kw, _ = sig.input(1).shape
        return sig.output.elements * kh * kw

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        x, w, bias = (*inputs, None)[:3]
        assert x is not None and w is not None
        zero = sig.input(0).zero_point
        wide = np.repeat(x, w.shape[3] // x.shape[3], axis=3)
        acc = np.zeros(sig.output.shape, np.int64)
        for i, j, tap in self.taps(wide, (w.shape[1], w.shape[2]), sig.output.shape[1:3], zero):
            acc += (tap.astype(np.int32) - zero) * w[0, i, j].astype(np.int32)
        return (finish(acc, sig, bias, self.clamp),)
