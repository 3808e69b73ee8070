"""Searches: the seed decides, not the workers; a killed one resumes to the same result; a hopeless one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.nas.support import BUDGET, SETTINGS, SMALL_AUDIO, TARGET, score
from tinyc.errors import UsageError
from tinyc.nas.outcome import InfeasibleSpace
from tinyc.nas.report import Budget
from tinyc.nas.search import Progress, SearchResult, search
from tinyc.nas.spaces import DsCnnSpec

GENERATIONS = 3


def found(**more: object) -> SearchResult[DsCnnSpec]:
    options = {"target": TARGET, "objective": "speed", "generations": GENERATIONS, "settings": SETTINGS, "seed": 3}
    return search(SMALL_AUDIO, score, BUDGET, **(options | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def serial() -> SearchResult[DsCnnSpec]:
    return found()


def test_the_best_keeps_the_budget(serial: SearchResult[DsCnnSpec]) -> None:
    feasible = [o for o in serial.outcomes if o.feasible]
    assert serial.best.score == max(o.score or 0.0 for o in feasible)
    assert serial.best.figures["sram"] <= (BUDGET.sram or 0) and serial.best.figures["flash"] <= (BUDGET.flash or 0)
    assert serial.best in serial.front
    assert any(not o.feasible for o in serial.outcomes), "the budget decides nothing: make it smaller"
    assert all(o.score is None for o in serial.outcomes if not o.feasible)
    assert serial.generations == GENERATIONS


def test_workers_change_nothing(serial: SearchResult[DsCnnSpec]) -> None:
    with ThreadPoolExecutor(3) as threads:
        assert found(executor=threads) == serial
    with ProcessPoolExecutor(2) as processes:
        assert found(executor=processes) == serial


def test_another_seed_goes_elsewhere(serial: SearchResult[DsCnnSpec]) -> None:
    other = found(seed=4, generations=1)
    assert [o.spec for o in other.outcomes] != [o.spec for o in serial.outcomes[: len(other.outcomes)]]


def test_progress_is_told() -> None:
    told: list[Progress[DsCnnSpec]] = []
    result = found(progress=told.append, generations=2)
    assert [p.generation for p in told] == [1, 2]
    assert told[-1].plans == len(result.outcomes)
    assert told[-1].feasible_share == sum(o.feasible for o in result.outcomes) / len(result.outcomes)
    assert told[-1].best == result.best
    assert told[-1].plans_per_second > 0


def test_a_search_that_ends_early_resumes(serial: SearchResult[DsCnnSpec], tmp_path: Path) -> None:
    file = tmp_path / "search.json"

    class Killed(Exception):
        pass

    def stop(progress: Progress[DsCnnSpec]) -> None:
        if progress.generation == 2:
            raise Killed

    with pytest.raises(Killed):
        found(checkpoint=file, progress=stop)
    assert json.loads(file.read_text())["state"]["generation"] == 2
    assert found(checkpoint=file) == serial
    assert found(checkpoint=file) == serial  # there is nothing left to do
    assert list(tmp_path.iterdir()) == [file]


def test_a_killed_process_resumes(serial: SearchResult[DsCnnSpec], tmp_path: Path) -> None:
    """SIGKILL as soon as there is a checkpoint, wherever the search is then."""
    file = tmp_path / "search.json"
    code = f"from tests.nas.test_search import found\nfound(checkpoint={str(file)!r})"
    running = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while not file.exists() and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    finally:
        running.wait()
    assert json.loads(file.read_text())["state"]["generation"] >= 1
    assert found(checkpoint=file) == serial


def test_a_checkpoint_of_another_search_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "search.json"
    found(checkpoint=file, generations=1)
    with pytest.raises(UsageError, match="is of a search with target 'cortex-m4', not 'cortex-m7'"):
        found(checkpoint=file, target="cortex-m7")
    with pytest.raises(UsageError, match="another seed: 3"):
        found(checkpoint=file, seed=9)
    file.write_text("{}")
    with pytest.raises(UsageError, match="no checkpoint of a search"):
        found(checkpoint=file)


def test_an_infeasible_budget_ends() -> None:
    settings = type(SETTINGS)(population=4, crossovers=2, mutations=2, tries=16)
    with pytest.raises(InfeasibleSpace, match="nearest miss needs sram .* of 100 ") as caught:
        search(SMALL_AUDIO, score, Budget(sram=100), target=TARGET, objective="speed", settings=settings)
    assert caught.value.nearest is not None
    assert caught.value.nearest.figures["sram"] > 100


def test_networks_without_a_plan_are_findings() -> None:
    """An input of a single row cannot be pushed row by row: every proposal says so, and the search ends."""
    with pytest.raises(InfeasibleSpace, match="of the space could be planned"):
        search(
            type(SMALL_AUDIO)(dimensions=(1,), frames=(1,), features=(4,), depths=(1,)), score, BUDGET, target=TARGET,
            input="stream", settings=type(SETTINGS)(population=2, tries=6),
        )


DASK = textwrap.dedent(
    """
    import json, os, sys, threading
    from dask.distributed import Client, LocalCluster
    from tests.nas.test_search import found

    KILL = sys.argv[1] == "kill"

    def main():
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                def kill(progress):
                    if KILL and progress.generation == 1:
                        pid = sorted(client.run(os.getpid).values())[0]
                        threading.Timer(0.05, os.kill, (pid, 9)).start()  # while it works on the next generation
                result = found(executor=client.get_executor(retries=10), progress=kill)
        print(json.dumps([result.best.to_data(), [o.to_data() for o in result.outcomes]]))

    if __name__ == "__main__":
        main()
    """
)


@pytest.mark.long
@pytest.mark.parametrize("how", ["plain", "kill"])
def test_dask_gives_the_serial_result(serial: SearchResult[DsCnnSpec], tmp_path: Path, how: str) -> None:
    """Two local workers; with "kill" one dies after the first generation, and nothing is lost."""
    pytest.importorskip("distributed")
    script = tmp_path / "search.py"
    script.write_text(DASK)
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(script), how], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths},
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    best, outcomes = json.loads(done.stdout.splitlines()[-1])
    assert best == serial.best.to_data()
    assert outcomes == [o.to_data() for o in serial.outcomes]
