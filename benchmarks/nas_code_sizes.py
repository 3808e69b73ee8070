"""Measures code for tinyc.nas: python -m benchmarks.nas_code_sizes [--cmsis-nn DIR] [--core C ...] [--fit]

For every core, every function that generated code calls is linked alone, unused sections removed, and the sections that
remain are noted with their sizes. `tinyc.nas` adds up the union over the functions that a network calls. Structs are
measured, and what generated functions need is fitted to linked networks of all spaces. Results go to
tinyc/nas/code_sizes.json, merged with what is there: `stand-in` is the portable CMSIS-NN that tinyc ships, `cmsis-nn`
Arm's own sources, measured where --cmsis-nn names a copy. Flags are those of `tinyc profile`.
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
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import tinyc
from benchmarks.kernel_costs import non_negative
from tinyc import kernels, targets
from tinyc.codegen.emit import Network, emit_calls
from tinyc.codegen.header import header
from tinyc.codegen.source import source
from tinyc.codegen.text import C_TYPES
from tinyc.compiler import InputMode, Objective, Options, compile_graph
from tinyc.ir.graph import Graph
from tinyc.nas.code_size import COUNTS, Part, parts
from tinyc.nas.network import with_weights
from tinyc.nas.spaces import CnnSpace, DsCnnSpace, Space, VitSpace
from tinyc.simulate.emulator import GCC, section_sizes
from tinyc.simulate.sizes import code_parts
from tinyc.simulate.toolchain import JOBS, SECTIONS, Compiler, library, run, tool
from tinyc.simulate.workspace import CMSIS_NN_FLAGS, PROJECT_FLAGS, find_cmsis_nn

ROOT = Path(tinyc.__file__).resolve().parent
KERNELS = Path(kernels.__file__).resolve().parent
RUNTIME = ROOT / "codegen" / "runtime"
STANDIN = KERNELS / "cmsis_nn" / "standin"
RESULT = ROOT / "nas" / "code_sizes.json"
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "cortex-m85")
OBJECTIVES: tuple[Objective, ...] = ("speed", "sram")
MODES: tuple[InputMode, ...] = ("stored", "stream")
WIDTHS = (0.2, 0.3, 0.4)
SPACES: tuple[Space[Any], ...] = (  # small networks: code does not grow with images and channels
    CnnSpace(resolutions=(48, 96, 144), widths=WIDTHS), DsCnnSpace(), VitSpace(resolution=96, depths=(1, 2, 3)),
    CnnSpace(resolutions=(48, 96, 144), widths=WIDTHS, onnx=True),
)
NETWORKS = 64  # linked per core to fit the generated code
# " .text.name  0xaddress  0xsize  archive(001_object.o)", the name on a line of its own where it is long
_SECTION = re.compile(
    r"^ (\.(?:text|rodata)\S*)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) \S*?(?:\d{3}_)?([^/(\s]+)\.o\)?$", re.MULTILINE
)
FROM_C = ("memcpy", "memmove", "memset")  # the C library's, that generated code may call itself


def main() -> int:
    """Measure and write; prints a line per core."""
    parser = argparse.ArgumentParser(description="Measures the code of kernels.")
    parser.add_argument("--cmsis-nn", type=Path, metavar="DIR", help="also measure this copy of Arm's library")
    parser.add_argument("--core", nargs="*", default=CORES, metavar="C", help="cores to measure (default: all)")
    parser.add_argument("--fit", action="store_true", help="fit what generated functions need again, and nothing else")
    options = parser.parse_args()
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {"cores": {}}
    for core in () if options.fit else options.core:
        for name, copy in (("stand-in", None), ("cmsis-nn", options.cmsis_nn)):
            if name == "cmsis-nn" and copy is None:
                continue
            found["cores"].setdefault(core, {})[name] = _core(core, copy)
            print(f"{core} {name}: {len(found['cores'][core][name]['calls'])} functions", flush=True)
    generated = {core: rates for core, rates in found.get("generated", {}).items() if core in CORES}
    found["structs"] = _structs()
    RESULT.write_text(_json(found), encoding="utf-8")
    for core in options.core:
        generated[core] = _fitted(core)
        print(f"{core}: {dict(zip(COUNTS, generated[core], strict=True))}", flush=True)
    RESULT.write_text(_json(found | {"generated": generated}), encoding="utf-8")
    return 0


def _core(core: str, cmsis_nn: Path | None) -> dict[str, object]:
    """{"calls": function → numbers of symbols, "symbols": [file:section, bytes] pairs} of one core."""
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
    """Sections of code and constants, with their bytes, of a program that is this function alone."""
    with tempfile.TemporaryDirectory() as folder:
        roots = (f"-Wl,-e,{function}", f"-Wl,-u,{function}")
        link_map = _link(cross, (), archives, roots, Path(folder)).partition("Linker script and memory map")[2]
    found = ((f"{file}:{name}", int(size, 16)) for name, size, file in _SECTION.findall(link_map))
    return {(name, _filled(size)) for name, size in found if size}


def _link(
    cross: Compiler, objects: Sequence[str], archives: Sequence[Path], roots: Sequence[str], folder: Path
) -> str:
    """The linker's map of program.elf in the folder: objects, and of archives what they reach from the roots."""
    flags = (*cross.flags, "-nostartfiles", "-Wl,--gc-sections,-Map=program.map", *roots)
    run([tool(GCC), *flags, *objects, *map(str, archives), "-lm", "-o", "program.elf"], folder)
    return (folder / "program.map").read_text()


def _filled(bytes: int) -> int:
    """Up to whole words, to which functions and arrays are aligned."""
    return -(-bytes // 4) * 4


# ---------------------------------------------------------------------- structs
def _structs() -> dict[str, int]:
    """Bytes of every struct that a header of kernels, of CMSIS-NN or of the runtime declares; cores agree on them."""
    headers = sorted((*KERNELS.rglob("*.h"), *RUNTIME.glob("*.h")))
    return {name: size for path in headers for name, size in _structs_of(path).items()}


def _structs_of(path: Path) -> dict[str, int]:
    names = re.findall(r"^\} (\w+);", path.read_text(encoding="utf-8"), re.MULTILINE)
    text = "".join([f'#include "{path.name}"\n', *(f"char size_of_{name}[sizeof({name})];\n" for name in names)])
    cross = Compiler(GCC, targets.load("cortex-m4").emulator.cpu_flags)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sizes.c").write_text(text, encoding="utf-8")
        cross.compile(Path("sizes.c"), Path("sizes.o"), _include(_header_folders()), Path(folder))
        listing = _symbols("-S", f"{folder}/sizes.o")
    found = re.findall(r"^[0-9a-f]+ ([0-9a-f]+) \w size_of_(\w+)$", listing, re.MULTILINE)
    return {name: int(size, 16) for size, name in found}


def _header_folders() -> list[Path]:
    return sorted({p.parent for p in (*KERNELS.rglob("*.h"), *RUNTIME.glob("*.h"))})


# ---------------------------------------------------------------------- generated code
@dataclass(frozen=True)
class Linked:
    """Bytes in flash of a linked program, without a harness: of the generated functions and structs, of kernels and
    the C library, and of the network's arrays with the gaps after them."""

    generated: int
    kernels: int
    arrays: int

    @property
    def total(self) -> int:
        return self.generated + self.kernels + self.arrays


def link(network: Network, cmsis_nn: Path | None = None) -> Linked:
    """Compile and link a network as `tinyc profile` does; its arrays hold zeros, whose number alone matters."""
    cross, archives = _toolbox(network.target.core, cmsis_nn)
    folders = _header_folders()
    arrays = [f"const {C_TYPES[a.dtype]} {name}[{a.size}] = {{0}};" for name, a in network.pool.arrays.items()]
    name, text = network.prefix, source(network)
    weights = [f"extern {line.removesuffix(' = {0};')};" for line in arrays]
    files = {
        f"{name}.h": header(network), f"{name}.c": text,
        f"{name}_weights.h": "\n".join(["#include <stdint.h>", *weights, ""]),
        f"{name}_weights.c": "\n".join([f'#include "{name}_weights.h"', *arrays, "typedef int at_least_this;", ""]),
    }
    roots = dict.fromkeys(re.findall(rf"^\w[\w ]* \*?({name}_\w+)\(", text, re.MULTILINE))
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            (Path(folder) / path).write_text(content, encoding="utf-8")
        objects = [f"project_{number:03}.o" for number in range(2)]
        for made, path in zip(objects, (f"{name}.c", f"{name}_weights.c"), strict=True):
            cross.compile(Path(path), Path(made), (*PROJECT_FLAGS, *SECTIONS, *_include(folders)), Path(folder))
        keep = (f"-Wl,-e,{name}_invoke", *(f"-Wl,-u,{root}" for root in roots))
        sources = code_parts(_link(cross, objects, archives, keep, Path(folder)), (f"{name}.c", f"{name}_weights.c"))
        total = sum(section_sizes(Path(folder) / "program.elf")[:2])
    generated = next(part.text_bytes + part.rodata_bytes for part in sources if part.source == f"{name}.c")
    own = sum(_filled(array.nbytes) for array in network.pool.arrays.values())
    return Linked(generated, total - generated - own, own)


@cache
def _toolbox(core: str, cmsis_nn: Path | None) -> tuple[Compiler, list[Path]]:
    cross = Compiler(GCC, (*targets.load(core).emulator.cpu_flags, "-O3"))
    return cross, _archives(cross, cmsis_nn)


def planned(network: Graph, core: str, objective: Objective, mode: InputMode) -> Network:
    """The C of a network with random weights."""
    options = Options(objective=objective, input_mode=mode)
    compiled = compile_graph(with_weights(network), core, options)
    return emit_calls(compiled.program, compiled.plan, compiled.target, name="network")


def _fitted(core: str) -> list[float]:
    """Least squares over linked networks of all spaces: bytes per count of tinyc.nas.code_size."""
    rng, counts, sizes = Random(1), [], []
    ways = [(objective, mode) for objective in OBJECTIVES for mode in MODES]
    for number in range(NETWORKS):
        space, (objective, mode) = SPACES[number % len(SPACES)], ways[number // len(SPACES) % len(ways)]
        network = planned(space.graph(space.sample(rng)), core, objective, mode)
        part = Part.total(parts(network))
        gaps = sum(-a.nbytes % 4 for a in network.pool.arrays.values())
        counts.append(part.counts)
        sizes.append(link(network).generated - (part.constants - gaps))
    table, used = np.array(counts, float), np.any(counts, axis=0)
    rates = np.zeros(len(COUNTS))
    rates[used] = non_negative(table[:, used], np.array(sizes, float))
    return [round(float(x), 2) for x in rates]


def _json(found: dict[str, Any]) -> str:
    """One line per symbol table, per function."""
    text = json.dumps(found, separators=(",", ":"), sort_keys=True)
    return text.replace('},"', '},\n"').replace('],"', '],\n"') + "\n"


if __name__ == "__main__":
    sys.exit(main())
