"""Our Helium kernels against their operators' references: shapes, ends of ranges, both forms in C.

The plain C of the host and the instructions of the emulated core come from the same sources.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tests.kernels.kernel_cases import rounding_once
from tests.kernels.test_depthwise import MAPS, case, padding_of
from tests.kernels.test_depthwise import row_cases as depthwise_row_cases
from tests.kernels.test_pointwise import (
    add_cases,
    dense_cases,
    group_cases,
    pointwise_cases,
    row_cases,
    weighted,
    window_cases,
)
from tests.support.kernel_bench import Bench, Layout, Trial, make_bench, trials
from tests.support.operator_cases import Case
from tinyc import ops
from tinyc.errors import ToolchainError
from tinyc.ir.types import Array, Quant
from tinyc.kernels.helium import depthwise
from tinyc.kernels.helium.packing import ANY_SHIFT, HALVES_UP, RIGHT_SHIFT, ROUND_ONCE, rounding
from tinyc.ops.conv import ChannelMultipliers
from tinyc.ops.fixed_point import MARKED, MAX_ONCE, ONCE, requantize
from tinyc.program.kernel import Site, find_kernel
from tinyc.targets import load

CORE = "cortex-m55"
DEPTHWISE, LANES = "tinyc/helium_depthwise_s8", "tinyc/helium_lanes_s8"


def depthwise_cases() -> Iterator[Case]:
    """Kernels, strides, maps and channels: less than a vector, eight, and more than one vector."""
    kernels, channels = ((3, 3), (3, 3), (2, 3), (1, 2)), (1, 2, 5, 7, 8, 8, 9, 15, 16, 17, 24, 31, 33)
    for seed, (size, kernel, stride) in enumerate(product(MAPS, kernels, (1, 2))):
        depth = channels[seed * 5 % len(channels)]
        padding = padding_of(*size, kernel, stride, seed)
        op = ops.DepthwiseConv2D((stride, stride), padding=padding, clamp=((-128, 127), (-100, 90))[seed % 3 // 2])
        if max(padding[:2]) <= 2:
            yield case(op, (1, *size, depth), (1, *kernel, depth), seed)


def large_depthwise_cases() -> Iterator[Case]:
    """Beyond 3x3, up to eight rows or columns."""
    kernels, channels = ((5, 5), (7, 7), (4, 4), (8, 8), (3, 5), (6, 2)), (1, 5, 8, 15, 16, 17, 33)
    for seed, (size, kernel, stride) in enumerate(product(MAPS[2:], kernels, (1, 2))):
        padding = padding_of(*size, kernel, stride, 3 * seed)
        depth, op = channels[seed * 3 % len(channels)], ops.DepthwiseConv2D((stride, stride), padding=padding)
        if max(padding[:2]) <= 3:
            yield case(op, (1, *size, depth), (1, *kernel, depth), seed)


def lanes_cases() -> Iterator[Case]:
    """3x3 and fewer columns on vectors of channels, with and without borders."""
    kernels = ((3, 3), (3, 3), (3, 3), (3, 2), (3, 1))
    for seed, (size, kernel, stride) in enumerate(product(MAPS, kernels, (1, 2))):
        padding = padding_of(*size, kernel, stride, seed)
        op = ops.DepthwiseConv2D((stride, stride), padding=padding, clamp=((-128, 127), (-100, 90))[seed % 3 // 2])
        depth = (16, 48, 32, 16)[seed % 4]
        yield case(op, (1, *size, depth), (1, *kernel, depth), seed)


def spread_cases() -> Iterator[Case]:
    """One channel, several filters."""
    for seed, (size, kernel) in enumerate(product(MAPS, ((3, 3), (10, 4)))):
        op = ops.DepthwiseConv2D((2, 1 + seed % 2), padding=padding_of(*size, kernel, 1, seed))
        yield case(op, (1, *size, 1), (1, *kernel, 1 + seed % 9), seed)


def rectified_cases() -> Iterator[Case]:
    """Clamps from the zero point on, which take the shortest way to requantise."""
    for seed, (channels, zero) in enumerate(product((3, 8, 16, 19), (-128, -5, 100))):
        op = ops.Conv2D(clamp=(zero, 127))
        found = weighted(op, (1, 3, 1 + seed, channels), (5, 1, 1, channels), 7 * seed, depth=channels)
        assert found.quant is not None
        yield replace(found, quant=Quant.per_tensor(found.quant.scale[0], zero))


CASES: dict[str, Callable[[], Iterable[Case]]] = {
    LANES: lambda: (*lanes_cases(), *depthwise_row_cases(ops.DepthwiseConv2D, ((3, 3), (2, 2), (3, 3)), 16)),
    "tinyc/helium_add_s8": add_cases,
    "tinyc/helium_pointwise_s8": lambda: (*pointwise_cases(), *rectified_cases()),
    "tinyc/helium_conv_s8": lambda: (*window_cases(), *row_cases(), *group_cases()),
    "tinyc/helium_spread_s8": spread_cases,
    "tinyc/helium_dense_s8": lambda: dense_cases((1, 2, 3, 6)),
    DEPTHWISE: lambda: (
        *depthwise_cases(), *large_depthwise_cases(),
        *depthwise_row_cases(ops.DepthwiseConv2D, ((3, 3), (2, 2), (5, 5), (7, 7)), 16),
    ),
}


def bench(name: str, every: int) -> Bench:
    """One program of every `every`th case that the kernel serves, apart and over the input."""
    kernel, target, rng = find_kernel(name), load(CORE), np.random.default_rng(3)
    cases = list(CASES[name]())
    every_kind = [*cases, *rounding_once(cases[1::2])]
    served = [c for c in every_kind if kernel.refuses(Site.of(c.node()), target) is None]
    assert len(served) > 20
    chosen: list[Trial] = []
    for found in served[::every]:
        chosen += trials(kernel, found, target, rng)
    return make_bench(kernel, chosen, target)


def emulated(tested: Bench) -> list[str]:
    """Mismatches on the emulated core; skips the test where it is not on this machine."""
    try:
        return tested.run_emulated(CORE)
    except ToolchainError as error:
        if "isn't on the PATH" in str(error):
            pytest.skip(f"needs the cross compiler and the emulator: {error}")
        raise


@pytest.mark.parametrize("name", CASES)
def test_the_plain_form_on_the_host(name: str) -> None:
    assert bench(name, 1).run_host(optimize="-O0") == []


@pytest.mark.parametrize("name", CASES)
def test_the_instructions_of_the_emulated_core(name: str) -> None:
    assert emulated(bench(name, 2)) == []


def strips(below: int) -> Bench:
    """Depthwise convolutions of several strips, some bytes below their inputs."""
    kernel, target, rng = find_kernel(DEPTHWISE), load(CORE), np.random.default_rng(0)
    geometries = product((1, 2), (0, 1, 2), (5, 8, 18))
    served = [
        case(ops.DepthwiseConv2D((stride, stride), padding=(pad, 1, 2 - pad, 1)), (1, 13, 9, c), (1, 3, 3, c), 14)
        for stride, pad, c in geometries
    ]
    assert all(kernel.trails(Site.of(c.node()), 0) == 0 for c in served)
    apart = [next(iter(trials(kernel, c, target, rng))) for c in served]
    return make_bench(kernel, [replace(t, layout=Layout(0, below), place={}) for t in apart], target)


@pytest.mark.parametrize("below", (0, 1, 7, 16))
def test_rows_that_a_strip_writes_over_are_there_for_the_next(below: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depthwise, "STRIP_BYTES", 0)
    tested = strips(below)
    assert tested.run_host(optimize="-O0") == []
    assert emulated(tested) == []


def test_scratch_is_a_few_rows_and_not_a_map() -> None:
    op = ops.DepthwiseConv2D(padding=(1, 1, 1, 1))
    site = Site.of(case(op, (1, 112, 112, 32), (1, 3, 3, 32), 0).node())
    two_strips, saved_row = 2 * 114 * 64, 112 * 16
    assert find_kernel(DEPTHWISE).scratch(site, load(CORE)) == 16 + saved_row + two_strips + 64


def vector_codes(acc: Array, multiplier: int, shift: int, kind: int) -> Array:
    """What tinyc_helium_scale does, in wide integers."""
    if kind == ANY_SHIFT:
        acc = (acc << max(shift, 0)).astype(np.int32).astype(np.int64)
        shift = min(shift, 0)
    if kind == ROUND_ONCE:
        shift += ONCE  # the lowest byte is the same
        return ((2 * acc * multiplier >> 32) + (1 << -shift >> 1)) >> -shift
    high = (2 * acc * multiplier + 2**31) >> 32
    if kind != HALVES_UP and shift < 0:
        high = high - (high < 0)
    return (high + (1 << -shift >> 1)) >> -shift


@pytest.mark.parametrize("zero_point, clamp", [(-128, (-128, 127)), (5, (5, 60)), (-3, (-128, 127))])
def test_the_cheapest_rounding_gives_the_reference(zero_point: int, clamp: tuple[int, int]) -> None:
    """For every shift, at the ends and around every tie."""
    rng, kinds = np.random.default_rng(1), set()
    shifts = [*range(-31, 9), *range(-MAX_ONCE - ONCE, -ONCE)]
    for shift, multiplier in product(shifts, (2**30, 2**31 - 1, 0, 1431655765)):
        kind = rounding(ChannelMultipliers((multiplier,), (shift,)), zero_point, clamp)
        kinds.add(kind)
        ties = (np.arange(-3, 4)[:, None] * 2 ** (-min(shift, 0) % ONCE) + np.arange(-2, 3)).reshape(-1)
        acc = np.concatenate([rng.integers(-(2**31), 2**31, 300), ties, [2**31 - 1, -(2**31), 0, 1, -1]])
        acc = np.clip(acc, -(2**31), 2**31 - 1)
        codes = np.clip(vector_codes(acc, multiplier, shift, kind) + zero_point, *clamp)
        assert (codes == requantize(acc, multiplier, shift, zero_point, clamp)).all(), (shift, multiplier)
        assert (kind == ROUND_ONCE) == (shift < MARKED)
        assert (kind == HALVES_UP) == (shift == 0 or MARKED < shift < 0 and clamp[0] >= zero_point)
    assert kinds == {ANY_SHIFT, HALVES_UP, ROUND_ONCE} | (set() if clamp[0] >= zero_point else {RIGHT_SHIFT})


@pytest.mark.parametrize("level", ["-O0", "-Og", "-O2", "-Os", "-O3 -fno-omit-frame-pointer"])
def test_the_assembly_finds_its_registers_at_every_level(level: str) -> None:
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        pytest.skip("needs the cross compiler")
    folder = find_kernel(DEPTHWISE).folder
    strict = ["-Wall", "-Wextra", "-Wconversion", "-Werror", "-std=c99", "-pedantic", "-c", "-o", "/dev/null"]
    for source in sorted(folder.glob("*.c")):
        command = [compiler, *load(CORE).cpu_flags, *level.split(), *strict, f"-I{folder.parent / 'common'}"]
        done = subprocess.run([*command, str(source)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
