"""Lower bounds: what no packing can undercut.

Blocks that no trail connects are disjoint, so a section needs at least the sum, over its groups of blocks connected by
trails, of the fewest bytes that a group can cover. For a single block that is its width; for an output `o` that trails its
input `i` by D bytes it is max(o, i, D + i), the vMCU footprint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tinyc.memory.blocks import Block, Trail, validate
from tinyc.memory.instance import Instance, build

GROUP_LIMIT = 5  # the exact cover tries every order of a group: 120 of five blocks, 720 of six


def max_live(blocks: Iterable[Block]) -> int:
    """Most bytes alive in one step, without trails: sizes rounded up to the grain, less the largest rounding.

    The grain is the greatest common divisor of the alignments; the topmost block needs no rounding. This is a valid lower
    bound on the peak of any packing without trails, and at least the plain sum of the sizes. O(n log n), one sweep.
    """
    solid = [block for block in blocks if block.size]
    instance = build(solid) if solid else None
    return max((_plain(instance, s) for s in instance.sections), default=0) if instance else 0


def lower_bound(blocks: Iterable[Block], trails: Iterable[Trail] = ()) -> int:
    """Bytes that every packing needs: groups in every section, the ends of fixed blocks, and possible remainders."""
    blocks = tuple(blocks)
    trails = tuple(trails)
    validate(blocks, trails)
    return instance_bound(build(blocks, trails))


def instance_bound(instance: Instance) -> int:
    """`lower_bound` of a built instance: sections in descending order of their plain sums, until none can add."""
    best = max((block.size for block in instance.blocks), default=0)
    best = max(best, instance.floor_peak)
    for plain, section in sorted(((_plain(instance, s), s) for s in instance.sections), reverse=True):
        if plain <= best:
            break
        best = max(best, section_bound(instance, section) if instance.distance else plain)
    return instance.next_peak(best - 1) if instance.blocks else best
