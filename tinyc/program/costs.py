"""What a call costs: how often it does each part of its work, times the instructions of one such part.

The instructions are data: `costs.toml` beside the declarations of a family, with a number for each kernel, part and
measured core. `python -m benchmarks.kernel_costs` measures and fits them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tinyc.targets import Target

FILE = "costs.toml"
MEASURED = {"none": "cortex-m3", "dsp": "cortex-m4", "mve": "cortex-m55"}  # what stands for all cores of a kind


def estimate(folder: Path, name: str, target: Target, work: Mapping[str, float]) -> float:
    """Executed instructions of kernel `name` for `work`. Raises LookupError where its file lacks a part of it."""
    rates = instructions(folder, name, target.core, target.simd)
    try:
        return sum([rates[part] * count for part, count in work.items()])
    except KeyError:
        missing = ", ".join(sorted(work.keys() - rates.keys()))
        raise LookupError(
            f"{folder.name}/{FILE} has no instructions of kernel {name} on {target.core} for {missing}: "
            "measure them with python -m benchmarks.kernel_costs --write"
        ) from None


@cache
def instructions(folder: Path, name: str, core: str, simd: str) -> Mapping[str, float]:
    """Instructions of each part of a kernel's work: on `core` if it was measured, else on the one of its kind."""
    parts = read(folder / FILE).get(name, {})
    used = core if any(core in cores for cores in parts.values()) else MEASURED[simd]
    return {part: cores[used] for part, cores in parts.items() if used in cores}


def read(path: Path) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """Kernel → part of its work → core → instructions; empty where there is no such file."""
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
