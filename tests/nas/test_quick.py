"""The quick answer is the plan's: SRAM and multiply-accumulates, for every space, stored and streamed."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nas.exports import SMALL, WHOLE, in_form, kinds
from tests.nas.support import SMALL_AUDIO, SMALL_CNN, SMALL_VIT
from tests.support.images import image_networks, token_networks
from tinyc import nas
from tinyc.compiler import InputMode, Options, run_passes
from tinyc.ir.graph import Graph
from tinyc.memory import check
from tinyc.nas.compiled import fast_search
from tinyc.nas.formulae import live_activations
from tinyc.nas.blocks import shelf
from tinyc.nas.joining import Joined, JoinedNeeds, join
from tinyc.nas.outcome import Evaluator, most_macs
from tinyc.nas.quick import QuickPlanner
from tinyc.nas.report import Budget
from tinyc.nas.spaces import CnnSpace, Space
from tinyc.program.lifetimes import width
from tinyc.schedule import search
from tinyc.schedule.least import Least, lean_steps, least, placed, placement
from tinyc.schedule.needs import Needs
from tinyc.schedule.scheduler import Scheduler
from tinyc.schedule.search.tables import tables
from tinyc.targets import load

MODES: tuple[InputMode, ...] = ("stored", "stream")
TARGETS = ("cortex-m7", "cortex-m55", "cortex-m4", "cortex-m0plus", "cortex-m33")


def differences(space: Space[Any], count: int, seed: int) -> list[str]:
    """Of `count` random specs those whose plan has other figures than the quick answer."""
    rng, found = Random(seed), []
    planners = [QuickPlanner(space, target, mode) for target in TARGETS for mode in MODES]
    for number in range(count):
        spec, planner = space.sample(rng), planners[number % len(planners)]
        need = planner(spec)
        plan = nas.plan(space.graph(spec), planner.target, input=planner.input)
        if (need.sram, need.macs) != (plan.sram, plan.macs):
            found.append(f"{spec} {planner.target} {planner.input}: {need}, but {plan.sram} and {plan.macs}")
    return found


@kinds(SMALL)
def test_the_quick_answer_is_the_plans(space: Space[Any], form: str, long: bool) -> None:
    assert differences(in_form(space, form), 300 if long else 20, 3) == []


@pytest.mark.long
@kinds(WHOLE)
def test_the_quick_answer_is_the_plans_in_whole_spaces(space: Space[Any], form: str, specs: int) -> None:
    assert differences(in_form(space, form), specs if space.name != "vit" else specs // 10, 4) == []


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO, SMALL_VIT], ids=lambda s: s.name)
def test_blocks_in_a_row_are_the_graph(space: Space[Any]) -> None:
    """Joined figures are those of the whole network, but for what moving rows costs at the seams (and the lines of
    tensors that no segment holds)."""
    rng, target = Random(8), load("cortex-m4")
    for _ in range(5):
        spec = space.sample(rng)
        begun = space.begin(spec)
        layers = [layers for _, layers in space.blocks(spec)]
        joined = join(in_a_row(layers, begun.last.type.shape, target, begun.onnx)).figures
        graph = nas.with_weights(space.graph(spec))
        run_passes(graph, Options())
        whole = Scheduler(graph, target).candidates[0].partitions.needs.network
        for one, other in zip(joined.operations, whole.operations, strict=True):
            assert (one.made, one.whole, one.stages, one.rows, one.hidden, one.complete) == (
                other.made, other.whole, other.stages, other.rows, other.hidden, other.complete
            )
        assert [t[:3] for t in joined.tensors] == [t[:3] for t in whole.tensors]


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO, SMALL_VIT, *WHOLE], ids=lambda s: s.name)
def test_live_activations_of_blocks_are_the_graphs(space: Space[Any]) -> None:
    rng, planner = Random(9), QuickPlanner(space)
    for spec in [space.sample(rng) for _ in range(4)]:
        assert planner.live_activations(spec) == live_activations(space.graph(spec))


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_VIT], ids=lambda s: s.name)
@pytest.mark.parametrize("stream", [False, True])
def test_what_segments_hold_is_remembered_by_block(space: Space[Any], stream: bool) -> None:
    """The same as worked out for the network, with the fastest kernels and the lean ones, asked twice."""
    rng, planner = Random(11), QuickPlanner(space, "cortex-m4")
    for spec in [space.sample(rng) for _ in range(3)]:
        joined = join(planner.blocks(spec), stream)
        plain = Needs(joined.figures, search, search.prepare(search.accepted(joined.tables)))
        for _ in range(2):
            quick = JoinedNeeds(joined, search)
            for start in range(0, quick.count, 3):
                for part in [part for part in quick.parts(start) if part.streamed][:6]:
                    for lean in (range(start, part.stop), ()):
                        held = quick.held(start, part.stop, True, lean)
                        assert held == plain.held(start, part.stop, True, lean)


def test_the_packer_is_asked_rarely() -> None:
    """Most networks are shown to fit without a search, and few need the compiler."""
    space = CnnSpace(resolutions=(48, 64), widths=(0.2, 0.3))
    planner, rng = QuickPlanner(space), Random(0)
    for _ in range(40):
        planner(space.sample(rng))
    assert planner.asked["places"] >= 38 and planner.asked["compiler"] == 0


def offsets(needs: Needs, found: Least) -> dict[str, int]:
    """Offsets of all blocks of `placement`: what does not pass from part to part lies in the largest gap."""
    assert found.places is not None
    end, tensors, places = found.bytes - width(found.state), needs.network.tensors, found.places
    made = {str(number): at for number, at in places.items()}
    if found.state:
        made["state"] = end
    for step, part in enumerate(found.parts):
        held = needs.held(*part, lean_steps(needs, found, step))
        here = [n for n in places if tensors[n].made < part.stop and tensors[n].last >= part.start]
        at = start_of_largest_gap(sorted((places[n], places[n] + width(tensors[n].bytes)) for n in here), end)
        inside = {str(n): size for n, size in held.tensors.items() if n not in places}
        for name, size in (*inside.items(), *((f"{step}.{i}", size) for i, size in enumerate(held.more))):
            made[name] = at
            at += width(size)
    return made


def start_of_largest_gap(taken: list[tuple[int, int]], end: int) -> int:
    found, top = [(0, 0)], 0
    for low, high in (*taken, (end, end)):
        found.append((low - top, -top))
        top = max(top, high)
    return -max(found)[1]


@settings(max_examples=60)
@given(st.one_of(image_networks(), token_networks()), st.sampled_from(TARGETS), st.booleans())
def test_places_are_a_packing(graph: Graph, core: str, stream: bool) -> None:
    """The places found, with all else in the gaps, keep every rule of the packer within the least need; and with less
    than that no places are found."""
    run_passes(graph, Options())
    for candidate in Scheduler(graph, load(core), stream_input=stream).candidates:
        needs, found = candidate.partitions.needs, candidate.partitions.least
        if found is None:
            continue
        cut = placed(needs, found)
        if cut.places is None:
            continue
        blocks, trails = placement(needs, cut)
        at = offsets(needs, cut)
        check(blocks, trails, at)
        assert max((at[block.name] + block.size for block in blocks), default=0) <= found.bytes
        assert placed(needs, replace(found, bytes=found.bytes - 16)).places is None


@settings(max_examples=60)
@given(st.one_of(image_networks(), token_networks()), st.sampled_from(TARGETS), st.booleans())
def test_compiled_the_search_finds_the_same(graph: Graph, core: str, stream: bool) -> None:
    run_passes(graph, Options())
    for candidate in Scheduler(graph, load(core), stream_input=stream).candidates:
        figures = candidate.partitions.needs.network
        compiled = fast_search()
        assert compiled is not search
        slow, fast = Needs(figures), Needs(figures, compiled, compiled.prepare(compiled.accepted(tables(figures))))
        found = least(slow)
        assert found == least(fast)
        if found is not None:
            assert placed(slow, found) == placed(fast, found)


def test_what_cannot_fit_is_rejected_without_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a whole plan was made")

    spec = SMALL_CNN.sample(Random(2))
    need = QuickPlanner(SMALL_CNN)(spec)
    monkeypatch.setattr("tinyc.nas.outcome.plan", refuse)
    outcome = Evaluator(SMALL_CNN, most_macs, budget=Budget(sram=need.sram - 1))(spec)
    assert not outcome.feasible and outcome.violations == {"sram": 1} and outcome.score is None
    outcome = Evaluator(SMALL_CNN, most_macs, budget=Budget(macs=need.macs - 5))(spec)
    assert not outcome.feasible and outcome.violations == {"macs": 5}


def test_a_space_without_blocks_asks_the_compiler() -> None:
    class Bare(CnnSpace):
        def blocks(self, spec: Any) -> list[Any]:
            return []

        def graph(self, spec: Any) -> Any:
            return SMALL_CNN.graph(spec)

    spec = SMALL_CNN.sample(Random(5))
    planner = QuickPlanner(Bare())
    assert planner(spec) == QuickPlanner(SMALL_CNN)(spec) and planner.asked["compiler"] == 1
