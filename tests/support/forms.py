"""A compiled network run in two forms, against its graph: the program in an arena of garbage, and the C on the host."""

from __future__ import annotations

import numpy as np

from tinyc.compiler import Compiled
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.types import Array
from tinyc.program.interpreter import execute
from tinyc.simulate import run_host


def samples(graph: Graph, seed: int) -> list[list[Array]]:
    """Random codes, and all codes at either end."""
    random = np.random.default_rng(seed)
    shapes = [(v.type.shape, v.type.dtype.numpy) for v in graph.inputs]
    return [
        [random.integers(-128, 128, s).astype(d) for s, d in shapes],
        [np.full(s, -128, d) for s, d in shapes],
        [np.full(s, 127, d) for s, d in shapes],
    ]


def check_arena(compiled: Compiled, inputs: list[list[Array]]) -> None:
    for seed, one in enumerate(inputs):
        got = execute(compiled.program, compiled.plan.offsets, compiled.plan.arena_bytes, one, seed)
        for a, b in zip(got, evaluate(compiled.imported, one), strict=True):
            np.testing.assert_array_equal(a, b)


def check_host(compiled: Compiled, inputs: list[list[Array]], *, sanitize: bool) -> None:
    packed = [tuple(x.tobytes() for x in one) for one in inputs]
    result = run_host(compiled.project(), packed, sanitize=sanitize, optimize="-O0")
    for one, outputs in zip(inputs, result.outputs, strict=True):
        assert [o.tobytes() for o in evaluate(compiled.imported, one)] == list(outputs)
