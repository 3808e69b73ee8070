"""Inverted residuals as in MobileNetV2, ProxylessNAS and MCUNet: resolution, width, depth, kernel, expansion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tinyc.nas.network import Network
from tinyc.nas.spaces.space import Layers, Space, changed, either, make_divisible


@dataclass(frozen=True)
class Block:
    """One inverted residual: rows and columns of its window, hidden channels per input channel."""

    kernel: int
    expansion: int


@dataclass(frozen=True)
class CnnSpec:
    """One network: an image of resolution², every channel count times `width`, the blocks of every stage."""

    resolution: int
    width: float
    stages: tuple[tuple[Block, ...], ...]


@dataclass(frozen=True)
class Stage:
    """Channels at width 1, stride of the first block, whether its number of blocks is open."""

    channels: int
    stride: int
    open: bool = True


# ProxylessNAS and once-for-all: stem and first block fixed, the last stage one block.
STAGES = (Stage(24, 2), Stage(40, 2), Stage(80, 2), Stage(96, 1), Stage(192, 2), Stage(320, 1, open=False))


@dataclass(frozen=True)
class CnnSpace(Space[CnnSpec]):
    """MCUNet-like networks. Fix what shall not vary by giving one choice: CnnSpace(resolutions=(144,)).

    `onnx`: the file to be compiled will be ONNX, whose operators round otherwise than TFLite's.
    """

    name = "cnn"
    spec_type = CnnSpec
    resolutions: tuple[int, ...] = (48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224)
    widths: tuple[float, ...] = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    depths: tuple[int, ...] = (2, 3, 4)
    kernels: tuple[int, ...] = (3, 5, 7)
    expansions: tuple[int, ...] = (3, 4, 6)
    stages: tuple[Stage, ...] = STAGES
    classes: int = 1000
    channels_in: int = 3
    onnx: bool = False

    def cells(self) -> dict[str, CnnSpace]:
        """The space cut along resolution and width, for `select_space`; names such as w0.5-r144."""
        return {
            f"w{width:g}-r{resolution}": replace(self, resolutions=(resolution,), widths=(width,))
            for width in self.widths for resolution in self.resolutions
        }

    def sample(self, rng: Random) -> CnnSpec:
        return CnnSpec(
            rng.choice(self.resolutions), rng.choice(self.widths),
            tuple(tuple(self._block(rng) for _ in range(rng.choice(self._depths(s)))) for s in self.stages),
        )

    def _depths(self, stage: Stage) -> tuple[int, ...]:
        return self.depths if stage.open else (1,)

    def _block(self, rng: Random) -> Block:
        return Block(rng.choice(self.kernels), rng.choice(self.expansions))

    def mutate(self, spec: CnnSpec, rng: Random, depth: float = 0.2, layer: float = 0.4) -> CnnSpec:
        def stage(kind: Stage, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
            wanted = changed(len(blocks), self._depths(kind), rng, depth)
            longer = (*blocks, *(self._block(rng) for _ in range(wanted - len(blocks))))[:wanted]
            return tuple(
                Block(changed(b.kernel, self.kernels, rng, layer), changed(b.expansion, self.expansions, rng, layer))
                for b in longer
            )

        return replace(
            spec, resolution=changed(spec.resolution, self.resolutions, rng, depth),
            width=changed(spec.width, self.widths, rng, depth),
            stages=tuple(stage(kind, blocks) for kind, blocks in zip(self.stages, spec.stages, strict=True)),
        )

    def crossover(self, a: CnnSpec, b: CnnSpec, rng: Random) -> CnnSpec:
        def stage(one: tuple[Block, ...], other: tuple[Block, ...]) -> tuple[Block, ...]:
            count = len(either(one, other, rng))
            shared = [either(x, y, rng) for x, y in zip(one, other, strict=False)]
            return tuple([*shared, *(max(one, other, key=len)[len(shared) :])][:count])

        return CnnSpec(
            either(a.resolution, b.resolution, rng), either(a.width, b.width, rng),
            tuple(stage(one, other) for one, other in zip(a.stages, b.stages, strict=True)),
        )

    def encode(self, spec: CnnSpec) -> tuple[float, ...]:
        vector = [float(spec.resolution), spec.width]
        for kind, blocks in zip(self.stages, spec.stages, strict=True):
            absent = max(self._depths(kind)) - len(blocks)
            vector += [float(x) for b in blocks for x in (b.kernel, b.expansion)] + [0.0, 0.0] * absent
        return tuple(vector)

    def begin(self, spec: CnnSpec) -> Network:
        return Network("cnn", (1, spec.resolution, spec.resolution, self.channels_in), onnx=self.onnx)

    def blocks(self, spec: CnnSpec) -> list[tuple[str, Layers]]:
        """Stem and separable first block, inverted residuals, global average and dense layer."""
        stem = Stem(make_divisible(32 * spec.width), make_divisible(16 * spec.width))
        found: list[tuple[str, Layers]] = [("", stem)]
        for number, (kind, blocks) in enumerate(zip(self.stages, spec.stages, strict=True)):
            channels = make_divisible(kind.channels * spec.width)
            for position, block in enumerate(blocks):
                stride = kind.stride if position == 0 else 1
                layers = InvertedResidual(channels, block.kernel, block.expansion, stride)
                found.append((f"stage{number}/{position}/", layers))
        return [*found, ("", Classifier(self.classes))]


@dataclass(frozen=True)
class Stem:
    """A strided convolution to `wide` channels and a separable one to `channels`."""

    wide: int
    channels: int

    def add(self, net: Network, name: str) -> None:
        net.conv(self.wide, (3, 3), (2, 2), name=f"{name}stem")
        net.depthwise((3, 3), name=f"{name}first/depthwise")
        net.conv(self.channels, name=f"{name}first/project", linear=True)


@dataclass(frozen=True)
class InvertedResidual:
    """Expand, filter each channel, project; added to the input where shapes allow."""

    channels: int
    kernel: int
    expansion: int
    stride: int

    def add(self, net: Network, name: str) -> None:
        x, window = net.last, (self.kernel, self.kernel)
        net.conv(x.type.shape[3] * self.expansion, name=f"{name}expand")
        net.depthwise(window, (self.stride, self.stride), name=f"{name}depthwise")
        y = net.conv(self.channels, name=f"{name}project", linear=True)
        if x.type.shape == y.type.shape:
            net.add(x, y, name=f"{name}add")


@dataclass(frozen=True)
class Classifier:
    """Global average, dense layer, softmax."""

    classes: int

    def add(self, net: Network, name: str) -> None:
        net.classifier(self.classes)
