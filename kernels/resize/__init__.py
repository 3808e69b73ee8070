"""Nearest-neighbour resize: which pixel is copied is decided at compile time, in the reference's float32."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array
from tinyc.kernels.common.plain import MOVE, PlainKernel
from tinyc.kernels.common.walk import braces
from tinyc.ops.resize import ResizeNearest
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target


@kernel("tinyc/resize_nearest_s8", op=ResizeNearest)
class ResizeNearestS8(PlainKernel):
    """Two tables in flash: the source of each output row and of each output column."""

    includes = ("tinyc_resize_nearest_s8.h",)
    headers = ("tinyc_resize_nearest_s8.h", MOVE)
    sources = ("tinyc_resize_nearest_s8.c",)

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        op, (_, rows, columns, _) = site.op, site.sig.input(0).shape
        assert isinstance(op, ResizeNearest)
        sources = {"rows": op.source(0, rows), "columns": op.source(1, columns)}
        return {name: np.array(source, np.int32) for name, source in sources.items()}

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        n, rows, columns, _ = site.sig.output.shape
        return {"call": 1, "row": n * rows, "pixel": n * rows * columns, "output": site.sig.output.elements}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        x, y = site.sig.input(0).shape, site.sig.output.shape
        params = c.struct(
            "tinyc_resize_params", "params", images=x[0], input=braces(*x[1:3]), output=braces(*y[1:3]),
            channels=x[3],
        )
        tables = c.constant("rows"), c.constant("columns")
        c.void("tinyc_resize_nearest_s8", params, c.input(0), *tables, c.output())
