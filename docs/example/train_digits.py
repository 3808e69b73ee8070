"""Train the example model of tinyc and write it as an int8 TFLite file.

The data are the 1,797 handwritten digits (8x8, 17 grey levels) that scikit-learn carries inside its
package, so nothing is downloaded.  A small CNN is trained in PyTorch, converted by litert-torch,
quantised to int8 (ends included) by ai-edge-quantizer, and scored on the held-out images by TensorFlow
Lite Micro, the reference that tinyc is bit-exact with.  Two files are written: `digits.tflite` and
`digits_test.npz` (x: float32 [N, 8, 8, 1] in 0..1, y: int32 [N]).

    python -m pip install -r requirements.txt
    python train_digits.py --out .
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import litert_torch
import numpy as np
import numpy.typing as npt
import torch
from ai_edge_quantizer import quantizer, recipe
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema
from torch import Tensor, nn
from torch.nn import functional

LEAST_ACCURACY = 0.97
SPLIT_SEED = 0  # apart from --seed: another training run must not move images out of the test set
CALIBRATION_IMAGES = 256


@dataclass(frozen=True)
class Images:
    """Digits and what they show: x float32 [N, 8, 8, 1] in 0..1 (NHWC), y int64 [N] in 0..9."""

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int64]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """The same data as torch tensors."""
        return torch.from_numpy(self.x), torch.from_numpy(self.y)


def load_split() -> tuple[Images, Images, Images]:
    """Training, validation and test images (70, 10, 20 %), every class in the same proportion."""
    digits = load_digits()
    x = (digits.images[..., np.newaxis] / 16).astype(np.float32)
    y = digits.target.astype(np.int64)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=SPLIT_SEED)
    x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.125, stratify=y, random_state=SPLIT_SEED)
    return Images(x, y), Images(x_valid, y_valid), Images(x_test, y_test)


def conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation, which the converter folds into one operator."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, depthwise, project, and add the input again."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expand = conv(channels, wide, 1)
        self.depthwise = conv(wide, wide, 3, groups=wide)
        self.project = conv(wide, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Shape [N, channels, H, W] in and out."""
        wide = functional.relu6(self.expand(x))
        narrow: Tensor = self.project(functional.relu6(self.depthwise(wide)))
        return x + narrow


class DigitsNet(nn.Module):
    """Images [N, 8, 8, 1] in 0..1 to logits [N, 10].

    Shaped like the networks that tinyc is for: most of the memory is needed where the resolution is
    highest (16x16x64 at both ends of the depthwise convolution), most of the weights sit where it is lowest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.stem = conv(1, 16, 3)
        self.residual = InvertedResidual(16, expansion=4)
        self.down = conv(16, 32, 3, stride=2)
        self.depthwise = conv(32, 32, 3, groups=32)
        self.pointwise = conv(32, 48, 1)
        self.pool = nn.MaxPool2d(2)
        self.mix = conv(48, 32, 3)
        self.classify = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """The network; NHWC at its input, because that is what the converted model takes."""
        x = self.upsample(x.permute(0, 3, 1, 2))
        x = self.residual(functional.relu6(self.stem(x)))
        x = functional.relu6(self.down(x))
        x = functional.relu6(self.depthwise(x))
        x = self.pool(functional.relu6(self.pointwise(x)))
        x = functional.relu6(self.mix(x))
        # keepdim: without it the converter puts a transpose in front of the mean.
        logits: Tensor = self.classify(x.mean((2, 3), keepdim=True).flatten(1))
        return logits


def shifted(x: Tensor) -> Tensor:
    """A batch [N, 8, 8, 1] moved by up to one pixel, each image its own way; zeros come in at the edge."""
    padded = functional.pad(x, (0, 0, 1, 1, 1, 1))
    rows, columns = torch.randint(0, 3, (2, len(x))).tolist()
    return torch.stack([p[r : r + 8, c : c + 8] for p, r, c in zip(padded, rows, columns, strict=True)])


def batches(images: Images, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch in random order; the incomplete last batch is dropped."""
    x, y = images.tensors()
    order = torch.randperm(len(x))
    for start in range(0, len(x) - size + 1, size):
        index = order[start : start + size]
        yield x[index], y[index]


def loss_and_accuracy(net: nn.Module, images: Images) -> tuple[float, float]:
    """Cross-entropy and share of right answers (0..1) of the float network."""
    net.eval()
    x, y = images.tensors()
    with torch.no_grad():
        logits = net(x)
    right = (logits.argmax(1) == y).float().mean()
    return functional.cross_entropy(logits, y).item(), right.item()


def train(
    net: nn.Module, training: Images, validation: Images, epochs: int, rate: float = 1e-2, size: int = 64
) -> nn.Module:
    """The network as it was after the epoch with the lowest validation loss; `rate` is the highest learning rate."""
    best, least = {}, float("inf")
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
    steps = epochs * (len(training.x) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=rate, total_steps=steps)
    for epoch in range(epochs):
        net.train()
        for x, y in batches(training, size):
            optimiser.zero_grad()
            torch.autograd.backward(functional.cross_entropy(net(shifted(x)), y, label_smoothing=0.05))
            optimiser.step()
            schedule.step()
        loss, accuracy = loss_and_accuracy(net, validation)
        if loss < least:
            least, best = loss, copy.deepcopy(net.state_dict())
        print(f"epoch {epoch + 1:3}  validation loss {loss:.4f}  accuracy {accuracy:.2%}")
    net.load_state_dict(best)
    return net.eval()


def convert(net: nn.Module, path: Path) -> None:
    """Write the network with a softmax at its end as a float TFLite file for one image."""
    sample = torch.zeros(1, 8, 8, 1)
    litert_torch.convert(nn.Sequential(net, nn.Softmax(dim=-1)).eval(), (sample,)).export(str(path))


def quantise(path: Path, images: npt.NDArray[np.float32]) -> bytes:
    """The float file as an int8 one (int8 ends), its activation ranges taken from these images."""
    tool = quantizer.Quantizer(str(path), recipe.static_wi8_ai8())
    # litert-torch's names for the only signature and its first positional argument
    samples = [{"args_0": image[np.newaxis]} for image in images]
    ranges = tool.calibrate({"serving_default": samples}, num_threads=1)
    return bytes(tool.quantize(ranges, enable_progress_report=False).quantized_model)


def int8_accuracy(model: bytes, images: Images) -> float:
    """Share of right answers (0..1) of the int8 file, run by TensorFlow Lite Micro."""
    interpreter = runtime.Interpreter.from_bytes(model)
    quantisation = interpreter.get_input_details(0)["quantization_parameters"]
    scale, zero_point = quantisation["scales"][0], quantisation["zero_points"][0]
    q = np.clip(np.rint(images.x / scale) + zero_point, -128, 127).astype(np.int8)
    right = 0
    for image, label in zip(q, images.y, strict=True):
        interpreter.set_input(image[np.newaxis], 0)
        interpreter.invoke()
        right += int(interpreter.get_output(0).argmax() == label)
    return right / len(q)


def operators(model: bytes) -> list[str]:
    """Names of the file's operators, in the order in which they run."""
    content = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    # The schema kept operator codes below 127 in an older field; the larger of the two is the code.
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in content.operatorCodes]
    return [names[codes[operator.opcodeIndex]] for operator in content.subgraphs[0].operators]


def make_repeatable(seed: int) -> None:
    """Same seed, same machine, same file: one thread, because sums depend on how threads share them."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def main() -> None:
    """Train, convert, quantise, score, and write the two files if the int8 model is good enough."""
    parser = argparse.ArgumentParser(description="Train tinyc's example model on scikit-learn's digits.")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the files (default: here)")
    parser.add_argument("--epochs", type=int, default=60, help="passes over the training images")
    parser.add_argument("--seed", type=int, default=0, help="seed of the initial weights and the batches")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    make_repeatable(options.seed)

    training, validation, test = load_split()
    net = train(DigitsNet(), training, validation, options.epochs)
    float_path = options.out / "digits_float.tflite"
    convert(net, float_path)
    model = quantise(float_path, training.x[:CALIBRATION_IMAGES])
    float_path.unlink()

    accuracy = int8_accuracy(model, test)
    print(f"operators: {', '.join(operators(model))}")
    print(f"images: {len(training.x)} training, {len(validation.x)} validation, {len(test.x)} test")
    print(f"parameters: {sum(p.numel() for p in net.parameters())}, int8 file: {len(model)} bytes")
    print(f"test accuracy, float (PyTorch): {loss_and_accuracy(net, test)[1]:.2%}")
    print(f"test accuracy, int8 (TensorFlow Lite Micro): {accuracy:.2%}")
    if accuracy < LEAST_ACCURACY:
        raise SystemExit(f"Nothing was written: int8 accuracy is below {LEAST_ACCURACY:.0%}. Raise --epochs.")
    (options.out / "digits.tflite").write_bytes(model)
    np.savez_compressed(options.out / "digits_test.npz", x=test.x, y=test.y.astype(np.int32))


if __name__ == "__main__":
    main()
