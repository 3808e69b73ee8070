"""Bytes of code before any compiler runs: measured sizes of kernels, and a fit to what generated functions need.

The estimate is a sum of parts, of one for every operator and every segment, so that it can be remembered part by part.
A `Part` holds what follows from the C of its piece: the functions that are called, the bytes of its constant structs,
and counts, each of which takes some bytes of code. Offsets in the arena do not matter.

* Kernels: the union of the sections that stay linked when each called function is linked alone.
* Structs: their sizes, as the compiler sees them.
* Generated functions: bytes per count, fitted to linked networks of all spaces, for every core.

benchmarks/nas_code_sizes.py measures all three, with the flags of `tinyc profile`, into code_sizes.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tinyc.codegen.events import events_bytes
from tinyc.codegen.streams import merge_rows
from tinyc.errors import UsageError
from tinyc.program.flow import Stage
from tinyc.program.program import Line, Segment

if TYPE_CHECKING:
    from tinyc.codegen.emit import Network
    from tinyc.codegen.writer import CallWriter
    from tinyc.targets import Target

Library = Literal["stand-in", "cmsis-nn"]  # the portable CMSIS-NN that tinyc ships, or Arm's own

DATA = Path(__file__).parent / "code_sizes.json"
UNKNOWN = 800  # bytes of a function that was not measured: another package's kernel
ALIKE = {"none": "cortex-m3", "dsp": "cortex-m4", "mve": "cortex-m55"}  # where a core was not measured
WORD = 4
RUNTIME = frozenset({"tinyc_stream_start", "tinyc_stream_run"})
PUSHED = frozenset({"tinyc_stream_start", "tinyc_stream_push", "tinyc_stream_complete"})
CALL = re.compile(r"\b((?:arm|tinyc)_\w+|mem(?:cpy|move|set))\(")
_ARGUMENTS = re.compile(r"^ *(?:return from_cmsis\(|return )?(?:(?:arm|tinyc)_\w+|memcpy)\(([^;]*);", re.MULTILINE)
_STRUCT = re.compile(r"^ *(static )?const (\w+) \w+ = \{([^;]*);", re.MULTILINE)
_FIELD = re.compile(r"(?:^|[={,])\s*(?![.{])[^,{}=\s]")
_ROW = re.compile(r"\brow <")
_PLACE = re.compile(r"\bAT(?:_\w+)?\(")
REGISTERS = 4  # arguments that need no stack

COUNTS = (
    "network", "pushed", "segment", "operator", "streamed operator", "variant", "call", "argument",
    "argument on the stack", "status", "struct on the stack", "word on the stack", "choice by row",
    "row", "row of a window", "uneven block",
)  # what generated functions take bytes for


@dataclass(frozen=True)
class Part:
    """What a piece of a network adds to a program. `functions` are of kernels, the runtime and the C library;
    `constants` are bytes of structs and tables in flash beside the network's arrays, and the gaps after these."""

    functions: frozenset[str]
    constants: int
    counts: tuple[int, ...]

    @classmethod
    def of(cls, counts: Mapping[str, int], constants: int = 0, functions: Iterable[str] = ()) -> Part:
        """`counts` by name; what is not named is 0."""
        return cls(frozenset(functions), constants, tuple(counts.get(name, 0) for name in COUNTS))

    @classmethod
    def total(cls, parts: Iterable[Part]) -> Part:
        """The sum of parts; functions that several call are there once."""
        found = list(parts)
        counts = zip(*(part.counts for part in found), strict=True)
        functions = frozenset().union(*(part.functions for part in found))
        return cls(functions, sum(part.constants for part in found), tuple(map(sum, counts)))


def code_bytes(network: Network, library: Library = "stand-in") -> int:
    """Estimated .text, and .rodata besides the network's constants, that a network adds to a program, in bytes."""
    return part_bytes(Part.total(parts(network)), network.target, library)


def part_bytes(part: Part, target: Target, library: Library = "stand-in") -> int:
    """Bytes of a part alone. Kernels of several parts count once, so add parts before, with `Part.total`."""
    return kernel_bytes(part.functions, target, library) + part.constants + generated_bytes(part.counts, target)


def kernel_bytes(functions: Iterable[str], target: Target, library: Library = "stand-in") -> int:
    """Bytes of functions and of all that they pull in."""
    return _kernel_bytes(frozenset(functions), measured_core(target), library)


@lru_cache(maxsize=1 << 12)
def _kernel_bytes(called: frozenset[str], core: str, library: Library) -> int:
    found = _data()["cores"][core]
    if library not in found:
        raise UsageError(f"there is no library {library!r}; there are: {', '.join(found)}")
    calls, symbols = found[library]["calls"], found[library]["symbols"]
    linked = {number for function in called for number in calls.get(function, ())}
    return sum(symbols[number][1] for number in linked) + UNKNOWN * len(called - set(calls))


def generated_bytes(counts: Sequence[int], target: Target) -> int:
    """Bytes of generated functions with these counts."""
    rates = _data()["generated"][measured_core(target)]
    return max(0, round(sum(rate * count for rate, count in zip(rates, counts, strict=True))))


def measured_core(target: Target) -> str:
    """The core whose sizes stand for a target's: its own, or one of its kind."""
    return target.core if target.core in _data()["cores"] else ALIKE[target.simd]


# ---------------------------------------------------------------------- parts
def parts(network: Network) -> Iterator[Part]:
    """Of the network as a whole, of its segments and of its operators."""
    yield network_part(network.program.pushed is not None)
    yield from (segment_part(s) for s in network.program.body if isinstance(s, Segment))
    for _, group in groupby(network.writers, lambda writer: writer.number):
        yield operator_part(list(group))


def network_part(pushed: bool) -> Part:
    """What every network has, and taking rows."""
    return Part.of({"network": 1, "pushed": int(pushed)}, functions=PUSHED if pushed else ())


def segment_part(segment: Segment) -> Part:
    """The tables of a segment, the function that starts it, and how its blocks find their rows; what the operators do
    with these are parts of their own."""
    stages = [operator.stage for operator in segment.operators]
    tables = sum(_filled(2 * len(feed.table)) for stage in stages for feed in stage.feeds if feed.table)
    line, whole = (_data()["structs"][f"tinyc_{name}"] for name in ("line", "segment"))
    structs = line * len(segment.lines) + WORD * len(stages) + whole  # a word: the address of a block's function
    constants = structs + tables + _filled(events_bytes(segment))
    found = [_block_counts(stage, segment.lines) for stage in stages]
    if segment.pushed is not None:  # the caller's rows start it
        return Part.total([Part.of({}, constants), *found])
    return Part.total([Part.of({"segment": 1}, constants, RUNTIME), *found])


def _block_counts(stage: Stage, lines: Sequence[Line]) -> Part:
    """Of the function that the runtime calls for a block: the rows that it finds, and those that it makes."""
    used = [*(feed.line for feed in stage.feeds), stage.output]
    rest = lines[stage.output].rows - stage.first
    return Part.of({
        "row": len(stage.feeds),
        "row of a window": sum(lines[line].depth < lines[line].rows for line in used),
        "uneven block": (stage.first != stage.height) + (rest % stage.height > 0),
    })  # fmt: skip


def operator_part(writers: Sequence[CallWriter]) -> Part:
    """The functions of one operator: of one call, or of the variants that its blocks of rows have in a segment."""
    first, streamed = writers[0], writers[0].first_row is not None
    merged = merge_rows(writers) if streamed else first.lines
    bodies = [merged] if merged is not None else [writer.lines for writer in writers]
    arrays = {symbol: first.pool.arrays[symbol] for writer in writers for symbol in writer.symbols}
    gaps = sum(_filled(array.nbytes) - array.nbytes for array in arrays.values())
    counts = {"streamed operator": 1, "variant": len(bodies) - 1} if streamed else {"operator": 1}
    return Part.total([Part.of(counts, gaps), *(function_part("\n".join(body)) for body in bodies)])


def function_part(text: str) -> Part:
    """Of the body of one function: the structs that it fills or has in flash, and its calls."""
    structs = [(static, _struct_bytes(kind, fields)) for static, kind, fields in _STRUCT.findall(text)]
    filled = [bytes for static, bytes in structs if not static]
    arguments = [call.count(",") + 1 - len(_PLACE.findall(call)) for call in _ARGUMENTS.findall(text)]
    counts = {
        "call": len(arguments), "argument": sum(arguments), "status": text.count("from_cmsis("),
        "argument on the stack": sum(max(0, n - REGISTERS) for n in arguments),
        "struct on the stack": len(filled), "word on the stack": sum(filled) // WORD,
        "choice by row": len(_ROW.findall(text)),
    }
    return Part.of(counts, sum(bytes for static, bytes in structs if static), CALL.findall(text))


def _struct_bytes(kind: str, fields: str) -> int:
    """As measured; of a type that was not, a word for every field."""
    known: dict[str, int] = _data()["structs"]
    return known[kind] if kind in known else WORD * len(_FIELD.findall(fields))


def _filled(bytes: int) -> int:
    """Up to whole words, to which arrays are aligned."""
    return -(-bytes // WORD) * WORD


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return data
