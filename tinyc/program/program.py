"""The Program: kernel calls and bounded loops over byte ranges of named buffers. No tensors and no order left to decide.

    program digits
    buffer %0 64 input            // image
    buffer %1 512
    constant @w int8[72]
    0: cmsis-nn/convolve_s8 (%0[0:64], @w, none) -> (%1[0:512]) scratch %s0   // conv1
    loop i 0..4 { … }
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tinyc.ir.types import Array, TensorType
from tinyc.program.kernel import Kernel, Site


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes in the arena that one plan gives one place. `label` tells a reader what they hold."""

    name: str
    bytes: int
    label: str
    is_input: bool = False
    is_output: bool = False
    is_scratch: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """`bytes` bytes of a buffer from `start` + Σ loop index · step, for each (loop variable, step)."""

    buffer: str
    start: int
    bytes: int
    steps: tuple[tuple[str, int], ...] = ()

    def at(self, indices: Mapping[str, int]) -> int:
        """First byte within the buffer for given loop indices."""
        return self.start + sum(indices[variable] * step for variable, step in self.steps)

    def __str__(self) -> str:
        moving = "".join(f"+{step}{variable}" for variable, step in self.steps)
        return f"%{self.buffer}[{self.start}{moving}:+{self.bytes}]"


@dataclass(frozen=True, slots=True)
class Flash:
    """A constant operand: it is read where it lies in flash, under this name."""

    name: str

    def __str__(self) -> str:
        return f"@{self.name}"


Operand = Range | Flash | None


@dataclass(frozen=True)
class Call:
    """One kernel call. `site` holds the types of exactly the ranges below; `node` names the operator it came from."""

    kernel: Kernel
    site: Site
    inputs: tuple[Operand, ...]
    outputs: tuple[Range, ...]
    scratch: Range | None
    node: str

    def reads(self) -> Iterator[Range]:
        return (r for r in self.inputs if isinstance(r, Range))

    def writes(self) -> Iterator[Range]:
        yield from self.outputs
        if self.scratch:
            yield self.scratch


@dataclass(frozen=True)
class Loop:
    """The body `count` times, with `variable` running from 0."""

    variable: str
    count: int
    body: tuple[Statement, ...]


Statement = Call | Loop


@dataclass(frozen=True, slots=True)
class Port:
    """A network input or output: the caller's view of a range."""

    name: str
    type: TensorType
    place: Range


@dataclass(frozen=True)
class Program:
    """A lowered network. `constants` are model constants that calls read directly, by name."""

    name: str
    buffers: Mapping[str, Buffer]
    constants: Mapping[str, Array | None]
    body: tuple[Statement, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def calls(self) -> Iterator[Call]:
        """Every call once, loops entered."""
        return (call for statement in self.body for call in calls_of(statement))

    def __str__(self) -> str:
        from tinyc.program.text import print_program

        return print_program(self)


def calls_of(statement: Statement) -> Iterator[Call]:
    """Calls of a statement, in order of execution, each once."""
    if isinstance(statement, Call):
        yield statement
    else:
        for inner in statement.body:
            yield from calls_of(inner)
