"""Layer normalisation of rows, in exact sums and a reciprocal square root."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MATH
from tinyc.kernels.common.requantise import DSP
from tinyc.ops.layer_norm import LayerNorm
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target

GAMMA, BETA = 1, 2  # their input indices


class LayerNormKernel(Kernel):
    """Rows of any length that the operator takes, one after the other, each read twice."""

    function: ClassVar[str]
    includes = ("tinyc_layer_norm_s8.h",)

    def refuses(self, site: Site, target: Target) -> str | None:
        computed = any(site.has(i) and site.data[i] is None for i in (GAMMA, BETA))
        return "gamma and beta must be constants" if computed else None

    def trails(self, site: Site, input: int) -> int | None:
        """0: a row's second pass, the only one that writes, needs only the elements that it replaces."""
        return 0 if input == 0 else None

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        op = site.op
        assert isinstance(op, LayerNorm)
        gamma, beta = (site.constant(i) if site.has(i) else None for i in (GAMMA, BETA))
        return {"factors": op.factors(site.sig, gamma), "bias": op.biases(site.sig, beta)}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op, y = site.op, site.sig.output
        assert isinstance(op, LayerNorm)
        n, channels = op.normalisation(site.sig), y.shape[-1]
        params = c.struct(
            "tinyc_layer_norm", "params", rows=y.elements // channels, channels=channels,
            epsilon=f"UINT64_C({n.epsilon})", variance_shift=n.variance_shift, deviation_shift=n.deviation_shift,
            fraction_bits=n.fraction_bits,
        )
        c.void(self.function, params, c.input(0), c.constant("factors"), c.constant("bias"), c.output())


@kernel("tinyc/layer_norm_s8", op=LayerNorm)
class LayerNormS8(LayerNormKernel):
    """Four codes at a time for the sums where the core has 16-bit pairs."""

    function = "tinyc_layer_norm_s8"
    headers = ("tinyc_layer_norm_s8.h", "tinyc_normalise.h", DSP, MATH)
    sources = ("tinyc_layer_norm_s8.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        y = site.sig.output
        return {"call": 1, "row": y.elements // y.shape[-1], "element": y.elements}


@kernel("tinyc/helium_layer_norm_s8", op=LayerNorm)
class HeliumLayerNormS8(LayerNormKernel):
    """Sixteen codes at a time for the sums, four for the results."""

    function = "tinyc_helium_layer_norm_s8"
    headers = ("tinyc_layer_norm_s8.h", "tinyc_normalise.h", "../helium/tinyc_helium.h", MATH)
    sources = ("tinyc_helium_layer_norm_s8.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        y = site.sig.output
        rows = y.elements // y.shape[-1]
        vectors = {"sixteen": rows * -(-y.shape[-1] // 16), "four": rows * -(-y.shape[-1] // 4)}
        return {"call": 1, "row": rows, **vectors} if target.simd == "mve" else {"row": rows, "element": y.elements}
