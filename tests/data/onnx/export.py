"""Writes the .onnx fixtures of this folder: a small CNN and a small ViT of random weights, by torch and onnxruntime.

Run with the packages of the extra `export` installed (the tests need none of torch's):

    python -m pip install 'tinyc[export]'
    python tests/data/onnx/export.py

Every file's name says how it was made: network, exporter and opset, with or without onnxruntime's pre-processing,
format (QDQ or QOperator), per tensor or per channel, type of the activations.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).resolve().parent
SHAPE = (1, 3, 16, 16)
EXPORTS = {"ts17": (False, 17), "dynamo18": (True, 18), "dynamo20": (True, 20)}


class Block(nn.Module):
    """A residual bottleneck as in MobileNetV2: expand, depthwise, project, add."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.Hardswish(),
            nn.Conv2d(hidden, channels, 1, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.path(x)


class Cnn(nn.Module):
    """Two branches that are joined, a residual block, pooling of both kinds, a flatten before the classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.block = Block(8, 10)
        self.left = nn.Sequential(nn.Conv2d(8, 4, 3, padding=1), nn.LeakyReLU(0.1), nn.AvgPool2d(2))
        self.right = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 6, 1, groups=2), nn.Sigmoid())
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(10 * 4 * 4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Softmax(-1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(self.stem(x))
        return self.head(torch.cat([self.left(x), self.right(x)], dim=1))


class Fused(nn.Module):
    """Attention as in timm: one dense layer for q, k and v, a 5-D reshape, an explicit softmax."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.project = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, tokens, width = x.shape
        qkv = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        return self.project((weights @ v).transpose(1, 2).reshape(n, tokens, width))


class Split(nn.Module):
    """Attention with three dense layers, 4-D reshapes, and torch's own operator for what is between."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.project = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, tokens, width = x.shape
        q, k, v = (
            f(x).view(n, tokens, self.heads, width // self.heads).transpose(1, 2) for f in (self.q, self.k, self.v)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return self.project(mixed.transpose(1, 2).reshape(n, tokens, width))


class Encoder(nn.Module):
    """A block of a transformer, normalised before each part."""

    def __init__(self, width: int, attention: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.attention = nn.LayerNorm(width), nn.LayerNorm(width), attention
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))


class Vit(nn.Module):
    """16 patches and a class token, one block with each kind of attention."""

    def __init__(self, width: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.places = nn.Parameter(torch.randn(1, 17, width))
        self.blocks = nn.Sequential(Encoder(width, Fused(width, heads)), Encoder(width, Split(width, heads)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


FORMS: dict[type[nn.Module], tuple[tuple[QuantFormat, bool, bool], ...]] = {
    Cnn: ((QuantFormat.QDQ, True, False), (QuantFormat.QDQ, False, True), (QuantFormat.QOperator, False, True)),
    Vit: ((QuantFormat.QDQ, True, False), (QuantFormat.QOperator, False, True)),
}


class Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Random images, the same every time."""

    def __init__(self, count: int = 16) -> None:
        random = np.random.default_rng(1)
        self.images: Iterator[np.ndarray[Any, Any]] = iter(random.normal(0, 1, (count, *SHAPE)).astype(np.float32))

    def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
        image = next(self.images, None)
        return None if image is None else {"image": image}


def network(kind: type[nn.Module]) -> nn.Module:
    """Weights and batch statistics from a fixed seed."""
    torch.manual_seed(7)
    model = kind().train()
    for _ in range(8):
        model(torch.randn(8, *SHAPE[1:]))
    return model.eval()


def export(model: nn.Module, folder: Path, name: str) -> Path:
    """The float model by one of the exporters."""
    dynamo, opset = EXPORTS[name]
    path = folder / f"{type(model).__name__}_{name}.onnx"
    more: dict[str, Any] = {"external_data": False} if dynamo else {"do_constant_folding": True}
    torch.onnx.export(
        model, (torch.randn(SHAPE),), str(path), input_names=["image"], output_names=["scores"],
        opset_version=opset, dynamo=dynamo, **more,
    )  # fmt: skip
    return path


def quantise(source: Path, goal: Path, prepared: bool, form: QuantFormat, channels: bool, unsigned: bool) -> None:
    """One fixture."""
    if prepared:
        ready = source.with_suffix(".ready.onnx")
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        source = ready
    quantize_static(
        str(source), str(goal), Calibration(), quant_format=form, per_channel=channels,
        activation_type=QuantType.QUInt8 if unsigned else QuantType.QInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    model = onnx.load(goal)
    model.graph.ClearField("value_info")  # not needed, and much of the size
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    onnx.save(model, goal)


def main() -> int:
    """Every fixture, and what they take together."""
    warnings.simplefilter("ignore")
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, name, prepared in itertools.product(FORMS, EXPORTS, (False, True)):
            float_model = export(network(kind), Path(folder), name)
            for form, channels, unsigned in FORMS[kind]:
                parts = (
                    kind.__name__.lower(), name, "pre" if prepared else "raw",
                    "qdq" if form is QuantFormat.QDQ else "qop",
                    "channel" if channels else "tensor", "u8" if unsigned else "s8",
                )  # fmt: skip
                goal = FOLDER / f"{'_'.join(parts)}.onnx"
                quantise(float_model, goal, prepared, form, channels, unsigned)
                total += goal.stat().st_size
                print(f"{goal.name}: {goal.stat().st_size:,} bytes")
    print(f"{total:,} bytes together")
    return 0


if __name__ == "__main__":
    sys.exit(main())
