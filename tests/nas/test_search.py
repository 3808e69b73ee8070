"""Searches: the seed decides, not the workers; a killed one resumes to the same result; a hopeless one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.nas.support import BUDGET, SETTINGS, SMALL_AUDIO, TARGET, score
from tinyc.errors import ToolchainError, UsageError
from tinyc.nas.outcome import InfeasibleSpace
from tinyc.nas.report import Budget, Need
from tinyc.nas.search import Progress, SearchResult, search
from tinyc.nas.spaces import DsCnnSpec
from tinyc.nas.workers import Workers

GENERATIONS = 3


OPTIONS = {"target": TARGET, "objective": "speed", "generations": GENERATIONS, "settings": SETTINGS, "seed": 3}


def found(**more: object) -> SearchResult[DsCnnSpec]:
    return search(SMALL_AUDIO, score, BUDGET, **(OPTIONS | more))  # type: ignore[arg-type]


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


def test_a_dead_worker_is_replaced(serial: SearchResult[DsCnnSpec]) -> None:
    """SIGKILL for every process of the pool after the first generation, and for one while it works on the third."""
    with Workers(2) as workers:
        first = _processes(workers)

        def kill(progress: Progress[DsCnnSpec]) -> None:
            victims = _processes(workers)
            if progress.generation == 1:
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
            if progress.generation == 2:
                threading.Timer(0.05, os.kill, (victims[0], signal.SIGKILL)).start()

        assert found(executor=workers, progress=kill) == serial
        assert not set(first) & set(_processes(workers))


def _processes(workers: Workers) -> list[int]:
    return list(workers._pool._processes or ()) or [workers.submit(os.getpid).result()]


def test_work_that_kills_its_workers_ends() -> None:
    with Workers(1, retries=2) as workers, pytest.raises(ToolchainError, match="a worker process died 3 times"):
        workers.submit(os._exit, 1).result(timeout=60)


def test_workers_pass_on_results_and_errors() -> None:
    with Workers(2) as workers:
        assert list(workers.map(abs, [-1, 2, -3])) == [1, 2, 3]
        with pytest.raises(ValueError, match="invalid literal"):
            workers.submit(int, "x").result(timeout=60)


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


@pytest.mark.parametrize("inside", [False, True], ids=["between generations", "inside one"])
def test_a_killed_process_resumes(serial: SearchResult[DsCnnSpec], tmp_path: Path, inside: bool) -> None:
    """SIGKILL as soon as there is a checkpoint, or when the next generation's first networks are planned."""
    file, begun = tmp_path / "search.json", tmp_path / "begun"
    code = f"from tests.nas.test_search import watched\nwatched({str(file)!r}, {str(begun)!r})"
    awaited = begun if inside else file
    running = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while not awaited.exists() and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    finally:
        running.wait()
    assert running.returncode == -signal.SIGKILL, "it was not killed while it searched"
    assert 1 <= json.loads(file.read_text())["state"]["generation"] < GENERATIONS
    assert found(checkpoint=file) == serial


def watched(checkpoint: str, begun: str) -> None:
    """A search that makes the file `begun` when its second generation has scored a network, and then dawdles."""

    def slow_score(spec: DsCnnSpec, report: Need) -> float:
        if Path(checkpoint).exists():
            Path(begun).touch()
            time.sleep(5)
        return score(spec, report)

    slow_score.__qualname__ = score.__qualname__  # to the checkpoint it is the same search
    search(SMALL_AUDIO, slow_score, BUDGET, checkpoint=checkpoint, **OPTIONS)  # type: ignore[arg-type]


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


def test_dask_gives_the_serial_result(serial: SearchResult[DsCnnSpec], tmp_path: Path) -> None:
    """Two local workers, of which one is killed while it works on the second generation: nothing is lost."""
    pytest.importorskip("distributed", reason='Dask is an extra: pip install "tinyc[dask]"')
    script = tmp_path / "search.py"
    script.write_text(DASK)
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths},
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for best, outcomes in (told["plain"], told["killed"]):
        assert best == serial.best.to_data()
        assert outcomes == [o.to_data() for o in serial.outcomes]
    assert told["victim"] in told["before"] and told["victim"] not in told["after"], "no worker died"


DASK = textwrap.dedent(
    """
    import json, os, threading, time
    from dask.distributed import Client, LocalCluster
    from tests.nas.test_search import BUDGET, OPTIONS, SMALL_AUDIO, score, search

    def slow_score(spec, report):
        time.sleep(0.1)  # so that there is a worker to be killed at work
        return score(spec, report)

    def main():
        told = {}
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                def kill(progress):
                    if progress.generation == 1:
                        told["before"] = sorted(client.run(os.getpid).values())
                        told["victim"] = told["before"][0]
                        threading.Timer(0.1, os.kill, (told["victim"], 9)).start()

                def found(score, **more):
                    executor = client.get_executor(retries=10)
                    result = search(SMALL_AUDIO, score, BUDGET, executor=executor, **OPTIONS, **more)
                    return result.best.to_data(), [o.to_data() for o in result.outcomes]

                told["plain"] = found(score)
                told["killed"] = found(slow_score, progress=kill)
                client.wait_for_workers(2)
                told["after"] = sorted(client.run(os.getpid).values())
        print(json.dumps(told))

    if __name__ == "__main__":
        main()
    """
)
