"""The tables of blocks, packed one behind the other, and those of a network that has them in a row.

Tensors get new numbers and lives, nothing is computed. `row_of` is in the subset of Python that numba compiles, as
`tinyc.schedule.search` is.
"""

from __future__ import annotations

from tinyc.columns import Column, reals, zeros
from tinyc.program.lower import LINE_BYTES as LINE_BYTES  # that `state_bytes` reads, when it is compiled
from tinyc.program.lower import POSITION_BYTES as POSITION_BYTES
from tinyc.program.lower import state_bytes
from tinyc.schedule.figures import Figures
from tinyc.schedule.search.prepared import Prepared, prepare
from tinyc.schedule.search.tables import Tables, lines_of, tables

# What comes first of a block: how many tensors it makes, steps, results, complete tensors, kernels, trails, lines that
# read its input, ways in which its result is seen; then of its input the bytes, the last step, the line and the entry.
TENSORS, STEPS, RESULTS, COMPLETE, KERNELS, TRAILS, READS, SEEN, BYTES, LAST, LINE, ENTRY, HEAD = range(13)
BY_STEP = 7  # columns of steps


def packed(figures: Figures) -> tuple[list[int], list[float]]:
    """The tables of a block of layers, whose tensor 0 is its input and the last one its result: integers, and
    instructions."""
    t, added, reads, seen = tables(figures), [0] * len(figures.operations), list[tuple[int, int]](), set[int]()
    found = set[tuple[int, int]]()
    for step, op in enumerate(figures.operations):
        for tensor, rows in lines_of(op, step):
            if (tensor, rows) not in found:
                found.add((tensor, rows))
                if tensor == 0:
                    reads.append((step, rows))
                else:
                    added[step] += 1
            if tensor == len(figures.tensors) - 1:
                seen.add(rows)
    numbers = [
        len(t.bytes) - 1, len(added), len(t.results), len(t.complete), len(t.scratch), len(t.trail_tensor), len(reads),
        len(seen), t.bytes[0], t.last[0], t.line[0], figures.entry,
        *t.bytes[1:], *t.made[1:], *t.last[1:], *t.line[1:],
        *t.result_count, *t.whole_count, *t.row_count, *t.complete_count, *t.hidden, *t.row_work, *t.moved,
        *added,
        *t.results, *t.complete, *t.scratch, *t.trail_count, *t.trail_tensor, *t.trail_apart,
        *(step for step, _ in reads), *(rows for _, rows in reads), *sorted(seen),
    ]  # fmt: skip
    return numbers, list(t.work)


def prepare_row(numbers: Column, works: Column, blocks: Column, stream: bool, work: float) -> Prepared:
    """The tables of a network (see `row_of`), with what follows from them. `work`: see `prepare`."""
    return prepare(row_of(numbers, works, blocks, stream), work)


def row_of(numbers: Column, works: Column, blocks: Column, stream: bool) -> Tables:
    """The tables of a network. Of its `blocks` in order is said where in `numbers` and in `works` they begin, one after
    the other. The network's input is pushed row by row where it is to `stream`."""
    t = _empty(numbers, blocks, stream)
    first = blocks[0]
    t.bytes[0], t.made[0], t.last[0], t.line[0] = (
        numbers[first + BYTES], -1, numbers[first + LAST], numbers[first + LINE]
    )
    tensor, step, result, complete, kernel, trail = 1, 0, 0, 0, 0, 0
    for k in range(0, len(blocks), 2):
        head, work = blocks[k], blocks[k + 1]
        made, steps, kernels, trails = (
            numbers[head + TENSORS], numbers[head + STEPS], numbers[head + KERNELS], numbers[head + TRAILS]
        )
        before = tensor - 1  # the number of the block's input, which is added to those of all its tensors
        if k > 0:
            t.last[before], t.line[before] = numbers[head + LAST] + step, numbers[head + LINE]
        if k > 0 or stream:
            t.entry[step] = numbers[head + ENTRY]
        at = _copy(numbers, head + HEAD, made, t.bytes, tensor, 0)
        at = _copy(numbers, at, made, t.made, tensor, step)
        at = _copy(numbers, at, made, t.last, tensor, step)
        at = _copy(numbers, at, made, t.line, tensor, 0)
        at = _copy(numbers, at, steps, t.result_count, step, 0)
        at = _copy(numbers, at, steps, t.whole_count, step, 0)
        at = _copy(numbers, at, steps, t.row_count, step, 0)
        at = _copy(numbers, at, steps, t.complete_count, step, 0)
        at = _copy(numbers, at, steps, t.hidden, step, 0)
        at = _copy(numbers, at, steps, t.row_work, step, 0)
        at = _copy(numbers, at, steps, t.moved, step, 0) + steps
        at = _copy(numbers, at, numbers[head + RESULTS], t.results, result, before)
        at = _copy(numbers, at, numbers[head + COMPLETE], t.complete, complete, before)
        at = _copy(numbers, at, kernels, t.scratch, kernel, 0)
        at = _copy(numbers, at, kernels, t.trail_count, kernel, 0)
        at = _copy(numbers, at, trails, t.trail_tensor, trail, before)
        _copy(numbers, at, trails, t.trail_apart, trail, 0)
        _copy(works, work, kernels, t.work, kernel, 0)
        result, complete = result + numbers[head + RESULTS], complete + numbers[head + COMPLETE]
        kernel, trail, tensor, step = kernel + kernels, trail + trails, tensor + made, step + steps
    if stream:
        _add_state(t, numbers, blocks)
    return t


def _copy(source: Column, start: int, count: int, target: Column, at: int, by: int) -> int:
    """Copy so many entries, each with a number added; where the next ones begin in the source."""
    for n in range(count):
        target[at + n] = source[start + n] + by
    return start + count


def _empty(numbers: Column, blocks: Column, stream: bool) -> Tables:
    counts = zeros(TRAILS + 1)
    for k in range(0, len(blocks), 2):
        for n in range(TRAILS + 1):
            counts[n] += numbers[blocks[k] + n]
    tensors, steps, kernels, trails = counts[TENSORS] + 1, counts[STEPS], counts[KERNELS], counts[TRAILS]
    pushed = 0 if stream else -1
    return Tables(
        zeros(tensors), zeros(tensors), zeros(tensors), zeros(tensors), zeros(steps), zeros(steps), zeros(steps),
        zeros(steps), zeros(steps), zeros(steps), zeros(steps), zeros(steps), zeros(counts[RESULTS]),
        zeros(counts[COMPLETE]), zeros(kernels), reals(kernels), zeros(kernels), zeros(trails), zeros(trails),
        zeros(steps + 1), pushed,
    )  # fmt: skip


def _add_state(t: Tables, numbers: Column, blocks: Column) -> None:
    """Bytes of state by step. The lines of a block's input are those that its result has before it, and more."""
    step, lines, begins, count = 0, 0, 0, 0  # where, and how many rows as which the tensor between blocks was seen
    for k in range(0, len(blocks), 2):
        at = blocks[k]
        steps, reads, seen = numbers[at + STEPS], numbers[at + READS], numbers[at + SEEN]
        added = at + HEAD + 4 * numbers[at + TENSORS] + BY_STEP * steps
        of_reads = (
            added + steps + numbers[at + RESULTS] + numbers[at + COMPLETE] + 2 * numbers[at + KERNELS]
            + 2 * numbers[at + TRAILS]
        )
        for n in range(steps):
            lines += numbers[added + n]
            for r in range(reads):
                if numbers[of_reads + r] == n:
                    known = False
                    for s in range(count):
                        known = known or numbers[begins + s] == numbers[of_reads + reads + r]
                    lines += 0 if known else 1
            step += 1
            t.state[step] = state_bytes(lines)
        if steps > 0:
            begins, count = of_reads + 2 * reads, seen
