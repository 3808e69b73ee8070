"""Branch and bound: is there a packing with a peak of at most `capacity`?

The blocks of a packing can be moved down until each rests on another one (or on 0), and be visited in ascending order of
their offsets. So the search fills the arena upwards: it takes the lowest unfilled level, one section that is open there,
and asks *which block of this section starts at this level?* Each block that can is one branch, "none" is the last. That
leaves no permutations of independent placements to be searched twice. A branch is cut where

* in some section the lowest start left, plus what the rest of the section covers, exceeds the capacity;
* a block cannot start early enough to end below the capacity, or at its fixed offset;
* a hole stays open that a block would fit in, so that moving it down gives another packing, found elsewhere.

Sections that no unplaced block connects are searched one after the other, and a failure returns to the branch that
separated them. Which section is asked first follows one of several rules; "conflict" asks the section that caused
most of the failures so far, in this run and earlier ones (conflict weights, as in constraint solvers).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinyc.memory.bounds import weights
from tinyc.memory.first_fit import own_max_live
from tinyc.memory.instance import Instance

Ints = npt.NDArray[np.int64]
PLACED = 1 << 60  # the lowest start of a block that needs no place any more; also the level of a filled section
CLOCK_EVERY = 32  # nodes between two looks at the clock: a node takes 10 to 100 microseconds


class Verdict(Enum):
    """What a search found out about a capacity."""

    FITS = "fits"
    IMPOSSIBLE = "impossible"
    UNDECIDED = "undecided"


class Rule(NamedTuple):
    """How a search chooses: the section to ask (`ask`), and the blocks of it in ascending `rank`."""

    name: str
    ask: str
    rank: list[int]


class Zone(NamedTuple):
    """Sections start..stop-1, searched on their own; on failure the search returns to frame `back`."""

    start: int
    stop: int
    back: int


@dataclass(slots=True)
class State:
    """A partial packing. Arrays over blocks: `free`, `start`, `step_up`; over sections: `rest`, `floor`, `links`.

    `free[b]` is the lowest offset that the placed blocks leave to b, `start[b]` >= free[b] the lowest that the branches
    taken leave. `step_up[b]` is where b must start if it does not start exactly at `free[b]`: a block that may lie level
    with its neighbour, or else entirely above it. `rest` are bytes still to cover, `floor` the lowest start in a section,
    `links[s]` the number of unplaced blocks that live in both sections s and s+1.
    """

    free: Ints
    start: Ints
    step_up: Ints
    rest: Ints
    links: Ints
    floor: Ints


@dataclass(slots=True)
class Frame:
    """A node of the search tree: section `section` is asked who starts at `level`."""

    state: State
    zone: Zone
    pending: tuple[Zone, ...]
    section: int
    level: int
    choices: list[int]
    tried: int = 0


class Exact:
    """The search over one instance. Conflict weights are kept from run to run."""

    def __init__(self, instance: Instance) -> None:
        count = len(instance.blocks)
        self.instance = instance
        self.members = [np.array(section, dtype=np.int64) for section in instance.sections]
        self.flat = np.concatenate(self.members)
        self.heads = np.cumsum([0, *map(len, self.members[:-1])])
        self.neighbours = [np.array(n, dtype=np.int64) for n in instance.neighbours]
        self.align = np.array([block.align for block in instance.blocks], dtype=np.int64)
        self.aligned = bool((self.align == instance.grain).all())
        self.size = np.array([block.size for block in instance.blocks], dtype=np.int64)
        self.fixed = np.array([-1 if b.offset is None else b.offset for b in instance.blocks], dtype=np.int64)
        self.pad = np.array([instance.largest_pad(section) for section in instance.sections], dtype=np.int64)
        self.above = [self._distances(b) for b in range(count)]
        self.levels = {b for (b, _), apart in instance.distance.items() if not apart}
        self.conflicts = np.ones(len(self.members))
        self._spans()
        self.twin = self._twins()

    def _distances(self, b: int) -> Ints | int:
        """d(b, c) for the neighbours c of b: one number where no trail makes a difference."""
        apart = [self.instance.apart(b, c) for c in self.instance.neighbours[b]]
        return self.instance.width[b] if not apart or min(apart) == max(apart) == self.instance.width[b] else np.array(apart)

    def _spans(self) -> None:
        """First and last section of every block, and what it weighs in each."""
        count = len(self.size)
        self.first, self.last = [-1] * count, [-1] * count
        weight: list[list[int]] = [[] for _ in range(count)]
        for number, section in enumerate(self.instance.sections):
            counted = weights(self.instance, section) if self.instance.distance else {}
            for b in section:
                weight[b].append(counted.get(b, self.instance.width[b]))
                self.first[b] = number if self.first[b] < 0 else self.first[b]
                self.last[b] = number
        self.weight = [np.array(w, dtype=np.int64) for w in weight]

    def _twins(self) -> list[int]:
        """For every block the first one that it could be exchanged with: same sections, bytes, alignment; free, no trail."""
        trailing = {i for pair in self.instance.distance for i in pair}
        seen: dict[tuple[int, ...], int] = {}
        return [
            seen.setdefault((self.first[b], self.last[b], block.size, block.align), b)
            if block.offset is None and b not in trailing
            else b
            for b, block in enumerate(self.instance.blocks)
        ]

    def rules(self) -> list[Rule]:
        """The portfolio, the most often successful first."""
        width, crowd = self.instance.width, own_max_live(self.instance)
        blocks = self.instance.blocks
        span = [last - first + 1 for first, last in zip(self.first, self.last, strict=True)]
        time_ = [block.last - block.first + 1 for block in blocks]
        keys = {
            "crowd, time": lambda b: (-crowd[b], -time_[b], -width[b]),
            "time": lambda b: (-time_[b], -width[b], -crowd[b]),
            "crowd, area": lambda b: (-crowd[b], -width[b] * time_[b], -time_[b]),
            "area": lambda b: (-width[b] * time_[b], -time_[b]),
            "sections": lambda b: (-span[b], -width[b] * time_[b], -crowd[b]),
            "size": lambda b: (-width[b], -crowd[b], -time_[b]),
        }
        ranks = {}
        for name, key in keys.items():
            order = sorted(range(len(blocks)), key=key)
            ranks[name] = [order.index(b) for b in range(len(blocks))]
        return [Rule(f"{ask}; {name}", ask, rank) for ask in ASK for name, rank in ranks.items()]

    def run(self, capacity: int, rule: Rule, nodes: int, deadline: float) -> tuple[Verdict, list[int]]:
        """Search at most `nodes` nodes, until `deadline` (of `time.perf_counter`). Offsets come with FITS alone."""
        self.capacity, self.rule = capacity, rule
        self.latest = np.where(self.fixed < 0, capacity - self.size, self.fixed)
        self.limit = capacity + self.pad
        self.offsets = [0] * len(self.size)
        self.frames: list[Frame] = []
        self.conflicts *= 0.5
        root = self._root()
        if not self._possible(root):
            return Verdict.IMPOSSIBLE, []
        if not self._descend(root, Zone(0, len(self.members), -1), (), split=True):
            return Verdict.FITS, self.offsets
        for node in range(nodes):
            if not self.frames:
                return Verdict.IMPOSSIBLE, []
            if node % CLOCK_EVERY == 0 and time.perf_counter() > deadline:
                break
            if self._advance(self.frames[-1]):
                return Verdict.FITS, self.offsets
        return (Verdict.UNDECIDED if self.frames else Verdict.IMPOSSIBLE), []

    def _root(self) -> State:
        start = np.maximum(self.fixed, 0)
        rest = np.zeros(len(self.members), dtype=np.int64)
        links = np.zeros(len(self.members), dtype=np.int64)
        for b, weight in enumerate(self.weight):
            rest[self.first[b] : self.last[b] + 1] += weight
            links[self.first[b] : self.last[b]] += 1
        return State(start, start, np.zeros_like(start), rest, links, self._floor(start))

    def _floor(self, start: Ints) -> Ints:
        floor: Ints = np.minimum.reduceat(start[self.flat], self.heads)
        return floor

    def _advance(self, frame: Frame) -> bool:
        """Try the frame's next branch. True when every block has its place."""
        branch = frame.tried
        frame.tried += 1
        if branch > len(frame.choices):
            del self.frames[frame.zone.back + 1 :]
            return False
        if branch == len(frame.choices):
            state = self._leave_open(frame)
            if state is None or not self._possible(state):
                return False
            back = frame.zone._replace(back=len(self.frames) - 1)
            return not self._descend(state, back, frame.pending, split=False)
        block = frame.choices[branch]
        if self.twin[block] in map(self.twin.__getitem__, frame.choices[:branch]):
            return False
        state = self._place(frame.state, block, frame.level)
        if not self._possible(state):
            return False
        self.offsets[block] = frame.level
        return not self._descend(state, frame.zone._replace(back=len(self.frames) - 1), frame.pending, split=True)

    def _place(self, old: State, block: int, level: int) -> State:
        """Put a block at the level: its neighbours rise above it, save those that trails let stay."""
        near = self.neighbours[block]
        rise: Ints = level + self.above[block] + np.zeros(len(near), dtype=np.int64)
        if not self.aligned:
            rise = -(-rise // self.align[near]) * self.align[near]
        free, start, step_up = old.free.copy(), old.start.copy(), old.step_up
        if self.levels:
            step_up = step_up.copy()
            rise = self._keep_level(old, block, level, rise, step_up)
        free[near] = np.maximum(free[near], rise)
        start[near] = np.maximum(start[near], rise)
        free[block] = start[block] = PLACED
        first, last = self.first[block], self.last[block]
        rest, links = old.rest.copy(), old.links.copy()
        rest[first : last + 1] -= self.weight[block]
        links[first:last] -= 1
        return State(free, start, step_up, rest, links, self._floor(start))

    def _keep_level(self, old: State, block: int, level: int, rise: Ints, step_up: Ints) -> Ints:
        """Neighbours that may start exactly where the block starts stay, with the rise noted; others rise in full."""
        near = self.neighbours[block]
        rise = np.where(rise > old.start[near], np.maximum(rise, step_up[near]), rise)
        for position, c in enumerate(near.tolist()):
            stays = c in self.levels and old.start[c] == level and not self.instance.apart(c, block)
            if stays and rise[position] > level:
                step_up[c] = max(step_up[c], rise[position])
                rise[position] = level
        return rise

    def _leave_open(self, frame: Frame) -> State | None:
        """No block of the section starts at the level: those that could have, rest on one that is unplaced yet."""
        old, level = frame.state, frame.level
        if level + self.instance.grain + old.rest[frame.section] > self.limit[frame.section]:
            return None
        start = old.start.copy()
        for b in frame.choices:
            lowest = self._next_rest(old, b, level)
            if lowest >= PLACED or self.fixed[b] >= 0:
                return None
            start[b] = lowest
        return State(old.free, start, old.step_up, old.rest, old.links, self._floor(start))

    def _next_rest(self, state: State, block: int, level: int) -> int:
        """The lowest offset above `level` at which the block can rest on an unplaced neighbour, or PLACED."""
        if state.step_up[block] > level:
            return int(state.step_up[block])
        near = self.instance.neighbours[block]
        starts = state.start[self.neighbours[block]].tolist()
        rests = [at + self.instance.apart(c, block) for c, at in zip(near, starts, strict=True) if at < PLACED]
        if not rests:
            return PLACED
        align = self.instance.blocks[block].align
        return -(-max(min(rests), level + 1) // align) * align

    def _possible(self, state: State) -> bool:
        """False where a section overflows, a block comes too late, or a hole could take the block left above it."""
        over = (state.floor + state.rest > self.limit) & (state.floor < PLACED)
        if over.any():
            self.conflicts[over] += 1
            return False
        if ((state.start > self.latest) & (state.start < PLACED)).any():
            return False
        return not any(
            bool((state.start[self.neighbours[b]] >= state.free[b] + self.instance.width[b]).all())
            for b in np.flatnonzero(state.free < state.start).tolist()
        )

    def _descend(self, state: State, zone: Zone, pending: tuple[Zone, ...], *, split: bool) -> bool:
        """Open the next frame, in the zone or its parts or what is pending. False if nothing is left to place."""
        zones = self._parts(state, zone) if split else [zone]
        queue = (*zones, *pending)
        if not queue:
            return False
        zone = queue[0]
        section, level = self._ask(state, zone)
        members = self.members[section]
        choices = sorted(members[state.start[members] == level].tolist(), key=self.rule.rank.__getitem__)
        self.frames.append(Frame(state, zone, queue[1:], section, level, choices))
        return True

    def _parts(self, state: State, zone: Zone) -> list[Zone]:
        """The zone without filled sections, cut where no unplaced block crosses; the tightest part first."""
        cuts = np.flatnonzero(state.links[zone.start : zone.stop - 1] == 0) + zone.start + 1
        edges = [zone.start, *cuts.tolist(), zone.stop]
        parts = [
            Zone(start, stop, zone.back)
            for start, stop in zip(edges, edges[1:], strict=False)
            if state.floor[start:stop].min() < PLACED
        ]
        if len(parts) > 1:
            slack = self.limit - state.floor - state.rest
            parts.sort(key=lambda part: int(slack[part.start : part.stop].min()))
        return parts

    def _ask(self, state: State, zone: Zone) -> tuple[int, int]:
        """The section to ask among those at the zone's lowest level, and that level."""
        floor = state.floor[zone.start : zone.stop]
        level = int(floor.min())
        lowest = np.flatnonzero(floor == level) + zone.start
        return int(lowest[ASK[self.rule.ask](self, state, lowest, level)]), level

    def _most_conflicts(self, state: State, lowest: Ints, level: int) -> int:
        return int(np.argmax(self.conflicts[lowest]))

    def _least_slack(self, state: State, lowest: Ints, level: int) -> int:
        return int(np.argmin((self.limit - state.rest)[lowest]))

    def _fewest_choices(self, state: State, lowest: Ints, level: int) -> int:
        choices = np.add.reduceat(state.start[self.flat] == level, self.heads, dtype=np.int64)[lowest]
        slack = (self.limit - state.rest)[lowest] - level
        return int(np.lexsort((slack, choices + (slack > 0)))[0])

    def _earliest(self, state: State, lowest: Ints, level: int) -> int:
        return 0


ASK = {
    "conflict": Exact._most_conflicts,
    "slack": Exact._least_slack,
    "choices": Exact._fewest_choices,
    "time": Exact._earliest,
}


def left_justified(offsets: Sequence[int]) -> list[int]:
    """The order in which first fit rebuilds a packing, with every block at or below its old offset."""
    return sorted(range(len(offsets)), key=lambda i: offsets[i])
