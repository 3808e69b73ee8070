"""Writes gelu.npz of this folder: what LiteRT's int8 GELU gives for all 256 codes, at several quantisations.

Run with the packages of the extra `test` and LiteRT installed (the tests need none of LiteRT's):

    python -m pip install 'tinyc[test]' ai-edge-litert==2.3.0
    python -m tests.data.tflite_vit.gelu

Each row of `parameters` is: approximate, input scale, input zero point, output scale, output zero point. The row of
`tables` with the same number has the results for codes -128 to 127.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType  # type: ignore[import-not-found]

from tests.support.tflite_writer import write_tflite
from tinyc import ops
from tinyc.ir.graph import Graph
from tinyc.ir.types import DType, Quant, TensorType

COUNT = 48


def table(approximate: bool, x: Quant, y: Quant) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    """LiteRT's reference kernel on a model of this one operator."""
    graph, kind = Graph("gelu"), TensorType((1, 256), DType.int8, x)
    node = graph.add(ops.Gelu(approximate), [graph.add_input("x", kind)], TensorType(kind.shape, DType.int8, y))
    graph.outputs = [node.output]
    reference = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=write_tflite(graph), experimental_op_resolver_type=reference)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.arange(-128, 128, dtype=np.int8)[None])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


def main() -> None:
    rng = np.random.default_rng(5)
    parameters, tables = [], []
    for number in range(COUNT):
        scale = 2.0 ** rng.uniform(-9, 1)
        x = Quant.per_tensor(scale, int(rng.integers(-128, 128)))
        y = Quant.per_tensor(scale * 2.0 ** rng.uniform(-3, 1.5), int(rng.integers(-128, 128)))
        parameters.append([number % 2, *x.scalar, *y.scalar])
        tables.append(table(bool(number % 2), x, y))
    np.savez_compressed(Path(__file__).with_suffix(".npz"), parameters=np.array(parameters), tables=np.stack(tables))


if __name__ == "__main__":
    main()
