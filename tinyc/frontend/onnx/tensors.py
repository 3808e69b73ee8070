"""What an ONNX value is while a model is imported: numbers, a tensor of the network, or a float result in between."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tinyc.frontend.onnx.layout import Layout
from tinyc.ir.graph import Value
from tinyc.ir.types import Array, Quant, Shape

Clamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Placement:
    """How the numbers of an ONNX tensor lie in the value that holds them."""

    layout: Layout
    unsigned: bool


@dataclass(frozen=True)
class Constant:
    """Numbers known at compile time."""

    array: Array

    @property
    def shape(self) -> Shape:
        return self.array.shape


@dataclass(frozen=True)
class Quantised:
    """A constant with its codes: real = scale · (code − zero point), per tensor or along `axis`."""

    codes: Array  # int64
    scale: Array  # float32[1] or [n]
    zero_point: Array  # int64 of the same shape
    axis: int | None = None

    @property
    def shape(self) -> Shape:
        return self.codes.shape

    @cached_property
    def exact(self) -> Array:
        """The real numbers in double precision."""
        along = [1] * self.codes.ndim
        if self.axis is not None:
            along[self.axis] = -1
        scale, zero = (v.reshape(along) if self.axis is not None else v[0] for v in (self.scale, self.zero_point))
        real: Array = (self.codes - zero) * np.asarray(scale, np.float64)
        return real

    @property
    def array(self) -> Array:
        """The real numbers in float32."""
        real: Array = self.exact.astype(np.float32)
        return real

    @property
    def quant(self) -> Quant:
        """Where there is one scale."""
        return Quant.per_tensor(float(self.scale[0]), int(self.zero_point[0]))

    @property
    def is_int8(self) -> bool:
        """Whether it can stand beside activations as it is: int8 codes with one scale."""
        return self.axis is None and self.codes.min(initial=0) >= -128 and self.codes.max(initial=0) <= 127

    def rescaled(self, factor: Array, axis: int) -> Quantised | None:
        """Multiplied by a real number for each index of `axis`; None where 8-bit codes cannot hold the result."""
        if (factor == 1).all():
            return self
        if self.axis is None and (factor == factor[0]).all() and factor[0] > 0:
            return self._with_scale(self.scale * factor[:1], None)
        if self.axis not in (None, axis) or self.zero_point.any():
            return None
        along = [-1 if a == axis else 1 for a in range(self.codes.ndim)]
        codes = self.codes * np.sign(factor).astype(np.int64).reshape(along)
        if codes.max(initial=0) > 127:
            return None
        return replace(self, codes=codes)._with_scale(self.scale * np.where(factor == 0, 1, np.abs(factor)), axis)

    def _with_scale(self, scale: Array, axis: int | None) -> Quantised | None:
        with np.errstate(all="ignore"):
            scale = scale.astype(np.float32)
        normal = np.isfinite(scale).all() and (scale >= np.finfo(np.float32).tiny).all()
        zero = np.broadcast_to(self.zero_point, scale.shape)
        return replace(self, scale=scale, zero_point=zero, axis=axis) if normal else None


@dataclass(frozen=True)
class Tensor:
    """A value of the graph. `real`: the model sees real numbers, else codes. `unsigned`: its codes are uint8.

    The graph holds uint8 codes as int8, 128 lower, with a zero point 128 lower.
    """

    value: Value
    layout: Layout
    real: bool
    unsigned: bool = False

    @property
    def shape(self) -> Shape:
        return self.layout.shape

    @property
    def quant(self) -> Quant:
        quant = self.value.type.quant
        assert quant is not None
        return quant

    def relaid(self, layout: Layout) -> Tensor:
        return replace(self, layout=layout)


@dataclass(frozen=True)
class Island:
    """A float function of one int8 tensor, known by its value for each of the 256 codes (in float32)."""

    source: Tensor
    table: Array

    @property
    def shape(self) -> Shape:
        return self.source.shape


@dataclass(frozen=True)
class Pending:
    """The float result of an operator, computed once its quantisation is known.

    `finish` adds the nodes; what it gives is in `layout`. `low` and `high` limit the real result (Relu, Clip).
    `affine(factor, offset)`, where the operator has it, gives the result times one constant plus another, both
    real and per channel or one number; None for constants of other shapes.
    """

    what: str
    layout: Layout
    finish: Callable[[Quant, Clamp], Value] = field(repr=False)
    low: float = -math.inf
    high: float = math.inf
    affine: Callable[[Array, Array], Pending | None] | None = field(default=None, repr=False)

    @property
    def shape(self) -> Shape:
        return self.layout.shape

    def limited(self, low: float, high: float) -> Pending:
        return replace(self, low=min(max(self.low, low), high), high=max(min(self.high, high), low), affine=None)


@dataclass(frozen=True)
class Unknown:
    """The result of an operator that was refused."""


Known = Constant | Quantised | Tensor | Island | Pending
Anything = Known | Unknown


def codes_of(real: Array, scale: float, zero_point: int) -> Array:
    """QuantizeLinear to int8 as ONNX defines it: float32 quotient, halves to even, saturated. int64."""
    with np.errstate(all="ignore"):
        quotient = np.asarray(real, np.float32) / np.float32(scale)
        rounded = np.rint(np.nan_to_num(np.clip(quotient, -1e6, 1e6), nan=0.0))
    codes: Array = np.clip(rounded.astype(np.int64) + zero_point, -128, 127)
    return codes


def reals_of_codes(quant: Quant) -> Array:
    """The real numbers of the codes -128 to 127, in float32 as DequantizeLinear computes them."""
    scale, zero = quant.scalar
    real: Array = (np.arange(-128, 128) - zero).astype(np.float32) * np.float32(scale)
    return real
