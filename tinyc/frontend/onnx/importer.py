"""From a ModelFile to a Graph, collecting every problem on the way.

Nodes are taken one after the other; what an ONNX value is at that moment is in `known` (see tensors.py). The
result of a node that was refused is Unknown. A QuantizeLinear behind it gives a stand-in of the shape that
ONNX infers, so that what follows is still examined; the graph is then thrown away, the problems reported.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from tinyc.errors import ModelError
from tinyc.frontend.onnx.converter import converters
from tinyc.frontend.onnx.fold import can_fold, fold
from tinyc.frontend.onnx.layout import IMAGE, Layout
from tinyc.frontend.onnx.model_file import (
    MAX_DIMENSION,
    MAX_ELEMENTS,
    MAX_RANK,
    FileNode,
    FilePort,
    ModelFile,
    inferred_shapes,
)
from tinyc.frontend.onnx.site import Site, output_value
from tinyc.frontend.onnx.tensors import (
    Anything,
    Constant,
    Island,
    Pending,
    Placement,
    Quantised,
    Tensor,
    Unknown,
)
from tinyc.frontend.tflite.naming import short_names
from tinyc.frontend.tflite.refusal import Problem, Refusal
from tinyc.ir.graph import Graph, Value
from tinyc.ir.operator import TypeRuleError
from tinyc.ir.types import DType, Shape, TensorType

_UNFUSED = "tinyc reads the operators that exporters write: quantise the model with graph optimisations off"
_DYNAMIC = "scales computed at run time need float; use static quantisation (quantize_static)"
# Why, and what to do instead, for operators that networks are likely to hold.
_REASONS = {
    **dict.fromkeys(
        ("QAttention", "Attention", "MultiHeadAttention", "GroupQueryAttention", "DecoderMaskedMultiHeadAttention",
         "SkipLayerNormalization", "EmbedLayerNormalization", "BiasGelu", "FusedMatMul", "FusedConv", "FusedGemm",
         "QOrderedAttention", "SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization"),
        f"it stands for several operators; {_UNFUSED}",
    ),
    **dict.fromkeys(
        ("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulInteger", "ConvInteger",
         "MatMulIntegerToFloat"),
        f"its quantisation is dynamic; {_DYNAMIC}",
    ),
    "Einsum": "export it as MatMul and Transpose",
    "ConvTranspose": "transposed convolutions have no integer kernel; use a nearest-neighbour Resize and a Conv",
    "InstanceNormalization": "only LayerNormalization and folded BatchNormalization are; replace it in the network",
    "GroupNormalization": "only LayerNormalization and folded BatchNormalization are; replace it in the network",
}  # fmt: skip
# Operators that move elements alone: of a constant's codes they make another constant's.
_MOVES = {
    "Reshape", "Squeeze", "Unsqueeze", "Slice", "Gather", "Expand", "Tile", "Transpose", "Identity", "Flatten",
}  # fmt: skip
# Operators that treat every axis alike: an image stays one behind them.
_TRANSPARENT = {
    "QuantizeLinear", "DequantizeLinear", "Identity", "Dropout", "Cast", "Add", "Sub", "Mul", "Div", "Relu", "Clip",
    "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Concat", "Pad", "Slice", "Split",
    "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearLeakyRelu", "QLinearSigmoid",
}  # fmt: skip
_SPATIAL = {
    "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Resize", "QLinearConv",
    "QLinearAveragePool", "QLinearGlobalAveragePool", "BatchNormalization", "ConvTranspose",
}  # fmt: skip


class Importer:
    """One import. `run` fills `graph` and `problems`; the graph is good only where there are no problems.

    `placements` tells, for every value's `source`, how the file's tensor lies in it; `ports` the same for the
    network's inputs and outputs, by name.
    """

    def __init__(self, file: ModelFile, name: str, path: str | Path | None = None) -> None:
        self.file, self.graph = file, Graph(name)
        self.problems: list[Problem] = list(file.problems)
        model = shlex.quote(str(path or "MODEL.onnx"))
        self._remedy = f"quantise it first: tinyc quantize {model} --calibrate DATA.npz"
        self.known: dict[str, Anything] = {}
        self.placements: dict[str, Placement] = {}
        self.ports: dict[str, Placement] = {}
        self._stand_ins: list[Value] = []
        named = [*(port.name for port in file.inputs), *(n for node in file.nodes for n in node.outputs if n)]
        short = short_names({i: _plain(name) for i, name in enumerate(named)})
        self.names = {name: short[i] for i, name in enumerate(named)}

    def run(self) -> None:
        for name, array in self.file.constants.items():
            self.known[name] = Constant(array)
        if not self.file.nodes:
            self._problem("the model has no nodes, so there is nothing to compile.")
        elif not any(node.op == "DequantizeLinear" or node.op.startswith("Q") for node in self.file.nodes):
            self._problem(f"the model computes in float32 throughout; {self._remedy}.")
            return  # the same reason for every one of its nodes
        for port in self.file.inputs:
            self._guard(f"network input {port.name!r}", None, lambda port=port: self._input(port))
            self.known.setdefault(port.name, Unknown())
        for node in self.file.nodes:
            self._node(node)
        if not self.file.outputs:
            self._problem("the model has no output, so there is nothing to compile.")
        for position, port in enumerate(self.file.outputs):
            repeated = any(other.name == port.name for other in self.file.outputs[:position])
            self._guard(f"network output {port.name!r}", None, lambda p=port, r=repeated: self._output(p, r))

    def _problem(self, text: str, node: int | None = None) -> None:
        self.problems.append(Problem(text, node))

    def _guard(self, where: str, node: int | None, action: object) -> bool:
        """Do it; what is refused becomes a problem."""
        assert callable(action)
        try:
            action()
        except (Refusal, ModelError) as error:
            self._problem(f"{where}: {error}", node)
        except TypeRuleError as error:
            self._problem(f"{where}: {error}.", node)
        else:
            return True
        return False

    @cached_property
    def inferred(self) -> dict[str, Shape]:
        return inferred_shapes(self.file.proto)

    # ------------------------------------------------------------------ inputs
    def _input(self, port: FilePort) -> None:
        shape = checked_shape(port)
        dtypes = {"FLOAT": DType.float32, "INT8": DType.int8, "UINT8": DType.int8}
        if port.element not in dtypes:
            raise Refusal(f"its type is {port.element}", "tinyc takes float32, int8 or uint8")
        image = len(shape) == 4 and self._is_image(port.name)
        layout = Layout.ordered(shape, IMAGE if image else tuple(range(len(shape))))
        stored = tuple(shape[a] for a in IMAGE) if image else shape
        value = self.graph.add_input(self.names[port.name], TensorType(stored or (1,), dtypes[port.element]))
        value.source = port.name
        tensor = Tensor(value, layout, real=port.element == "FLOAT", unsigned=port.element == "UINT8")
        self.ports[port.name] = Placement(layout, tensor.unsigned)
        self.placements[port.name] = self.ports[port.name]
        self.known[port.name] = tensor

    def _is_image(self, name: str) -> bool:
        """Whether a convolution or another operator on images is the first to look at the axes."""
        seen, waiting = {name}, [name]
        while waiting:
            for node in self._readers.get(waiting.pop(), ()):
                if node.op in _SPATIAL:
                    return True
                fresh = [n for n in node.outputs if n not in seen and node.op in _TRANSPARENT]
                seen.update(fresh)
                waiting += fresh
        return False

    @cached_property
    def _readers(self) -> dict[str, list[FileNode]]:
        found: dict[str, list[FileNode]] = {}
        for node in self.file.nodes:
            for name in node.inputs:
                found.setdefault(name, []).append(node)
        return found

    # ------------------------------------------------------------------ nodes
    def _node(self, node: FileNode) -> None:
        reasons = list(self._unsupported(node))
        for reason in reasons:
            self._problem(f"{node.label}: {reason}", node.index)
        if not reasons and not any(isinstance(self.known.get(n, Unknown()), Unknown) for n in node.inputs if n):
            self._guard(node.label, node.index, lambda: self._convert(node))
        for name in (n for n in node.outputs if n):
            if name not in self.known:
                self.known[name] = self._stand_in(node, name)

    def _unsupported(self, node: FileNode) -> Iterator[str]:
        """What is wrong before any converter looks at the node."""
        found = converters().get((node.domain, node.op))
        if found is None:
            if not (node.domain == "" and can_fold(node.op)):
                yield _unknown_operator(node)
            return
        for what, names, (least, most) in (
            ("inputs", node.inputs, found.inputs), ("outputs", node.outputs, found.outputs),
        ):  # fmt: skip
            if not least <= len(names) <= most:
                expected = f"{least}" if most == least else f"{least} to {most}"
                yield f"it has {len(names)} {what}, expected {expected}."

    def _convert(self, node: FileNode) -> None:
        operands = [self.known.get(n, Unknown()) if n else None for n in node.inputs]
        folded = _folded(node, operands)
        if folded is not None:
            self.known[node.outputs[0]] = folded
            return
        found = converters().get((node.domain, node.op))
        if found is None:
            raise Refusal(
                f"{node.op} is supported on constants only (shapes, weights), and an operand of this one is computed "
                "at run time"
            )
        found.convert(Site(self, node, operands))

    def _stand_in(self, node: FileNode, name: str) -> Anything:
        """Lets the nodes behind one that was refused be examined."""
        if node.op != "QuantizeLinear" or name not in self.inferred:
            return Unknown()
        try:
            layout, quant, unsigned = Site(self, node, []).stand_in_type(self.inferred[name])
        except (Refusal, KeyError):
            return Unknown()
        value = self.graph.add_input("t", TensorType(self.inferred[name] or (1,), DType.int8, quant))
        self._stand_ins.append(value)
        return Tensor(value, layout, real=False, unsigned=unsigned)

    # ------------------------------------------------------------------ outputs
    def _output(self, port: FilePort, repeated: bool) -> None:
        found = self.known.get(port.name)
        if isinstance(found, Unknown) or (isinstance(found, Tensor) and found.value in self._stand_ins):
            return
        if repeated:
            raise Refusal("it is listed twice", "list it once")
        if isinstance(found, (Island, Pending)):
            raise Refusal("it is computed in float: no QuantizeLinear follows", self._remedy)
        if not isinstance(found, Tensor) or found.value in self.graph.inputs:
            raise Refusal("it is not computed by the network", "leave it out")
        value, layout = output_value(self, found, self.names.get(port.name, "output"))
        self.ports[port.name] = Placement(layout, found.unsigned and not found.real)
        self.graph.outputs.append(value)


def _unknown_operator(node: FileNode) -> str:
    reason = _REASONS.get(node.op, "replace it in the network (`tinyc inspect` lists all such)")
    return f"the operator {node.op} is not supported: {reason}."


def _folded(node: FileNode, operands: Sequence[Anything | None]) -> Constant | Quantised | None:
    """The result where all operands are constants; codes stay codes where they only move."""
    constants = [x for x in operands if isinstance(x, (Constant, Quantised))]
    if node.domain or not can_fold(node.op) or len(constants) < len(operands):
        return None
    first = constants[0] if constants else None
    if not isinstance(first, Quantised) or node.op not in _MOVES:
        return Constant(fold(node.op, [x.array for x in constants], node.attributes))
    if first.axis is not None:
        return None  # a converter knows what becomes of the axis
    codes = fold(node.op, [first.codes, *(x.array for x in constants[1:])], node.attributes)
    return replace(first, codes=codes)


def checked_shape(port: FilePort) -> Shape:
    """The shape with a free batch size taken as 1."""
    if port.shape is None:
        raise Refusal("its shape is unknown", "export the model with a fixed input shape")
    free = [axis for axis, n in enumerate(port.shape) if n is None or n < 1]
    if free not in ([], [0]) or (free == [0] and port.shape[0] is not None and port.shape[0] < 0):
        raise Refusal(
            f"its shape {list(port.shape)} is known only at run time (axis {free[-1]} is free)",
            "export with a fixed input shape; memory is planned ahead of time",
        )
    shape = tuple(n or 1 for n in port.shape)
    if len(shape) > MAX_RANK or max(shape, default=1) > MAX_DIMENSION or math.prod(shape) > MAX_ELEMENTS:
        raise Refusal(f"its shape {list(shape)} is too large", "no Cortex-M can hold it")
    return shape


def _plain(name: str) -> str:
    """A value's name without what quantisers put behind it."""
    for suffix in ("_QuantizeLinear_Output", "_DequantizeLinear_Output", "_QuantizeLinear_Input", "_quantized"):
        name = name.removesuffix(suffix)
    return name
