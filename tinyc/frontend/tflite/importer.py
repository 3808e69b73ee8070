"""From a ModelFile to a Graph, collecting every problem on the way.

Operators are taken in the order of the file, which must be topological. An operator that cannot be converted
is replaced by a stand-in with the types of the file, so that those after it are still examined; the graph is
then thrown away and the problems reported together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tinyc.errors import ModelError
from tinyc.frontend.tflite.converter import Converter, converters
from tinyc.frontend.tflite.model_file import FileOperator, FileTensor, ModelFile
from tinyc.frontend.tflite.naming import short_names
from tinyc.frontend.tflite.refusal import Problem, Refusal
from tinyc.frontend.tflite.site import Site
from tinyc.frontend.tflite.types import contents, tensor_type
from tinyc.ir.graph import Graph, Value
from tinyc.ir.types import Array, DType, TensorType
from tinyc.ir.verifier import check_types

Check = Callable[[FileOperator, int], None]
READS_PER_BYTE = 16  # of constants, by all operators together: weights may be shared, but not without end

_DAMAGED = "the file is damaged: convert the model again"
FLOAT_REMEDY = (
    "tinyc compiles integer networks: convert with full-integer int8 quantisation (a representative dataset "
    "and supported_ops = [TFLITE_BUILTINS_INT8]), or export the float model to ONNX and run `tinyc quantize`"
)


class Importer:
    """One import. `run` fills `graph` and `problems`; the graph is good only where there are no problems."""

    def __init__(self, file: ModelFile, name: str, file_bytes: int) -> None:
        self.file, self.graph = file, Graph(name)
        self.problems: list[Problem] = []
        self.names = short_names({t.index: t.name for t in file.tensors if not t.data})
        self._values: dict[int, Value] = {}
        self._types: dict[int, TensorType | Refusal] = {}
        self._defined: set[int] = set()
        self._reads_left = READS_PER_BYTE * file_bytes

    def run(self) -> None:
        if self.file.subgraphs != 1:
            self._problem(
                f"the model has {self.file.subgraphs} subgraphs; control flow (IF, WHILE, CALL_ONCE) and "
                "several signatures are not supported: export one function without them."
            )
        if self.file.compressed:
            self._problem(
                "the tensors are stored in TFLM's compressed form; use the model before compression."
            )
        if not self.file.operators:
            self._problem("the model has no operators, so there is nothing to compile.")
        for index in self.file.inputs:
            self._input(index)
        for operator in self.file.operators:
            self._operator(operator)
        self._outputs()

    def _problem(self, text: str, operator: int | None = None) -> None:
        self.problems.append(Problem(text, operator))

    # ------------------------------------------------------------------ tensors
    def _known(self, index: int) -> FileTensor:
        """The tensor of an index that the file gives."""
        if not 0 <= index < len(self.file.tensors):
            raise Refusal(f"tensor {index} does not exist (there are {len(self.file.tensors)})", _DAMAGED)
        return self.file.tensors[index]

    def type_of(self, tensor: FileTensor) -> TensorType:
        """The type of a tensor, examined once. Raises Refusal."""
        if tensor.index not in self._types:
            try:
                self._types[tensor.index] = tensor_type(tensor)
            except Refusal as refusal:
                self._types[tensor.index] = refusal
        found = self._types[tensor.index]
        if isinstance(found, Refusal):
            raise found
        return found

    def contents(self, tensor: FileTensor) -> Array:
        """The data of a constant."""
        return contents(tensor, self.type_of(tensor))

    def value(self, tensor: FileTensor, name: str) -> Value:
        """The value of a tensor that is known to be there; constants are added, as `name`, on first use."""
        if tensor.index not in self._values:
            type_ = self.type_of(tensor)
            # A scalar broadcasts like one element, and a C array has no rank 0.
            type_ = type_.with_shape(type_.shape or (1,))
            value = self.graph.add_constant(name, type_, self.contents(tensor).reshape(type_.shape))
            value.source = tensor.name
            self._values[tensor.index] = value
        return self._values[tensor.index]

    def define(self, index: int, value: Value) -> None:
        self._values[index] = value
        self._defined.add(index)

    def _expect_undefined(self, tensor: FileTensor) -> None:
        if tensor.data:
            raise Refusal(
                f"tensor {tensor.index} {tensor.name!r} is written, but holds constant data", _DAMAGED
            )
        if tensor.index in self._defined:
            raise Refusal(f"tensor {tensor.index} {tensor.name!r} is written twice", _DAMAGED)

    def _input(self, index: int) -> None:
        try:
            tensor = self._known(index)
            self._expect_undefined(tensor)
            type_ = self.type_of(tensor)
            if type_.dtype not in (DType.int8, DType.float32):
                raise Refusal(f"tensor {index} {tensor.name!r} is of type {tensor.type}", FLOAT_REMEDY)
            value = self.graph.add_input(self.names[index], type_)
            value.source = tensor.name
            self.define(index, value)
        except Refusal as refusal:
            self._problem(f"network input: {refusal}")
            self._defined.add(index)

    # ------------------------------------------------------------------ operators
    def _operator(self, op: FileOperator) -> None:
        found = list(self._operand_problems(op))
        if not found:
            found = self._convert(op, converters()[op.code])
        name = self.file.tensors[op.outputs[0]].name if op.outputs and self._exists(op.outputs[0]) else ""
        for text in found:
            self._problem(f"operator {op.index} {op.label} ({name!r}): {text}", op.index)
        if found:
            self._stand_in(op)

    def _exists(self, index: int) -> bool:
        return 0 <= index < len(self.file.tensors)

    def _convert(self, op: FileOperator, found: Converter) -> list[str]:
        """Add the operator's nodes. What is wrong with it, one sentence each."""
        try:
            site = Site(self, op, op.options(found.options) if found.options else None)
            found.convert(site)
        except (Refusal, ModelError) as error:
            return [str(error)]
        return [p.removeprefix(f"{node}: ") + "." for node in site.nodes for p in check_types(node)]

    def _operand_problems(self, op: FileOperator) -> Iterator[str]:
        """What is wrong before any converter looks at the operator."""
        found = converters().get(op.code)
        if found is None:
            what = "custom operators are" if op.code == "CUSTOM" else "this operator is"
            yield f"{what} not supported; replace it in the network (`tinyc inspect` lists all such)."
            return
        for what, indices, (least, most) in (
            ("inputs", op.inputs, found.inputs),
            ("outputs", op.outputs, found.outputs),
        ):
            if not least <= len(indices) <= most:
                expected = f"{least}" if most == least else f"{least} to {most}"
                yield f"it has {len(indices)} {what}, expected {expected}."
        for index in op.inputs:
            yield from self._refusals(self._check_input, op, index)
        for index in op.outputs:
            yield from self._refusals(self._check_output, op, index)
        if len(set(op.outputs)) != len(op.outputs):
            yield f"it writes one tensor twice; {_DAMAGED}."

    def _refusals(self, check: Check, op: FileOperator, index: int) -> Iterator[str]:
        try:
            check(op, index)
        except Refusal as refusal:
            yield str(refusal)

    def _check_input(self, op: FileOperator, index: int) -> None:
        if index == -1:
            return
        tensor = self._known(index)
        if not tensor.data and index not in self._defined:
            raise Refusal(
                f"it reads tensor {index} {tensor.name!r}, which nothing has written before", _DAMAGED
            )
        self._reads_left -= len(tensor.data)
        if self._reads_left < 0:
            raise ModelError(
                f"operator {op.index}: the constants that the operators share add up to more than "
                f"{READS_PER_BYTE} times the file; tinyc does not compile this."
            )
        type_ = self.type_of(tensor)
        from_caller = index in self.file.inputs and op.code == "QUANTIZE"
        if type_.dtype is DType.float32 and not from_caller:
            role = "reads float32 weights" if tensor.data else "computes in float32"
            raise Refusal(f"it {role} (tensor {index} {tensor.name!r})", FLOAT_REMEDY)

    def _check_output(self, op: FileOperator, index: int) -> None:
        tensor = self._known(index)
        self._expect_undefined(tensor)
        type_ = self.type_of(tensor)
        to_caller = index in self.file.outputs and op.code == "DEQUANTIZE"
        if type_.dtype is DType.float32 and not to_caller:
            raise Refusal(
                f"it gives float32 (tensor {index} {tensor.name!r}) inside the network", FLOAT_REMEDY
            )

    def _stand_in(self, op: FileOperator) -> None:
        """Let the operators after this one be examined."""
        for index in op.outputs:
            self._defined.add(index)
            try:
                tensor = self._known(index)
                if index not in self._values:
                    self._values[index] = self.graph.add_input(
                        self.names.get(index, "t"), self.type_of(tensor)
                    )
            except Refusal:
                continue

    # ------------------------------------------------------------------ results
    def _outputs(self) -> None:
        if not self.file.outputs:
            self._problem("the model has no output, so there is nothing to compile.")
        for position, index in enumerate(self.file.outputs):
            try:
                self._output(index, index in self.file.outputs[:position])
            except Refusal as refusal:
                self._problem(f"network output: {refusal}")

    def _output(self, index: int, repeated: bool) -> None:
        tensor = self._known(index)
        if repeated:
            raise Refusal(f"tensor {index} {tensor.name!r} is listed twice", "list it once")
        if index in self.file.inputs or tensor.data:
            raise Refusal(f"tensor {index} {tensor.name!r} is not computed by the network", "leave it out")
        if index not in self._defined:
            raise Refusal(f"tensor {index} {tensor.name!r} is written by no operator", _DAMAGED)
        if index in self._values:
            self.graph.outputs.append(self._values[index])
