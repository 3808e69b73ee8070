"""Every registered kernel against its operator's reference, bit for bit, through the C the compiler emits."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tinyc.kernels
from tests.kernels.kernel_cases import cases_of, in_flash
from tests.support.kernel_bench import Bench, make_bench, trials
from tinyc.errors import ToolchainError
from tinyc.ir.operator import operators
from tinyc.program.kernel import KERNELS, Kernel
from tinyc.program.lower import one_image
from tinyc.targets import Target, load

FOLDER = Path(tinyc.kernels.__file__).parent
KERNEL_NAMES = tuple(KERNELS)
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Werror", "-std=c99", "-pedantic", "-fsyntax-only"]
OUR_SOURCES = sorted(FOLDER.glob("*/tinyc_*.c"))


def bench_of(kernel: Kernel, target: Target, count: int) -> Bench:
    """A program of every case of the kernel's operators that it serves on the target."""
    rng = np.random.default_rng(7)
    names = [name for name, op in operators().items() if issubclass(op, kernel.op)]
    served = [
        case for name in names for case in cases_of(name, count)
        if kernel.refuses(one_image(case.node())[0], target) is None
    ]
    if kernel.name == "cmsis-nn/fully_connected_s8" and target.simd == "mve":
        served = [case for case in served if in_flash(case)]  # its sums are computed at compile time
    assert len(served) >= 5, f"{kernel.name} serves only {len(served)} of the cases of {', '.join(names)}"
    return make_bench(kernel, [t for case in served for t in trials(kernel, case, target, rng)], target)


@pytest.mark.parametrize("name", KERNEL_NAMES)
def test_a_kernel_computes_its_operators_reference(name: str, long: bool) -> None:
    bench = bench_of(KERNELS.get(name), load("cortex-m3"), 300 if long else 20)
    # Without optimisation: gcc takes very long over many sanitized functions that it inlines into one.
    assert bench.run_host(optimize="-O0") == []


@pytest.mark.long
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("name", KERNEL_NAMES)
def test_a_kernel_computes_the_same_on_every_core(name: str, core: str) -> None:
    try:
        assert bench_of(KERNELS.get(name), load(core), 40).run_emulated(core) == []
    except ToolchainError as error:
        if "not found" in str(error):
            pytest.skip(f"needs the cross compiler and the emulator: {error}")
        raise


@pytest.mark.parametrize("kernel_name", ["tinyc/softmax_s8", "tinyc/pad_s8", "tinyc/fully_connected_s8"])
def test_the_bench_sees_an_output_that_lies_too_high(
    kernel_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overlaps that a kernel does not permit give wrong numbers: that others give none means something."""
    kernel = KERNELS.get(kernel_name)
    permitted = type(kernel).trails
    monkeypatch.setattr(type(kernel), "trails", lambda self, site, i: (permitted(self, site, i) or 0) - 40)
    monkeypatch.setattr("tests.support.kernel_bench.SHIFTS", (0,))
    assert bench_of(kernel, load("cortex-m3"), 20).run_host(optimize="-O0") != []


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("source", OUR_SOURCES, ids=lambda path: path.stem)
def test_our_c_has_no_warnings(source: Path, compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not on this machine")
    includes = [f"-I{FOLDER / shared}" for shared in ("common", "helium", "average", "pointwise")]
    command = [compiler, "-O2", *STRICT, *includes, str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_source_and_header_belongs_to_a_kernel() -> None:
    declared = {
        (kernel.folder / name).resolve()
        for kernel in KERNELS.values() if kernel.provider == "tinyc"
        for name in (*kernel.sources, *kernel.headers)
    }
    assert declared >= {path.resolve() for path in (*OUR_SOURCES, *FOLDER.glob("*/tinyc_*.h"))}
    assert all(path.is_file() for path in declared)


@pytest.mark.parametrize("name", KERNEL_NAMES)
def test_a_kernel_estimates_its_cost_and_names_its_files(name: str) -> None:
    kernel, target = KERNELS.get(name), load("cortex-m4")
    (operator, *_) = [name for name, op in operators().items() if issubclass(op, kernel.op)]
    sites = [one_image(case.node())[0] for case in cases_of(operator, 20)]
    costs = [kernel.cost(site, target) for site in sites if kernel.refuses(site, target) is None]
    assert costs and min(costs) > 0
    assert kernel.includes and kernel.__doc__
