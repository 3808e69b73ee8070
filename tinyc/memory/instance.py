"""Blocks and trails as the solvers want them: indices instead of names, sections instead of steps.

Offsets are multiples of their block's alignment, hence of the *grain*, the greatest common divisor of all
alignments. So a block takes up its size rounded up to the grain, its *width*; only on top of all others its
size counts. A *section* is a maximal set of blocks alive together (a maximal clique of the interval graph).
Sections in the order of time lose no constraint, and there are at most as many as blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd

from tinyc.memory.blocks import Block, PackingError, Trail
from tinyc.memory.first_fit import Flat, flat


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A packing problem over the blocks that have bytes, numbered from 0.

    `distance[a, b]` is d(a, b), in bytes and whole grains, where a trail makes it smaller than `width[a]`;
    `partners[a]` are the blocks that share such a trail with a. `neighbours[a]` have a step in common with a;
    `sections` list blocks by ascending `first`. `quantum` divides every offset of some optimal packing.
    `floor_peak` is the end of the highest fixed block.
    """

    blocks: tuple[Block, ...]
    size: list[int]
    width: list[int]
    distance: dict[tuple[int, int], int]
    partners: dict[int, list[int]]
    neighbours: list[list[int]]
    sections: list[list[int]]
    grain: int
    quantum: int
    floor_peak: int

    def apart(self, a: int, b: int) -> int:
        """d(a, b): how far above the start of `a` block `b` must start, if it is not below."""
        return self.distance.get((a, b), self.width[a])

    def peak_of(self, offsets: Sequence[int]) -> int:
        """Bytes from 0 to the end of the highest block, zero-size fixed ones included."""
        return max([self.floor_peak, *[at + size for at, size in zip(offsets, self.size, strict=True)]])

    def flat(self) -> Flat:
        """The same for first fit."""
        trails = [value for (lower, upper), apart in self.distance.items() for value in (lower, upper, apart)]
        fixed = [-1 if block.offset is None else block.offset for block in self.blocks]
        lives = [b.first for b in self.blocks], [b.last for b in self.blocks]
        return flat(self.width, [block.align for block in self.blocks], fixed, *lives, trails)

    def next_peak(self, peak: int) -> int:
        """The smallest value above `peak` that the peak of an optimal packing can have.

        The topmost block starts at a multiple of the quantum, and its size is one of the sizes.
        """
        return peak + 1 + min([(size - peak - 1) % self.quantum for size in self.size], default=0)


def common_grain(blocks: Iterable[Block]) -> int:
    """Every offset is a multiple of this: the greatest common divisor of the alignments."""
    return gcd(*{block.align for block in blocks}) or 1


def build(blocks: Sequence[Block], trails: Iterable[Trail] = ()) -> Instance:
    """Number the blocks that have bytes and derive what the solvers share. The input must be valid."""
    solid = tuple([block for block in blocks if block.size])
    grain = common_grain(solid)
    size = [block.size for block in solid]
    width = [-(-s // grain) * grain for s in size]
    neighbours, sections = _sweep(solid)
    distance = _distances(solid, width, trails, grain)
    partners: dict[int, list[int]] = {}
    for a, b in distance:
        partners.setdefault(a, []).append(b)
        partners.setdefault(b, []).append(a)
    ends = [block.offset + block.size for block in blocks if block.offset is not None]
    fixed = [block.offset for block in solid if block.offset is not None]
    quantum = gcd(*width, *distance.values(), *fixed) or 1
    if any(quantum % align and align % quantum for align in {block.align for block in solid}):
        quantum = grain
    floor_peak = max(ends, default=0)
    return Instance(
        solid, size, width, distance, partners, neighbours, sections, grain, quantum, floor_peak
    )  # fmt: skip


def _sweep(blocks: Sequence[Block]) -> tuple[list[list[int]], list[list[int]]]:
    """Neighbours of every block, and the sections: one ends when a block has died after others were born."""
    neighbours: list[list[int]] = [[] for _ in blocks]
    sections: list[list[int]] = []
    alive: list[int] = []
    for new in sorted(range(len(blocks)), key=lambda i: blocks[i].first):
        now = blocks[new].first
        still = [i for i in alive if blocks[i].last >= now]
        if len(still) < len(alive):
            sections.append(alive)
        for i in still:
            neighbours[i].append(new)
        neighbours[new].extend(still)
        alive = [*still, new]
    if alive:
        sections.append(alive)
    return neighbours, sections


def _distances(
    blocks: Sequence[Block], width: Sequence[int], trails: Iterable[Trail], grain: int
) -> dict[tuple[int, int], int]:
    """d(a, b) of the pairs alive together whose trails save at least one grain."""
    index = {block.name: i for i, block in enumerate(blocks)} if trails else {}
    found: dict[tuple[int, int], int] = {}
    for trail in trails:
        a, b = index.get(trail.lower), index.get(trail.upper)
        if a is None or b is None or blocks[a].first > blocks[b].last or blocks[b].first > blocks[a].last:
            continue
        apart = -(-trail.distance // grain) * grain
        if apart < width[a]:
            found[a, b] = min(apart, found.get((a, b), apart))
    return found


def reject_fixed_conflicts(instance: Instance) -> None:
    """Raise `PackingError` where two blocks that the caller fixed overlap: no packing exists."""
    fixed = {i: block.offset for i, block in enumerate(instance.blocks) if block.offset is not None}
    for a, at in fixed.items():
        for b in instance.neighbours[a]:
            other = fixed.get(b)
            if other is None or at + instance.apart(a, b) <= other or other + instance.apart(b, a) <= at:
                continue
            raise PackingError(
                f"Blocks '{instance.blocks[a].name}' (fixed at {at}) and '{instance.blocks[b].name}' "
                f"(fixed at {other}) overlap while both are alive; move one, or leave it to the packer."
            )
