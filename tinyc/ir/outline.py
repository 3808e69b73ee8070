"""An operator's place in a graph without its numbers: scales, zero points, the data of constants.

Networks that repeat a layer, and the networks of a search, differ in these alone. What is found out about an outline is
true for all of them: whoever looks at a number ends the question with an exception, so that no answer rests on one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, cast

from tinyc.ir.graph import Node, Value
from tinyc.ir.operator import Operator
from tinyc.ir.types import Array, DType, Quant, Shape, TensorType


class NumbersAsked(BaseException):
    """Somebody looked at a number that an outline does not have. No Exception: no kernel may answer in spite of it."""


class Operand(NamedTuple):
    """A tensor: its type, what is known of it, and the first position at which the same tensor is read."""

    shape: Shape
    dtype: DType
    is_quantised: bool
    axis: int | None  # that has a scale for each of its indices
    is_constant: bool
    has_data: bool
    first: int
    is_symmetric: bool  # all zero points are 0
    lowest: tuple[int, bool] | None  # of a result: the lowest code that its operator's clamp lets pass, if negative


@dataclass(frozen=True)
class Outline:
    """An operator and its operands; None where an optional one is absent. Equal ones are alike but for numbers."""

    op: Operator
    inputs: tuple[Operand | None, ...]
    outputs: tuple[Operand, ...]

    @classmethod
    def of(cls, node: Node) -> Outline:
        clamp = node.op.attributes().get("clamp")
        inputs = tuple([None if v is None else _operand(v, node.inputs.index(v)) for v in node.inputs])
        return cls(node.op, inputs, tuple([_operand(v, n, clamp) for n, v in enumerate(node.outputs)]))

    def node(self) -> Node:
        """One such operator, in no graph. Raises NumbersAsked where anybody looks at a number of it."""
        values: list[Value | None] = []
        for number, operand in enumerate(self.inputs):
            again = operand is not None and operand.first < number
            values.append(values[operand.first] if again and operand else operand and _value(operand))
        return Node(self.op, values, [_value(operand) for operand in self.outputs], self.op.name)


def _operand(value: Value, first: int, clamp: tuple[int, int] | None = None) -> Operand:
    """With the two facts about numbers that kernels may choose by: with more of them a calibration could change a plan.

    `clamp` is the attribute of that name of the operator that makes the tensor.
    """
    kind, quant = value.type, value.type.quant
    known = value.is_constant, value.data is not None
    if quant is None:
        return Operand(kind.shape, kind.dtype, False, None, *known, first, False, None)
    lowest = None if clamp is None else (clamp[0], quant.is_negative(clamp[0]))
    return Operand(kind.shape, kind.dtype, True, quant.axis, *known, first, quant.is_symmetric, lowest)


def _value(operand: Operand) -> Value:
    quant = _Numberless(operand) if operand.is_quantised else None
    data = cast(Array, _Unseen()) if operand.has_data else None
    kind = TensorType(operand.shape, operand.dtype, quant)
    return Value("", kind, constant=operand.is_constant, data=data)


def _asked(*_: Any) -> NoReturn:
    raise NumbersAsked


class _Numberless(Quant):
    """Says what an outline holds, and no more: not even whether it equals another."""

    __slots__ = ("operand",)

    def __init__(self, operand: Operand) -> None:
        super().__init__((), (), operand.axis)
        object.__setattr__(self, "operand", operand)

    @property
    def is_symmetric(self) -> bool:
        return self.operand.is_symmetric

    def is_negative(self, code: int) -> bool:
        lowest = self.operand.lowest
        return lowest[1] if lowest is not None and code == lowest[0] else _asked()

    def __getattribute__(self, name: str) -> Any:
        return _asked() if name in ("scale", "zero_point") else super().__getattribute__(name)

    __eq__ = __ne__ = __hash__ = _asked


class _Unseen:
    """In the place of an array that is there. What it does not know, as arithmetic, is a TypeError."""

    __getattr__ = __getitem__ = __len__ = __iter__ = __bool__ = __array__ = __eq__ = __ne__ = __hash__ = _asked
