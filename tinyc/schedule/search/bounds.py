"""Bytes between which the needs of parts lie: of an operator that runs as a whole, and of segments that stream."""

from __future__ import annotations

from collections.abc import Iterator

from tinyc.schedule.search.prepared import Prepared

WHOLE, STREAMED = 0, 1  # kinds of parts


def whole(p: Prepared, step: int) -> tuple[int, int]:
    """Bytes between which the need of an operator as a whole lies, with its fastest kernel or its lean one, without
    state. Exactly that where its result may overlap at most one tensor."""
    return p.data[p.whole_low + step], p.data[p.whole_high + step]


def apart(p: Prepared, step: int) -> int:
    """Bytes of all that is there while an operator runs as a whole with its lean kernel, nothing overlapping."""
    d = p.data
    return d[p.before + step] + d[p.made + step] + d[p.lean + step]


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


def added(p: Prepared, start: int, stop: int) -> int:
    """Instructions that single rows add to a segment."""
    d, entry = p.data, p.entry if start == 0 else 0
    return d[p.row_work + stop] - d[p.row_work + start] - d[p.leaving + stop] + entry


def segment(p: Prepared, start: int, stop: int) -> tuple[int, int]:
    """Bytes between which the need of one segment lies, without state."""
    for end, low, high, _ in segments(p, start):
        if end == stop:
            return low, high
    return 0, 0
