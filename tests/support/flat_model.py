"""A .tflite file described tensor by tensor and operator by operator, and its serialisation.

Deliberately without any checks, so that tests can also describe models that nobody should accept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import tflite  # type: ignore[import-untyped]

Offset = int


@dataclass
class FlatTensor:
    """One tensor; `data` None is an activation.

    `fields` adds or overrides fields of the Tensor table, `buffer` of the table of its data. A value
    (name, fields) is a table.
    """

    name: str
    shape: Sequence[int]
    type: str = "INT8"
    scale: Sequence[float] = ()
    zero_point: Sequence[int] = ()
    axis: int = 0
    data: bytes | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    buffer: dict[str, Any] = field(default_factory=dict)


@dataclass
class FlatOperator:
    """One operator; inputs and outputs are tensor indices, `options` the fields of the options table."""

    code: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    table: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    custom: str | None = None


@dataclass
class FlatModel:
    """A model of `subgraphs` equal subgraphs (one, unless a test wants a model to be refused)."""

    tensors: list[FlatTensor] = field(default_factory=list)
    operators: list[FlatOperator] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    subgraphs: int = 1
    version: int = 3
    metadata: Sequence[str] = ()

    def tensor(self, name: str, shape: Sequence[int], type: str = "INT8", **kwargs: Any) -> int:
        """Add a tensor; its index."""
        self.tensors.append(FlatTensor(name, shape, type, **kwargs))
        return len(self.tensors) - 1

    def constant(self, name: str, array: np.ndarray[Any, Any], **kwargs: Any) -> int:
        """Add a constant tensor; its index."""
        kind = {"float32": "FLOAT32"}.get(array.dtype.name, array.dtype.name.upper())
        return self.tensor(name, array.shape, kind, data=array.tobytes(), **kwargs)

    def operator(
        self,
        code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        table: str | None = None,
        **options: Any,
    ) -> None:
        self.operators.append(FlatOperator(code, inputs, outputs, table, options))

    def to_bytes(self) -> bytes:
        return _Serialiser(self).run()


class _Serialiser:
    def __init__(self, model: FlatModel) -> None:
        self.model = model
        self.builder = flatbuffers.Builder(1024)

    def table(self, name: str, **fields: Any) -> Offset:
        """A table; lists become vectors and strings are written first, as flatbuffers require."""
        written = {key: self.child(name, key, value) for key, value in fields.items() if value is not None}
        getattr(tflite, f"{name}Start")(self.builder)
        for key, value in written.items():
            getattr(tflite, f"{name}Add{key}")(self.builder, value)
        return int(getattr(tflite, f"{name}End")(self.builder))

    def child(self, table: str, key: str, value: Any) -> Any:
        if isinstance(value, str):
            return self.builder.CreateString(value)
        if isinstance(value, bytes):
            return self.byte_vector(value)
        if isinstance(value, np.ndarray):
            return self.builder.CreateNumpyVector(value)
        if isinstance(value, tuple):
            return self.table(value[0], **value[1])
        if isinstance(value, list):  # offsets of tables
            getattr(tflite, f"{table}Start{key}Vector")(self.builder, len(value))
            for offset in reversed(value):
                self.builder.PrependUOffsetTRelative(offset)
            return self.builder.EndVector()
        return value

    def byte_vector(self, data: bytes) -> Offset:
        """A byte vector, aligned to 16 as the schema asks for tensor data."""
        self.builder.StartVector(1, len(data), 16)
        self.builder.head -= len(data)
        self.builder.Bytes[self.builder.head : self.builder.head + len(data)] = data
        return int(self.builder.EndVector())

    def tensor(self, tensor: FlatTensor, buffer: int) -> Offset:
        quantization = None
        if len(tensor.scale):
            quantization = self.table(
                "QuantizationParameters",
                Scale=np.array(tensor.scale, np.float32),
                ZeroPoint=np.array(tensor.zero_point, np.int64),
                QuantizedDimension=tensor.axis,
            )
        fields = {
            "Shape": np.array(tensor.shape, np.int32),
            "Type": getattr(tflite.TensorType, tensor.type),
            "Buffer": buffer,
            "Name": tensor.name,
            "Quantization": quantization,
        }
        return self.table("Tensor", **(fields | tensor.fields))

    def operator(self, op: FlatOperator, code: int) -> Offset:
        fields: dict[str, Any] = {}
        if op.table is not None:
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, op.table)
            fields["BuiltinOptions"] = self.table(op.table, **op.options)
        inputs, outputs = (np.array(indices, np.int32) for indices in (op.inputs, op.outputs))
        return self.table("Operator", OpcodeIndex=code, Inputs=inputs, Outputs=outputs, **fields)

    def code(self, op: FlatOperator) -> Offset:
        builtin = getattr(tflite.BuiltinOperator, op.code)
        deprecated = min(builtin, 127)  # old readers look here; larger codes are in the second field only
        return self.table(
            "OperatorCode",
            DeprecatedBuiltinCode=deprecated,
            BuiltinCode=builtin,
            Version=1,
            CustomCode=op.custom,
        )

    def subgraph(self, buffers: list[Offset]) -> Offset:
        tensors = []
        for tensor in self.model.tensors:
            index = 0
            if tensor.data is not None or tensor.buffer:
                index = len(buffers)
                buffers.append(self.table("Buffer", **({"Data": tensor.data} | tensor.buffer)))
            tensors.append(self.tensor(tensor, index))
        operators = [self.operator(op, index) for index, op in enumerate(self.model.operators)]
        inputs, outputs = (np.array(i, np.int32) for i in (self.model.inputs, self.model.outputs))
        return self.table("SubGraph", Tensors=tensors, Inputs=inputs, Outputs=outputs, Operators=operators)

    def run(self) -> bytes:
        buffers = [self.table("Buffer")]  # buffer 0 is "no data" by convention
        subgraphs = [self.subgraph(buffers) for _ in range(self.model.subgraphs)]
        codes = [self.code(op) for op in self.model.operators]
        metadata = [self.table("Metadata", Name=name) for name in self.model.metadata]
        root = self.table(
            "Model",
            Version=self.model.version,
            OperatorCodes=codes,
            Subgraphs=subgraphs,
            Description="tinyc test",
            Buffers=buffers,
            Metadata=metadata or None,
        )
        self.builder.Finish(root, b"TFL3")
        return bytes(self.builder.Output())
