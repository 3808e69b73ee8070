"""arm_elementwise_add_s8, arm_elementwise_mul_s8, arm_minimum_s8 and arm_maximum_s8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.cmsis_nn.shapes import CmsisKernel, dims
from tinyc.ops.elementwise import ADD_LEFT_SHIFT, Add, Binary, Maximum, Minimum, Mul
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class InStep(CmsisKernel):
    """Calls that walk operands and output in step, from the first element to the last, 16 at most at once."""


    def refuses(self, site: Site, target: Target) -> str | None:
        return None if len(set(_sizes(site))) == 1 else "the library does not broadcast"

    def trails(self, site: Site, input: int) -> int | None:
        """0 for an operand as large as the output: no vector is stored before its elements were read."""
        return 0 if site.sig.input(input).elements == site.sig.output.elements else None

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "element": site.sig.output.elements}


@kernel("cmsis-nn/elementwise_add_s8", op=Add)
class AddS8(InStep):
    """a + b of equal shapes."""


    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, Add)
        a, b, y = site.sig.input(0), site.sig.input(1), site.sig.output
        p = op.parameters(site.sig)
        c.cmsis(
            "arm_elementwise_add_s8", c.input(0), c.input(1),
            -a.zero_point, p.a.multiplier, p.a.shift,
            -b.zero_point, p.b.multiplier, p.b.shift, ADD_LEFT_SHIFT,
            c.output(), y.zero_point, p.output.multiplier, p.output.shift, *op.clamp, y.elements,
        )


@kernel("cmsis-nn/elementwise_mul_s8", op=Mul)
class MulS8(InStep):
    """a · b of equal shapes."""


    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, Mul)
        a, b, y = site.sig.input(0), site.sig.input(1), site.sig.output
        m = op.multiplier(site.sig)
        c.cmsis(
            "arm_elementwise_mul_s8", c.input(0), c.input(1), -a.zero_point, -b.zero_point,
            c.output(), y.zero_point, m.multiplier, m.shift, *op.clamp, y.elements,
        )


class Extremum(InStep):
    """The larger or the smaller code of equal shapes, or of a tensor and a scalar.

    Other broadcasts are not asked of it: where one operand is larger on one axis and smaller on another, the
    library's walk over batches and rows is not the operator's definition.
    """

    function: ClassVar[str]

    def refuses(self, site: Site, target: Target) -> str | None:
        op, (a, b, y) = site.op, _sizes(site)
        assert isinstance(op, Binary)
        if op.clamp != (-128, 127):
            return "the library does not clamp it"
        return None if {a, b} <= {1, y} and y in (a, b) else "the library does not broadcast this exactly"

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        a, b, y = ((n,) for n in _sizes(site))
        c.cmsis(
            self.function, "NULL", c.input(0), dims(c, "a_dims", a), c.input(1), dims(c, "b_dims", b),
            c.output(), dims(c, "output_dims", y),
        )


@kernel("cmsis-nn/minimum_s8", op=Minimum)
class MinimumS8(Extremum):
    """The smaller of a and b."""

    function = "arm_minimum_s8"


@kernel("cmsis-nn/maximum_s8", op=Maximum)
class MaximumS8(Extremum):
    """The larger of a and b."""

    function = "arm_maximum_s8"


def _sizes(site: Site) -> tuple[int, int, int]:
    """Elements of a, b and the output."""
    return site.sig.input(0).elements, site.sig.input(1).elements, site.sig.output.elements
