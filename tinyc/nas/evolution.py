"""Evolution by ask and tell: TinyNAS' second stage and AutoFormer's search, for one goal or several.

    evolution = Evolution(space, seed=0)
    while evolution.generation < 20:
        evolution.tell([evaluate(spec) for spec in evolution.ask()])

A generation is complete when every place in it is taken by a feasible network; `ask` proposes for the places that are
open. What it proposes depends on the seed and on what was told, never on time or on who evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from random import Random
from typing import Any, Generic, TypeVar

from tinyc.errors import UsageError
from tinyc.nas.outcome import InfeasibleSpace, Outcome
from tinyc.nas.pareto import best_spread
from tinyc.nas.report import Budget
from tinyc.nas.spaces.space import Space, from_data, to_data

S = TypeVar("S")


@dataclass(frozen=True)
class Settings:
    """Sizes and probabilities, as published. `goals`: figures to keep small beside a high score (several: Pareto).

    `tries`: proposals in a row that find no new feasible network before the search gives up, or, where it has some,
    before it leaves the generation's open places empty.
    """

    population: int = 50
    crossovers: int = 25
    mutations: int = 25
    parents: int = 10
    depth: float = 0.2  # Pd: that a mutation changes depth or resolution
    layer: float = 0.4  # Pm: that it changes one choice of a layer
    goals: tuple[str, ...] = ()
    tries: int = 2000

    def __post_init__(self) -> None:
        if min(self.population, self.parents, self.tries) < 1 or min(self.crossovers, self.mutations) < 0:
            raise UsageError("population, parents and tries are 1 or more, crossovers and mutations 0 or more")
        if self.crossovers + self.mutations < 1:
            raise UsageError("a generation needs crossovers or mutations: give at least one of them")
        unknown = [name for name in self.goals if name not in FIGURES]
        if unknown:
            raise UsageError(f"there is no figure {unknown[0]!r} to keep small; there are: {', '.join(FIGURES)}")


FIGURES = tuple(field.name for field in fields(Budget))  # that goals may name
REPEATS = 20  # proposals of one place that were all seen before, then it stays empty
NEAREST = 10  # of what came closest, that help where feasible networks are rare
RARE = 0.1  # share of feasible ones below which they are


class Evolution(Generic[S]):
    """See the module. `population` is the best so far, best first (with several goals: the best spread)."""

    def __init__(self, space: Space[S], settings: Settings | None = None, *, seed: int = 0) -> None:
        self.space, self.settings, self.seed = space, settings or Settings(), seed
        self.rng = Random(seed)
        self.generation = 0  # complete ones
        self.population: list[Outcome[S]] = []
        self.seen: dict[S, Outcome[S]] = {}
        self._open = ["sample"] * self.settings.population
        self._asked: list[tuple[str, S]] = []
        self._fruitless = 0

    # ------------------------------------------------------------------ ask and tell
    def ask(self) -> list[S]:
        """A proposal for every open place of this generation; asking again gives the same.

        None where nothing new can be thought of any more: the generation then ends as it is. Raises InfeasibleSpace
        where the space seems to hold nothing feasible.
        """
        if not self._asked:
            nearest = self._nearest()
            for kind in self._open:
                spec = self._fresh(kind, nearest)
                if spec is not None:
                    self._asked.append((kind, spec))
            if not self._asked:
                self._close()
        return [spec for _, spec in self._asked]

    def tell(self, outcomes: Sequence[Outcome[S]]) -> None:
        """What became of the proposals of the last `ask`, in its order."""
        if [o.spec for o in outcomes] != [spec for _, spec in self._asked]:
            raise UsageError("tell wants one outcome for every spec of the last ask, in that order")
        if not outcomes:
            return
        self._open = [kind for (kind, _), o in zip(self._asked, outcomes, strict=True) if not o.feasible]
        self._asked = []
        self._fruitless = self._fruitless + len(outcomes) if len(self._open) == len(outcomes) else 0
        self.seen |= {o.spec: o for o in outcomes}
        if not self._open or self._fruitless >= self.settings.tries:
            self._close()

    @property
    def feasible(self) -> list[Outcome[S]]:
        """Every feasible network seen, in order."""
        return [o for o in self.seen.values() if o.feasible]

    def _close(self) -> None:
        """End the generation: the best of old and new stay, and the places of the next one open."""
        if not self.feasible:
            raise InfeasibleSpace(list(self.seen.values()))
        self.population = self._best(self.feasible, self.settings.population)
        self.generation += 1
        self._open = ["crossover"] * self.settings.crossovers + ["mutation"] * self.settings.mutations
        self._fruitless = 0

    def _best(self, outcomes: Sequence[Outcome[S]], count: int) -> list[Outcome[S]]:
        return [outcomes[i] for i in best_spread([self.goals(o) for o in outcomes], count)]

    def goals(self, outcome: Outcome[S]) -> tuple[float, ...]:
        """What is to be small: the score's negative, and the figures of the settings."""
        return (-(outcome.score or 0.0), *(float(outcome.figures[name]) for name in self.settings.goals))

    # ------------------------------------------------------------------ proposals
    def _fresh(self, kind: str, nearest: Sequence[S]) -> S | None:
        """A proposal that was never made before, if one is found soon."""
        taken = {spec for _, spec in self._asked}
        for _ in range(REPEATS):
            spec = self._propose(kind, nearest)
            if spec not in self.seen and spec not in taken:
                return spec
        return None

    def _propose(self, kind: str, nearest: Sequence[S]) -> S:
        rng, s = self.rng, self.settings
        if kind == "sample":
            if not nearest or rng.random() < 0.5:
                return self.space.sample(rng)
            return self.space.mutate(rng.choice(nearest), rng, s.depth / 2, s.layer / 2)  # it is close already
        parents = self.population[: s.parents] if not s.goals else self.population
        first = rng.choice(parents).spec
        if kind == "mutation":
            return self.space.mutate(first, rng, s.depth, s.layer)
        return self.space.crossover(first, rng.choice(parents).spec, rng)

    def _nearest(self) -> list[S]:
        """Once a whole population was tried and little of it fits, what came closest: a tight budget is approached
        from there."""
        planned = [o for o in self.seen.values() if not o.problem]
        if len(self.seen) < self.settings.population or len(self.feasible) > RARE * len(self.seen):
            return []
        return [o.spec for o in sorted(planned, key=lambda o: o.miss)[:NEAREST]]

    # ------------------------------------------------------------------ state
    def state_dict(self) -> dict[str, Any]:
        """Everything that the future depends on, ready for JSON."""
        version, numbers, gauss = self.rng.getstate()
        return {
            "space": self.space.name, "seed": self.seed, "settings": to_data(self.settings),
            "generation": self.generation, "random": [version, list(numbers), gauss], "open": list(self._open),
            "asked": [[kind, to_data(spec)] for kind, spec in self._asked], "fruitless": self._fruitless,
            "seen": [o.to_data() for o in self.seen.values()],
            "population": [to_data(o.spec) for o in self.population],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where another evolution of the same space, settings and seed was."""
        mine = {"space": self.space.name, "seed": self.seed, "settings": to_data(self.settings)}
        for name, value in mine.items():
            if state[name] != value:
                raise UsageError(f"the saved search has another {name}: {state[name]!r}, here it is {value!r}")
        kind = self.space.spec_type
        version, numbers, gauss = state["random"]
        self.rng.setstate((version, tuple(numbers), gauss))
        self.generation, self._open, self._fruitless = state["generation"], list(state["open"]), state["fruitless"]
        self.seen = {o.spec: o for o in (Outcome.from_data(kind, data) for data in state["seen"])}
        self._asked = [(place, from_data(kind, data)) for place, data in state["asked"]]
        self.population = [self.seen[from_data(kind, data)] for data in state["population"]]
