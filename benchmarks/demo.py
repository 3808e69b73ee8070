"""The demo, `make demo`: the example model for a Cortex-M7 board, its held-out test set on the emulated core.

python benchmarks/demo.py [--target TARGET] [--output DIR]. Every number printed is measured at that moment.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

import tinyc
from tinyc.compiler import Compiled, Objective
from tinyc.errors import TinycError
from tinyc.ir.types import Array
from tinyc.reference.tflm import TflmReference
from tinyc.simulate import RunResult
from tinyc.verification import execute, load_samples

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "docs" / "example"
MODEL, TEST_SET = EXAMPLE / "digits.tflite", EXAMPLE / "digits_test.npz"


def main() -> int:
    """Build, run, print. The exit code is 5 where the C and the reference give different outputs."""
    parser = argparse.ArgumentParser(description="The example model on an emulated Cortex-M core.")
    parser.add_argument("--target", default="stm32f746", help="a core or a board (default: stm32f746)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "demo", help="folder for the C projects")
    options = parser.parse_args()
    labels = np.load(TEST_SET)["y"]
    try:
        expected = reference_scores(tinyc.compile(MODEL, options.target))
        print(f"{MODEL.relative_to(ROOT)}, held-out images")
        print(f"  TensorFlow Lite Micro on this machine: {accuracy(expected, labels)}\n")
        objectives: tuple[Objective, ...] = ("speed", "sram")
        same = [demonstrate(options.target, objective, options.output, labels, expected) for objective in objectives]
    except TinycError as error:
        print(f"The demo stopped: {error}", file=sys.stderr)
        return error.exit_code
    return 0 if all(same) else 5


def demonstrate(target: str, objective: Objective, output: Path, labels: Array, expected: Array) -> bool:
    """One build: what it needs, and what it answers. True where every output equals the reference's."""
    compiled = tinyc.compile(MODEL, target, objective=objective)
    folder = output / objective
    compiled.write(folder, force=True)
    started = perf_counter()
    result = execute(compiled, load_samples(compiled, TEST_SET), on="emulator", profile=True)
    found = scores(compiled, result.outputs)
    differing = int(np.count_nonzero((found != expected).any(axis=1)))
    place = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    print(f"{target}, --objective {objective}: the C is in {place}/")
    print(f"  {memory(compiled, result)}")
    print(f"  emulated {compiled.target.core}: {accuracy(found, labels)}")
    print(f"  {result.instructions or 0:,} instructions per inference, {verdict(differing)} the reference's outputs")
    print(f"  ({perf_counter() - started:.0f} s for {len(found)} images, compilers and emulator included)\n")
    return differing == 0


def verdict(differing: int) -> str:
    return f"{differing} images with other than" if differing else "exactly"


def memory(compiled: Compiled, result: RunResult) -> str:
    """Where SRAM and flash go, in bytes; code and stack as the emulated program has them."""
    return (
        f"SRAM: arena {compiled.plan.arena_bytes:,}, stack {result.stack_bytes:,} bytes   "
        f"flash: constants {result.rodata_bytes:,}, code {result.text_bytes:,} bytes"
    )


def reference_scores(compiled: Compiled) -> Array:
    """The reference's output codes for every image of the test set."""
    assert compiled.source is not None
    reference = TflmReference(compiled.source)
    return np.stack([reference.run(sample)[0].reshape(-1) for sample in load_samples(compiled, TEST_SET)])


def scores(compiled: Compiled, outputs: Sequence[tuple[bytes, ...]]) -> Array:
    """The output codes of every image as an array."""
    dtype = compiled.program.outputs[0].type.dtype.numpy
    return np.stack([np.frombuffer(sample[0], dtype) for sample in outputs])


def accuracy(found: Array, labels: Array) -> str:
    """The share of images whose highest score is at the right digit."""
    right = int(np.count_nonzero(found.argmax(axis=1) == labels))
    return f"accuracy {right / len(labels):.2%} ({right} of {len(labels)})"


if __name__ == "__main__":
    sys.exit(main())
