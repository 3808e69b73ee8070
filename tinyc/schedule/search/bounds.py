"""Bytes between which the needs of parts lie: of an operator that runs as a whole, and of segments that stream."""

from __future__ import annotations

from collections.abc import Iterator

from tinyc.schedule.search.prepared import Prepared

WHOLE, STREAMED = 0, 1  # kinds of parts


def whole(p: Prepared, step: int) -> tuple[int, int]:
    """Bytes between which the need of an operator as a whole lies, with its fastest kernel or its lean one, without
    state. Exactly that where its result may overlap at most one tensor."""
    d = p.data
    fast_low, fast_high = with_kernel(p, step, d[p.fast + step], d[p.fast_trails + step], d[p.fast_trails_end + step])
    lean_low, lean_high = with_kernel(p, step, d[p.lean + step], d[p.lean_trails + step], d[p.lean_trails_end + step])
    return min(fast_low, lean_low), min(fast_high, lean_high)


def apart(p: Prepared, step: int) -> int:
    """Bytes of all that is there while an operator runs as a whole with its lean kernel, nothing overlapping."""
    d = p.data
    return d[p.before + step] + d[p.made + step] + d[p.lean + step]


def with_kernel(p: Prepared, step: int, scratch: int, trails: int, end: int) -> tuple[int, int]:
    """Bytes between which the need lies with a kernel of so much scratch and these trails.

    A result saves no more bytes than it has above the distance of a trail, and no more than the other tensor has; over
    several, at least those of the best, and at most those of all or above the least distance.
    """
    d = p.data
    bytes, most = d[p.before + step] + d[p.made + step] + scratch, 0
    if trails == end:
        return bytes, bytes
    saved, best, own = 0, 0, d[p.width + d[p.results + d[p.result_from + step]]]
    for k in range(trails, end):
        tensor, distance = d[p.trail_tensor + k], d[p.trail_apart + k]
        first = True
        for other in range(trails, end):
            if d[p.trail_tensor + other] == tensor:
                first = first and other >= k
                distance = min(distance, d[p.trail_apart + other])
        if first and d[p.last + tensor] == step and distance < own:
            one = min(d[p.width + tensor], own - distance)
            saved, best, most = saved + one, max(best, one), max(most, own - distance)
    return bytes - min(saved, most), bytes - best


def segments(p: Prepared, start: int) -> Iterator[tuple[int, int, int, int]]:
    """The segments that begin at a step: where they end, the bytes between which their need lies, without state, and
    what is only there inside: no longer segment has less of that."""
    d = p.data
    live, scratch, dead, new, within = d[p.before + start], 0, 0, 0, 0
    for step in range(start, d[p.longest + start]):
        live += d[p.made_in_rows + step]
        within += d[p.made_in_rows + step] - d[p.made + step]
        scratch = max(scratch, d[p.lean_in_rows + step])
        new += d[p.made + step]
        for k in range(d[p.dying_from + step], d[p.dying_from + step + 1]):
            tensor = d[p.dying + k]
            if tensor == p.pushed or d[p.born + tensor] >= start:
                live += d[p.inside + tensor] - d[p.width + tensor]
                within += d[p.inside + tensor]
                if tensor != p.pushed:
                    new -= d[p.width + tensor]
            else:
                dead += d[p.width + tensor]
        yield step + 1, live + scratch - min(dead, new), live + scratch, within + scratch


def segment(p: Prepared, start: int, stop: int) -> tuple[int, int]:
    """Bytes between which the need of one segment lies, without state."""
    for end, low, high, _ in segments(p, start):
        if end == stop:
            return low, high
    return 0, 0
