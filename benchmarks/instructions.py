"""Instructions and code of every model on every core: python benchmarks/instructions.py [FOLDER] [--cores CORES]

FOLDER (default: ../shared/models beside the repository) holds .tflite files. Columns: executed instructions of one
inference on the emulated core, of a default build; the most that we allow ourselves (`!` marks what is above it); per
multiply-accumulate; of CMSIS-NN's kernels alone (`--kernels cmsis-nn`, where a copy of Arm's library is given by
--cmsis-nn or CMSIS_NN_DIR) as a multiple; as a change from the Cortex-M4's; code in bytes at -O3 and at -Os, without
weights and tables; what others execute for the same file.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tinyc
from tinyc.errors import TinycError
from tinyc.simulate import RunResult
from tinyc.verification import execute, make_samples

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "models"
CORES = ("cortex-m4", "cortex-m55")
ALL_CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
BASE = "cortex-m4"  # the core that others are compared with
# Our own limits, in millions of instructions.
LIMITS = {
    "cortex-m4": {
        "kws_ref_model": 4.4, "vww_96_int8": 13.0, "pretrainedResnet_quant": 17.5, "ad01_int8": 0.40,
        "person_detect": 12.5, "mcunet_vww": 24.0,
    },
    "cortex-m55": {
        "kws_ref_model": 1.45, "vww_96_int8": 5.0, "pretrainedResnet_quant": 4.0, "ad01_int8": 0.20,
        "person_detect": 5.0, "mcunet_vww": 8.5,
    },
}  # fmt: skip
# What others execute for the same file, in millions, measured on the same emulated cores. TFLM: TensorFlow Lite Micro
# with CMSIS-NN at -O3. TinyEngine: the C of MCUNet's code generator, with its inexact float requantisation.
PEERS = {
    "cortex-m4": {
        "kws_ref_model": "TFLM 7.85", "vww_96_int8": "TFLM 24.72", "pretrainedResnet_quant": "TFLM 29.87",
        "ad01_int8": "TFLM 0.582", "person_detect": "TFLM 23.53", "mcunet_vww": "TFLM 49.30; TinyEngine 34.74",
    },
    "cortex-m7": {"mcunet_vww": "TinyEngine 34.52"},
    "cortex-m55": {
        "kws_ref_model": "TFLM 1.79", "vww_96_int8": "TFLM 6.43", "pretrainedResnet_quant": "TFLM 4.81",
        "ad01_int8": "TFLM 0.285", "person_detect": "TFLM 6.38", "mcunet_vww": "TFLM 11.83",
    },
}  # fmt: skip
HEADS = ("instructions", "limit M", "per MAC", "CMSIS-NN", "to M4", "code -O3", "code -Os")


@dataclass(frozen=True)
class Row:
    """One model on one core: a default build at -O3 and at -Os, and CMSIS-NN alone where Arm's library is there."""

    model: str
    core: str
    macs: int
    fast: RunResult
    small: RunResult
    library: RunResult | None

    @property
    def instructions(self) -> int:
        return _instructions(self.fast)

    def cells(self, base: int | None) -> list[str]:
        """The columns; `base` is the count on BASE."""
        limit = LIMITS.get(self.core, {}).get(self.model)
        above = limit is not None and self.instructions > limit * 1e6
        return [
            f"{self.instructions:,}",
            "-" if limit is None else f"{limit:g}{'!' if above else ''}",
            f"{self.instructions / self.macs:.2f}" if self.macs else "-",
            "-" if self.library is None else f"x {_instructions(self.library) / self.instructions:.2f}",
            "-" if base is None else f"{self.instructions / base - 1:+.1%}",
            f"{self.fast.text_bytes:,}",
            f"{self.small.text_bytes:,}",
        ]


def main() -> int:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description="Instructions and code of every model on every core.")
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--cores", default=",".join(CORES), help="names with commas, or all (default: %(default)s)")
    parser.add_argument("--cmsis-nn", type=Path, metavar="DIR", help="a copy of Arm's library (default: $CMSIS_NN_DIR)")
    parser.add_argument("--models", metavar="NAMES", help="only these, with commas")
    options = parser.parse_args()
    models = [path for path in sorted(options.folder.glob("*.tflite")) if _wanted(path, options.models)]
    if not models:
        print(f"No .tflite files to measure in {options.folder}: name a folder that holds some.", file=sys.stderr)
        return 2
    library = options.cmsis_nn or (Path(os.environ["CMSIS_NN_DIR"]) if os.environ.get("CMSIS_NN_DIR") else None)
    cores = ALL_CORES if options.cores == "all" else tuple(options.cores.split(","))
    print(_line("model", "core", HEADS, "others, M"))
    for path in models:
        try:
            for line in _lines(path, cores, library):
                print(line, flush=True)
        except TinycError as error:
            print(f"{path.stem}: {error}", file=sys.stderr)
            return error.exit_code
    return 0


def _wanted(path: Path, names: str | None) -> bool:
    return names is None or path.stem in names.split(",")


def _lines(path: Path, cores: Sequence[str], library: Path | None) -> Iterator[str]:
    base: int | None = None
    for core in sorted(cores, key=lambda name: name != BASE):
        row = _measure(path, core, library)
        base = row.instructions if core == BASE else base
        others = PEERS.get(core, {}).get(row.model, "")
        yield _line(row.model, core, row.cells(base), others)


def _measure(path: Path, core: str, library: Path | None) -> Row:
    macs, fast = _run(path, core, library)
    _, small = _run(path, core, library, optimize="-Os")
    alone = None if library is None else _run(path, core, library, kernels="cmsis-nn")[1]
    return Row(path.stem, core, macs, fast, small, alone)


def _run(
    path: Path, core: str, library: Path | None, *, optimize: str = "-O3", kernels: str = "auto"
) -> tuple[int, RunResult]:
    """Multiply-accumulates of the network, and one inference on the emulated core."""
    compiled = tinyc.compile(path, core, kernels=kernels)
    samples = make_samples(compiled, 1)
    return compiled.graph.macs, execute(compiled, samples, on="emulator", cmsis_nn=library, optimize=optimize)


def _instructions(result: RunResult) -> int:
    assert result.instructions is not None
    return result.instructions


def _line(model: str, core: str, cells: Sequence[str], others: str) -> str:
    return f"{model:<24}{core:<14}" + "".join(f"{cell:>13}" for cell in cells) + f"  {others}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
