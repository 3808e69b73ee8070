"""What is planned for a spec is what is built from the file of a network trained to it: SRAM and constants, exactly."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

import tinyc
from tests.nas.exports import SMALL, WHOLE, export, in_form, kinds
from tinyc import nas
from tinyc.compiler import InputMode, Objective
from tinyc.nas.spaces import Space

OBJECTIVES: tuple[Objective, ...] = ("sram", "balanced", "speed")
MODES: tuple[InputMode, ...] = ("stored", "stream")
WAYS = tuple((objective, mode) for objective in OBJECTIVES for mode in MODES)
TARGETS = ("cortex-m4", "stm32f746", "cortex-m55", "nrf52840", "cortex-m0plus")  # as many as share no factor with WAYS


def differences(space: Space[Any], form: str, count: int, seed: int, folder: Path) -> list[str]:
    """Of `count` random specs, one way and target each, those whose plan is not the build; printed as they come."""
    found, space, rng = [], in_form(space, form), Random(seed)
    for number in range(count):
        spec, (objective, mode), target = space.sample(rng), WAYS[number % len(WAYS)], TARGETS[number % len(TARGETS)]
        graph = space.graph(spec)
        file = export(graph, form, folder, seed + number)
        built = tinyc.compile(file, target, objective=objective, input_mode=mode)
        project, plan = built.project(), nas.plan(graph, target, objective=objective, input=mode)
        made = built.plan.arena_bytes, project.weights_bytes, project.tables_bytes
        if made != (plan.sram, plan.flash.weights, plan.flash.tables):
            found.append(f"{number} {spec} {objective} {mode} {target}: {plan.sram}, {plan.flash}, but {made}")
            print(found[-1], flush=True)
    return found


@kinds(SMALL)
def test_the_plan_is_the_build_of_the_file(space: Space[Any], form: str, tmp_path: Path, long: bool) -> None:
    assert differences(space, form, 300 if long else len(WAYS), 1, tmp_path) == []


@pytest.mark.long
@kinds(WHOLE)
def test_the_plan_is_the_build_of_the_file_in_whole_spaces(
    space: Space[Any], form: str, tmp_path: Path, specs: int
) -> None:
    assert differences(space, form, specs, 2, tmp_path) == []
