"""Concatenation of any element type: copies of contiguous runs, input by input."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from tinyc.codegen.writer import CallWriter
from tinyc.ir.types import TensorType
from tinyc.ops.concat import Concatenation
from tinyc.program.kernel import Kernel, Site, kernel
from tinyc.targets import Target


@kernel("tinyc/concatenation", op=Concatenation)
class ConcatenationAny(Kernel):
    """Any axis and any number of inputs. It does not write in ascending order, so nothing may overlap."""

    includes = ("tinyc_concatenation.h",)
    headers = ("tinyc_concatenation.h",)
    sources = ("tinyc_concatenation.c",)

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        inputs = [t for t in site.sig.inputs if t is not None]
        return {"input": len(inputs), "run": sum(_outer(site, t) for t in inputs), "byte": site.sig.output.bytes}

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        distance, first = _run(site, site.sig.output), 0
        for index, t in enumerate(site.sig.inputs):
            assert t is not None
            params = c.struct(
                "tinyc_concatenation_params", f"params{index}", runs=_outer(site, t), bytes=_run(site, t),
                distance=distance,
            )
            c.line(f"tinyc_concatenation({params}, {c.input(index)}, (int8_t *){c.output()} + {first});")
            first += _run(site, t)
        c.line("return TINYC_OK;")


def _axis(site: Site) -> int:
    op = site.op
    assert isinstance(op, Concatenation)
    return op.axis


def _outer(site: Site, t: TensorType) -> int:
    """Runs of an operand: one for each index of the axes before the concatenated one."""
    return prod(t.shape[: _axis(site)])


def _run(site: Site, t: TensorType) -> int:
    """Bytes of an operand that lie together for one index of the axes before."""
    return prod(t.shape[_axis(site) :]) * t.dtype.bytes
