"""The base of provider `tinyc`: plain C99 that writes every output in ascending order."""

from __future__ import annotations

from tinyc.kernels.common.order import trailing_distance
from tinyc.ops.fixed_point import Multiplier
from tinyc.program.kernel import Kernel, Site

MATH = "../common/tinyc_math.h"
DIVIDE = "../common/tinyc_divide.h"
WALK = "../common/tinyc_walk.h"
MOVE = "../common/tinyc_move.h"


class PlainKernel(Kernel):
    """A call of our own C.

    Our functions compute one output element (or move one run of them) at a time, in ascending order, after
    reading all it needs; what they declare `restrict` or copy with memcpy never overlaps. So how far the
    output may trail an input follows from the access map. A kernel that works otherwise overrides `trails`.
    """

    def trails(self, site: Site, input: int) -> int | None:
        access = site.access[input]
        return None if access is None else trailing_distance(access, site.sig.input(input), site.sig.output)


def fixed_point(m: Multiplier) -> dict[str, int]:
    """The fields of a tinyc_multiplier."""
    return {"value": m.multiplier, "shift": m.shift}
