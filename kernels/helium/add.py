"""Sums of two tensors of one size, four elements at a time."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.walk import braces
from tinyc.ops.elementwise import Add
from tinyc.ops.fixed_point import Multiplier
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target

HALF = Multiplier(2**30, 0)  # what the operand with the larger scale is multiplied by


@kernel("tinyc/helium_add_s8", op=Add)
class HeliumAddS8(Kernel):
    """a + b of equal sizes, element by element in ascending order."""

    includes = ("tinyc_helium_add_s8.h",)
    headers = ("tinyc_helium_add_s8.h", "tinyc_helium.h", MATH)
    sources = ("tinyc_helium_add_s8.c",)

    def refuses(self, site: Site, target: Target) -> str | None:
        op, sizes = site.op, {t.elements for t in (site.sig.input(0), site.sig.input(1), site.sig.output)}
        assert isinstance(op, Add)
        if len(sizes) > 1:
            return "it does not broadcast"
        p = op.parameters(site.sig)
        if HALF not in (p.a, p.b) or p.output.shift >= 0:
            return "its sums leave no room for the output's scale"
        return None

    def trails(self, site: Site, input: int) -> int | None:
        return 0

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "four": -(-site.sig.output.elements // 4)}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, y = site.op, site.sig.output
        assert isinstance(op, Add)
        p = op.parameters(site.sig)
        a, b, scale = (0, 1, below_half(p.b)) if p.a == HALF else (1, 0, below_half(p.a))
        params = c.struct(
            "tinyc_helium_add", "params", a_zero_point=site.sig.input(a).zero_point,
            b_zero_point=site.sig.input(b).zero_point, output_zero_point=y.zero_point,
            b_multiplier=scale.multiplier, b_shift=scale.shift, multiplier=p.output.multiplier,
            shift=p.output.shift, clamp=braces(*op.clamp),
        )
        c.void("tinyc_helium_add_s8", params, y.elements, c.input(a), c.input(b), c.output())


def below_half(m: Multiplier) -> Multiplier:
    """An equal of `m`, which is at most one half, that shifts to the right.

    (2^31 − 1) · x / 2^31 rounds to x where |x| < 2^30, so that is HALF in two steps for the even x of operands.
    """
    if m == HALF:
        return Multiplier(2**31 - 1, -1)
    return m if m.multiplier else Multiplier(0, -1)
