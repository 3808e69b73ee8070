"""The example transformer, from float ONNX to its accuracy on the emulated core.

python benchmarks/vit_digits.py [--target TARGET] [--images N] [--output DIR]. Every number printed is measured at that
moment: `tinyc quantize`, then a build per objective, then the held-out digits. The exit code is 5 where the core's
accuracy is more than one percent below the float model's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from demo import EXAMPLE, ROOT, TEST_SET, accuracy, memory, scores

import tinyc
from tinyc.compiler import Objective
from tinyc.errors import TinycError
from tinyc.ir.types import Array
from tinyc.quantization import quantize, read_samples
from tinyc.quantization.accuracy import outputs
from tinyc.verification import execute, load_samples

MODEL, CALIBRATION = EXAMPLE / "digits_vit.onnx", EXAMPLE / "digits_calibration.npz"
ALLOWED_LOSS = 0.01


def main() -> int:
    parser = argparse.ArgumentParser(description="The example transformer on an emulated Cortex-M core.")
    parser.add_argument("--target", default="stm32f746", help="a core or a board (default: stm32f746)")
    parser.add_argument("--images", type=int, help="only the first so many held-out images")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "vit_digits", help="folder for what is built")
    options = parser.parse_args()
    with np.load(TEST_SET) as held_out:
        images, labels = held_out["x"][: options.images], held_out["y"][: options.images]
    try:
        return demonstrate(options.target, options.output, images, labels)
    except TinycError as error:
        print(f"stopped: {error}", file=sys.stderr)
        return error.exit_code


def demonstrate(target: str, folder: Path, images: Array, labels: Array) -> int:
    """Quantise, build, run, print; the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    file, planes = folder / "digits_vit.onnx", {"image": images.transpose(0, 3, 1, 2)[:, np.newaxis]}
    started = perf_counter()
    found = quantize(MODEL, read_samples(CALIBRATION), check={"image": images.transpose(0, 3, 1, 2)})
    found.save(file, force=True)
    float_scores, int8_scores = (
        outputs(model, planes, ["scores"])["scores"].reshape(len(labels), -1)
        for model in (MODEL.read_bytes(), found.model)
    )
    print(f"{MODEL.relative_to(ROOT)}, held-out images")
    print(f"  float, onnxruntime on this machine: {accuracy(float_scores, labels)}")
    print(f"  int8, onnxruntime on this machine: {accuracy(int8_scores, labels)}")
    print(f"  ({perf_counter() - started:.0f} s to quantise and to run both)\n")
    share = float((float_scores.argmax(1) == labels).mean())
    objectives: tuple[Objective, ...] = ("speed", "sram")
    shares = [on_the_core(target, objective, folder, file, labels) for objective in objectives]
    return 0 if min(shares) >= share - ALLOWED_LOSS else 5


def on_the_core(target: str, objective: Objective, folder: Path, file: Path, labels: Array) -> float:
    """One build, and the share of right answers on the emulated core."""
    compiled = tinyc.compile(file, target, objective=objective)
    compiled.write(folder / objective, force=True)
    started = perf_counter()
    result = execute(compiled, load_samples(compiled, TEST_SET, len(labels)), on="emulator", profile=True)
    found = scores(compiled, result.outputs)
    print(f"{target}, --objective {objective}")
    print(f"  {memory(compiled, result)}")
    print(f"  emulated {compiled.target.core}: {accuracy(found, labels)}")
    print(f"  {result.instructions or 0:,} instructions per inference")
    print(f"  ({perf_counter() - started:.0f} s for {len(found)} images, compilers and emulator included)\n")
    return float((found.argmax(1) == labels).mean())


if __name__ == "__main__":
    sys.exit(main())
