"""Vision transformers with random weights, in the shapes that exporters write, and attention alone.

    vit(Vit(image=224, patch=16, embedding=192, heads=3, head=64, hidden=768, blocks=12))

Scales are such that codes spread over their range, as in a trained network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from tinyc import ops
from tinyc.ir.graph import Graph, Value
from tinyc.ir.operator import Operator
from tinyc.ir.types import DType, Quant, Shape, TensorType

FORMS = ("fused", "sliced", "split", "flat", "sequence")


@dataclass(frozen=True)
class Vit:
    """A vision transformer. `form` is how attention is written:

    fused     q, k, v of one dense layer, through five axes and one transpose; K transposed once more
    sliced    the same, each part sliced out first, heads as matrices of three axes
    split     three dense layers, four axes, K transposed in one step
    flat      tokens [N,E], heads as a batch of matrices
    sequence  tokens [N,1,E], as torch's MultiheadAttention has them

    `rank`: dense layers of attention have this many channels in two layers before them (0: none).
    `mask`: a constant is added to the scores. `per_channel`: dense weights have a scale per output.
    """

    image: int = 8
    patch: int = 2
    embedding: int = 12
    heads: int = 2
    head: int = 4
    hidden: int = 20
    blocks: int = 1
    classes: int = 5
    form: str = "fused"
    rank: int = 0
    mask: bool = False
    per_channel: bool = True
    class_token: bool = True

    @property
    def tokens(self) -> int:
        return (self.image // self.patch) ** 2 + self.class_token

    @property
    def inner(self) -> int:
        """Channels of all heads."""
        return self.heads * self.head


def vit(config: Vit, seed: int = 0) -> Graph:
    """The whole network: patches, class token, positions, blocks, classifier."""
    b = _Builder(config, np.random.default_rng(seed))
    image = b.graph.add_input("image", TensorType((1, config.image, config.image, 3), DType.int8, b.quant(0.02)))
    x = b.tokens(image)
    for _ in range(config.blocks):
        x = b.mlp(b.attention(x))
    x = b.norm(x)
    first = ops.StridedSlice((0, 0, 0), (1, 1, 1), (1, 1, config.embedding))
    b.graph.outputs = [b.dense(b.add(first, [x], x.type.quant), config.classes)]
    return b.graph


def attention(config: Vit, seed: int = 0) -> Graph:
    """One attention block with its residual, from tokens to tokens."""
    b = _Builder(config, np.random.default_rng(seed))
    kind = TensorType((1, config.tokens, config.embedding), DType.int8, b.quant(0.02))
    b.graph.outputs = [b.attention(b.graph.add_input("tokens", kind))]
    return b.graph


def encoder(config: Vit, seed: int = 0) -> Graph:
    """The blocks alone, from tokens to tokens."""
    b = _Builder(config, np.random.default_rng(seed))
    kind = TensorType((1, config.tokens, config.embedding), DType.int8, b.quant(0.02))
    x = b.graph.add_input("tokens", kind)
    for _ in range(config.blocks):
        x = b.mlp(b.attention(x))
    b.graph.outputs = [x]
    return b.graph


@dataclass
class _Builder:
    config: Vit
    rng: np.random.Generator
    graph: Graph = field(default_factory=lambda: Graph("vit"))

    def quant(self, scale: float) -> Quant:
        return Quant.per_tensor(scale * 2.0 ** self.rng.uniform(-0.2, 0.2), int(self.rng.integers(-20, 20)))

    def add(self, op: Operator, inputs: list[Value | None], quant: Quant | None) -> Value:
        ((shape, dtype),) = op.infer(*(None if v is None else v.type for v in inputs))
        return self.graph.add(op, inputs, TensorType(shape, dtype, quant)).output

    def constant(self, shape: Shape, dtype: DType, quant: Quant | None, reach: int = 127) -> Value:
        data = self.rng.integers(-reach, reach + 1, shape)
        return self.graph.add_constant("c", TensorType(shape, dtype, quant), data.astype(dtype.numpy))

    def reshape(self, x: Value, *shape: int) -> Value:
        return self.add(ops.Reshape(shape), [x], x.type.quant)

    def transpose(self, x: Value, *perm: int) -> Value:
        return self.add(ops.Transpose(perm), [x], x.type.quant)

    # -- layers
    def weights(self, outputs: int, *rest: int) -> Value:
        if self.config.per_channel:
            scales = tuple(float(np.float32(s)) for s in 0.01 * 2.0 ** self.rng.uniform(-1, 1, outputs))
            return self.constant((outputs, *rest), DType.int8, Quant(scales, (0,) * outputs, 0))
        return self.constant((outputs, *rest), DType.int8, Quant.per_tensor(0.01, 0))

    def spread(self, x: Value, w: Value, terms: int) -> Quant:
        assert w.type.quant is not None
        return self.quant(x.type.scale * float(np.median(w.type.quant.scale)) * 75 * math.sqrt(terms))

    def dense(self, x: Value, outputs: int) -> Value:
        terms = x.type.shape[-1]
        w, bias = self.weights(outputs, terms), self.constant((outputs,), DType.int32, None, 2000)
        return self.add(ops.FullyConnected(), [x, w, bias], self.spread(x, w, terms))

    def projected(self, x: Value, outputs: int) -> Value:
        for _ in range(2 if self.config.rank else 0):
            x = self.dense(x, self.config.rank)
        return self.dense(x, outputs)

    def norm(self, x: Value) -> Value:
        channels = x.type.shape[-1]
        gamma = self.constant((channels,), DType.int8, Quant.per_tensor(0.01, 0))
        beta = self.constant((channels,), DType.int32, Quant.per_tensor(0.0001, 0), 2000)
        return self.add(ops.LayerNorm(1e-6), [x, gamma, beta], self.quant(0.02))

    def residual(self, x: Value, y: Value) -> Value:
        return self.add(ops.Add(), [x, y], self.quant(max(x.type.scale, y.type.scale) * 1.2))

    def product(self, a: Value, b: Value) -> Value:
        scale = a.type.scale * b.type.scale * 75 * math.sqrt(a.type.shape[-1])
        return self.add(ops.BatchMatMul(), [a, b], self.quant(scale))

    # -- parts of the network
    def tokens(self, image: Value) -> Value:
        c = self.config
        w = self.weights(c.embedding, c.patch, c.patch, 3)
        bias = self.constant((c.embedding,), DType.int32, None, 2000)
        conv = ops.Conv2D(stride=(c.patch, c.patch))
        x = self.add(conv, [image, w, bias], self.spread(image, w, 3 * c.patch**2))
        x = self.reshape(x, 1, (c.image // c.patch) ** 2, c.embedding)
        if c.class_token:
            token = self.constant((1, 1, c.embedding), DType.int8, x.type.quant)
            x = self.add(ops.Concatenation(1), [token, x], x.type.quant)
        positions = self.constant(x.type.shape, DType.int8, self.quant(x.type.scale / 2))
        return self.residual(x, positions)

    def mlp(self, x: Value) -> Value:
        y = self.dense(self.norm(x), self.config.hidden)
        table = self.constant((256,), DType.int8, None)
        y = self.add(ops.Lut(), [y, table], self.quant(0.02))
        return self.residual(x, self.dense(y, self.config.embedding))

    def attention(self, x: Value) -> Value:
        c, n = self.config, self.config.tokens
        y = self.norm(x)
        if c.form == "flat":
            y = self.reshape(y, n, c.embedding)
        elif c.form == "sequence":
            y = self.transpose(y, 1, 0, 2)
        q, k, v = getattr(self, f"_{c.form}")(y)
        scores = self.product(q, k)
        if c.mask:
            scores = self.residual(scores, self.constant((n, n), DType.int8, self.quant(scores.type.scale)))
        softmax = ops.SoftmaxScaled(0.3 / scores.type.scale / 40)
        o = self.product(self.add(softmax, [scores], Quant.per_tensor(1 / 255, -128)), v)
        y = self._joined(o)
        y = self.projected(y, c.embedding)
        return self.residual(x, self.reshape(y, 1, n, c.embedding) if y.type.rank == 2 or c.form == "sequence" else y)

    def _joined(self, o: Value) -> Value:
        c, n = self.config, self.config.tokens
        o = self.transpose(o, 1, 0, 2) if o.type.rank == 3 else self.transpose(o, 0, 2, 1, 3)
        shape = {"flat": (n, c.inner), "sequence": (n, 1, c.inner)}.get(c.form, (1, n, c.inner))
        return self.reshape(o, *shape)

    # -- q [..,H,N,d], k [..,H,d,N], v [..,H,N,d] of each form
    def _fused(self, y: Value) -> tuple[Value, Value, Value]:
        c, n = self.config, self.config.tokens
        qkv = self.reshape(self.projected(y, 3 * c.inner), 1, n, 3, c.heads, c.head)
        qkv = self.transpose(qkv, 2, 0, 3, 1, 4)

        def part(i: int) -> Value:
            cut = ops.StridedSlice((i, 0, 0, 0, 0), (1,) * 5, (1, 1, c.heads, n, c.head))
            return self.reshape(self.add(cut, [qkv], qkv.type.quant), 1, c.heads, n, c.head)

        return part(0), self.transpose(part(1), 0, 1, 3, 2), part(2)

    def _sliced(self, y: Value) -> tuple[Value, Value, Value]:
        c, n = self.config, self.config.tokens
        qkv = self.reshape(self.projected(y, 3 * c.inner), 1, n, 3, c.heads, c.head)

        def part(i: int) -> Value:
            cut = ops.StridedSlice((0, 0, i, 0, 0), (1,) * 5, (1, n, 1, c.heads, c.head))
            return self.reshape(self.add(cut, [qkv], qkv.type.quant), n, c.heads, c.head)

        q, k, v = (self.transpose(part(i), *perm) for i, perm in ((0, (1, 0, 2)), (1, (1, 2, 0)), (2, (1, 0, 2))))
        return q, k, v

    def _split(self, y: Value) -> tuple[Value, Value, Value]:
        c, n = self.config, self.config.tokens

        def part(*perm: int) -> Value:
            x = self.reshape(self.projected(y, c.inner), 1, n, c.heads, c.head)
            return self.transpose(x, *perm)

        return part(0, 2, 1, 3), part(0, 2, 3, 1), part(0, 2, 1, 3)

    def _flat(self, y: Value) -> tuple[Value, Value, Value]:
        c, n = self.config, self.config.tokens

        def part(*perm: int) -> Value:
            return self.transpose(self.reshape(self.projected(y, c.inner), n, c.heads, c.head), *perm)

        return part(1, 0, 2), part(1, 2, 0), part(1, 0, 2)

    _sequence = _flat
