"""The Optuna adapter: constraints are feasible iff ≤ 0, storage resumes, specs come back from attributes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.nas.support import SMALL_AUDIO, evaluator
from tinyc.nas.optuna import NOT_SCORED, objective, optuna_study
from tinyc.nas.report import Budget

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_trials_hold_constraints_and_specs(tmp_path: Path) -> None:
    judge = evaluator(Budget(sram=2_400, flash=14_000))
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log"))
    storage = optuna.storages.JournalStorage(backend)
    study = optuna_study(seed=1, storage=storage, study_name="tinyc")
    study.optimize(objective(judge), n_trials=14)
    for trial in study.trials:
        outcome = judge(SMALL_AUDIO.from_json(trial.user_attrs["spec"]))
        assert all(value <= 0 for value in trial.constraints.values()) == outcome.feasible
        assert trial.value == (outcome.score if outcome.feasible else NOT_SCORED)
        assert trial.user_attrs["sram"] == outcome.figures["sram"]
    feasible = [t.value for t in study.trials if t.value != NOT_SCORED]
    assert 0 < len(feasible) < len(study.trials)
    assert study.best_value == max(feasible)
    again = optuna_study(seed=1, storage=storage, study_name="tinyc", load_if_exists=True)
    assert len(again.trials) == 14


def test_several_goals() -> None:
    judge = evaluator(Budget())
    study = optuna_study(goals=("sram",), seed=2)
    study.optimize(objective(judge, goals=("sram",)), n_trials=6)
    assert all(len(trial.values) == 2 for trial in study.best_trials)


def test_own_parameters() -> None:
    judge = evaluator(Budget())
    spec = SMALL_AUDIO.sample(Random(4))

    def suggest(trial: optuna.Trial) -> object:
        return type(spec)(2, 25, 10, 5, trial.suggest_categorical("stem", [8, 16]), spec.blocks)

    study = optuna_study()
    study.optimize(objective(judge, suggest), n_trials=2)
    assert {t.params["stem"] for t in study.trials} <= {8, 16}
