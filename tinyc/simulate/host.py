"""Builds a generated project with the host's compiler and runs it natively, with sanitizers unless told
otherwise.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tinyc.simulate.results import ProgramFailed, Report, RunResult, Sample, operator_outputs
from tinyc.simulate.toolchain import Compiler, run, tool
from tinyc.simulate.workspace import Hooks, Workspace

if TYPE_CHECKING:
    from tinyc.codegen.project import CProject

SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g")
# Arm's own sources are checked for what they touch, not for how they compute
SANITIZE_ARM = ("-fsanitize=address", "-fno-omit-frame-pointer", "-g")
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
HARNESS_SOURCES = ("main", "hook", "platform_host")


def run_host(
    project: CProject,
    samples: Sequence[Sample],
    *,
    sanitize: bool = True,
    cc: str = "gcc",
    cmsis_nn: Path | None = None,
    optimize: str = "-O1",
    dump_operators: bool = False,
    timeout: float = 600.0,
) -> RunResult:
    """Compile `project` with `cc` and run it on every sample (one `bytes` per input).

    With `sanitize`, undefined behaviour and every access outside the arena or a constant end the run.
    `cmsis_nn` is a copy of Arm's library to use in place of the stand-in. Raises ToolchainError where the
    compiler is missing or refuses the code, ProgramFailed where the program misbehaves or takes longer than
    `timeout` seconds.
    """
    compiler = Compiler(cc, (optimize, *(SANITIZE if sanitize else ())))
    library_compiler = Compiler(cc, (optimize, *SANITIZE_ARM)) if sanitize and cmsis_nn else compiler
    with tempfile.TemporaryDirectory(prefix="tinyc-") as folder:
        space = Workspace.create(Path(folder), project, samples)
        program, warnings = _build(space, compiler, library_compiler, cmsis_nn, Hooks(dump=dump_operators))
        report, ending = space.execute([str(program)], os.environ | SANITIZER_OPTIONS, timeout)
    if not report.done:
        raise ProgramFailed(_what_happened(project, report, ending))
    return RunResult(
        outputs=tuple(tuple(sample.outputs) for sample in report.samples),
        operator_outputs=operator_outputs(project, report) if dump_operators else None,
        warnings=warnings,
    )


def _build(
    space: Workspace, compiler: Compiler, library_compiler: Compiler, cmsis_nn: Path | None, hooks: Hooks
) -> tuple[Path, str]:
    """The program, and the compiler's warnings about the generated code."""
    kernels, includes = space.kernels(library_compiler, cmsis_nn)
    build = space.folder / "build"
    warnings = space.compile(compiler, includes, hooks, build, _guarded_sections(compiler))
    space.compile_harness(compiler, HARNESS_SOURCES, hooks.flags, build)
    objects = sorted(str(path) for path in build.glob("*.o"))
    run([tool(compiler.name), *compiler.flags, *objects, str(kernels), "-lm", "-o", "program"], build)
    return build / "program", warnings


def _guarded_sections(compiler: Compiler) -> tuple[str, ...]:
    """gcc's sanitizer guards variables in sections of their own where it is told to; clang's always does."""
    is_gcc = "gcc" in Path(compiler.name).name and set(SANITIZE) <= set(compiler.flags)
    return ("-fsanitize-sections=.*",) if is_gcc else ()


def _what_happened(project: CProject, report: Report, ending: str) -> str:
    if report.failure is not None:
        return report.failure.sentence(project)
    moment = f"in sample {len(report.samples)}" if report.samples else "before the first sample"
    if "Sanitizer" in ending or "runtime error:" in ending:
        return f"A sanitizer stopped {project.name} {moment}:\n{ending}"
    return f"{project.name} crashed {moment}. {ending}"
