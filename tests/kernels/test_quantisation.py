"""What kernels answer does not depend on the scales that a calibration finds, so that plans need no trained network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.kernel_costs import CORES, fitted_kernels, served
from tests.support.operator_cases import Case
from tinyc.ir.operator import TypeRuleError
from tinyc.ir.types import Quant, TensorType
from tinyc.program.kernel import Kernel, Site
from tinyc.targets import Target, load

VARIANTS = 4


def calibrated(case: Case, rng: np.random.Generator) -> Case | None:
    """The same with other scales; None where the operator asks for equal ones."""

    def other(quant: Quant | None) -> Quant | None:
        if quant is None:
            return None
        scales = tuple(float(np.float32(s * 2 ** rng.uniform(-1.5, 1.5))) for s in quant.scale)
        return Quant(scales, quant.zero_point, quant.axis)

    operands = tuple(
        o if o is None else (TensorType(o[0].shape, o[0].dtype, other(o[0].quant)), o[1]) for o in case.operands
    )
    changed = replace(case, operands=operands, quant=other(case.quant))
    try:
        changed.graph()
    except TypeRuleError:
        return None
    return changed


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
                changed = calibrated(case, rng)
                if changed is not None:
                    tried += 1
                    assert answers(kernel, changed, target) == answers(kernel, case, target), (kernel.name, changed)
    assert tried > 100
