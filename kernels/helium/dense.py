"""Dense layers."""

from __future__ import annotations

from tinyc.kernels.helium.columns import ColumnsKernel
from tinyc.kernels.helium.packing import needs_constants
from tinyc.ops.conv import ChannelMultipliers
from tinyc.ops.fully_connected import FullyConnected
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("tinyc/helium_dense_s8", op=FullyConnected)
class HeliumDenseS8(ColumnsKernel):
    """Rows as columns of dense sums, two at a time."""

    def multipliers(self, site: Site) -> ChannelMultipliers:
        op = site.op
        assert isinstance(op, FullyConnected)
        return op.multipliers(site.sig)

    def refuses(self, site: Site, target: Target) -> str | None:
        quant = site.sig.input(1).quant
        if quant is None or not quant.is_symmetric:
            return "it takes weights with zero point 0"
        return needs_constants(site)
