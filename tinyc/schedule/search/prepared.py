"""Tables with what follows from them, in one long column: what the searches read."""

from __future__ import annotations

from typing import NamedTuple

from tinyc.columns import Column, zeros
from tinyc.program.lifetimes import ARENA_ALIGN as ARENA_ALIGN  # that `width` reads, when it is compiled
from tinyc.program.lifetimes import width
from tinyc.schedule.figures import longest_segments
from tinyc.schedule.search.tables import Tables

DEAR = 0.03  # of the network's instructions, that less scratch of one operator may cost


class Prepared(NamedTuple):
    """Tables with what follows from them: columns that lie one behind the other in `data`, of which a field says where
    they begin. Sizes are rounded up to the grain. `work`: instructions of all operators with their fastest kernels.
    `entry`: those of moving the rows of a pushed input.

    By tensor: the step that makes it and the last that reads it; its `width`, and `inside`: bytes while it only exists
    inside a segment. By step: bytes that are there `before` it and still read; where the tensors that cross into it
    begin, and those that die in it; where its results begin; where the longest segment ends; bytes of results, and of
    results and hidden lines; scratch of the fastest and of the lean kernel, as a whole and in rows; where the trails of
    these as a whole begin and end; the numbers of the lean kernels; between which bytes the need as a whole lies,
    without state, with one or the other; bytes of state if the first segment ends there; `row_work`: instructions that
    rows add to all before it, and `leaving`: those of moving the rows of what the operator before it makes, which do
    not count where a segment ends there.
    """

    data: Column
    work: float
    entry: int
    steps: int
    pushed: int
    until: int
    born: int
    last: int
    width: int
    inside: int
    before: int
    crossing_from: int
    dying_from: int
    result_from: int
    longest: int
    made: int
    made_in_rows: int
    fast: int
    lean: int
    fast_in_rows: int
    lean_in_rows: int
    fast_trails: int
    fast_trails_end: int
    lean_trails: int
    lean_trails_end: int
    lean_kernel: int
    lean_row_kernel: int
    whole_low: int
    whole_high: int
    state: int
    row_work: int
    leaving: int
    results: int
    trail_tensor: int
    trail_apart: int
    dying: int
    crossing: int


def prepare(t: Tables, work: float = -1.0) -> Prepared:
    """What the search reads, from tables of figures. `work`: instructions of the network that they are a part of."""
    p = _columns(t, work)
    d, count = p.data, p.steps
    for n in range(len(t.bytes)):
        d[p.born + n], d[p.last + n] = t.made[n], t.last[n]
        d[p.width + n] = width(t.bytes[n])
        d[p.inside + n] = d[p.width + n] if t.line[n] < 0 else width(t.line[n])
    for step in range(count):
        d[p.result_from + step + 1] = d[p.result_from + step] + t.result_count[step]
    for k in range(len(t.results)):
        d[p.results + k] = t.results[k]
    for k in range(len(t.trail_tensor)):
        d[p.trail_tensor + k], d[p.trail_apart + k] = t.trail_tensor[k], width(t.trail_apart[k])
    for step in range(count):
        for k in range(d[p.result_from + step], d[p.result_from + step + 1]):
            d[p.made + step] += d[p.width + d[p.results + k]]
        d[p.made_in_rows + step] = d[p.made + step] + width(t.hidden[step])
    for step in range(count + 1):
        d[p.state + step] = t.state[step]
    _set_lives(p, t)
    _set_kernels(p, t)
    for step, stop in enumerate(longest_segments(t.made, t.row_count, t.complete_count, t.complete)):
        d[p.longest + step] = stop
    for step in range(count):
        fast = with_kernel(p, step, d[p.fast + step], d[p.fast_trails + step], d[p.fast_trails_end + step])
        lean = with_kernel(p, step, d[p.lean + step], d[p.lean_trails + step], d[p.lean_trails_end + step])
        d[p.whole_low + step], d[p.whole_high + step] = min(fast[0], lean[0]), min(fast[1], lean[1])
        d[p.leaving + step + 1] = t.moved[step]
        d[p.row_work + step + 1] = d[p.row_work + step] + t.row_work[step]
        if step + 1 < d[p.longest + step]:
            d[p.row_work + step + 1] += t.entry[step + 1]
            d[p.leaving + step + 1] += t.entry[step + 1]
    return p


def _columns(t: Tables, work: float) -> Prepared:
    """Where the columns begin, in data that is all zeros."""
    count, tensors, trails, crossings, own, kernel = len(t.result_count), len(t.bytes), len(t.trail_tensor), 0, 0.0, 0
    for n in range(tensors):
        crossings += t.last[n] - t.made[n]
    for step in range(count):
        own += t.work[kernel]
        kernel += t.whole_count[step] + t.row_count[step]
    if work < 0:
        work = own
    steps = count + 2  # what has happened before each of them, and where the last of them ends
    by_step, until, entry = 4 * tensors, -1, 0
    if t.pushed >= 0:
        until, entry = t.last[t.pushed], t.entry[0]
    others = by_step + 22 * steps
    dying = others + len(t.results) + 2 * trails
    return Prepared(
        zeros(dying + tensors + crossings), work, entry, count, t.pushed, until,
        0, tensors, 2 * tensors, 3 * tensors,
        by_step, by_step + steps, by_step + 2 * steps, by_step + 3 * steps, by_step + 4 * steps, by_step + 5 * steps,
        by_step + 6 * steps, by_step + 7 * steps, by_step + 8 * steps, by_step + 9 * steps, by_step + 10 * steps,
        by_step + 11 * steps, by_step + 12 * steps, by_step + 13 * steps, by_step + 14 * steps, by_step + 15 * steps,
        by_step + 16 * steps, by_step + 17 * steps, by_step + 18 * steps, by_step + 19 * steps,
        by_step + 20 * steps, by_step + 21 * steps,
        others, others + len(t.results), others + len(t.results) + trails, dying, dying + tensors,
    )  # fmt: skip


def _set_lives(p: Prepared, t: Tables) -> None:
    """What is there before each step, what crosses into it and what dies in it."""
    d, tensors = p.data, len(t.bytes)
    for n in range(tensors):
        d[p.dying_from + t.last[n] + 1] += 1
        for step in range(t.made[n] + 1, t.last[n] + 1):
            d[p.before + step] += d[p.width + n]
            d[p.crossing_from + step + 1] += 1
    for step in range(p.steps + 1):
        d[p.crossing_from + step + 1] += d[p.crossing_from + step]
        d[p.dying_from + step + 1] += d[p.dying_from + step]
    crossed, died = zeros(p.steps + 1), zeros(p.steps + 1)
    for n in range(tensors):
        last = t.last[n]
        d[p.dying + d[p.dying_from + last] + died[last]] = n
        died[last] += 1
        for step in range(t.made[n] + 1, last + 1):
            d[p.crossing + d[p.crossing_from + step] + crossed[step]] = n
            crossed[step] += 1


def _set_kernels(p: Prepared, t: Tables) -> None:
    """Scratch and trails of the fastest kernels and of the lean ones."""
    d, kernel, trail = p.data, 0, 0
    for step in range(p.steps):
        rows = kernel + t.whole_count[step]
        end = rows + t.row_count[step]
        lean, row_lean = lean_of(t.work, kernel, rows, p.work), lean_of(t.work, rows, end, p.work)
        d[p.lean_kernel + step] = lean - kernel
        d[p.fast + step], d[p.lean + step] = width(t.scratch[kernel]), width(t.scratch[lean])
        if rows < end:
            d[p.lean_row_kernel + step] = row_lean - rows
            d[p.fast_in_rows + step], d[p.lean_in_rows + step] = width(t.scratch[rows]), width(t.scratch[row_lean])
        for k in range(kernel, end):
            trails_end = trail + t.trail_count[k]
            if k == kernel:
                d[p.fast_trails + step], d[p.fast_trails_end + step] = trail, trails_end
            if k == lean:
                d[p.lean_trails + step], d[p.lean_trails_end + step] = trail, trails_end
            trail = trails_end
        kernel = end


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


def lean_of(work: Column, first: int, end: int, total: float) -> int:
    """Of the kernels of an operator, the fastest first: the one with the least scratch of those that cost at most DEAR
    of the network's instructions more than the fastest."""
    lean = end - 1
    while lean > first and total < affordable(work[lean], work[first]):
        lean -= 1
    return lean


def affordable(work: float, least: float) -> float:
    """Instructions of a network from which on a kernel may be the lean one, by its own and those of the fastest."""
    return (work - least) / DEAR
