"""First fit: blocks in order of priority, each at the lowest offset that its placed neighbours leave.

In the subset of Python that numba compiles: `tinyc.nas` asks the packer's question thousands of times a second.
"""

from __future__ import annotations

from typing import NamedTuple

from tinyc.columns import Column, none, order_of, sort_pairs, zeros

ORDERS = ("need, late first", "need", "area", "size, early first", "size, late first", "need, area", "birth")
SHAKEN = 128  # times at most that an order is shaken and tried again, where none of these helped
SHAKEN_BLOCKS = 4_000  # that are placed so at most
SHAKES = (20, 50, 100, 200)  # thousandths of all places by which a block may move in the order


class Flat(NamedTuple):
    """Blocks as columns: width, alignment, offset where it is fixed (else -1), first and last step, and the most bytes
    that a step of its life needs.

    Of each block's neighbours, from `begins` on: their numbers, by how many bytes the block must lie `below` them, and
    `over` them: less than a width where a trail permits it.
    """

    width: Column
    align: Column
    fixed: Column
    first: Column
    last: Column
    need: Column
    begins: Column
    neighbours: Column
    below: Column
    over: Column


def flat(width: Column, align: Column, fixed: Column, first: Column, last: Column, trails: Column) -> Flat:
    """Blocks, and trails one after the other: block below, block above, distance in whole grains."""
    count = len(width)
    begins, neighbours = _neighbours(first, last)
    below, over = zeros(len(neighbours)), zeros(len(neighbours))
    for n in range(count):
        for k in range(begins[n], begins[n + 1]):
            below[k], over[k] = width[n], width[neighbours[k]]
    saved = zeros(count)  # by the block below: bytes of the step that makes it
    for t in range(0, len(trails), 3):
        lower, upper, apart = trails[t], trails[t + 1], trails[t + 2]
        for k in range(begins[lower], begins[lower + 1]):
            if neighbours[k] == upper:
                below[k] = min(below[k], apart)
                saved[lower] = max(saved[lower], min(width[upper], width[lower] - below[k]))
        for k in range(begins[upper], begins[upper + 1]):
            if neighbours[k] == lower:
                over[k] = min(over[k], apart)
    return Flat(width, align, fixed, first, last, _needs(width, first, last, saved), begins, neighbours, below, over)


def canonical(first: Column, last: Column, size: Column, marks: Column, trails: Column) -> Column:
    """An order of blocks that does not depend on the one in which they are given: by life, size, mark, and of those
    alike by what they may overlap. Trails as for `flat`, in bytes."""
    signs = zeros(len(first))
    for t in range(0, len(trails), 3):
        lower, upper = trails[t], trails[t + 1]
        signs[lower] += _sign(trails[t + 2], first[upper], last[upper], size[upper])
        signs[upper] -= _sign(trails[t + 2], first[lower], last[lower], size[lower])
    return order_of(first, last, _minus(size), marks, signs)


def _minus(column: Column) -> Column:
    found = zeros(len(column))
    for n in range(len(column)):
        found[n] = -column[n]
    return found


def _sign(apart: int, first: int, last: int, size: int) -> int:
    """A number for one end of a trail."""
    return ((apart * 31 + first) % 1000003 * 31 + last) % 1000003 * 31 + size % 1000003


def _by(column: Column) -> Column:
    """The order of one column."""
    same = zeros(len(column))
    return order_of(column, same, same, same, same)


def _neighbours(first: Column, last: Column) -> tuple[Column, Column]:
    """Where those of each block begin, and all of them: blocks that have a step in common with it."""
    count = len(first)
    pairs, alive = [(0, 0)], none()
    pairs.clear()
    begins = zeros(count + 1)
    for n in _by(first):
        still = none()
        for m in alive:
            if last[m] >= first[n]:
                still.append(m)
                pairs.append((m, n))
                begins[m + 1] += 1
                begins[n + 1] += 1
        still.append(n)
        alive = still
    for n in range(count):
        begins[n + 1] += begins[n]
    found, filled = zeros(2 * len(pairs)), zeros(count)
    for m, n in pairs:
        found[begins[m] + filled[m]], found[begins[n] + filled[n]] = n, m
        filled[m] += 1
        filled[n] += 1
    return begins, found


def _needs(width: Column, first: Column, last: Column, saved: Column) -> Column:
    """By block, the most bytes that are alive in a step of its life, less what the best trail of that step saves: at
    one of the moments where lives begin."""
    count, order = len(width), _by(first)
    number, end, moments = zeros(count), zeros(count), 0  # by block: its first moment, and the one after its last
    for k in range(count):
        if k > 0 and first[order[k]] > first[order[k - 1]]:
            moments += 1
        number[order[k]] = moments
    k = 0
    for n in _by(last):
        while k < count and first[order[k]] <= last[n]:
            k += 1
        end[n] = number[order[k - 1]] + 1
    change, best, needs = zeros(moments + 2), zeros(moments + 2), zeros(moments + 2)
    for n in range(count):
        change[number[n]] += width[n]
        change[end[n]] -= width[n]
        best[number[n]] = max(best[number[n]], saved[n])
    live, found = 0, zeros(count)
    for moment in range(moments + 1):
        live += change[moment]
        needs[moment] = live - best[moment]
    for n in range(count):
        for moment in range(number[n], end[n]):
            found[n] = max(found[n], needs[moment])
    return found


def first_fit(f: Flat, order: Column, end: int) -> Column:
    """Offsets of all blocks, placed in `order` (fixed blocks before all others). Ends early with the first one that
    ends beyond `end`; those after it are then at -1."""
    offsets, taken = zeros(len(f.width)), [(0, 0)]
    for n in range(len(offsets)):
        offsets[n] = f.fixed[n]
    for n in order:
        if offsets[n] >= 0:
            continue
        taken.clear()
        for k in range(f.begins[n], f.begins[n + 1]):
            at = offsets[f.neighbours[k]]
            if at >= 0:  # it must start at or below the first, or at or above the second
                taken.append((at - f.below[k], at + f.over[k]))
        sort_pairs(taken)
        offset, align = 0, f.align[n]
        for low, high in taken:
            if offset <= low:
                break
            if offset < high:
                offset = -(-high // align) * align
        offsets[n] = offset
        if offset + f.width[n] > end:
            break
    return offsets


def order_by(f: Flat, rule: int) -> Column:
    """Blocks in the order of one of ORDERS, the most often successful first.

    A chain of trails is served from its end: an output first, at the bottom, then the input above it.
    """
    count = len(f.width)
    a, b, c, same = zeros(count), zeros(count), zeros(count), zeros(count)
    for n in range(count):
        a[n], b[n], c[n] = _rank(f, rule, n)
    return order_of(a, b, c, same, same)


def _rank(f: Flat, rule: int, n: int) -> tuple[int, int, int]:
    """What a block is sorted by."""
    need, width, span = -f.need[n], -f.width[n], f.last[n] - f.first[n] + 1
    if rule == 0:
        return need, -f.first[n], 0
    if rule == 1:
        return need, -span, width
    if rule == 2:
        return width * span, 0, 0
    if rule == 3:
        return width, f.first[n], 0
    if rule == 4:
        return width, -f.first[n], 0
    if rule == 5:
        return need, width * span, 0
    return f.first[n], width, 0


def shaken(f: Flat, number: int) -> Column:
    """One of the orders beyond ORDERS, in which every block has moved a little; how, the number tells."""
    order, same, places = order_by(f, number % 2), zeros(len(f.width)), zeros(len(f.width))
    reach, random = len(order) * SHAKES[number % len(SHAKES)], number + 1
    for position in range(len(order)):
        random = (random * 1103515245 + 12345) % 2147483648
        places[order[position]] = position * 1000 + random // 65536 % (2 * reach + 1) - reach
    return order_of(places, same, same, same, same)


def order_number(f: Flat, number: int) -> Column:
    """One of all orders that are tried: ORDERS, and then shaken ones."""
    return order_by(f, number) if number < len(ORDERS) else shaken(f, number - len(ORDERS))


def orders(f: Flat) -> int:
    """How many are tried."""
    return len(ORDERS) + min(SHAKEN, SHAKEN_BLOCKS // max(1, len(f.width)))


def fits_within(f: Flat, limit: int) -> bool:
    """Whether first fit places all within a number of bytes, in any of the orders."""
    fits, number = False, 0
    while number < orders(f) and not fits:
        fits = _end(f, first_fit(f, order_number(f, number), limit)) <= limit
        number += 1
    return fits


def _end(f: Flat, offsets: Column) -> int:
    found = 0
    for n in range(len(offsets)):
        found = max(found, offsets[n] + f.width[n])
    return found
