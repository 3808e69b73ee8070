"""A search with a trained supernet, from the space to the network's accuracy on the emulated core.

python benchmarks/nas_digits.py [--seeds N] [--family cnn|vit] [--target TARGET] [--effort X] [--workers N]
[--output DIR]; needs `pip install "tinyc[train]"`. For every seed: a supernet is trained on scikit-learn's digits;
evolution looks for the most accurate network under a tight budget of SRAM and flash; the best is taken out, trained a
little alone, quantised, compiled, and run on the emulated core with images that no step before has seen. Every number
printed is measured at that moment; all of them are in figures.json. The exit code is 5 where the core's accuracy is
more than one percent below what the search promised or the float network reaches, or the build breaks the budget.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from demo import ROOT, scores

import tinyc
from tinyc.compiler import Objective
from tinyc.errors import TinycError, ToolchainError
from tinyc.ir.types import Array
from tinyc.nas.evolution import Settings
from tinyc.nas.report import Budget
from tinyc.nas.search import Progress, search
from tinyc.nas.spaces import CnnSpace, Space, VitSpace, to_data
from tinyc.nas.spaces.cnn import Stage
from tinyc.nas.spaces.vit import DENSE
from tinyc.nas.training import Images, Recipe, supernet
from tinyc.quantization import quantize
from tinyc.quantization.accuracy import outputs
from tinyc.verification import execute, load_samples

ALLOWED_LOSS = 0.01
FLASH_MARGIN = 4_096  # that the search leaves, as the plan's estimate of code is a few per cent short (docs/nas.md)
CALIBRATION_IMAGES = 256
SPLIT_SEED = 0  # with it, the test images are those of docs/example/digits_test.npz


@dataclass(frozen=True)
class Case:
    """A space for 8 × 8 images, what its networks may need, and how long to train, all together and one alone."""

    space: Space[Any]
    budget: Budget
    objective: Objective
    recipe: Recipe
    epochs_alone: int


CASES = {
    "cnn": Case(
        CnnSpace(
            resolutions=(12, 16), widths=(0.25, 0.5), depths=(1, 2, 3), kernels=(3, 5), expansions=(2, 3, 4),
            stages=(Stage(24, 1), Stage(48, 2)), classes=10, channels_in=1, onnx=True,
        ),
        Budget(sram=2_048, flash=28_672), "sram", Recipe(epochs=40, rate=1e-2), epochs_alone=60,
    ),
    "vit": Case(
        VitSpace(
            tokens=(2,), embeddings=(24, 32, 48), depths=(1, 2, 3), heads=(1, 2, 3), mlp_ratios=(1.0, 2.0),
            ranks=(DENSE,), head_channels=16, resolution=8, channels_in=1, classes=10,
        ),
        Budget(sram=2_048, flash=49_152), "speed", Recipe(epochs=150, rate=5e-3), epochs_alone=150,
    ),
}  # fmt: skip
SEARCH = Settings(population=20, crossovers=10, mutations=10, parents=8)
GENERATIONS = 5
SHARES = ("smallest", "largest", "promised", "inherited", "retrained", "quantised", "core")


def main() -> int:
    parser = argparse.ArgumentParser(description="From a search space to firmware, on scikit-learn's digits.")
    parser.add_argument("--seeds", type=int, default=3, help="how many times, with seeds from 0 (default: 3)")
    parser.add_argument("--family", choices=sorted(CASES), help="one kind of networks (default: all)")
    parser.add_argument("--target", default="stm32f746", help="a core or a board (default: stm32f746)")
    parser.add_argument("--effort", type=float, default=1.0, help="factor on epochs and generations (default: 1)")
    parser.add_argument("--workers", type=int, default=2, help="loops at the same time, one core each (default: 2)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "nas_digits", help="folder for what is built")
    options = parser.parse_args()
    started = perf_counter()
    loops = [
        Loop(family, seed, options.target, options.effort, options.output / f"{family}-{seed}")
        for seed in range(options.seeds) for family in ([options.family] if options.family else sorted(CASES))
    ]  # fmt: skip
    with ProcessPoolExecutor(options.workers, get_context("spawn"), make_repeatable) as executor:
        ends = list(executor.map(Loop.run, loops))
    for end in ends:
        if isinstance(end, Stopped):
            print(f"stopped: {end.why}", file=sys.stderr)
            return end.exit_code
    runs = sorted((end for end in ends if isinstance(end, dict)), key=lambda r: (r["family"], r["seed"]))
    (options.output / "figures.json").write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    print_table(runs)
    print(f"{perf_counter() - started:.0f} s; the figures are in figures.json of the output folder")
    return 0 if all(run["kept"] for run in runs) else 5


# ---------------------------------------------------------------------- the loop
@dataclass(frozen=True)
class Stopped:
    """What kept a loop from its end; errors themselves do not all travel between processes."""

    why: str
    exit_code: int


@dataclass(frozen=True)
class Loop:
    """Everything from the space to the core, once."""

    family: str
    seed: int
    target: str
    effort: float
    folder: Path

    def run(self) -> dict[str, Any] | Stopped:
        """The figures, accuracies as shares of right answers."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            figures = self.figures(CASES[self.family], *digits())
        except TinycError as error:
            return Stopped(str(error), error.exit_code)
        figures["kept"] = keeps_promise(figures)
        return figures

    def figures(self, case: Case, training: Images, validation: Images, test: Images) -> dict[str, Any]:
        recipe = replace(case.recipe, epochs=scaled(case.recipe.epochs, self.effort), seed=self.seed)
        trainer = supernet(case.space, training, validation, recipe)
        with self.timed("supernet trained"):
            trainer.train()
        ends = [trainer.score(spec) for spec in (trainer.family.smallest, trainer.family.corners[0])]
        self.say(f"validation: smallest network {ends[0]:.2%}, largest {ends[1]:.2%}")
        with self.timed("search"):
            found = search(
                case.space, trainer.score, narrowed(case.budget), target=self.target, objective=case.objective,
                settings=SEARCH, generations=scaled(GENERATIONS, self.effort), seed=self.seed, progress=self.show,
            )
        best = found.best
        with self.timed("best network taken out and trained alone"):
            inherited = trainer.accuracy(trainer.network(best.spec), best.spec, test)
            alone = trainer.extract(best.spec, scaled(case.epochs_alone, self.effort), training + validation)
        fitted, held_out = (trainer.images(images, best.spec) for images in (training, test))
        with self.timed("quantised, built and run"):
            deployed = deploy(
                alone, fitted.x[:CALIBRATION_IMAGES], held_out, self.target, case.objective, self.folder
            )
        self.say(f"on the core: {deployed['core']:.2%} of {len(test.x)} test images")
        return {
            "family": self.family, "seed": self.seed, "smallest": ends[0], "largest": ends[1],
            "promised": best.score, "inherited": inherited, "networks": len(found.outcomes),
            "feasible": sum(outcome.feasible for outcome in found.outcomes), "spec": to_data(best.spec),
            "planned": dict(best.figures), "budget": {"sram": case.budget.sram, "flash": case.budget.flash}, **deployed,
        }  # fmt: skip

    # ------------------------------------------------------------------ progress
    def say(self, what: str) -> None:
        print(f"{self.family} {self.seed}: {what}", flush=True)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.say(f"{what} in {perf_counter() - started:.0f} s")

    def show(self, progress: Progress[Any]) -> None:
        best = progress.best
        self.say(
            f"generation {progress.generation}: {best.score:.2%} with SRAM {best.figures['sram']:,}, "
            f"flash {best.figures['flash']:,}; {progress.plans} networks, {progress.feasible_share:.0%} fit"
        )


def deploy(
    model: bytes, calibration: Array, test: Images, target: str, objective: Objective, folder: Path
) -> dict[str, Any]:
    """A float .onnx file on the core: accuracies of the float and the int8 file, and on the core; bytes."""
    float_file, file, samples = (folder / name for name in ("float.onnx", "int8.onnx", "test.npz"))
    float_file.write_bytes(model)
    made = quantize(float_file, {"image": calibration})
    made.save(file, force=True)
    np.savez(samples, x=test.x.transpose(0, 2, 3, 1))
    compiled = tinyc.compile(file, target, objective=objective)
    compiled.write(folder / "c", force=True)
    result = execute(compiled, load_samples(compiled, samples), on="emulator", profile=True)
    planes = {"image": test.x[:, np.newaxis]}
    shares = [
        accuracy(outputs(m, planes, ["scores"])["scores"].reshape(len(test.y), -1), test.y) for m in (model, made.model)
    ]
    return {
        "retrained": shares[0], "quantised": shares[1], "core": accuracy(scores(compiled, result.outputs), test.y),
        "sram": compiled.plan.arena_bytes, "flash": (result.text_bytes or 0) + (result.rodata_bytes or 0),
        "stack": result.stack_bytes, "instructions": result.instructions,
    }  # fmt: skip


def keeps_promise(figures: dict[str, Any]) -> bool:
    """At most as large as the budget allows; on the core as accurate as the search said, and as the float network."""
    fits = figures["sram"] <= figures["budget"]["sram"] and figures["flash"] <= figures["budget"]["flash"]
    return fits and figures["core"] >= max(figures["promised"], figures["retrained"]) - ALLOWED_LOSS


# ---------------------------------------------------------------------- what the loop needs
def digits() -> tuple[Images, Images, Images]:
    """Training, validation and test images (60, 20, 20 %), every class in the same proportion. 0…1, [N,1,8,8]."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise ToolchainError('the images come with scikit-learn: pip install "tinyc[train]"') from None
    data = load_digits()
    x, y = (data.images[:, np.newaxis] / 16).astype(np.float32), data.target.astype(np.int64)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=SPLIT_SEED)
    x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.25, stratify=y, random_state=SPLIT_SEED)
    return Images(x, y), Images(x_valid, y_valid), Images(x_test, y_test)


def make_repeatable() -> None:
    """Same seed, same machine, same figures: one thread, because sums depend on how threads share them."""
    try:
        import torch
    except ImportError:
        return  # `supernet` says so
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(not torch.cuda.is_available())  # CUDA's want settings of their own


def accuracy(found: Array, labels: Array) -> float:
    """Share of images whose highest score is at the right digit."""
    return float((found.argmax(1) == labels).mean())


def narrowed(budget: Budget) -> Budget:
    """What the search may use of a budget."""
    return replace(budget, flash=(budget.flash or 0) - FLASH_MARGIN)


def scaled(count: int, effort: float) -> int:
    return max(1, round(count * effort))


def print_table(runs: Sequence[dict[str, Any]]) -> None:
    print("         supernet         best under  the same,  trained  int8,    on the   SRAM            flash")
    print("seed     smallest largest  the budget  test set   alone    here     core    planned  built  planned   built")
    for r in runs:
        a, b, c, d, e, f, g = (f"{r[name]:.2%}" for name in SHARES)
        print(
            f"{r['family']} {r['seed']:<4} {a:>8} {b:>7} {c:>11} {d:>10} {e:>8} {f:>7} {g:>8} "
            f"{r['planned']['sram']:>8,} {r['sram']:>6,} {r['planned']['flash']:>8,} {r['flash']:>7,}"
        )


if __name__ == "__main__":
    sys.exit(main())
