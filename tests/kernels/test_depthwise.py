"""Depthwise and first convolutions for cores with 16-bit pairs, against their operators' references.

The plain C of the host and the assembler of the emulated core come from the same sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tests.kernels.kernel_cases import rounding_once
from tests.support.kernel_bench import Bench, Layout, Trial, make_bench, trials
from tests.support.operator_cases import Case
from tinyc import ops
from tinyc.errors import ToolchainError
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.kernels.common.requantise import requantiser
from tinyc.kernels.depthwise import Geometry
from tinyc.ops.conv import Convolution
from tinyc.ops.fixed_point import MARKED, MAX_ONCE, ONCE, Multiplier, requantize
from tinyc.ops.window import same_padding
from tinyc.program.kernel import Site, find_kernel
from tinyc.program.rows import row_stages
from tinyc.targets import load

DEPTHWISE, ROWS = "tinyc/depthwise_s8", "tinyc/depthwise_rows_s8"
IMAGE, IMAGE_DEPTHWISE = "tinyc/image_conv_s8", "tinyc/image_depthwise_conv_s8"
CHANNELS = (*range(2, 18), 24, 31, 32, 33)
MAPS = (*((n, n) for n in range(1, 10)), (5, 12), (13, 2), (25, 5), (3, 33))
ZERO_POINTS = (-128, 127, 0, 5, -77)
# Effective scales: usual ones, right shifts of 22 and more, none, and to the left until all saturates.
SCALES = (2e-3, 2.0**-12, 2.0**-23, 2.0**-30, 0.9, 7.0, 2.0**20)
CLAMPS = ((-128, 127), (-128, 127), (-100, 90))


def case(op: Convolution, x: Sequence[int], w: Sequence[int], seed: int) -> Case:
    """Random weights and bias; zero points, scales, extremes vary with the seed."""
    rng, channels = np.random.default_rng(seed), w[op.channel_axis]
    weights = rng.choice(np.array([-128, 127]), w) if seed % 5 == 4 else rng.integers(-128, 128, w)
    scales = SCALES[seed % 7] * rng.uniform(0.5, 2.0, channels)
    if seed % 4 == 3:  # far apart: both kinds of requantisation side by side
        scales = 1e-3 * 4.0 ** (np.arange(channels) % 9)
    bias = rng.integers(-(2**14), 2**14, channels)
    if seed % 9 == 6:
        bias[::3] = 2**31 - 1
    quant = Quant(tuple(float(s) for s in scales.astype(np.float32)), (0,) * channels, op.channel_axis)
    image = TensorType(tuple(x), DType.int8, Quant.per_tensor(0.5, ZERO_POINTS[seed % 5]))
    operands = ((image, None), (TensorType(tuple(w), DType.int8, quant), weights.astype(np.int8)))
    if seed % 3:
        operands += ((TensorType((channels,), DType.int32), bias.astype(np.int32)),)
    return Case(op, operands, Quant.per_tensor(0.5, ZERO_POINTS[seed // 5 % 5]))


def padding_of(rows: int, columns: int, kernel: tuple[int, int], stride: int, seed: int) -> tuple[int, int, int, int]:
    """SAME, or a window within the image, or odd ones; always so that the window fits."""
    (top, bottom), (left, right) = (
        same_padding(size, taps, stride, 1) for size, taps in zip((rows, columns), kernel, strict=True)
    )
    if seed % 3 == 1 and rows >= kernel[0] and columns >= kernel[1]:
        return 0, 0, 0, 0
    extra = seed % 3 // 2 * (2 - stride) if seed % 11 < 10 else max(kernel)  # windows beside the image
    return top + extra, left, max(bottom, kernel[0] - rows - top), max(right, kernel[1] - columns - left) + extra


def depthwise_cases() -> Iterator[Case]:
    """Kernels, strides, maps and channels, each combination of two of them at least once."""
    kernels = ((3, 3), (3, 3), (5, 5), (7, 7), (2, 3), (1, 5), (6, 4))
    for seed, (size, kernel, stride) in enumerate(product(MAPS, kernels, (1, 2))):
        channels = CHANNELS[seed * 7 % len(CHANNELS)]
        padding = padding_of(*size, kernel, stride, seed)
        op = ops.DepthwiseConv2D((stride, stride), padding=padding, clamp=CLAMPS[seed % 3])
        yield case(op, (1, *size, channels), (1, *kernel, channels), seed)


def few_tap_cases() -> Iterator[Case]:
    """Windows of up to 3x3 with borders of a pixel at most, on every map that has some row or column of it."""
    kernels = ((3, 3), (3, 3), (3, 2), (2, 3), (2, 2), (1, 3), (3, 1), (1, 1))
    for seed, (size, kernel, stride) in enumerate(product(MAPS, kernels, (1, 2))):
        channels = (1, *CHANNELS)[seed * 5 % (len(CHANNELS) + 1)]
        bordered = kernel[0] == 3 and seed % 3 > 0
        (top, bottom), (left, right) = (
            same_padding(n, taps, stride, 1) if bordered else (0, 0) for n, taps in zip(size, kernel, strict=True)
        )
        op = ops.DepthwiseConv2D((stride, stride), padding=(top, left, bottom, right), clamp=CLAMPS[seed % 3])
        if all(n >= taps for n, taps in zip((size[0] + top + bottom, size[1] + left + right), kernel, strict=True)):
            found = case(op, (1, *size, channels), (1, *kernel, channels), seed)
            if size[0] > 1 or kernel[0] < 3:  # else its one row meets one row of taps
                yield found


def image_cases() -> Iterator[Case]:
    """Channels in and out, strides of each axis, windows that fill five words, an even number, and not."""
    kernels = ((3, 3), (10, 4), (1, 1), (5, 2), (4, 7))
    for seed, (size, kernel, depth) in enumerate(product(MAPS[1::2], kernels, (1, 2, 3, 4))):
        padding = padding_of(*size, kernel, 1, seed)
        op = ops.Conv2D((1 + seed % 2, 1 + seed // 2 % 3), padding=padding, clamp=CLAMPS[seed % 3])
        yield case(op, (1, *size, depth), (1 + seed * 5 % 13, *kernel, depth), seed)


def image_depthwise_cases() -> Iterator[Case]:
    for seed, (size, kernel) in enumerate(product(MAPS, ((3, 3), (10, 4)))):
        op = ops.DepthwiseConv2D((2, 1 + seed % 2), padding=padding_of(*size, kernel, 1, seed))
        yield case(op, (1, *size, 1), (1, *kernel, 1 + seed % 9), seed)


def row_cases(kind: type[Convolution], kernels: Iterable[tuple[int, int]], depth: int) -> Iterator[Case]:
    """What a streamed segment calls: one output row, fewer input rows and padding at the borders."""
    for seed, (kernel, stride, rows) in enumerate(product(kernels, (1, 2), (4, 9))):
        channels = (3, 8, 16)[seed % 3] if depth > 4 else depth
        size = (rows, 5 + seed % 4)
        w = (1, *kernel, channels) if kind is ops.DepthwiseConv2D else (8, *kernel, channels)
        op = kind((stride, stride), padding=padding_of(*size, kernel, stride, 0))
        stages = row_stages(case(op, (1, *size, channels), w, seed).node())
        assert not isinstance(stages, str), stages
        for site in stages[0].sites:
            operands = tuple((t, data) for t, data in zip(site.sig.inputs, site.data, strict=True) if t is not None)
            yield Case(site.op, operands, site.sig.output.quant)


CASES: dict[str, Callable[[], Iterable[Case]]] = {
    DEPTHWISE: lambda: (*depthwise_cases(), *row_cases(ops.DepthwiseConv2D, ((3, 3), (5, 5), (7, 7)), 16)),
    ROWS: lambda: (*few_tap_cases(), *row_cases(ops.DepthwiseConv2D, ((3, 3), (3, 2)), 16)),
    IMAGE: lambda: (*image_cases(), *row_cases(ops.Conv2D, ((3, 3), (10, 4)), 3)),
    IMAGE_DEPTHWISE: image_depthwise_cases,
}


def bench(name: str, core: str, every: int) -> Bench:
    """One program of every `every`th case, apart and over the input."""
    kernel, target, rng = find_kernel(name), load(core), np.random.default_rng(3)
    chosen: list[Trial] = []
    cases = list(CASES[name]())
    for found in [*cases, *rounding_once(cases[1::2])][::every]:
        reason = kernel.refuses(Site.of(found.node()), target)
        assert reason is None, reason
        chosen += trials(kernel, found, target, rng)
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


@pytest.mark.parametrize("below", range(9))
def test_the_output_may_start_anywhere_below_the_input(below: int) -> None:
    """Channels then meet others' slots, not their own, unless the kernel sees to it; a strip at a time."""
    op = ops.DepthwiseConv2D(padding=(1, 1, 1, 1))
    served = [case(op, (1, 40, 9, channels), (1, 3, 3, channels), 14) for channels in (5, 8)]
    kernel, target, rng = find_kernel(DEPTHWISE), load("cortex-m4"), np.random.default_rng(0)
    apart = [next(iter(trials(kernel, c, target, rng))) for c in served]
    assert all(kernel.trails(Site.of(c.node()), 0) == 0 for c in served)
    over = [replace(trial, layout=Layout(0, below), place={}) for trial in apart]
    assert make_bench(kernel, over, target).run_host(optimize="-O0") == []


def test_an_output_that_overtakes_its_input_does_not_overlap_its_input() -> None:
    op = ops.DepthwiseConv2D(padding=(2, 2, 2, 2))
    grown = Site.of(case(op, (1, 4, 4, 4), (1, 3, 3, 4), 0).node())
    beside = ops.DepthwiseConv2D((2, 2), padding=(4, 0, 0, 0))  # its first rows are written before any is read
    early = Site.of(case(beside, (1, 40, 40, 4), (1, 3, 3, 4), 0).node())
    assert find_kernel(DEPTHWISE).trails(grown, 0) is None
    assert find_kernel(DEPTHWISE).trails(early, 0) is None


def test_taps_that_only_meet_padding_are_left_out() -> None:
    """Of 7x7 taps over a map of 3x3, those that are at most two pixels off the centre."""
    op = ops.DepthwiseConv2D(padding=(3, 3, 3, 3))
    geometry = Geometry.of(Site.of(case(op, (1, 3, 3, 4), (1, 7, 7, 4), 0).node()))
    assert (geometry.kernel, geometry.padding) == ((5, 5), (2, 2))


def test_scratch_is_a_few_rows_and_not_a_map() -> None:
    op = ops.DepthwiseConv2D(padding=(1, 1, 1, 1))
    site = Site.of(case(op, (1, 112, 112, 32), (1, 3, 3, 32), 0).node())
    pairs_of_two_channels = 2 * 2 * 4 * (112 + 2)  # three rows need two pairs
    assert find_kernel(DEPTHWISE).scratch(site, load("cortex-m4")) == pairs_of_two_channels


@pytest.mark.parametrize("zero_point", ZERO_POINTS)
def test_constants_of_doubled_sums_give_the_reference_for_every_shift(zero_point: int) -> None:
    """In numbers, at the ends and around every tie: (2a·m + 2^31 >> 32) + [a < 0]·(−1) + rounding >> shift.

    Rounded once: (2a·m >> 32) + rounding >> shift, by the lowest byte.
    """
    rng = np.random.default_rng(1)
    shifts = [*range(-31, 3), *range(-MAX_ONCE - ONCE, -ONCE)]
    for shift, multiplier in product(shifts, (2**30, 2**31 - 1, 0, 2**19 + 1, 1431655765)):
        bound, right = np.array([rng.integers(1, 2**30)]), -min(shift, 0) % ONCE
        r = requantiser(Multiplier(multiplier, shift), zero_point, int(bound[0]))
        if r.factor[0] == 1:
            assert shift >= 0 or right == 1 or right >= 22, "usual shifts take the fast form"
            continue
        ties = (np.arange(-3, 4)[:, None] * 2 ** max(0, right - 1) + np.arange(-2, 3)).reshape(-1)
        acc = np.concatenate([rng.integers(-bound[0], bound[0] + 1, 200), ties, -bound, bound, [0, -1, 1]])
        acc = acc[np.abs(acc) <= bound[0]].astype(np.int64)
        once = r.shift[0] < 0
        constant = r.multiplier[0] == 0
        assert constant or once == (shift < MARKED or shift == 0)
        high = (2 * acc * int(r.multiplier[0]) + (0 if once else 2**31)) >> 32
        inner = high + (0 if once else acc >> 63) + int(r.rounding[0])
        assert np.abs(inner).max() < 2**31
        codes = np.clip(inner >> (int(r.shift[0]) & 0xFF), -128, 127)
        assert (codes == requantize(acc, multiplier, shift, zero_point, (-128, 127))).all()
