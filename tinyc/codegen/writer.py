"""What a kernel uses to write its call: expressions for operands, struct initialisers, the call with its status."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tinyc.codegen.places import Places
from tinyc.codegen.text import C_TYPES, identifier, integer
from tinyc.ir.types import Array
from tinyc.program.program import Call, Flash, Range, Rows

if TYPE_CHECKING:
    from tinyc.targets import Target

Field = str | int | bool | Mapping[str, "Field"]


MOVES = re.compile(r"\b(AT(_\w+)?\(|in\[|out\b)")  # expressions that are known at run time alone
LINE = 110  # columns of a generated line, indentation apart


class ConstantPool:
    """Arrays in flash, each kept once: equal arrays share one symbol."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.arrays: dict[str, Array] = {}
        self.weights: set[str] = set()  # symbols of arrays that are weights, and no tables
        self._symbols: dict[tuple[str, bytes], str] = {}

    def add(self, label: str, data: Array, *, weights: bool) -> str:
        """The symbol of an array, new or shared."""
        key = (data.dtype.str, data.tobytes())
        if key not in self._symbols:
            symbol = f"{self.prefix}_{label}"
            while symbol in self.arrays:
                symbol += "_"
            self._symbols[key] = symbol
            self.arrays[symbol] = data
            if weights:
                self.weights.add(symbol)
        return self._symbols[key]

    @property
    def weights_bytes(self) -> int:
        return self.bytes_of(self.weights)

    @property
    def tables_bytes(self) -> int:
        return self.bytes_of(self.arrays.keys() - self.weights)

    def bytes_of(self, symbols: Iterable[str]) -> int:
        """Bytes of some arrays."""
        return sum(self.arrays[symbol].nbytes for symbol in symbols)


def function_name(call: Call, number: int, first_row: int | None = None) -> str:
    """The C function of an operator; in a segment, of its rows from `first_row` on."""
    name = f"op_{number}_{identifier(call.site.op.name)}"
    return name if first_row is None else f"{name}_from_{first_row}"


class CallWriter:
    """Collects the lines of one operator's C function.

    `number` counts operators in order of execution. `variables` are the loop variables around the call. In a segment,
    `first_row` is the output row from which on this call serves, else None.
    """

    def __init__(
        self, call: Call, number: int, places: Places, pool: ConstantPool, target: Target,
        *, variables: tuple[str, ...] = (), first_row: int | None = None,
    ) -> None:
        self.call, self.number, self.places, self.pool = call, number, places, pool
        self.variables, self.first_row = variables, first_row
        self.lines: list[str] = []
        self.symbols: list[str] = []  # of the constants that the call reads
        self._tables = call.kernel.constants(call.site, target)

    # -- operands
    def _at(self, ctype: str, r: Range) -> str:
        moving = "".join(f" + {variable} * {step}u" for variable, step in r.steps)
        return self.places.at(ctype, r.buffer, f"{self.places.offset(r.buffer) + r.start}u{moving}")

    def _constant(self, label: str, data: Array, *, weights: bool) -> str:
        self.symbols.append(self.pool.add(f"{self.number}_{label}", data, weights=weights))
        return self.symbols[-1]

    def input(self, index: int) -> str:
        """Pointer to input `index`: into the arena, or to a constant in flash; NULL where it is absent."""
        place = self.call.inputs[index] if index < len(self.call.inputs) else None
        if place is None:
            return "NULL"
        kind = self.call.site.sig.input(index)
        if isinstance(place, Flash):
            return self._constant(self._operand_name(index), self.call.site.constant(index), weights=True)
        if isinstance(place, Rows):
            return f"(const {kind.dtype.c} *)in[{sum(isinstance(p, Rows) for p in self.call.inputs[:index])}]"
        return self._at(f"const {kind.dtype.c}", place)

    def _operand_name(self, index: int) -> str:
        names = self.call.site.op.inputs
        name = names[index] if index < len(names) else "..."
        return f"operand{index}" if name == "..." else {"w": "weights"}.get(name, name)

    def output(self, index: int = 0) -> str:
        """Pointer to output `index` in the arena."""
        place, kind = self.call.outputs[index], self.call.site.sig.outputs[index]
        if isinstance(place, Rows):
            return f"({kind.dtype.c} *)out"
        return self._at(kind.dtype.c, place)

    def scratch(self) -> str:
        """Untyped pointer to the call's scratch; NULL where it has none."""
        return self._at("void", self.call.scratch) if self.call.scratch else "NULL"

    @property
    def scratch_bytes(self) -> int:
        return self.call.scratch.bytes if self.call.scratch else 0

    def constant(self, key: str) -> str:
        """The symbol of one of the arrays that the kernel's `constants` declares."""
        return self._constant(key, self._tables[key], weights=key in self.call.kernel.weights)

    def size(self, key: str) -> int:
        """Elements of such an array."""
        return self._tables[key].size

    def mutable_constant(self, key: str) -> str:
        """The same for an API that takes a pointer to non-const though it only reads."""
        return f"({C_TYPES[self._tables[key].dtype]} *){self.constant(key)}"

    # -- statements
    def line(self, text: str) -> None:
        self.lines.append(text)

    def struct(self, ctype: str, name: str, **fields: Field) -> str:
        """Declare a const struct; returns its address. It stays in flash where nothing in it depends on the call."""
        moves = any(MOVES.search(_value(v)) for v in fields.values())
        head = f"{'' if moves else 'static '}const {ctype} {name} = {{"
        self.lines += wrap(head, [f".{k} = {_value(v)}" for k, v in fields.items()], "};")
        return f"&{name}"

    def cmsis(self, function: str, *arguments: str | int) -> None:
        """Return the status of a CMSIS-NN function that has one."""
        self._invoke(f"return from_cmsis({function}(", arguments, "));")

    def returns(self, function: str, *arguments: str | int) -> None:
        """Return the tinyc_status of one of our functions."""
        self._invoke(f"return {function}(", arguments, ");")

    def void(self, function: str, *arguments: str | int) -> None:
        """Call a function that cannot fail, and return success."""
        self._invoke(f"{function}(", arguments, ");")
        self.line("return TINYC_OK;")

    def _invoke(self, head: str, arguments: tuple[str | int, ...], tail: str) -> None:
        self.lines += wrap(head, [integer(a) if isinstance(a, int) else a for a in arguments], tail)


def wrap(head: str, items: list[str], tail: str) -> list[str]:
    """`head` items `tail` on one line where that fits, else the items filled into indented lines."""
    line = head + ", ".join(items) + tail
    if len(line) <= LINE:
        return [line]
    lines, current = [head], "   "
    for index, item in enumerate(items):
        text = f" {item}," if index < len(items) - 1 else f" {item}{tail}"
        if len(current) + len(text) > LINE and current.strip():
            lines.append(current)
            current = "   "
        current += text
    return [*lines, current]


def _value(value: Field) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f".{k} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return integer(value) if isinstance(value, int) else value
