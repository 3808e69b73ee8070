"""Plain copies: a view whose input is a constant in flash."""

from __future__ import annotations

from collections.abc import Mapping

from tinyc.codegen.writer import CallWriter
from tinyc.ops.shape import Reshape
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target


@kernel("tinyc/copy", op=Reshape)
class Copy(Kernel):
    """memcpy. Only where a view cannot share its input's bytes."""

    includes = ("string.h",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        return {"call": 1, "byte": site.sig.output.bytes}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        c.line(f"memcpy({c.output()}, {c.input(0)}, {site.sig.output.bytes}u);")
        c.line("return TINYC_OK;")
