"""Optuna as the search: its samplers, storage and dashboards, with our planner's limits as constraints.

    study = optuna_study(storage="sqlite:///study.db")
    study.optimize(objective(evaluator), n_trials=200)

A trial chooses the seeds of a sample and of changes to it, so that any space can be searched, or, with `suggest`, the
parameters themselves. Needs the extra `optuna`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from tinyc.errors import UsageError
from tinyc.nas.outcome import Evaluator, Outcome
from tinyc.nas.spaces.space import Space

if TYPE_CHECKING:
    import optuna
    from optuna import Trial

S = TypeVar("S")
Suggest = Callable[["Trial"], S]  # a spec from what the trial suggests
NOT_SCORED = -1e30  # storages keep no infinities


def optuna_study(*, goals: Sequence[str] = (), seed: int = 0, **options: Any) -> optuna.Study:
    """A study that maximises the score (and minimises the figures `goals`) under constraints.

    `options` go to optuna.create_study: `storage`, `study_name`, `load_if_exists`, or a `sampler` of your own.
    """
    optuna = _optuna()
    kind = optuna.samplers.NSGAIISampler if goals else optuna.samplers.TPESampler
    sampler = options.pop("sampler", None) or kind(seed=seed)
    return optuna.create_study(directions=["maximize", *("minimize" for _ in goals)], sampler=sampler, **options)


def objective(
    evaluator: Evaluator[S], suggest: Suggest[S] | None = None, *, goals: Sequence[str] = ()
) -> Callable[[Trial], Any]:
    """What a study optimises; each trial keeps the spec and its figures as attributes, for dashboards.

    By how much a limit is exceeded is a constraint, feasible iff ≤ 0, as Optuna wants it. A network that breaks one is
    not scored: NOT_SCORED stands there. One that has no plan at all is pruned.
    """
    optuna = _optuna()
    suggest = suggest or seeded(evaluator.space)

    def run(trial: Trial) -> Any:
        outcome = evaluator(suggest(trial))
        _note(trial, outcome, evaluator.space)
        if outcome.problem:
            raise optuna.TrialPruned(outcome.problem)
        score = outcome.score if outcome.score is not None else NOT_SCORED
        return (score, *(outcome.figures[name] for name in goals)) if goals else score

    return run


def seeded(space: Space[S]) -> Suggest[S]:
    """Specs of any space: a sample and a number of mutations, by numbers that the trial suggests."""

    def suggest(trial: Trial) -> S:
        spec = space.sample(Random(trial.suggest_int("sample", 0, 10_000)))
        for step in range(trial.suggest_int("changes", 0, 3)):
            spec = space.mutate(spec, Random(trial.suggest_int(f"change{step}", 0, 10_000)))
        return spec

    return suggest


def _note(trial: Trial, outcome: Outcome[S], space: Space[S]) -> None:
    for name, value in outcome.violations.items():
        trial.set_constraint(name, value / max(1, outcome.limits[name]))
    trial.set_user_attr("spec", space.to_json(outcome.spec))
    for name, value in outcome.figures.items():
        trial.set_user_attr(name, value)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UsageError('this needs Optuna. Install it with: pip install "tinyc[optuna]"') from error
    return optuna
