"""Places for the tensors that pass from part to part, where the parts are given: chunk by chunk.

A chunk are the parts between two steps that a single tensor passes. All that a chunk has to know of those before it is
at which offset that tensor may lie. So what is found for a chunk holds in every network that has it (`tinyc.nas`).
"""

from __future__ import annotations

from typing import NamedTuple

from tinyc.columns import Column, none, zeros
from tinyc.program.lifetimes import width
from tinyc.schedule.search.bounds import STREAMED, WHOLE
from tinyc.schedule.search.lying import (
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
from tinyc.schedule.search.prepared import Prepared

CHUNK_CHOICES = 1000  # places that are tried in one chunk
# How places are searched for, until some are found: by which of the RULES, and to how many offsets a chunk goes on.
ATTEMPTS = ((0, 1), (1, 1), (2, 1), (0, 8))


class Ways(NamedTuple):
    """Offsets at which the tensor that passes on may lie, chunk after chunk, those of a chunk best first; by each, the
    number of the one that it goes back to, and where the tensors begin that were given offsets on the way from there;
    these tensors, and their offsets. At last, where those of the next one begin."""

    offsets: list[int]
    origins: list[int]
    begins: list[int]
    tensors: list[int]
    places: list[int]


class Placed(NamedTuple):
    """Tensors that pass from part to part, and their offsets; none if none were found."""

    tensors: list[int]
    offsets: list[int]


def place_parts(p: Prepared, limit: int, state: int, given: Column, overlaps: Column) -> Placed:
    """Places for the tensors that pass from one part to another, with which all else of every part has room in one free
    piece of so many bytes.

    Parts are `given`, all of them, with four numbers each: where it starts and stops, its kind, of an operator as a
    whole whether it has its lean kernel, of a segment bytes of what is only there inside. `overlaps` say how far apart
    tensors must be that may overlap in a segment: where it starts and stops, 0, the tensor below and the one above,
    bytes; one after another.
    """
    for rule, most in ATTEMPTS:
        ways, first = _through(p, limit, state, given, overlaps, [-1], rule, most)
        if len(given) > 0 and first < len(ways.offsets):
            return _way_to(ways, first)
    return Placed(none(), none())


def result_offsets(
    p: Prepared, limit: int, state: int, given: Column, overlaps: Column, entries: Column, rule: int, most: int
) -> list[int]:
    """Offsets at which the given parts may leave their result, where their input lies at one of the `entries` (-1: it
    has no place yet); at most so many. `rule`: the number of one of the RULES."""
    begins = none()
    for entry in entries:
        begins.append(entry)
    ways, first = _through(p, limit, state, given, overlaps, begins, rule, most)
    return ways.offsets[first:]


class _Search(NamedTuple):
    """Nodes, what lies where, what is to be tried next, and room to note in."""

    nodes: Nodes
    lying: Lying
    stack: Stack
    below: Column


def _through(
    p: Prepared, limit: int, state: int, given: Column, overlaps: Column, entries: list[int], rule: int, most: int
) -> tuple[Ways, int]:
    """Ways through all parts, and the number of the first one that goes to the end."""
    ways, part, first = Ways(none(), none(), [0], none(), none()), 0, 0
    for entry in entries:
        _add(ways, entry, -1)
    nodes, stack = [Node(-1, -2, 0, WHOLE, 0, 0, 0, 0, 0)], [Step(0, -1, 0, WHOLE, 0, 0, 0, -1)]
    search = _Search(nodes, [(-1, 0)], stack, zeros(p.last - p.born))
    seen = set(none())
    while 4 * part < len(given) and first < len(ways.offsets):
        until, last = _next_neck(p, given, part), len(ways.offsets)
        _through_chunk(p, limit - width(state), given, overlaps, part, until, search, seen, ways, first, rule, most)
        part, first = until, last
    return ways, first


def _next_neck(p: Prepared, given: Column, part: int) -> int:
    """The part with which the next chunk begins."""
    d = p.data
    while True:
        part += 1
        if 4 * part >= len(given):
            return part
        crossing = p.crossing_from + given[4 * part]
        if d[crossing + 1] - d[crossing] == 1 and d[p.crossing + d[crossing]] != p.pushed:
            return part


def _through_chunk(
    p: Prepared, end: int, given: Column, overlaps: Column, part: int, until: int, search: _Search, seen: set[int],
    ways: Ways, first: int, rule: int, most: int,
) -> None:
    """Add ways through the parts of a chunk, behind those from `first` on. Depth first, tensors at the ends of the
    space first."""
    stop, last, tries, nodes, lying, stack = given[4 * until - 3], len(ways.offsets), 0, *search[:3]
    for origin in range(first, last):
        _begin(p, given, part, ways.offsets[origin], end, nodes, lying, stack)
        while len(stack) > 0 and tries < CHUNK_CHOICES and len(ways.offsets) < last + most:
            tries += 1
            step = stack.pop()
            step, tensor = go(p, nodes, lying, step)
            if tensor < 0:
                node = nodes[step.node]
                key = key_of(p, lying, node)
                if key not in seen and node.rest <= largest_gap(p, lying, node, end):
                    seen.add(key)
                    if node.stop == stop:
                        _add(ways, _passing_offset(p, lying, node), origin)
                        note(nodes, lying, ways.tensors, ways.places)
                        ways.begins[-1] = len(ways.tensors)
                    else:
                        _given_on(p, stack, step.node, node.stop, end, given)
                continue
            if step.over <= 0 or step.kind != STREAMED or has_overlaps(overlaps, step):
                push_places(p, nodes[step.node], lying, stack, step, tensor, end, overlaps, search.below, rule)


def _begin(
    p: Prepared, given: Column, part: int, entry: int, end: int, nodes: Nodes, lying: Lying, stack: Stack
) -> None:
    """Nodes, what is lying, and what comes next, before a chunk into which one tensor passes at an offset; without one,
    before the inputs have a place."""
    d, start = p.data, given[4 * part]
    nodes.clear()
    lying.clear()
    stack.clear()
    if entry < 0:
        nodes.append(Node(-1, -2, 0, WHOLE, 0, 0, 0, 0, 0))
        stack.append(Step(0, -1, 0, WHOLE, 0, 0, 0, -1))
    else:
        nodes.append(Node(-1, -2, start, WHOLE, 0, 0, 0, 1, 0))
        lying.append((d[p.crossing + d[p.crossing_from + start]], entry))
        _given_on(p, stack, 0, start, end, given)


def _add(ways: Ways, offset: int, origin: int) -> None:
    ways.offsets.append(offset)
    ways.origins.append(origin)
    ways.begins.append(ways.begins[-1])


def _passing_offset(p: Prepared, lying: Lying, node: Node) -> int:
    """Where the tensor lies that passes on; 0 if none does."""
    for k in range(node.first, node.first + node.size):
        if p.data[p.last + lying[k][0]] >= node.stop:
            return lying[k][1]
    return 0


def _way_to(ways: Ways, number: int) -> Placed:
    """What has a place on one way."""
    tensors, offsets = none(), none()
    while number >= 0:
        for k in range(ways.begins[number], ways.begins[number + 1]):
            tensors.append(ways.tensors[k])
            offsets.append(ways.places[k])
        number = ways.origins[number]
    return Placed(tensors, offsets)


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
        over = passing(p, step, stop) + more - end
        stack.append(Step(node, step, stop, STREAMED, 0, more, over, -1))
    else:
        scratch = d[p.lean + step] if more else d[p.fast + step]
        over = d[p.before + step] + d[p.made + step] + scratch - end
        stack.append(Step(node, step, stop, WHOLE, more, unread(p, step) + scratch, over, -1))
