"""MCUFormer's vision transformers: embedding, depth, heads, MLP ratio, low-rank ratios per layer, token size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

from tinyc import ops
from tinyc.ir.graph import Graph, Value
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.nas.network import SHARE, SIGNED, Network
from tinyc.nas.spaces.space import Space, changed, either

DENSE = 1.0  # the "low-rank ratio" of a layer that is not factored


@dataclass(frozen=True)
class VitLayer:
    """One block: heads, hidden channels of the MLP per channel, and the ranks of both, as parts of the smaller side of
    each matrix; DENSE leaves the matrices as they are."""

    heads: int
    mlp_ratio: float
    attention_rank: float
    mlp_rank: float


@dataclass(frozen=True)
class VitSpec:
    """One network: pixels along a side of a token, channels of a token, blocks."""

    token: int
    embedding: int
    layers: tuple[VitLayer, ...]


@dataclass(frozen=True)
class VitSpace(Space[VitSpec]):
    """The published choices. A side that the token does not divide loses its last pixels.

    Operators are those of ONNX files, the only ones that tinyc reads transformers from.
    """

    name: ClassVar[str] = "vit"
    spec_type = VitSpec
    tokens: tuple[int, ...] = (16, 20, 24, 28, 32)
    embeddings: tuple[int, ...] = (168, 192, 216)
    depths: tuple[int, ...] = (12, 13, 14)
    heads: tuple[int, ...] = (3, 4)
    mlp_ratios: tuple[float, ...] = (3.5, 4.0)
    ranks: tuple[float, ...] = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, DENSE)
    head_channels: int = 64
    resolution: int = 224
    channels_in: int = 3
    classes: int = 1000

    def sample(self, rng: Random) -> VitSpec:
        layers = tuple(self._layer(rng) for _ in range(rng.choice(self.depths)))
        return VitSpec(rng.choice(self.tokens), rng.choice(self.embeddings), layers)

    def _layer(self, rng: Random) -> VitLayer:
        ranks = rng.choice(self.ranks), rng.choice(self.ranks)
        return VitLayer(rng.choice(self.heads), rng.choice(self.mlp_ratios), *ranks)

    def mutate(self, spec: VitSpec, rng: Random, depth: float = 0.2, layer: float = 0.4) -> VitSpec:
        wanted = changed(len(spec.layers), self.depths, rng, depth)
        layers = (*spec.layers, *(self._layer(rng) for _ in range(wanted - len(spec.layers))))[:wanted]
        return replace(
            spec, token=changed(spec.token, self.tokens, rng, depth),
            embedding=changed(spec.embedding, self.embeddings, rng, depth),
            layers=tuple(
                VitLayer(
                    changed(one.heads, self.heads, rng, layer), changed(one.mlp_ratio, self.mlp_ratios, rng, layer),
                    changed(one.attention_rank, self.ranks, rng, layer), changed(one.mlp_rank, self.ranks, rng, layer),
                )
                for one in layers
            ),
        )

    def crossover(self, a: VitSpec, b: VitSpec, rng: Random) -> VitSpec:
        count = len(either(a, b, rng).layers)
        shared = [either(x, y, rng) for x, y in zip(a.layers, b.layers, strict=False)]
        rest = max(a.layers, b.layers, key=len)[len(shared) :]
        return VitSpec(
            either(a.token, b.token, rng), either(a.embedding, b.embedding, rng), tuple([*shared, *rest][:count])
        )

    def encode(self, spec: VitSpec) -> tuple[float, ...]:
        layers = [x for one in spec.layers for x in (one.heads, one.mlp_ratio, one.attention_rank, one.mlp_rank)]
        absent = [0.0] * (4 * (max(self.depths) - len(spec.layers)))
        return tuple(map(float, (spec.token, spec.embedding, *layers, *absent)))

    def graph(self, spec: VitSpec) -> Graph:
        """Patches, class token, positions, blocks, classifier, as exporters write them."""
        net = _Vit(self, spec)
        net.patches()
        for number, layer in enumerate(spec.layers):
            net.attention(layer, f"block{number}/attention")
            net.mlp(layer, f"block{number}/mlp")
        return net.classify()


class _Vit(Network):
    """A transformer that grows; `last` are always the tokens [1,N,E]."""

    def __init__(self, space: VitSpace, spec: VitSpec) -> None:
        super().__init__("vit", (1, space.resolution, space.resolution, space.channels_in), onnx=True)
        self.space, self.spec, self.count = space, spec, (space.resolution // spec.token) ** 2 + 1

    def patches(self) -> None:
        token, channels = self.spec.token, self.spec.embedding
        image = self.conv(channels, (token, token), (token, token), name="patches", linear=True, same=False)
        quant = self.reshape(image, (1, self.count - 1, channels), "tokens").type.quant
        first = self.graph.add_constant("class", TensorType((1, 1, channels), DType.int8, quant), None)
        x = self.apply(ops.Concatenation(1), [first, self.last], quant, "with_class")
        place = self.graph.add_constant("positions", TensorType(x.type.shape, DType.int8, SIGNED), None)
        self.add(x, place, name="embedded")

    def attention(self, layer: VitLayer, name: str) -> None:
        """q, k and v of one dense layer, heads as a batch; the result added to the tokens."""
        x, n, d = self.last, self.count, self.space.head_channels
        self.norm(f"{name}/norm")
        qkv = self.factored(3 * layer.heads * d, layer.attention_rank, f"{name}/qkv")
        self.reshape(qkv, (1, n, 3, layer.heads, d), f"{name}/parts")
        parts = self.apply(ops.Transpose((2, 0, 3, 1, 4)), [self.last], qkv.type.quant, f"{name}/by_head")
        q, k, v = (self._part(parts, i, f"{name}/{letter}") for i, letter in enumerate("qkv"))
        product = ops.BatchMatMul(transpose_b=True, rounds_once=True)
        scores = self.apply(product, [q, k], self.found(SCORES), f"{name}/scores")
        weights = self.apply(ops.SoftmaxScaled(d**-0.5), [scores], SHARE, f"{name}/softmax")
        heads = self.apply(ops.BatchMatMul(rounds_once=True), [weights, v], self.found(SIGNED), f"{name}/weighted")
        self.apply(ops.Transpose((0, 2, 1, 3)), [heads], heads.type.quant, f"{name}/joined")
        self.reshape(self.last, (1, n, layer.heads * d), f"{name}/heads")
        self.add(x, self.factored(self.spec.embedding, layer.attention_rank, f"{name}/projection"), name=f"{name}/add")

    def _part(self, parts: Value, index: int, name: str) -> Value:
        shape = parts.type.shape
        begin = (index, 0, 0, 0, 0)
        self.apply(ops.StridedSlice(begin, (1,) * 5, (1, *shape[1:])), [parts], parts.type.quant, f"{name}/slice")
        return self.reshape(self.last, shape[1:], name)

    def mlp(self, layer: VitLayer, name: str) -> None:
        x = self.last
        self.norm(f"{name}/norm")
        hidden = self.factored(round(layer.mlp_ratio * self.spec.embedding), layer.mlp_rank, f"{name}/up")
        self.apply(ops.Gelu(), [hidden], self.found(SIGNED), f"{name}/gelu")
        self.add(x, self.factored(self.spec.embedding, layer.mlp_rank, f"{name}/down"), name=f"{name}/add")

    def classify(self) -> Graph:
        self.norm("norm")
        shape = (1, 1, self.spec.embedding)
        slice = ops.StridedSlice((0, 0, 0), (1, 1, 1), shape)
        first = self.apply(slice, [self.last], self.last.type.quant, "class_token")
        self.reshape(first, shape[1:], "features")
        return self.finish(self.dense(self.space.classes, name="classes"))

    # ------------------------------------------------------------------ layers
    def factored(self, channels: int, rank: float, name: str) -> Value:
        """A dense layer, or two with few channels between."""
        if rank != DENSE:
            self.dense(round(rank * min(channels, self.last.type.shape[-1])), name=f"{name}/low")
        return self.dense(channels, name=name)

    def norm(self, name: str) -> Value:
        """Layer normalisation over the channels."""
        channels = self.last.type.shape[-1]
        gamma = self.graph.add_constant(f"{name}/gamma", TensorType((channels,), DType.int8, GAIN), None)
        beta = self.graph.add_constant(f"{name}/beta", TensorType((channels,), DType.int32, OFFSET), None)
        return self.apply(ops.LayerNorm(1e-6), [self.last, gamma, beta], self.found(SIGNED), name)

    def reshape(self, x: Value, shape: tuple[int, ...], name: str) -> Value:
        return self.apply(ops.Reshape(shape), [x], x.type.quant, name)


SCORES = Quant.per_tensor(0.1, 0)
GAIN = Quant.per_tensor(0.01, 0)
OFFSET = Quant.per_tensor(0.0001, 0)
