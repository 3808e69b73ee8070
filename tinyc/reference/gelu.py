"""GELU for TensorFlow Lite Micro, which has no kernel for it: as a gather of the 256 results that LiteRT tabulates.

The rewritten file computes all else as before: tensors keep their numbers, new ones come last.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyc.ir.types import Array, DType, Quant, Signature, TensorType
from tinyc.ops import Gelu

GELU_OPCODE = 150  # in the file format's BuiltinOperator


def without_gelu(model: bytes) -> bytes:
    """The .tflite file with every int8 GELU as CAST, ADD 128 and GATHER; the same bytes where there is none.

    Needs the package tflite-micro, whose schema reads and writes the file.
    """
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema  # type: ignore[import-untyped]

    found = schema.ModelT.InitFromPackedBuf(model)
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in found.operatorCodes]
    if GELU_OPCODE not in codes:
        return model
    for graph in found.subgraphs:
        rewrite = _Rewrite(schema, found, graph)
        graph.operators = [
            step for op in graph.operators
            for step in (rewrite.steps(op) if codes[op.opcodeIndex] == GELU_OPCODE else (op,))
        ]  # fmt: skip
    return _packed(found)


class _Rewrite:
    """New tensors and operators of one graph."""

    def __init__(self, schema: Any, model: Any, graph: Any) -> None:
        self.schema, self.model, self.graph = schema, model, graph

    def steps(self, gelu: Any) -> tuple[Any, ...]:
        x, y = (self.graph.tensors[i] for i in (gelu.inputs[0], gelu.outputs[0]))
        types = [TensorType((1,), DType.int8, Quant.per_tensor(t.quantization.scale[0], t.quantization.zeroPoint[0]))
                 for t in (x, y)]  # fmt: skip
        table = Gelu(gelu.builtinOptions.approximate).table(Signature((types[0],), (types[1],)))
        places = [self.tensor(x.shape, self.schema.TensorType.INT32) for _ in range(2)]
        shift = self.tensor([], self.schema.TensorType.INT32, np.array(128, np.int32))
        results = self.tensor([256], self.schema.TensorType.INT8, table, y.quantization)
        cast, add, gather = self.schema.CastOptionsT(), self.schema.AddOptionsT(), self.schema.GatherOptionsT()
        cast.inDataType, cast.outDataType = self.schema.TensorType.INT8, self.schema.TensorType.INT32
        return (
            self.operator("CAST", [gelu.inputs[0]], places[0], cast),
            self.operator("ADD", [places[0], shift], places[1], add),
            self.operator("GATHER", [results, places[1]], gelu.outputs[0], gather),
        )

    def tensor(self, shape: Any, kind: int, data: Array | None = None, quantization: Any = None) -> int:
        made, buffer = self.schema.TensorT(), self.schema.BufferT()
        buffer.data = None if data is None else np.frombuffer(data.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        made.shape, made.type, made.buffer = shape, kind, len(self.model.buffers) - 1
        made.name, made.quantization = f"gelu{len(self.graph.tensors)}".encode(), quantization
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def operator(self, name: str, inputs: list[int], output: int, options: Any) -> Any:
        code, made = self.schema.OperatorCodeT(), self.schema.OperatorT()
        code.builtinCode = getattr(self.schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = code.builtinCode, 1
        self.model.operatorCodes.append(code)
        made.opcodeIndex, made.inputs, made.outputs = len(self.model.operatorCodes) - 1, inputs, [output]
        made.builtinOptions = options
        made.builtinOptionsType = getattr(self.schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        return made


def _packed(model: Any) -> bytes:
    import flatbuffers  # type: ignore[import-untyped]  # comes with tflite-micro

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
