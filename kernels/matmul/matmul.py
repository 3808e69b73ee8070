"""tinyc_matmul_s8 and its forms for rows times rows and rows times columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from tinyc.codegen.writer import CallWriter, Field
from tinyc.ir.types import Shape
from tinyc.kernels.common.order import trailing
from tinyc.kernels.common.plain import MATH, WALK, PlainKernel, fixed_point
from tinyc.kernels.common.requantise import DSP, requantiser
from tinyc.kernels.common.walk import Strided, braces, row_major, strided
from tinyc.ops.matmul import BatchMatMul
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

HEADERS = ("tinyc_matmul_s8.h", DSP, MATH, WALK)
HELIUM = "../helium/tinyc_helium.h"


@dataclass(frozen=True)
class Product:
    """Matrices a and b at each of some places, and the steps between their elements."""

    places: Strided
    rows: int
    depth: int
    columns: int
    a_step: tuple[int, int]
    b_step: tuple[int, int]

    @classmethod
    def of(cls, site: Site) -> Product:
        """Where all places share one b, they are further rows of a."""
        op, a, b, y = site.op, site.sig.input(0).shape, site.sig.input(1).shape, site.sig.output.shape
        assert isinstance(op, BatchMatMul)
        rows, depth, columns = op.dims(site.sig)
        lead = y[:-2]
        a_step = (1, rows) if op.transpose_a else (depth, 1)
        b_step = (1, depth) if op.transpose_b else (columns, 1)
        if prod(b[:-2]) == 1 and a[:-2] == (1,) * (len(a) - len(y)) + lead and not op.transpose_a:
            rows, lead = rows * prod(lead), ()
        places = strided((*lead, 1), _steps(a, lead), _steps(b, lead))
        return cls(places, rows, depth, columns, a_step, b_step)

    @property
    def batches(self) -> int:
        return prod(self.places.extents)

    def fields(self) -> dict[str, Field]:
        return {
            "batches": self.batches, **self.places.walk("a", 0, last=True), **self.places.walk("b", 1, last=True),
            "rows": self.rows, "depth": self.depth, "columns": self.columns,
            "a_step": braces(*self.a_step), "b_step": braces(*self.b_step),
        }


def _steps(x: Shape, lead: Shape) -> tuple[int, ...]:
    """Elements of `x` between neighbours along each leading axis of the output, 0 where it broadcasts; and a last 0."""
    steps = tuple(0 if n == 1 else step for n, step in zip(x[:-2], row_major(x)[:-2], strict=True))
    return (*((0,) * len(lead) + steps)[len(steps) :], 0)


def scales(site: Site) -> dict[str, Field]:
    """The fields `scale` and `requantiser` of a tinyc_matmul."""
    op = site.op
    assert isinstance(op, BatchMatMul)
    m = op.multiplier(site.sig)
    r = requantiser(m, site.sig.output.zero_point, 255 * 255 * op.dims(site.sig)[1])
    return {"scale": fixed_point(m), "requantiser": r.fields}


class MatMulKernel(PlainKernel):
    """A call that takes a tinyc_matmul."""

    function: ClassVar[str]
    includes = ("tinyc_matmul_s8.h",)
    headers: ClassVar[tuple[str, ...]] = HEADERS

    def params(self, site: Site, c: CallWriter) -> str:
        """Declares the tinyc_matmul; its address."""
        a, b, y = site.sig.input(0), site.sig.input(1), site.sig.output
        return c.struct(
            "tinyc_matmul", "params", **Product.of(site).fields(), a_zero_point=a.zero_point, b_zero_point=b.zero_point,
            output_zero_point=y.zero_point, **scales(site),
        )

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        scratch = (c.scratch(),) if self.scratch(site, target) else ()
        c.void(self.function, self.params(site, c), c.input(0), c.input(1), *scratch, c.output())


@kernel("tinyc/matmul_s8", op=BatchMatMul)
class MatMulS8(MatMulKernel):
    """Either matrix transposed or not, one row times four columns at a time."""

    function = "tinyc_matmul_s8"
    sources = ("tinyc_matmul_s8.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        p = Product.of(site)
        blocks = p.batches * p.rows * -(-p.columns // 4)
        kind = "product" if p.b_step[0] == 1 else "apart product"
        return {"call": 1, "row": p.batches * p.rows, "block": blocks, kind: blocks * p.depth}


class PairsKernel(MatMulKernel):
    """For cores with 16-bit pairs."""

    def trails(self, site: Site, input: int) -> int | None:
        """Rows of a are read before what they give is written; b is read to the end."""
        product = Product.of(site)
        if input != 0 or product.batches > 1:
            return None
        starts = np.arange(self.rows_at_a_time, product.rows, self.rows_at_a_time)  # of rows still needed
        return trailing(starts * product.columns, starts * product.depth, site.sig.output.bytes)

    rows_at_a_time: ClassVar[int] = 1


@kernel("tinyc/matmul_transposed_s8", op=BatchMatMul)
class MatMulTransposedS8(PairsKernel):
    """Rows of a times rows of b, two by two."""

    function = "tinyc_matmul_transposed_s8"
    sources = ("tinyc_matmul_transposed_s8.c",)
    rows_at_a_time = 2

    def refuses(self, site: Site, target: Target) -> str | None:
        return rows_times(site, transposed=True)

    def scratch(self, site: Site, target: Target) -> int:
        return 16 * -(-Product.of(site).depth // 4)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        p = Product.of(site)
        groups, pairs = -(-p.depth // 4), p.batches * -(-p.rows // 2)
        blocks = pairs * -(-p.columns // 2)
        return {
            "call": 1, "rows": pairs, "widened group": pairs * groups, "block": blocks, "group": blocks * groups,
            "ragged block": blocks if p.depth % 4 else 0,
        }


@kernel("tinyc/matmul_rows_s8", op=BatchMatMul)
class MatMulRowsS8(PairsKernel):
    """A row of a times columns of b, four at a time."""

    function = "tinyc_matmul_rows_s8"
    sources = ("tinyc_matmul_rows_s8.c",)

    def refuses(self, site: Site, target: Target) -> str | None:
        return rows_times(site, transposed=False)

    def scratch(self, site: Site, target: Target) -> int:
        return 4 * -(-Product.of(site).depth // 2)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        p = Product.of(site)
        rows, pairs = p.batches * p.rows, -(-p.depth // 2)
        blocks, rest = (rows * n for n in divmod(p.columns, 4))
        return {
            "call": 1, "row": rows, "widened pair": rows * pairs, "block": blocks, "pair of four": blocks * pairs,
            "column": rest, "pair": rest * pairs,
        }


def rows_times(site: Site, *, transposed: bool) -> str | None:
    """Why it is no product of rows of a with rows of b (`transposed`), or with columns of b, where it is not."""
    op = site.op
    assert isinstance(op, BatchMatMul)
    if op.transpose_a:
        return "it takes an a that is not transposed"
    wanted = "a" if transposed else "no"
    return None if op.transpose_b == transposed else f"it takes {wanted} transposed b"


@kernel("tinyc/helium_matmul_transposed_s8", op=BatchMatMul)
class HeliumMatMulTransposedS8(PairsKernel):
    """Rows of a times rows of b, two by two, sixteen products at a time."""

    function = "tinyc_helium_matmul_transposed_s8"
    headers = (*HEADERS, HELIUM)
    sources = ("tinyc_helium_matmul_transposed_s8.c",)

    def refuses(self, site: Site, target: Target) -> str | None:
        return rows_times(site, transposed=True)

    def trails(self, site: Site, input: int) -> int | None:
        """Two rows of a are read again for every two columns that are written."""
        product = Product.of(site)
        if input != 0 or product.batches > 1:
            return None
        starts = np.arange(0, product.rows, 2)
        ends = np.minimum(starts + 2, product.rows) * product.columns
        return trailing(ends, starts * product.depth, site.sig.output.bytes)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        p = Product.of(site)
        steps, pairs = -(-p.depth // 16), p.batches * -(-p.rows // 2)
        blocks = pairs * -(-p.columns // 2)
        return {"call": 1, "rows": pairs, "step of rows": pairs * steps, "block": blocks, "step": blocks * steps}


@kernel("tinyc/helium_matmul_rows_s8", op=BatchMatMul)
class HeliumMatMulRowsS8(MatMulKernel):
    """A row of a times columns of b, sixteen at a time."""

    function = "tinyc_helium_matmul_rows_s8"
    headers = (*HEADERS, HELIUM)
    sources = ("tinyc_helium_matmul_rows_s8.c",)

    def refuses(self, site: Site, target: Target) -> str | None:
        return rows_times(site, transposed=False)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        p = Product.of(site)
        rows, (blocks, rest) = p.batches * p.rows, divmod(p.columns, 16)
        fours = rows * -(-rest // 4)
        return {
            "call": 1, "row": rows, "sixteen": rows * blocks, "product of sixteen": rows * blocks * p.depth,
            "four": fours, "product of four": fours * p.depth,
        }
