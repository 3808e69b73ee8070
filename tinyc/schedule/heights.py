"""How many rows an operator of a segment makes at a time: more rows mean fewer calls, and more bytes of line buffers.

What a byte is worth depends on the rest of the plan. So for each of a few prices of a byte in instructions, a dynamic
programme along the operators finds the heights with the least sum of work and priced bytes; the choice of segments
then has a few ways to run each segment, from the least memory to the least work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tinyc.ir.graph import Value
from tinyc.ir.types import Array
from tinyc.program.rows import RowStage
from tinyc.schedule.step import BYTE_INSTRUCTIONS, Form, Step

PRICES = (0.0, 1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 1e9)  # instructions that a byte of line buffer is worth


def height_choices(steps: Sequence[Step]) -> list[tuple[int, ...]]:
    """Heights of operators that run one after the other, a few ways; single rows are the last of them."""
    found = _cheapest(steps, np.array(PRICES)[:, None, None])
    return list(dict.fromkeys((*found, (1,) * len(steps))))


Links = Mapping[tuple[int, int], tuple[int, float]]


def _cheapest(steps: Sequence[Step], prices: Array) -> list[tuple[int, ...]]:
    """For each price, the heights with the least work and bytes, neighbours alone considered; the lowest on a tie."""
    each, before = np.arange(len(prices)), None
    # Of [price, height of the last operator]: least cost, and the order of the heights that lead there.
    cost, rank = np.zeros((len(prices), 1)), np.zeros((len(prices), 1), np.int64)
    chosen: list[Array] = []  # for each operator and its height, the number of the height before
    for step in steps:
        links = _links(before, step)
        table = np.array([links[pair] for pair in links], float).reshape(cost.shape[1], len(step.forms), 2)
        work = np.array([form.work for form in step.forms.values()], float)
        options = cost[:, :, None] + work + table[:, :, 1] + prices * table[:, :, 0]
        cost = options.min(axis=1)
        tied = np.where(options == cost[:, None, :], rank[:, :, None], options.shape[1])
        chosen.append(tied.argmin(axis=1))
        order = tied.min(axis=1) * len(step.forms) + np.arange(len(step.forms))
        rank, before = order.argsort(axis=1).argsort(axis=1), step
    last = np.where(cost == cost.min(axis=1)[:, None], rank, cost.shape[1]).argmin(axis=1)
    numbers = [last]
    for own in reversed(chosen[1:]):
        numbers.append(own[each, numbers[-1]])
    heights = [list(step.forms) for step in steps]
    ways = zip(*(column.tolist() for column in reversed(numbers)), strict=True)
    return [tuple(own[n] for own, n in zip(heights, way, strict=True)) for way in ways]


def _links(before: Step | None, step: Step) -> Links:
    """Bytes of the line between neighbours, and instructions of its moves, for each pair of heights."""
    if before is None:
        return {(0, height): (0, 0.0) for height in step.forms}
    return {
        (h, height): _link(made, form) for h, made in before.forms.items() for height, form in step.forms.items()
    }


def _link(made: Form, read: Form) -> tuple[int, float]:
    line = made.stages[-1]
    needs = [_block(stage, value, line) for stage in read.stages for value, _ in stage.reads if value is line.output]
    if not needs:
        return line.height * line.row_bytes, 0.0
    block, advance = needs[0]
    depth = min(line.rows, block + line.height - math.gcd(line.height, advance))
    moves = math.ceil(line.rows / line.height) if depth < line.rows else 0
    return depth * line.row_bytes, BYTE_INSTRUCTIONS * moves * max(0, depth - line.height) * line.row_bytes


def _block(stage: RowStage, value: Value, line: RowStage) -> tuple[int, int]:
    """Rows of a line that one block reads, and by how many the next one's lie lower."""
    feed = next(feed for read, feed in stage.reads if read is value)
    if feed.table or feed.is_fixed:
        return feed.reach if feed.is_fixed else 1, 1
    return (stage.height - 1) * feed.stride + feed.reach, stage.height * feed.stride
