"""Train a small vision transformer on handwritten digits and write it as a float ONNX file, for `tinyc quantize`.

The data, their split and the training are those of train_digits.py; nothing is downloaded. Two files are written:
`digits_vit.onnx` (float32, `image` [1, 1, 8, 8] in 0..1 to `scores` [1, 10]) and `digits_calibration.npz` (`image`:
float32 [N, 1, 8, 8], training images from which the quantiser takes the ranges of the activations).

    python -m pip install -r requirements.txt
    python train_vit.py --out .
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from train_digits import LEAST_ACCURACY, load_split, loss_and_accuracy, make_repeatable, train

CALIBRATION_IMAGES = 128
PATCH = 2
TOKENS = (8 // PATCH) ** 2 + 1
OPSET = 20


class Attention(nn.Module):
    """Every token looks at every token, in `heads` independent ways."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Shape [N, tokens, width] in and out."""
        batch, tokens, width = x.shape
        depth = width // self.heads
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, depth).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        weights = functional.softmax(q @ k.transpose(-2, -1) * depth**-0.5, dim=-1)
        mixed: Tensor = self.project((weights @ v).transpose(1, 2).reshape(batch, tokens, width))
        return mixed


class Block(nn.Module):
    """Attention, then two dense layers, each behind a normalisation and added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Shape [N, tokens, width] in and out."""
        x = x + self.attention(self.before_attention(x))
        return x + self.mlp(self.before_mlp(x))


class DigitsViT(nn.Module):
    """Images [N, 8, 8, 1] in 0..1 to logits [N, 10]: 16 patches of 2x2 pixels become tokens, one more collects."""

    def __init__(self, width: int = 48, heads: int = 3, blocks: int = 3) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, PATCH, PATCH)
        self.collector = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(torch.randn(1, TOKENS, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """The network; NHWC as the training data are."""
        return self.scores(x.permute(0, 3, 1, 2))

    def scores(self, x: Tensor) -> Tensor:
        """The same for NCHW, which is what ONNX models take."""
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.collector.expand(len(x), -1, -1), tokens], dim=1) + self.places
        logits: Tensor = self.classify(self.norm(self.blocks(tokens))[:, 0])
        return logits


class Exported(nn.Module):
    """What the ONNX file holds."""

    def __init__(self, net: DigitsViT) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        """NCHW."""
        return self.net.scores(image)


def export(net: DigitsViT, path: Path) -> None:
    """Write the float network for one image, without the exporter's notes about where each node came from."""
    program = torch.onnx.export(
        Exported(net).eval(), (torch.zeros(1, 1, 8, 8),), input_names=["image"], output_names=["scores"],
        opset_version=OPSET, dynamo=True,
    )  # fmt: skip
    assert program is not None
    model = program.model_proto
    model.graph.ClearField("value_info")
    model.graph.ClearField("metadata_props")
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    path.write_bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    """Train, score, and write the two files if the network is good enough."""
    parser = argparse.ArgumentParser(description="Train a small vision transformer on scikit-learn's digits.")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the files (default: here)")
    parser.add_argument("--epochs", type=int, default=120, help="passes over the training images")
    parser.add_argument("--seed", type=int, default=0, help="seed of the initial weights and the batches")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    make_repeatable(options.seed)

    training, validation, test = load_split()
    net = DigitsViT()
    train(net, training, validation, options.epochs, rate=2e-3)
    accuracy = loss_and_accuracy(net, test)[1]
    print(f"parameters: {sum(p.numel() for p in net.parameters())}")
    print(f"test accuracy, float (PyTorch): {accuracy:.2%} of {len(test.x)}")
    if accuracy < LEAST_ACCURACY:
        raise SystemExit(f"Nothing was written: the accuracy is below {LEAST_ACCURACY:.0%}. Raise --epochs.")
    export(net, options.out / "digits_vit.onnx")
    images = np.ascontiguousarray(training.x[:CALIBRATION_IMAGES].transpose(0, 3, 1, 2))
    np.savez_compressed(options.out / "digits_calibration.npz", image=images)


if __name__ == "__main__":
    main()
