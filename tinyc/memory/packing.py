"""The packer: lower bound, first fit, then branch and bound between the two."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING

from tinyc.memory.blocks import Block, Packing, Trail, validate
from tinyc.memory.bounds import instance_bound, section_needs
from tinyc.memory.effort import Effort
from tinyc.memory.first_fit import ORDERS, canonical, first_fit, order_number, orders
from tinyc.memory.instance import Instance, build, reject_fixed_conflicts

if TYPE_CHECKING:
    from tinyc.memory.portfolio import Portfolio

NODES = 20_000  # of all searches together: about half a second
FIRST_NODES = 4  # nodes per block and rule in the first round of searches
AT_BOUND = 4  # times as many nodes at the lower bound, which is nearly always the optimum
ROUNDS = 2  # rounds before the nodes are doubled
CENTRES = 2  # sections around which a round looks for a proof
KNOWN = 128  # packings that are remembered: choices of kernels come to the same problem again
RESOLUTION = 8  # where searches stay undecided, a round narrows the peak down to this part of the gap


def pack(
    blocks: Iterable[Block],
    trails: Iterable[Trail] = (),
    *,
    capacity: int | None = None,
    nodes: int = NODES,
    time_limit: float | None = None,
) -> Packing:
    """Place the blocks in one arena, with the smallest peak that a search of so many `nodes` finds (0: by first fit).

    With a `capacity` (bytes), any packing that fits in it will do: the search ends there, or where the lower
    bound exceeds the capacity. What is returned is then the best so far, and its peak tells. The same input gives
    the same packing on every machine; not so with a `time_limit`, seconds that replace `nodes`. Names do not matter,
    nor the order of blocks that differ in anything else. Raises `PackingError` for blocks that contradict themselves.
    """
    blocks, trails = tuple(blocks), tuple(trails)
    validate(blocks, trails)
    if any(block.offset is not None for block in blocks):
        reject_fixed_conflicts(build(blocks, trails))
    ordered = in_order(blocks, trails)
    named = {block.name: str(number) for number, block in enumerate(ordered)}
    by_number = tuple(replace(block, name=named[block.name]) for block in ordered)
    overlaps = tuple(sorted(replace(t, lower=named[t.lower], upper=named[t.upper]) for t in trails))
    if time_limit is None:
        found = _known(by_number, overlaps, capacity, nodes)
    else:
        found = _pack(by_number, overlaps, capacity, Effort(None, time_limit))
    return replace(found, offsets={block.name: found.offsets[named[block.name]] for block in blocks})


def in_order(blocks: Sequence[Block], trails: Iterable[Trail]) -> list[Block]:
    """Blocks in an order that follows from what they are, whatever their names (see `canonical`)."""
    number = {block.name: n for n, block in enumerate(blocks)}
    overlaps = [value for t in trails for value in (number[t.lower], number[t.upper], t.distance)]
    marks = [(block.align << 40) + (-1 if block.offset is None else block.offset) for block in blocks]
    order = canonical([b.first for b in blocks], [b.last for b in blocks], [b.size for b in blocks], marks, overlaps)
    return [blocks[n] for n in order]


@lru_cache(maxsize=KNOWN)
def _known(blocks: tuple[Block, ...], trails: tuple[Trail, ...], capacity: int | None, nodes: int) -> Packing:
    return _pack(blocks, trails, capacity, Effort(nodes, None))


def _pack(blocks: tuple[Block, ...], trails: tuple[Trail, ...], capacity: int | None, effort: Effort) -> Packing:
    begin = time.perf_counter()
    instance = build(blocks, trails)
    run = _Run(instance, trails, capacity, effort)
    run.fit()
    if not run.finished() and effort.left:
        run.search()
    placed = zip(instance.blocks, run.offsets, strict=True)
    offsets = {block.name: block.offset or 0 for block in blocks}
    offsets.update((block.name, int(at)) for block, at in placed)
    seconds = time.perf_counter() - begin
    return Packing(offsets, int(run.peak), int(run.bound), bool(run.peak == run.bound), seconds, run.method)


class _Run:
    """One call of `pack`: the best packing so far, the bound so far, and when to stop."""

    def __init__(
        self, instance: Instance, trails: tuple[Trail, ...], capacity: int | None, effort: Effort
    ) -> None:
        self.instance, self.trails, self.capacity, self.effort = instance, trails, capacity, effort
        self.flat = instance.flat()
        self.needs = section_needs(instance)
        self.bound = instance_bound(instance, self.needs)
        self.offsets = [0] * len(instance.blocks)
        self.peak = 1 << 62
        self.method = ""

    def finished(self) -> bool:
        """Proved, good enough for the capacity, hopeless for it, or at the end of the effort."""
        settled = self.capacity is not None and (self.peak <= self.capacity or self.bound > self.capacity)
        return self.peak <= self.bound or settled or self.effort.over

    @property
    def end(self) -> int:
        """Where a packing that is no better than the best ends at least, counted in whole grains."""
        return self.peak + self.instance.grain

    def offer(self, offsets: list[int], method: str) -> None:
        """Keep a packing that is better than the best."""
        peak = self.instance.peak_of(offsets)
        if peak < self.peak:
            self.offsets, self.peak, self.method = offsets, peak, method

    def fit(self) -> None:
        """First fit in one order after the other; one of them at least, whatever the time."""
        for number in range(orders(self.flat)):
            name = f"by {ORDERS[number]}" if number < len(ORDERS) else "shaken"
            order = order_number(self.flat, number)
            self.offer(first_fit(self.flat, order, self.end), f"first fit {name}")
            self.effort.look()
            if self.finished():
                return

    def search(self) -> None:
        """Rounds of branch and bound with more and more nodes."""
        # Imported here: numpy is loaded only for the few problems that need a search.
        from tinyc.memory.portfolio import Portfolio

        portfolio = Portfolio(self.instance, self.needs)
        first = FIRST_NODES * len(self.instance.blocks)
        for number in count():
            if self.finished():
                return
            self.prove_locally(2 << number, first)
            self.narrow(portfolio, first << number // ROUNDS)

    def prove_locally(self, reach: int, nodes: int) -> None:
        """Show that no packing is better with the blocks of a few sections alone, near where the need is greatest.

        What makes a peak unavoidable is often local, and a search of the whole would wander about elsewhere.
        """
        from tinyc.memory.portfolio import Portfolio

        sections, needs = self.instance.sections, self.needs
        by_need = sorted(range(len(sections)), key=lambda s: -needs[s])
        for centre in by_need[:CENTRES]:
            near = sorted({b for s in sections[max(0, centre - reach) : centre + reach + 1] for b in s})
            if self.finished() or len(near) == len(self.instance.blocks):
                return
            part = build([self.instance.blocks[b] for b in near], self.trails)
            aim = self.peak - 1 if self.capacity is None else self.capacity
            answer = Portfolio(part, section_needs(part)).decide(aim, nodes, self.effort)
            if answer is not None and answer.offsets is None:
                self.refuted(aim)

    def narrow(self, portfolio: Portfolio, nodes: int) -> None:
        """Look for a peak at the bound, halve what lies between, and end just below the peak (or prove it).

        `low` is the least target that is still to be tried in this round. With a capacity, that alone is tried.
        """
        if self.capacity is not None:
            self.decided(portfolio, self.capacity, nodes)
            return
        target = low = self.bound
        resolution = 0
        while not self.finished() and low < self.peak:
            if self.decided(portfolio, target, nodes * (AT_BOUND if target == self.bound else 1)):
                low = max(low, self.bound)
            else:
                low, resolution = target + 1, (self.peak - self.bound) // RESOLUTION
            target = (low + self.peak - 1) // 2 if self.peak - low > resolution else self.peak - 1

    def decided(self, portfolio: Portfolio, target: int, nodes: int) -> bool:
        """Search for a packing whose peak is at most the target; keep what was found or proved."""
        answer = portfolio.decide(target, nodes, self.effort)
        if answer is None:
            return False
        if answer.offsets is None:
            self.refuted(target)
        else:
            self.offer(self.settle(answer.offsets), f"branch and bound by {answer.rule}")
        return True

    def refuted(self, target: int) -> None:
        """Lift the bound: no packing has a peak of `target` or less."""
        self.bound = max(self.bound, min(self.peak, self.instance.next_peak(target)))

    def settle(self, offsets: list[int]) -> list[int]:
        """The packing moved down as far as first fit can: a search stops at its target, not at its best."""
        settled = first_fit(self.flat, sorted(range(len(offsets)), key=offsets.__getitem__), self.end)
        return min(offsets, settled, key=self.instance.peak_of)
