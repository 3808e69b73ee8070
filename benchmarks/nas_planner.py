"""How fast and how right plans are: python benchmarks/nas_planner.py [--seconds S] [--networks N] [--known K]

For every search space, answers per second of one core, each for another of N networks that were never asked for before,
after K others: SRAM, flash, multiply-accumulates and instructions of the plan with row streaming (`tinyc.nas.quick`,
objective `sram`), with a stored and with a streamed input; compiled if numba is there. Of the space of CNNs this is one
cell, `w0.5-r144`, in which a search goes on once `select` has chosen it. "again": the same networks asked once more.
Where the compiler is asked most of the time, all of these are as many as S seconds are enough for. Then the share that
went to the whole compiler, answers per second of the first networks of all, whole plans of both
objectives, and the formula of live activations.

Then, over N networks, what formulae would decide in the place of the planner at the board's edge: the budget is the
median of what the plans need, and each formula accepts what it thinks fits. "wrong yes" are networks that it accepts
and that do not fit; "wrong no" are rejected and do.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tinyc import nas
from tinyc.compiler import InputMode, Objective
from tinyc.ir.graph import Graph
from tinyc.nas.blocks import shelf
from tinyc.nas.compiled import fast_search, has_numba
from tinyc.nas.formulae import largest_pair, live_activations
from tinyc.nas.quick import QuickPlanner
from tinyc.nas.spaces import SPACES, CnnSpace, Space

FORMULAE: dict[str, Callable[[Graph], int]] = {"max(in + out)": largest_pair, "live activations": live_activations}
MODES: tuple[InputMode, ...] = ("stored", "stream")
OBJECTIVES: tuple[Objective, ...] = ("speed", "sram")
CELL = "w0.5-r144"
FIRST = 10  # networks, while nearly all blocks are new
SPARE = 4096  # bytes that users of a formula add for scratch and the like


def main() -> int:
    """Print both tables, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description="How fast and how right plans are.")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each speed (default: 20)")
    parser.add_argument("--networks", type=int, default=40, help="for the comparison, per space (default: 40)")
    parser.add_argument("--known", type=int, default=1000, help="asked for before speeds are measured (default: 1000)")
    parser.add_argument("--target", default="cortex-m7", help="core (default: cortex-m7)")
    parser.add_argument("--space", choices=tuple(SPACES), action="append", help="space; repeatable (default: all)")
    options = parser.parse_args()
    spaces = [SPACES[name]() for name in options.space or SPACES]
    if not has_numba():
        print("numba is not installed: tinyc.nas.quick runs as Python, slowly (pip install -e '.[fast]')")
    live = {space.name: _live(space, options.target, options.networks) for space in spaces}  # while little is known
    print(f"{'space':<8}{'input':<9}{'plans/s':>9}{'again':>9}{'first':>8}{'compiler':>10}")
    for space in spaces:
        for mode in MODES:
            quick = _quick(space, options.target, mode, options.known, options.networks, options.seconds)
            print(f"{space.name:<8}{mode:<9}{quick.rate:>9.4g}{quick.again:>9.4g}{quick.first:>8.2g}"
                  f"{quick.compiler:>10.1%}", flush=True)
    print(f"\n{'space':<8}{'whole/s sram':>14}{'whole/s speed':>15}{'max-live/s':>12}")
    for space in spaces:
        cells = [_speed(space, lambda g, o=o: nas.plan(g, options.target, objective=o), options.seconds)
                 for o in reversed(OBJECTIVES)]
        print(f"{space.name:<8}{cells[0]:>14.2f}{cells[1]:>15.2f}{live[space.name]:>12.0f}", flush=True)
    print(f"\n{'space':<8}{'objective':<10}{'formula':<18}{'formula/plan':>14}{'wrong yes':>11}{'wrong no':>10}")
    for space in spaces:
        for line in _comparison(space, options.target, options.networks):
            print(line, flush=True)
    return 0


@dataclass(frozen=True)
class Quick:
    """Answers per second: for networks asked for the first time, asked again, and for the first ones of all; and the
    share that the compiler gave."""

    rate: float
    again: float
    first: float
    compiler: float


def _quick(space: Space[Any], target: str, mode: InputMode, known: int, networks: int, seconds: float) -> Quick:
    rng, cell = Random(3), space.cells()[CELL] if isinstance(space, CnnSpace) else space
    planner = QuickPlanner(cell, target, mode)
    fast_search()
    first = _spent(planner, [cell.sample(rng) for _ in range(FIRST)])
    most = int(FIRST * seconds / first) if planner.asked["compiler"] > FIRST / 2 else known
    _spent(planner, [cell.sample(rng) for _ in range(min(known, most) - FIRST)])
    specs = [cell.sample(rng) for _ in range(max(1, min(networks, most)))]
    planner.asked.clear()
    rate, again = (len(specs) / _spent(planner, specs) for _ in range(2))
    return Quick(rate, again, FIRST / first, planner.asked["compiler"] / (2 * len(specs)))


def _spent(ask: Callable[[Any], object], specs: Sequence[Any]) -> float:
    """Seconds of one core, once what came before is tidied up."""
    gc.collect()
    started = time.process_time()
    for spec in specs:
        ask(spec)
    return time.process_time() - started


def _live(space: Space[Any], target: str, networks: int) -> float:
    """Formulae of live activations per second."""
    rng, planner = Random(3), QuickPlanner(space, target)
    specs = [space.sample(rng) for _ in range(networks)]
    _spent(planner.blocks, specs)
    found = 10 * networks / _spent(planner.live_activations, specs * 10)
    shelf.cache_clear()  # what comes next shall find all blocks new
    return found


def _speed(space: Space[Any], ask: Callable[[Graph], object], seconds: float) -> float:
    """Networks per second; building the graph is not counted."""
    rng, count, spent = Random(1), 0, 0.0
    while spent < seconds:
        graph = space.graph(space.sample(rng))
        started = time.perf_counter()
        ask(graph)
        spent += time.perf_counter() - started
        count += 1
    return count / spent


def _comparison(space: Space[Any], target: str, networks: int) -> Iterator[str]:
    rng = Random(2)
    graphs = [space.graph(space.sample(rng)) for _ in range(networks)]
    for objective in OBJECTIVES:
        exact = [nas.plan(graph, target, objective=objective).sram for graph in graphs]
        budget = statistics.median(exact)
        for name, formula in FORMULAE.items():
            told = [formula(graph) for graph in graphs]
            for spare, label in ((0, name), (SPARE, f"{name} + 4 kB")):
                yes = sum(t + spare <= budget < e for t, e in zip(told, exact, strict=True))
                no = sum(e <= budget < t + spare for t, e in zip(told, exact, strict=True))
                ratio = statistics.median((t + spare) / e for t, e in zip(told, exact, strict=True))
                yield (f"{space.name:<8}{objective:<10}{label:<24}{ratio:>8.2f}"
                       f"{yes / networks:>11.0%}{no / networks:>10.0%}")


if __name__ == "__main__":
    sys.exit(main())
