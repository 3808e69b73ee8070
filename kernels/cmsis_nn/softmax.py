"""arm_softmax_s8."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.kernels.cmsis_nn.shapes import CmsisKernel
from tinyc.ops.softmax import Softmax
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

MAX_ROW = 511  # longer rows can need a right shift by more than 31


@kernel("cmsis-nn/softmax_s8", op=Softmax)
class SoftmaxS8(CmsisKernel):
    """Rows of up to 511 elements."""

    def refuses(self, site: Site, target: Target) -> str | None:
        op, length = site.op, site.sig.output.shape[-1]
        assert isinstance(op, Softmax)
        if length > MAX_ROW:
            return f"the library is exact for rows of at most {MAX_ROW} elements"
        return None if op.multiplier(site.sig).shift <= 30 else "the library shifts by at most 30 bits"

    def trails(self, site: Site, input: int) -> int | None:
        """0: a row's last pass, the only one that writes, needs only the elements that it replaces."""
        return 0

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        y = site.sig.output
        return {"call": 1, "row": y.elements // y.shape[-1], "element": y.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, y = site.op, site.sig.output
        assert isinstance(op, Softmax)
        m, length = op.multiplier(site.sig), y.shape[-1]
        c.void(
            "arm_softmax_s8", c.input(0), y.elements // length, length, m.multiplier, m.shift,
            op.least_difference(site.sig), c.output(),
        )
