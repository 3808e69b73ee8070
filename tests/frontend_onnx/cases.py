"""Small networks, one operator each: what the tests of operators share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.frontend_onnx.qdq import F32, Model, distance, operators_differ

IMAGE = (1, 6, 8, 7)
Build = Callable[[Model, np.random.Generator], str]


class Cases(dict[str, Build]):
    """Networks by name; used as a decorator it adds one. Each is run with int8 and with uint8 activations."""

    def __call__(self, build: Build) -> Build:
        self[build.__name__] = build
        return build

    def parametrize(self) -> Callable[[Any], Any]:
        def decorate(test: Any) -> Any:
            unsigned = pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
            return unsigned(pytest.mark.parametrize("name", list(self))(test))

        return decorate

    def data(self, name: str, *, unsigned: bool = False, opset: int = 17) -> bytes:
        m = Model(unsigned=unsigned, opset=opset)
        return m.build(self[name](m, np.random.default_rng(3)))

    def check(self, name: str, unsigned: bool, *, share: float = 0.99, exact: bool = False, opset: int = 17) -> None:
        """Every operator within one code of onnxruntime, the network within two (or equal)."""
        data = self.data(name, unsigned=unsigned, opset=opset)
        largest, found = operators_differ(data, count=4)
        assert largest <= (0 if exact else 1) and found >= share, (largest, found)
        assert distance(data) <= (0 if exact else 2)


def int8(random: np.random.Generator, *shape: int) -> Any:
    return random.integers(-127, 128, shape).astype(np.int8)


def conv(
    m: Model, random: np.random.Generator, x: str, w: tuple[int, ...], bias: bool = True, **attributes: Any
) -> str:
    scales = (0.002 + 0.004 * random.random(w[0])).astype(F32)
    operands = [x, m.weights(int8(random, *w), scales, axis=0)]
    if bias:
        codes = random.integers(-3000, 3000, w[0]).astype(np.int32)
        operands.append(m.weights(codes, (F32(0.05) * scales).astype(F32), axis=0))
    return m.node("Conv", *operands, **attributes)
