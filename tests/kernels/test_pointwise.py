"""Our kernels for cores with 16-bit pairs against their operators' references: shapes, ends of ranges, both forms in C.

The plain C of the host and the instructions of the emulated core come from the same source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product

import numpy as np
import pytest

from tests.kernels.kernel_cases import rounding_once
from tests.support.kernel_bench import Bench, Trial, make_bench, trials
from tests.support.operator_cases import Case
from tinyc import ops
from tinyc.errors import ToolchainError
from tinyc.ir.operator import Operator
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.kernels.pointwise.packing import interleave
from tinyc.program.kernel import Site, find_kernel
from tinyc.program.lower import one_image
from tinyc.program.rows import row_stages
from tinyc.targets import load

CHANNELS = (*range(1, 18), 24, 31, 32, 33, 64)
ZERO_POINTS = (-128, 127, 0, 5, -77)
# Output scales against the sums': right shifts from the largest to none, then to the left until all saturates.
SCALES = (1.0, 0.004, 3.0, 0.3, 2.0**-12, 1e5, 2.0**20)
CLAMPS = ((-128, 127), (-128, 127), (-100, 90))


def weighted(
    op: Operator, x: tuple[int, ...], w: tuple[int, ...], seed: int, *, depth: int, per_channel: bool = True
) -> Case:
    """Random weights and bias; zero points, scales and extremes vary with the seed."""
    rng, channels = np.random.default_rng(seed), w[0]
    weights = rng.choice(np.array([-128, 127]), w) if seed % 5 == 4 else rng.integers(-127, 128, w)
    bias = rng.integers(-(2**14), 2**14, channels)
    output = 0.5 * depth**0.5 * SCALES[seed % len(SCALES)]
    scales = rng.uniform(0.002, 0.02, channels)
    if seed % 4 == 3:  # far apart: both kinds of requantisation side by side
        scales *= 2.0 ** (np.arange(channels) % 9 - 4)
    if seed % 9 in (5, 6):  # one code for any input, as in pruned networks
        bias[1::3], scales[1::3] = 2**30 + 12345, output * 2.0**-26
    if seed % 9 == 6:
        bias[::3] = 2**31 - 1
    rounded = tuple(float(s) for s in scales.astype(np.float32))
    quant = Quant(rounded, (0,) * channels, 0) if per_channel and channels > 1 else Quant.per_tensor(rounded[0], 0)
    image = TensorType(x, DType.int8, Quant.per_tensor(0.5, ZERO_POINTS[seed % len(ZERO_POINTS)]))
    operands = ((image, None), (TensorType(w, DType.int8, quant), weights.astype(np.int8)))
    if seed % 3:
        operands += ((TensorType((channels,), DType.int32), bias.astype(np.int32)),)
    return Case(op, operands, Quant.per_tensor(float(np.float32(output)), ZERO_POINTS[seed // 5 % 5]))


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


def many_channel_cases() -> Iterator[Case]:
    """So many that a piece is a single tap."""
    for seed, (channels, window) in enumerate(product((61, 64, 77), ((3, 3), (1, 2)))):
        op = ops.Conv2D((1 + seed % 2, 1), (1, 1), (1, 1, 1, 0), CLAMPS[seed % 3])
        yield weighted(op, (1, 3, 4, channels), (3 + seed, *window, channels), seed, depth=channels * window[1])


def group_cases() -> Iterator[Case]:
    """Two to four groups of channels."""
    for seed, (groups, depth, wide) in enumerate(product((2, 3, 4), (1, 2, 5, 8), (1, 3))):
        op = ops.Conv2D((1 + seed % 2, 1), padding=(seed % 2, 1, 1, 0), clamp=CLAMPS[seed % 3])
        x, w = (1, 3 + seed % 3, 4 + seed % 5, groups * depth), (groups * wide, 2 + seed % 2, 3, depth)
        yield weighted(op, x, w, seed, depth=depth * 8)


def row_cases() -> Iterator[Case]:
    """What a streamed segment calls: one output row, fewer input rows and padding at the borders."""
    for seed, (rows, stride, channels) in enumerate(product((4, 7), (1, 2), (3, 8, 16))):
        op = ops.Conv2D((stride, stride), (1, 1), (1, 1, 1, 1))
        x, w = (1, rows, 5 + seed % 2, channels), (5, 3, 3, channels)
        node = weighted(op, x, w, seed, depth=9 * channels).node()
        stages = row_stages(node)
        assert not isinstance(stages, str), stages
        for site in stages[0].sites:
            operands = tuple((t, data) for t, data in zip(site.sig.inputs, site.data, strict=True) if t is not None)
            yield Case(site.op, operands, site.sig.output.quant)


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


def image_of(shape: tuple[int, ...], seed: int) -> TensorType:
    return TensorType(shape, DType.int8, Quant.per_tensor(0.25, ZERO_POINTS[seed % 5]))


def mean_cases() -> Iterator[Case]:
    """Axes at every place, more elements than 16 bits can add up, scales to both sides."""
    shapes = (
        ((1, 2), (2, 3, 5, 9)), ((1,), (1, 3, 3, 8)), ((0, 1), (20, 30, 5)), ((2,), (2, 3, 7)), ((1, 2), (1, 1, 1, 6)),
    )
    for seed, (axes, shape) in enumerate(shapes * 2):
        scale = (0.25, 0.03, 4.0)[seed % 3]
        yield Case(ops.Mean(axes, seed % 2 == 0), ((image_of(shape, seed), None),), Quant.per_tensor(scale, 5 - seed))


def average_cases() -> Iterator[Case]:
    """Maps of 1 to more than 256 pixels."""
    for seed, (rows, columns) in enumerate(((1, 1), (2, 3), (5, 5), (7, 1), (16, 16), (17, 19))):
        for channels in (1, 4, 7, 16):
            x = image_of((1, rows, columns, channels), seed)
            op = ops.AveragePool2D(extent=(rows, columns), clamp=CLAMPS[seed % 3])
            yield Case(op, ((x, None),), x.quant)


def direct_cases() -> Iterator[Case]:
    """Whole groups of channels in; any number out."""
    for seed, (deep, wide) in enumerate(product((4, 8, 12, 16, 32, 64), (1, 2, 7, 12, 33))):
        x, op = (1, 1 + seed % 3, 1 + seed % 7, deep), ops.Conv2D(clamp=CLAMPS[seed % 3])
        yield weighted(op, x, (wide, 1, 1, deep), seed, depth=deep)


CASES: dict[str, Callable[[], Iterable[Case]]] = {
    "tinyc/pointwise_s8": pointwise_cases,
    "tinyc/pointwise_triples_s8": pointwise_cases,
    "tinyc/pointwise_direct_s8": direct_cases,
    "tinyc/conv_columns_s8": lambda: (*window_cases(), *row_cases(), *group_cases()),
    "tinyc/conv_pieces_s8": lambda: (*window_cases(), *row_cases(), *many_channel_cases(), *group_cases()),
    "tinyc/dense_rows_s8": lambda: dense_cases((2, 3, 1, 6)),
    "tinyc/dense_s8": lambda: dense_cases((1,)),
    "tinyc/add_equal_s8": add_cases,
    "tinyc/axis_mean_s8": mean_cases,
    "tinyc/axis_average_s8": average_cases,
}


def bench(name: str, core: str, every: int) -> Bench:
    """One program of every `every`th case that the kernel serves, apart and over the input."""
    kernel, target, rng = find_kernel(name), load(core), np.random.default_rng(3)
    chosen: list[Trial] = []
    cases = list(CASES[name]())
    for case in [*cases, *rounding_once(cases[1::2])][::every]:
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


def test_channels_of_one_code_take_the_fast_path_without_weights() -> None:
    """Their bias would not fit the doubled form; the code is the same for every input."""
    op = ops.FullyConnected()
    case = weighted(op, (1, 9), (9, 9), 14, depth=9)
    dense = find_kernel("tinyc/dense_s8").dense(Site.of(case.node()))  # type: ignore[attr-defined]
    assert dense.constant.nonzero()[0].tolist() == [1, 4, 7]
    assert (dense.requantisers(4)[:, 2] > 0).all()
    assert not dense.grouped()[dense.constant].any()


def test_the_packed_words_hold_codes_of_two_channels_side_by_side() -> None:
    weights = np.arange(8).reshape(1, 2, 4)
    assert interleave(weights).view(np.int8).tolist() == [[0, 4, 2, 6, 1, 5, 3, 7]]


def test_the_output_trails_by_what_two_pixels_add() -> None:
    """Wider outputs lie lower by what they grow up to the last pair that is still to be read."""
    wider = weighted(ops.Conv2D(), (1, 1, 7, 4), (6, 1, 1, 4), 0, depth=4)
    narrower = weighted(ops.Conv2D(), (1, 1, 7, 6), (4, 1, 1, 6), 0, depth=6)
    kernel = find_kernel("tinyc/pointwise_s8")
    assert kernel.trails(Site.of(wider.node()), 0) == 6 * (6 - 4)
    assert kernel.trails(Site.of(narrower.node()), 0) == 0
    assert kernel.trails(Site.of(wider.node()), 1) is None
