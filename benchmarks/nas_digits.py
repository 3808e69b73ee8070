"""A search with a trained supernet, from the space to the network's accuracy on the emulated core.

python benchmarks/nas_digits.py [--seeds N] [--first-seed N] [--family cnn|vit] [--target TARGET] [--effort X]
[--workers N] [--folds N] [--output DIR]; needs `pip install "tinyc[train]"`. For every seed, on scikit-learn's digits:

1. a third of the images trains a supernet, and evolution looks for the network that is most accurate there under a
   tight budget of SRAM and flash; the best whose linked program keeps the budget is taken;
2. the other two thirds are cut in folds. For each the network is trained on, from the supernet's weights, with all
   images but this fold and the next. The quantised file's accuracy on this fold, in integers, is what is *promised*;
3. the firmware is built and runs on the emulated core, with the fold promised from and with the next one, which nothing
   has seen. Over all folds, promises and results are of the same images, each from a network that did not train on it.

Every number printed is measured at that moment; all of them are in figures.json. The exit code is 5 where the core
computes anything else than the integers did, where its accuracy over all seeds is not what was promised within one
percent, either way, or where a build breaks the budget.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from multiprocessing import get_context
from operator import add
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from demo import ROOT, scores

import tinyc
from tinyc.compiler import Compiled, Objective
from tinyc.errors import DoesNotFit, TinycError, ToolchainError
from tinyc.ir.interpreter import evaluate
from tinyc.ir.types import Array
from tinyc.nas.evolution import Settings
from tinyc.nas.outcome import Outcome
from tinyc.nas.report import Budget
from tinyc.nas.search import Progress, search
from tinyc.nas.spaces import CnnSpace, Space, VitSpace, to_data
from tinyc.nas.spaces.cnn import Stage
from tinyc.nas.spaces.vit import DENSE
from tinyc.nas.training import Images, Recipe, supernet
from tinyc.quantization import quantize
from tinyc.quantization.accuracy import outputs
from tinyc.simulate import RunResult
from tinyc.verification import execute, load_samples
from tinyc.verification.values import convert

ALLOWED = 0.01  # that promise and core may differ by, over all seeds
CALIBRATION_IMAGES = 256
FOLDS, MOST_FOLDS = 4, 8


@dataclass(frozen=True)
class Case:
    """A space for 8 × 8 images, what its networks may need, and how to train: all together, and one alone."""

    space: Space[Any]
    budget: Budget
    objective: Objective
    recipe: Recipe
    alone: Recipe


CASES = {
    "cnn": Case(
        CnnSpace(
            resolutions=(12, 16), widths=(0.25, 0.5), depths=(1, 2, 3), kernels=(3, 5), expansions=(2, 3, 4),
            stages=(Stage(24, 1), Stage(48, 2)), classes=10, channels_in=1, onnx=True,
        ),
        Budget(sram=2_048, flash=28_672), "sram", Recipe(epochs=40, rate=1e-2), Recipe(epochs=40, batch=128, rate=1e-2),
    ),
    "vit": Case(
        VitSpace(
            tokens=(2,), embeddings=(24, 32, 48), depths=(1, 2, 3), heads=(1, 2, 3), mlp_ratios=(1.0, 2.0),
            ranks=(DENSE,), head_channels=16, resolution=8, channels_in=1, classes=10,
        ),
        Budget(sram=2_048, flash=49_152), "speed", Recipe(epochs=150, rate=5e-3), Recipe(epochs=150, rate=5e-3),
    ),
}  # fmt: skip
SEARCH = Settings(population=20, crossovers=10, mutations=10, parents=8)
GENERATIONS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description="From a search space to firmware, on scikit-learn's digits.")
    parser.add_argument("--seeds", type=int, default=3, help="how many times, each with other splits (default: 3)")
    parser.add_argument("--first-seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--family", choices=sorted(CASES), help="one kind of networks (default: all)")
    parser.add_argument("--target", default="stm32f746", help="a core or a board (default: stm32f746)")
    parser.add_argument("--effort", type=float, default=1.0, help="factor on epochs and the search (default: 1)")
    parser.add_argument("--folds", type=int, choices=(2, 4, 8), default=FOLDS, help=f"(default: {FOLDS})")
    parser.add_argument("--workers", type=int, default=2, help="loops at the same time, one core each (default: 2)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "nas_digits", help="folder for what is built")
    options = parser.parse_args()
    started = perf_counter()
    loops = [
        Loop(family, seed, options.target, options.effort, options.folds, options.output / f"{family}-{seed}")
        for seed in range(options.first_seed, options.first_seed + options.seeds)
        for family in ([options.family] if options.family else sorted(CASES))
    ]
    with ProcessPoolExecutor(options.workers, get_context("spawn"), make_repeatable) as executor:
        ends = list(executor.map(Loop.run, loops))
    for end in ends:
        if isinstance(end, Stopped):
            print(f"stopped: {end.why}", file=sys.stderr)
            return end.exit_code
    runs = sorted((end for end in ends if isinstance(end, dict)), key=lambda r: (r["family"], r["seed"]))
    families = sorted({run["family"] for run in runs})
    verdicts = [verdict(family, [run for run in runs if run["family"] == family]) for family in families]
    write(options.output / "figures.json", {"loops": runs, "verdicts": verdicts})
    print_tables(runs, verdicts)
    used = sum(run["cpu_seconds"] for run in runs)
    print(f"{perf_counter() - started:.0f} s, CPU {used:.0f} s; the figures are in figures.json of the output folder")
    return 0 if all(v["kept"] for v in verdicts) else 5


# ---------------------------------------------------------------------- the loop
@dataclass(frozen=True)
class Stopped:
    """What kept a loop from its end; errors themselves do not all travel between processes."""

    why: str
    exit_code: int


@dataclass(frozen=True)
class Loop:
    """Everything from the space to the core, for one seed."""

    family: str
    seed: int
    target: str
    effort: float
    folds: int
    folder: Path

    def run(self) -> dict[str, Any] | Stopped:
        """The figures, accuracies as shares of right answers."""
        before = cpu_seconds()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            figures = self.figures(CASES[self.family])
        except TinycError as error:
            return Stopped(str(error), error.exit_code)
        figures["cpu_seconds"] = cpu_seconds() - before
        write(self.folder / "figures.json", figures)
        return figures

    def figures(self, case: Case) -> dict[str, Any]:
        training, ranking, folds = split(self.seed, self.folds)
        trainer = supernet(case.space, training, ranking, self.scaled(case.recipe))
        with self.timed("supernet trained"):
            trainer.train()
        ends = [trainer.score(spec) for spec in (trainer.family.smallest, trainer.family.corners[0])]
        self.say(f"smallest network {ends[0]:.2%}, largest {ends[1]:.2%}")
        with self.timed("search"):
            found = search(
                case.space, trainer.score, case.budget, target=self.target, objective=case.objective,
                settings=self.settings(), generations=scaled(GENERATIONS, self.effort), seed=self.seed,
                progress=self.show,
            )
        builder = Builder(case, self.target, trainer, self.folder)
        with self.timed("best network that links inside the budget"):
            best, passed_over = builder.first_that_links(found.outcomes, training)
        ended = []
        for number, promised in enumerate(folds):
            test = folds[(number + 1) % len(folds)]
            others = [fold for fold in folds if fold is not promised and fold is not test]
            seen = reduce(add, others, training + ranking)
            with self.timed(f"fold {number} trained alone, quantised, built and run"):
                recipe = replace(self.scaled(case.alone), seed=self.seed * FOLDS + number)
                ended.append(builder.firmware(best.spec, seen, promised, test, recipe, f"fold{number}"))
            self.say("promised {promised:.2%}, on the core {core:.2%}".format_map(ended[-1]))
        return {
            "family": self.family, "seed": self.seed, "smallest": ends[0], "largest": ends[1], "best": best.score,
            "networks": len(found.outcomes), "feasible": sum(outcome.feasible for outcome in found.outcomes),
            "passed_over": passed_over, "spec": to_data(best.spec), "planned": dict(best.figures),
            "budget": {"sram": case.budget.sram, "flash": case.budget.flash}, "folds": ended,
        }  # fmt: skip

    def scaled(self, recipe: Recipe) -> Recipe:
        return replace(recipe, epochs=scaled(recipe.epochs, self.effort), seed=self.seed)

    def settings(self) -> Settings:
        return replace(SEARCH, population=max(SEARCH.parents, scaled(SEARCH.population, min(1, self.effort))))

    # ------------------------------------------------------------------ progress
    def say(self, what: str) -> None:
        print(f"{self.family} {self.seed}: {what}", flush=True)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        started, used = perf_counter(), cpu_seconds()
        yield
        self.say(f"{what} in {perf_counter() - started:.0f} s (CPU {cpu_seconds() - used:.0f} s)")

    def show(self, progress: Progress[Any]) -> None:
        best = progress.best
        self.say(
            f"generation {progress.generation}: {best.score:.2%} with SRAM {best.figures['sram']:,}, "
            f"flash {best.figures['flash']:,}; {progress.plans} networks, {progress.feasible_share:.0%} fit"
        )


@dataclass(frozen=True)
class Builder:
    """From specs and the supernet's weights to firmware that has run."""

    case: Case
    target: str
    trainer: Any  # tinyc.nas.training.engine.Supernet, whose module needs PyTorch
    folder: Path

    def first_that_links(self, outcomes: Sequence[Outcome[Any]], images: Images) -> tuple[Outcome[Any], int]:
        """The best feasible network whose linked program keeps the budget too, as a plan's flash is an estimate; and
        how many better ones did not. Of equal scores the network that computes more goes first."""
        feasible = [o for o in outcomes if o.feasible]
        ordered = sorted(feasible, key=lambda o: (o.score or 0.0, o.figures["macs"]), reverse=True)
        for number, outcome in enumerate(ordered):
            compiled, _ = self.compiled(self.trainer.extract(outcome.spec), outcome.spec, images, "candidate")
            if keeps(self.case.budget, sizes(compiled, self.run(compiled, outcome.spec, images, 1))):
                return outcome, number
        raise DoesNotFit(f"none of the {len(ordered)} networks that plans let pass links inside the budget")

    def firmware(
        self, spec: Any, seen: Images, promised: Images, test: Images, recipe: Recipe, name: str
    ) -> dict[str, Any]:
        """Train on what was seen, quantise, build, run. Shares of right answers, sizes, and which images were right."""
        network = self.trainer.network(spec, recipe.epochs, seen, recipe)
        model = self.trainer.exported(network, spec)
        compiled, int8 = self.compiled(model, spec, seen, name)
        both = promised + test
        result = self.run(compiled, spec, both)
        core, exact = scores(compiled, result.outputs), integers(compiled, self.folder / "samples.npz")
        here = [self.answers(file, spec, promised) == promised.y for file in (model, int8)]
        count = len(promised.y)
        as_promised, on_core = (exact.argmax(1) == both.y)[:count], (core.argmax(1) == both.y)[count:]
        return {
            "retrained": share(here[0]), "onnxruntime": share(here[1]), "promised": share(as_promised),
            "core": share(on_core), "differing": int((core != exact).any(axis=1).sum()), "images": len(both.y),
            "right_when_promised": as_promised.tolist(), "right_on_core": on_core.tolist(),
            "stack": result.stack_bytes, "instructions": result.instructions, **sizes(compiled, result),
        }  # fmt: skip

    def compiled(self, model: bytes, spec: Any, seen: Images, name: str) -> tuple[Compiled, bytes]:
        """Of a float .onnx file: the compiled int8 file, and the file."""
        files = [self.folder / f"{name}.{kind}.onnx" for kind in ("float", "int8")]
        files[0].write_bytes(model)
        made = quantize(files[0], {"image": self.trainer.images(seen, spec).x[:CALIBRATION_IMAGES]})
        made.save(files[1], force=True)
        compiled = tinyc.compile(files[1], self.target, objective=self.case.objective)
        compiled.write(self.folder / name, force=True)
        return compiled, made.model

    def run(self, compiled: Compiled, spec: Any, images: Images, count: int | None = None) -> RunResult:
        """On the emulated core."""
        file = self.folder / "samples.npz"
        np.savez(file, x=self.trainer.images(images, spec).x[:count].transpose(0, 2, 3, 1))
        return execute(compiled, load_samples(compiled, file), on="emulator")

    def answers(self, model: bytes, spec: Any, images: Images) -> Array:
        """The digits that onnxruntime sees, the referee that shares no code with tinyc."""
        found = outputs(model, {"image": self.trainer.images(images, spec).x[:, np.newaxis]}, ["scores"])["scores"]
        return found.reshape(len(images.y), -1).argmax(1)


def integers(compiled: Compiled, file: Path) -> Array:
    """The output codes of the imported graph in exact integers, before any pass, kernel or plan, of every sample."""
    (inside,), (outside,) = compiled.graph.inputs, compiled.imported.inputs
    (found,), (wanted,) = compiled.imported.outputs, compiled.program.outputs
    answers = [
        evaluate(compiled.imported, [convert(codes, inside.type, outside.type)])[0]
        for (codes,) in load_samples(compiled, file)
    ]
    return np.stack([convert(answer, found.type, wanted.type).reshape(-1) for answer in answers])


def sizes(compiled: Compiled, result: RunResult) -> dict[str, int]:
    """The arena, and all of the linked program that lies in flash, in bytes."""
    return {"sram": compiled.plan.arena_bytes, "flash": (result.text_bytes or 0) + (result.rodata_bytes or 0)}


def keeps(budget: Budget, found: dict[str, int]) -> bool:
    return found["sram"] <= (budget.sram or 0) and found["flash"] <= (budget.flash or 0)


# ---------------------------------------------------------------------- promise and core
def share(right: Array) -> float:
    return float(right.mean())


def verdict(family: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Promise against core over all seeds, and whether everything was kept."""
    folds = [fold for run in runs for fold in run["folds"]]
    gap, error = difference(runs)
    fits = all(keeps(Budget(**run["budget"]), fold) for run in runs for fold in run["folds"])
    differing = sum(fold["differing"] for fold in folds)
    kept = fits and not differing and abs(gap) <= ALLOWED
    return {
        "family": family, "difference": gap, "standard_error": error, "fits": fits, "differing": differing,
        "images": sum(fold["images"] for fold in folds), "kept": kept,
    }  # fmt: skip


def difference(runs: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Core minus promise, and its standard error from pairs: every image was in one promise and one test of a seed, so
    that only images right in one and wrong in the other count (as in McNemar's test)."""
    pairs = []
    for run in runs:
        folds = run["folds"]
        for number, fold in enumerate(folds):
            tested = folds[(number - 1) % len(folds)]["right_on_core"]  # the same images
            pairs += [int(b) - int(a) for a, b in zip(fold["right_when_promised"], tested, strict=True)]
    return float(np.mean(pairs)), float(np.sqrt(np.square(pairs).sum()) / len(pairs))


def mean(run: dict[str, Any], name: str) -> float:
    return float(np.mean([fold[name] for fold in run["folds"]]))


# ---------------------------------------------------------------------- what the loop needs
def split(seed: int, count: int) -> tuple[Images, Images, list[Images]]:
    """Images for the supernet (25 %), to rank networks (8 %), and `count` folds (together 67 %), every class in the
    same proportion. 0…1, [N,1,8,8]."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import StratifiedKFold
    except ImportError:
        raise ToolchainError('the images come with scikit-learn: pip install "tinyc[train]"') from None
    data = load_digits()
    x, y = (data.images[:, np.newaxis] / 16).astype(np.float32), data.target.astype(np.int64)
    cut = StratifiedKFold(MOST_FOLDS + 4, shuffle=True, random_state=seed)
    parts = [Images(x[chosen], y[chosen]) for _, chosen in cut.split(x, y)]
    each = MOST_FOLDS // count
    folds = [reduce(add, parts[start : start + each]) for start in range(4, len(parts), each)]
    return reduce(add, parts[:3]), parts[3], folds


def make_repeatable() -> None:
    """Same seed, same machine, same figures: one thread, because sums depend on how threads share them."""
    try:
        import torch
    except ImportError:
        return  # `supernet` says so
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(not torch.cuda.is_available())  # CUDA's want settings of their own


def cpu_seconds() -> float:
    """Of this process and the compilers and emulators that it ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def write(file: Path, figures: dict[str, Any]) -> None:
    file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def scaled(count: int, effort: float) -> int:
    return max(1, round(count * effort))


def print_tables(runs: Sequence[dict[str, Any]], verdicts: Sequence[dict[str, Any]]) -> None:
    print("        supernet          best under  retrained          on the   core −            SRAM          flash")
    print("seed    smallest largest  the budget  float    promised  core     promise          plan  built  plan  built")
    for run in runs:
        gap, error = difference([run])
        first = " ".join(f"{run[name]:>8.2%}" for name in ("smallest", "largest", "best"))
        then = "  ".join(f"{mean(run, name):>7.2%}" for name in ("retrained", "promised", "core"))
        built = {name: max(fold[name] for fold in run["folds"]) for name in ("sram", "flash")}
        print(
            f"{run['family']} {run['seed']:<3} {first}     {then}  {gap:+.2%} ± {error:.2%}  "
            f"{run['planned']['sram']:>5,} {built['sram']:>6,} {run['planned']['flash']:>6,} {built['flash']:>7,}"
        )
    for v in verdicts:
        print(
            f"{v['family']}: core − promise {v['difference']:+.2%} ± {v['standard_error']:.2%} (one standard error); "
            f"{v['differing']} of {v['images']} images differ from the integers; "
            f"{'every build keeps' if v['fits'] else 'NOT every build keeps'} the budget"
        )


if __name__ == "__main__":
    sys.exit(main())
