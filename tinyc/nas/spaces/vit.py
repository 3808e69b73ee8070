"""MCUFormer's vision transformers: embedding, depth, heads, MLP ratio, low-rank ratios per layer, token size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

from tinyc import ops
from tinyc.ir.graph import Value
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.nas.network import SHARE, SIGNED, Network
from tinyc.nas.spaces.space import Layers, Space, changed, either

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

    def begin(self, spec: VitSpec) -> Network:
        return Network("vit", (1, self.resolution, self.resolution, self.channels_in), onnx=True)

    def blocks(self, spec: VitSpec) -> list[tuple[str, Layers]]:
        """Patches, class token and positions, attention and MLPs, classifier, as exporters write them."""
        found: list[tuple[str, Layers]] = [("", Patches(spec.token, spec.embedding))]
        for number, layer in enumerate(spec.layers):
            attention = Attention(layer.heads, self.head_channels, layer.attention_rank)
            mlp = Mlp(round(layer.mlp_ratio * spec.embedding), layer.mlp_rank)
            found += [(f"block{number}/attention/", attention), (f"block{number}/mlp/", mlp)]
        return [*found, ("", TokenClassifier(self.classes))]


@dataclass(frozen=True)
class Patches:
    """A token of `channels` for every patch of token x token pixels, the class token before them, and positions."""

    token: int
    channels: int

    def add(self, net: Network, name: str) -> None:
        window = (self.token, self.token)
        image = net.conv(self.channels, window, window, name=f"{name}patches", linear=True, same=False)
        _, rows, columns, _ = image.type.shape
        quant = reshape(net, image, (1, rows * columns, self.channels), f"{name}tokens").type.quant
        kind = TensorType((1, 1, self.channels), DType.int8, quant)
        first = net.graph.add_constant(f"{name}class", kind, None)
        x = net.apply(ops.Concatenation(1), [first, net.last], quant, f"{name}with_class")
        place = net.graph.add_constant(f"{name}positions", TensorType(x.type.shape, DType.int8, SIGNED), None)
        net.add(x, place, name=f"{name}embedded")


@dataclass(frozen=True)
class Attention:
    """q, k and v of one dense layer, heads as a batch; the result added to the tokens [1,N,E]."""

    heads: int
    head_channels: int
    rank: float

    def add(self, net: Network, name: str) -> None:
        x, d = net.last, self.head_channels
        _, n, embedding = x.type.shape
        norm(net, f"{name}norm")
        qkv = factored(net, 3 * self.heads * d, self.rank, f"{name}qkv")
        reshape(net, qkv, (1, n, 3, self.heads, d), f"{name}parts")
        parts = net.apply(ops.Transpose((2, 0, 3, 1, 4)), [net.last], qkv.type.quant, f"{name}by_head")
        q, k, v = (_part(net, parts, i, f"{name}{letter}") for i, letter in enumerate("qkv"))
        product = ops.BatchMatMul(transpose_b=True, rounds_once=True)
        scores = net.apply(product, [q, k], net.found(SCORES), f"{name}scores")
        weights = net.apply(ops.SoftmaxScaled(d**-0.5), [scores], SHARE, f"{name}softmax")
        heads = net.apply(ops.BatchMatMul(rounds_once=True), [weights, v], net.found(SIGNED), f"{name}weighted")
        net.apply(ops.Transpose((0, 2, 1, 3)), [heads], heads.type.quant, f"{name}joined")
        reshape(net, net.last, (1, n, self.heads * d), f"{name}heads")
        net.add(x, factored(net, embedding, self.rank, f"{name}projection"), name=f"{name}add")


def _part(net: Network, parts: Value, index: int, name: str) -> Value:
    shape = parts.type.shape
    begin = (index, 0, 0, 0, 0)
    net.apply(ops.StridedSlice(begin, (1,) * 5, (1, *shape[1:])), [parts], parts.type.quant, f"{name}/slice")
    return reshape(net, net.last, shape[1:], name)


@dataclass(frozen=True)
class Mlp:
    """Two dense layers with GELU between, added to the tokens."""

    hidden: int
    rank: float

    def add(self, net: Network, name: str) -> None:
        x = net.last
        norm(net, f"{name}norm")
        hidden = factored(net, self.hidden, self.rank, f"{name}up")
        net.apply(ops.Gelu(), [hidden], net.found(SIGNED), f"{name}gelu")
        net.add(x, factored(net, x.type.shape[-1], self.rank, f"{name}down"), name=f"{name}add")


@dataclass(frozen=True)
class TokenClassifier:
    """A dense layer over the class token."""

    classes: int

    def add(self, net: Network, name: str) -> None:
        norm(net, f"{name}norm")
        shape = (1, 1, net.last.type.shape[-1])
        slice = ops.StridedSlice((0, 0, 0), (1, 1, 1), shape)
        first = net.apply(slice, [net.last], net.last.type.quant, f"{name}class_token")
        reshape(net, first, shape[1:], f"{name}features")
        net.finish(net.dense(self.classes, name=f"{name}classes"))


def factored(net: Network, channels: int, rank: float, name: str) -> Value:
    """A dense layer, or two with few channels between."""
    if rank != DENSE:
        net.dense(round(rank * min(channels, net.last.type.shape[-1])), name=f"{name}/low")
    return net.dense(channels, name=name)


def norm(net: Network, name: str) -> Value:
    """Layer normalisation over the channels."""
    channels = net.last.type.shape[-1]
    gamma = net.graph.add_constant(f"{name}/gamma", TensorType((channels,), DType.int8, GAIN), None)
    beta = net.graph.add_constant(f"{name}/beta", TensorType((channels,), DType.int32, OFFSET), None)
    return net.apply(ops.LayerNorm(1e-6), [net.last, gamma, beta], net.found(SIGNED), name)


def reshape(net: Network, x: Value, shape: tuple[int, ...], name: str) -> Value:
    return net.apply(ops.Reshape(shape), [x], x.type.quant, name)


SCORES = Quant.per_tensor(0.1, 0)
GAIN = Quant.per_tensor(0.01, 0)
OFFSET = Quant.per_tensor(0.0001, 0)
