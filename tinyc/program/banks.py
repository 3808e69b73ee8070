"""The banks of a board in which a plan may place buffers: what the option `memory` means on a target.

`one` (the default) is a single arena, as large as the board's largest contiguous piece. `auto` spreads the buffers over
all banks on the chip. `DTCM=64K,AXI_SRAM=300K` names banks and bytes, in the order in which they are preferred.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tinyc.errors import UsageError
from tinyc.memory.regions import Bank

if TYPE_CHECKING:
    from tinyc.targets import Memory, Target

ONE, AUTO = "one", "auto"
UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
ON_CHIP = ("dtcm", "sram")
BUFFER_KINDS = (*ON_CHIP, "external")
KINDS_OF_WEIGHTS = (*BUFFER_KINDS, "itcm", "flash")

Layout = tuple[Bank, ...]


def layouts(memory: str, target: Target) -> tuple[Layout, ...]:
    """The sets of banks to try one after the other, until the buffers fit; empty for a single arena.

    Raises UsageError for banks that the target does not have, and for budgets that are larger than their banks.
    """
    if memory == ONE:
        return ()
    _needs_banks(target, f"--memory {memory}")
    if memory == AUTO:
        return _auto(target)
    names = [item.partition("=")[0].strip() for item in memory.split(",")]
    if len(set(names)) < len(names):
        raise UsageError(f"--memory {memory} names a bank twice; give each its bytes once")
    return (tuple(_bank(item, target, place) for place, item in enumerate(memory.split(","))),)


def weights_bank(asked: str, target: Target) -> tuple[Memory, int | None]:
    """The bank for constants, and the bytes of it that they may take up (None: all of them go there).

    `asked` is what --weights-in says, BANK or BANK=BYTES. Raises UsageError where the target has no such bank.
    """
    _needs_banks(target, f"--weights-in {asked}")
    name, given, budget = (part.strip() for part in asked.partition("="))
    memory = find_memory(name, target, KINDS_OF_WEIGHTS, "--weights-in")
    return memory, read_bytes(budget, f"--weights-in {name}") if given else None


def available(memory: str, target: Target) -> int | None:
    """Bytes that buffers may take up in all; None where there is no limit."""
    found = layouts(memory, target)
    return sum(bank.budget for bank in found[0]) if found else target.sram_bytes


def _needs_banks(target: Target, option: str) -> None:
    if not target.memories:
        raise UsageError(
            f"{target.name} is a core and describes no memory, so {option} has no bank to choose from. "
            "Name a board, or a .toml of your own"
        )


def read_bytes(text: str, where: str) -> int:
    """A number of bytes, perhaps in K (1,024) or M. Raises UsageError."""
    found = re.fullmatch(r"(\d+)([KM]?)", text.strip().upper())
    if found is None or int(found[1]) == 0:
        raise UsageError(f"{where}: expected a number of bytes such as 65536, 64K or 1M, got {text.strip()!r}")
    return int(found[1]) * UNITS[found[2]]


def find_memory(name: str, target: Target, kinds: Sequence[str], where: str) -> Memory:
    """A bank of the target by its name. Raises UsageError that lists those of the right kinds."""
    usable = {bank.name: bank for bank in target.memories if bank.kind in kinds}
    if name not in usable:
        known = ", ".join(f"{b.name} ({b.kind}, {b.bytes:,} bytes)" for b in usable.values()) or "none"
        raise UsageError(f"{where} names {name!r}, but the banks of {target.name} for this are {known}")
    return usable[name]


def _bank(item: str, target: Target, place: int) -> Bank:
    name, given, budget = (part.strip() for part in item.partition("="))
    memory = find_memory(name, target, BUFFER_KINDS, "--memory")
    bytes = read_bytes(budget, f"--memory {name}") if given else memory.bytes
    if bytes > memory.bytes:
        raise UsageError(
            f"--memory {name}={budget}: {target.name} has only {memory.bytes:,} bytes of {name}. Give it no more"
        )
    return Bank(name, bytes, place)


def _auto(target: Target) -> tuple[Layout, ...]:
    """Banks on the chip, the fastest first; neighbours of one speed are one. Then the same with all neighbours as one.

    External memory has to be asked for by name: something must set it up before it can be used.
    """
    banks = [bank for bank in target.memories if bank.kind in ON_CHIP]
    both = (_joined(banks, same_speed=True), _joined(banks, same_speed=False))
    return tuple(dict.fromkeys(both))


def _joined(banks: Iterable[Memory], *, same_speed: bool) -> Layout:
    """Banks whose addresses adjoin as one, as slow as its slowest part."""
    runs: list[list[Memory]] = []
    for bank in sorted(banks, key=lambda bank: bank.origin):
        last = runs[-1][-1] if runs else None
        if last is not None and last.end == bank.origin and (last.speed == bank.speed or not same_speed):
            runs[-1].append(bank)
        else:
            runs.append([bank])
    found = [
        Bank(
            "_".join(b.name for b in run), sum(b.bytes for b in run), max(b.speed for b in run),
            tuple(b.name for b in run),
        )
        for run in runs
    ]
    return tuple(sorted(found, key=lambda bank: (bank.cost, -bank.budget)))
