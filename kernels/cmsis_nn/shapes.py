"""Struct fields that several CMSIS-NN calls share, and the base of all of the provider's declarations."""

from __future__ import annotations

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import Shape
from tinyc.kernels.common.requantise import rounds_once
from tinyc.program.kernel import Kernel, Site


class CmsisKernel(Kernel):
    """A call of the library."""

    includes = ("arm_nnfunctions.h",)


def rounds_twice(site: Site) -> str | None:
    """Why the library does not serve a convolution or dense layer of an ONNX model."""
    return "the library rounds twice, this operator once" if rounds_once(site) else None


def image(shape: Shape) -> tuple[int, int, int, int]:
    """A shape of rank 4 or less as NHWC, with leading ones."""
    n, h, w, c = (1,) * (4 - len(shape)) + tuple(shape)
    return n, h, w, c


def dims(c: CallWriter, name: str, shape: Shape) -> str:
    """A cmsis_nn_dims of an NHWC shape; returns its address."""
    n, h, w, depth = image(shape)
    return c.struct("cmsis_nn_dims", name, n=n, h=h, w=w, c=depth)


def tile(pair: tuple[int, int]) -> dict[str, int]:
    """(rows, columns) as cmsis_nn_tile fields."""
    return {"w": pair[1], "h": pair[0]}


def activation(clamp: tuple[int, int]) -> dict[str, int]:
    return {"min": clamp[0], "max": clamp[1]}


def context(c: CallWriter) -> str:
    """The call's scratch as a cmsis_nn_context; NULL where it needs none."""
    return c.struct("cmsis_nn_context", "ctx", buf=c.scratch(), size=c.scratch_bytes)
