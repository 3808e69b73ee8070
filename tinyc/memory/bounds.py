"""Lower bounds: what no packing can undercut.

Blocks that no trail connects are disjoint, so a section needs at least the sum, over its groups of blocks
connected by trails, of the fewest bytes that a group can cover. For a single block that is its width; for an
output that trails its input by D bytes it is max(in + D, out), the footprint that vMCU gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from tinyc.memory.blocks import Block, Trail, validate
from tinyc.memory.instance import Instance, build, common_grain

KNOWN = 1 << 14  # covers of groups that are remembered: the same parts of a network are looked at again and again
GROUP_LIMIT = 5  # the exact cover tries every order of a group: 120 for five blocks, 720 for six


def max_live(blocks: Iterable[Block]) -> int:
    """Most bytes alive in one step, without trails: sizes rounded up to the grain, less the largest rounding.

    The grain is the greatest common divisor of the alignments; the topmost block needs no rounding. So this
    is a lower bound on the peak of every packing without trails, and never below the plain sum of the sizes.
    One sweep over births and deaths, O(n log n).
    """
    blocks = tuple(blocks)
    grain, pad = common_grain(blocks), 0
    events: list[tuple[int, int]] = []
    for block in blocks:
        width = -(-block.size // grain) * grain
        pad = max(pad, width - block.size)
        events += [(block.first, width), (block.last + 1, -width)]
    events.sort()  # at one step deaths sort before births
    live = most = 0
    for _, change in events:
        live += change
        most = max(most, live)
    return max(0, most - pad)


def lower_bound(blocks: Iterable[Block], trails: Iterable[Trail] = ()) -> int:
    """Bytes that every packing needs. Raises `PackingError` for blocks that contradict themselves."""
    blocks, trails = tuple(blocks), tuple(trails)
    validate(blocks, trails)
    instance = build(blocks, trails)
    return instance_bound(instance, section_needs(instance))


def instance_bound(instance: Instance, needs: Sequence[int]) -> int:
    """The needs of the sections, the end of the highest fixed block, and which peaks are possible at all."""
    return max(instance.next_peak(max(needs, default=0) - 1), instance.floor_peak)


def section_needs(instance: Instance) -> list[int]:
    """Bytes that the blocks of each section need on their own: a bound, exact without trails."""
    if instance.distance:
        return [_need(instance, section) for section in instance.sections]
    width, pad = instance.width, [w - s for w, s in zip(instance.width, instance.size, strict=True)]
    return [sum([width[i] for i in s]) - max([pad[i] for i in s]) for s in instance.sections]


def _need(instance: Instance, section: Sequence[int]) -> int:
    """The covers of all groups; the group on top is counted to the end of its bytes, not of its grain."""
    found = groups(instance, section)
    covers = [cover(instance, group, instance.width) for group in found]
    if instance.size == instance.width:
        return sum(covers)
    on_top = [cover(instance, group, instance.size) for group in found]
    return sum(covers) - max(whole - top for whole, top in zip(covers, on_top, strict=True))


def together(sizes: Sequence[int], trails: Iterable[tuple[int, int, int]], grain: int) -> int:
    """Bytes that blocks of these sizes need while all of them are alive; trails are (lower, upper, distance) by number.

    The same figure as `lower_bound` of such blocks, all aligned to `grain`.
    """
    width = [-(-size // grain) * grain for size in sizes]
    distance: dict[tuple[int, int], int] = {}
    for lower, upper, bytes in trails:
        apart = -(-bytes // grain) * grain
        if apart < width[lower]:
            distance[lower, upper] = min(apart, distance.get((lower, upper), apart))
    if not distance:
        return sum(width) - max((w - s for w, s in zip(width, sizes, strict=True)), default=0)
    partners: dict[int, list[int]] = {}
    for a, b in distance:
        partners.setdefault(a, []).append(b)
        partners.setdefault(b, []).append(a)
    instance = Instance((), list(sizes), width, distance, partners, [], [], grain, grain, 0)
    return _need(instance, range(len(width)))


def groups(instance: Instance, section: Sequence[int]) -> list[list[int]]:
    """The section's blocks, those together that trails connect."""
    group_of = {i: [i] for i in section}
    for a in section:
        for b in instance.partners.get(a, ()):
            if b in group_of and group_of[a] is not group_of[b]:
                group_of[a] += group_of[b]
                for i in group_of[b]:
                    group_of[i] = group_of[a]
    return [group for i, group in group_of.items() if group[0] == i]


def cover(instance: Instance, group: Sequence[int], ends: Sequence[int]) -> int:
    """Fewest bytes that the union of a group's blocks covers, all of them alive together.

    `ends[b]` is counted for the end of the group: the widths, or the sizes for the group on top of all.
    Exact up to GROUP_LIMIT blocks. Beyond, a bound: in ascending order of offsets every block but the last
    keeps at least its shortest distance to itself.
    """
    if len(group) == 1:
        return ends[group[0]]
    if len(group) == 2:
        a, b = group
        a_below = max(ends[a], instance.apart(a, b) + ends[b])
        return min(a_below, max(ends[b], instance.apart(b, a) + ends[a]))
    if len(group) <= GROUP_LIMIT:
        apart = tuple([tuple([instance.apart(a, b) for b in group]) for a in group])
        widths = tuple([instance.width[a] for a in group])
        return _least_cover(widths, tuple([ends[a] for a in group]), apart, instance.grain)
    least = _shortest_distances(instance, group)
    last = min(ends[b] - apart for b, apart in zip(group, least, strict=True))
    return max(sum(least) + last, *(ends[b] for b in group))


def _shortest_distances(instance: Instance, group: Sequence[int]) -> list[int]:
    return [min(instance.apart(a, b) for b in group if b != a) for a in group]


@lru_cache(maxsize=KNOWN)
def _least_cover(
    widths: tuple[int, ...], ends: tuple[int, ...], apart: tuple[tuple[int, ...], ...], grain: int
) -> int:
    """The least cover of a group over all orders; `apart[a][b]` is d(a, b)."""
    return _Orders(widths, ends, apart, grain).least(range(len(widths)), [], 0, 0, 0)


class _Orders:
    """The least cover over all orders of a group, by ascending offsets.

    In any order the blocks above some point can be moved down together without covering more, so only the
    lowest offsets matter.
    """

    def __init__(
        self, widths: Sequence[int], ends: Sequence[int], apart: Sequence[Sequence[int]], grain: int
    ) -> None:
        self.widths, self.ends, self.apart, self.grain = widths, ends, apart, grain
        self.best = 1 << 62

    def least(
        self, rest: Sequence[int], placed: list[tuple[int, int]], covered: int, top: int, end: int
    ) -> int:
        """Finish `placed` (block, offset), which covers `covered` bytes up to `top`, counted up to `end`."""
        if not rest:
            self.best = min(self.best, covered - (top - end))
        for block in rest:
            if covered - self.grain >= self.best:
                break
            others = [i for i in rest if i != block]
            for at in self._offsets(block, placed):
                until, stop = at + self.widths[block], at + self.ends[block]
                more = until - at if at > top else until - top if until > top else 0
                self.least(
                    others, [*placed, (block, at)], covered + more,
                    until if until > top else top, stop if stop > end else end,
                )
        return self.best

    def _offsets(self, block: int, placed: Sequence[tuple[int, int]]) -> list[int]:
        """Where to start at or above all placed blocks: level with the last if trails allow it, and above."""
        level = above = placed[-1][1] if placed else 0
        for a, at in placed:
            lowest = at + self.apart[a][block]
            if lowest > above:
                above = lowest
        if above == level:
            return [level]
        tied = all([
            level >= at + self.apart[a][block] or (at == level and not self.apart[block][a]) for a, at in placed
        ])
        return [level, above] if tied else [above]


def weights(instance: Instance, section: Sequence[int]) -> dict[int, int]:
    """Bytes to count for each block of a section, so that any of its subsets covers its sum or more.

    Block by block: a weight is the least that the block adds to the cover of any subset of the earlier ones.
    """
    found: dict[int, int] = {}
    for group in groups(instance, section):
        if len(group) > GROUP_LIMIT:
            found.update(zip(group, _shortest_distances(instance, group), strict=True))
            continue
        for position, block in enumerate(group):
            found[block] = min(
                cover(instance, [*subset, block], instance.width) - sum(found[i] for i in subset)
                for subset in _subsets(group[:position])
            )
    return found


def _subsets(items: Sequence[int]) -> list[list[int]]:
    return [[item for bit, item in enumerate(items) if mask >> bit & 1] for mask in range(1 << len(items))]
