"""arm_fully_connected_s8 and arm_fully_connected_per_channel_s8."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.cmsis_nn import cost
from tinyc.kernels.cmsis_nn.shapes import CmsisKernel, activation, dims, rounds_twice
from tinyc.kernels.common.tables import BIAS, bias_of, bias_table, multiplier_tables
from tinyc.ops.fixed_point import wrap32
from tinyc.ops.fully_connected import FullyConnected
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("cmsis-nn/fully_connected_s8", op=FullyConnected)
class FullyConnectedS8(CmsisKernel):
    """Dense layer. On Helium the library reads bias and input offset as one sum per output: a table."""

    def refuses(self, site: Site, target: Target) -> str | None:
        return rounds_twice(site)

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        op, outputs = site.op, site.sig.output.shape[-1]
        assert isinstance(op, FullyConnected)
        bias = bias_table(site, outputs)
        tables = bias | (multiplier_tables(op.multipliers(site.sig)) if self._per_channel(site) else {})
        return tables | ({"sums": self._sums(site)} if target.simd == "mve" else {})

    def _per_channel(self, site: Site) -> bool:
        quant = site.sig.input(1).quant
        return quant is not None and len(quant.scale) > 1

    def _filter_offset(self, site: Site) -> int:
        quant = site.sig.input(1).quant
        return 0 if quant is None or self._per_channel(site) else -quant.zero_point[0]

    def _sums(self, site: Site) -> Array:
        """What arm_vector_sum_s8 would compute at init: bias + input offset · Σ (weight + filter offset)."""
        weights = site.constant(1).astype(np.int64) + self._filter_offset(site)
        bias = site.constant(BIAS).reshape(-1).astype(np.int64) if site.has(BIAS) else 0
        total = bias - site.sig.input(0).zero_point * weights.sum(axis=1)
        return wrap32(total).astype(np.int32)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return cost.dense(site, target.simd)

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, x, w, y = site.op, site.sig.input(0), site.sig.input(1), site.sig.output
        assert isinstance(op, FullyConnected)
        sums = target.simd == "mve"
        ctx = c.struct(
            "cmsis_nn_context", "ctx", buf=c.mutable_constant("sums") if sums else "NULL",
            size=4 * y.shape[-1] if sums else 0,
        )
        params = c.struct(
            "cmsis_nn_fc_params", "params", input_offset=-x.zero_point,
            filter_offset=self._filter_offset(site), output_offset=y.zero_point,
            activation=activation(op.clamp),
        )
        if self._per_channel(site):
            function, quant = "arm_fully_connected_per_channel_s8", c.struct(
                "cmsis_nn_per_channel_quant_params", "quant",
                multiplier=c.mutable_constant("multiplier"), shift=c.mutable_constant("shift"),
            )
        else:
            m = op.multipliers(site.sig)
            function, quant = "arm_fully_connected_s8", c.struct(
                "cmsis_nn_per_tensor_quant_params", "quant", multiplier=m.multiplier[0], shift=m.shift[0]
            )
        rows, depth = y.elements // y.shape[-1], x.shape[-1]
        c.cmsis(
            function, ctx, params, quant,
            dims(c, "input_dims", (rows, 1, 1, depth)), c.input(0),
            dims(c, "filter_dims", (depth, 1, 1, w.shape[0])), c.input(1),
            dims(c, "bias_dims", (w.shape[0],)), bias_of(site, c),
            dims(c, "output_dims", (rows, 1, 1, w.shape[0])), c.output(),
        )
