"""First fit: blocks in order of priority, each at the lowest offset that its placed neighbours leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinyc.memory.instance import Instance


def first_fit(instance: Instance, order: Sequence[int]) -> list[int]:
    """Offsets of all blocks, placed in `order` (fixed blocks before all others)."""
    blocks, width, distance = instance.blocks, instance.width, instance.distance
    offsets = [-1 if block.offset is None else block.offset for block in blocks]
    for i in order:
        if offsets[i] >= 0:
            continue
        taken = []
        for j in instance.neighbours[i]:
            at = offsets[j]
            if at >= 0:  # i must start at or below the first, or at or above the second
                taken.append((at - distance.get((i, j), width[i]), at + distance.get((j, i), width[j])))
        taken.sort()
        offset, align = 0, blocks[i].align
        for below, above in taken:
            if offset <= below:
                break
            if offset < above:
                offset = -(-above // align) * align
        offsets[i] = offset
    return offsets


def peak_of(instance: Instance, offsets: Sequence[int]) -> int:
    """Bytes from 0 to the end of the highest block, zero-size fixed ones included."""
    return max([instance.floor_peak, *[at + size for at, size in zip(offsets, instance.size, strict=True)]])


def orders(instance: Instance, needs: Sequence[int]) -> Iterator[tuple[str, list[int]]]:
    """Named priority orders, the most often successful first. `needs` are the bytes that each section needs.

    A chain of trails is served from its end: an output first, at the bottom, then the input above it.
    """
    blocks, width = instance.blocks, instance.width
    indices = range(len(blocks))
    need = own_need(instance, needs)
    span = [block.last - block.first + 1 for block in blocks]
    if instance.distance:
        yield "need, late first", sorted(indices, key=lambda i: (-need[i], -blocks[i].first))
    yield "need", sorted(indices, key=lambda i: (-need[i], -span[i], -width[i]))
    yield "area", sorted(indices, key=lambda i: -width[i] * span[i])
    yield "size, early first", sorted(indices, key=lambda i: (-width[i], blocks[i].first))
    yield "size, late first", sorted(indices, key=lambda i: (-width[i], -blocks[i].first))
    yield "need, area", sorted(indices, key=lambda i: (-need[i], -width[i] * span[i]))
    yield "birth", sorted(indices, key=lambda i: (blocks[i].first, -width[i]))


def own_need(instance: Instance, needs: Sequence[int]) -> list[int]:
    """For every block, the most bytes that a section with the block needs."""
    found = [0] * len(instance.blocks)
    for section, need in zip(instance.sections, needs, strict=True):
        for i in section:
            if found[i] < need:
                found[i] = need
    return found
