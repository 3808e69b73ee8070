"""An .onnx file read into plain data: nodes in an order of execution, constants as arrays, problems as sentences."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyc.errors import ModelError
from tinyc.frontend.onnx.package import require_onnx
from tinyc.frontend.tflite.refusal import Problem
from tinyc.ir.types import Array, Shape

MIN_OPSET = 13
MAX_NODES = 100_000
MAX_RANK = 8
MAX_DIMENSION = 1 << 22
MAX_ELEMENTS = 1 << 28  # the external memory that a Cortex-M can address is no larger
DOMAINS = ("", "ai.onnx", "com.microsoft")


@dataclass(frozen=True)
class FileNode:
    """One node. An optional input that is left out has the name ''."""

    index: int
    name: str
    op: str
    domain: str  # "" is ai.onnx
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"node {self.index} {self.op} ({self.name or (self.outputs[0] if self.outputs else '')!r})"


@dataclass(frozen=True)
class FilePort:
    """An input or output of the network. `shape` has None where a dimension is free."""

    name: str
    element: str  # FLOAT, INT8, ...
    shape: tuple[int | None, ...] | None


@dataclass
class ModelFile:
    """What the file holds. `problems` are those found while reading; nodes come in an order that can be executed."""

    proto: Any
    opset: int
    producer: str
    inputs: tuple[FilePort, ...] = ()
    outputs: tuple[FilePort, ...] = ()
    nodes: tuple[FileNode, ...] = ()
    constants: dict[str, Array] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse(data: bytes) -> Any:
    """The protobuf message. Raises ModelError where the bytes are none."""
    onnx = require_onnx()
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        proto = onnx.ModelProto.FromString(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"this is no ONNX model, or a damaged one ({str(error) or 'the protobuf does not parse'}); export or copy "
            "the model again."
        ) from None
    if not proto.HasField("graph"):
        raise ModelError("the ONNX file holds no graph; export the model again.")
    return proto


def read_model_file(data: bytes) -> ModelFile:
    """Everything in the file. Raises ModelError where it is no ONNX model; other findings are in `problems`."""
    onnx = require_onnx()
    proto = parse(data)
    file = ModelFile(proto, _opset(proto), _text(proto.producer_name))
    newest = onnx.defs.onnx_opset_version()
    if not MIN_OPSET <= file.opset <= newest:
        remedy = "export the model with an opset in that range"
        _problem(file, f"the model uses opset {file.opset}; tinyc reads {MIN_OPSET} to {newest}: {remedy}.")
    if len(proto.functions):
        _problem(file, f"the model defines {len(proto.functions)} functions of its own; inline them when exporting.")
    if len(proto.graph.sparse_initializer):
        _problem(file, "the model has sparse initialisers; export it with dense ones.")
    _read_constants(file)
    file.inputs = tuple(_port(v) for v in proto.graph.input if _text(v.name) not in file.constants)
    file.outputs = tuple(_port(v) for v in proto.graph.output)
    file.nodes = tuple(_ordered(file, list(_nodes(file))))
    return file


def _text(found: str | bytes) -> str:
    return found if isinstance(found, str) else found.decode("utf-8", "replace")


def _problem(file: ModelFile, text: str, node: int | None = None) -> None:
    file.problems.append(Problem(text, node))


def _opset(proto: Any) -> int:
    found = [entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")]
    return int(max(found, default=0))


# ---------------------------------------------------------------------- constants
def _read_constants(file: ModelFile) -> None:
    for tensor in file.proto.graph.initializer:
        name = _text(tensor.name)
        try:
            file.constants[name] = array_of(tensor)
        except ValueError as error:
            _problem(file, f"initialiser {name!r}: {error}.")
            file.constants[name] = np.zeros((), np.float32)


def array_of(tensor: Any) -> Array:
    """A TensorProto's numbers. Raises ValueError with the reason where they cannot be had."""
    onnx = require_onnx()
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise ValueError("its data is in another file, which was not read; give tinyc the model's path")
    shape = tuple(tensor.dims)
    if len(shape) > MAX_RANK or min(shape, default=1) < 0 or math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"its shape {list(shape)} is negative or too large")
    known = {onnx.TensorProto.DataType.Value(name) for name in ELEMENTS}
    if tensor.data_type not in known:
        raise ValueError(f"its element type {element_name(tensor.data_type)} is not supported")
    try:
        array: Array = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # numpy and protobuf have many ways to dislike a damaged tensor
        raise ValueError(f"its data does not fit its shape {list(shape)} ({error}); the file is damaged") from None
    if array.shape != shape:
        raise ValueError(f"its data has the shape {list(array.shape)}, expected {list(shape)}; the file is damaged")
    return array


ELEMENTS = (
    "FLOAT", "DOUBLE", "FLOAT16", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64", "BOOL",
)  # fmt: skip


def element_name(code: int) -> str:
    """The name of an ONNX element type."""
    known = require_onnx().TensorProto.DataType
    return str(known.Name(code)) if code in known.values() else f"number {code}"


# ---------------------------------------------------------------------- inputs and outputs
def _port(info: Any) -> FilePort:
    if info.type.WhichOneof("value") != "tensor_type":
        return FilePort(_text(info.name), "no tensor", None)
    tensor = info.type.tensor_type
    element = element_name(tensor.elem_type)
    return FilePort(_text(info.name), element, shape_of(tensor) if tensor.HasField("shape") else None)


def shape_of(tensor: Any) -> tuple[int | None, ...]:
    """A type's dimensions; None for one that is free."""
    return tuple(d.dim_value if d.WhichOneof("value") == "dim_value" else None for d in tensor.shape.dim)


def inferred_shapes(proto: Any) -> dict[str, Shape]:
    """What ONNX's own shape inference says, where it says something definite; {} where it fails."""
    onnx = require_onnx()
    try:
        graph = onnx.shape_inference.infer_shapes(proto).graph
    except Exception:  # only used to go on after a problem that is reported anyway
        return {}
    typed = [v for v in graph.value_info if v.type.tensor_type.HasField("shape")]
    ports = [(v.name, shape_of(v.type.tensor_type)) for v in typed]
    return {name: _fixed(shape) for name, shape in ports if all(n != 0 for n in shape) and None not in shape[1:]}


def _fixed(shape: tuple[int | None, ...]) -> Shape:
    return tuple(n or 1 for n in shape)


# ---------------------------------------------------------------------- nodes
def _nodes(file: ModelFile) -> Iterator[FileNode]:
    found = file.proto.graph.node
    if len(found) > MAX_NODES:
        raise ModelError(f"the model has {len(found)} nodes; tinyc takes up to {MAX_NODES}.")
    for index, node in enumerate(found):
        attributes: dict[str, Any] = {}
        domain = _text(node.domain)
        made = FileNode(
            index, _text(node.name), _text(node.op_type), "" if domain == "ai.onnx" else domain,
            tuple(map(_text, node.input)), tuple(map(_text, node.output)), attributes,
        )  # fmt: skip
        if domain not in DOMAINS:
            _problem(file, f"{made.label}: operators of the domain {domain!r} are not supported.", index)
        for attribute in node.attribute:
            try:
                attributes[_text(attribute.name)] = _attribute(attribute)
            except ValueError as error:
                _problem(file, f"{made.label}: attribute {attribute.name!r}: {error}.", index)
        yield made


def _attribute(attribute: Any) -> Any:
    """A number, text, array or list of numbers. Raises ValueError for graphs and damaged tensors."""
    onnx = require_onnx()
    kinds = onnx.AttributeProto
    if attribute.type == kinds.TENSOR:
        return array_of(attribute.t)
    simple = {kinds.INT: "i", kinds.FLOAT: "f", kinds.INTS: "ints", kinds.FLOATS: "floats"}
    if attribute.type in simple:
        found = getattr(attribute, simple[attribute.type])
        return found if attribute.type in (kinds.INT, kinds.FLOAT) else tuple(found)
    if attribute.type == kinds.STRING:
        return attribute.s.decode("utf-8", "replace")
    raise ValueError("graphs (control flow), sparse tensors and texts are not supported")


def _ordered(file: ModelFile, nodes: list[FileNode]) -> Iterator[FileNode]:
    """The nodes in the file's order as far as that can be executed, else moved behind what they need."""
    known = {"", *file.constants, *(port.name for port in file.inputs)}
    written = {name for node in nodes for name in node.outputs}
    _check_definitions(file, nodes, known)
    missing = {n for node in nodes for n in node.inputs} - known - written
    for node in nodes:
        for name in dict.fromkeys(n for n in node.inputs if n in missing):
            text = f"it reads {name!r}, which is neither an input nor an initialiser nor written by a node"
            _problem(file, f"{node.label}: {text}; the file is damaged.", node.index)
    readers: dict[str, list[FileNode]] = {}
    waiting = {node.index: {n for n in node.inputs if n not in known and n not in missing} for node in nodes}
    for node in nodes:
        for name in waiting[node.index]:
            readers.setdefault(name, []).append(node)
    ready = [node.index for node in nodes if not waiting[node.index]]  # rising, hence a heap
    done = 0
    while ready:
        node = nodes[heapq.heappop(ready)]
        done += 1
        yield node
        for name in node.outputs:
            for reader in readers.pop(name, ()):
                waiting[reader.index].discard(name)
                if not waiting[reader.index]:
                    heapq.heappush(ready, reader.index)
    if done < len(nodes):
        stuck = [node.label for node in nodes if waiting[node.index]]
        _problem(file, f"the graph has a cycle through {', '.join(stuck[:4])}; a network must not feed itself.")


def _check_definitions(file: ModelFile, nodes: list[FileNode], known: set[str]) -> None:
    seen = set(known)
    for node in nodes:
        for name in (n for n in node.outputs if n):
            if name in seen:
                text = f"it writes {name!r}, which exists already; the file is damaged."
                _problem(file, f"{node.label}: {text}", node.index)
            seen.add(name)
