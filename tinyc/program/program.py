"""The Program: kernel calls and bounded loops over byte ranges of named buffers; no tensors, no order left to decide.

    program digits
    buffer %0 64 input            // image
    buffer %1 512
    constant @w int8[72]
    0: cmsis-nn/convolve_s8 (%0[0:64], @w, none) -> (%1[0:512]) scratch %s0   // conv1
    loop image 0..4 { … }
    segment { line 0 … }
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tinyc.ir.types import Array, TensorType
from tinyc.program.flow import Flow, Stage, Trace, trace
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
    is_state: bool = False


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


@dataclass(frozen=True, slots=True)
class Rows:
    """An operand inside a segment: the rows of line `line` that the block at hand needs or makes, contiguous."""

    line: int

    def __str__(self) -> str:
        return f"line {self.line}"


Operand = Range | Flash | Rows | None


@dataclass(frozen=True)
class Call:
    """One kernel call. `site` holds the types of exactly the bytes below; `node` names the operator it came from."""

    kernel: Kernel
    site: Site
    inputs: tuple[Operand, ...]
    outputs: tuple[Range | Rows, ...]
    scratch: Range | None
    node: str

    def touches(self) -> Iterator[Range]:
        """Every range of the arena that the call reads or writes."""
        return (r for r in (*self.inputs, *self.outputs, self.scratch) if isinstance(r, Range))

    def calls(self) -> Iterator[Call]:
        yield self

    def runs(self) -> Iterator[tuple[int, Call]]:
        """How often each call of a statement is executed in one inference."""
        yield 1, self


@dataclass(frozen=True)
class Loop:
    """The body `count` times, with `variable` running from 0."""

    variable: str
    count: int
    body: tuple[Statement, ...]

    def touches(self) -> Iterator[Range]:
        return (r for s in self.body for r in s.touches())

    def calls(self) -> Iterator[Call]:
        return (c for s in self.body for c in s.calls())

    def runs(self) -> Iterator[tuple[int, Call]]:
        return ((self.count * times, call) for s in self.body for times, call in s.runs())


@dataclass(frozen=True, slots=True)
class Line:
    """Rows of one tensor in a segment: `depth` of its `rows` rows (perhaps all), `row_bytes` each, in a buffer."""

    place: Range
    rows: int
    row_bytes: int
    label: str

    @property
    def depth(self) -> int:
        return self.place.bytes // self.row_bytes


@dataclass(frozen=True)
class StreamedOperator:
    """One operator of a segment, block by block. `variants`: (first output row, call), since borders differ."""

    stage: Stage
    variants: tuple[tuple[int, Call], ...]

    def variant(self, row: int) -> Call:
        """The call that produces the block that begins at output row `row`."""
        return next(call for first, call in reversed(self.variants) if first <= row)

    def runs(self, rows: int) -> Iterator[tuple[int, Call]]:
        """How many blocks of `rows` output rows each call makes: those up to the next one's first."""
        ends = [*(first for first, _ in self.variants[1:]), rows]
        return ((self.stage.blocks(first, end), call) for (first, call), end in zip(self.variants, ends, strict=True))


@dataclass(frozen=True)
class Segment:
    """Operators that run together, a few rows at a time, through line buffers (see tinyc.program.flow)."""

    lines: tuple[Line, ...]
    operators: tuple[StreamedOperator, ...]
    pushed: int | None = None  # the line whose rows the caller delivers
    state: Range | None = None  # what must outlive a push: rows made and held of every line

    def flow(self) -> Flow:
        depths = [line.depth for line in self.lines]
        return Flow([line.rows for line in self.lines], [o.stage for o in self.operators], self.pushed, depths)

    @cached_property
    def trace(self) -> Trace:
        """Its rows flowing once through its lines."""
        depths = [line.depth for line in self.lines]
        return trace([line.rows for line in self.lines], [o.stage for o in self.operators], self.pushed, depths)

    def touches(self) -> Iterator[Range]:
        yield from (line.place for line in self.lines)
        if self.state:
            yield self.state
        yield from (r for c in self.calls() for r in c.touches())

    def calls(self) -> Iterator[Call]:
        return (call for o in self.operators for _, call in o.variants)

    def runs(self) -> Iterator[tuple[int, Call]]:
        return (run for o in self.operators for run in o.runs(self.lines[o.stage.output].rows))


Statement = Call | Loop | Segment


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

    @property
    def pushed(self) -> Line | None:
        """The line that the caller fills row by row, where the input is streamed."""
        first = self.body[0] if self.body else None
        return first.lines[first.pushed] if isinstance(first, Segment) and first.pushed is not None else None

    def calls(self) -> Iterator[Call]:
        """Every call once, loops and segments entered."""
        return (call for statement in self.body for call in statement.calls())

    def runs(self) -> Iterator[tuple[int, Call]]:
        """How often each call is executed in one inference."""
        return (run for statement in self.body for run in statement.runs())

    def __str__(self) -> str:
        from tinyc.program.text import print_program

        return print_program(self)
