"""arm_pad_s8, arm_transpose_s8 and arm_concatenation_s8_x."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Array, DType
from tinyc.kernels.cmsis_nn.shapes import CmsisKernel, dims, image
from tinyc.kernels.common.walk import row_major, strided
from tinyc.ops.concat import Concatenation
from tinyc.ops.pad import Pad
from tinyc.ops.shape import Transpose
from tinyc.program.kernel import Site, kernel
from tinyc.targets import Target

MAX_UINT16 = 2**16 - 1


@kernel("cmsis-nn/pad_s8", op=Pad)
class PadS8(CmsisKernel):
    """Padding of up to four axes. It copies with memcpy: output and input must not overlap."""

    def refuses(self, site: Site, target: Target) -> str | None:
        return None if site.sig.output.rank <= 4 else "the library pads at most 4 axes"

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        op, (n, rows, columns, _) = site.op, image(site.sig.input(0).shape)
        assert isinstance(op, Pad)
        channels = any((*op.before[-1:], *op.after[-1:]))
        pixels = n * rows * columns if channels else 0
        return {"call": 1, "row": n * rows, "padded pixel": pixels, "byte": site.sig.output.bytes}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        op = site.op
        assert isinstance(op, Pad)
        before, after = ((0,) * (4 - len(p)) + p for p in (op.before, op.after))
        c.cmsis(
            "arm_pad_s8", c.input(0), c.output(), op.value, dims(c, "input_dims", site.sig.input(0).shape),
            dims(c, "before", before), dims(c, "after", after),
        )


@kernel("cmsis-nn/transpose_s8", op=Transpose)
class TransposeS8(CmsisKernel):
    """Transposition of up to four axes, those that stay together counted as one."""

    def refuses(self, site: Site, target: Target) -> str | None:
        if site.sig.output.dtype is not DType.int8:
            return "the library takes int8"
        shape, perm = merged_transpose(site)
        if len(perm) > 4:
            return "the library transposes at most 4 axes"
        # Its rows and columns are uint16, and on Helium so are the distances between 8 elements of a column.
        limit = MAX_UINT16 // 7 if target.simd == "mve" else MAX_UINT16
        return None if max(shape) <= limit else f"the library takes axes of at most {limit} elements"

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        return {"permutation": np.array(merged_transpose(site)[1], np.uint32)}

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        perm, moved = merged_transpose(site)[1], site.sig.output.elements
        matrix = len(perm) == 2 or perm == (0, 1, 3, 2)
        kind = "element of a matrix" if matrix else "element of a row" if perm[-1] == len(perm) - 1 else "element"
        return {"call": 1, kind: moved}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        shape, perm = merged_transpose(site)
        moved = tuple(shape[axis] for axis in perm)
        fill = (1,) * (4 - len(shape))
        params = c.struct(
            "cmsis_nn_transpose_params", "params", num_dims=len(perm),
            permutations=c.constant("permutation"),
        )
        # Axes are taken from the front of the dims, unlike elsewhere.
        c.cmsis(
            "arm_transpose_s8", c.input(0), c.output(), dims(c, "input_dims", shape + fill),
            dims(c, "output_dims", moved + fill), params,
        )


def merged_transpose(site: Site) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Input shape and permutation with the fewest axes; a batch of matrices has four: Helium's fast path."""
    op, x = site.op, site.sig.input(0).shape
    assert isinstance(op, Transpose)
    steps = row_major(x)
    walked = strided(site.sig.output.shape, [steps[axis] for axis in op.perm])
    inner_last = sorted(range(len(walked.extents)), key=lambda axis: -walked.steps[0][axis])
    shape = tuple(walked.extents[axis] for axis in inner_last)
    perm = tuple(inner_last.index(axis) for axis in range(len(inner_last)))
    return ((1, *shape), (0, 1, 3, 2)) if perm == (0, 2, 1) else (shape, perm)


@kernel("cmsis-nn/concatenation_s8", op=Concatenation)
class ConcatenationS8(CmsisKernel):
    """Each input as rows of bytes: the library's concatenation along the innermost axis serves any axis."""

    def refuses(self, site: Site, target: Target) -> str | None:
        if site.sig.output.dtype is not DType.int8:
            return "the library takes int8"
        fits = max(_rows(site, site.sig.output.shape)) <= MAX_UINT16
        return None if fits else f"the library takes at most {MAX_UINT16} rows and elements in a row"

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        rows, _ = _rows(site, site.sig.output.shape)
        inputs = len(site.sig.inputs)
        return {"input": inputs, "row": rows * inputs, "byte": site.sig.output.bytes}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        rows, total = _rows(site, site.sig.output.shape)
        first = 0
        for index in range(len(site.sig.inputs)):
            _, length = _rows(site, site.sig.input(index).shape)
            arguments = f"{c.input(index)}, {length}, {rows}, 1, 1, {c.output()}, {total}, {first}u"
            c.line(f"arm_concatenation_s8_x({arguments});")
            first += length
        c.line("return TINYC_OK;")


def _rows(site: Site, shape: tuple[int, ...]) -> tuple[int, int]:
    """An operand as rows: one for each index of the axes before the concatenated one; and their length."""
    op = site.op
    assert isinstance(op, Concatenation)
    return prod(shape[: op.axis]), prod(shape[op.axis :])
