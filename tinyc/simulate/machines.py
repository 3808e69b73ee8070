"""The emulated boards: which timer counts, and how its ticks become instructions."""

from __future__ import annotations

from dataclasses import dataclass

from tinyc.errors import UsageError

ICOUNT_SHIFT = 10  # every instruction takes 2^10 ns of emulated time


@dataclass(frozen=True)
class Machine:
    """A QEMU machine; its memories are in harness/machines/<name>.ld.

    counter_base: address of the CMSDK dual timer, or of the SSE-300 counter's control page.
    multiplier, shift: instructions = ticks * multiplier / 2^shift, that is tick period / 2^ICOUNT_SHIFT ns.
    """

    name: str
    counter_base: int
    multiplier: int
    shift: int
    sse_counter: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """Macros for harness/counter.h."""
        counter = (
            f"-DCOUNTER_BASE={self.counter_base:#x}u",
            f"-DCOUNTER_MULTIPLIER={self.multiplier}u",
            f"-DCOUNTER_SHIFT={self.shift}",
        )
        return (*counter, "-DCOUNTER_IS_SSE") if self.sse_counter else counter


# 25 MHz: 40 ns a tick, 40/1024 = 5/2^7; 20 MHz: 50/1024 = 25/2^9; 32 MHz: 31.25/1024 = 125/2^12.
# AN521's first core has neither FPU nor DSP extension in QEMU, AN505's has both: AN505 stands for the
# Cortex-M33.
MACHINES = {
    machine.name: machine
    for machine in (
        Machine("mps2-an385", 0x4000_2000, 5, 7),
        Machine("mps2-an386", 0x4000_2000, 5, 7),
        Machine("mps2-an500", 0x4000_2000, 5, 7),
        Machine("mps2-an505", 0x5000_2000, 25, 9),
        Machine("mps3-an547", 0x5810_0000, 125, 12, sse_counter=True),
    )
}


def machine(name: str) -> Machine:
    """The machine called `name`. Raises UsageError for one that the harness doesn't know."""
    if name not in MACHINES:
        raise UsageError(
            f"The harness has no linker script for the emulated machine {name}; "
            f"it knows {', '.join(MACHINES)}. Name one of them in the target's [emulator] section."
        )
    return MACHINES[name]
