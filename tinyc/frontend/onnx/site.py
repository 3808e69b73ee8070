"""What a converter sees: one node of the file, its operands, and how to add to the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tinyc.frontend.onnx.layout import IMAGE, Layout, movement
from tinyc.frontend.onnx.model_file import FileNode
from tinyc.frontend.onnx.tensors import (
    Anything,
    Clamp,
    Constant,
    Island,
    Known,
    Pending,
    Placement,
    Quantised,
    Tensor,
    codes_of,
    reals_of_codes,
)
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.operator import Operator
from tinyc.ir.types import Array, DType, Quant, Shape, TensorType
from tinyc.ir.verifier import check_types
from tinyc.ops import Dequantize, Lut, Quantize, Reshape, Transpose

if TYPE_CHECKING:
    from tinyc.frontend.onnx.importer import Importer

FULL: Clamp = (-128, 127)
QUANTISE = "quantise the model with QuantizeLinear around every operator (onnxruntime's quantize_static)"


class Site:
    """One node while it is converted. Methods raise Refusal where the file lacks what is asked."""

    def __init__(self, importer: Importer, node: FileNode, operands: Sequence[Anything | None]) -> None:
        self.importer, self.node, self._operands = importer, node, list(operands)
        self.name = importer.names.get(node.outputs[0] if node.outputs else "", "t")

    # ------------------------------------------------------------------ operands
    @property
    def count(self) -> int:
        return len(self._operands)

    def has(self, index: int) -> bool:
        return index < len(self._operands) and self._operands[index] is not None

    def replace(self, index: int, found: Known) -> None:
        """See operand `index` as this from now on (codes as dequantised weights)."""
        self._operands[index] = found

    def operand(self, index: int) -> Known:
        found = self._operands[index] if self.has(index) else None
        if not isinstance(found, (Constant, Quantised, Tensor, Island, Pending)):
            raise Refusal(f"input {index} is missing", "the file is damaged: export the model again")
        return found

    def tensor(self, index: int) -> Tensor:
        """A tensor of the network with int8 codes, seen as codes or as real numbers."""
        found = self.operand(index)
        if isinstance(found, (Constant, Quantised)):
            raise Refusal(f"input {index} is constant, expected a tensor that the network computes", "fold it")
        return self.settled(found)

    def settled(self, found: Known) -> Tensor:
        """The operand as a tensor with codes. Raises Refusal for what is still float."""
        if not isinstance(found, Tensor):
            what = found.what if isinstance(found, Pending) else "a function of one tensor"
            raise Refusal(f"it reads the float result of {what}, which no QuantizeLinear follows", QUANTISE)
        if found.value.type.dtype is not DType.int8:
            raise Refusal("it computes on the network's float32 input", QUANTISE)
        return found

    def real(self, index: int) -> Tensor:
        """A tensor that was dequantised."""
        found = self.tensor(index)
        if not found.real:
            raise Refusal(f"input {index} is a tensor of codes, expected dequantised numbers", QUANTISE)
        return found

    def array(self, index: int, role: str) -> Array:
        """The numbers of a constant operand."""
        found = self.operand(index)
        if not isinstance(found, (Constant, Quantised)):
            raise Refusal(
                f"{role} (input {index}) is computed at run time",
                "tinyc needs it constant: fix the shapes and freeze the weights when exporting",
            )
        return found.array

    def integers(self, index: int, role: str) -> tuple[int, ...]:
        """A constant operand of integers, flattened."""
        found = self.array(index, role)
        if found.dtype.kind not in "iu":
            raise Refusal(f"{role} (input {index}) is {found.dtype}, expected integers", "the file is damaged")
        return tuple(int(n) for n in found.reshape(-1))

    # ------------------------------------------------------------------ attributes
    def whole(self, name: str, default: int) -> int:
        found = self.node.attributes.get(name, default)
        if not isinstance(found, int):
            raise Refusal(f"its attribute {name} is {found!r}, expected a whole number", "the file is damaged")
        return found

    def number(self, name: str, default: float) -> float:
        found = self.node.attributes.get(name, default)
        if not isinstance(found, (int, float)):
            raise Refusal(f"its attribute {name} is {found!r}, expected a number", "the file is damaged")
        return float(found)

    def text(self, name: str, default: str) -> str:
        found = self.node.attributes.get(name, default)
        if not isinstance(found, str):
            raise Refusal(f"its attribute {name} is {found!r}, expected a text", "the file is damaged")
        return found

    def wholes(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        found = self.node.attributes.get(name, default)
        if not isinstance(found, tuple) or not all(type(n) is int for n in found):
            raise Refusal(f"its attribute {name} is {found!r}, expected a list of numbers", "the file is damaged")
        return found

    def axis(self, axis: int, rank: int) -> int:
        """An axis of `rank`, counted from the back where it is negative."""
        if not -rank <= axis < rank:
            raise Refusal(f"axis {axis} of a tensor with {rank} axes", "the file is damaged")
        return axis % rank

    def axes(self, rank: int, index: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """Axes given as operand `index` (newer opsets) or as the attribute `axes`."""
        given = self.integers(index, "the axes") if self.has(index) else self.wholes("axes", default)
        found = tuple(self.axis(a, rank) for a in given)
        if len(set(found)) != len(found):
            raise Refusal(f"its axes {list(given)} name one twice", "the file is damaged")
        return found

    # ------------------------------------------------------------------ quantisation
    def quantisation(self, scale: int, zero: int) -> tuple[Array, Array]:
        """(scales, zero points) of two constant operands, checked; a missing zero point is 0 as uint8 (ONNX)."""
        scales = np.asarray(self.array(scale, "the scale"))
        if scales.dtype != np.float32 or scales.ndim > 1 or scales.size < 1:
            raise Refusal(f"its scale is {scales.dtype}{list(scales.shape)}, expected float32", "re-quantise the model")
        scales = scales.reshape(-1)
        if not (np.isfinite(scales).all() and (scales >= np.finfo(np.float32).tiny).all()):
            raise Refusal(f"its scale {float(scales.min())!r} is not finite and above 0", "re-quantise the model")
        zeros = np.asarray(self.array(zero, "the zero point")) if self.has(zero) else np.zeros(scales.size, np.uint8)
        zeros = zeros.reshape(-1)
        if zeros.size not in (1, scales.size) or zeros.dtype.kind not in "iu":
            raise Refusal("its zero points do not fit its scales", "the file is damaged")
        return scales, np.broadcast_to(zeros, scales.shape)

    def activation_quant(self, scale: int, zero: int) -> tuple[Quant, bool]:
        """(quantisation of the int8 codes, whether the model's codes are uint8) from two operands."""
        scales, zeros = self.quantisation(scale, zero)
        if zeros.dtype not in (np.dtype(np.int8), np.dtype(np.uint8)):
            raise Refusal(f"activations of {zeros.dtype} are not supported", "quantise them to int8 or uint8")
        if scales.size != 1:
            raise Refusal("its activations have a scale per channel", "quantise activations per tensor")
        unsigned = zeros.dtype == np.uint8
        return Quant.per_tensor(float(scales[0]), int(zeros[0]) - 128 * unsigned), unsigned

    def stand_in_type(self, shape: Shape) -> tuple[Layout, Quant, bool]:
        """For a QuantizeLinear whose input was refused."""
        known = self.importer.known
        self._operands = [None, *(known[name] for name in self.node.inputs[1:])]
        quant, unsigned = self.activation_quant(1, 2)
        return Layout.row_major(shape), quant, unsigned

    def quantise(self, found: Known, quant: Quant, unsigned: bool) -> None:
        """Make the real operand `found`, as codes, the node's result."""
        if isinstance(found, (Constant, Quantised)):
            scale, zero = quant.scalar
            codes = codes_of(found.array, scale, zero) + 128 * unsigned
            self.result(Constant(codes.astype(np.uint8 if unsigned else np.int8)))
            return
        if isinstance(found, Tensor) and not found.real:
            raise Refusal("its input is quantised already", "the file is damaged")
        layout = found.source.layout if isinstance(found, Island) else found.layout
        self.result(Tensor(self._codes(found, quant), layout, real=False, unsigned=unsigned))

    def _codes(self, found: Tensor | Island | Pending, quant: Quant) -> Value:
        if isinstance(found, Pending):
            limits = codes_of(np.array([found.low, found.high], np.float32), *quant.scalar)
            return found.finish(quant, (int(limits[0]), int(limits[1])))
        if isinstance(found, Tensor) and found.value.type.dtype is DType.float32:
            return self.emit(Quantize(), [found.value], quant)
        if isinstance(found, Tensor):
            return self.requantised(found, quant)
        return self.lookup(found.source.value, codes_of(found.table, *quant.scalar), quant)

    def requantised(self, x: Tensor, quant: Quant) -> Value:
        """The same real numbers as codes of another quantisation: a table, so rounded once."""
        if x.quant == quant:
            return x.value
        return self.lookup(x.value, codes_of(reals_of_codes(x.quant), *quant.scalar), quant)

    def lookup(self, x: Value, table: Array, quant: Quant) -> Value:
        """table[code + 128] for every code of x."""
        entries = self.importer.graph.add_constant(f"{self.name}_table", TensorType((256,), DType.int8), table)
        return self.emit(Lut(), [x, entries], quant)

    def looked_up(self, x: Tensor) -> tuple[Tensor, Array] | None:
        """(the tensor that x was looked up from, by one table or several; the codes of x for its codes), or None."""
        table, value = np.arange(-128, 128), x.value
        while value.producer is not None and isinstance(value.producer.op, Lut):
            entries = value.producer.input(1).data
            assert entries is not None
            table, value = table[entries.astype(np.int64) + 128], value.producer.input(0)
        return None if value is x.value else (Tensor(value, x.layout, real=True), table)

    def clamped(self, x: Value, clamp: Clamp) -> Value:
        """For operators without a clamp of their own."""
        assert x.type.quant is not None
        return x if clamp == FULL else self.lookup(x, np.clip(np.arange(-128, 128), *clamp), x.type.quant)

    # ------------------------------------------------------------------ layouts
    def viewed(self, x: Value, shape: Shape) -> Value:
        """The same memory under another shape."""
        return x if x.type.shape == shape else self.emit(Reshape(shape), [x], x.type.quant, "view")

    def arranged(self, x: Tensor, layout: Layout) -> Tensor:
        """The same tensor in another layout; moves codes only where it must."""
        if x.layout == layout:
            return x
        steps = movement(x.layout, layout)
        if steps is None:
            row_major = Layout.row_major(x.shape)
            return self.arranged(self.arranged(x, row_major), layout)
        shape, perm = steps
        value = self.viewed(x.value, shape)
        if perm != tuple(range(len(perm))):
            value = self.emit(Transpose(perm), [value], value.type.quant, "transposed")
        return replace(x, value=value, layout=layout)

    def ordered(self, x: Tensor, axes: tuple[int, ...]) -> Value:
        """The tensor with its ONNX axes in memory in this order, and that shape."""
        value = self.arranged(x, Layout.ordered(x.shape, axes)).value
        return self.viewed(value, tuple(x.shape[a] for a in axes))

    def by_axes(self, x: Tensor) -> tuple[Value, tuple[int, ...]]:
        """(value with one axis per ONNX axis, those axes in its order), moving nothing unless axes are split."""
        axes = x.layout.axes()
        axes = tuple(range(len(x.shape))) if axes is None else axes
        return self.ordered(x, axes), axes

    def image(self, x: Tensor) -> Value:
        """int8[N,H,W,C] of an ONNX [N,C,H,W]."""
        if len(x.shape) != 4:
            raise Refusal(f"it has the shape {list(x.shape)}, expected [N,C,H,W]", "use two-dimensional images")
        return self.ordered(x, IMAGE)

    # ------------------------------------------------------------------ results
    def emit(self, op: Operator, inputs: Sequence[Value | None], quant: Quant | None, suffix: str = "") -> Value:
        """A node with one result of the shape that the operator infers. Raises Refusal where it does not fit."""
        ((shape, dtype),) = op.infer(*(None if v is None else v.type for v in inputs))
        name = f"{self.name}_{suffix}" if suffix else self.name
        node = self.importer.graph.add(op, inputs, TensorType(shape, dtype, quant), name=name)
        problems = check_types(node)
        if problems:
            raise Refusal(problems[0].removeprefix(f"{node}: "))
        return node.output

    def constant(self, suffix: str, array: Array, dtype: DType, quant: Quant | None = None) -> Value:
        """A constant of the graph."""
        return self.importer.graph.add_constant(f"{self.name}_{suffix}", TensorType(array.shape, dtype, quant), array)

    def result(self, found: Known, output: int = 0) -> None:
        """Make it the node's result; a value of codes remembers which tensor of the file it equals."""
        name = self.node.outputs[output]
        if isinstance(found, Tensor) and not found.real and found.value.source is None and not found.value.is_constant:
            found.value.source = name
            self.importer.placements[name] = Placement(found.layout, found.unsigned)
        self.importer.known[name] = found


def output_value(importer: Importer, found: Tensor, name: str) -> tuple[Value, Layout]:
    """The network's output for a tensor: images as [N,H,W,C], all else in the model's own order."""
    site = Site(importer, FileNode(-1, name, "", "", (), (), {}), [])
    site.name = name
    value, axes = site.by_axes(found)
    if axes not in (tuple(range(len(axes))), IMAGE):
        axes = tuple(range(len(axes)))
        value = site.ordered(found, axes)
    value = site.viewed(value, value.type.shape or (1,))
    if found.real:
        value = site.emit(Dequantize(), [value], None, "real")
    return value, Layout.ordered(found.shape, axes)
