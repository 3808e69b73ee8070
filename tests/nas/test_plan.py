"""The planner's figures are those of a build: of the same network with weights of a training's making."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.nas.support import SMALL_AUDIO, SMALL_CNN, SMALL_VIT
from tinyc import nas
from tinyc.compiler import InputMode, Objective, Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.memory.packing import _known
from tinyc.nas.spaces import CnnSpace, DsCnnSpace, Space
from tinyc.program.flow import _trace
from tinyc.program.rows import _tiles
from tinyc.report.summary import summarise
from tinyc.schedule.means import _kernels_alike, _means_alike

WAYS: tuple[tuple[Objective, InputMode], ...] = (("sram", "stored"), ("speed", "stored"), ("sram", "stream"))
LARGE: tuple[Space[Any], ...] = (CnnSpace(), DsCnnSpace())


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO], ids=lambda s: s.name)
def test_the_plan_is_the_build(space: Space[Any], long: bool) -> None:
    compare_with_builds(space, 30 if long else 3)


@pytest.mark.long
@pytest.mark.parametrize("space", LARGE, ids=lambda s: s.name)
def test_the_plan_is_the_build_on_whole_spaces(space: Space[Any]) -> None:
    compare_with_builds(space, 300)


def compare_with_builds(space: Space[Any], count: int) -> None:
    """Figures of `count` random specs, on several cores, against the same networks with weights."""
    rng = Random(11)
    for number in range(count):
        graph, (objective, mode) = space.graph(space.sample(rng)), WAYS[number % len(WAYS)]
        core = ("cortex-m4", "cortex-m7", "cortex-m55", "cortex-m0plus")[number % 4]
        report = nas.plan(graph, core, objective=objective, input=mode)
        trained = nas.with_weights(graph, seed=number + 1)
        built = compile_graph(trained, core, Options(objective=objective, input_mode=mode))
        assert report.peak == built.plan.arena_bytes
        told = summarise(built, built.project())
        assert (report.flash.weights, report.flash.tables) == (told["flash"]["weights"], told["flash"]["tables"])
        assert (report.max_live, report.scratch) == (told["max_live_bytes"], told["scratch_bytes"])
        assert report.instructions == told["estimated_instructions"]
        assert report.timeline and report.peak_operator == told["peak"]["operator"]


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO, SMALL_VIT], ids=lambda s: s.name)
def test_what_was_planned_before_changes_nothing(space: Space[Any], long: bool) -> None:
    """Much is remembered from one network to the next; forwards and backwards, each gets the same plan."""
    rng = Random(5)
    graphs = [space.graph(space.sample(rng)) for _ in range(20 if long else 3)]

    def plans(order: list[Graph], objective: Objective) -> list[nas.PlanReport]:
        for remembering in (_kernels_alike, _means_alike, _known, _tiles, _trace):
            remembering.cache_clear()
        return [replace(nas.plan(graph, "cortex-m4", objective=objective), seconds=0) for graph in order]

    for objective in ("sram", "speed"):
        assert plans(graphs, objective) == plans(graphs[::-1], objective)[::-1]


def test_the_graph_stays_without_weights() -> None:
    graph = SMALL_CNN.graph(SMALL_CNN.sample(Random(1)))
    before = str(graph)
    nas.plan(graph)
    assert str(graph) == before
    assert all(value.data is None for value in graph.constants.values())


def test_violations_are_values_with_a_hint() -> None:
    graph = SMALL_AUDIO.graph(SMALL_AUDIO.sample(Random(2)))
    free = nas.plan(graph, "cortex-m4")
    assert free.feasible and not free.violations
    exact = nas.Budget(free.sram, free.flash.total, free.macs, free.instructions)
    kept = nas.plan(graph, "cortex-m4", budget=exact)
    assert kept.feasible and kept.constraints == (0.0, 0.0, 0.0, 0.0)
    tight = nas.Budget(free.sram - 1, free.flash.total - 1, free.macs - 1, free.instructions - 1)
    missed = nas.plan(graph, "cortex-m4", budget=tight)
    assert not missed.feasible
    assert [v.value for v in missed.violations] == [1, 1, 1, 1]
    assert all(v.hint for v in missed.violations)
    assert missed.peak_operator in missed.violations[0].hint


def test_a_board_has_limits_of_its_own() -> None:
    graph = SMALL_CNN.graph(SMALL_CNN.sample(Random(3)))
    limits = {v.figure: v.limit for v in nas.plan(graph, "stm32f746").violations}
    assert limits == {"sram": 327_680, "flash": 1_048_576}
    own = {v.figure: v.limit for v in nas.plan(graph, "stm32f746", budget=nas.Budget(sram=9_999)).violations}
    assert own == {"sram": 9_999, "flash": 1_048_576}


def test_balanced_streams_as_far_as_the_budget_asks_for() -> None:
    graph = SMALL_CNN.graph(SMALL_CNN.sample(Random(4)))
    fast = nas.plan(graph, "cortex-m4", objective="balanced")
    assert fast.sram == nas.plan(graph, "cortex-m4", objective="speed").sram
    middle = (fast.sram + nas.plan(graph, "cortex-m4", objective="sram").sram) // 2
    tight = nas.plan(graph, "cortex-m4", objective="balanced", budget=nas.Budget(sram=middle))
    assert tight.feasible and tight.sram <= middle < fast.sram


def test_the_hash_names_the_question() -> None:
    space = SMALL_AUDIO
    spec, other = space.sample(Random(5)), space.sample(Random(6))
    one = nas.plan(space.graph(spec), "cortex-m4", objective="speed")
    assert one == nas.plan(space.graph(spec), "cortex-m4", objective="speed")
    renamed = space.graph(spec)
    renamed.rename(renamed.inputs[0], "picture")
    assert nas.plan(renamed, "cortex-m4", objective="speed").content_hash == one.content_hash
    others = [
        nas.plan(space.graph(other), "cortex-m4", objective="speed"),
        nas.plan(space.graph(spec), "cortex-m7", objective="speed"),
        nas.plan(space.graph(spec), "cortex-m4", objective="sram"),
        nas.plan(space.graph(spec), "cortex-m4", objective="speed", budget=nas.Budget(sram=1_000_000)),
    ]
    assert len({one.content_hash, *(o.content_hash for o in others)}) == 5


def test_an_unknown_library_is_refused() -> None:
    graph = SMALL_AUDIO.graph(SMALL_AUDIO.sample(Random(5)))
    with pytest.raises(UsageError, match="there is no library 'mine'"):
        nas.plan(graph, "cortex-m4", library="mine")  # type: ignore[arg-type]


def test_importing_is_light() -> None:
    code = (
        "import sys, tinyc.nas, tinyc.nas.spaces, tinyc.nas.search\n"
        "heavy = {'onnx', 'onnxruntime', 'torch', 'tvm', 'tflite_micro', 'distributed', 'optuna', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.strip() == "[]"
