"""Mean over any axes."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.plain import MATH, WALK, PlainKernel, fixed_point
from tinyc.kernels.common.walk import MAX_AXES, Strided, row_major, strided
from tinyc.ops.reduce import Mean
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("tinyc/mean_s8", op=Mean)
class MeanS8(PlainKernel):
    """One output after the other, so that it needs no scratch and may take its input's place."""

    includes = ("tinyc_mean_s8.h",)
    headers = ("tinyc_mean_s8.h", MATH, WALK)
    sources = ("tinyc_mean_s8.c",)

    def refuses(self, site: Site, target: Target) -> str | None:
        fits = max(len(walked.extents) for walked in _walks(site)) <= MAX_AXES
        return None if fits else f"it walks at most {MAX_AXES} axes"

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        outputs, (_, reduced) = site.sig.output.elements, _walks(site)
        return {"call": 1, "output": outputs, "row": outputs * reduced.rows, "element": site.sig.input(0).elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, sig = site.op, site.sig
        assert isinstance(op, Mean)
        kept, reduced = _walks(site)
        params = c.struct(
            "tinyc_mean_params", "params", outputs=sig.output.elements, **kept.walk("kept", last=True),
            rows=reduced.rows, length=reduced.length, step=reduced.steps[0][-1], **reduced.walk("reduced"),
            scale=fixed_point(op.multiplier(sig)), input_zero_point=sig.input(0).zero_point,
            output_zero_point=sig.output.zero_point,
        )
        c.void("tinyc_mean_s8", params, c.input(0), c.output())


def _walks(site: Site) -> tuple[Strided, Strided]:
    """The input's axes that stay, and those that are summed over."""
    op, shape = site.op, site.sig.input(0).shape
    assert isinstance(op, Mean)
    steps = row_major(shape)
    kept, reduced = ([a for a in range(len(shape)) if (a in op.axes) is inside] for inside in (False, True))
    return (
        strided([shape[a] for a in kept], [steps[a] for a in kept]),
        strided([shape[a] for a in reduced], [steps[a] for a in reduced]),
    )
