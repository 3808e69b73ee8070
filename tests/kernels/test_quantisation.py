"""What kernels answer does not depend on the scales that a calibration finds, so that plans need no trained network."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.kernel_costs import CORES, fitted_kernels, served
from tests.kernels.kernel_cases import trained_again
from tests.support.operator_cases import Case
from tinyc.program.kernel import Kernel, Site
from tinyc.targets import Target, load

VARIANTS = 4


def answers(kernel: Kernel, case: Case, target: Target) -> tuple[object, ...]:
    site = Site.of(case.node())
    if kernel.refuses(site, target) is not None:
        return (None,)
    trails = [kernel.trails(site, i) for i, kind in enumerate(site.sig.inputs) if kind is not None]
    return kernel.scratch(site, target), kernel.cost(site, target), trails


@pytest.mark.parametrize("core", CORES)
def test_scales_decide_nothing(core: str, long: bool) -> None:
    target, rng, tried = load(core), np.random.default_rng(3), 0
    for kernel in fitted_kernels(["*"]):
        for case in served(kernel, target)[:: 1 if long else 5]:
            for _ in range(VARIANTS):
                changed = trained_again(case, rng, scales_alone=True)
                if changed is not None:
                    tried += 1
                    assert answers(kernel, changed, target) == answers(kernel, case, target), (kernel.name, changed)
    assert tried > 100
