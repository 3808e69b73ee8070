"""Dense layers with any zero points and any operand in SRAM."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH, PlainKernel
from tinyc.kernels.common.tables import bias_of, bias_table, multiplier_tables
from tinyc.kernels.common.walk import braces
from tinyc.ops.fully_connected import FullyConnected
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("tinyc/fully_connected_s8", op=FullyConnected)
class FullyConnectedS8(PlainKernel):
    """Row by row, a multiplier for each output."""

    includes = ("tinyc_fully_connected_s8.h",)
    headers = ("tinyc_fully_connected_s8.h", MATH)
    sources = ("tinyc_fully_connected_s8.c",)

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        op = site.op
        assert isinstance(op, FullyConnected)
        return multiplier_tables(op.multipliers(site.sig)) | bias_table(site, site.sig.output.shape[-1])

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "output": site.sig.output.elements, "product": site.op.macs(site.sig)}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, w, y = site.op, site.sig.input(0), site.sig.input(1), site.sig.output
        assert isinstance(op, FullyConnected) and w.quant is not None
        params = c.struct(
            "tinyc_fully_connected_params", "params", rows=y.elements // y.shape[-1],
            depth=x.shape[-1], outputs=y.shape[-1],
            input_zero_point=x.zero_point, output_zero_point=y.zero_point, clamp=braces(*op.clamp),
            weights_zero_point=0 if w.quant.is_per_channel else w.zero_point,
        )
        c.void(
            "tinyc_fully_connected_s8", params, c.input(0), c.input(1),
            bias_of(site, c), c.constant("multiplier"), c.constant("shift"), c.output(),
        )
