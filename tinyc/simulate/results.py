"""What a run gives back, and the file in which the harness reports it (harness/record.h has the same
numbers).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from tinyc.errors import TinycError, UsageError
from tinyc.simulate.sizes import CodePart

if TYPE_CHECKING:
    from tinyc.codegen.project import CProject

Sample = tuple[bytes, ...]


class ProgramFailed(TinycError):
    """The generated program ran, and did what it must not: a wrong status, a touched canary, a fault, no end.

    That is a defect of tinyc (exit code 1), unless it is the time limit.
    """


@dataclass(frozen=True)
class RunResult:
    """What the samples gave. Bytes are as they lie in memory (little-endian); None means not measured.

    outputs: per sample, the bytes of every network output.
    operator_outputs: per sample, the bytes of every operator's output right after it (last) ran; empty bytes
        for an operator that the generated table gives no output.
    instructions: executed by the first sample's invoke, from its first instruction to its return.
    sample_instructions: the same for every sample (they differ where code depends on data).
    operators: instructions per operator in call order, hook excluded, first sample; what is missing to
        `instructions` is invoke's own code around the calls.
    classes: the same by class (trace.CLASSES): loads, stores, multiplies, branches and other.
    stack_bytes: deepest word that invoke wrote below its caller's stack pointer, the largest of all samples.
    text_bytes, rodata_bytes, ram_bytes: code, constants, and static variables (.data and .bss without the
        arena) that the network adds to a program: generated code, kernels, and what these pull from the C
        library and libgcc, after the linker removed what nobody calls. Harness and start-up code don't count.
    code: bytes of code and constants by the source that they come from.
    warnings: what the compiler said about the generated sources.
    note: how the emulated core differs from the one asked for, if it does.
    """

    outputs: tuple[Sample, ...]
    operator_outputs: tuple[Sample, ...] | None = None
    instructions: int | None = None
    sample_instructions: tuple[int, ...] = ()
    operators: tuple[int, ...] | None = None
    classes: tuple[Mapping[str, int], ...] | None = None
    stack_bytes: int | None = None
    text_bytes: int | None = None
    rodata_bytes: int | None = None
    ram_bytes: int | None = None
    code: tuple[CodePart, ...] = ()
    warnings: str = ""
    note: str = ""


class Tag(IntEnum):
    """Kinds of records."""

    DONE = 0
    FAILURE = 1
    SAMPLE = 2
    OUTPUT = 3
    INSTRUCTIONS = 4
    STACK = 5
    OPERATOR_COUNTS = 6
    OPERATOR_OUTPUT = 7


@dataclass
class SampleRecord:
    """The records of one sample."""

    outputs: list[bytes] = field(default_factory=list)
    instructions: int = 0
    stack_bytes: int = 0
    operator_counts: tuple[int, ...] = ()
    operator_outputs: dict[int, bytes] = field(default_factory=dict)

    def take(self, tag: Tag, payload: bytes) -> None:
        """Add one record."""
        match tag:
            case Tag.OUTPUT:
                self.outputs.append(payload)
            case Tag.INSTRUCTIONS:
                (self.instructions,) = struct.unpack("<Q", payload)
            case Tag.STACK:
                (self.stack_bytes,) = struct.unpack("<I", payload)
            case Tag.OPERATOR_COUNTS:
                self.operator_counts = struct.unpack(f"<{len(payload) // 8}Q", payload)
            case Tag.OPERATOR_OUTPUT:
                (operator,) = struct.unpack_from("<I", payload)
                self.operator_outputs[operator] = payload[4:]


@dataclass(frozen=True)
class Failure:
    """Why the harness ended a run early: the reason's number, and two numbers that belong to it."""

    reason: int
    first: int
    second: int

    def sentence(self, project: CProject) -> str:
        """The failure in words."""
        numbers = {REGION: self.second, REGION_LAYOUT: self.first}
        region = project.regions[numbers[self.reason]] if self.reason in numbers else None
        return _FAILURES[self.reason].format(
            name=project.name,
            region=region and region.name,
            region_bytes=region and region.bytes,
            arena=project.arena_bytes,
            first=self.first,
            second=self.second,
            moment=f"sample {self.first}" if self.first else "init",
        )


FAULT, REGION, REGION_LAYOUT = 9, 10, 11

_FAILURES = {
    1: "The emulator's timer does not count instructions (a loop of known length gave another count). "
    "Check that qemu-system-arm is version 7.2 or later and supports -icount.",
    2: "{name}_init accepts an arena of {first} bytes, but the plan needs {arena}.",
    3: "{name}_init accepts an arena that isn't aligned to {first} bytes.",
    4: "{name}_init refuses an arena of {arena} bytes, the size that its own header names: status {first}.",
    5: "{name} writes before its arena ({moment}): the byte {second} before its first one changed.",
    6: "{name} writes beyond its arena ({moment}): the byte {second} after its end changed.",
    7: "{name}_invoke fails on sample {first} with status {second}.",
    8: "{name}_invoke uses more than the {first} bytes of stack that the harness has.",
    REGION: "{name} writes outside the {region_bytes} bytes of its memory {region} ({moment}): a byte beside it "
    "changed.",
    REGION_LAYOUT: "The linker did not put the harness's canaries beside the memory {region} of {name}. Check the "
    "version of the Arm binutils.",
    FAULT: "{name} makes the core fault at address {first:#x} (fault status register CFSR = {second:#x}).",
}


@dataclass(frozen=True)
class Report:
    """All that results.bin holds. `done` is False where the program ended before its end."""

    samples: tuple[SampleRecord, ...]
    failure: Failure | None
    done: bool


def read_report(data: bytes) -> Report:
    """Parse results.bin, possibly cut off."""
    samples: list[SampleRecord] = []
    failure, done = None, False
    for tag, payload in _records(data):
        if tag is Tag.SAMPLE:
            samples.append(SampleRecord())
        elif tag is Tag.FAILURE:
            failure = Failure(*struct.unpack("<III", payload))
        elif tag is Tag.DONE:
            done = True
        else:
            samples[-1].take(tag, payload)
    return Report(tuple(samples), failure, done)


def _records(data: bytes) -> Iterator[tuple[Tag, bytes]]:
    position = 0
    while position + 8 <= len(data):
        tag, length = struct.unpack_from("<II", data, position)
        position += 8 + length
        if position <= len(data):
            yield Tag(tag), data[position - length : position]


def pack_samples(project: CProject, samples: Sequence[Sample]) -> bytes:
    """samples.bin: their number, then every input of every sample. Raises UsageError for wrong sizes."""
    wanted = [port.bytes for port in project.inputs]
    for number, sample in enumerate(samples, 1):
        sizes = [len(data) for data in sample]
        if sizes != wanted:
            raise UsageError(
                f"Sample {number} has inputs of {sizes} bytes, but {project.name} takes {wanted}."
            )
    return struct.pack("<I", len(samples)) + b"".join(data for sample in samples for data in sample)


def operator_outputs(project: CProject, report: Report) -> tuple[Sample, ...]:
    """Per sample, the dumped output of every operator."""
    count = len(project.operators)
    return tuple(tuple(s.operator_outputs.get(op, b"") for op in range(count)) for s in report.samples)
