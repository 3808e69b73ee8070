"""What a converter sees: one operator of the file, its operands as values, and how to add nodes for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tinyc.frontend.tflite.activation import ACTIVATIONS, activation_range
from tinyc.frontend.tflite.model_file import FileOperator, FileTensor, Options
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.frontend.tflite.schema import ACTIVATION_TYPES
from tinyc.ir.graph import Node, Value
from tinyc.ir.operator import Operator
from tinyc.ir.types import Array, DType, TensorType

if TYPE_CHECKING:
    from tinyc.frontend.tflite.importer import Importer


class Site:
    """One operator while it is converted. Methods raise Refusal where the file lacks what is asked."""

    def __init__(self, importer: Importer, operator: FileOperator, options: Options | None) -> None:
        self._importer, self.operator, self._options = importer, operator, options
        self.name = importer.names[operator.outputs[0]]
        self.nodes: list[Node] = []

    # ------------------------------------------------------------------ operands
    def has(self, index: int) -> bool:
        """Whether input `index` is given; optional inputs may be left out or be -1."""
        return index < len(self.operator.inputs) and self.operator.inputs[index] >= 0

    def tensor(self, index: int) -> FileTensor:
        """The file's tensor of an input."""
        if not self.has(index):
            raise Refusal(f"input {index} is missing", "the file is damaged: convert the model again")
        return self._importer.file.tensors[self.operator.inputs[index]]

    def value(self, index: int, role: str = "") -> Value:
        """An operand, constant or not. Constants are named after this operator and their role."""
        return self._importer.value(self.tensor(index), f"{self.name}_{role or f'operand{index}'}")

    def constant(self, index: int, role: str) -> Value:
        """An operand that must be constant."""
        self._expect_constant(index, role)
        return self.value(index, role)

    def _expect_constant(self, index: int, role: str) -> None:
        tensor = self.tensor(index)
        if not tensor.data:
            raise Refusal(
                f"{role} (tensor {tensor.index} {tensor.name!r}) are computed at run time",
                "tinyc needs them constant: fix the shapes and freeze the weights when converting",
            )

    def constant_type(self, index: int, role: str) -> TensorType:
        """The type of an operand that must be constant, without adding it to the graph."""
        self._expect_constant(index, role)
        return self._importer.type_of(self.tensor(index))

    def contents(self, index: int) -> Array:
        """The data of an operand that is known to be constant."""
        return self._importer.contents(self.tensor(index))

    def numbers(self, index: int, role: str, *kinds: DType) -> tuple[int, ...]:
        """A constant operand of integers, flattened (shapes, axes); int32 unless `kinds` says more."""
        type_, allowed = self.constant_type(index, role), kinds or (DType.int32,)
        if type_.dtype not in allowed:
            expected = " or ".join(kind.value for kind in allowed)
            found = f"{role}: expected {expected}, got {type_.dtype.value}"
            raise Refusal(found, "TFLM reads no other type here")
        return tuple(self.contents(index).reshape(-1).tolist())

    def count(self, index: int, role: str, expected: int, *kinds: DType) -> tuple[int, ...]:
        """A constant operand of exactly `expected` integers."""
        found = self.numbers(index, role, *kinds)
        if len(found) != expected:
            raise Refusal(f"{role}: expected {expected} numbers, got {len(found)}", "the file is damaged")
        return found

    # ------------------------------------------------------------------ options
    def option(self, name: str) -> Any:
        assert self._options is not None
        return self._options.scalar(name)

    def option_numbers(self, name: str) -> tuple[int, ...]:
        assert self._options is not None
        return self._options.numbers(name)

    def clamp(self) -> tuple[int, int]:
        """The codes that the fused activation leaves of the output."""
        code = self.option("fused_activation_function")
        name = ACTIVATION_TYPES[code] if 0 <= code < len(ACTIVATION_TYPES) else f"number {code}"
        if name not in ACTIVATIONS:
            raise Refusal(f"the fused activation {name} is not supported", "make it an operator of its own")
        y = self.output_type()
        if name != "NONE" and (y.quant is None or y.quant.is_per_channel or y.dtype is not DType.int8):
            raise Refusal("the output is not int8 with one scale", "convert with full-integer quantisation")
        return activation_range(name, y)

    def axis(self, axis: int, rank: int) -> int:
        """An axis of `rank`, counted from the back where it is negative."""
        if not -rank <= axis < rank:
            raise Refusal(f"axis {axis} of a tensor with {rank} axes", "the file is damaged")
        return axis % rank

    # ------------------------------------------------------------------ results
    def output_type(self, index: int = 0) -> TensorType:
        return self._importer.type_of(self._importer.file.tensors[self.operator.outputs[index]])

    def step(self, op: Operator, inputs: Sequence[Value | None], type_: TensorType, suffix: str) -> Value:
        """A node whose result is no tensor of the file."""
        return self._add(op, inputs, type_, f"{self.name}_{suffix}").output

    def emit(self, op: Operator, inputs: Sequence[Value | None], output: int = 0) -> None:
        """The node that computes the operator's output."""
        index = self.operator.outputs[output]
        node = self._add(op, inputs, self.output_type(output), self._importer.names[index])
        node.output.source = self._importer.file.tensors[index].name
        self._importer.define(index, node.output)

    def _add(self, op: Operator, inputs: Sequence[Value | None], type_: TensorType, name: str) -> Node:
        node = self._importer.graph.add(op, inputs, type_, name=name)
        self.nodes.append(node)
        return node
