"""Functions of one tensor, which become tables, and softmax, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.frontend_onnx.cases import IMAGE, Cases, conv
from tests.frontend_onnx.qdq import F32, Model, kinds, operators_differ

CASES = Cases()


@CASES
def island(m: Model, random: np.random.Generator) -> str:
    """Gelu as it was before opset 20, one table in the end."""
    x = m.input(IMAGE)
    erf = m.node("Erf", m.node("Div", x, m.constant(F32(2**0.5))))
    return m.quant(
        m.node("Mul", m.node("Mul", x, m.node("Add", erf, m.constant(F32(1)))), m.constant(F32(0.5))), 0.03, -120
    )


@CASES
def silu(m: Model, random: np.random.Generator) -> str:
    x = m.input(IMAGE)
    return m.quant(m.node("Mul", x, m.node("Sigmoid", x)), 0.03, -120)


@CASES
def rescaled(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Identity", m.node("Dropout", m.input((1, 256)))), 0.031, -60)


@CASES
def softmax(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Softmax", m.input((3, 10)), axis=-1), 1 / 256, -128)


@CASES
def softmax_over_channels(m: Model, random: np.random.Generator) -> str:
    x = m.quant(conv(m, random, m.input(IMAGE), (6, 6, 1, 1)), 0.1, 3)
    return m.quant(m.node("Softmax", x, axis=1), 1 / 255, -128)


@CASES
def softmax_over_rows(m: Model, random: np.random.Generator) -> str:
    return m.quant(m.node("Softmax", m.input(IMAGE), axis=2), 1 / 255, -128)


for _name, _more in {
    "Relu": {}, "LeakyRelu": {"alpha": 0.1}, "Sigmoid": {}, "Tanh": {}, "HardSwish": {}, "HardSigmoid": {}, "Elu": {},
    "Abs": {}, "Neg": {}, "Exp": {}, "Softplus": {}, "Softsign": {}, "Erf": {}, "Floor": {},
}.items():  # fmt: skip

    def _unary(m: Model, random: np.random.Generator, op: str = _name, more: dict[str, Any] = _more) -> str:  # noqa: B006
        return m.quant(m.node(op, m.input((1, 256), 0.03, -9), **more), 0.02, 5)

    CASES[_name] = _unary


@CASES
def gelu_quantised_at_every_step(m: Model, random: np.random.Generator) -> str:
    """As the quantiser leaves the Gelu of exporters: five operators, with codes in between."""
    x = m.input((1, 7, 40))
    erf = m.quant(m.node("Erf", m.node("Div", x, m.constant(F32(2**0.5)))), 0.0078, -1)
    one = m.quant(m.node("Add", erf, m.weights(np.array(127, np.int8), F32(1 / 127))), 0.0079, -128)
    half = m.quant(m.node("Mul", m.weights(np.array(127, np.int8), F32(0.5 / 127)), one), 0.0039, -128)
    return m.quant(m.node("Mul", x, half), 0.03, -120)


@CASES
def gelus(m: Model, random: np.random.Generator) -> str:
    x = m.input((1, 256), 0.03, -9)
    y = m.quant(m.node("Gelu", x, domain="com.microsoft"), 0.02, -110)
    y = m.quant(m.node("FastGelu", y, domain="com.microsoft"), 0.02, -120)
    return m.quant(m.node("QuickGelu", y, domain="com.microsoft", alpha=1.5), 0.02, -120)


TABLES = {"island": 1, "silu": 1, "gelu_quantised_at_every_step": 4, "gelus": 3}  # how many are written down


@CASES.parametrize()
def test_operator(name: str, unsigned: bool) -> None:
    CASES.check(name, unsigned)


@pytest.mark.parametrize("opset", [20, 21])
def test_gelu_of_opset_20(opset: int) -> None:
    for approximate in ("none", "tanh"):
        m = Model(opset=opset)
        data = m.build(m.quant(m.node("Gelu", m.input((1, 256), 0.03, -9), approximate=approximate), 0.02, -110))
        assert kinds(data) == ["lut"] and operators_differ(data)[0] <= 1


@pytest.mark.parametrize("name", TABLES)
def test_functions_of_one_tensor_are_one_table(name: str) -> None:
    """What is not read in the end goes with the dead code."""
    from tinyc.compiler import Options, run_passes
    from tinyc.frontend.onnx import import_onnx

    data = CASES.data(name)
    assert kinds(data) == ["lut"] * TABLES[name]
    graph = import_onnx(data, "m")
    run_passes(graph, Options())
    assert [node.op.name for node in graph.nodes] == ["lut"]


def test_softmax_moves_no_channels() -> None:
    assert "transpose" not in kinds(CASES.data("softmax_over_channels"))
