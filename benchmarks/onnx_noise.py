"""Where differences from onnxruntime come from: python -m benchmarks.onnx_noise MODEL.onnx [-n 20] [--orders 3]

Prints for every kind of operator, each on the reference's own inputs, how many elements differ: ours from the
reference, the operator in float64 from the reference, ours from float64. Reals are rounded halves to even. Then for the
outputs, in codes: ours from the reference, and the reference from itself where the products of each dense layer are
added up in another order, which in real numbers changes nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinyc.compiler import Compiled, compile
from tinyc.errors import TinycError
from tinyc.frontend.onnx.model_file import parse
from tinyc.frontend.onnx.package import require_onnx
from tinyc.ir.graph import Node, Value
from tinyc.ir.interpreter import evaluate
from tinyc.ir.types import Array, Signature
from tinyc.ops import Add, BatchMatMul, FullyConnected, LayerNorm, Mean, Mul, SoftmaxScaled
from tinyc.ops.conv import Convolution
from tinyc.reference.ort import OrtReference
from tinyc.verification import make_samples
from tinyc.verification.compare import difference, total
from tinyc.verification.layers import on_reference
from tinyc.verification.values import converted

Inputs = Sequence[Sequence[Array]]  # of each sample, as the model file wants them


# ---------------------------------------------------------------------- operators in float64
def _weighted(op: Any, sig: Signature, x: Array, w: Array, *bias: Array) -> Array:
    w_quant = sig.input(1).quant
    assert w_quant is not None
    scale = sig.input(0).scale * np.array(w_quant.scale, np.float64)
    if isinstance(op, Convolution):
        sums = op.accumulators(sig, x, w).astype(np.float64)
    else:
        weights = w.astype(np.float64) - op.weight_zero_point(sig.input(1))
        sums = (x.astype(np.float64) - sig.input(0).zero_point) @ weights.T
    return np.asarray((sums + sum(b.reshape(-1).astype(np.float64) for b in bias)) * scale)


def _product(op: BatchMatMul, sig: Signature, a: Array, b: Array) -> Array:
    x, y = _real(sig, 0, a), _real(sig, 1, b)
    return np.asarray((x.swapaxes(-1, -2) if op.transpose_a else x) @ (y.swapaxes(-1, -2) if op.transpose_b else y))


def _normalised(op: LayerNorm, sig: Signature, x: Array, *rest: Array) -> Array:
    real = _real(sig, 0, x)
    centred = real - real.mean(axis=-1, keepdims=True)
    found = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + op.epsilon)
    for index, array in enumerate(rest, 1):
        found = found * _real(sig, index, array) if index == 1 else found + _real(sig, index, array)
    return np.asarray(found)


def _softmax(op: SoftmaxScaled, sig: Signature, x: Array) -> Array:
    power = np.exp((x.astype(np.float64) - x.max(axis=-1, keepdims=True)) * op.beta * sig.input(0).scale)
    return np.asarray(power / power.sum(axis=-1, keepdims=True))


def _real(sig: Signature, index: int, codes: Array) -> Array:
    t = sig.input(index)
    return np.asarray((codes.astype(np.float64) - t.zero_point) * t.scale)


EXACT: dict[type, Callable[..., Array]] = {
    FullyConnected: _weighted, Convolution: _weighted, BatchMatMul: _product, LayerNorm: _normalised,
    SoftmaxScaled: _softmax,
    Add: lambda op, sig, a, b: _real(sig, 0, a) + _real(sig, 1, b),
    Mul: lambda op, sig, a, b: _real(sig, 0, a) * _real(sig, 1, b),
    Mean: lambda op, sig, x: _real(sig, 0, x).mean(axis=op.axes, keepdims=op.keep_dims),
}  # fmt: skip


def in_float64(node: Node, operands: Sequence[Array | None]) -> Array | None:
    """The output's codes, int8; None for operators that only move or look up codes, and those not in EXACT."""
    function = next((f for kind, f in EXACT.items() if isinstance(node.op, kind)), None)
    if function is None:
        return None
    y = node.output.type
    real = function(node.op, node.signature, *(x for x in operands if x is not None))
    low, high = getattr(node.op, "clamp", (-128, 127))
    return np.asarray(np.clip(np.rint(real / y.scale) + y.zero_point, low, high).astype(np.int8))


def operand(value: Value | None, tensors: Mapping[str, Array]) -> Array | None:
    """The reference's own tensor, or what is computed from it."""
    if value is None or value.data is not None:
        return None if value is None else value.data
    if value.source in tensors:
        return tensors[value.source].reshape(value.type.shape)
    return on_reference(value, tensors)


def compare_operators(compiled: Compiled, reference: OrtReference, inputs: Inputs) -> dict[str, Array]:
    """Of each kind: elements, and those that differ: ours; where there is float64, its, and ours from it."""
    known = set(reference.sources())
    sources = sorted({v.source for v in compiled.imported.values() if v.source in known and v.source})
    counts: dict[str, Array] = {}
    for sample in inputs:
        tensors = reference.values(sample, sources)
        for node in compiled.imported.nodes:
            theirs = tensors.get(node.output.source or "")
            if theirs is None:
                continue
            ours = on_reference(node.output, tensors).reshape(-1)
            exact = in_float64(node, [operand(v, tensors) for v in node.inputs])
            pairs = [(ours, theirs)]
            if exact is not None:
                pairs += [(exact.reshape(-1), theirs), (ours, exact.reshape(-1))]
            found = np.array([ours.size, *(np.count_nonzero(a != b) for a, b in pairs)])
            counts[node.op.name] = counts.get(node.op.name, 0 * found) + found
    return counts


# ---------------------------------------------------------------------- the reference in another order
class Reordered(OrtReference):
    """The same network, in which the sums of dense layers with constant weights run in an order of their own."""

    def __init__(self, model: bytes, seed: int) -> None:
        super().__init__(model)
        self.sources()  # laid out as the model itself
        self._model = reordered(model, np.random.default_rng(seed))


def reordered(model: bytes, random: np.random.Generator) -> bytes:
    """Rows of constant weights, and what is multiplied with them, in random order."""
    onnx, proto = require_onnx(), parse(model)
    graph = proto.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    nodes = []
    for node in graph.node:
        weights = producers.get(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
        if weights is not None and weights.input[0] in constants:
            codes = onnx.numpy_helper.to_array(constants[weights.input[0]])
            axis = int(any(a.name == "transB" and a.i for a in node.attribute))
            order, name = random.permutation(codes.shape[axis]), f"reordered_{node.input[1]}_{len(nodes)}"
            for suffix, array in (("order", order), ("codes", np.take(codes, order, axis))):
                graph.initializer.append(onnx.numpy_helper.from_array(array, f"{name}_{suffix}"))
            taken = onnx.helper.make_node("Gather", [node.input[0], f"{name}_order"], [f"{name}_x"], axis=-1)
            real = type(weights).FromString(weights.SerializeToString())
            real.name, real.input[0], real.output[0] = f"{name}_real", f"{name}_codes", name
            node = type(node).FromString(node.SerializeToString())
            node.input[0], node.input[1] = f"{name}_x", name
            nodes += [taken, real]
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    changed: bytes = proto.SerializeToString()
    return changed


# ---------------------------------------------------------------------- the table
def outputs_of(compiled: Compiled, outputs: Sequence[Array]) -> Array:
    """The codes of all outputs, flat."""
    codes = converted(outputs, compiled.imported.outputs, compiled.program.outputs)
    return np.concatenate([a.reshape(-1) for a in codes])


def print_outputs(name: str, got: Sequence[Array], expected: Sequence[Array]) -> None:
    pairs = list(zip(got, expected, strict=True))
    found = total(difference(a, b) for a, b in pairs)
    beyond = [total(difference(a, b, limit) for a, b in pairs).mismatches for limit in (1, 2)]
    square = np.mean([(a.astype(np.float64) - b) ** 2 for a, b in pairs])
    print(
        f"{name:<44}{found.unequal:>9,}{beyond[0]:>9,}{beyond[1]:>9,}{found.max_abs_diff:>9}{np.sqrt(square):>9.3f}",
        flush=True,
    )


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Where differences from onnxruntime come from.")
    parser.add_argument("model", type=Path, help="an .onnx file")
    parser.add_argument("-n", type=int, default=20, help="inputs, as `tinyc verify` makes them (default: 20)")
    parser.add_argument("--orders", type=int, default=3, help="orders of the reference's sums (default: 3)")
    options = parser.parse_args()
    try:
        compiled = compile(options.model)
    except TinycError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    assert compiled.source is not None
    reference, samples = OrtReference(compiled.source), make_samples(compiled, options.n)
    inputs = [converted(sample, compiled.graph.inputs, compiled.imported.inputs) for sample in samples]
    titles = ("elements", "ours", "float64", "ours - float64")
    print(f"{'operator':<20}" + "".join(f"{title:>16}" for title in titles))
    for name, counts in compare_operators(compiled, reference, inputs).items():
        print(f"{name:<20}" + "".join(f"{count:>16,}" for count in counts))
    titles = ("unequal", "over 1", "over 2", "most", "rms")
    print(f"\n{'outputs against the reference':<44}" + "".join(f"{title:>9}" for title in titles))
    expected = [outputs_of(compiled, reference.run(sample)) for sample in inputs]
    ours = [evaluate(compiled.graph, sample) for sample in samples]
    print_outputs("ours", [np.concatenate([a.reshape(-1) for a in outputs]) for outputs in ours], expected)
    for seed in range(options.orders):
        other = Reordered(compiled.source, seed)
        got = [outputs_of(compiled, other.run(sample)) for sample in inputs]
        print_outputs(f"the reference, sums in another order ({seed})", got, expected)
    return 0


if __name__ == "__main__":
    sys.exit(main())
