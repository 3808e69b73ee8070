"""Measures the code of kernels for tinyc.nas: python benchmarks/nas_code_sizes.py [--cmsis-nn DIR] [--core C ...]

For every core, every function that generated code calls is linked alone, unused sections removed, and the symbols that
remain are noted with their sizes. `tinyc.nas` adds up the union over the functions that a network calls. What generated
code and its structs need beside that is fitted to linked networks. Results go to tinyc/nas/code_sizes.json, merged with
what is there: `stand-in` is the portable CMSIS-NN that tinyc ships, `cmsis-nn` Arm's own sources, measured where
--cmsis-nn names a copy. Flags are those of `tinyc profile`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import tinyc
from tinyc import kernels, targets
from tinyc.codegen.emit import emit_calls
from tinyc.codegen.source import source
from tinyc.compiler import Compiled, InputMode, Objective, Options, compile_graph
from tinyc.nas.code_size import CALL, rodata_counts, text_counts
from tinyc.nas.network import with_weights
from tinyc.nas.spaces import CnnSpace, DsCnnSpace
from tinyc.simulate.emulator import GCC, run_emulated
from tinyc.simulate.toolchain import JOBS, Compiler, library, run, tool
from tinyc.simulate.workspace import CMSIS_NN_FLAGS, PROJECT_FLAGS, find_cmsis_nn

ROOT = Path(tinyc.__file__).resolve().parent
KERNELS = Path(kernels.__file__).resolve().parent
RUNTIME = ROOT / "codegen" / "runtime"
STANDIN = KERNELS / "cmsis_nn" / "standin"
RESULT = ROOT / "nas" / "code_sizes.json"
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "cortex-m85")
OBJECTIVES: tuple[Objective, ...] = ("speed", "sram")
MODES: tuple[InputMode, ...] = ("stored", "stream")
FITTED = ("cortex-m0plus", "cortex-m4", "cortex-m55")  # one of each instruction set
NETWORKS = 8  # linked per core to fit the generated code
FROM_C = ("memcpy", "memmove", "memset")  # the C library's, that generated code may call itself


def main() -> int:
    """Measure and write; prints a line per core."""
    parser = argparse.ArgumentParser(description="Measures the code of kernels.")
    parser.add_argument("--cmsis-nn", type=Path, metavar="DIR", help="also measure this copy of Arm's library")
    parser.add_argument("--core", nargs="*", default=CORES, metavar="C", help="cores to measure (default: all)")
    options = parser.parse_args()
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {"cores": {}}
    for core in options.core:
        for name, copy in (("stand-in", None), ("cmsis-nn", options.cmsis_nn)):
            if name == "cmsis-nn" and copy is None:
                continue
            found["cores"].setdefault(core, {})[name] = _core(core, copy)
            print(f"{core} {name}: {len(found['cores'][core][name]['calls'])} functions", flush=True)
    print("fitting the generated code", flush=True)
    RESULT.write_text(_json(found | {"generated": _fitted(found["cores"])}), encoding="utf-8")
    return 0


def _core(core: str, cmsis_nn: Path | None) -> dict[str, object]:
    """{"calls": function → numbers of symbols, "symbols": [name, bytes] pairs} of one core."""
    emulator = targets.load(core).emulator
    cross = Compiler(GCC, (*emulator.cpu_flags, "-O3"))
    archives = _archives(cross, cmsis_nn)
    functions = [*FROM_C, *sorted(f for a in archives for f in _functions(a) if _is_called(f))]
    with ThreadPoolExecutor(JOBS) as pool:
        linked = list(pool.map(lambda f: _linked(cross, archives, f), functions))
    symbols = sorted({s for found in linked for s in found})
    number = {symbol: i for i, symbol in enumerate(symbols)}
    calls = {f: sorted(number[s] for s in found) for f, found in zip(functions, linked, strict=True)}
    return {"calls": calls, "symbols": symbols}


def _archives(cross: Compiler, cmsis_nn: Path | None) -> list[Path]:
    """Our kernels with the runtime, and the provider of CMSIS-NN."""
    own = sorted(p for p in KERNELS.rglob("*.c") if STANDIN not in p.parents)
    headers = sorted({p.parent for p in (*KERNELS.rglob("*.h"), *RUNTIME.glob("*.h")) if STANDIN not in p.parents})
    standin = [*STANDIN.rglob("*.c")], [STANDIN / "Include"]
    sources, includes = standin if cmsis_nn is None else find_cmsis_nn(cmsis_nn)
    flags = PROJECT_FLAGS if cmsis_nn is None else CMSIS_NN_FLAGS
    return [
        library(cross, [*own, *sorted(RUNTIME.glob("*.c"))], headers, (*PROJECT_FLAGS, *_include(headers))),
        library(cross, sorted(sources), includes, (*flags, *_include(includes))),
    ]


def _include(folders: Sequence[Path]) -> list[str]:
    return [f"-I{folder}" for folder in folders]


def _functions(archive: Path) -> list[str]:
    return re.findall(r"^[0-9a-f]+ T (\w+)$", _symbols(str(archive)), re.MULTILINE)


def _symbols(*arguments: str) -> str:
    return subprocess.run([tool("arm-none-eabi-nm"), *arguments], capture_output=True, text=True, check=True).stdout


def _is_called(function: str) -> bool:
    """Whether some declaration of a kernel, or generated code for segments, names the function."""
    return re.search(rf"\b{function}\b", _declarations()) is not None


def called_functions() -> list[str]:
    """Functions that the headers of kernels declare and their declarations in Python name."""
    headers = [p.read_text(encoding="utf-8") for p in KERNELS.rglob("tinyc_*.h")]
    declared = {f for text in headers for f in re.findall(r"^(?:void|tinyc_status) (tinyc_\w+)\(", text, re.MULTILINE)}
    return sorted(filter(_is_called, declared))


@cache
def _declarations() -> str:
    paths = [*KERNELS.rglob("*.py"), *(ROOT / "codegen").glob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _linked(cross: Compiler, archives: Sequence[Path], function: str) -> set[tuple[str, int]]:
    """Symbols in flash, with their bytes, of a program that is this function alone."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.elf"
        command = [
            tool(GCC), *cross.flags, "-nostartfiles", "-Wl,--gc-sections", f"-Wl,-e,{function}", f"-Wl,-u,{function}",
            *map(str, archives), "-lm", "-o", str(program),
        ]
        run(command, Path(folder))
        listing = _symbols("-S", str(program))
    found = re.findall(r"^[0-9a-f]+ ([0-9a-f]+) [tTwWrR] (\S+)$", listing, re.MULTILINE)
    return {(name, -(-int(size, 16) // 4) * 4) for size, name in found}


# ---------------------------------------------------------------------- generated code
def _fitted(measured: dict[str, Any]) -> dict[str, list[float]]:
    """Least squares over linked networks of both CNN spaces: bytes per count of tinyc.nas.code_size."""
    rng, text, rodata = Random(1), [], []
    for core in FITTED:
        for number in range(NETWORKS):
            space = (CnnSpace(resolutions=(48, 96, 144), widths=(0.2, 0.3, 0.4)), DsCnnSpace())[number % 2]
            options = Options(objective=OBJECTIVES[number // 2 % 2], input_mode=MODES[number // 4 % 2])
            compiled = compile_graph(with_weights(space.graph(space.sample(rng))), core, options)
            found = _generated(compiled, measured[core]["stand-in"])
            text.append(found[0])
            rodata.append(found[1])
    return {"text": _least_squares(text), "rodata": _least_squares(rodata)}


def _generated(compiled: Compiled, measured: dict[str, Any]) -> list[tuple[Sequence[int], int]]:
    """Counts and bytes, of code and of structs."""
    calls = emit_calls(compiled.program, compiled.plan, compiled.target, name="network")
    text, arrays = source(calls), calls.pool
    linked = {n for f in CALL.findall(text) for n in measured["calls"].get(f, ())}
    own = sum(measured["symbols"][n][1] for n in linked)
    code, constants = linked_sizes(compiled)
    known = arrays.weights_bytes + arrays.tables_bytes
    return [(text_counts(text), code - own), (rodata_counts(text, len(arrays.arrays)), constants - known)]


def _least_squares(rows: Sequence[tuple[Sequence[int], int]]) -> list[float]:
    counts, sizes = zip(*rows, strict=True)
    found, *_ = np.linalg.lstsq(np.array(counts, float), np.array(sizes, float), rcond=None)
    return [round(float(x), 3) for x in found]


def linked_sizes(compiled: Compiled, cmsis_nn: Path | None = None) -> tuple[int, int]:
    """.text and .rodata that a network adds to a linked program, in bytes (as `tinyc profile` tells them)."""
    project = compiled.project()
    samples = [tuple(bytes(port.bytes) for port in project.inputs)]
    result = run_emulated(project, samples, core=compiled.target.name, cmsis_nn=cmsis_nn)
    assert result.text_bytes is not None and result.rodata_bytes is not None
    return result.text_bytes, result.rodata_bytes


def _json(found: dict[str, Any]) -> str:
    """One line per symbol table, per function."""
    text = json.dumps(found, separators=(",", ":"), sort_keys=True)
    return text.replace('},"', '},\n"').replace('],"', '],\n"') + "\n"


if __name__ == "__main__":
    sys.exit(main())
