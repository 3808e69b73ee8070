"""Networks planned block by block have the parts, and the places, that the search through the whole network finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

from tests.nas.support import SMALL_AUDIO, SMALL_CNN, SMALL_VIT
from tinyc.compiler import ROOM
from tinyc.nas.alone import alone
from tinyc.nas.blocks import Block, shelf
from tinyc.nas.chosen import Chosen
from tinyc.nas.compiled import fast_search
from tinyc.nas.joining import JoinedNeeds, join
from tinyc.nas.local import local
from tinyc.nas.quick import QuickPlanner
from tinyc.nas.spaces import Space, VitSpace
from tinyc.nas.stretches import has_places
from tinyc.schedule.least import Cut, Least, least, quickest

# Blocks that must stream, with segments that other rooms let reach into the next block.
HARD_VIT = VitSpace(tokens=(16,), embeddings=(168, 216), depths=(3,), mlp_ratios=(4.0,), ranks=(0.45, 1.0))
TARGETS = ("cortex-m7", "cortex-m55", "cortex-m4")


def samples(space: Space[Any], target: str, count: int) -> Iterator[Sequence[Block]]:
    rng, planner = Random(21), QuickPlanner(space, target)
    return (planner.blocks(space.sample(rng)) for _ in range(count))


def needs_of(blocks: Sequence[Block], stream: bool = False) -> JoinedNeeds:
    """Of the whole network."""
    place = blocks[0].place
    joined = join(blocks, shelf(place.target, place.onnx), fast_search(), stream)
    return JoinedNeeds(joined, fast_search())


def network(needs: JoinedNeeds, found: Least, room: float) -> Chosen:
    cut = quickest(needs, found, found.bytes, room)
    return Chosen(needs.row, needs.search, cut, room, needs.prepared.work)


def parts(chosen: Sequence[Chosen], steps: Sequence[int]) -> list[Cut]:
    """Of blocks in a row, each of which comes behind so many steps."""
    return [
        Cut(part.start + begin, part.stop + begin, part.streamed)
        for block, begin in zip(chosen, steps, strict=False) for part in block.cut.parts
    ]


@pytest.mark.parametrize("target", TARGETS)
def test_parts_are_those_of_the_whole_network(target: str, long: bool) -> None:
    """Need, parts, kernels and rows at a time, in the first room in which places are known for all."""
    planned = 0
    for blocks in samples(HARD_VIT, target, 60 if long else 6):
        found = local(blocks)
        if not found:
            continue
        planned += 1
        needs = needs_of(blocks)
        most = least(needs)
        assert most is not None and most.bytes == found[0].cut.bytes
        for room in ROOM[: ROOM.index(found[0].room)]:
            assert not has_places(network(needs, most, room))
        whole = network(needs, most, found[0].room)
        assert has_places(whole)
        assert parts(found, needs.row.steps) == list(whole.cut.parts)
        assert [one.part.need for block in found for one in block.finished.values()] == [
            one.part.need for one in whole.finished.values()
        ]
        assert sum(cost for block in found for piece in block.pieces for cost in piece.costs) == pytest.approx(
            sum(cost for piece in whole.pieces for cost in piece.costs)
        )
    assert planned > 0


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("room", ROOM[:3])  # in the last one, segments reach into other blocks
def test_own_parts_are_the_networks_where_no_others_may_be_quicker(target: str, room: float) -> None:
    """Even where other blocks have parts that reach further."""
    compared = 0
    for blocks in samples(HARD_VIT, target, 4):
        needs = needs_of(blocks)
        most = least(needs)
        assert most is not None
        whole = quickest(needs, most, most.bytes, room)
        own = [alone(block, needs.prepared.work, n == 0).quickest(most.bytes, room) for n, block in enumerate(blocks)]
        if all(cut is not None for cut in own):
            chosen = [cut.finished(needs.prepared.work) for cut in own if cut is not None]
            assert parts(chosen, needs.row.steps) == list(whole.parts)
            compared += 1
    assert compared > 0


@pytest.mark.parametrize("stream", [False, True], ids=["stored", "stream"])
@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO, SMALL_VIT, HARD_VIT], ids=["cnn", "audio", "vit", "hard"])
def test_places_by_stretches_are_those_of_the_network(space: Space[Any], stream: bool) -> None:
    for blocks in samples(space, "cortex-m55", 3):
        needs = needs_of(blocks, stream)
        most = least(needs)
        if most is None:
            continue
        for bytes in (most.bytes, most.bytes - most.bytes // 20 // 16 * 16):
            for room in (1.0, 0.85):
                chosen = network(needs, Least(bytes, most.state, most.starts, most.kinds, most.end), room)
                given = chosen.columns
                placed = needs.search.place_parts(needs.prepared, chosen.cut.bytes, chosen.cut.state, *given)
                assert has_places(chosen) == (len(placed.tensors) > 0)
