"""What a search looks up at every node, as numpy arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinyc.memory.bounds import weights
from tinyc.memory.instance import Instance

Ints = npt.NDArray[np.int64]


class Tables:
    """An instance in arrays. Over blocks unless said otherwise; blocks and sections are numbers.

    `members[s]` are the blocks of section s, `flat` all of them in a row, `heads` where each section begins.
    `first[b]` and `last[b]` are the sections that block b spans, `weight[b]` what it counts for in each.
    `above[b]` is d(b, c) for every neighbour c of b, or one number for all. `levels` are the blocks that may
    lie level with another one and still be below it (d = 0). `pad[s]` is what a section can save by the
    choice of its topmost block. `twin[b]` is the first block that b can be exchanged with.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.width = instance.width
        self.size = _array(instance.size)
        self.align = _array([block.align for block in instance.blocks])
        self.aligned = bool((self.align == instance.grain).all())
        self.fixed = _array([-1 if block.offset is None else block.offset for block in instance.blocks])
        self.members = [_array(section) for section in instance.sections]
        self.flat = np.concatenate(self.members)
        self.heads = np.cumsum([0, *map(len, self.members[:-1])])
        self.neighbours = [_array(near) for near in instance.neighbours]
        self.above = [self._above(b) for b in range(len(instance.blocks))]
        self.levels = {b for (b, _), apart in instance.distance.items() if not apart}
        pad = [width - size for width, size in zip(instance.width, instance.size, strict=True)]
        self.pad = _array([max(pad[b] for b in section) for section in instance.sections])
        self._span()
        self.twin = self._twins()

    def _above(self, b: int) -> Ints | int:
        if b not in self.instance.partners:
            return self.width[b]
        return _array([self.instance.apart(b, c) for c in self.instance.neighbours[b]])

    def _span(self) -> None:
        count = len(self.width)
        self.first, self.last = [-1] * count, [-1] * count
        counted: list[list[int]] = [[] for _ in range(count)]
        for number, section in enumerate(self.instance.sections):
            weight = weights(self.instance, section) if self.instance.distance else {}
            for b in section:
                counted[b].append(weight.get(b, self.width[b]))
                self.first[b] = number if self.first[b] < 0 else self.first[b]
                self.last[b] = number
        self.weight = [_array(w) for w in counted]

    def _twins(self) -> list[int]:
        """Exchangeable: the same sections, bytes and alignment, neither fixed nor on any trail."""
        seen: dict[tuple[int, ...], int] = {}
        twins = list(range(len(self.width)))
        for b, block in enumerate(self.instance.blocks):
            if block.offset is None and b not in self.instance.partners:
                twins[b] = seen.setdefault((self.first[b], self.last[b], block.size, block.align), b)
        return twins

    def floor(self, start: Ints) -> Ints:
        """The lowest start in every section."""
        floor: Ints = np.minimum.reduceat(start[self.flat], self.heads)
        return floor


def _array(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)
