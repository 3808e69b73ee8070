"""Average pooling along a line against its operator's reference: every sum in numbers, windows and channels in C."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from tests.support.kernel_bench import Bench, make_bench, trials
from tests.support.operator_cases import Case
from tinyc import ops
from tinyc.errors import ToolchainError
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.kernels.pool import line
from tinyc.kernels.pool.line import Line
from tinyc.program.kernel import Site, find_kernel
from tinyc.targets import load

KERNEL = "tinyc/average_pool_line_s8"
ZERO_POINTS = (-128, 127, 0, 5, -77)
# Output scales for inputs of 0.5: the same, halves and quarters (all have ties), a seventh more (nearly has), far ones.
SCALES = (0.5, 1.0, 0.125, 0.7, 0.0313, 1.9, 0.5 * 5 / 7, 100.0, 2.0**-9)
CHANNELS = (1, 3, 4, 5, 8, 15, 16, 18)
WINDOWS = ((2, 2), (2, 2), (3, 3), (1, 1), (4, 4), (5, 2), (1, 7), (16, 16))


def pool(window: tuple[int, int], channels: int, seed: int) -> Case:
    rows, columns = (taps + seed * n % 5 for taps, n in zip(window, (1, 2), strict=True))
    padded = seed % 4 == 1 and max(window) > 1
    op = ops.AveragePoolEven2D(
        stride=(1 + seed % 3, 1 + seed // 2 % 2), extent=window, of_codes=seed % 2 == 0, count_padding=padded,
        padding=(window[0] // 2, window[1] // 2, window[0] // 2, 0) if padded else (0, 0, 0, 0),
        clamp=(-128, 127) if seed % 3 else (-50, 60),
    )
    x = TensorType((1, rows, columns, channels), DType.int8, Quant.per_tensor(0.5, ZERO_POINTS[seed % 5]))
    scale = float(np.float32(SCALES[seed % len(SCALES)]))
    return Case(op, ((x, None),), Quant.per_tensor(scale, ZERO_POINTS[seed // 5 % 5]))


def pools() -> Iterator[Case]:
    for seed, (window, channels) in enumerate(product(WINDOWS, CHANNELS)):
        yield pool(window, channels, seed)


def bench(core: str, every: int = 1) -> Bench:
    """One program of every `every`th case, apart and over the input."""
    kernel, target, rng = find_kernel(KERNEL), load(core), np.random.default_rng(3)
    chosen = list(pools())[::every]
    assert not any(kernel.refuses(Site.of(case.node()), target) for case in chosen)
    return make_bench(kernel, [t for case in chosen for t in trials(kernel, case, target, rng)], target)


def test_the_plain_form_on_the_host() -> None:
    assert bench("cortex-m4").run_host(optimize="-O0") == []


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
def test_the_instructions_of_the_emulated_core(core: str) -> None:
    try:
        assert bench(core, 2).run_emulated(core) == []
    except ToolchainError as error:
        if "isn't on the PATH" in str(error):
            pytest.skip(f"needs the cross compiler and the emulator: {error}")
        raise


def test_a_line_is_found_for_any_scales(long: bool) -> None:
    """Random ones, and quotients of small numbers: means then are ties or, in float32, nearly so."""
    rng = np.random.default_rng(0)
    for seed in range(5000 if long else 400):
        window, op_seed = tuple(rng.integers(1, 9, 2).tolist()), int(rng.integers(1, 100))
        case = pool(window, 1, op_seed)
        (x, _), *_ = case.operands
        few, many = rng.integers(1, 40, 2)
        ratio = (2.0 ** rng.uniform(-9, 9), few / many, 1.0)[seed % 3]
        scale = np.float32(2.0 ** rng.uniform(-10, 3))
        x = TensorType(x.shape, x.dtype, Quant.per_tensor(float(scale), x.zero_point))
        quant = Quant.per_tensor(float(np.float32(scale * ratio)), int(rng.integers(-128, 128)))
        site = Site.of(Case(case.op, ((x, None),), quant).node())
        assert isinstance(site.op, ops.AveragePoolEven2D)
        assert Line.of(site.op, site.sig) is not None, (site.op, site.sig)


def test_a_line_beside_the_means_is_told() -> None:
    site = Site.of(pool((2, 2), 4, 0).node())
    assert isinstance(site.op, ops.AveragePoolEven2D)
    found = Line.of(site.op, site.sig)
    assert found is not None and found.is_right(site.op, site.sig)
    for wrong in ({"ties": -1}, {"multiplier": found.multiplier + 2**24}, {"offset": found.offset + 1}):
        assert not Line(**{**vars(found), **wrong}).is_right(site.op, site.sig), wrong


def test_without_a_line_the_call_is_exact_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "_lines", lambda op, sig: iter(()))
    assert bench("cortex-m4", 4).run_host(optimize="-O0") == []
