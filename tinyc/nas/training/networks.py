"""The networks of the spaces in plain PyTorch, one module per spec: what `graph(spec)` of a space describes.

Parameters that have the same name in two networks are the same weights in a supernet; see `weights`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tinyc.nas.spaces.cnn import Block, CnnSpace, CnnSpec
from tinyc.nas.spaces.space import make_divisible
from tinyc.nas.spaces.vit import DENSE, VitLayer, VitSpace, VitSpec
from tinyc.nas.training.layers import ConvNorm, Factored


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; added to the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, block: Block, stride: int) -> None:
        super().__init__()
        hidden = inputs * block.expansion
        self.expand = ConvNorm(inputs, hidden, 1)
        self.depthwise = ConvNorm(hidden, hidden, block.kernel, stride=stride, groups=hidden)
        self.project = ConvNorm(hidden, outputs, 1, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """Images [N,C,H,W]."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if x.shape[1:] == y.shape[1:] else y


class Cnn(nn.Module):
    """`CnnSpace.graph(spec)`: images [N,C,R,R] to logits [N,classes]."""

    def __init__(self, space: CnnSpace, spec: CnnSpec) -> None:
        super().__init__()
        stem, channels = make_divisible(32 * spec.width), make_divisible(16 * spec.width)
        self.stem = ConvNorm(space.channels_in, stem, 3, stride=2)
        self.depthwise = ConvNorm(stem, stem, 3, groups=stem)
        self.project = ConvNorm(stem, channels, 1, linear=True)
        self.stages = nn.ModuleList()
        for kind, blocks in zip(space.stages, spec.stages, strict=True):
            outputs, stage = make_divisible(kind.channels * spec.width), nn.Sequential()
            for position, block in enumerate(blocks):
                stride = kind.stride if position == 0 else 1
                stage.append(InvertedResidual(channels, outputs, block, stride))
                channels = outputs
            self.stages.append(stage)
        self.classes = nn.Linear(channels, space.classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.project(self.depthwise(self.stem(x)))
        for stage in self.stages:
            x = stage(x)
        logits: Tensor = self.classes(x.mean((2, 3)))
        return logits


class Attention(nn.Module):
    """Every token looks at every token, head by head."""

    def __init__(self, channels: int, layer: VitLayer, depth: int) -> None:
        super().__init__()
        wide = layer.heads * depth
        self.heads, self.depth = layer.heads, depth
        self.norm = nn.LayerNorm(channels, 1e-6)
        self.qkv = Factored(channels, wide, rank(channels, 3 * wide, layer.attention_rank), parts=3)
        self.projection = Factored(wide, channels, rank(wide, channels, layer.attention_rank))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,T,E]."""
        batch, tokens, _ = x.shape
        qkv = self.qkv(self.norm(x)).reshape(batch, tokens, 3, self.heads, self.depth).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        weights = functional.softmax(q @ k.transpose(-2, -1) * self.depth**-0.5, dim=-1)
        mixed = (weights @ v).transpose(1, 2).reshape(batch, tokens, self.heads * self.depth)
        return x + self.projection(mixed)


class Mlp(nn.Module):
    """Two dense layers with GELU between."""

    def __init__(self, channels: int, layer: VitLayer) -> None:
        super().__init__()
        hidden = round(layer.mlp_ratio * channels)
        self.norm = nn.LayerNorm(channels, 1e-6)
        self.up = Factored(channels, hidden, rank(channels, hidden, layer.mlp_rank))
        self.down = Factored(hidden, channels, rank(hidden, channels, layer.mlp_rank))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [N,T,E]."""
        return x + self.down(functional.gelu(self.up(self.norm(x))))


class Vit(nn.Module):
    """`VitSpace.graph(spec)`: images [N,C,R,R] to logits [N,classes]. Weights of patches and positions depend on the
    token's size, so their names do."""

    def __init__(self, space: VitSpace, spec: VitSpec) -> None:
        super().__init__()
        self.token, channels = str(spec.token), spec.embedding
        count = (space.resolution // spec.token) ** 2 + 1
        self.patches = nn.ModuleDict({self.token: nn.Conv2d(space.channels_in, channels, spec.token, spec.token)})
        self.positions = nn.ParameterDict({self.token: torch.randn(1, count, channels) * 0.02})
        self.first = nn.Parameter(torch.zeros(1, 1, channels))
        self.blocks = nn.Sequential()
        for layer in spec.layers:
            self.blocks.append(nn.Sequential(Attention(channels, layer, space.head_channels), Mlp(channels, layer)))
        self.norm = nn.LayerNorm(channels, 1e-6)
        self.classes = nn.Linear(channels, space.classes)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches[self.token](x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(len(x), -1, -1), tokens], dim=1) + self.positions[self.token]
        logits: Tensor = self.classes(self.norm(self.blocks(tokens))[:, 0])
        return logits


def rank(inputs: int, outputs: int, ratio: float) -> int | None:
    """Channels between the factors of a dense layer, None for one that stays whole."""
    return None if ratio == DENSE else round(ratio * min(inputs, outputs))
