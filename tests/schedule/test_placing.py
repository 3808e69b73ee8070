"""Offsets that are found before the packer is asked keep all its rules, and leave no gap."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.images import image_networks, token_networks
from tinyc.compiler import Options, run_passes
from tinyc.ir.graph import Graph
from tinyc.memory import Block, Trail, check
from tinyc.program.lifetimes import blocks, trails, width
from tinyc.program.lower import lower
from tinyc.program.plan import make_plan
from tinyc.schedule.least import Least, lean_steps, placed
from tinyc.schedule.needs import Needs
from tinyc.schedule.scheduler import Scheduler
from tinyc.targets import load

TARGETS = ("cortex-m7", "cortex-m55", "cortex-m4", "cortex-m0plus")


@settings(max_examples=60)
@given(st.one_of(image_networks(), token_networks()), st.sampled_from(TARGETS), st.booleans())
def test_known_places_leave_no_gap(graph: Graph, core: str, stream: bool) -> None:
    """With the offsets of a schedule, its program needs what the worst part needs, to the byte."""
    run_passes(graph, Options())
    scheduler = Scheduler(graph, load(core), stream_input=stream)
    if all(candidate.partitions.least is None for candidate in scheduler.candidates):
        return
    for schedule in (scheduler.schedule(0), scheduler.schedule(0, 0.85), scheduler.tightest()):
        if schedule is not None and schedule.places:
            program = lower(scheduler.graph, schedule, scheduler.target)
            plan = make_plan(program, nodes=0, places=schedule.places)
            check(blocks(program), trails(program), plan.offsets)
            assert plan.arena_bytes == schedule.expected_bytes


def placement(needs: Needs, found: Least) -> tuple[list[Block], list[Trail]]:
    """What the packer would have to place for these parts: the blocks and trails of the program that they become."""
    bytes: dict[int, int] = {}
    lives: dict[int, tuple[int, int]] = {}
    alone: list[Block] = []
    trails: list[Trail] = []
    for step, part in enumerate(found.parts):
        held = needs.held(*part, lean_steps(needs, found, step))
        for number, size in held.tensors.items():
            bytes[number] = size
            lives[number] = (lives.get(number, (step, step))[0], step)
        alone += [Block(f"{step}.{i}", width(size), step, step) for i, size in enumerate(held.more) if size]
        trails += [Trail(str(lower), str(upper), apart) for lower, upper, apart in held.trails]
    if found.state:
        alone.append(Block("state", width(found.state), 0, len(found.parts) - 1))
    tensors = [Block(str(number), width(bytes[number]), *life) for number, life in lives.items()]
    return [*tensors, *alone], trails


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
        todo, overlaps = placement(needs, cut)
        at = offsets(needs, cut)
        check(todo, overlaps, at)
        assert max((at[block.name] + block.size for block in todo), default=0) <= found.bytes
        assert placed(needs, replace(found, bytes=found.bytes - 16)).places is None
