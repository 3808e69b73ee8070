"""Small ONNX models in QDQ form, and their comparison with onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tinyc.compiler import Options, run_passes
from tinyc.frontend.onnx import import_placed
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.types import Array
from tinyc.ir.verifier import verify
from tinyc.ops import Dequantize, Quantize
from tinyc.reference.ort import OrtReference
from tinyc.verification.layers import on_reference

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
F32 = np.float32


class Model:
    """A model while it is built. Names are values; `real` names have been dequantised."""

    def __init__(self, *, unsigned: bool = False, opset: int = 17) -> None:
        self.unsigned, self.opset, self.count = unsigned, opset, 0
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []

    def fresh(self, hint: str) -> str:
        self.count += 1
        return f"{hint}{self.count}"

    def constant(self, array: Array, hint: str = "c") -> str:
        name = self.fresh(hint)
        self.constants.append(onnx.numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def input(self, shape: Sequence[Any], scale: float = 0.05, zero: int = 3) -> str:
        """A float input, quantised and dequantised."""
        name = self.fresh("input")
        self.inputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape)))
        return self.quant(name, scale, zero)

    def node(self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        names = [self.fresh(op.lower()) for _ in range(outputs)]
        self.nodes.append(onnx.helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def zero(self, zero: int) -> Array:
        """The zero point of activations, given as that of int8 codes."""
        return np.array(zero + 128, np.uint8) if self.unsigned else np.array(zero, np.int8)

    def codes(self, name: str, scale: float, zero: int) -> str:
        return self.node("QuantizeLinear", name, self.constant(F32(scale)), self.constant(self.zero(zero)))

    def quant(self, name: str, scale: float = 0.05, zero: int = 3) -> str:
        codes = self.codes(name, scale, zero)
        return self.node("DequantizeLinear", codes, self.constant(F32(scale)), self.constant(self.zero(zero)))

    def weights(self, codes: Array, scale: Any, zero: Any = None, axis: int | None = None) -> str:
        scale = np.asarray(scale, F32)
        zero = np.zeros(scale.shape, codes.dtype) if zero is None else np.asarray(zero, codes.dtype)
        more = {} if axis is None else {"axis": axis}
        return self.node(
            "DequantizeLinear", self.constant(codes, "w"), self.constant(scale), self.constant(zero), **more
        )

    def build(self, *outputs: str) -> bytes:
        ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
        graph = onnx.helper.make_graph(self.nodes, "m", self.inputs, ports, self.constants)
        opsets = [onnx.helper.make_opsetid("", self.opset), onnx.helper.make_opsetid("com.microsoft", 1)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
        data: bytes = model.SerializeToString()
        return data


def samples_of(graph: Graph, count: int, seed: int) -> list[list[Array]]:
    """Random inputs: real numbers that are exactly codes of the QuantizeLinear behind them."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        sample = []
        for value in graph.inputs:
            quant = next(node.output.type for node in value.users if isinstance(node.op, Quantize))
            codes = random.integers(-128, 128, value.type.shape)
            sample.append(((codes - quant.zero_point).astype(F32) * F32(quant.scale)).astype(F32))
        found.append(sample)
    return found


def distance(data: bytes, *, count: int = 3, seed: int = 0) -> int:
    """How many codes the integer network is off at most, end to end, from onnxruntime; passes keep every integer."""
    imported = import_placed(data, "m")
    graph = imported.graph
    verify(graph)
    passed = graph.copy()
    run_passes(passed, Options(io="asis"))
    reference, worst = OrtReference(data), 0
    for sample in samples_of(graph, count, seed):
        ours = evaluate(graph, sample)
        for a, b in zip(ours, evaluate(passed, sample), strict=True):
            np.testing.assert_array_equal(a, b)
        for array, expected, value in zip(ours, reference.run(sample), graph.outputs, strict=True):
            node = value.producer
            assert node is not None
            scale = node.input(0).type.scale if isinstance(node.op, Dequantize) else 1
            worst = max(worst, int(np.abs(np.rint((array.astype(np.float64) - expected) / scale)).max()))
    return worst


def operators_differ(data: bytes, *, count: int = 3, seed: int = 0) -> tuple[int, float]:
    """(largest difference, smallest share of equal elements) of any operator on the reference's own inputs."""
    imported = import_placed(data, "m")
    graph, reference = imported.graph, OrtReference(data)
    values = [v for node in graph.nodes for v in node.outputs if v.source in imported.placements]
    sources = sorted({v.source for v in graph.values() if v.source in imported.placements})
    expected = [reference.values(sample, sources) for sample in samples_of(graph, count, seed)]
    largest, share = 0, 1.0
    for value in values:
        off = np.concatenate([
            np.abs(on_reference(value, tensors).reshape(-1).astype(int) - tensors[value.source])
            for tensors in expected
        ])  # fmt: skip
        largest, share = max(largest, int(off.max())), min(share, float((off == 0).mean()))
    return largest, share


def kinds(data: bytes) -> list[str]:
    """The names of the operators in the imported graph, ends left out."""
    graph = import_placed(data, "m").graph
    return [node.op.name for node in graph.nodes if not isinstance(node.op, (Quantize, Dequantize))]
