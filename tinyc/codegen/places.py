"""Where buffers and constants lie, in C: bytes of the arena, static arrays and constants in sections of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tinyc.codegen.project import PlacedConstants, StaticRegion
from tinyc.codegen.text import identifier
from tinyc.program.banks import weights_bank
from tinyc.program.program import Call

if TYPE_CHECKING:
    from tinyc.codegen.writer import CallWriter, ConstantPool
    from tinyc.program.plan import Plan
    from tinyc.targets import Target

TAKEN = ("arena", "init", "input", "invoke", "operators", "output", "push_rows", "row", "rows", "weights")


@dataclass(frozen=True)
class Places:
    """The addresses of a plan's buffers as C expressions. `prefix` is that of the network's symbols."""

    prefix: str
    plan: Plan
    target: Target
    regions: tuple[StaticRegion, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(self._static(r.name, r.bytes) for r in self.plan.elsewhere))

    def _static(self, name: str, bytes: int) -> StaticRegion:
        word = identifier(name)
        word += "_bank" if word.startswith(TAKEN) else ""
        fast = any(bank.name == name and bank.kind == "dtcm" for bank in self.target.memories)
        macro = f"{self.prefix.upper()}_SECTION_{word.upper()}"
        return StaticRegion(name, f"{self.prefix}_{word}", word.upper(), macro, f".{word}", bytes, fast)

    def region(self, buffer: str) -> StaticRegion | None:
        """The static array that holds a buffer; None where that is the arena."""
        number = self.plan.region_of(buffer)
        return self.regions[number - 1] if number else None

    def offset(self, buffer: str) -> int:
        return self.plan.offsets[buffer]

    def at(self, ctype: str, buffer: str, address: str) -> str:
        """A pointer of a type to an address within the region of a buffer."""
        region = self.region(buffer)
        return f"AT({ctype}, {address})" if region is None else f"AT_{region.word}({ctype}, {address})"

    def number(self, buffer: str) -> int:
        """The region as the runtime of segments counts: 0 is the arena."""
        return self.plan.region_of(buffer)

    def base(self, buffer: str) -> str:
        """The array that an offset counts from; NULL for the arena."""
        region = self.region(buffer)
        return "NULL" if region is None else region.symbol

    def where(self, buffer: str) -> str:
        """The memory in words."""
        region = self.region(buffer)
        return "inside the arena" if region is None else f"in {region.name}"

    def told(self, buffer: str, start: int = 0) -> str:
        """A place for a reader of the C."""
        region = self.region(buffer)
        return f"{self.offset(buffer) + start}" + ("" if region is None else f" of {region.name}")

    @cached_property
    def memories(self) -> str:
        """The first bytes of all regions, as the runtime of segments takes them."""
        return "&arena" if not self.regions else "memories"


def place_constants(
    asked: str | None, target: Target, prefix: str, pool: ConstantPool, writers: Iterable[tuple[int, CallWriter]]
) -> PlacedConstants | None:
    """Which constants go to the bank that a user asks for, "BANK" or "BANK=BYTES" (then those read most per byte).

    `writers` come with how often their calls run. Raises UsageError for a bank that the target does not have.
    """
    if asked is None:
        return None
    memory, budget = weights_bank(asked, target)
    symbols = list(pool.arrays)
    if budget is not None:
        symbols = _hottest(pool, _reads(writers), budget)
    word = identifier(memory.name)
    bytes = sum(pool.arrays[symbol].nbytes for symbol in symbols)
    macro = f"{prefix.upper()}_SECTION_WEIGHTS"
    return PlacedConstants(memory.name, macro, f".{word}_weights", frozenset(symbols), bytes)


def _reads(writers: Iterable[tuple[int, CallWriter]]) -> Mapping[str, int]:
    """Estimated reads of each constant: once per multiply-accumulate of the calls that use it, but once at least."""
    found = Counter[str]()
    for times, writer in writers:
        for symbol in dict.fromkeys(writer.symbols):
            found[symbol] += times * max(1, _macs(writer.call))
    return found


def _macs(call: Call) -> int:
    return call.site.op.macs(call.site.sig)


def _hottest(pool: ConstantPool, reads: Mapping[str, int], budget: int) -> list[str]:
    """Constants by reads per byte, as long as they fit; in the order of the pool."""
    chosen: set[str] = set()
    for symbol in sorted(pool.arrays, key=lambda s: (-reads.get(s, 0) / max(1, pool.arrays[s].nbytes), s)):
        if pool.arrays[symbol].nbytes <= budget:
            budget -= pool.arrays[symbol].nbytes
            chosen.add(symbol)
    return [symbol for symbol in pool.arrays if symbol in chosen]
