"""Every registered kernel against its operator's reference, bit for bit, through the C that the compiler emits."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.kernel_cases import cases_of
from tests.support.kernel_bench import Bench, Trial, make_bench, trials
from tinyc.ir.operator import operators
from tinyc.program.kernel import KERNELS, Kernel
from tinyc.program.lower import one_image
from tinyc.targets import load

import tinyc.kernels  # noqa: F401  registers them

KERNEL_NAMES = tuple(KERNELS)


def bench_of(kernel: Kernel, target_name: str, count: int) -> Bench:
    """Every case of the kernel's operators that it serves on the target."""
    target, rng = load(target_name), np.random.default_rng(7)
    names = [name for name, op in operators().items() if issubclass(op, kernel.op)]
    served = [
        case
        for name in names
        for case in cases_of(name, count)
        if kernel.refuses(one_image(case.node())[0], target) is None
    ]
    assert len(served) >= 5, f"{kernel.name} serves only {len(served)} of the cases of {', '.join(names)}"
    chosen: Sequence[Trial] = [trial for case in served for trial in trials(kernel, case, target, rng)]
    return make_bench(kernel, chosen, target)


@pytest.mark.parametrize("name", KERNEL_NAMES)
def test_a_kernel_computes_its_operators_reference(name: str, long: bool) -> None:
    bench = bench_of(KERNELS.get(name), "cortex-m3", 300 if long else 20)
    assert bench.run_host() == []
