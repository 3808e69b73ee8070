"""Table look-up: serves `lut`, and every function of one int8 code through the table that it declares."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import PlainKernel
from tinyc.ops.unary import Lut, Unary
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


class TableLookup(PlainKernel):
    """One load from the table per element."""

    includes = ("tinyc_lut_s8.h",)
    headers = ("tinyc_lut_s8.h",)
    sources = ("tinyc_lut_s8.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "element": site.sig.output.elements}

    def table(self, c: CallWriter) -> str:
        """Pointer to the 256 codes."""
        raise NotImplementedError(f"{self.name} declares no table")

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        c.void("tinyc_lut_s8", site.sig.output.elements, c.input(0), self.table(c), c.output())


@kernel("tinyc/lut_s8", op=Lut)
class LutS8(TableLookup):
    """The table is an operand."""

    def table(self, c: CallWriter) -> str:
        return c.input(1)


@kernel("tinyc/unary_s8", op=Unary)
class UnaryS8(TableLookup):
    """The operator's own table, computed at compile time."""

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        op = site.op
        assert isinstance(op, Unary)
        return {"table": op.table(site.sig)}

    def table(self, c: CallWriter) -> str:
        return c.constant("table")
