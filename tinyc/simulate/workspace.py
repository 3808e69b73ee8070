"""A folder in which one generated project is built with the harness and run."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinyc.errors import UsageError
from tinyc.simulate.results import ProgramFailed, Report, Sample, pack_samples, read_report
from tinyc.simulate.toolchain import SECTIONS, Compiler, library

if TYPE_CHECKING:
    from tinyc.codegen.project import CProject, Port

HARNESS = Path(__file__).parent / "harness"
PROJECT_FLAGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra")
# Arm's sources use GNU keywords, and their warnings are not ours
CMSIS_NN_FLAGS = ("-std=gnu11", "-w")
# newer copies have them; they need a compiler and a core with half-precision floats, and int8 networks call
# none
FLOAT_KERNEL = re.compile(r"_f(16|32)(_|$)")
HOOK = "-DTINYC_OPERATOR_HOOK=harness_hook"


@dataclass(frozen=True)
class Hooks:
    """What the harness does around every operator; with neither, the project is compiled without its hook."""

    profile: bool = False
    dump: bool = False
    trace: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """Macros for the project and the harness."""
        wanted = (
            ("-DHARNESS_PROFILE", self.profile),
            ("-DHARNESS_DUMP", self.dump),
            ("-DHARNESS_TRACE", self.trace),
        )
        chosen = tuple(flag for flag, on in wanted if on)
        return (HOOK, *chosen) if chosen else ()


@dataclass(frozen=True)
class Workspace:
    """`folder` holds project/ (the generated files), harness_config.h, and one folder for each build."""

    folder: Path
    project: CProject

    @classmethod
    def create(cls, folder: Path, project: CProject, samples: Sequence[Sample]) -> Workspace:
        """Write everything a build needs, and the samples."""
        for name, text in project.files.items():
            path = folder / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (folder / "harness_config.h").write_text(harness_config(project), encoding="utf-8")
        (folder / "samples.bin").write_bytes(pack_samples(project, samples))
        return cls(folder, project)

    def paths(self, names: Sequence[str]) -> list[Path]:
        """Files or folders of the project."""
        return [self.folder / "project" / name for name in names]

    def kernels(self, compiler: Compiler, cmsis_nn: Path | None) -> tuple[Path, list[Path]]:
        """The compiled CMSIS-NN provider (Arm's, or the stand-in) and its include folders."""
        if cmsis_nn is None:
            includes = self.paths(self.project.standin_include_dirs)
            sources = self.paths(self.project.standin_sources)
            return library(compiler, sources, includes, PROJECT_FLAGS), includes
        sources, includes = find_cmsis_nn(cmsis_nn)
        return library(compiler, sources, includes, CMSIS_NN_FLAGS), includes

    def compile(
        self, compiler: Compiler, includes: Sequence[Path], hooks: Hooks, build: Path, more: Sequence[str] = ()
    ) -> str:
        """Compile the generated sources into project_*.o in `build`, with `more` flags; the compiler's warnings."""
        build.mkdir()
        folders = [*self.paths(self.project.include_dirs), *includes]
        flags = (*PROJECT_FLAGS, *SECTIONS, *hooks.flags, *more, *(f"-I{folder}" for folder in folders))
        pairs = [
            (Path(source), build / f"project_{number:03}.o")
            for number, source in enumerate(self.project.sources)
        ]
        said = compiler.compile_all(pairs, flags, self.folder / "project")
        return said.replace(f"{self.folder / 'project'}/", "")

    def compile_harness(
        self, compiler: Compiler, names: Sequence[str], flags: Sequence[str], build: Path
    ) -> None:
        """Compile harness sources into harness_*.o in `build`."""
        folders = [self.folder, HARNESS, *self.paths(self.project.include_dirs)]
        given = ("-std=gnu11", "-Wall", "-Wextra", *flags, *(f"-I{folder}" for folder in folders))
        pairs = [(HARNESS / f"{name}.c", build / f"harness_{name}.o") for name in names]
        compiler.compile_all(pairs, given, self.folder)

    def execute(
        self, command: Sequence[str], environment: dict[str, str], timeout: float, inherit: Sequence[int] = ()
    ) -> tuple[Report, str]:
        """Run the built program; its report, and how it ended where that was not at its end ("" otherwise).

        It inherits the open files `inherit`. Raises ProgramFailed after `timeout` seconds.
        """
        results = self.folder / "results.bin"
        results.unlink(missing_ok=True)
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                timeout=timeout,
                pass_fds=inherit,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired as error:
            raise ProgramFailed(
                f"{self.project.name} was still running after {timeout:g} seconds and was stopped. "
                "Allow more time, or give fewer samples."
            ) from error
        report = read_report(results.read_bytes() if results.exists() else b"")
        return report, "" if report.done else f"{_ending(done.returncode)}\n{done.stderr.strip()}"


def harness_config(project: CProject) -> str:
    """The header through which the harness knows the network."""
    name, upper = project.name, project.name.upper()
    lines = [
        f'#include "{name}.h"',
        f"#define HARNESS_INIT {name}_init",
        f"#define HARNESS_INVOKE {name}_invoke",
        f"#define HARNESS_ARENA_BYTES {upper}_ARENA_BYTES",
        f"#define HARNESS_ARENA_ALIGN {upper}_ARENA_ALIGN",
        f"#define HARNESS_PLANNED_BYTES {project.arena_bytes}u",
        *_input_config(project),
        *_region_config(project),
        f"#define HARNESS_OUTPUTS(PORT) {_ports(project.outputs)}",
        f"#define HARNESS_OPERATOR_COUNT {max(1, len(project.operators))}",
        "#define HARNESS_OPERATORS (HARNESS_OPERATOR_COUNT + 0u)",
        f"#define HARNESS_OPERATOR_TABLE {name}_operators",
    ]
    return "\n".join(lines) + "\n"


def _input_config(project: CProject) -> list[str]:
    """How the harness delivers a sample: into the arena, or pushed row by row."""
    streamed = [port for port in project.inputs if port.rows]
    if not streamed:
        return [f"#define HARNESS_INPUTS(PORT) {_ports(project.inputs)}"]
    (port,) = streamed
    assert port.rows
    return [
        f"#define HARNESS_PUSH {port.function}",
        f"#define HARNESS_ROWS {port.rows}u",
        f"#define HARNESS_ROW_BYTES {port.bytes // port.rows}u",
    ]


def _region_config(project: CProject) -> list[str]:
    """The memories besides the arena, and the sections that sort around theirs."""
    listed = " ".join(
        f'REGION({number}, {region.symbol}, {region.bytes}u, "{region_section(project, number)}")'
        for number, region in enumerate(project.regions)
    )
    return [f"#define HARNESS_REGIONS(REGION) {listed}"] if listed else []


def region_section(project: CProject, number: int) -> str:
    """The beginning of the names of the sections for one memory and its canaries (see sections.ld)."""
    return f".{'fast_' if project.regions[number].fast else ''}region.{number:02}"


def section_flags(project: CProject) -> list[str]:
    """Macros that put the network's memories and placed constants where the harness's linker scripts expect them."""
    flags = [
        f'-D{region.section_macro}="{region_section(project, number)}.b"'
        for number, region in enumerate(project.regions)
    ]
    return [*flags, f'-D{project.constants.section_macro}=".rodata.placed"'] if project.constants else flags


def _ports(ports: Sequence[Port]) -> str:
    return " ".join(f"PORT({port.function}, {port.bytes}u)" for port in ports)


def find_cmsis_nn(folder: Path) -> tuple[list[Path], list[Path]]:
    """Sources and include folders of a copy of Arm's library. Raises UsageError where `folder` isn't one."""
    folder = folder.resolve()
    if not (folder / "Include" / "arm_nnfunctions.h").is_file() or not (folder / "Source").is_dir():
        raise UsageError(
            f"{folder} isn't a copy of CMSIS-NN: it lacks Include/arm_nnfunctions.h or Source. "
            "Give the folder that holds both, the root of Arm's repository."
        )
    sources = sorted((folder / "Source").rglob("*.c"))
    return [source for source in sources if not FLOAT_KERNEL.search(source.stem)], [folder / "Include"]


def _ending(code: int) -> str:
    if code >= 0:
        return f"It ended with exit status {code}."
    return f"It was ended by signal {-code} ({signal.Signals(-code).name})."
