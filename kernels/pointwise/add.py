"""Sums of two tensors of one shape, in a dozen instructions an element."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter, Field
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.requantise import MAX_DOUBLED_SHIFT
from tinyc.kernels.common.walk import braces
from tinyc.kernels.pointwise.pairs import DSP
from tinyc.ops.elementwise import ADD_LEFT_SHIFT, Add
from tinyc.ops.fixed_point import Multiplier
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target

HALF = Multiplier(2**30, 0)  # of the operand with the larger scale


@kernel("tinyc/add_equal_s8", op=Add)
class AddEqualS8(Kernel):
    """a + b of equal sizes, element by element in ascending order."""

    includes = ("tinyc_add_equal_s8.h",)
    headers = ("tinyc_add_equal_s8.h", "tinyc_limit_s8.h", DSP, MATH)
    sources = ("tinyc_add_equal_s8.c", "tinyc_limit_s8.c")

    def refuses(self, site: Site, target: Target) -> str | None:
        op, sizes = site.op, {t.elements for t in (site.sig.input(0), site.sig.input(1), site.sig.output)}
        assert isinstance(op, Add)
        if len(sizes) > 1:
            return "it does not broadcast"
        p = op.parameters(site.sig)
        if HALF not in (p.a, p.b) or not 1 <= -p.output.shift <= MAX_DOUBLED_SHIFT:
            return "its sums leave no room for the output's scale"
        return None

    def trails(self, site: Site, input: int) -> int | None:
        return 0

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "element": site.sig.output.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, y = site.op, site.sig.output
        assert isinstance(op, Add)
        p = op.parameters(site.sig)
        first, second, scale = (0, 1, p.b) if p.a == HALF else (1, 0, p.a)
        params = c.struct(
            "tinyc_add_equal", "params", a_offset=-site.sig.input(first).zero_point << ADD_LEFT_SHIFT,
            b_offset=-site.sig.input(second).zero_point << (ADD_LEFT_SHIFT + 1),
            b=requantiser(below_half(scale), 0), output=requantiser(p.output, y.zero_point), clamp=braces(*op.clamp),
        )
        c.void("tinyc_add_equal_s8", params, y.elements, c.input(first), c.input(second), c.output())


def below_half(m: Multiplier) -> Multiplier:
    """An equal of `m` with a shift to the right, on codes shifted up by 21 bits.

    (2^31 − 1) · x / 2^32 is nearer to x / 2 than a half where |x| < 2^31, so that is HALF in two steps.
    """
    if m == HALF:
        return Multiplier(2**31 - 1, -1)
    return m if m.multiplier else Multiplier(0, -1)


def requantiser(m: Multiplier, zero_point: int) -> dict[str, Field]:
    """The fields of a tinyc_requantiser for doubled sums."""
    right = -m.shift
    rounding = (1 << (right - 1)) + (zero_point << right)
    return {"multiplier": m.multiplier, "rounding": rounding, "shift": right}
