"""Costs as data: every part of a kernel's work has a number on every core, and the numbers say what is executed."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import tinyc.kernels
from benchmarks.kernel_costs import (
    CORES,
    LIBRARY,
    Measured,
    fit,
    fitted_kernels,
    main,
    measure,
    non_negative,
    served,
    update,
)
from tinyc.errors import ToolchainError
from tinyc.ir.types import Array
from tinyc.program.costs import FILE, MEASURED, estimate, instructions, read
from tinyc.program.kernel import KERNELS, Kernel, Site
from tinyc.targets import Target, load, names

FOLDER = Path(tinyc.kernels.__file__).parent
OURS = tuple(KERNELS.get(name) for name in KERNELS if KERNELS.get(name).folder.parent == FOLDER)
QUICK = 4  # calls of each kernel
# How far an estimate may be from what is executed: at most, and in the middle.
NEAR, TYPICAL = 0.3, 0.1


@cache
def sites(kernel: Kernel, core: str) -> tuple[Site, ...]:
    return tuple(Site.of(case.node()) for case in served(kernel, load(core)))


@pytest.mark.parametrize("core", CORES)
def test_every_part_of_the_work_has_a_number(core: str) -> None:
    target = load(core)
    for kernel in OURS:
        assert sites(kernel, core), f"no call in kernel_sites.py is for {kernel.name}"
        assert all(kernel.cost(site, target) > 0 for site in sites(kernel, core)), kernel.name


def test_every_number_belongs_to_a_part_of_the_work() -> None:
    for path in sorted(FOLDER.glob(f"*/{FILE}")):
        for name, parts in read(path).items():
            kernel = KERNELS.get(name)
            assert kernel.folder == path.parent
            for core in CORES:
                done = {part for site in sites(kernel, core) for part in kernel.work(site, load(core))}
                assert _of(kernel, core).keys() == done, (name, core)
            assert {core for cores in parts.values() for core in cores} == set(CORES)


def test_every_core_is_measured_or_of_a_kind_that_is() -> None:
    kernel = OURS[0]
    for name in names():
        core = load(name).core
        stands = core if core in CORES else MEASURED[load(name).simd]
        assert instructions(kernel.folder, kernel.name, core, load(name).simd) == _of(kernel, stands)


def _of(kernel: Kernel, core: str) -> dict[str, float]:
    parts = read(kernel.folder / FILE)[kernel.name]
    return {part: cores[core] for part, cores in parts.items() if core in cores}


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
def test_what_is_estimated_is_executed(core: str, long: bool) -> None:
    """Of our kernels that are meant for the core; the numbers of CMSIS-NN are Arm's library's, not the stand-in's."""
    target = load(core)
    kernels = [k for k in fitted_kernels(["*"]) if k in OURS and k.provider != LIBRARY and _is_for(k, target)]
    try:
        found = measure(kernels, target, None, sites=None if long else QUICK)
    except ToolchainError as error:
        if "not found" in str(error):
            pytest.skip(f"needs the cross compiler and the emulator: {error}")
        raise
    for kernel, calls in found.items():
        ratios = [kernel.cost(call.site, target) / call.instructions for call in calls]
        assert max(abs(ratio - 1) for ratio in ratios) < NEAR, (kernel.name, ratios)
        assert float(np.median([abs(ratio - 1) for ratio in ratios])) < TYPICAL, (kernel.name, ratios)


def _is_for(kernel: Kernel, target: Target) -> bool:
    return target.simd == "mve" or "helium" not in kernel.name


def test_numbers_that_the_calls_are_made_of_are_found_again() -> None:
    kernel, target = KERNELS.get("tinyc/softmax_s8"), load("cortex-m4")
    true = {"call": 50.0, "row": 120.0, "element": 7.5}

    def counted(site: Site) -> int:
        return round(sum(true[part] * count for part, count in kernel.work(site, target).items()))

    found = fit(kernel, [Measured(site, counted(site)) for site in sites(kernel, "cortex-m4")], target)
    assert found.rates == pytest.approx(true, rel=0.02)
    assert max(map(abs, found.errors)) < 0.01


@pytest.mark.parametrize("seed", range(20))
def test_no_subset_of_columns_is_closer_without_negative_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(12, 5)), rng.normal(size=12)
    a[:, 4] = a[:, 0] + a[:, 1]  # as parts of the work that always come together
    x = non_negative(a, b)
    assert x.min() >= 0
    assert np.linalg.norm(a @ x - b) <= _best_of_all(a, b) + 1e-9


def _best_of_all(a: Array, b: Array) -> float:
    best = float(np.linalg.norm(b))
    for mask in range(1, 2 ** a.shape[1]):
        used = np.array([bool(mask >> i & 1) for i in range(a.shape[1])])
        x = np.linalg.lstsq(a[:, used], b, rcond=None)[0]
        if x.min() >= 0:
            best = min(best, float(np.linalg.norm(a[:, used] @ x - b)))
    return best


def test_an_update_leaves_the_rest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / FILE
    update(path, "b/one", "cortex-m4", {"call": 1.0, "row of taps": 2.5})
    update(path, "a/two", "cortex-m3", {"call": 3.0})
    update(path, "b/one", "cortex-m0plus", {"call": 4.0})
    update(path, "b/one", "cortex-m4", {"call": 5.0, "tap": 0.0})
    assert read(path) == {
        "a/two": {"call": {"cortex-m3": 3.0}},
        "b/one": {"call": {"cortex-m0plus": 4.0, "cortex-m4": 5.0}, "tap": {"cortex-m4": 0.0}},
    }


def test_a_part_without_a_number_is_told(tmp_path: Path) -> None:
    update(tmp_path / FILE, "a/two", "cortex-m3", {"call": 3.0})
    assert estimate(tmp_path, "a/two", load("cortex-m3"), {"call": 2}) == 6.0
    with pytest.raises(LookupError, match=r"a/two on cortex-m3 for row: measure them with python -m benchmarks"):
        estimate(tmp_path, "a/two", load("cortex-m3"), {"call": 2, "row": 1})


def test_the_script_prints_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CMSIS_NN_DIR", raising=False)
    monkeypatch.setattr("sys.argv", ["kernel_costs", "--kernels", "*/softmax*_s8", "--cores", "cortex-m4", "--calls"])
    if shutil.which("arm-none-eabi-gcc") is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("needs the cross compiler and the emulator")
    assert main() == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("1 kernels of cmsis-nn are left out")
    rows = [line for line in printed.out.splitlines() if line.startswith("tinyc/")]
    assert len(rows) == 4 and all("cortex-m4" in row and "element" in row for row in rows)
    assert "of " in printed.out and "Softmax(" in printed.out


def test_the_script_tells_a_name_that_is_no_kernel(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["kernel_costs", "--kernels", "tinyc/nothing"])
    assert main() == 2
    assert "No kernel to measure is called tinyc/nothing" in capsys.readouterr().err
