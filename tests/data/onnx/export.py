"""Writes the .onnx fixtures of this folder: a small CNN of random weights, by torch's exporters and onnxruntime.

Run with torch, onnx, onnxscript and onnxruntime installed (none of them is needed by the tests):

    python tests/data/onnx/export.py

Every file's name says how it was made: exporter and opset, with or without onnxruntime's pre-processing, format
(QDQ or QOperator), per tensor or per channel, type of the activations.
"""

from __future__ import annotations

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


class Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Random images, the same every time."""

    def __init__(self, count: int = 16) -> None:
        random = np.random.default_rng(1)
        self.images: Iterator[np.ndarray[Any, Any]] = iter(random.normal(0, 1, (count, *SHAPE)).astype(np.float32))

    def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
        image = next(self.images, None)
        return None if image is None else {"image": image}


def network() -> nn.Module:
    """Weights and batch statistics from a fixed seed."""
    torch.manual_seed(7)
    model = Cnn().train()
    for _ in range(8):
        model(torch.randn(8, *SHAPE[1:]))
    return model.eval()


def export(model: nn.Module, folder: Path, name: str) -> Path:
    """The float model by one of the exporters."""
    dynamo, opset = EXPORTS[name]
    path = folder / f"{name}.onnx"
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
    model, total = network(), 0
    with tempfile.TemporaryDirectory() as folder:
        for name in EXPORTS:
            float_model = export(model, Path(folder), name)
            for prepared in (False, True):
                for form, channels, unsigned in (
                    (QuantFormat.QDQ, True, False),
                    (QuantFormat.QDQ, False, True),
                    (QuantFormat.QOperator, False, True),
                ):
                    kind = "qdq" if form is QuantFormat.QDQ else "qop"
                    parts = (name, "pre" if prepared else "raw", kind, "channel" if channels else "tensor")
                    goal = FOLDER / f"cnn_{'_'.join(parts)}_{'u8' if unsigned else 's8'}.onnx"
                    quantise(float_model, goal, prepared, form, channels, unsigned)
                    total += goal.stat().st_size
                    print(f"{goal.name}: {goal.stat().st_size:,} bytes")
    print(f"{total:,} bytes together")
    return 0


if __name__ == "__main__":
    sys.exit(main())
