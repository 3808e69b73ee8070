"""Static memory allocation: blocks with lifetimes, placed in one arena, with a proof or an honest gap.

    packing = pack([Block("in", 64, 0, 1), Block("out", 32, 1, 2)], [Trail("out", "in", 0)])
    packing.peak, packing.lower_bound, packing.optimal

`numpy` is imported only when a problem needs the branch and bound.
"""

from __future__ import annotations

from tinyc.memory.blocks import Block, Packing, PackingError, Trail, check
from tinyc.memory.bounds import lower_bound, max_live, together
from tinyc.memory.packing import NODES, pack

__all__ = ["NODES", "Block", "Packing", "PackingError", "Trail", "check", "lower_bound", "max_live", "pack", "together"]
