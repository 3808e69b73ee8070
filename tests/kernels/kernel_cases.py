"""Cases of each operator for the kernel tests: random ones, and by hand what random ones do not reach."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.operator_cases import STRATEGIES, Case
from tinyc import ops
from tinyc.ir.types import DType, Quant, Shape, TensorType


def cases_of(operator: str, count: int) -> list[Case]:
    """About `count` random cases of an operator, the same in every run, and those by hand."""
    if operator not in STRATEGIES:
        raise AssertionError(f"tests/support/operator_cases.py has no cases of {operator}: add them there")
    return [*_drawn(operator, count), *BY_HAND.get(operator, ())]


@cache
def _drawn(operator: str, count: int) -> tuple[Case, ...]:
    found: list[Case] = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(STRATEGIES[operator])
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return tuple(found)


BY_HAND: dict[str, tuple[Case, ...]] = {}
