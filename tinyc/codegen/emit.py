"""Program + Plan → C project: the one place that decides what files a generated project has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tinyc.codegen.board_profile import COUNTER, profile_files
from tinyc.codegen.build_files import cmake, readme
from tinyc.codegen.header import accessor, header
from tinyc.codegen.places import Places, place_constants
from tinyc.codegen.project import CProject, PlacedConstants, Port
from tinyc.codegen.source import operators_source, source
from tinyc.codegen.text import C_TYPES as _C
from tinyc.codegen.text import array, identifier
from tinyc.codegen.writer import CallWriter, ConstantPool
from tinyc.program.lifetimes import ARENA_ALIGN
from tinyc.program.plan import Plan
from tinyc.program.program import Call, Loop, Program, Segment, Statement

if TYPE_CHECKING:
    from tinyc.targets import Target

RUNTIME = Path(__file__).parent / "runtime"


@dataclass(frozen=True)
class Network:
    """All that the parts of the emitter need to know."""

    prefix: str
    program: Program
    plan: Plan
    target: Target
    writers: tuple[CallWriter, ...]
    pool: ConstantPool
    places: Places
    constants: PlacedConstants | None = None

    @property
    def operators(self) -> tuple[str, ...]:
        """Names of the operators, in order of execution."""
        return tuple({w.number: w.call.node for w in self.writers}.values())

    @property
    def macro(self) -> str:
        return self.prefix.upper()


def emit_project(
    program: Program, plan: Plan, target: Target, *, name: str, profile: bool = False, weights_in: str | None = None
) -> CProject:
    """The C project of a planned program; `name` becomes the prefix of everything that the linker sees.

    With `profile`, it has what counts the cycles of every operator on the board (see `board_profile`). `weights_in`
    places constants (see `place_constants`).
    """
    network = emit_calls(program, plan, target, name=name, weights_in=weights_in)
    prefix, pool = network.prefix, network.pool
    kernel_files = _kernel_files(network)
    files = {
        f"{prefix}.h": header(network),
        f"{prefix}.c": source(network),
        f"{prefix}_operators.c": operators_source(network),
        **{name: _read(RUNTIME / name) for name in _runtime(program)},
        **_weights(network),
        **kernel_files,
    }
    sources = tuple(path for path in files if path.endswith(".c"))
    standin = _standin_files() if uses_cmsis(network) else {}
    standin_sources = tuple(path for path in standin if path.endswith(".c"))
    files |= standin
    if profile:
        files |= {COUNTER: _read(RUNTIME / COUNTER), **profile_files(network)}
    ports = [
        tuple(Port(p.name, accessor(network, kind, i), p.type.bytes) for i, p in enumerate(group))
        for kind, group in (("input", program.inputs), ("output", program.outputs))
    ]
    if program.pushed:
        image = program.inputs[0]
        ports[0] = (Port(image.name, f"{prefix}_push_rows", image.type.bytes, program.pushed.rows),)
    project = CProject(
        prefix, files, sources, (".", "kernels") if kernel_files else (".",), standin_sources,
        ("cmsis_nn_standin/Include",) if standin else (), ports[0], ports[1], plan.arena_bytes, ARENA_ALIGN,
        network.operators, pool.weights_bytes, pool.tables_bytes, network.places.regions, network.constants,
    )
    files["CMakeLists.txt"] = cmake(project, profile=profile)
    files["README.md"] = readme(project, network)
    return project


def emit_calls(
    program: Program, plan: Plan, target: Target, *, name: str, weights_in: str | None = None
) -> Network:
    """The C of every kernel call and the constants that they read: what a project says, before it is written."""
    prefix = identifier(name)
    pool, places = ConstantPool(prefix), Places(prefix, plan, target)
    writers = tuple(_writers(program, places, target, pool))
    for writer in writers:
        writer.call.kernel.emit(writer.call.site, target, writer)
    runs = ((times, writer) for (times, _), writer in zip(program.runs(), writers, strict=True))
    constants = place_constants(weights_in, target, prefix, pool, runs)
    return Network(prefix, program, plan, target, writers, pool, places, constants)


def _runtime(program: Program) -> tuple[str, ...]:
    streams = any(isinstance(statement, Segment) for statement in program.body)
    return ("tinyc.h", "tinyc_stream.h", "tinyc_stream.c") if streams else ("tinyc.h",)


def _writers(program: Program, places: Places, target: Target, pool: ConstantPool) -> Iterator[CallWriter]:
    """One writer for every C function, in order; an operator's number is shared by its variants in a segment."""
    numbers = count()

    def walk(statement: Statement, variables: tuple[str, ...]) -> Iterator[CallWriter]:
        if isinstance(statement, Call):
            yield CallWriter(statement, next(numbers), places, pool, target, variables=variables)
        elif isinstance(statement, Loop):
            for inner in statement.body:
                yield from walk(inner, (*variables, statement.variable))
        else:
            for operator in statement.operators:
                number = next(numbers)
                for first, call in operator.variants:
                    yield CallWriter(call, number, places, pool, target, first_row=first)

    for statement in program.body:
        yield from walk(statement, ())


def _section_macro(placed: PlacedConstants) -> str:
    """The default of the macro that names the section for constants."""
    return f'#ifndef {placed.section_macro}\n#define {placed.section_macro} "{placed.section}"\n#endif\n\n'


def _weights(network: Network) -> dict[str, str]:
    prefix, arrays = network.prefix, network.pool.arrays
    guard = f"{network.macro}_WEIGHTS_H"
    placed = network.constants
    attribute = f"__attribute__((section({placed.section_macro})))" if placed else ""
    apart = placed.symbols if placed else frozenset()
    definitions = "\n".join(array(name, a, attribute if name in apart else "") for name, a in arrays.items())
    declarations = [f"extern const {_C[a.dtype]} {name}[{a.size}];" for name, a in arrays.items()]
    head = f"/* Constants of {prefix}, read where they lie: flash or any other readable memory. */\n"
    return {
        f"{prefix}_weights.h": f"{head}#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n"
        + "\n".join(declarations) + "\n\n#endif\n",
        f"{prefix}_weights.c": f'{head}#include "{prefix}_weights.h"\n\n'
        + (_section_macro(placed) if placed else "") + (definitions or "typedef int no_constants;\n"),
    }


def _kernel_files(network: Network) -> dict[str, str]:
    """Sources and headers that the used kernels bring, flat in one folder."""
    found: dict[str, str] = {}
    for writer in network.writers:
        kernel = writer.call.kernel
        for name in (*kernel.headers, *kernel.sources):
            found[f"kernels/{Path(name).name}"] = _read(kernel.folder / name)
    return dict(sorted(found.items()))


def uses_cmsis(network: Network) -> bool:
    """Whether any operator calls Arm's library."""
    return any(w.call.kernel.provider == "cmsis-nn" for w in network.writers)


def _standin_files() -> dict[str, str]:
    import tinyc.kernels.cmsis_nn as provider

    folder = Path(provider.__file__).parent / "standin"
    paths = sorted(p for p in folder.rglob("*.[ch]"))
    return {f"cmsis_nn_standin/{p.relative_to(folder).as_posix()}": _read(p) for p in paths}


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
