"""`search`: evolution with the planner in the loop, on any executor, with checkpoints.

The result depends on the seed and the settings. How many workers there are, and which of them finishes first, change
nothing; a search that was killed resumes from its checkpoint to the same result.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from tinyc.compiler import InputMode, Objective
from tinyc.errors import UsageError
from tinyc.nas.code_size import Library
from tinyc.nas.evolution import Evolution, Settings
from tinyc.nas.outcome import Evaluator, Outcome, Score, most_macs
from tinyc.nas.pareto import first_front
from tinyc.nas.report import Budget
from tinyc.nas.spaces.space import Space, to_data
from tinyc.targets import Target

S = TypeVar("S")
FRONT = ("sram", "flash", "instructions")  # the figures of the front, beside the score


@dataclass(frozen=True)
class Progress(Generic[S]):
    """After a generation: how many are complete, the best so far, the share of feasible plans, plans per second."""

    generation: int
    best: Outcome[S]
    plans: int
    feasible_share: float
    plans_per_second: float


@dataclass(frozen=True)
class SearchResult(Generic[S]):
    """`best`: the highest score. `front`: feasible networks that no other beats in score, SRAM, flash and instructions
    together, highest score first. `outcomes`: everything seen, in order."""

    best: Outcome[S]
    front: tuple[Outcome[S], ...]
    outcomes: tuple[Outcome[S], ...]
    generations: int


def search(
    space: Space[S], score: Score[S] = most_macs, budget: Budget | None = None, *, target: str | Target = "cortex-m7",
    objective: Objective = "sram", input: InputMode = "stored", library: Library = "stand-in", generations: int = 20,
    settings: Settings | None = None, seed: int = 0, executor: Executor | None = None,
    checkpoint: str | Path | None = None, progress: Callable[[Progress[S]], None] | None = None,
) -> SearchResult[S]:
    """The network of the space with the highest score among those that keep the budget.

    `score(spec, report)` is called in the workers, for feasible networks only. `executor` is any of
    concurrent.futures, or None for this process; where it is one of processes, space and score must be picklable.
    After every generation `checkpoint` (a file) is written; where it exists, the search continues from it.
    Raises InfeasibleSpace where nothing keeps the budget, UsageError where the checkpoint is of another search.
    """
    evaluator = Evaluator(space, score, target, budget or Budget(), objective, input, library)
    evolution = Evolution(space, settings, seed=seed)
    store = Checkpoint(Path(checkpoint), question(evaluator)) if checkpoint else None
    if store:
        store.load_into(evolution)
    pace = _Pace(len(evolution.seen))
    while evolution.generation < generations:
        before = evolution.generation
        specs = evolution.ask()
        evolution.tell(evaluate(evaluator, specs, executor))
        if evolution.generation > before:
            if store:
                store.save(evolution)
            if progress:
                progress(pace.of(evolution))
    return _result(evolution)


def evaluate(evaluator: Evaluator[S], specs: Sequence[S], executor: Executor | None) -> list[Outcome[S]]:
    """Outcomes in the order of the specs, whoever finds them out."""
    if executor is None:
        return [evaluator(spec) for spec in specs]
    futures = [executor.submit(evaluator, spec) for spec in specs]
    return [future.result() for future in futures]


def question(evaluator: Evaluator[Any]) -> dict[str, Any]:
    """What a checkpoint must agree with besides the evolution's own settings; ready for JSON."""
    target = evaluator.target if isinstance(evaluator.target, str) else evaluator.target.name
    return {
        "space": repr(evaluator.space), "score": getattr(evaluator.score, "__qualname__", repr(type(evaluator.score))),
        "target": target, "budget": asdict(evaluator.budget), "objective": evaluator.objective,
        "input": evaluator.input, "library": evaluator.library,
    }


def _result(evolution: Evolution[S]) -> SearchResult[S]:
    found = sorted(evolution.feasible, key=lambda o: -(o.score or 0.0))
    goals = [(-(o.score or 0.0), *(float(o.figures[name]) for name in FRONT)) for o in found]
    front = tuple(found[i] for i in first_front(goals))
    return SearchResult(found[0], front, tuple(evolution.seen.values()), evolution.generation)


class _Pace:
    """Plans per second since the search began or was resumed."""

    def __init__(self, known: int) -> None:
        self.known, self.started = known, time.perf_counter()

    def of(self, evolution: Evolution[S]) -> Progress[S]:
        feasible, plans = evolution.feasible, len(evolution.seen)
        seconds = max(1e-9, time.perf_counter() - self.started)
        best = max(feasible, key=lambda o: o.score or 0.0)
        return Progress(evolution.generation, best, plans, len(feasible) / plans, (plans - self.known) / seconds)


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the state of an evolution between two generations, and what was asked of it."""

    path: Path
    question: dict[str, Any]

    def save(self, evolution: Evolution[Any]) -> None:
        """Replace the file in one step, so that a kill at any moment leaves a whole one."""
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.draft")
        draft.write_text(json.dumps({"question": self.question, "state": evolution.state_dict()}), encoding="utf-8")
        os.replace(draft, self.path)

    def load_into(self, evolution: Evolution[Any]) -> None:
        """Continue from the file, if there is one. Raises UsageError where it is damaged or of another search."""
        if not self.path.exists():
            return
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            asked, state = data["question"], data["state"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{self.path} is no checkpoint of a search ({error}). Name another file.") from None
        for name, value in to_data(self.question).items():
            if asked.get(name) != value:
                raise UsageError(
                    f"the checkpoint {self.path} is of a search with {name} {asked.get(name)!r}, not {value!r}. "
                    "Name another file, or remove this one to start anew."
                )
        evolution.load_state_dict(state)
