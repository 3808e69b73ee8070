"""The buffers of chosen parts, as the packer gets them when their program is lowered.

In the subset of Python that numba compiles, as `tinyc.schedule.search` is.
"""

from __future__ import annotations

from typing import NamedTuple

from tinyc.columns import Column, none, zeros
from tinyc.memory.first_fit import canonical, fits_within, flat
from tinyc.program.lifetimes import ARENA_ALIGN, width
from tinyc.schedule.search.bounds import WHOLE
from tinyc.schedule.search.prepared import Prepared, with_kernel


class Buffers(NamedTuple):
    """By buffer: bytes, the first and the last part of its life. Trails, one after the other: the buffer below, the one
    above, distance."""

    size: Column
    first: Column
    last: Column
    trails: Column


def other_parts(p: Prepared, limit: int, starts: Column, kinds: Column) -> list[int]:
    """The parts that are more than an operator as a whole whose fastest kernel surely keeps the limit, without state:
    segments, and where a lean kernel may be needed."""
    found, d = none(), p.data
    for part in range(len(starts)):
        step = starts[part]
        if kinds[part] == WHOLE:
            _, high = with_kernel(p, step, d[p.fast + step], d[p.fast_trails + step], d[p.fast_trails_end + step])
            if high > limit and d[p.lean_kernel + step] > 0:
                found.append(part)
        else:
            found.append(part)
    return found


def parts_fit(
    p: Prepared, limit: int, state: int, starts: Column, kinds: Column, lean: Column, inside: Column, trails: Column
) -> bool:
    """Whether first fit places all buffers of parts within the limit: then so does the packer (see `buffers_of`)."""
    b = buffers_of(p, state, starts, kinds, lean, inside, trails)
    count = len(b.size)
    size, first, last, marks = _copied(b.size), _copied(b.first), _copied(b.last), zeros(count)
    order = canonical(first, last, size, marks, b.trails)
    place, align, fixed, trails = zeros(count), zeros(count), zeros(count), zeros(len(b.trails))
    for position in range(count):
        n = order[position]
        place[n], size[position], first[position], last[position] = position, b.size[n], b.first[n], b.last[n]
        align[position], fixed[position] = ARENA_ALIGN, -1
    for k in range(0, len(trails), 3):
        trails[k], trails[k + 1], trails[k + 2] = place[b.trails[k]], place[b.trails[k + 1]], b.trails[k + 2]
    return fits_within(flat(size, align, fixed, first, last, trails), limit)


def _copied(values: Column) -> Column:
    found = zeros(len(values))
    for n in range(len(values)):
        found[n] = values[n]
    return found


def buffers_of(
    p: Prepared, state: int, starts: Column, kinds: Column, lean: Column, inside: Column, trails: Column
) -> Buffers:
    """What the packer has to place, in multiples of the arena's alignment. Of parts are told where they start, their
    kinds, and of operators as a whole whether they have `lean` kernels; of segments the bytes `inside` (part, bytes,
    ...) and the `trails` of tensors that may overlap (below, above, distance, ...)."""
    d, parts = p.data, len(starts)
    part_of = zeros(p.steps + 1)  # by step; what lives to the end does so in the last part
    for part in range(parts):
        stop = starts[part + 1] if part + 1 < parts else p.steps
        for step in range(starts[part], stop):
            part_of[step] = part
    part_of[p.steps] = parts - 1
    tensors, number = p.last - p.born, zeros(p.last - p.born)
    size, first, last, own = none(), none(), none(), none()
    for n in range(tensors):
        born, dies = max(0, d[p.born + n]), d[p.last + n]
        number[n] = -1
        if d[p.width + n] > 0 and n != p.pushed:
            begin, end = part_of[born], part_of[dies]
            if d[p.born + n] < 0 or begin != end or kinds[begin] == WHOLE or dies == p.steps:
                number[n] = len(size)
                size.append(d[p.width + n])
                first.append(0 if d[p.born + n] < 0 else begin)
                last.append(end)
    for k in range(0, len(trails), 3):
        if number[trails[k]] >= 0 and number[trails[k + 1]] >= 0:
            own.append(number[trails[k]])
            own.append(number[trails[k + 1]])
            own.append(trails[k + 2])
    for part in range(parts):
        if kinds[part] == WHOLE:
            step = starts[part]
            scratch = d[p.lean + step] if lean[part] else d[p.fast + step]
            begin = d[p.lean_trails + step] if lean[part] else d[p.fast_trails + step]
            end = d[p.lean_trails_end + step] if lean[part] else d[p.fast_trails_end + step]
            if scratch > 0:
                size.append(scratch)
                first.append(part)
                last.append(part)
            below = number[d[p.results + d[p.result_from + step]]]
            for k in range(begin, end):
                above = d[p.trail_tensor + k]
                if below >= 0 and d[p.last + above] == step and number[above] >= 0:
                    own.append(below)
                    own.append(number[above])
                    own.append(d[p.trail_apart + k])
    for k in range(0, len(inside), 2):
        size.append(inside[k + 1])
        first.append(inside[k])
        last.append(inside[k])
    if state > 0:
        size.append(width(state))
        first.append(0)
        last.append(parts - 1)
    return Buffers(size, first, last, own)
