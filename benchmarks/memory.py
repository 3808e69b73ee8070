"""SRAM of every model in a folder, next to published figures: python benchmarks/memory.py [FOLDER] [--measure]

FOLDER (default: ../shared/models beside the repository) holds .tflite files. Columns, all in bytes, scratch included
but in the first: the largest sum of live tensors; the arena without streaming (--objective speed); the least arena with
the input stored (--objective sram), and with its rows pushed (--input stream; "-" where the first operator reads the
input whole). `*` marks an arena that is not proven smallest for its schedule.

--measure adds instructions of one inference on the emulated core, as a multiple of the build that streams nothing.
--cmsis-nn links Arm's library in place of the stand-in.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tinyc
from tinyc.compiler import Compiled, InputMode, Objective
from tinyc.errors import TinycError, UsageError
from tinyc.verification import execute, make_samples

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "models"
BUILDS: tuple[tuple[Objective, InputMode], ...] = (("speed", "stored"), ("sram", "stored"), ("sram", "stream"))
# What others need for the same file. TFLM: the arena that TensorFlow Lite Micro with CMSIS-NN reports as used on a
# Cortex-M4, its own structures included. TinyEngine: the C that MCUNet's code generator writes. MCUNetV2: its
# published figure, the stage after the patches, without the image.
PUBLISHED = {
    "ad01_int8": "TFLM 2,580",
    "kws_ref_model": "TFLM 22,820",
    "mcunet_vww": "TFLM 219,808; TinyEngine 93,992, with 2x2 patches 81,552",
    "mobilenet_v2_1.0_224": "MCUNetV2 1,404,928, with 4x4 patches 175,616 + image",
    "person_detect": "TFLM 82,308",
    "pretrainedResnet_quant": "TFLM 54,996",
    "vww_96_int8": "TFLM 100,708; TinyEngine 60,728",
}


@dataclass(frozen=True)
class Row:
    """One model in the three builds; None where its input cannot be pushed row by row."""

    name: str
    builds: tuple[Compiled | None, ...]

    @property
    def sizes(self) -> list[str]:
        layers = self.builds[0]
        assert layers is not None
        return [f"{layers.plan.max_live_bytes:,}", *map(_arena, self.builds)]


def main() -> int:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description="SRAM of every model in a folder.")
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--target", default="cortex-m4", help="core to compile and count for (default: cortex-m4)")
    parser.add_argument("--measure", action="store_true", help="count instructions on the emulated core as well")
    parser.add_argument("--cmsis-nn", type=Path, metavar="DIR", help="count with this copy of Arm's library")
    options = parser.parse_args()
    models = sorted(options.folder.glob("*.tflite"))
    if not models:
        print(f"No .tflite files in {options.folder}: name a folder that holds some.", file=sys.stderr)
        return 2
    heads = ["max-live", "arena", "sram", "sram+stream", *(["instructions", "sram", "stream"] * options.measure)]
    print(_line("model", heads, "others"))
    for path in models:
        try:
            row = Row(path.stem, tuple(_compiled(path, options.target, *build) for build in BUILDS))
            counts = _instructions(row.builds, options.cmsis_nn) if options.measure else []
        except TinycError as error:
            print(f"{path.stem}: {error}", file=sys.stderr)
            return error.exit_code
        print(_line(row.name, [*row.sizes, *counts], PUBLISHED.get(row.name, "")), flush=True)
    return 0


def _compiled(path: Path, target: str, objective: Objective, input_mode: InputMode) -> Compiled | None:
    try:
        return tinyc.compile(path, target, objective=objective, input_mode=input_mode)
    except UsageError:
        if input_mode == "stored":
            raise
        return None  # the first operator reads the input whole


def _arena(compiled: Compiled | None) -> str:
    if compiled is None:
        return "-"
    return f"{compiled.plan.arena_bytes:,}{'' if compiled.plan.optimal else '*'}"


def _instructions(builds: Sequence[Compiled | None], cmsis_nn: Path | None) -> list[str]:
    """Instructions of the first build, then those of the others as multiples of it."""
    counts = [None if build is None else _count(build, cmsis_nn) for build in builds]
    first = counts[0]
    assert first is not None
    return [f"{first:,}", *("-" if count is None else f"{count / first:.3f}" for count in counts[1:])]


def _count(compiled: Compiled, cmsis_nn: Path | None) -> int:
    result = execute(compiled, make_samples(compiled, 1), on="emulator", cmsis_nn=cmsis_nn)
    assert result.instructions is not None
    return result.instructions


def _line(name: str, cells: Sequence[str], others: str) -> str:
    return f"{name:<24}" + "".join(f"{cell:>13}" for cell in cells) + f"  {others}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
