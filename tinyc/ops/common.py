"""What the operator families share: operands that must be there, checks of types, data movement."""

from __future__ import annotations

import math
from typing import TypeVar

from tinyc.ir.operator import Operator, TypeRuleError, expect
from tinyc.ir.types import DType, Signature, TensorType

T = TypeVar("T")


def given(*operands: T | None) -> tuple[T, ...]:
    """The operands, none of which may be absent."""
    found = tuple(x for x in operands if x is not None)
    if len(found) != len(operands):
        raise ValueError(f"{len(operands) - len(found)} of {len(operands)} operands are absent")
    return found


def expect_int8(*types: TensorType) -> None:
    found = ", ".join(t.dtype.value for t in types)
    expect(all(t.dtype is DType.int8 for t in types), f"expected int8 operands, got {found}")


def expect_one_scale(*types: TensorType) -> None:
    """Every tensor is quantised with one scale and one zero point."""
    for t in types:
        if t.quant is None or t.quant.is_per_channel:
            raise TypeRuleError(f"expected one scale, got {t}")
        if not 0 < t.scale < math.inf:
            raise TypeRuleError(f"expected a positive finite scale, got {t}")


def expect_quantisation(role: str, t: TensorType, scale: float, zero_point: int) -> None:
    """The quantisation that a kernel has built in."""
    expect_one_scale(t)
    expect(
        (t.scale, t.zero_point) == (scale, zero_point),
        f"expected {role} scale {scale!r} and zero point {zero_point}, got {t}",
    )


def expect_equal_quantisation(*types: TensorType) -> None:
    """All tensors have the same quantisation (or none), so codes can be moved or compared as they are."""
    quants = {t.quant for t in types}
    expect(len(quants) == 1, f"expected equal quantisation, got {' and '.join(map(str, types))}")
    (quant,) = quants
    expect(quant is None or not quant.is_per_channel, f"expected one scale, got {types[0]}")


class Movement(Operator):
    """An operator that moves codes without computing on them."""

    def check(self, sig: Signature) -> None:
        expect_equal_quantisation(*given(*sig.inputs), sig.output)
