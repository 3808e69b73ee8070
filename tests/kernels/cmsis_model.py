"""The int8 operators in numpy, from TFLite's quantisation specification: no C was consulted for these.

Rounding is gemmlowp's: SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT. All int32
operations wrap modulo 2^32.
"""

from __future__ import annotations

import numpy as np

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
ADD_LEFT_SHIFT = 20
Pair = tuple[int, int]


def wrap(x: np.ndarray) -> np.ndarray:
    """Modulo 2^32 into int32's range, as int64."""
    return (np.asarray(x, np.int64) + 2**31) % 2**32 - 2**31


def doubling_high_mul(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    nudged = product + np.where(product >= 0, 2**30, 1 - 2**30)
    quotient = np.where(nudged >= 0, nudged // 2**31, -(-nudged // 2**31))  # towards zero
    return np.minimum(quotient, INT32_MAX)


def divide_by_pot(x: np.ndarray, exponent: np.ndarray | int) -> np.ndarray:
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    threshold = (mask >> 1) + (np.asarray(x) < 0)
    return (x >> exponent) + ((x & mask) > threshold)


def requantise(acc: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    left, right = np.maximum(shift, 0), np.maximum(-np.asarray(shift), 0)
    return divide_by_pot(doubling_high_mul(wrap(wrap(acc) << left), multiplier), right)


def finish(
    acc: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int, offset: int, clamp: Pair
) -> np.ndarray:
    return np.clip(wrap(requantise(acc, multiplier, shift) + offset), *clamp).astype(np.int8)


def _taps(x: np.ndarray, kernel: Pair, output: Pair, stride: Pair, padding: Pair, dilation: Pair, fill: int):
    """Yield (ky, kx, the input as that tap of every window sees it); outside the map is ``fill``."""
    axes = zip(output, stride, kernel, dilation, strict=True)
    reach = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in axes]
    after = [max(r - p - n, 0) for r, p, n in zip(reach, padding, x.shape[1:3], strict=True)]
    sides = [(0, 0), (padding[0], after[0]), (padding[1], after[1]), (0, 0)]
    padded = np.pad(x.astype(np.int64), sides, constant_values=fill)
    for ky in range(kernel[0]):
        for kx in range(kernel[1]):
            top, left = ky * dilation[0], kx * dilation[1]
            rows = slice(top, top + (output[0] - 1) * stride[0] + 1, stride[0])
            columns = slice(left, left + (output[1] - 1) * stride[1] + 1, stride[1])
            yield ky, kx, padded[:, rows, columns]


def convolve(x, w, bias, *, x_offset, output, stride, padding, dilation):
    """Accumulators [N, *output, C_OUT] of a grouped convolution; ``w`` is [C_OUT, H, W, C / groups]."""
    groups = x.shape[3] // w.shape[3]
    acc = np.zeros((x.shape[0], *output, w.shape[0]), np.int64) + bias
    centred = x.astype(np.int64) + x_offset
    for ky, kx, seen in _taps(centred, w.shape[1:3], output, stride, padding, dilation, 0):
        inputs, weights = np.split(seen, groups, 3), np.split(w[:, ky, kx].astype(np.int64), groups, 0)
        acc += np.concatenate([i @ t.T for i, t in zip(inputs, weights, strict=True)], 3)
    return acc


def depthwise(x, w, bias, *, x_offset, output, stride, padding, dilation):
    """Accumulators [N, *output, C_OUT]; ``w`` is [1, H, W, C_OUT]."""
    acc = np.zeros((x.shape[0], *output, w.shape[3]), np.int64) + bias
    centred = x.astype(np.int64) + x_offset
    for ky, kx, seen in _taps(centred, w.shape[1:3], output, stride, padding, dilation, 0):
        acc += np.repeat(seen, w.shape[3] // x.shape[3], 3) * w[0, ky, kx]
    return acc


def avgpool(x, *, kernel, output, stride, padding):
    total = sum(s for *_, s in _taps(x, kernel, output, stride, padding, (1, 1), 0))
    count = sum(s for *_, s in _taps(np.ones_like(x), kernel, output, stride, padding, (1, 1), 0))
    magnitude = (np.abs(total) + count // 2) // count
    return np.where(total > 0, magnitude, -magnitude)


def maxpool(x, *, kernel, output, stride, padding):
    return np.maximum.reduce([s for *_, s in _taps(x, kernel, output, stride, padding, (1, 1), -128)])


def add(a, b, *, offsets, multipliers, shifts):
    """The accumulator of an addition, before the output's own requantisation."""
    parts = [
        requantise((v.astype(np.int64) + o) << ADD_LEFT_SHIFT, m, s)
        for v, o, m, s in zip((a, b), offsets, multipliers, shifts, strict=True)
    ]
    return parts[0] + parts[1]


def _exp_negative(x: np.ndarray) -> np.ndarray:
    """gemmlowp's exp_on_negative_values for Q5.26, in Q0.31."""
    quarter = 2**24
    a = ((x % quarter) - quarter) * 2**5 + 2**28
    a2 = doubling_high_mul(a, a)
    high = divide_by_pot(doubling_high_mul(a2, a2), 2) + doubling_high_mul(a2, a)
    polynomial = a + divide_by_pot(doubling_high_mul(high, round(2**31 / 3)) + a2, 1)
    minus_eighth = round(np.exp(-0.125) * 2**31)
    result = minus_eighth + doubling_high_mul(polynomial, minus_eighth)
    remainder = (x % quarter) - quarter - x
    for power in range(-2, 5):
        factor = round(float(np.exp(-(2.0**power))) * 2**31)
        result = np.where(remainder & 2 ** (26 + power), doubling_high_mul(result, factor), result)
    return np.where(x == 0, INT32_MAX, result)


def _reciprocal_one_plus(x: int) -> int:
    """gemmlowp's one_over_one_plus_x_for_x_in_0_1: Newton-Raphson in Q2.29."""
    half = np.int64((x + INT32_MAX + 1) // 2)
    y = round(48 / 17 * 2**29) + doubling_high_mul(half, round(-32 / 17 * 2**29))
    for _ in range(3):
        step = doubling_high_mul(y, 2**29 - doubling_high_mul(half, y))
        y = y + np.clip(step * 4, INT32_MIN, INT32_MAX)
    return int(np.clip(y * 2, INT32_MIN, INT32_MAX))


def softmax(x, *, multiplier, shift, diff_min):
    """Rows of int8 -> int8, zero point -128 and scale 1/256."""
    difference = x.astype(np.int64) - x.max(1, keepdims=True)
    counted = difference >= diff_min
    exps = _exp_negative(doubling_high_mul(wrap(np.where(counted, difference, 0) << shift), multiplier))
    sums = np.where(counted, divide_by_pot(exps, 12), 0).sum(1)
    rows = []
    for exp, total, use in zip(exps, sums, counted, strict=True):
        headroom = 32 - int(total).bit_length()
        scale = _reciprocal_one_plus((int(total) << headroom) - 2**31)
        value = divide_by_pot(doubling_high_mul(exp, scale), 12 - headroom + 31 - 8)
        rows.append(np.where(use, np.clip(value - 128, -128, 127), -128))
    return np.array(rows, np.int8)
