"""Small float ONNX models of random weights for the tests of `tinyc quantize`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tinyc.ir.types import Array

F32 = np.float32
Node = tuple[Any, ...]  # operator, names read, name written, attributes


def build(nodes: Sequence[Node], constants: dict[str, Any], shape: Any = (1, 3, 8, 8), opset: int = 17) -> Any:
    """A ModelProto from `x` (of the shape) to `y`; numbers among the constants are scalars."""
    made = [helper.make_node(op, reads, [writes], **(more[0] if more else {})) for op, reads, writes, *more in nodes]
    initialisers = [numpy_helper.from_array(np.asarray(v, getattr(v, "dtype", F32)), k) for k, v in constants.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(made, "g", [x], [y], initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def weights(*shape: int, seed: int = 0) -> Array:
    """Normal, with a deviation of 0.4."""
    found: Array = np.random.default_rng([seed, *shape]).normal(0, 0.4, shape).astype(F32)
    return found


def images(count: int = 24, shape: tuple[int, ...] = (3, 8, 8), seed: int = 1) -> dict[str, Array]:
    """Calibration data for `x`."""
    return {"x": np.random.default_rng(seed).normal(0, 1, (count, *shape)).astype(F32)}


def cnn(batch: Any = 1, **more: Any) -> Any:
    """Convolution, batch normalisation, SiLU, a depthwise convolution, global pooling, a dense layer, softmax."""
    nodes: list[Node] = [
        ("Conv", ["x", "w"], "c", {"pads": [1, 1, 1, 1]}),
        ("BatchNormalization", ["c", "g", "h", "m", "v"], "n"),
        ("Sigmoid", ["n"], "s"),
        ("Mul", ["n", "s"], "a"),
        ("Conv", ["a", "d"], "e", {"group": 6, "strides": [2, 2]}),
        ("Relu", ["e"], "r"),
        ("GlobalAveragePool", ["r"], "p"),
        ("Flatten", ["p"], "f"),
        ("Gemm", ["f", "k", "b"], "z", {"transB": 1}),
        ("Softmax", ["z"], "y"),
    ]
    constants = {
        "w": weights(6, 3, 3, 3), "d": weights(6, 1, 3, 3), "k": weights(4, 6), "b": weights(4),
        "g": 1 + weights(6), "h": weights(6, seed=1), "m": weights(6, seed=2), "v": 1 + np.abs(weights(6, seed=3)),
    }  # fmt: skip
    return build(nodes, constants, (batch, 3, 8, 8), **more)


def activations() -> Any:
    """Three functions of one tensor as exporters spell them: SiLU, hard swish, Gelu by the error function."""
    point = {"kernel_shape": [1, 1]}
    nodes: list[Node] = [
        ("Conv", ["x", "w0"], "a", point), ("Sigmoid", ["a"], "a1"), ("Mul", ["a", "a1"], "a2"),
        ("Conv", ["a2", "w1"], "b", point), ("Add", ["b", "three"], "b1"), ("Clip", ["b1", "zero", "six"], "b2"),
        ("Mul", ["b", "b2"], "b3"), ("Div", ["b3", "six"], "b4"),
        ("Conv", ["b4", "w1"], "c", point), ("Div", ["c", "root"], "c1"), ("Erf", ["c1"], "c2"),
        ("Add", ["c2", "one"], "c3"), ("Mul", ["c", "c3"], "c4"), ("Mul", ["c4", "half"], "c5"),
        ("Conv", ["c5", "w1"], "d", point), ("Relu", ["d"], "y"),
    ]  # fmt: skip
    scalars = {"three": 3, "zero": 0, "six": 6, "root": 2**0.5, "one": 1, "half": 0.5}
    return build(nodes, {"w0": weights(6, 3, 1, 1), "w1": weights(6, 6, 1, 1), **scalars})


def save(model: Any, path: Any) -> Any:
    """Write it; returns the path."""
    onnx.save(model, path)
    return path
