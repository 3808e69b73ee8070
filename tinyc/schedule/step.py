"""What the choice of segments needs to know of one operator: as a whole, and in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tinyc.ir.graph import Node
from tinyc.program.rows import RowStage

BLOCK_INSTRUCTIONS = 90  # of the runtime and the call, per block of an operator (measured on Cortex-M4 and M55)
BYTE_INSTRUCTIONS = 0.25  # per byte that a sliding line buffer moves
HEIGHTS = (1, 2, 3, 4, 6, 8, 12, 16)  # rows at a time that are considered


@dataclass(frozen=True)
class Form:
    """An operator in blocks of rows: its stages, and what they need more in scratch and instructions.

    `work` is what its kernels and the runtime execute beyond the operator as a whole. `trails`: activations, by
    identity, that the last stage may write over while it reads them, and by how many bytes its blocks must lie lower.
    """

    stages: tuple[RowStage, ...]
    scratch: int
    work: float
    trails: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One operator: scratch and instructions as a whole; `make_form(height, first)` in blocks (None: it has none)."""

    node: Node
    scratch: int
    work: float
    trails: tuple[tuple[int, int], ...]  # (input, bytes by which the output must lie below it to overlap it)
    make_form: Callable[[int, int], Form | None] = field(repr=False)

    def form(self, height: int, first: int) -> Form | None:
        """Blocks of `height` rows after a first one of `first`."""
        if (height, first) not in self._forms:
            self._forms[height, first] = self.make_form(height, first)
        return self._forms[height, first]

    @cached_property
    def _forms(self) -> dict[tuple[int, int], Form | None]:
        return {}

    @cached_property
    def forms(self) -> dict[int, Form]:
        """By height, those that it has; of those with the same blocks, one."""
        single = self.form(1, 1)
        if single is None:
            return {}
        rows = single.stages[0].rows
        found = {height: self.form(height, height) for height in HEIGHTS if height <= rows}
        return {h: form for h, form in found.items() if form is not None and (h == 1 or form.stages != single.stages)}

    @property
    def streams(self) -> bool:
        return bool(self.forms)
