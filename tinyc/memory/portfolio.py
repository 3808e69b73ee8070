"""Many searches for one question.

The running time of a search is heavy-tailed: a wrong choice near the root can cost hours where another rule
needs milliseconds. So every rule gets a few nodes, and is then tried again with its order of blocks shaken a
little; the caller raises the number of nodes from time to time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tinyc.memory.effort import Effort
from tinyc.memory.exact import Rule, Search, State
from tinyc.memory.instance import Instance
from tinyc.memory.tables import Ints, Tables

SHAKE = 0.03  # standard deviation of a rank's noise, as a share of the number of blocks
FORGET = 0.95  # of a conflict's weight is left in the next search: late failures count most


class Answer(NamedTuple):
    """A packing and the rule that found it, or None: no packing exists."""

    offsets: list[int] | None
    rule: str


class Portfolio:
    """All rules over one instance, with the conflicts that earlier searches met."""

    def __init__(self, instance: Instance, needs: Sequence[int]) -> None:
        self.tables = Tables(instance)
        self.conflicts = np.ones(len(instance.sections))
        ranks = _ranks(self.tables, _own_need(instance, needs))
        self.rules = [Rule(f"{ask}, {by}", ASK[ask], rank) for ask in ASK for by, rank in ranks.items()]
        self._noise = random.Random(1)  # the same packing for the same input
        self._spread = 0.0  # the first round is not shaken

    def decide(self, capacity: int, nodes: int, effort: Effort) -> Answer | None:
        """Is there a packing with a peak of at most `capacity`? `nodes` are per rule. None: undecided."""
        for rule in self.rules:
            self.conflicts *= FORGET
            search = Search(self.tables, self.conflicts, capacity, self._shaken(rule))
            if search.run(nodes, effort):
                return Answer(search.offsets if search.complete else None, rule.name)
            if effort.over:
                return None
        self._spread = SHAKE * len(self.tables.width)
        return None

    def _shaken(self, rule: Rule) -> Rule:
        if not self._spread:
            return rule
        return rule._replace(rank=[rank + self._noise.gauss(0, self._spread) for rank in rule.rank])


def _ranks(tables: Tables, need: Sequence[int]) -> dict[str, list[float]]:
    """Ranks of the blocks, the first to be tried having 0."""
    width = tables.width
    span = [last - first for first, last in zip(tables.first, tables.last, strict=True)]
    life = [block.last - block.first + 1 for block in tables.instance.blocks]
    area = [w * t for w, t in zip(width, life, strict=True)]
    keys: dict[str, Callable[[int], tuple[int, ...]]] = {
        "need": lambda b: (-need[b], -life[b], -area[b]),
        "life": lambda b: (-life[b], -area[b], -need[b]),
        "need and area": lambda b: (-need[b], -area[b], -life[b]),
        "area": lambda b: (-area[b],),
        "span": lambda b: (-span[b], -area[b], -need[b]),
        "size": lambda b: (-width[b], -need[b], -life[b]),
    }
    return {name: _inverse(sorted(range(len(width)), key=key)) for name, key in keys.items()}


def _own_need(instance: Instance, needs: Sequence[int]) -> list[int]:
    """For every block, the most bytes that a section with the block needs."""
    found = [0] * len(instance.blocks)
    for section, need in zip(instance.sections, needs, strict=True):
        for i in section:
            if found[i] < need:
                found[i] = need
    return found


def _inverse(order: Sequence[int]) -> list[float]:
    rank = [0.0] * len(order)
    for position, block in enumerate(order):
        rank[block] = position
    return rank


def _most_conflicts(search: Search, state: State, lowest: Ints, level: int) -> int:
    return int(np.argmax(search.conflicts[lowest]))


def _least_slack(search: Search, state: State, lowest: Ints, level: int) -> int:
    return int(np.argmin((search.limit - state.rest)[lowest]))


def _fewest_choices(search: Search, state: State, lowest: Ints, level: int) -> int:
    tables = search.tables
    choices = np.add.reduceat(state.start[tables.flat] == level, tables.heads, dtype=np.int64)[lowest]
    slack = (search.limit - state.rest)[lowest] - level
    return int(np.lexsort((slack, choices + (slack > 0)))[0])


def _earliest(search: Search, state: State, lowest: Ints, level: int) -> int:
    return 0


ASK: dict[str, Callable[[Search, State, Ints, int], int]] = {
    "most conflicts": _most_conflicts,
    "least slack": _least_slack,
    "fewest choices": _fewest_choices,
    "earliest": _earliest,
}
