"""Computes attention one head after the other, on tokens as rows, without moving data between its products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.transform import Pass, graph_pass
from tinyc.ir.types import Array, Quant, TensorType
from tinyc.ops import BatchMatMul, Concatenation, FullyConnected, Reshape
from tinyc.ops.concat import MAX_INPUTS
from tinyc.ops.conv import ChannelMultipliers
from tinyc.ops.softmax import SoftmaxRows
from tinyc.passes.origins import Function, Origin, origin, passed_through
from tinyc.passes.rewriting import erase_if_unread, only_reader, replace_result


@graph_pass("lower-attention", opt_level=1)
@dataclass(frozen=True)
class LowerAttention(Pass):
    """softmax(q · kᵀ) · v of several heads becomes, head by head, products of three dense layers.

    Each head's q, k and v are the rows of the dense layers' weights that make its channels, on tokens [1,N,E];
    the heads' results are concatenated along the channels. So no transpose is left, tokens are rows that can be
    streamed, and only one head's K and V need to be there at a time. The integers are the same: a channel of a
    dense layer does not depend on the others, and all requantisations stay.

    Which channels those are is found by executing what lies between (see `origins`), so the way in which an exporter
    writes it does not matter. Attention that does not match stays as it is: see `find_attention` for the reasons.
    """

    def rewrite(self, node: Node, graph: Graph) -> bool:
        if not isinstance(node.op, BatchMatMul):
            return False
        found = find_attention(node, graph)
        return isinstance(found, Attention) and _Lowering(graph, found).run()


@dataclass(frozen=True)
class Heads:
    """An operand of attention: head h is the channels `channels`[h] of a dense layer, int[H,d], through functions.

    The functions' constants have the shape [H,N,d].
    """

    dense: Node
    channels: Array
    origin: Origin

    @property
    def tokens(self) -> int:
        return self.dense.output.type.elements // self.dense.output.type.shape[-1]


@dataclass(frozen=True)
class Attention:
    """Attention of `heads` heads in a graph. `scores` and `probabilities`: functions before and after the softmax.

    `result`: how the value that takes all heads together, `joined`, comes from the product with V; `order`: element
    k of its rows is element order[k] of the heads' results side by side.
    """

    heads: int
    q: Heads
    k: Heads
    v: Heads
    product: Node
    scores: Origin
    softmax: Node
    probabilities: Origin
    weighted: Node
    result: Origin
    joined: Value
    order: Array


# ---------------------------------------------------------------------- recognising
def find_attention(weighted: Node, graph: Graph) -> Attention | str:
    """The attention whose product with V is this node, or the reason why there is none, as a clause."""
    probabilities = origin(weighted.input(0))
    softmax = probabilities.root.producer
    if softmax is None or not isinstance(softmax.op, SoftmaxRows):
        return "no softmax makes its first operand"
    scores = origin(softmax.input(0))
    product = scores.root.producer
    if product is None or not isinstance(product.op, BatchMatMul):
        return "no product of two activations makes the scores"
    if not (scores.keeps_order and probabilities.keeps_order) or _flag(weighted, "transpose_a"):
        return "scores or probabilities are rearranged"
    *lead, rows, columns = product.output.type.shape
    heads = int(np.prod(lead, dtype=int))
    if softmax.output.type.shape[-1] != columns or weighted.output.type.shape[:-2] != tuple(lead):
        return "scores and probabilities have other rows"
    shape = (*lead, columns)
    q = _operand(product.input(0), _flag(product, "transpose_a"), (*lead, rows), heads)
    k = _operand(product.input(1), not _flag(product, "transpose_b"), shape, heads)
    v = _operand(weighted.input(1), _flag(weighted, "transpose_b"), shape, heads)
    if not (isinstance(q, Heads) and isinstance(k, Heads) and isinstance(v, Heads)):
        return next(reason for reason in (q, k, v) if isinstance(reason, str))
    joined = _joined(weighted, graph)
    result = origin(joined, weighted.output)
    order = _order(result, rows)
    if order is None:
        return "the results of the heads do not come together as channels of tokens"
    scores, probabilities = (
        o.arranged(lambda array: array.reshape(heads, rows, columns)) for o in (scores, probabilities)
    )
    attention = Attention(heads, q, k, v, product, scores, softmax, probabilities, weighted, result, joined, order)
    return _objection(attention, graph) or attention


def _flag(node: Node, name: str) -> bool:
    return bool(getattr(node.op, name))


def _operand(value: Value, transposed: bool, shape: tuple[int, ...], heads: int) -> Heads | str:
    """An operand as heads [H,N,d]; `shape` is [...,N] of all heads. A reason where it is none."""
    rows = shape[-1]

    def by_head(array: Array) -> Array:
        array = array.swapaxes(-1, -2) if transposed else array
        return np.broadcast_to(array, (*shape, array.shape[-1])).reshape(heads, rows, -1)

    found = origin(value).arranged(by_head)
    dense = found.root.producer
    if dense is None or not isinstance(dense.op, FullyConnected) or dense.input(0).is_constant:
        return f"no dense layer makes {value.name!r}"
    if any(v is not None and (not v.is_constant or v.data is None) for v in dense.inputs[1:]):
        return f"the weights of {dense.name!r} are not known"
    token, channel = np.divmod(found.index, dense.output.type.shape[-1])
    if rows * dense.output.type.shape[-1] != dense.output.type.elements or (token != np.arange(rows)[:, None]).any():
        return f"the rows of {value.name!r} are not the tokens of {dense.name!r}"
    if (channel != channel[:, :1]).any():
        return f"the channels of {value.name!r} are not the same for all tokens"
    channels = channel[:, 0]
    if not all(_same_requantisation(dense, channels[h]) for h in range(heads)):
        return f"the channels of {dense.name!r} would be requantised otherwise, one by one"
    return Heads(dense, channels, found)


def _same_requantisation(dense: Node, channels: Array) -> bool:
    """Whether a dense layer with these channels alone has the multipliers that they have now."""
    now, alone = _multipliers(dense, dense.input(1).type), _multipliers(dense, _rows_of(dense.input(1).type, channels))
    picked = [(now.multiplier[c], now.shift[c]) for c in channels]
    return picked == list(zip(alone.multiplier, alone.shift, strict=True))


def _multipliers(dense: Node, weights: TensorType) -> ChannelMultipliers:
    sig = dense.signature
    output = sig.output.with_shape((*sig.output.shape[:-1], weights.shape[0]))
    assert isinstance(dense.op, FullyConnected)
    return dense.op.multipliers(type(sig)((sig.inputs[0], weights), (output,)))


def _rows_of(weights: TensorType, channels: Sequence[int] | Array) -> TensorType:
    """The type of some rows of a dense layer's weights."""
    quant = weights.quant
    if quant is not None and quant.axis == 0 and len(quant.scale) > 1:
        quant = Quant(tuple(quant.scale[c] for c in channels), tuple(quant.zero_point[c] for c in channels), 0)
    return TensorType((len(channels), weights.shape[1]), weights.dtype, quant)


def _joined(weighted: Node, graph: Graph) -> Value:
    """The last value that movements and functions alone make of the product with V."""
    value = weighted.output
    while (reader := only_reader(graph, value)) is not None and passed_through(reader) is value:
        value = reader.output
    return value


def _order(result: Origin, rows: int) -> Array | None:
    """For rows of tokens [N,H·d], which channel of the heads side by side each is; None where they are no such rows."""
    *lead, _, depth = result.root.type.shape
    heads = int(np.prod(lead, dtype=int))
    if result.index.size != rows * heads * depth or result.index.shape[-1] != heads * depth:
        return None
    head_and_token, within = np.divmod(result.index.reshape(rows, -1), depth)
    head, token = np.divmod(head_and_token, rows)
    channel = head * depth + within
    aligned = (token == np.arange(rows)[:, None]).all() and (channel == channel[:1]).all()
    complete = sorted(channel[0]) == list(range(heads * depth))
    return channel[0] if aligned and complete else None


def _objection(found: Attention, graph: Graph) -> str | None:
    """Why a pattern that matches should stay; None where nothing speaks against it."""
    natural = np.array_equal(found.order, np.arange(len(found.order)))
    moved = any(heads.origin.is_moved for heads in (found.q, found.k, found.v))
    if found.heads == 1 and natural and not moved and found.weighted.output.type.rank == 3:
        return "it is one head already"
    if any(f.constants for f in found.result.functions):
        return "a constant that differs from channel to channel is added to the heads' results"
    inside = {id(n) for n in _nodes(found)}
    for node in _nodes(found):
        seen = [v for v in node.outputs if graph.is_output(v) or any(id(u) not in inside for u in v.users)]
        if seen and seen != [found.joined]:
            return f"{seen[0].name!r} is read by others too"
    readers = found.joined.users
    if not natural and (graph.is_output(found.joined) or not all(_takes_any_order(r, found.joined) for r in readers)):
        return "the channels of the heads are interleaved"
    return None


def _nodes(found: Attention) -> Iterator[Node]:
    """All nodes that the lowered form replaces, each once."""
    heads = (found.q, found.k, found.v)
    origins = (*(h.origin for h in heads), found.scores, found.probabilities, found.result)
    own = (*(h.dense for h in heads), found.product, found.softmax, found.weighted)
    yield from {id(n): n for n in (*own, *(n for o in origins for n in o.nodes))}.values()


def _takes_any_order(reader: Node, value: Value) -> bool:
    """Whether the reader is a dense layer whose weights can be put into another order of channels."""
    w = reader.inputs[1] if len(reader.inputs) > 1 else None
    return isinstance(reader.op, FullyConnected) and reader.input(0) is value and w is not None and w.data is not None


# ---------------------------------------------------------------------- rewriting
class _Lowering:
    """Writes the lowered form of one attention into its graph."""

    def __init__(self, graph: Graph, found: Attention) -> None:
        self.graph, self.found, self.before = graph, found, found.weighted

    def run(self) -> bool:
        found, graph = self.found, self.graph
        replaced = {id(node) for node in _nodes(found)}
        order = [node for node in graph.nodes if id(node) in replaced]
        parts = [self._head(h) for h in range(found.heads)]
        joined = self._join(parts)
        self._reorder_weights()
        if joined.type.shape != found.joined.type.shape:
            shape = found.joined.type.shape
            joined = self._add(Reshape(shape), [joined], joined.type.with_shape(shape), "heads")
        last = found.joined.producer
        assert last is not None
        replace_result(graph, last, joined)
        self._erase(order)
        return True

    def _erase(self, nodes: Sequence[Node]) -> None:
        """Remove what nothing reads any more: nodes, readers first, then their constants."""
        for node in reversed(nodes):
            if self.graph.has(node):
                erase_if_unread(self.graph, node)
        constants = {id(v): v for n in nodes for v in n.inputs if v is not None and v.is_constant}
        for constant in constants.values():
            if not constant.uses:
                self.graph.erase_constant(constant)

    def _head(self, h: int) -> Value:
        """Keys and values first: the rows of queries, scores and results can then follow each other."""
        found = self.found
        k, v, q = (self._dense(heads, h) for heads in (found.k, found.v, found.q))
        scores = self._multiply(q, k, True, found.product)
        scores = self._through(found.scores.functions, scores, h)
        p = self._add(found.softmax.op, [scores], found.softmax.output.type, found.softmax.name)
        p = self._through(found.probabilities.functions, p, h)
        return self._through(found.result.functions, self._multiply(p, v, False, found.weighted), h)

    def _multiply(self, a: Value, b: Value, transposed: bool, like: Node) -> Value:
        assert isinstance(like.op, BatchMatMul)
        op = replace(like.op, transpose_a=False, transpose_b=transposed)
        return self._add(op, [a, b], like.output.type, like.name)

    def _add(self, op: Any, inputs: list[Value | None] | list[Value], kind: TensorType, name: str) -> Value:
        """A node whose result has the element type and quantisation of `kind`; its shape follows from the operands."""
        ((shape, _),) = op.infer(*(None if v is None else v.type for v in inputs))
        return self.graph.add(op, list(inputs), kind.with_shape(shape), name=name, before=self.before).output

    def _dense(self, heads: Heads, h: int) -> Value:
        """Head h of q, k or v: its rows of the weights, on tokens [1,N,E]."""
        dense, channels = heads.dense, heads.channels[h]
        x, w = dense.input(0), dense.input(1)
        shape = (1, heads.tokens, x.type.shape[-1])
        if x.type.shape != shape:
            x = self._add(Reshape(shape), [x], x.type, f"{x.name}.tokens")
        assert w.data is not None
        inputs: list[Value | None] = [x, self._constant(w, _rows_of(w.type, channels), w.data[channels])]
        bias = dense.inputs[2] if len(dense.inputs) > 2 else None
        if bias is not None and bias.data is not None:
            kind = TensorType((len(channels),), bias.type.dtype, _one_scale(bias.type.quant))
            inputs.append(self._constant(bias, kind, bias.data.reshape(-1)[channels]))
        elif len(dense.inputs) > 2:
            inputs.append(None)
        made = self._add(dense.op, inputs, dense.output.type, dense.name)
        return self._through(heads.origin.functions, made, h)

    def _through(self, functions: Sequence[Function], value: Value, h: int) -> Value:
        """The functions, applied to one head."""
        for f in functions:
            x = passed_through(f.node)
            constants = {i: self._of_head(f.node.input(i), c[h]) for i, c in f.constants.items()}
            inputs = [value if v is x else constants.get(i, v) for i, v in enumerate(f.node.inputs)]
            value = self._add(f.node.op, inputs, f.node.output.type, f.node.name)
        return value

    def _of_head(self, constant: Value, data: Array) -> Value:
        """A head's part of a constant, [1,1,d] where it is the same for all tokens."""
        data = data[:1] if (data == data[:1]).all() else data
        return self._constant(constant, constant.type.with_shape((1, *data.shape)), data[None])

    def _constant(self, like: Value, kind: TensorType, data: Array) -> Value:
        return self.graph.add_constant(like.name, kind, data)

    def _join(self, parts: list[Value]) -> Value:
        """Heads side by side; more than a concatenation takes are joined in groups."""
        while len(parts) > 1:
            groups = [parts[i : i + MAX_INPUTS] for i in range(0, len(parts), MAX_INPUTS)]
            parts = [g[0] if len(g) == 1 else self._add(Concatenation(2), g, g[0].type, "heads") for g in groups]
        return parts[0]

    def _reorder_weights(self) -> None:
        """Let dense layers that read heads in another order read them side by side."""
        order = self.found.order
        if np.array_equal(order, np.arange(len(order))):
            return
        self.found.joined.source = None  # the file's tensor has its channels in another order
        for reader in self.found.joined.users:
            w = reader.input(1)
            assert w.data is not None
            moved = self._constant(w, w.type, w.data[:, np.argsort(order)])
            self.graph.replace(reader, inputs=[reader.input(0), moved, *reader.inputs[2:]])
            if not w.uses:
                self.graph.erase_constant(w)


def _one_scale(quant: Quant | None) -> Quant | None:
    """A bias's quantisation says nothing that its weights' do not; one per channel is left out."""
    return None if quant is not None and quant.is_per_channel else quant
