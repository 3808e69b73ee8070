"""What kinds of instructions every operator executes, counted exactly from QEMU's log of executed blocks.

QEMU logs each block of straight-line code when it translates it, and again, by address, every time it enters it. A
listing of the program says what the instructions of a block are. Where operators begin and end is marked by the
harness: it jumps to addresses in `harness_marks` that stand for (operator, phase).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tinyc.errors import ToolchainError

CLASSES = ("loads", "stores", "multiplies", "branches", "other")
Classes = dict[str, int]
# Telling the harness that an operator ends: two arguments and a call, in the operator's own code. The timer's count
# has them taken off as well.
HOOK_CALL = Counter(other=2, branches=1)

# Mnemonics of Thumb, of the DSP and floating-point extensions and of Helium, in the words of GNU objdump. `le` and
# `wls` close and open a low-overhead loop. What moves a whole list of registers counts once, as the counter has it.
_KINDS = (
    ("loads", re.compile(r"v?ld|v?pop")),
    ("stores", re.compile(r"v?st[rmlb0-9]|v?push")),
    (
        "multiplies",
        re.compile(r"mul|ml[as]|[su]ml[as]|[su]mul|sm(?:m|u[as]d)|umaal|v\w*?(?:mul|ml[as]|fm[as]|fnm[as])"),
    ),
    ("branches", re.compile(r"(?:b|bl|bx|blx|bxns|blxns)(?:eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)?$"
                            r"|cbn?z|tb[bh]|letp$|le$|[wd]lstp|[wd]ls$")),
)  # fmt: skip
_LISTED = re.compile(r"^ *([0-9a-f]+):\t(\S+)", re.MULTILINE)
_TRANSLATED = re.compile(rb"0x([0-9a-f]+):  [0-9a-f]{4}( [0-9a-f]{4})? ")
_ENTERED = re.compile(rb"Trace \d+: (0x[0-9a-f]+) \[[0-9a-f]+/([0-9a-f]+)/")
_STOPPED = re.compile(rb"Stopped execution of TB chain before (0x[0-9a-f]+) ")


def classify(mnemonic: str) -> str:
    """The class of an instruction, by its name in a listing."""
    name = mnemonic.partition(".")[0]
    return next((kind for kind, pattern in _KINDS if pattern.match(name)), "other")


@dataclass(frozen=True)
class Listing:
    """The class of the instruction at every address of a program."""

    kinds: dict[int, str]

    @classmethod
    def parse(cls, text: str) -> Listing:
        """From the words of `objdump -d --no-show-raw-insn`."""
        return cls({int(address, 16): classify(name) for address, name in _LISTED.findall(text)})

    def count(self, start: int, end: int) -> Counter[str]:
        """Instructions by class in a block of code."""
        return Counter(self.kinds[address] for address in range(start, end, 2) if address in self.kinds)


@dataclass(frozen=True)
class Marks:
    """Addresses that stand for the begin of each operator (every two bytes from `first`), then for the end of each."""

    first: int
    operators: int

    @property
    def range(self) -> tuple[int, int]:
        """First address and bytes."""
        return self.first, 4 * self.operators

    def find(self, address: int) -> tuple[int, bool] | None:
        """The operator that an address stands for, and whether it ends there."""
        number = (address - self.first) // 2
        return divmod(number, self.operators)[::-1] if 0 <= number < 2 * self.operators else None  # type: ignore[return-value]


@dataclass
class Blocks:
    """Reads a log: how often each operator ran, and entered each block of code (start and end address)."""

    marks: Marks
    counts: list[Counter[tuple[int, int]]] = field(default_factory=list)
    runs: Counter[int] = field(default_factory=Counter)
    _known: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    _places: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def read(self, log: Iterable[bytes]) -> None:
        """Count a whole log. Raises ToolchainError where it has another form."""
        self.counts = [Counter() for _ in range(self.marks.operators)]
        self._now: Counter[tuple[int, int]] | None = None
        end: int | None = None  # of the block that was translated last and not yet entered
        for line in log:
            block = self._known.get(line)
            if block is None or end is not None:
                end = self._unusual(line, end)
            elif self._now is not None and not self._mark(block):
                self._now[block] += 1
            elif self._now is None:
                self._mark(block)

    def _unusual(self, line: bytes, end: int | None) -> int | None:
        """A line other than an entry to a known block; the end of a block that is being translated."""
        if found := _TRANSLATED.match(line):
            return int(found[1], 16) + (4 if found[2] else 2)
        if found := _ENTERED.match(line):
            start = int(found[2], 16)
            if end is None:
                raise ToolchainError(f"the emulator entered a block at {start:#x} whose translation it did not log")
            block = self._known[line] = self._places[found[1]] = (start, end)
            if not self._mark(block) and self._now is not None:
                self._now[block] += 1
            return None
        if (found := _STOPPED.match(line)) and self._now is not None:
            self._now[self._places[found[1]]] -= 1  # it is entered again
        return end

    def _mark(self, block: tuple[int, int]) -> bool:
        """Whether a block is a mark; then an operator begins or ends."""
        found = self.marks.find(block[0])
        if found is None:
            return False
        operator, ends = found
        self.runs[operator] += ends and self._now is not None  # the emulator may enter a mark again
        self._now = None if ends else self.counts[operator]
        return True

    def classes(self, listing: Listing) -> list[Classes]:
        """Executed instructions of every operator, by class."""
        kinds = {block: listing.count(*block) for counts in self.counts for block in counts}
        totals: list[Counter[str]] = []
        for operator, counts in enumerate(self.counts):
            total = Counter({kind: -self.runs[operator] * number for kind, number in HOOK_CALL.items()})
            for block, times in counts.items():
                total.update({kind: times * number for kind, number in kinds[block].items()})
            totals.append(total)
        return [{kind: total[kind] for kind in CLASSES} for total in totals]


@contextmanager
def reading(blocks: Blocks) -> Iterator[int]:
    """A pipe for a log, as a file descriptor to write to; at the end, `blocks` has read all of it."""
    source, sink = os.pipe()
    with ThreadPoolExecutor(1) as pool, os.fdopen(source, "rb", buffering=1 << 20) as log:
        done = pool.submit(blocks.read, log)
        try:
            yield sink
        finally:
            os.close(sink)
        done.result()
