"""Writes vit.tflite of this folder: a small ViT of random weights, by litert-torch and ai-edge-quantizer.

Run with these packages installed (the tests need none of them):

    python -m pip install torch litert-torch==0.10.0 ai-edge-quantizer==0.10.0
    python tests/data/tflite_vit/export.py

Layer normalisation is decomposed by the exporter, attention by the model; all activations and weights are int8.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import torch
from ai_edge_quantizer import quantizer, recipe
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).resolve().parent
SHAPE = (1, 3, 16, 16)


class Attention(nn.Module):
    """Two heads, q, k and v from one layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5, dim=-1)
        return self.projection((weights @ v).transpose(1, 2).reshape(batch, tokens, width))


class Block(nn.Module):
    """Attention, then a perceptron, each behind a normalisation and beside a residual path."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.first(x))
        return x + self.narrow(functional.gelu(self.wide(self.second(x))))


class Vit(nn.Module):
    """16 patches and a class token, two blocks."""

    def __init__(self, width: int = 24, heads: int = 2) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.places = nn.Parameter(torch.randn(1, 17, width))
        self.blocks = nn.Sequential(Block(width, heads), Block(width, heads))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token, x], dim=1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


def calibration(count: int = 16) -> list[dict[str, Any]]:
    """Random images, the same every time."""
    random = np.random.default_rng(1)
    return [{"args_0": random.normal(0, 1, SHAPE).astype(np.float32)} for _ in range(count)]


def main() -> None:
    torch.manual_seed(7)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "float.tflite")
        litert_torch.convert(Vit().eval(), (torch.randn(SHAPE),)).export(str(source))
        work = quantizer.Quantizer(str(source), recipe.static_wi8_ai8())
        ranges = work.calibrate({"serving_default": calibration()})
        work.quantize(ranges).export_model(str(FOLDER / "vit.tflite"), overwrite=True)


if __name__ == "__main__":
    main()
