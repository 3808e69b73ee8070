"""Recognises layer normalisation that is spelt out in means, products and a reciprocal root."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.operator import TypeRuleError
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import Array, DType, Quant, Signature, TensorType
from tinyc.ops import LayerNorm, Reshape, Rsqrt
from tinyc.passes.rewriting import erase_if_unread, replace_result

FARTHEST = 32  # operators between a root and the tensor whose rows it scales: more than any way to write it takes
CLOSE = 1e-6  # of the largest result: constants such as -1 are codes times a float32 scale
BETA_BITS = 16  # behind the point of an output code, for beta

Reals = Mapping[int, Array]  # values as real numbers in float64, by identity
Constant = tuple[TensorType, Array]


@graph_pass("recognise-layer-norm", opt_level=1, changes_numbers=True)
@dataclass(frozen=True)
class RecogniseLayerNorm(Pass):
    """Layer normalisation in MEAN, RSQRT, MUL and so on becomes one operator, which changes numbers.

    The one operator rounds once, where those that it replaces round, and limit to int8, one after the other. So its
    result is closer to the real one, and no longer TensorFlow Lite Micro's. It is not in the default pipeline, and goes
    before that, because tables hide what an operator computes.

    What operators compute together is found by executing them on real numbers (`Operator.real`): the order and the form
    in which an exporter writes it do not matter, such as deviations squared or E[x²] − E[x]², gamma inside the factor
    or behind it, reshapes in between. They stay as they are where something else reads a value inside, where one of
    them limits its codes, and where the mean is not along the last axis.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        if not isinstance(node.op, Rsqrt):
            return False
        for x in _sources(node, graph):
            chain = _Chain(graph, x)
            epsilon = chain.epsilon(node.input(0))
            if epsilon is not None:
                return chain.replace(node, LayerNorm(float(np.float32(epsilon))))
        return False


def _sources(node: Node, graph: Graph) -> Iterator[Value]:
    """The tensors that a node's operand follows from alone, the nearest first."""
    position = {id(n): i for i, n in enumerate(graph.nodes)}
    frontier = _activations(node)
    for _ in range(FARTHEST):
        if len(frontier) == 1:
            yield from (v for v in frontier.values() if _has_one_scale(v.type))
        producers = [v.producer for v in frontier.values() if v.producer is not None]
        if not producers:
            return
        last = max(producers, key=lambda n: position[id(n)])
        frontier = {key: v for key, v in frontier.items() if v.producer is not last} | _activations(last)


def _activations(node: Node) -> dict[int, Value]:
    return {id(v): v for v in node.inputs if v is not None and not v.is_constant}


class _Chain:
    """All results that follow from the rows of one tensor alone, for rows of zeros and for random ones."""

    def __init__(self, graph: Graph, x: Value) -> None:
        self.graph, self.x = graph, x
        self.channels = x.type.shape[-1] if x.type.rank else 1
        self.rows = x.type.elements // self.channels
        self.nodes: list[Node] = []
        random, shape = np.random.default_rng(0), (self.rows, self.channels)
        spread = [random.normal(random.normal(0, 20, (self.rows, 1)), 20, shape) for _ in range(3)]
        self.zero, *self.random = (self._run(codes * x.type.scale) for codes in (np.zeros(shape), *spread))

    def _run(self, real: Array) -> Reals:
        known: dict[int, Array] = {id(self.x): real.reshape(self.x.type.shape)}
        self.nodes = []
        for node in self.graph.nodes:
            result = _real(node, known)
            if result is not None:
                known[id(node.output)] = result
                self.nodes.append(node)
        return known

    def epsilon(self, value: Value) -> float | None:
        """What a value is more than the variance of each row; None where it is anything else."""
        if self.channels < 2 or value.type.elements != self.rows or id(value) not in self.zero:
            return None
        epsilon = float(self.zero[id(value)].flat[0])
        for reals in (self.zero, *self.random):
            variance = self._in_rows(reals, self.x).var(axis=1)
            if epsilon <= 0 or not _is_close(reals[id(value)].reshape(self.rows), variance + epsilon):
                return None
        return epsilon

    def _in_rows(self, reals: Reals, value: Value) -> Array:
        return reals[id(value)].reshape(self.rows, self.channels)

    def replace(self, root: Node, op: LayerNorm) -> bool:
        """Put `op` in the place of as many operators, this root among them, as together are the same function."""
        for last in reversed(self.nodes):
            inside = self._before(last)
            factors = self._factors(last.output, op) if root in inside and self._is_private(inside) else None
            if factors is not None:
                return self._put(op, inside, *factors)
        return False

    def _before(self, last: Node) -> list[Node]:
        """The operators between x and a result, in order; the last is the one that makes it."""
        needed, found = {id(last.output)}, list[Node]()
        for node in reversed(self.nodes):
            if id(node.output) in needed:
                needed |= set(_activations(node))
                found.insert(0, node)
        return found

    def _is_private(self, inside: Sequence[Node]) -> bool:
        """Whether nothing else reads what lies between."""
        between = [node.output for node in inside[:-1]]
        return not any(self.graph.is_output(v) or set(v.users) - set(inside) for v in between)

    def _factors(self, value: Value, op: LayerNorm) -> tuple[Array, Array] | None:
        """Gamma and beta, a number per channel, with which a value is x normalised; None where there are none."""
        if value.type.elements != self.x.type.elements:
            return None
        beta = self._in_rows(self.zero, value)[0]
        plain, found = list[Array](), list[Array]()
        for reals in self.random:
            sig = Signature((self.x.type,), (value.type,))
            plain.append(op.real(sig, self._in_rows(reals, self.x)))
            found.append(self._in_rows(reals, value) - beta)
        x, y = np.concatenate(plain), np.concatenate(found)
        gamma = (x * y).sum(axis=0) / (x * x).sum(axis=0)
        return (gamma, beta) if gamma.any() and _is_close(x * gamma, y) else None

    def _put(self, op: LayerNorm, inside: Sequence[Node], gamma: Array, beta: Array) -> bool:
        graph, last, x = self.graph, inside[-1], self.x
        y, kind = last.output, last.output.type.with_shape(x.type.shape)
        constants = {"gamma": _gamma(gamma, inside), "beta": _beta(beta, y.type.scale)}
        types = [None if found is None else found[0] for found in constants.values()]
        try:
            op.check(Signature((x.type, *types), (kind,)))
        except TypeRuleError:
            return False
        operands = [
            None if found is None else graph.add_constant(f"{y.name}.{role}", *found)
            for role, found in constants.items()
        ]
        result = graph.add(op, [x, *operands], kind, name=last.name, before=last).output
        if kind != y.type:
            result = graph.add(Reshape(y.type.shape), [result], y.type, name=last.name, before=last).output
        replace_result(graph, last, result)
        result.source = None  # no tensor of the file has these numbers
        for node in reversed(inside[:-1]):
            erase_if_unread(graph, node)
        return True


def _real(node: Node, known: Reals) -> Array | None:
    """A node's result as real numbers, where that is a function of known ones and constants."""
    if not any(id(v) in known for v in node.inputs if v is not None):
        return None
    operands = [_operand(v, known) if v is not None else None for v in node.inputs]
    found = [x for x in operands if x is not None]
    with np.errstate(all="ignore"):  # what is no number is close to nothing
        return node.op.real(node.signature, *found) if len(found) == len(operands) else None


def _operand(value: Value, known: Reals) -> Array | None:
    return _real_codes(value) if value.is_constant else known.get(id(value))


def _real_codes(value: Value) -> Array | None:
    """An int8 constant with one scale, as real numbers."""
    kind = value.type
    if value.data is None or not _has_one_scale(kind):
        return None
    return np.asarray((value.data.astype(np.float64) - kind.zero_point) * kind.scale)


def _has_one_scale(kind: TensorType) -> bool:
    return kind.dtype is DType.int8 and kind.quant is not None and not kind.quant.is_per_channel


def _is_close(found: Array, wanted: Array) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.abs(found - wanted).max() <= CLOSE * np.abs(wanted).max())


# ---------------------------------------------------------------------- the operator's constants
def _gamma(gamma: Array, inside: Iterable[Node]) -> Constant | None:
    """Gamma as codes: those of a constant of the chain where it is a multiple of one, None where it is 1."""
    if _is_close(gamma, np.ones_like(gamma)):
        return None
    for value in (v for node in inside for v in node.inputs if v is not None and v.is_constant):
        real = _real_codes(value)
        if value.data is None or real is None or real.size != gamma.size:
            continue
        ratio = float(gamma @ real.ravel() / max(real.ravel() @ real.ravel(), 1e-300))
        if ratio > 0 and _is_close(ratio * real.ravel(), gamma):
            quant = Quant.per_tensor(ratio * value.type.scale, value.type.zero_point)
            return TensorType(gamma.shape, DType.int8, quant), value.data.reshape(-1)
    quant = Quant.per_tensor(float(np.abs(gamma).max()) / 127, 0)
    codes = np.clip(np.rint(gamma / quant.scale[0]), -127, 127)
    return TensorType(gamma.shape, DType.int8, quant), codes.astype(np.int8)


def _beta(beta: Array, scale: float) -> Constant | None:
    """Beta in parts of an output code, of this scale, as int32; None where it has no such part."""
    quant = Quant.per_tensor(max(scale / 2**BETA_BITS, float(np.abs(beta).max()) / 2**30), 0)
    codes = np.rint(beta / quant.scale[0])
    return (TensorType(beta.shape, DType.int32, quant), codes.astype(np.int32)) if codes.any() else None
