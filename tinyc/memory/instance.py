"""Blocks and trails as the solvers want them: indices instead of names, sections instead of steps.

Offsets are multiples of their block's alignment, hence of the *grain*, the greatest common divisor of all alignments.
So a block takes up its size rounded up to the grain, its *width*, except on top of the pile, where only its size counts;
the difference is its *pad*. A *section* is a maximal set of blocks alive together: an interval graph's maximal cliques in
the order of time, which lose no constraint and are at most as many as the blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd

from tinyc.memory.blocks import Block, PackingError, Trail


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A packing problem over the blocks that have bytes, numbered from 0.

    `distance[a, b]` holds d(a, b), in bytes and whole grains, where a trail makes it smaller than `width[a]`;
    `neighbours[a]` are the blocks with a step in common with `a`; `sections` list blocks in ascending order of `first`.
    `quantum` divides every offset of some optimal packing. `floor_peak` is the end of the highest fixed block.
    """

    blocks: tuple[Block, ...]
    width: list[int]
    distance: dict[tuple[int, int], int]
    neighbours: list[list[int]]
    sections: list[list[int]]
    grain: int
    quantum: int
    floor_peak: int

    def apart(self, a: int, b: int) -> int:
        """d(a, b): how far above `a` block `b` must start, if it is not below."""
        return self.distance.get((a, b), self.width[a])

    def next_peak(self, peak: int) -> int:
        """The smallest value above `peak` that the peak of an optimal packing can have.

        The topmost block starts at a multiple of the quantum, and its size is one of the sizes.
        """
        step = self.quantum
        return peak + 1 + min(((b.size - peak - 1) % step for b in self.blocks), default=0)


def build(blocks: Sequence[Block], trails: Iterable[Trail] = ()) -> Instance:
    """Number the blocks that have bytes and derive everything the solvers share. The input must be valid."""
    solid = tuple(block for block in blocks if block.size)
    grain = gcd(*(block.align for block in solid)) or 1
    width = [-(-block.size // grain) * grain for block in solid]
    neighbours, sections = _sweep(solid)
    distance = _distances(solid, trails, grain, neighbours)
    fixed = [block.offset for block in solid if block.offset is not None]
    quantum = gcd(*width, *distance.values(), *fixed) or 1
    if any(quantum % block.align and block.align % quantum for block in solid):
        quantum = grain
    floor_peak = max((b.offset + b.size for b in blocks if b.offset is not None), default=0)
    return Instance(solid, width, distance, neighbours, sections, grain, quantum, floor_peak)


def _sweep(blocks: Sequence[Block]) -> tuple[list[list[int]], list[list[int]]]:
    """Neighbours of every block, and the sections. A section ends when a block dies after others were born."""
    neighbours: list[list[int]] = [[] for _ in blocks]
    sections: list[list[int]] = []
    alive: list[int] = []
    for new in sorted(range(len(blocks)), key=lambda i: blocks[i].first):
        now = blocks[new].first
        still = [i for i in alive if blocks[i].last >= now]
        if len(still) < len(alive) and (not sections or sections[-1][-1] != alive[-1]):
            sections.append(alive)
        for i in still:
            neighbours[i].append(new)
        neighbours[new].extend(still)
        alive = [*still, new]
    if alive:
        sections.append(alive)
    return neighbours, sections


def _distances(
    blocks: Sequence[Block], trails: Iterable[Trail], grain: int, neighbours: list[list[int]]
) -> dict[tuple[int, int], int]:
    """d(a, b) of the pairs whose trail saves at least one grain."""
    trails = tuple(trails)
    if not trails:
        return {}
    index = {block.name: i for i, block in enumerate(blocks)}
    found: dict[tuple[int, int], int] = {}
    for trail in trails:
        a, b = index.get(trail.lower), index.get(trail.upper)
        if a is None or b is None or b not in neighbours[a]:
            continue
        apart = -(-trail.distance // grain) * grain
        if apart < -(-blocks[a].size // grain) * grain:
            found[a, b] = min(apart, found.get((a, b), apart))
    return found


def reject_fixed_conflicts(instance: Instance) -> None:
    """Raise `PackingError` where two blocks that the caller fixed overlap: no packing exists."""
    for a, block in enumerate(instance.blocks):
        if block.offset is None:
            continue
        for b in instance.neighbours[a]:
            other = instance.blocks[b].offset
            if other is None or block.offset + instance.apart(a, b) <= other or other + instance.apart(b, a) <= block.offset:
                continue
            raise PackingError(
                f"Blocks '{block.name}' and '{instance.blocks[b].name}' are both fixed (at {block.offset} and {other}) and "
                "overlap while both are alive; move one, or leave it to the packer."
            )
