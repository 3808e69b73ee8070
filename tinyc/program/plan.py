"""The Plan: the offset of every buffer, the peak, and the proof that no smaller arena serves (or the gap)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tinyc.memory import NODES, Block, Packing, Trail, lower_bound, pack
from tinyc.memory import regions as spread
from tinyc.memory.regions import Assignment, Bank, members, within
from tinyc.program.lifetimes import blocks, lifetimes, trails
from tinyc.program.program import Buffer, Program
from tinyc.program.traffic import traffic


@dataclass(frozen=True, slots=True)
class Step:
    """Memory while one statement runs: the buffers that are live and their bytes (overlaps counted twice)."""

    node: str
    live_bytes: int
    activation_bytes: int  # without scratch
    buffers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A memory that holds some of the buffers: `bytes` of it, of at most `budget` (None: no limit).

    No placement of these buffers needs less than `lower_bound_bytes`; `optimal` says that this is proven reached.
    """

    name: str
    bytes: int
    budget: int | None
    buffers: tuple[str, ...]
    lower_bound_bytes: int
    optimal: bool
    banks: tuple[str, ...] = ()  # of the board

    @property
    def excess_bytes(self) -> int:
        """Bytes beyond the budget."""
        return 0 if self.budget is None else max(0, self.bytes - self.budget)


ARENA = "arena"  # the name of the only region, where buffers are not spread over several


@dataclass(frozen=True)
class Plan:
    """Where every byte of SRAM goes. All sizes in bytes.

    `arena_bytes` is the one number that the report, the C and the search share. `max_live_bytes` counts activations
    alone, without scratch and alignment; `lower_bound_bytes` counts all, and no arena can be smaller.

    Every buffer lies in one of the `regions`, and its offset counts from there. The first region is the arena that the
    caller hands over; where there are more, `arena_bytes`, `lower_bound_bytes` and `optimal` speak of it alone.
    `spread` tells whether that assignment keeps all budgets and is proven the best; None for a single arena.
    """

    offsets: Mapping[str, int]
    arena_bytes: int
    max_live_bytes: int
    lower_bound_bytes: int
    optimal: bool
    scratch_bytes: int
    seconds: float
    method: str
    timeline: tuple[Step, ...]
    regions: tuple[Region, ...] = ()
    spread: Assignment | None = None

    @cached_property
    def _region_of(self) -> Mapping[str, int]:
        return {name: number for number, region in enumerate(self.regions) for name in region.buffers}

    def region_of(self, buffer: str) -> int:
        """The number of the region that holds a buffer."""
        return self._region_of.get(buffer, 0)

    @property
    def elsewhere(self) -> tuple[Region, ...]:
        """The regions besides the arena."""
        return self.regions[1:]

    @property
    def total_bytes(self) -> int:
        """SRAM of all regions together."""
        return self.arena_bytes + sum(region.bytes for region in self.elsewhere)

    @property
    def excess_bytes(self) -> int:
        """Bytes beyond the budgets of the regions."""
        return sum(region.excess_bytes for region in self.regions)

    @property
    def need(self) -> tuple[int, int]:
        """By which one plan is better than another: bytes beyond budgets, then all bytes."""
        return self.excess_bytes, self.total_bytes

    @property
    def peak(self) -> int:
        """The arena's size (the peak of SRAM) in bytes."""
        return self.arena_bytes

    @property
    def peak_step(self) -> Step:
        """The statement that needs the most."""
        return max(self.timeline, key=lambda step: step.live_bytes)


def make_plan(
    program: Program, *, layouts: Sequence[Sequence[Bank]] = (), nodes: int = NODES, time_limit: float | None = None,
    places: Mapping[str, int] | None = None,
) -> Plan:
    """Place every buffer of a program. The packer searches so many nodes, or seconds (see `pack`).

    Without `layouts` all lie in one arena; buffers may have `places` there, by their labels. Else they are spread over
    the banks of the first layout in which they fit, or of the last (a plan with `excess_bytes`).
    """
    todo, overlaps = blocks(program), trails(program)
    assignment = None
    if layouts:
        assignment, regions, packings = _spread(program, todo, overlaps, layouts, nodes, time_limit)
    else:
        placed = [replace(b, offset=_known_place(program.buffers[b.name], places or {})) for b in todo]
        packings = [pack(placed, overlaps, nodes=nodes, time_limit=time_limit)]
        regions = [_region(Bank(ARENA, 0, 0), packings[0], None)]
    steps, main = timeline(program), packings[0]
    scratch = [b.bytes for b in program.buffers.values() if b.is_scratch]
    return Plan(
        {name: offset for packing in packings for name, offset in packing.offsets.items()}, main.peak,
        max((s.activation_bytes for s in steps), default=0), main.lower_bound, main.optimal, max(scratch, default=0),
        sum(packing.seconds for packing in packings), main.method, steps, tuple(regions), assignment,
    )


def _known_place(buffer: Buffer, places: Mapping[str, int]) -> int | None:
    return None if buffer.is_scratch else places.get(buffer.label)


def least_arena(program: Program) -> int:
    """Bytes that no single arena for a program goes below; quickly, without a placement."""
    return lower_bound(blocks(program), trails(program))


def _region(bank: Bank, packing: Packing, budget: int | None) -> Region:
    names, parts = tuple(packing.offsets), bank.parts or (bank.name,)
    return Region(bank.name, packing.peak, budget, names, packing.lower_bound, packing.optimal, parts)


def _spread(
    program: Program, todo: Sequence[Block], overlaps: Sequence[Trail], layouts: Sequence[Sequence[Bank]], nodes: int,
    time_limit: float | None,
) -> tuple[Assignment, list[Region], list[Packing]]:
    """The assignment to banks, and every bank that holds anything, packed; the arena first."""
    moved = traffic(program)
    for banks in layouts:
        assignment = spread.assign(todo, overlaps, banks, moved)
        if assignment.fits:
            break
    found: list[tuple[Region, Packing]] = []
    for number, bank in enumerate(banks):
        names = members(assignment.home, number)
        if names:
            own, trails_ = [b for b in todo if b.name in names], within(overlaps, names)
            packing = pack(own, trails_, nodes=nodes, time_limit=time_limit)
            if packing.peak > bank.budget:  # a search that ends at the budget may get there where the best is too far
                packing = min(packing, pack(own, trails_, capacity=bank.budget), key=lambda p: p.peak)
            found.append((_region(bank, packing, bank.budget), packing))
    if not found:
        found = [(_region(banks[0], pack([]), banks[0].budget), pack([]))]
    main = _arena([region for region, _ in found], program)
    found.insert(0, found.pop(main))
    return assignment, [region for region, _ in found], [packing for _, packing in found]


def _arena(regions: Sequence[Region], program: Program) -> int:
    """The number of the region that the caller hands over: the first input's, else the largest."""
    inputs = [] if program.pushed else [port.place.buffer for port in program.inputs]
    holding = [number for number, region in enumerate(regions) if inputs and inputs[0] in region.buffers]
    return holding[0] if holding else max(range(len(regions)), key=lambda number: regions[number].bytes)


def timeline(program: Program) -> tuple[Step, ...]:
    """What is live at every step."""
    lives, found = lifetimes(program), []
    held: list[list[Buffer]] = [[] for _ in program.body]
    for name, (first, last) in lives.items():
        for step in range(first, min(last + 1, len(held))):
            held[step].append(program.buffers[name])
    for live, statement in zip(held, program.body, strict=True):
        activations = sum(b.bytes for b in live if not (b.is_scratch or b.is_state))
        node = next(statement.calls()).node
        found.append(Step(node, sum(b.bytes for b in live), activations, tuple(b.name for b in live)))
    return tuple(found)
