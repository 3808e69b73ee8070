"""What every operator declares, once: attributes, type rule, access map, cost in MACs, integer reference.

An operator is a frozen dataclass; its fields are its attributes. `@operator("name")` registers it, which makes it
known to the text form, the verifier, the interpreter and kernel selection. See `tinyc/ops/` for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from tinyc.ir.access import Access, Elementwise, Interval, Whole
from tinyc.ir.types import Array, DType, Shape, Signature, TensorType

ROWS, COLS = 1, 2  # the axes of rows and columns in an NHWC tensor; of tokens (rows) and channels in [1,N,C]


class TypeRuleError(Exception):
    """The operands of an operator do not fit together; the message says what was expected and what was found."""


@dataclass(frozen=True)
class Operator:
    """Base of all operators. Subclasses add attributes as fields and override the five methods."""

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]] = ("x",)
    optional: ClassVar[frozenset[str]] = frozenset()
    is_view: ClassVar[bool] = False  # the output is input 0's bytes under another type: no kernel needed

    def infer(self, *inputs: TensorType | None) -> tuple[tuple[Shape, DType], ...]:
        """Shape and element type of every output. Raises TypeRuleError with a sentence."""
        raise NotImplementedError(f"{type(self).__name__} declares no type rule")

    def check(self, sig: Signature) -> None:
        """Constraints beyond shapes (quantisation, ranges). Raises TypeRuleError with a sentence."""

    def access(self, sig: Signature, output: int = 0) -> tuple[Access | None, ...]:
        """For each input (None where absent), how output number `output` reads it; whatever the quantisation."""
        return tuple(None if t is None else Access.whole(t.rank) for t in sig.inputs)

    def tile(self, sig: Signature, axis: int, part: Interval) -> Operator | None:
        """This operator for output indices [lo, hi) of an axis (batch, ROWS or COLS), given just the part of each input
        that its access map names for them; whatever the quantisation.

        None where it cannot be tiled along that axis. An operator whose attributes speak of the axis overrides this.
        """
        maps = [enumerate(a.axes) for a in self.access(sig) if a is not None]
        follows = [(i, a) for axes in maps for i, a in axes if not isinstance(a, Whole) and a.axis == axis]
        tiles = sig.output.rank in (3, 4) and bool(follows) and all(f == (axis, Elementwise(axis)) for f in follows)
        return self if tiles else None

    def from_sums(self, sig: Signature) -> Operator | None:
        """For global pooling: the operator that computes the output from int32 sums per channel, instead of the image.

        It lets the image pass row by row while sums accumulate; None for every operator that is no such reduction.
        """
        return None

    def macs(self, sig: Signature) -> int:
        """Multiply-accumulates of one execution; 0 for data movement."""
        return 0

    def reference(self, sig: Signature, *inputs: Array | None) -> tuple[Array, ...]:
        """The exact integers of the reference implementation (docs/numerics.md), in numpy."""
        raise NotImplementedError(f"{type(self).__name__} declares no reference")

    def real(self, sig: Signature, *inputs: Array) -> Array | None:
        """The function of real numbers that the integers come close to, in float64; None where none is declared.

        An operator that limits codes to fewer than there are, or has several results, has none.
        """
        return None

    @classmethod
    def attribute_names(cls) -> tuple[str, ...]:
        return tuple(f.name for f in fields(cls))

    def attributes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.attribute_names()}


_OPERATORS: dict[str, type[Operator]] = {}
T = TypeVar("T", bound=type[Operator])


def operator(name: str) -> Any:
    """Class decorator: registers an operator under its text name."""

    def register(cls: T) -> T:
        if name in _OPERATORS:
            raise ValueError(f"operator {name!r} is declared by {_OPERATORS[name].__module__} and by {cls.__module__}")
        cls.name = name
        _OPERATORS[name] = cls
        return cls

    return register


def operators() -> dict[str, type[Operator]]:
    """All declared operators by name."""
    import tinyc.ops  # registers them
    import tinyc.program.segment  # noqa: F401  and the one whose meaning is how rows flow

    return _OPERATORS


def expect(condition: bool, message: str) -> None:
    """Raise TypeRuleError(message) unless the condition holds."""
    if not condition:
        raise TypeRuleError(message)
