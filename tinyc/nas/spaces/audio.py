"""Depthwise-separable CNNs for audio: on spectrograms (two-dimensional) or on frames over time (one-dimensional)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tinyc.nas.network import Network
from tinyc.nas.spaces.cnn import Classifier
from tinyc.nas.spaces.space import Layers, Space, changed, either


@dataclass(frozen=True)
class Separable:
    """A depthwise window (rows; columns alike in two dimensions) and a pointwise convolution to `channels`."""

    kernel: int
    channels: int


@dataclass(frozen=True)
class DsCnnSpec:
    """`dimensions` 2: an image frames × features; 1: frames with the features as channels."""

    dimensions: int
    frames: int
    features: int
    stem_kernel: int
    stem_channels: int
    blocks: tuple[Separable, ...]


@dataclass(frozen=True)
class DsCnnSpace(Space[DsCnnSpec]):
    """Keyword spotting networks after "Hello Edge" (Zhang et al., 2017), and their one-dimensional siblings."""

    name = "audio"
    spec_type = DsCnnSpec
    dimensions: tuple[int, ...] = (1, 2)
    frames: tuple[int, ...] = (25, 49, 98)
    features: tuple[int, ...] = (10, 20, 40)
    stem_kernels: tuple[int, ...] = (5, 7, 9, 11)
    kernels: tuple[int, ...] = (3, 5, 7, 9)
    channels: tuple[int, ...] = (16, 24, 32, 48, 64, 96, 128)
    depths: tuple[int, ...] = (2, 3, 4, 5, 6)
    classes: int = 12

    def sample(self, rng: Random) -> DsCnnSpec:
        return DsCnnSpec(
            rng.choice(self.dimensions), rng.choice(self.frames), rng.choice(self.features),
            rng.choice(self.stem_kernels), rng.choice(self.channels),
            tuple(self._block(rng) for _ in range(rng.choice(self.depths))),
        )

    def _block(self, rng: Random) -> Separable:
        return Separable(rng.choice(self.kernels), rng.choice(self.channels))

    def mutate(self, spec: DsCnnSpec, rng: Random, depth: float = 0.2, layer: float = 0.4) -> DsCnnSpec:
        wanted = changed(len(spec.blocks), self.depths, rng, depth)
        blocks = (*spec.blocks, *(self._block(rng) for _ in range(wanted - len(spec.blocks))))[:wanted]
        return replace(
            spec, dimensions=changed(spec.dimensions, self.dimensions, rng, depth),
            frames=changed(spec.frames, self.frames, rng, depth),
            features=changed(spec.features, self.features, rng, depth),
            stem_kernel=changed(spec.stem_kernel, self.stem_kernels, rng, layer),
            stem_channels=changed(spec.stem_channels, self.channels, rng, layer),
            blocks=tuple(
                Separable(changed(b.kernel, self.kernels, rng, layer), changed(b.channels, self.channels, rng, layer))
                for b in blocks
            ),
        )

    def crossover(self, a: DsCnnSpec, b: DsCnnSpec, rng: Random) -> DsCnnSpec:
        count = len(either(a, b, rng).blocks)
        shared = [either(x, y, rng) for x, y in zip(a.blocks, b.blocks, strict=False)]
        rest = max(a.blocks, b.blocks, key=len)[len(shared) :]
        return DsCnnSpec(
            either(a.dimensions, b.dimensions, rng), either(a.frames, b.frames, rng),
            either(a.features, b.features, rng), either(a.stem_kernel, b.stem_kernel, rng),
            either(a.stem_channels, b.stem_channels, rng), tuple([*shared, *rest][:count]),
        )

    def encode(self, spec: DsCnnSpec) -> tuple[float, ...]:
        whole = (spec.dimensions, spec.frames, spec.features, spec.stem_kernel, spec.stem_channels)
        blocks = [x for b in spec.blocks for x in (b.kernel, b.channels)]
        absent = [0] * (2 * (max(self.depths) - len(spec.blocks)))
        return tuple(map(float, (*whole, *blocks, *absent)))

    def begin(self, spec: DsCnnSpec) -> Network:
        two = spec.dimensions == 2
        return Network("dscnn", (1, spec.frames, spec.features, 1) if two else (1, spec.frames, 1, spec.features))

    def blocks(self, spec: DsCnnSpec) -> list[tuple[str, Layers]]:
        """A strided stem, separable blocks, global average and dense layer."""
        two = spec.dimensions == 2
        stem = AudioStem(spec.stem_channels, spec.stem_kernel, min(4, spec.features) if two else 1, 2 if two else 1)
        separable = [SeparableLayers(block.channels, block.kernel, block.kernel if two else 1) for block in spec.blocks]
        named = [(f"block{number}/", layers) for number, layers in enumerate(separable)]
        return [("", stem), *named, ("", Classifier(self.classes))]


@dataclass(frozen=True)
class AudioStem:
    """A convolution that halves the frames."""

    channels: int
    rows: int
    columns: int
    column_stride: int

    def add(self, net: Network, name: str) -> None:
        net.conv(self.channels, (self.rows, self.columns), (2, self.column_stride), name=f"{name}stem")


@dataclass(frozen=True)
class SeparableLayers:
    """A depthwise and a pointwise convolution."""

    channels: int
    rows: int
    columns: int

    def add(self, net: Network, name: str) -> None:
        net.depthwise((self.rows, self.columns), name=f"{name}depthwise")
        net.conv(self.channels, name=f"{name}pointwise")
