"""The quick answer is the plan's: SRAM, flash and work, for every space, stored and streamed."""

from __future__ import annotations

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
from tinyc.nas.blocks import shelf
from tinyc.nas.compiled import as_python, fast_search, has_numba
from tinyc.nas.formulae import live_activations
from tinyc.nas.joining import Joined, JoinedNeeds, join
from tinyc.nas.outcome import Evaluator, most_macs
from tinyc.nas.pieces import pieces_of
from tinyc.nas.quick import QuickPlanner
from tinyc.nas.report import Budget
from tinyc.nas.spaces import CnnSpace, Space
from tinyc.schedule.least import least, placed, quickest
from tinyc.schedule.needs import Needs
from tinyc.schedule.placing import places
from tinyc.schedule.quicker import Limit
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
        if need != plan.need:
            found.append(f"{spec} {planner.target} {planner.input}: {need}, but {plan.need}")
    return found


@kinds(SMALL)
def test_the_quick_answer_is_the_plans(space: Space[Any], form: str, long: bool) -> None:
    assert differences(in_form(space, form), 300 if long else 20, 3) == []


@pytest.mark.long
@kinds(WHOLE)
def test_the_quick_answer_is_the_plans_in_whole_spaces(space: Space[Any], form: str, specs: int) -> None:
    assert differences(in_form(space, form), specs if space.name != "vit" else specs // 3, 4) == []


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO, SMALL_VIT], ids=lambda s: s.name)
def test_blocks_in_a_row_are_the_graph(space: Space[Any]) -> None:
    """Joined figures and tables are those of the whole network (but for the lines of tensors that no segment holds)."""
    rng, planner = Random(8), QuickPlanner(space, "cortex-m4")
    for _ in range(5):
        spec = space.sample(rng)
        joined = row(planner, spec)
        graph = nas.with_weights(space.graph(spec))
        run_passes(graph, Options())
        whole = Scheduler(graph, load("cortex-m4")).candidates[0].partitions.needs
        for one, other in zip(joined.figures.operations, whole.network.operations, strict=True):
            assert (one.made, one.whole, one.stages, one.rows, one.hidden, one.complete) == (
                other.made, other.whole, other.stages, other.rows, other.hidden, other.complete
            )
        assert [t[:3] for t in joined.figures.tensors] == [t[:3] for t in whole.network.tensors]
        for column in ("row_work", "leaving"):
            one, other = (p.data[getattr(p, column) :][: p.steps + 1] for p in (joined.prepared, whole.prepared))
            assert list(one) == list(other)


def row(planner: QuickPlanner[Any], spec: Any, search: Any = None) -> Joined:
    """The network of a spec, put in a row."""
    blocks = planner.blocks(spec)
    place = blocks[0].place
    return join(blocks, shelf(place.target, place.onnx), search or fast_search(), planner.input == "stream")


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO, SMALL_VIT, *WHOLE], ids=lambda s: s.name)
def test_live_activations_of_blocks_are_the_graphs(space: Space[Any]) -> None:
    rng, planner = Random(9), QuickPlanner(space)
    for spec in [space.sample(rng) for _ in range(4)]:
        assert planner.live_activations(spec) == live_activations(space.graph(spec))


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_VIT], ids=lambda s: s.name)
@pytest.mark.parametrize("mode", MODES)
def test_what_segments_hold_is_remembered_by_block(space: Space[Any], mode: InputMode) -> None:
    """The same as worked out for the network, with the fastest kernels and the lean ones, asked twice."""
    rng, planner = Random(11), QuickPlanner(space, "cortex-m4", mode)
    for spec in [space.sample(rng) for _ in range(3)]:
        joined = row(planner, spec)
        plain = Needs(joined.figures, fast_search(), joined.prepared)
        for _ in range(2):
            quick = JoinedNeeds(joined, fast_search())
            for start in range(0, quick.count, 3):
                for part in [part for part in quick.parts(start) if part.streamed][:6]:
                    for lean in (range(start, part.stop), ()):
                        held = quick.held(start, part.stop, True, lean)
                        assert held == plain.held(start, part.stop, True, lean)
                    segment = start, part.stop, True, quick.state(part.stop)
                    assert quick.need(*segment) == plain.need(*segment)


def test_the_compiler_is_asked_rarely() -> None:
    space = CnnSpace(resolutions=(48, 64), widths=(0.2, 0.3))
    planner, rng = QuickPlanner(space), Random(0)
    for _ in range(40):
        planner(space.sample(rng))
    assert planner.asked == {"blocks": 40}


@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO], ids=lambda s: s.name)
def test_without_numba_answers_are_the_same(space: Space[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(12)
    specs = [space.sample(rng) for _ in range(6)]
    for mode in MODES:
        fast = [QuickPlanner(space, "cortex-m33", mode)(spec) for spec in specs]
        with monkeypatch.context() as patch:
            patch.setattr("tinyc.nas.quick.fast_search", as_python)
            planner = QuickPlanner(space, "cortex-m33", mode)
            assert [planner(spec) for spec in specs] == fast and planner.asked["blocks"] > 0


def test_an_answer_holds_for_the_limits_that_it_is_remembered_with() -> None:
    """Asked for other limits in between and in another order, parts become the same."""
    rng, answers = Random(13), list[list[nas.Need]]()
    specs = [SMALL_CNN.sample(rng) for _ in range(30)]
    for order in (specs, specs[::-1]):
        shelf.cache_clear()
        pieces_of.cache_clear()
        planner = QuickPlanner(SMALL_CNN, "cortex-m7")
        told = {spec: planner(spec) for spec in order}
        answers.append([told[spec] for spec in specs])
    assert answers[0] == answers[1]


@given(st.lists(st.tuples(st.sampled_from(("admits", "exceeds")), st.integers(0, 9)), max_size=8), st.integers(0, 9))
def test_a_limit_knows_where_else_all_comparisons_end_the_same(asked: list[tuple[str, int]], value: int) -> None:
    limit = Limit(value)
    told = [getattr(limit, how)(other) for how, other in asked]
    for other in range(10):
        same = [getattr(Limit(other), how)(x) for how, x in asked] == told
        assert limit.could_be(other) == same


@settings(max_examples=60)
@given(st.one_of(image_networks(), token_networks()), st.sampled_from(TARGETS), st.booleans())
def test_compiled_the_search_finds_the_same(graph: Graph, core: str, stream: bool) -> None:
    run_passes(graph, Options())
    for candidate in Scheduler(graph, load(core), stream_input=stream).candidates:
        partitions = candidate.partitions
        figures = partitions.needs.network
        compiled = fast_search()
        assert has_numba()
        slow, fast = Needs(figures), Needs(figures, compiled, compiled.prepare(compiled.accepted(tables(figures))))
        found = least(slow)
        assert found == least(fast)
        if found is not None:
            assert placed(slow, found) == placed(fast, found)
            for room in (1.0, 0.8):
                assert quickest(slow, found, 1.2 * found.bytes, room) == quickest(fast, found, 1.2 * found.bytes, room)
                partition = partitions.choose(0, room)
                assert partition is not None
                starts, holds = [part.start for part in partition.parts], partitions.holds(partition)
                one, other = (places(needs, starts, holds, found.bytes, found.state) for needs in (slow, fast))
                assert one == other


def test_a_search_plans_nothing_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a whole plan was made")

    spec = SMALL_CNN.sample(Random(2))
    monkeypatch.setattr("tinyc.nas.outcome.plan", refuse)
    monkeypatch.setattr("tinyc.nas.quick.plan", refuse)
    need = QuickPlanner(SMALL_CNN)(spec)
    for figure, bytes in need.figures().items():
        outcome = Evaluator(SMALL_CNN, most_macs, budget=Budget(**{figure: bytes - 5}))(spec)
        assert not outcome.feasible and outcome.violations == {figure: 5} and outcome.score is None
        outcome = Evaluator(SMALL_CNN, most_macs, budget=Budget(**{figure: bytes}))(spec)
        assert outcome.feasible and outcome.score == need.macs / 1e6 and outcome.figures == need.figures()


def test_a_space_without_blocks_asks_the_compiler() -> None:
    class Bare(CnnSpace):
        def blocks(self, spec: Any) -> list[Any]:
            return []

        def graph(self, spec: Any) -> Any:
            return SMALL_CNN.graph(spec)

    spec = SMALL_CNN.sample(Random(5))
    planner = QuickPlanner(Bare())
    assert planner(spec) == QuickPlanner(SMALL_CNN)(spec) and planner.asked["compiler"] == 1
