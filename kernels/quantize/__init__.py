"""float32 to int8 and back; the only kernels that touch floats. (int8 to int8 is a table: see `lut`.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tinyc.codegen.text import number
from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import TensorType
from tinyc.kernels.common.plain import PlainKernel
from tinyc.ops.quantize import Dequantize, Quantize
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class FloatEnd(PlainKernel):
    """An elementwise conversion."""

    function: ClassVar[str]
    includes = ("tinyc_quantize_f32_s8.h",)
    headers = ("tinyc_quantize_f32_s8.h",)

    def quantised(self, site: Site) -> TensorType:
        """The operand whose scale and zero point count."""
        raise NotImplementedError(f"{self.name} declares no quantised operand")

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "element": site.sig.output.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        codes = self.quantised(site)
        params = c.struct(
            "tinyc_quantize_params", "params", elements=codes.elements, scale=number(codes.scale),
            zero_point=codes.zero_point,
        )
        c.void(self.function, params, c.input(0), c.output())


@kernel("tinyc/quantize_f32_s8", op=Quantize)
class QuantizeF32S8(FloatEnd):
    """float32 to int8."""

    function = "tinyc_quantize_f32_s8"
    sources = ("tinyc_quantize_f32_s8.c",)

    def quantised(self, site: Site) -> TensorType:
        return site.sig.output


@kernel("tinyc/dequantize_s8_f32", op=Dequantize)
class DequantizeS8F32(FloatEnd):
    """int8 to float32."""

    function = "tinyc_dequantize_s8_f32"
    sources = ("tinyc_dequantize_s8_f32.c",)

    def quantised(self, site: Site) -> TensorType:
        return site.sig.input(0)
