"""Transposes and slices of any element type: each output element is an input element at a strided place."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.common.plain import MOVE, WALK, PlainKernel
from tinyc.kernels.common.walk import MAX_AXES, Strided, row_major, strided
from tinyc.ops.shape import Transpose
from tinyc.ops.slice import StridedSlice
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class Gather(PlainKernel):
    """Runs of bytes that lie together in the input are moved as a whole."""

    includes = ("tinyc_gather.h",)
    headers = ("tinyc_gather.h", MOVE, WALK)
    sources = ("tinyc_gather.c",)

    def first(self, site: Site) -> int:
        """The input element that becomes output element 0."""
        return 0

    def steps(self, site: Site) -> tuple[int, ...]:
        """For each output axis, input elements between neighbours."""
        raise NotImplementedError(f"{self.name} declares no steps")

    def walked(self, site: Site) -> Strided:
        """The input's bytes in the output's order."""
        y = site.sig.output
        steps = (step * y.dtype.bytes for step in self.steps(site))
        return strided((*y.shape, y.dtype.bytes), (*steps, 1))

    def refuses(self, site: Site, target: Target) -> str | None:
        return None if len(self.walked(site).extents) <= MAX_AXES else f"it walks at most {MAX_AXES} axes"

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        walked, moved = self.walked(site), site.sig.output.bytes
        if walked.steps[0][-1] == 1:
            return {"call": 1, "run": walked.rows, "byte of a run": moved}
        return {"call": 1, "row": walked.rows, "byte": moved}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        walked = self.walked(site)
        params = c.struct(
            "tinyc_gather_params", "params", first=self.first(site) * site.sig.output.dtype.bytes,
            rows=walked.rows, **walked.walk("walk"), length=walked.length, step=walked.steps[0][-1],
        )
        c.void("tinyc_gather", params, c.input(0), c.output())


@kernel("tinyc/transpose", op=Transpose)
class TransposeAny(Gather):
    """Any permutation."""

    def steps(self, site: Site) -> tuple[int, ...]:
        op = site.op
        assert isinstance(op, Transpose)
        steps = row_major(site.sig.input(0).shape)
        return tuple(steps[axis] for axis in op.perm)


@kernel("tinyc/strided_slice", op=StridedSlice)
class StridedSliceAny(Gather):
    """Any begin and stride, backwards too."""

    def first(self, site: Site) -> int:
        op = site.op
        assert isinstance(op, StridedSlice)
        return sum(b * s for b, s in zip(op.begin, row_major(site.sig.input(0).shape), strict=True))

    def steps(self, site: Site) -> tuple[int, ...]:
        op = site.op
        assert isinstance(op, StridedSlice)
        return tuple(k * s for k, s in zip(op.stride, row_major(site.sig.input(0).shape), strict=True))
