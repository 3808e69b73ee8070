"""The least SRAM of any way to cut a network into segments and operators that run as a whole.

Best first search over the steps up to which everything has run: of the parts that may come next, those are looked at
first that need the least. What a part needs exactly is worked out only where its bounds do not tell.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tinyc.memory import Block, Trail
from tinyc.program.lifetimes import width
from tinyc.schedule.needs import Needs

Cut = tuple[int, int, bool]  # a part: where it starts and stops, and whether it streams


@dataclass(frozen=True)
class Least:
    """`bytes` that the worst part needs, where no other cut needs less; the parts in order, and bytes of state of a
    streamed input."""

    bytes: int
    parts: tuple[Cut, ...]
    state: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A step up to which everything has run, the state that the first segment needs, and the way here."""

    step: int
    state: int
    part: Cut | None = None
    before: _Place | None = None

    def parts(self) -> Iterator[Cut]:
        if self.before is not None and self.part is not None:
            yield from self.before.parts()
            yield self.part


def lean_steps(needs: Needs, found: Least, part: Cut) -> range:
    """The steps of a part that have their lean kernels: all, unless the fastest alone keep to the least need."""
    start, stop, streamed = part
    fits = needs.together(*part) + width(found.state) <= found.bytes
    fits = fits or needs.exactly(start, stop, streamed, found.state, range(start, stop)) <= found.bytes
    return range(start, stop if fits else start)


def placement(needs: Needs, found: Least) -> tuple[list[Block], list[Trail]]:
    """What the packer would have to place for these parts: the blocks and trails of the program that they become."""
    bytes: dict[int, int] = {}
    lives: dict[int, tuple[int, int]] = {}
    alone: list[Block] = []
    trails: list[Trail] = []
    for step, part in enumerate(found.parts):
        held = needs.held(*part, lean_steps(needs, found, part))
        for number, size in held.tensors.items():
            bytes[number] = size
            lives[number] = (lives.get(number, (step, step))[0], step)
        alone += [Block(f"{step}.{i}", width(size), step, step) for i, size in enumerate(held.more) if size]
        trails += [Trail(str(lower), str(upper), apart) for lower, upper, apart in held.trails]
    if found.state:
        alone.append(Block("state", width(found.state), 0, len(found.parts) - 1))
    tensors = [Block(str(number), width(bytes[number]), *life) for number, life in lives.items()]
    return [*tensors, *alone], trails


def least(needs: Needs) -> Least | None:
    """The cut with the least need; None where there is none, since the input cannot be streamed."""
    ticket = count()
    # The need so far or, while the last part is `open`, a bound of it and the need before; among equals what is known
    # and furthest on comes first.
    heap: list[tuple[int, bool, int, int, _Place, int]] = [(0, False, 0, next(ticket), _Place(0, 0), 0)]
    seen: set[tuple[int, int]] = set()

    def push(peak: int, open: bool, place: _Place, floor: int = 0) -> None:
        if (place.step, place.state) not in seen:
            heapq.heappush(heap, (peak, open, -place.step, next(ticket), place, floor))

    while heap:
        peak, open, _, _, here, floor = heapq.heappop(heap)
        if open and here.part is not None:
            push(max(floor, needs.need(*here.part, here.state)), False, here)
            continue
        step, state = here.step, here.state
        if step == needs.count:
            return Least(peak, tuple(here.parts()), state)
        if (step, state) in seen:
            continue
        seen.add((step, state))
        extra = width(state)
        for stop, streamed, low, high in needs.parts(step):
            if step == 0:
                state = needs.state(stop)
                extra = width(state)
            place = _Place(stop, state, (step, stop, streamed), here)
            if high + extra <= peak:
                push(peak, False, place)
            else:
                push(max(peak, low + extra), True, place, peak)
    return None
