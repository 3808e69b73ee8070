"""What the declarations of this family share: two pixels times two channels at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.requantise import clamped, shifted
from tinyc.kernels.common.tables import multipliers_of
from tinyc.kernels.common.walk import braces
from tinyc.kernels.pointwise.packing import Dense, groups, with_requantisers
from tinyc.ops.conv import ChannelMultipliers, Conv2D
from tinyc.ops.fully_connected import FullyConnected
from tinyc.program.kernel import Kernel, Site
from tinyc.targets import Target

PAIR = 2  # channels at a time
DSP = "../common/tinyc_dsp.h"


class PairKernel(Kernel):
    """A call that fills columns of two pixels and multiplies them with tinyc_columns_s8."""

    includes: ClassVar[tuple[str, ...]] = ("tinyc_columns_s8.h",)
    headers: ClassVar[tuple[str, ...]] = (
        "tinyc_columns_s8.h", "tinyc_block.h", "tinyc_groups.h", "tinyc_widen.h", "tinyc_limit_s8.h", DSP, MATH,
    )
    weights = frozenset({"channels"})

    def multipliers(self, site: Site) -> ChannelMultipliers:
        return multipliers_of(site)

    def matrix(self, site: Site) -> Array:
        """Weights as int8[channels, …]: for each all that a pixel reads."""
        return site.constant(1)

    def depth(self, site: Site) -> int:
        """Codes that lie side by side."""
        return site.sig.input(0).shape[-1]

    def pieces(self, site: Site) -> int:
        """Runs of `depth` codes that a pixel reads."""
        return 1

    def pixels(self, site: Site) -> int:
        y = site.sig.output
        return y.elements // y.shape[-1]

    def groups(self, site: Site) -> int:
        return groups(self.pieces(site), self.depth(site))

    def dense(self, site: Site) -> Dense:
        return Dense.of(site, self.matrix(site), self.depth(site), self.multipliers(site))

    def scratch(self, site: Site, target: Target) -> int:
        return 16 * self.groups(site)

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        return {"channels": with_requantisers(self.dense(site), PAIR)}

    def products(self, site: Site, calls: int, name: str = "") -> Mapping[str, float]:
        """Work of `calls` blocks of pixels, two channels times a group at a time; parts whose names end with `name`."""
        pairs = calls * ((site.sig.output.shape[-1] + 1) // 2)
        parts = {f"block{name}": calls, f"channels{name}": pairs, f"group{name}": pairs * self.groups(site)}
        return {**parts, "shifted output": shifted(site), "clamped output": clamped(site)}

    def layer(self, site: Site, c: CallWriter) -> str:
        """Declares the tinyc_columns; its address."""
        op, y = site.op, site.sig.output
        assert isinstance(op, Conv2D | FullyConnected)
        return c.struct(
            "tinyc_columns", "layer", constants=c.constant("channels"), depth=self.depth(site),
            groups=self.groups(site), channels=y.shape[-1], zero_point=y.zero_point, clamp=braces(*op.clamp),
        )
