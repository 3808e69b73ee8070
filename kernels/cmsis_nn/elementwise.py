"""arm_elementwise_add_s8: operands of one size, no broadcasting."""

from __future__ import annotations

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.cmsis_nn.shapes import CmsisKernel
from tinyc.ops.elementwise import ADD_LEFT_SHIFT, Add
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class EqualSizes(CmsisKernel):
    """Elementwise calls that walk three arrays in step, from the first element to the last."""

    def refuses(self, site: Site, target: Target) -> str | None:
        sizes = {t.elements for t in (*site.sig.inputs, site.sig.output) if t is not None}
        return None if len(sizes) == 1 else "the library does not broadcast"

    def trails(self, site: Site, input: int) -> int | None:
        return 0

    def cost(self, site: Site, target: Target) -> float:
        return {"none": 45.0, "dsp": 30.0, "mve": 6.0}[target.simd] * site.sig.output.elements


@kernel("cmsis-nn/elementwise_add_s8", op=Add)
class AddS8(EqualSizes):
    """a + b of equal shapes."""

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, Add)
        a, b, y = site.sig.input(0), site.sig.input(1), site.sig.output
        p = op.parameters(site.sig)
        c.cmsis(
            "arm_elementwise_add_s8", c.input(0), c.input(1),
            -a.zero_point, p.a.multiplier, p.a.shift, -b.zero_point, p.b.multiplier, p.b.shift, ADD_LEFT_SHIFT,
            c.output(), y.zero_point, p.output.multiplier, p.output.shift, op.clamp[0], op.clamp[1], y.elements,
        )
