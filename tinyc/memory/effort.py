"""How long a search may go on: by nodes, which gives every machine the same packing, and perhaps by the clock."""

from __future__ import annotations

import math
import time

CLOCK_EVERY = 32  # nodes between two looks at the clock; a node takes 10 to 100 microseconds


class Effort:
    """`nodes` of all searches together (None: any number), and a deadline in seconds from now (None: none)."""

    def __init__(self, nodes: int | None, seconds: float | None) -> None:
        self.left = math.inf if nodes is None else nodes
        self.deadline = math.inf if seconds is None else time.perf_counter() + seconds
        self.late = False

    def spend(self) -> bool:
        """Take one node; False where there is none left, or no time."""
        self.left -= 1
        if self.left % CLOCK_EVERY == 0 or self.left == math.inf:
            self.look()
        return not self.over

    def look(self) -> None:
        """Read the clock."""
        self.late = self.late or time.perf_counter() > self.deadline

    @property
    def over(self) -> bool:
        return self.late or self.left < 0
