"""Places for the tensors that pass from part to part, within a number of bytes, and parts for which there are some."""

from __future__ import annotations

from typing import NamedTuple

from tinyc.columns import Column, none, zeros
from tinyc.program.lifetimes import width
from tinyc.schedule.search.bounds import STREAMED, WHOLE, segments
from tinyc.schedule.search.prepared import Prepared, with_kernel

CHOICES = 4000  # places that are tried before none are found
GONE = -2  # of a tensor that no longer lives
SEGMENTS = 2  # a kind of parts: any segment
TRAILING, ENDS, BELOW, ABOVE, MAY_TRAIL, BELOW_SHORTER, ABOVE_SHORTER = range(7)  # places for a tensor, best first
HASH, MASK = 1000003, (1 << 60) - 1  # so many bits that integers of 64, which wrap, give the same


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


class _Node(NamedTuple):
    """A way on: the node before it, the part, bytes of all in it that does not pass on, how many of its new tensors
    have a place, where in the list of what is lying its own begin, how many there are, and whether it has lean kernels.
    """

    before: int
    start: int
    stop: int
    kind: int
    rest: int
    placed: int
    first: int
    size: int
    lean: int


class _Step(NamedTuple):
    """What may follow a node: a part, with bytes of all in it that does not pass on, and by how many bytes it is `over`
    the end where nothing overlaps; or its next new tensor at an offset (-1 where a part begins). Of kind SEGMENTS: all
    segments, which are worked out once nothing else is left to try."""

    node: int
    start: int
    stop: int
    kind: int
    lean: int
    rest: int
    over: int
    offset: int


Nodes = list[_Node]
Lying = list[tuple[int, int]]  # tensors and their offsets, node by node
Stack = list[_Step]


def find_places(
    p: Prepared, limit: int, state: int, given: Column, overlaps: Column, may_ask: bool, choices: int
) -> Places:
    """Parts, and places for the tensors that pass from one to another, with which all else of every part has room in
    one free piece of so many bytes. Depth first: operators as a whole first, tensors at the ends of the space first.

    Parts may be `given`, all of them, with four numbers each: where it starts and stops, its kind, of an operator as a
    whole whether it has its lean kernel, of a segment bytes of what is only there inside. Then no others are looked at.

    `overlaps` say how far apart tensors must be that may overlap in a segment: where it starts and stops, whether with
    lean kernels, the tensor below and the one above, bytes; one after another. One that has none has tensors -1. Where
    they are not told of a segment that cannot do without, it is asked for them, or left out if it `may_ask` not.
    """
    end, tries, below = limit - width(state), 0, zeros(p.last - p.born)  # of as many as there are tensors
    nodes, lying = [_Node(-1, -2, 0, WHOLE, 0, 0, 0, 0, 0)], [(-1, 0)]
    stack, seen = [_Step(0, -1, 0, WHOLE, 0, 0, 0, -1)], {-1}
    while len(stack) > 0 and tries < choices:
        tries += 1
        step = stack.pop()
        if step.kind == SEGMENTS:
            _segments_on(p, stack, step.node, step.start, end, state)
            continue
        placed = _placed(nodes, step)
        tensor = _new_tensor(p, step.start, step.stop, placed)
        if step.offset >= 0 or tensor < 0:
            node = _node(p, nodes, lying, step, tensor, placed)
            step = _Step(len(nodes) - 1, *step[1:7], -1)
            tensor = _new_tensor(p, step.start, step.stop, node.placed)
            if tensor < 0:  # all of the part have a place
                key = _key(p, lying, node)
                fits = node.rest <= _largest_gap(p, lying, node, end)
                if fits and node.stop == p.steps:
                    return _places(nodes, lying)
                if fits and key not in seen:
                    seen.add(key)
                    if len(given) > 0:
                        _given_on(p, stack, step.node, node.stop, end, given)
                    else:
                        _parts_on(p, stack, step.node, node.stop, end)
                continue
        if step.over > 0 and step.kind == STREAMED and not _has_overlaps(overlaps, step):
            if may_ask:
                return Places(none(), none(), none(), none(), none(), [step.start, step.stop, step.lean])
            continue
        _place(p, nodes[step.node], lying, stack, step, tensor, end, overlaps, below)
    return Places(none(), none(), none(), none(), none(), none())


def has_places(p: Prepared, limit: int, state: int, given: Column, overlaps: Column, choices: int) -> bool:
    """Whether there are places for parts that are given, with all their overlaps."""
    return len(find_places(p, limit, state, given, overlaps, False, choices).starts) > 0


def _placed(nodes: Nodes, step: _Step) -> int:
    """How many new tensors of its part have a place before a step."""
    return nodes[step.node].placed if nodes[step.node].start == step.start else 0


def _node(p: Prepared, nodes: Nodes, lying: Lying, step: _Step, tensor: int, placed: int) -> _Node:
    """Append the node that a step leads to, which puts the tensor to its offset, if there is one."""
    d = p.data
    before, first = nodes[step.node], len(lying)
    for k in range(before.first, before.first + before.size):
        if d[p.last + lying[k][0]] >= step.start:
            lying.append(lying[k])
    if step.offset >= 0:
        lying.append((tensor, step.offset))
        placed += 1
    node = _Node(step.node, step.start, step.stop, step.kind, step.rest, placed, first, len(lying) - first, step.lean)
    nodes.append(node)
    return node


def _new_tensor(p: Prepared, start: int, stop: int, index: int) -> int:
    """The tensors that a part makes for later ones, one after the other (before the first part: the inputs); -1 after
    the last."""
    d = p.data
    if start < 0:
        for k in range(d[p.crossing_from], d[p.crossing_from + 1]):
            if d[p.crossing + k] != p.pushed:
                if index == 0:
                    return d[p.crossing + k]
                index -= 1
        return -1
    for k in range(d[p.result_from + start], d[p.result_from + stop]):
        if d[p.last + d[p.results + k]] >= stop:
            if index == 0:
                return d[p.results + k]
            index -= 1
    return -1


def _parts_on(p: Prepared, stack: Stack, node: int, step: int, end: int) -> None:
    """Put what may come next on the stack, if its need may be within the end: the operator as a whole on top."""
    d = p.data
    if step == 0 or step > p.until:
        stack.append(_Step(node, step, step, SEGMENTS, 0, 0, 0, -1))
    if step <= p.until:
        return
    bytes, lean, fast = d[p.before + step] + d[p.made + step] - end, d[p.lean + step], d[p.fast + step]
    unread = _unread(p, step)
    if d[p.lean_kernel + step] > 0:
        low, _ = with_kernel(p, step, lean, d[p.lean_trails + step], d[p.lean_trails_end + step])
        if low <= end:
            stack.append(_Step(node, step, step + 1, WHOLE, 1, unread + lean, bytes + lean, -1))
    low, _ = with_kernel(p, step, fast, d[p.fast_trails + step], d[p.fast_trails_end + step])
    if low <= end:
        stack.append(_Step(node, step, step + 1, WHOLE, 0, unread + fast, bytes + fast, -1))


def _given_on(p: Prepared, stack: Stack, node: int, step: int, end: int, given: Column) -> None:
    """Put the given part that begins at a step on the stack."""
    d, low, high = p.data, 0, len(given) // 4 - 1
    while low < high:  # parts are in order
        middle = (low + high) // 2
        if given[4 * middle] < step:
            low = middle + 1
        else:
            high = middle
    stop, kind, more = given[4 * low + 1], given[4 * low + 2], given[4 * low + 3]
    if kind == STREAMED:
        over = _passing(p, step, stop) + more - end
        stack.append(_Step(node, step, stop, STREAMED, 0, more, over, -1))
    else:
        scratch = d[p.lean + step] if more else d[p.fast + step]
        over = d[p.before + step] + d[p.made + step] + scratch - end
        stack.append(_Step(node, step, stop, WHOLE, more, _unread(p, step) + scratch, over, -1))


def _unread(p: Prepared, step: int) -> int:
    """Bytes of the results of an operator that nothing reads."""
    d, bytes = p.data, 0
    for k in range(d[p.result_from + step], d[p.result_from + step + 1]):
        if d[p.last + d[p.results + k]] == step:
            bytes += d[p.width + d[p.results + k]]
    return bytes


def _segments_on(p: Prepared, stack: Stack, node: int, start: int, end: int, state: int) -> None:
    """Put the segments that may come next on the stack: on top the shortest whose tensors need not overlap."""
    d = p.data
    fast, lean, leaner, found = 0, 0, 0, [_Step(0, 0, 0, 0, 0, 0, 0, 0)]
    for stop, low, high, within in segments(p, start):
        fast, lean = max(fast, d[p.fast_in_rows + stop - 1]), max(lean, d[p.lean_in_rows + stop - 1])
        leaner = max(leaner, d[p.lean_row_kernel + stop - 1])
        if within > end:
            break
        if stop > p.until and low <= end and (start > 0 or d[p.state + stop] == state):
            # What is there inside alone: all but what crosses into the segment or out of it.
            inside = high - lean - _passing(p, start, stop)
            if low + fast - lean <= end:
                over = high + fast - lean - end
                found.append(_Step(node, start, stop, STREAMED, 0, inside + fast, over, -1))
            if leaner > 0:
                found.append(_Step(node, start, stop, STREAMED, 1, inside + lean, high - end, -1))
    for tight in (True, False):
        for k in range(len(found) - 1, 0, -1):
            if (found[k].over > 0) == tight:
                stack.append(found[k])


def _passing(p: Prepared, start: int, stop: int) -> int:
    """Bytes of the tensors that cross into a segment, but for a pushed one, and of those that it makes for others."""
    d = p.data
    bytes = d[p.before + start]
    if p.pushed >= 0 and start == 0:
        bytes -= d[p.width + p.pushed]
    for k in range(d[p.result_from + start], d[p.result_from + stop]):
        if d[p.last + d[p.results + k]] >= stop:
            bytes += d[p.width + d[p.results + k]]
    return bytes


def _place(
    p: Prepared, node: _Node, lying: Lying, stack: Stack, step: _Step, tensor: int, end: int, overlaps: Column,
    below: Column,
) -> None:
    """Put all places of one more tensor that are worth trying on the stack, the first choice on top: at an end of the
    space, as little below a tensor that dies as it must be, or beside another; below is better, since a result may
    overlap what lies above it, and beside one that lives as long, so that no hole is left. `below` is room to note in.
    """
    d, first, size = p.data, node.first, node.size
    wide, last = d[p.width + tensor], d[p.last + tensor]
    for k in range(size):
        gone = d[p.last + lying[first + k][0]] < step.start
        below[k] = GONE if gone else _apart(p, step, tensor, lying[first + k][0], overlaps)
    for choice in range(6, -1, -1):
        for k in range(2 if choice == ENDS else size):
            if choice == ENDS:
                at = (end - wide) * k
            elif below[k] == GONE:
                continue
            elif choice in (TRAILING, MAY_TRAIL):
                if below[k] < 0 or (step.over > 0) != (choice == TRAILING):
                    continue
                at = lying[first + k][1] - below[k]
            else:
                other, at = lying[first + k]
                at += -wide if choice in (BELOW, BELOW_SHORTER) else d[p.width + other]
                if (d[p.last + other] >= last) != (choice in (BELOW, ABOVE)):
                    continue
            good = 0 <= at <= end - wide
            for beside in range(size):
                other, offset = lying[first + beside]
                if good and at + wide > offset and offset + d[p.width + other] > at and below[beside] != GONE:
                    good = below[beside] >= 0 and at + below[beside] <= offset
            if good:
                stack.append(_Step(*step[:7], at))


def _apart(p: Prepared, step: _Step, lower: int, upper: int, overlaps: Column) -> int:
    """Bytes by which a new tensor must lie below another to overlap it in this part; -1 where it may not."""
    d = p.data
    start, found = step.start, -1
    if start < 0 or d[p.last + upper] >= step.stop:
        return -1
    if step.kind == STREAMED:
        for k in range(0, len(overlaps), 6):
            if _is_of(overlaps, k, step) and overlaps[k + 3] == lower and overlaps[k + 4] == upper:
                return width(overlaps[k + 5])
        return -1
    if d[p.results + d[p.result_from + start]] != lower:
        return -1
    begin = d[p.lean_trails + start] if step.lean else d[p.fast_trails + start]
    last = d[p.lean_trails_end + start] if step.lean else d[p.fast_trails_end + start]
    for k in range(begin, last):
        if d[p.trail_tensor + k] == upper:
            own = d[p.trail_apart + k]
            found = own if found < 0 else min(found, own)
    return found


def _has_overlaps(overlaps: Column, step: _Step) -> bool:
    found = False
    for k in range(0, len(overlaps), 6):
        found = found or _is_of(overlaps, k, step)
    return found


def _is_of(overlaps: Column, k: int, step: _Step) -> bool:
    return overlaps[k] == step.start and overlaps[k + 1] == step.stop and overlaps[k + 2] == step.lean


def _largest_gap(p: Prepared, lying: Lying, node: _Node, end: int) -> int:
    """Bytes of the largest piece between 0 and the end that no tensor of a node lies in."""
    found, own = 0, range(node.first, node.first + node.size)
    for begin in range(node.first - 1, node.first + node.size):
        top, until = 0, end  # a piece begins at the bottom, or where a tensor ends
        if begin >= node.first:
            top = lying[begin][1] + p.data[p.width + lying[begin][0]]
        for k in own:
            tensor, offset = lying[k]
            if offset > top:
                until = min(until, offset)
            elif offset + p.data[p.width + tensor] > top:
                until = top
        found = max(found, until - top)
    return found


def _key(p: Prepared, lying: Lying, node: _Node) -> int:
    """A number for what a node leaves to those after it."""
    d = p.data
    key = node.stop
    for k in range(node.first, node.first + node.size):
        tensor, offset = lying[k]
        if d[p.last + tensor] >= node.stop:
            key = (key * HASH + tensor) & MASK
            key = (key * HASH + offset) & MASK
    return key


def _places(nodes: Nodes, lying: Lying) -> Places:
    """What the last node and those before it say."""
    starts, kinds, lean, tensors, offsets = none(), none(), none(), none(), none()
    number, start = len(nodes) - 1, -2
    while number >= 0:
        node = nodes[number]
        if node.start != start:  # all that the part makes has a place here
            start, end = node.start, node.first + node.size
            for k in range(end - node.placed, end):
                tensors.append(lying[k][0])
                offsets.append(lying[k][1])
            if start >= 0:
                starts.append(start)
                kinds.append(node.kind)
                lean.append(node.lean)
        number = node.before
    return Places(starts[::-1], kinds[::-1], lean[::-1], tensors, offsets, none())
