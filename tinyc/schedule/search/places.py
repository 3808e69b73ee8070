"""Places for the tensors that pass from part to part, within a number of bytes, and parts for which there are some."""

from __future__ import annotations

from typing import NamedTuple

from tinyc.columns import Column, none, zeros
from tinyc.program.lifetimes import width
from tinyc.schedule.search.bounds import STREAMED, WHOLE, segments
from tinyc.schedule.search.lying import (
    SEGMENTS,
    Lying,
    Node,
    Nodes,
    Stack,
    Step,
    go,
    has_overlaps,
    key_of,
    largest_gap,
    note,
    passing,
    push_places,
    unread,
)
from tinyc.schedule.search.prepared import Prepared, with_kernel

CHOICES = 4000  # places that are tried before none are found


class Places(NamedTuple):
    """Parts in order: where they start, of which kind, whether with lean kernels; and offsets of the tensors that pass
    from part to part. Without parts none were found; where `ask` has entries, the overlaps of that part (start, stop,
    lean) should be known."""

    starts: list[int]
    kinds: list[int]
    lean: list[int]
    tensors: list[int]
    offsets: list[int]
    ask: list[int]


def find_places(
    p: Prepared, limit: int, state: int, overlaps: Column, may_ask: bool, choices: int
) -> Places:
    """Parts, and places for the tensors that pass from one to another, with which all else of every part has room in
    one free piece of so many bytes. Depth first: operators as a whole first, tensors at the ends of the space first.

    `overlaps` say how far apart tensors must be that may overlap in a segment: where it starts and stops, whether with
    lean kernels, the tensor below and the one above, bytes; one after another. One that has none has tensors -1. Where
    they are not told of a segment that cannot do without, it is asked for them, or left out if it `may_ask` not.
    """
    end, tries, below = limit - width(state), 0, zeros(p.last - p.born)  # of as many as there are tensors
    nodes, lying = [Node(-1, -2, 0, WHOLE, 0, 0, 0, 0, 0)], [(-1, 0)]
    stack, seen = [Step(0, -1, 0, WHOLE, 0, 0, 0, -1)], {-1}
    while len(stack) > 0 and tries < choices:
        tries += 1
        step = stack.pop()
        if step.kind == SEGMENTS:
            _segments_on(p, stack, step.node, step.start, end, state)
            continue
        step, tensor = go(p, nodes, lying, step)
        if tensor < 0:
            node = nodes[step.node]
            key = key_of(p, lying, node)
            fits = node.rest <= largest_gap(p, lying, node, end)
            if fits and node.stop == p.steps:
                return _places(nodes, lying)
            if fits and key not in seen:
                seen.add(key)
                _parts_on(p, stack, step.node, node.stop, end)
            continue
        if step.over > 0 and step.kind == STREAMED and not has_overlaps(overlaps, step):
            if may_ask:
                return Places(none(), none(), none(), none(), none(), [step.start, step.stop, step.lean])
            continue
        push_places(p, nodes[step.node], lying, stack, step, tensor, end, overlaps, below, 0)
    return Places(none(), none(), none(), none(), none(), none())


def _parts_on(p: Prepared, stack: Stack, node: int, step: int, end: int) -> None:
    """Put what may come next on the stack, if its need may be within the end: the operator as a whole on top."""
    d = p.data
    if step == 0 or step > p.until:
        stack.append(Step(node, step, step, SEGMENTS, 0, 0, 0, -1))
    if step <= p.until:
        return
    bytes, lean, fast = d[p.before + step] + d[p.made + step] - end, d[p.lean + step], d[p.fast + step]
    alone = unread(p, step)
    if d[p.lean_kernel + step] > 0:
        low, _ = with_kernel(p, step, lean, d[p.lean_trails + step], d[p.lean_trails_end + step])
        if low <= end:
            stack.append(Step(node, step, step + 1, WHOLE, 1, alone + lean, bytes + lean, -1))
    low, _ = with_kernel(p, step, fast, d[p.fast_trails + step], d[p.fast_trails_end + step])
    if low <= end:
        stack.append(Step(node, step, step + 1, WHOLE, 0, alone + fast, bytes + fast, -1))


def _segments_on(p: Prepared, stack: Stack, node: int, start: int, end: int, state: int) -> None:
    """Put the segments that may come next on the stack: on top the shortest whose tensors need not overlap."""
    d = p.data
    fast, lean, leaner, found = 0, 0, 0, [Step(0, 0, 0, 0, 0, 0, 0, 0)]
    for stop, low, high, within in segments(p, start):
        fast, lean = max(fast, d[p.fast_in_rows + stop - 1]), max(lean, d[p.lean_in_rows + stop - 1])
        leaner = max(leaner, d[p.lean_row_kernel + stop - 1])
        if within > end:
            break
        if stop > p.until and low <= end and (start > 0 or d[p.state + stop] == state):
            # What is there inside alone: all but what crosses into the segment or out of it.
            inside = high - lean - passing(p, start, stop)
            if low + fast - lean <= end:
                over = high + fast - lean - end
                found.append(Step(node, start, stop, STREAMED, 0, inside + fast, over, -1))
            if leaner > 0:
                found.append(Step(node, start, stop, STREAMED, 1, inside + lean, high - end, -1))
    for tight in (True, False):
        for k in range(len(found) - 1, 0, -1):
            if (found[k].over > 0) == tight:
                stack.append(found[k])


def _places(nodes: Nodes, lying: Lying) -> Places:
    """What the last node and those before it say."""
    starts, kinds, lean, tensors, offsets = none(), none(), none(), none(), none()
    note(nodes, lying, tensors, offsets)
    number, start = len(nodes) - 1, -1
    while number >= 0:
        node = nodes[number]
        if node.start != start and node.start >= 0:
            start = node.start
            starts.append(start)
            kinds.append(node.kind)
            lean.append(node.lean)
        number = node.before
    return Places(starts[::-1], kinds[::-1], lean[::-1], tensors, offsets, none())
