"""Padding with one code."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.plain import MOVE, WALK, PlainKernel
from tinyc.kernels.common.walk import Strided, row_major, strided
from tinyc.ops.pad import Pad
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("tinyc/pad_s8", op=Pad)
class PadS8(PlainKernel):
    """Any axes, written once from the first byte to the last."""

    includes = ("tinyc_pad_s8.h",)
    headers = ("tinyc_pad_s8.h", MOVE, WALK)
    sources = ("tinyc_pad_s8.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "row": _walked(site).rows, "output": site.sig.output.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, y, walked = site.op, site.sig.output, _walked(site)
        assert isinstance(op, Pad)
        first = sum(b * s for b, s in zip(op.before, row_major(y.shape), strict=True))
        params = c.struct(
            "tinyc_pad_params", "params", elements=y.elements, first=first, rows=walked.rows,
            length=walked.length, **walked.walk("walk"), value=op.value,
        )
        c.void("tinyc_pad_s8", params, c.input(0), c.output())


def _walked(site: Site) -> Strided:
    """The input's elements where they lie in the output; its last axis lies together."""
    found = strided(site.sig.input(0).shape, row_major(site.sig.output.shape))
    (steps,) = found.steps
    return found if steps[-1] == 1 else Strided((*found.extents, 1), ((*steps, 1),))
