"""Our kernels for cores with 16-bit pairs against their operators' references: shapes, ends of ranges, both forms in C.

The plain C of the host and the instructions of the emulated core come from the same source.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from tests.support.kernel_bench import Trial, make_bench, trials
from tests.support.operator_cases import Case
from tinyc import ops
from tinyc.errors import ToolchainError
from tinyc.ir.operator import Operator
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.program.kernel import find_kernel
from tinyc.program.lower import one_image
from tinyc.targets import load

CHANNELS = (*range(1, 18), 24, 31, 32, 33, 64)
ZERO_POINTS = (-128, 127, 0, 5, -77)
# Output scales against the sums': right shifts from the largest to none, then to the left until all saturates.
SCALES = (1.0, 0.004, 3.0, 0.3, 2.0**-12, 1e5, 2.0**20)
CLAMPS = ((-128, 127), (-128, 127), (-100, 90))


def weighted(
    op: Operator, x: tuple[int, ...], w: tuple[int, ...], seed: int, *, depth: int, per_channel: bool = True
) -> Case:
    """Random weights; zero points, output scale, bias and their extremes vary with the seed."""
    rng = np.random.default_rng(seed)
    channels = w[0]
    scales = tuple(float(np.float32(s)) for s in rng.uniform(0.002, 0.02, channels))
    if seed % 4 == 3:  # channels apart: both kinds of requantisation side by side
        scales = tuple(float(np.float32(s * 2.0 ** (k % 9 - 4))) for k, s in enumerate(scales))
    quant = Quant(scales, (0,) * channels, 0) if per_channel and channels > 1 else Quant.per_tensor(scales[0], 0)
    weights = rng.integers(-127, 128, w).astype(np.int8)
    if seed % 5 == 4:
        weights[...] = rng.choice(np.array([-128, 127], np.int8), w)
    zero = ZERO_POINTS[seed % len(ZERO_POINTS)]
    spread = 0.01 * 0.5 * 70 * max(1.0, depth**0.5) * 1.5
    image = TensorType(x, DType.int8, Quant.per_tensor(0.5, zero))
    operands = ((image, None), (TensorType(w, DType.int8, quant), weights))
    if seed % 3:
        bias = rng.integers(-(2**14), 2**14, channels).astype(np.int32)
        if seed % 7 == 6:
            bias[:: max(1, channels // 2)] = 2**31 - 1
        operands += ((TensorType((channels,), DType.int32), bias),)
    output = Quant.per_tensor(float(np.float32(spread * SCALES[seed % len(SCALES)])), ZERO_POINTS[(seed // 5) % 5])
    return Case(op, operands, output)


def pointwise_cases() -> Iterator[Case]:
    """Every number of channels in and out; odd and even numbers of pixels."""
    for seed, channels in enumerate(CHANNELS):
        for other in (1, 2, 7, 16):
            for deep, wide in {(channels, other), (other, channels)}:
                rows, columns = 1 + seed % 3, 1 + (seed + other) % 9
                op = ops.Conv2D(clamp=CLAMPS[(seed + other) % 3])
                yield weighted(op, (1, rows, columns, deep), (wide, 1, 1, deep), seed * 5 + other, depth=deep)


def window_cases() -> Iterator[Case]:
    """Windows, strides, dilations and paddings over all numbers of channels and small maps."""
    windows = ((1, 1), (3, 3), (2, 3), (5, 1), (1, 4))
    for seed, (channels, window) in enumerate(product(CHANNELS, windows)):
        deep, wide = (channels, 1 + seed % 5) if seed % 2 else (1 + seed % 6, channels)
        stride, dilation = (1 + seed % 2, 1 + seed // 2 % 3), (1 + seed % 2, 1 + (seed // 3) % 2)
        padding = (seed % 3, seed // 2 % 3, seed // 4 % 3, seed // 5 % 3)
        reach = [(taps - 1) * d + 1 for taps, d in zip(window, dilation, strict=True)]
        rows, columns = (max(r, 1 + (seed * k) % 9) for r, k in zip(reach, (5, 7), strict=True))
        op = ops.Conv2D(stride, dilation, padding, CLAMPS[seed % 3])
        yield weighted(op, (1, rows, columns, deep), (wide, *window, deep), seed, depth=deep * window[0] * window[1])


def dense_cases(rows: tuple[int, ...]) -> Iterator[Case]:
    """Every number of inputs and outputs, with one weight scale and with one per output."""
    for seed, channels in enumerate(CHANNELS):
        for other in (1, 3, 8, 18):
            for deep, wide in {(channels, other), (other, channels)}:
                x, op = (rows[(seed + other) % len(rows)], deep), ops.FullyConnected(CLAMPS[(seed + other) % 3])
                yield weighted(op, x, (wide, deep), seed * 3 + other, depth=deep, per_channel=other > 3)


def add_cases() -> Iterator[Case]:
    """Scales that lie together and far apart, either one the larger, sizes with and without remainder."""
    ratios = (1.0, 0.7, 0.5, 0.013, 2.0**-20, 2.0**-40)
    for seed, (ratio, size, swapped) in enumerate(product(ratios, (1, 2, 9, 33), (False, True))):
        zeros = (ZERO_POINTS[seed % 5], ZERO_POINTS[seed // 5 % 5])
        scales = (0.3 * ratio, 0.3) if swapped else (0.3, 0.3 * ratio)
        a, b = (
            (TensorType((1, size), DType.int8, Quant.per_tensor(float(np.float32(s)), z)), None)
            for s, z in zip(scales, zeros, strict=True)
        )
        y = Quant.per_tensor(float(np.float32((0.4, 0.9, 0.0001, 0.05)[seed % 4])), ZERO_POINTS[seed // 2 % 5])
        yield Case(ops.Add(CLAMPS[seed % 3]), (a, b), y)


CASES = {
    "tinyc/pointwise_s8": pointwise_cases,
    "tinyc/conv_columns_s8": window_cases,
    "tinyc/dense_rows_s8": lambda: dense_cases((2, 3, 1, 6)),
    "tinyc/dense_s8": lambda: dense_cases((1,)),
    "tinyc/add_equal_s8": add_cases,
}


def bench(name: str, core: str, every: int):  # type: ignore[no-untyped-def]
    """One program of every `every`th case that the kernel serves, apart and over the input."""
    kernel, target, rng = find_kernel(name), load(core), np.random.default_rng(3)
    chosen: list[Trial] = []
    for case in list(CASES[name]())[::every]:
        reason = kernel.refuses(one_image(case.node())[0], target)
        assert reason is None, reason
        chosen += trials(kernel, case, target, rng)
    return make_bench(kernel, chosen, target)


@pytest.mark.parametrize("name", CASES)
def test_the_plain_form_on_the_host(name: str) -> None:
    assert bench(name, "cortex-m4", 1).run_host(optimize="-O0") == []


@pytest.mark.parametrize("name", CASES)
def test_the_instructions_of_the_emulated_core(name: str) -> None:
    try:
        assert bench(name, "cortex-m4", 3).run_emulated("cortex-m4") == []
    except ToolchainError as error:
        if "isn't on the PATH" in str(error):
            pytest.skip(f"needs the cross compiler and the emulator: {error}")
        raise
