"""Branch and bound: is there a packing whose peak is at most a given capacity?

The blocks of a packing can be moved down until each rests on another one (or on 0), and be visited by
ascending offset. So the search fills the arena upwards: it takes the lowest level that is still open, one of
the sections open there, and asks *which block of this section starts at this level?* Every block that can is
one branch, "none" is the last: no permutation of independent placements is searched twice. A branch is cut
where

* in a section the lowest start left, plus what its unplaced blocks cover, exceeds the capacity;
* a block cannot start early enough to end within the capacity, or has missed its fixed offset;
* a hole is left that a block above it fits in: moving the block down gives a packing that is found elsewhere.

Sections that no unplaced block connects are *zones* of their own: they are searched one after the other, and
where one fails, the search returns to the branch that separated them. Canonical packings, the section bound,
the dominance of filled holes and the decomposition are those of M. D. Moffitt, "MiniMalloc", ASPLOS 2023.
Branching by section instead of by block, and conflict weights to choose the section (Boussemart et al., ECAI
2004), make the search short enough for Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinyc.memory.effort import Effort
from tinyc.memory.tables import Ints, Tables

PLACED = 1 << 60  # the start of a block that needs no place any more, and the floor of a finished section


class Rule(NamedTuple):
    """How a search chooses: the position in `lowest` of the section to ask, and blocks by ascending rank."""

    name: str
    ask: Callable[[Search, State, Ints, int], int]
    rank: list[float]


class Zone(NamedTuple):
    """Sections start..stop-1, searched on their own. On failure the search returns to frame `back`."""

    start: int
    stop: int
    back: int


@dataclass(slots=True)
class State:
    """A partial packing: arrays over blocks (`free`, `start`, `step_up`) and over sections (the others).

    `free` is the lowest offset that the placed blocks leave to a block, `start` >= free the lowest that the
    branches taken leave. `step_up` is where a block must start if it does not stay: it may lie level with a
    placed neighbour, or else entirely above. `rest` are bytes still to cover in a section, `floor` its lowest
    start, `links[s]` counts the unplaced blocks that span both s and s+1.
    """

    free: Ints
    start: Ints
    step_up: Ints
    rest: Ints
    links: Ints
    floor: Ints


@dataclass(slots=True)
class Frame:
    """A node of the search tree: who starts at `level` in `section`? `tried` branches are done."""

    state: State
    zone: Zone
    pending: tuple[Zone, ...]
    section: int
    level: int
    choices: list[int]
    tried: int = 0


class Search:
    """One search. `conflicts`, a weight for every section, grows where branches fail, and may outlive it."""

    def __init__(self, tables: Tables, conflicts: npt.NDArray[np.float64], capacity: int, rule: Rule) -> None:
        self.tables, self.conflicts, self.rule = tables, conflicts, rule
        self.latest = np.where(tables.fixed < 0, capacity - tables.size, tables.fixed)
        self.limit = capacity + tables.pad
        self.offsets = [0] * len(tables.size)
        self.frames: list[Frame] = []
        self.complete = False

    def run(self, nodes: int, effort: Effort) -> bool:
        """True when decided within so many nodes, as far as the effort of all searches reaches.

        Then `complete` tells whether `offsets` is a packing (else there is none).
        """
        root = self._root()
        if self._possible(root):
            self._descend(root, self._parts(root, Zone(0, len(self.limit), -1)))
        for _ in range(nodes):
            if self.complete or not self.frames:
                return True
            if not effort.spend():
                return False
            self._advance(self.frames[-1])
        return self.complete or not self.frames

    def _root(self) -> State:
        tables = self.tables
        start = np.maximum(tables.fixed, 0)
        rest, links = np.zeros_like(self.limit), np.zeros_like(self.limit)
        for first, last, weight in zip(tables.first, tables.last, tables.weight, strict=True):
            rest[first : last + 1] += weight
            links[first:last] += 1
        return State(start, start, np.zeros_like(start), rest, links, tables.floor(start))

    def _advance(self, frame: Frame) -> None:
        """Try the frame's next branch, or go back when all are done."""
        branch = frame.tried
        frame.tried += 1
        zone = frame.zone._replace(back=len(self.frames) - 1)
        if branch > len(frame.choices):
            del self.frames[frame.zone.back + 1 :]
        elif branch == len(frame.choices):
            open_ = self._leave_open(frame)
            if open_ is not None and self._possible(open_):
                self._descend(open_, (zone, *frame.pending))
        else:
            block = frame.choices[branch]
            twins = [self.tables.twin[other] for other in frame.choices[:branch]]
            if self.tables.twin[block] in twins:
                return
            state = self._place(frame.state, block, frame.level)
            if self._possible(state):
                self.offsets[block] = frame.level
                self._descend(state, (*self._parts(state, zone), *frame.pending))

    def _place(self, old: State, block: int, level: int) -> State:
        """Put a block at the level: its neighbours rise above it, save those that trails let stay."""
        tables, near = self.tables, self.tables.neighbours[block]
        rise: Ints | int = level + tables.above[block]
        if not tables.aligned:
            rise = -(-rise // tables.align[near]) * tables.align[near]
        free, start, step_up = old.free.copy(), old.start.copy(), old.step_up
        if tables.levels:
            step_up = step_up.copy()
            rise = self._stay_level(old, block, level, rise, step_up)
        free[near] = np.maximum(free[near], rise)
        start[near] = np.maximum(start[near], rise)
        free[block] = start[block] = PLACED
        first, last = tables.first[block], tables.last[block]
        rest, links = old.rest.copy(), old.links.copy()
        rest[first : last + 1] -= tables.weight[block]
        links[first:last] -= 1
        return State(free, start, step_up, rest, links, tables.floor(start))

    def _stay_level(self, old: State, block: int, level: int, rise: Ints | int, step_up: Ints) -> Ints:
        """Where the neighbours rise to. Those with d(neighbour, block) = 0 may stay; `step_up` notes it."""
        near = self.tables.neighbours[block]
        rises = np.where(rise > old.free[near], np.maximum(rise, step_up[near]), rise)
        for position, other in enumerate(near.tolist()):
            may_stay = other in self.tables.levels and not self.tables.instance.apart(other, block)
            if may_stay and old.start[other] == level < rises[position]:
                step_up[other] = rises[position]
                rises[position] = level
        return rises

    def _leave_open(self, frame: Frame) -> State | None:
        """No block of the section starts at the level: those that could rest on blocks still unplaced."""
        old, section, level = frame.state, frame.section, frame.level
        if level + self.tables.instance.grain + old.rest[section] > self.limit[section]:
            return None
        start = old.start.copy()
        for block in frame.choices:
            start[block] = self._next_rest(old, block, level)
            if start[block] >= PLACED or self.tables.fixed[block] >= 0:
                return None
        return State(old.free, start, old.step_up, old.rest, old.links, self.tables.floor(start))

    def _next_rest(self, state: State, block: int, level: int) -> int:
        """The lowest offset above the level at which a block can rest on an unplaced neighbour, or PLACED."""
        if state.step_up[block] > level:
            return int(state.step_up[block])
        apart, near = self.tables.instance.apart, self.tables.neighbours[block]
        starts = zip(near.tolist(), state.start[near].tolist(), strict=True)
        lowest = min((at + apart(other, block) for other, at in starts if at < PLACED), default=PLACED)
        align = int(self.tables.align[block])
        return -(-max(lowest, level + 1) // align) * align

    def _possible(self, state: State) -> bool:
        """False where a section overflows, a block comes too late, or a block above a hole fits into it."""
        over = (state.floor + state.rest > self.limit) & (state.floor < PLACED)
        if over.any():
            self.conflicts[over] += 1
            return False
        if ((state.start > self.latest) & (state.start < PLACED)).any():
            return False
        tables = self.tables
        for block in np.flatnonzero(state.free < state.start).tolist():
            if (state.start[tables.neighbours[block]] >= state.free[block] + tables.width[block]).all():
                return False
        return True

    def _descend(self, state: State, zones: tuple[Zone, ...]) -> None:
        """Open a frame in the first zone, the others pending. Without zones, every block has its place."""
        if not zones:
            self.complete = True
            return
        section, level = self._ask(state, zones[0])
        members = self.tables.members[section]
        choices = members[state.start[members] == level].tolist()
        choices.sort(key=self.rule.rank.__getitem__)
        self.frames.append(Frame(state, zones[0], zones[1:], section, level, choices))

    def _parts(self, state: State, zone: Zone) -> tuple[Zone, ...]:
        """The unfinished parts of a zone that no unplaced block connects, the tightest first."""
        cuts = (np.flatnonzero(state.links[zone.start : zone.stop - 1] == 0) + zone.start + 1).tolist()
        edges = zip([zone.start, *cuts], [*cuts, zone.stop], strict=True)
        parts = [Zone(a, b, zone.back) for a, b in edges if state.floor[a:b].min() < PLACED]
        if len(parts) > 1:
            slack = self.limit - state.floor - state.rest
            parts.sort(key=lambda part: int(slack[part.start : part.stop].min()))
        return tuple(parts)

    def _ask(self, state: State, zone: Zone) -> tuple[int, int]:
        """The section to ask, one of those with the zone's lowest floor, and that level."""
        floor = state.floor[zone.start : zone.stop]
        level = int(floor.min())
        lowest = np.flatnonzero(floor == level) + zone.start
        return int(lowest[self.rule.ask(self, state, lowest, level)]), level
