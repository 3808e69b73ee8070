"""What lies where while places are searched for: the parts of both searches, `places` and `chunks`."""

from __future__ import annotations

from typing import NamedTuple

from tinyc.columns import Column
from tinyc.program.lifetimes import width
from tinyc.schedule.search.bounds import STREAMED
from tinyc.schedule.search.prepared import Prepared

GONE = -2  # of a tensor that no longer lives
SEGMENTS = 2  # a kind of parts: any segment
TRAILING, ENDS, BELOW, ABOVE, MAY_TRAIL, BELOW_SHORTER, ABOVE_SHORTER = range(7)  # places for a tensor
RULES = (  # in which order they are tried, best first: the rule that helps most often, and others that help elsewhere
    (TRAILING, ENDS, BELOW, ABOVE, MAY_TRAIL, BELOW_SHORTER, ABOVE_SHORTER),
    (TRAILING, BELOW, ABOVE, ENDS, MAY_TRAIL, BELOW_SHORTER, ABOVE_SHORTER),
    (ENDS, ABOVE, BELOW, TRAILING, BELOW_SHORTER, ABOVE_SHORTER, MAY_TRAIL),
)
HASH, MASK = 1000003, (1 << 60) - 1  # so many bits that integers of 64, which wrap, give the same


class Node(NamedTuple):
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


class Step(NamedTuple):
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


Nodes = list[Node]
Lying = list[tuple[int, int]]  # tensors and their offsets, node by node
Stack = list[Step]


def go(p: Prepared, nodes: Nodes, lying: Lying, step: Step) -> tuple[Step, int]:
    """Append the node that a step leads to, if it does to one. The step from there on, and the tensor that it must give
    a place; -1 where all of the part have one."""
    placed = _placed(nodes, step)
    tensor = _new_tensor(p, step.start, step.stop, placed)
    if step.offset >= 0 or tensor < 0:
        node = _node(p, nodes, lying, step, tensor, placed)
        step = Step(len(nodes) - 1, *step[1:7], -1)
        tensor = _new_tensor(p, step.start, step.stop, node.placed)
    return step, tensor


def _placed(nodes: Nodes, step: Step) -> int:
    """How many new tensors of its part have a place before a step."""
    return nodes[step.node].placed if nodes[step.node].start == step.start else 0


def _node(p: Prepared, nodes: Nodes, lying: Lying, step: Step, tensor: int, placed: int) -> Node:
    """Append the node that a step leads to, which puts the tensor to its offset, if there is one."""
    d = p.data
    before, first = nodes[step.node], len(lying)
    for k in range(before.first, before.first + before.size):
        if d[p.last + lying[k][0]] >= step.start:
            lying.append(lying[k])
    if step.offset >= 0:
        lying.append((tensor, step.offset))
        placed += 1
    node = Node(step.node, step.start, step.stop, step.kind, step.rest, placed, first, len(lying) - first, step.lean)
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


def unread(p: Prepared, step: int) -> int:
    """Bytes of the results of an operator that nothing reads."""
    d, bytes = p.data, 0
    for k in range(d[p.result_from + step], d[p.result_from + step + 1]):
        if d[p.last + d[p.results + k]] == step:
            bytes += d[p.width + d[p.results + k]]
    return bytes


def passing(p: Prepared, start: int, stop: int) -> int:
    """Bytes of the tensors that cross into a segment, but for a pushed one, and of those that it makes for others."""
    d = p.data
    bytes = d[p.before + start]
    if p.pushed >= 0 and start == 0:
        bytes -= d[p.width + p.pushed]
    for k in range(d[p.result_from + start], d[p.result_from + stop]):
        if d[p.last + d[p.results + k]] >= stop:
            bytes += d[p.width + d[p.results + k]]
    return bytes


def push_places(
    p: Prepared, node: Node, lying: Lying, stack: Stack, step: Step, tensor: int, end: int, overlaps: Column,
    below: Column, rule: int,
) -> None:
    """Put all places of one more tensor that are worth trying on the stack, the first choice by a rule on top: at an
    end of the space, as little below a tensor that dies as it must be, or beside another; below is often better, since
    a result may overlap what lies above it, and beside one that lives as long, so that no hole is left. `below` is room
    to note in.
    """
    d, first, size = p.data, node.first, node.size
    wide, last = d[p.width + tensor], d[p.last + tensor]
    for k in range(size):
        gone = d[p.last + lying[first + k][0]] < step.start
        below[k] = GONE if gone else _apart(p, step, tensor, lying[first + k][0], overlaps)
    for position in range(len(RULES[rule]) - 1, -1, -1):
        choice = RULES[rule][position]
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
                stack.append(Step(*step[:7], at))


def _apart(p: Prepared, step: Step, lower: int, upper: int, overlaps: Column) -> int:
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


def has_overlaps(overlaps: Column, step: Step) -> bool:
    found = False
    for k in range(0, len(overlaps), 6):
        found = found or _is_of(overlaps, k, step)
    return found


def _is_of(overlaps: Column, k: int, step: Step) -> bool:
    return overlaps[k] == step.start and overlaps[k + 1] == step.stop and overlaps[k + 2] == step.lean


def largest_gap(p: Prepared, lying: Lying, node: Node, end: int) -> int:
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


def key_of(p: Prepared, lying: Lying, node: Node) -> int:
    """A number for what a node leaves to those after it."""
    d = p.data
    key = node.stop
    for k in range(node.first, node.first + node.size):
        tensor, offset = lying[k]
        if d[p.last + tensor] >= node.stop:
            key = (key * HASH + tensor) & MASK
            key = (key * HASH + offset) & MASK
    return key


def note(nodes: Nodes, lying: Lying, tensors: list[int], offsets: list[int]) -> None:
    """Add the tensors that were given places on the way to the last node, and these, those of the last part first."""
    number, start = len(nodes) - 1, -2
    while number >= 0:
        node = nodes[number]
        if node.start != start:  # all that the part makes has a place here
            start, end = node.start, node.first + node.size
            for k in range(end - node.placed, end):
                tensors.append(lying[k][0])
                offsets.append(lying[k][1])
        number = node.before
