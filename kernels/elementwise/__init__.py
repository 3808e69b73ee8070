"""Sums, products and extremes of two operands, with any broadcasting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.writer import CallWriter, Field
from tinyc.ir.types import Shape
from tinyc.kernels.common.plain import MATH, WALK, PlainKernel, fixed_point
from tinyc.kernels.common.walk import braces, row_major, strided
from tinyc.ops.elementwise import Add, Binary, Maximum, Minimum, Mul, SquaredDifference, Sub, Sum
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class BroadcastKernel(PlainKernel):
    """Operands of one shape are one loop; a scalar or a vector along the last axes adds one loop or two."""

    function: ClassVar[str]
    parameters: ClassVar[str]
    includes = ("tinyc_elementwise_s8.h",)
    headers = ("tinyc_elementwise_s8.h", MATH, WALK)

    def fields(self, site: Site) -> dict[str, Field]:
        """The quantisation of the parameters."""
        return {}

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        shape = broadcast(site.sig.input(0).shape, site.sig.input(1).shape, site.sig.output.shape)
        rows = shape["rows"]
        assert isinstance(rows, int)
        return {"call": 1, "row": rows, "element": site.sig.output.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, a, b, y = site.op, site.sig.input(0), site.sig.input(1), site.sig.output
        assert isinstance(op, Binary)
        params = c.struct(
            self.parameters, "params", shape=broadcast(a.shape, b.shape, y.shape), **self.fields(site),
            clamp=braces(*op.clamp),
        )
        c.void(self.function, params, c.input(0), c.input(1), c.output())


class SumKernel(BroadcastKernel):
    """a + b, a - b or the square of that."""

    parameters = "tinyc_sum_params"

    def fields(self, site: Site) -> dict[str, Field]:
        op = site.op
        assert isinstance(op, Sum)
        p = op.parameters(site.sig)
        return {
            "left_shift": op.left_shift, **zero_points(site), "a_scale": fixed_point(p.a),
            "b_scale": fixed_point(p.b), "scale": fixed_point(p.output),
            "output_zero_point": site.sig.output.zero_point,
        }


@kernel("tinyc/add_s8", op=Add)
class AddS8(SumKernel):
    """a + b."""

    function = "tinyc_add_s8"
    sources = ("tinyc_add_s8.c",)


@kernel("tinyc/sub_s8", op=Sub)
class SubS8(SumKernel):
    """a - b."""

    function = "tinyc_sub_s8"
    sources = ("tinyc_sub_s8.c",)


@kernel("tinyc/squared_difference_s8", op=SquaredDifference)
class SquaredDifferenceS8(SumKernel):
    """The square of a - b."""

    function = "tinyc_squared_difference_s8"
    sources = ("tinyc_squared_difference_s8.c",)


@kernel("tinyc/mul_s8", op=Mul)
class MulS8(BroadcastKernel):
    """a · b."""

    function = "tinyc_mul_s8"
    parameters = "tinyc_mul_params"
    sources = ("tinyc_mul_s8.c",)

    def fields(self, site: Site) -> dict[str, Field]:
        op = site.op
        assert isinstance(op, Mul)
        return {
            **zero_points(site), "scale": fixed_point(op.multiplier(site.sig)),
            "output_zero_point": site.sig.output.zero_point,
        }


class ExtremumKernel(BroadcastKernel):
    """The larger or the smaller code."""

    parameters = "tinyc_extremum_params"


@kernel("tinyc/minimum_s8", op=Minimum)
class MinimumS8(ExtremumKernel):
    """The smaller of a and b."""

    function = "tinyc_minimum_s8"
    sources = ("tinyc_minimum_s8.c",)


@kernel("tinyc/maximum_s8", op=Maximum)
class MaximumS8(ExtremumKernel):
    """The larger of a and b."""

    function = "tinyc_maximum_s8"
    sources = ("tinyc_maximum_s8.c",)


def zero_points(site: Site) -> dict[str, Field]:
    return {"a_zero_point": site.sig.input(0).zero_point, "b_zero_point": site.sig.input(1).zero_point}


def broadcast(a: Shape, b: Shape, y: Shape) -> dict[str, Field]:
    """The tinyc_broadcast of two operands of an output of shape `y`."""
    walked = strided(y, _steps(a, y), _steps(b, y))
    return {
        "rows": walked.rows, "length": walked.length, "a_step": walked.steps[0][-1],
        "b_step": walked.steps[1][-1], **walked.walk("a", 0), **walked.walk("b", 1),
    }


def _steps(x: Shape, y: Shape) -> tuple[int, ...]:
    """Elements of `x` between neighbours along each axis of `y`; 0 where it broadcasts."""
    steps = tuple(0 if n == 1 else step for n, step in zip(x, row_major(x), strict=True))
    return (0,) * (len(y) - len(x)) + steps
