"""Builds a generated project with the Arm cross compiler and runs it under QEMU, counting executed
instructions.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tinyc import targets
from tinyc.errors import DoesNotFit, ToolchainError
from tinyc.simulate.machines import ICOUNT_SHIFT, Machine, machine
from tinyc.simulate.results import (
    FAULT,
    ProgramFailed,
    Report,
    RunResult,
    Sample,
    operator_outputs,
    pack_samples,
)
from tinyc.simulate.sizes import code_parts
from tinyc.simulate.toolchain import Compiler, run, tool
from tinyc.simulate.trace import Blocks, Classes, Listing, Marks, reading
from tinyc.simulate.workspace import HARNESS, Hooks, Workspace, section_flags

if TYPE_CHECKING:
    from tinyc.codegen.project import CProject

GCC = "arm-none-eabi-gcc"
HARNESS_SOURCES = ("main", "hook", "platform_emulated", "startup")
# the harness must not call memcpy and the like: what is linked from the C library is then the network's doing
HARNESS_FLAGS = (
    "-O2",
    "-ffreestanding",
    "-fno-tree-loop-distribute-patterns",
    "-masm-syntax-unified",
    "-ffunction-sections",
    "-DHARNESS_EMULATED",
)
# the listing knows Helium's instructions only where it is told the architecture
LISTING = {"mve": ("-marmv8.1-m.main",)}
REGIONS = {"CODE": "code", "WEIGHTS": "constants", "DATA": "static variables", "ARENA": "the arena"}


def run_emulated(
    project: CProject,
    samples: Sequence[Sample],
    *,
    core: str,
    cmsis_nn: Path | None = None,
    profile: bool = False,
    classes: bool = False,
    dump_operators: bool = False,
    optimize: str = "-O3",
    timeout: float = 600.0,
) -> RunResult:
    """Compile `project` for `core` (any target's name) and run it on the emulator on every sample.

    Instructions, stack and sizes come from a build without hooks. `profile` adds the instructions of each operator
    (first sample), `classes` what kinds of instructions these are, `dump_operators` each operator's output (every
    sample), all from a second build with hooks. Raises ToolchainError where compiler or emulator is missing or refuses
    the code, DoesNotFit where the emulated machine lacks the memory, ProgramFailed where the program misbehaves or
    takes longer than `timeout` seconds.
    """
    target = targets.load(core)
    emulator = target.emulator
    trap = ("-DHARNESS_TRAP_UNALIGNED",) if emulator.trap_unaligned else ()
    cross = Compiler(GCC, (*emulator.cpu_flags, optimize))
    with tempfile.TemporaryDirectory(prefix="tinyc-") as folder:
        space = Workspace.create(Path(folder), project, samples)
        kernels, includes = space.kernels(cross, cmsis_nn)
        board = machine(emulator.machine)
        bench = Bench(space, board, cross, kernels, tuple(includes), trap, LISTING.get(target.simd, ()), timeout)
        plain = bench.measure(emulator.note)
        hooks = Hooks(profile, dump_operators, classes)
        if not hooks.flags:
            return plain
        if not dump_operators:
            (space.folder / "samples.bin").write_bytes(pack_samples(project, samples[:1]))
        return bench.add_operators(plain, hooks)


@dataclass(frozen=True)
class Bench:
    """One project, one core: what stays the same between the build without and the build with hooks."""

    space: Workspace
    machine: Machine
    cross: Compiler
    kernels: Path
    includes: tuple[Path, ...]
    harness_flags: tuple[str, ...]
    listing_flags: tuple[str, ...]
    timeout: float

    def measure(self, note: str) -> RunResult:
        """Build and run without hooks."""
        program, warnings = self._build(Hooks())
        samples = self._run(program).samples
        text, rodata, ram = section_sizes(program)
        return RunResult(
            outputs=tuple(tuple(sample.outputs) for sample in samples),
            instructions=samples[0].instructions if samples else None,
            sample_instructions=tuple(sample.instructions for sample in samples),
            stack_bytes=max((sample.stack_bytes for sample in samples), default=None),
            text_bytes=text,
            rodata_bytes=rodata,
            ram_bytes=ram,
            code=code_parts(program.with_suffix(".map").read_text(), self.space.project.sources),
            warnings=warnings,
            note=note,
        )

    def add_operators(self, plain: RunResult, hooks: Hooks) -> RunResult:
        """`plain`, completed by what the build with hooks shows."""
        program, _ = self._build(hooks)
        project = self.space.project
        if hooks.trace:
            report, classes = self._trace(program)
        else:
            report, classes = self._run(program), None
        counts = report.samples[0].operator_counts[: len(project.operators)] if report.samples else None
        return replace(
            plain,
            operators=counts if hooks.profile else None,
            classes=classes,
            operator_outputs=operator_outputs(project, report) if hooks.dump else None,
        )

    def _build(self, hooks: Hooks) -> tuple[Path, str]:
        """The program, and the compiler's warnings about the generated code."""
        build = self.space.folder / ("hooked" if hooks.flags else "plain")
        warnings = self.space.compile(
            self.cross, self.includes, hooks, build, section_flags(self.space.project)
        )
        flags = (*HARNESS_FLAGS, *self.machine.flags, *self.harness_flags, *hooks.flags)
        self.space.compile_harness(self.cross, HARNESS_SOURCES, flags, build)
        # linked from within the folder: sections.ld knows the harness by names that begin with harness_
        objects = sorted(path.name for path in build.glob("*.o"))
        script = HARNESS / "machines" / f"{self.machine.name}.ld"
        try:
            run(
                [
                    tool(GCC),
                    *self.cross.flags,
                    "-nostartfiles",
                    "-Wl,--gc-sections,-Map=program.map",
                    f"-L{HARNESS}",
                    f"-T{script}",
                    *objects,
                    str(self.kernels),
                    "-lm",
                    "-o",
                    "program.elf",
                ],
                build,
            )
        except ToolchainError as error:
            raise self._overflow(str(error)) or error from error
        return build / "program.elf", warnings

    def _overflow(self, words: str) -> DoesNotFit | None:
        """The linker's complaint about a full memory as a sentence; None where it complains about something
        else.
        """
        found = re.findall(r"region `(\w+)' overflowed by (\d+) bytes", words)
        if not found:
            return None
        excess = " and ".join(
            f"{int(count):,} bytes too many for {REGIONS[region]}" for region, count in found
        )
        return DoesNotFit(
            f"{self.space.project.name} doesn't fit the emulated machine {self.machine.name}: {excess}. "
            "Run it on a machine with more memory (cortex-m55 has the most), or on the host."
        )

    def _trace(self, program: Path) -> tuple[Report, tuple[Classes, ...]]:
        """Run the program; what kinds of instructions each operator executed."""
        count = len(self.space.project.operators)
        marks = Marks(_symbol(program, "harness_marks"), max(1, count))
        ranges = [marks.range, _section(program, ".text")]
        listing = _output("arm-none-eabi-objdump", "-d", "--no-show-raw-insn", *self.listing_flags, str(program))
        blocks = Blocks(marks)
        with reading(blocks) as log:
            filtered = ",".join(f"{start:#x}+{size:#x}" for start, size in ranges)
            wanted = ("-d", "in_asm,exec,nochain", "-dfilter", filtered, "-D", f"/dev/fd/{log}")
            report = self._run(program, wanted, (log,))
        return report, tuple(blocks.classes(Listing.parse(listing))[:count])

    def _run(self, program: Path, options: Sequence[str] = (), inherit: Sequence[int] = ()) -> Report:
        command = [
            tool("qemu-system-arm"),
            "-M",
            self.machine.name,
            "-display",
            "none",
            "-serial",
            "none",
            "-monitor",
            "none",
            "-semihosting-config",
            "enable=on,target=native",
            "-icount",
            f"shift={ICOUNT_SHIFT},sleep=off",
            "-kernel",
            str(program),
            *options,
        ]
        report, ending = self.space.execute(command, dict(os.environ), self.timeout, inherit)
        if not report.done:
            raise ProgramFailed(self._what_happened(report, ending, program))
        return report

    def _what_happened(self, report: Report, ending: str, program: Path) -> str:
        project, core = self.space.project, self.machine.name
        if report.failure is None:
            return f"{project.name} ended early on the emulated {core}. {ending}"
        sentence = report.failure.sentence(project)
        if report.failure.reason == FAULT:
            moment = f"in sample {len(report.samples)}" if report.samples else "in init"
            sentence += f" It was {moment}, in the function {_function_at(program, report.failure.first)}."
        return sentence


def section_sizes(program: Path) -> tuple[int, int, int]:
    """Bytes of a linked program's .text, of .rodata, of .data and .bss together; sections.ld keeps the harness out."""
    listing = _output("arm-none-eabi-size", "-A", "-d", str(program))
    sizes = {
        words[0]: int(words[1])
        for words in map(str.split, listing.splitlines())
        if words[:1] and words[0][0] == "."
    }
    return sizes.get(".text", 0), sizes.get(".rodata", 0), sizes.get(".data", 0) + sizes.get(".bss", 0)


def _section(program: Path, name: str) -> tuple[int, int]:
    """Address and bytes of a section of the program."""
    listing = _output("arm-none-eabi-size", "-A", "-d", str(program))
    return next((int(w[2]), int(w[1])) for w in map(str.split, listing.splitlines()) if w[:1] == [name])


def _symbol(program: Path, name: str) -> int:
    """The address of a function."""
    listing = _output("arm-none-eabi-nm", str(program))
    return next(int(w[0], 16) for w in map(str.split, listing.splitlines()) if w[-1:] == [name])


def _function_at(program: Path, address: int) -> str:
    return _output("arm-none-eabi-addr2line", "-f", "-e", str(program), hex(address)).splitlines()[0]


def _output(name: str, *arguments: str) -> str:
    return subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=True).stdout
