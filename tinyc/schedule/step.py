"""What the choice of segments needs to know of one operator: as a whole, and in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from tinyc.ir.graph import Node
from tinyc.program.rows import RowStage

BLOCK_INSTRUCTIONS = 90  # of the runtime and the call, per block of an operator (measured on Cortex-M4 and M55)
BYTE_INSTRUCTIONS = 0.25  # per byte that a sliding line buffer moves
HEIGHTS = (1, 2, 3, 4, 6, 8, 12, 16)  # rows at a time that are considered


@dataclass(frozen=True)
class Means:
    """A kernel for an operator: its name, scratch in bytes, the instructions of one inference, and trails.

    A trail is the number of what is read (an input of the operator; of its blocks, a read of the last stage) and the
    bytes by which the output must lie below that to be written over it.
    """

    kernel: str
    scratch: int
    work: float
    trails: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Form:
    """An operator in blocks of rows: its stages, and kernels, the fastest first and each with less scratch than those
    before. `work` is what the fastest and the runtime execute beyond the operator as a whole: whole instructions, so
    that their sums do not depend on the order.
    """

    stages: tuple[RowStage, ...]
    work: int
    kernels: tuple[Means, ...]


@dataclass(frozen=True)
class Step:
    """One operator: kernels for it as a whole, ordered likewise, and `make_form(height, first)` in blocks (None: it
    has none)."""

    node: Node
    kernels: tuple[Means, ...]
    make_form: Callable[[int, int], Form | None] = field(repr=False)

    @property
    def work(self) -> float:
        """Instructions as a whole."""
        return self.kernels[0].work

    def form(self, height: int, first: int) -> Form | None:
        """Blocks of `height` rows after a first one of `first`."""
        if (height, first) not in self._forms:
            self._forms[height, first] = self.make_form(height, first)
        return self._forms[height, first]

    @property
    def single(self) -> Form | None:
        """Single rows; None where it cannot stream."""
        return self.form(1, 1)

    @cached_property
    def _forms(self) -> dict[tuple[int, int], Form | None]:
        return {}

    def at(self, height: int) -> Form:
        """In blocks of as many rows from the first on. Raises LookupError where it has none."""
        form = self.form(height, height)
        if form is None:
            raise LookupError(f"{self.node} has no blocks of {height} rows")
        return form

    def taller(self, height: int) -> int:
        """The next height that makes other blocks than single rows; the same height where there is none."""
        rows, single = self.at(1).stages[0].rows, self.at(1).stages
        heights = (h for h in HEIGHTS if height < h <= rows)
        return next((h for h in heights if (form := self.form(h, h)) and form.stages != single), height)
