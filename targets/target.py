"""What a target is: a core with its compiler flags, and for a board its memories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, get_args

Simd = Literal["none", "dsp", "mve"]
Kind = Literal["sram", "flash", "dtcm", "itcm", "external"]

SIMD: tuple[Simd, ...] = get_args(Simd)
KINDS: tuple[Kind, ...] = get_args(Kind)
ARENA_KINDS: tuple[Kind, ...] = ("sram", "dtcm")


@dataclass(frozen=True)
class Memory:
    """One bank: `origin` and `bytes` as the core sees them; `speed` 0 is the board's fastest, larger is
    slower.
    """

    name: str
    kind: Kind
    origin: int
    bytes: int
    speed: int

    @property
    def end(self) -> int:
        """The first address after the bank."""
        return self.origin + self.bytes


@dataclass(frozen=True)
class Emulator:
    """How QEMU runs the core's code.

    `cpu_flags` differ from the target's own where the compiler or the emulator lacks the core; `note` then
    says so, and belongs beside every number measured. `trap_unaligned` makes an unaligned access fault, as on
    Armv6-M.
    """

    machine: str
    cpu_flags: tuple[str, ...]
    trap_unaligned: bool = False
    note: str = ""


@dataclass(frozen=True)
class Target:
    """A core, or a board that names its core and adds memories. `cpu_flags` are gcc's."""

    name: str
    description: str
    core: str
    cpu_flags: tuple[str, ...]
    simd: Simd
    memories: tuple[Memory, ...]
    emulator: Emulator

    @property
    def sram_bytes(self) -> int | None:
        """Bytes the arena must fit in: the largest contiguous on-chip piece; None (no limit) for a bare core.

        The arena is one array, so banks count together only where they adjoin (STM32F746: DTCM + SRAM1 +
        SRAM2), and a bank that sits apart (the CCM of an STM32F427) doesn't. External RAM never counts: a
        plan has to ask for it. Stack and the application's own data need room in the same memory; that part
        is the user's to keep free.
        """
        return (
            _largest_run(bank for bank in self.memories if bank.kind in ARENA_KINDS)
            if self.memories
            else None
        )

    @property
    def flash_bytes(self) -> int | None:
        """Bytes for code and constants, all flash banks together; None (no limit) for a bare core."""
        return sum(bank.bytes for bank in self.memories if bank.kind == "flash") if self.memories else None

    def describe(self) -> dict[str, object]:
        """Every fact under its name, ready for JSON."""
        return asdict(self) | {"sram_bytes": self.sram_bytes, "flash_bytes": self.flash_bytes}


def _largest_run(banks: Iterable[Memory]) -> int:
    """Length in bytes of the longest run of banks that touch each other."""
    longest = start = end = 0
    for bank in sorted(banks, key=lambda bank: bank.origin):
        start = start if bank.origin == end else bank.origin
        end = bank.end
        longest = max(longest, end - start)
    return longest
