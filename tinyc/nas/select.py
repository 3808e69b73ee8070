"""TinyNAS' first stage: which resolution and width to search in, judged by samples that the planner checks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

from tinyc.errors import UsageError
from tinyc.nas.outcome import Evaluator, InfeasibleSpace, Outcome
from tinyc.nas.search import evaluate
from tinyc.nas.spaces.space import Space

Rank = Literal["p80", "mean"]
SPARSE = 0.5  # share of feasible networks below which a cell is not chosen


@dataclass(frozen=True)
class Cell:
    """One space of the grid: how many sampled networks keep the budget, and the MACs of those (0 where none does)."""

    name: str
    samples: int
    feasible: int
    mean: float
    p50: float
    p80: float

    @property
    def share(self) -> float:
        """Of feasible networks."""
        return self.feasible / self.samples

    @classmethod
    def of(cls, name: str, outcomes: Sequence[Outcome[Any]]) -> Cell:
        macs = sorted(o.figures["macs"] for o in outcomes if o.feasible)
        if not macs:
            return cls(name, len(outcomes), 0, 0.0, 0.0, 0.0)
        p50, p80 = (_percentile(macs, share) for share in (0.5, 0.8))
        return cls(name, len(outcomes), len(macs), statistics.fmean(macs), p50, p80)


@dataclass(frozen=True)
class Selection:
    """Cells in the order of the grid. `chosen` has the highest rank of those with `min_share`; `by_rank_alone` is
    what ranking alone would take, where that is another cell: sparse, so that most of a search in it would be wasted.
    """

    cells: tuple[Cell, ...]
    rank: Rank
    min_share: float
    chosen: Cell
    by_rank_alone: Cell

    @property
    def explanation(self) -> str:
        """Why this cell, in a sentence or two."""
        c, other = self.chosen, self.by_rank_alone
        told = f"{c.name}: {self.rank} of {_millions(getattr(c, self.rank))} MACs, {c.share:.0%} of its networks fit."
        if other.name == c.name:
            return told
        return (
            f"{told} By {self.rank} alone it would be {other.name} ({_millions(getattr(other, self.rank))}), but there "
            f"only {other.share:.0%} fit, fewer than the {self.min_share:.0%} asked for: the few are its smallest "
            "networks, and a search would spend its time on the others."
        )

    def table(self) -> list[tuple[str, float, float, float, float]]:
        """Rows (cell, feasible share, p50, p80, mean), the best rank first."""
        ordered = sorted(self.cells, key=lambda c: (-getattr(c, self.rank), c.name))
        return [(c.name, c.share, c.p50, c.p80, c.mean) for c in ordered]


def select_space(
    cells: Mapping[str, Space[Any]], evaluator: Evaluator[Any], *, samples: int = 100, seed: int = 0,
    min_share: float = SPARSE, rank: Rank = "p80", executor: Executor | None = None,
) -> Selection:
    """Sample every cell and choose one; the score of `evaluator` is not asked for.

    `cells` are small spaces by name, such as `CnnSpace().cells()`. With `min_share` 0 the rank alone decides, as in the
    paper. Raises InfeasibleSpace where no cell has the share (or, with 0, no network fits at all).
    """
    if not cells or samples < 1:
        raise UsageError("a selection needs at least one cell and one sample of each")
    found, tried = [], []
    for name, space in cells.items():
        rng = Random(f"{seed} {name}")
        judge = replace(evaluator, space=space, score=_unscored)
        outcomes = evaluate(judge, [space.sample(rng) for _ in range(samples)], executor)
        found.append(Cell.of(name, outcomes))
        tried += outcomes
    some = [c for c in found if c.feasible]
    dense = [c for c in some if c.share >= min_share]
    if not dense:
        raise InfeasibleSpace(tried)
    best, alone = (max(of, key=lambda c: getattr(c, rank)) for of in (dense, some))
    return Selection(tuple(found), rank, min_share, best, alone)


def _unscored(spec: object, report: object) -> float:
    return 0.0


def _percentile(ordered: Sequence[int], share: float) -> float:
    """Linear between the neighbours, as numpy's default."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _millions(macs: float) -> str:
    return f"{macs / 1e6:.1f} M"
