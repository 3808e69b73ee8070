"""Networks without weights: what a search space builds for the planner, and the same with random weights.

Types are what a converter of a trained network would give: int8, one scale per tensor, weights with one scale per
output channel. Scales and weights are stand-ins: what they are decides nothing, as long as two that a calibration would
find apart are not equal here. Equal scales make a mean of one pixel a copy, and equal tables are kept once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tinyc import ops
from tinyc.ir.graph import Graph, Value
from tinyc.ir.operator import Operator
from tinyc.ir.types import Array, DType, Quant, Shape, TensorType
from tinyc.ops.window import Pair, same_padding

POOL = 1 << 20  # stand-in weights that all constants share
STEP = 4099  # elements between the starts of two constants' weights
GOLDEN = (5**0.5 - 1) / 2  # whose multiples, less their whole parts, are spread evenly and never equal
SCALES = 1 << 14  # stand-in scales of weights
OTHERS = 1_000_003  # tensors after which the scales of another seed begin
IMAGE = Quant.per_tensor(1 / 128, 0)
POSITIVE = Quant.per_tensor(6 / 255, -128)  # of what ends in a clamp to 0…6
SIGNED = Quant.per_tensor(8 / 255, 3)
PROBABILITY = Quant.per_tensor(1 / 256, -128)  # TFLite's softmax
SHARE = Quant.per_tensor(1 / 255, -128)  # that of ONNX files, whose calibration sees 0…1


class Network:
    """A graph that grows one layer after the other; every method returns the layer's result.

    Layers read the result given, or the last one. Constants have types and no data. `onnx`: operators as ONNX files
    give them, which round once, instead of those of TFLite files. Another `seed` gives other scales.
    """

    def __init__(self, name: str, shape: Shape, quant: Quant = IMAGE, *, onnx: bool = False, seed: int = 0) -> None:
        self.graph, self.onnx, self._found = Graph(name), onnx, seed * OTHERS
        self.last = self.graph.add_input("input", TensorType(shape, DType.int8, quant))

    def found(self, like: Quant) -> Quant:
        """What calibration might find for one more tensor: a scale of its own, at most that of `like`, and a zero point
        near its (the lowest code stays: nothing below was seen)."""
        self._found += 1
        scale, zero = like.scale[0] * (1 - self._found * GOLDEN % 1 / 2), like.zero_point[0]
        return Quant.per_tensor(float(np.float32(scale)), zero if zero == -128 else zero + self._found % 29 - 14)

    def apply(self, op: Operator, inputs: Sequence[Value | None], quant: Quant | None, name: str) -> Value:
        """Any operator with one result, whose shape follows from its type rule."""
        ((shape, dtype),) = op.infer(*(None if v is None else v.type for v in inputs))
        self.last = self.graph.add(op, inputs, TensorType(shape, dtype, quant), name=name).output
        return self.last

    def weights(self, shape: Shape, axis: int | None, name: str) -> Value:
        """int8 weights of unknown data, one scale per index of `axis`."""
        channels = 1 if axis is None else shape[axis]
        self._found += 1
        quant = _scales(channels, axis, self._found)
        return self.graph.add_constant(f"{name}/w", TensorType(shape, DType.int8, quant), None)

    def bias(self, channels: int, name: str) -> Value:
        return self.graph.add_constant(f"{name}/b", TensorType((channels,), DType.int32), None)

    # ------------------------------------------------------------------ layers
    def conv(
        self, channels: int, kernel: Pair = (1, 1), stride: Pair = (1, 1), *, name: str, linear: bool = False,
        same: bool = True, x: Value | None = None,
    ) -> Value:
        """Convolution of an image [1,H,W,C], clamped to 0…6 unless `linear`; padding SAME or none."""
        x = self.last if x is None else x
        op = ops.Conv2D(stride, (1, 1), _padding(x, kernel, stride) if same else (0, 0, 0, 0), rounds_once=self.onnx)
        inputs = [x, self.weights((channels, *kernel, x.type.shape[3]), 0, name), self.bias(channels, name)]
        return self.apply(op, inputs, self.found(SIGNED if linear else POSITIVE), name)

    def depthwise(self, kernel: Pair, stride: Pair = (1, 1), *, name: str, x: Value | None = None) -> Value:
        """Depthwise convolution, padding SAME, clamped to 0…6."""
        x = self.last if x is None else x
        channels = x.type.shape[3]
        op = ops.DepthwiseConv2D(stride, (1, 1), _padding(x, kernel, stride), rounds_once=self.onnx)
        inputs = [x, self.weights((1, *kernel, channels), 3, name), self.bias(channels, name)]
        return self.apply(op, inputs, self.found(POSITIVE), name)

    def add(self, a: Value, b: Value, *, name: str) -> Value:
        return self.apply(ops.Add(), [a, b], self.found(SIGNED), name)

    def dense(self, channels: int, *, name: str, x: Value | None = None, quant: Quant = SIGNED) -> Value:
        """Fully connected over the last axis; `quant` is what its result's is like."""
        x = self.last if x is None else x
        inputs = [x, self.weights((channels, x.type.shape[-1]), 0, name), self.bias(channels, name)]
        return self.apply(ops.FullyConnected(rounds_once=self.onnx), inputs, self.found(quant), name)

    def classifier(self, classes: int) -> Graph:
        """Global average, dense layer, softmax; the finished graph."""
        image = self.last
        _, rows, cols, channels = image.type.shape
        if self.onnx:
            self.apply(ops.AveragePoolEven2D(extent=(rows, cols)), [image], self.found(SIGNED), "pool")
            self.apply(ops.Reshape((1, channels)), [self.last], self.last.type.quant, "features")
        else:
            self.apply(ops.Mean((1, 2)), [image], self.found(SIGNED), "pool")
        self.dense(classes, name="classes")
        softmax, quant = (ops.SoftmaxScaled(), SHARE) if self.onnx else (ops.Softmax(), PROBABILITY)
        return self.finish(self.apply(softmax, [self.last], quant, "softmax"))

    def finish(self, output: Value) -> Graph:
        """The graph, which returns `output`."""
        self.graph.outputs = [output]
        return self.graph


@lru_cache(maxsize=4096)
def _scales(channels: int, axis: int | None, number: int) -> Quant:
    """Scales of the weights with this number: they differ from channel to channel and from layer to layer, as those of
    trained networks do."""
    scales, start = _all_scales(max(SCALES, 1 << (2 * channels).bit_length())), number * STEP
    start %= len(scales) - channels
    return Quant(scales[start : start + channels], (0,) * channels, axis)


@lru_cache(maxsize=4)
def _all_scales(count: int) -> tuple[float, ...]:
    """From a quarter of the largest to the largest; a multiplier of products with them is well below 1."""
    scales: list[float] = (0.016 * 2 ** -np.random.default_rng(0).uniform(0, 2, count)).astype(np.float32).tolist()
    return tuple(scales)


def _padding(x: Value, kernel: Pair, stride: Pair) -> tuple[int, int, int, int]:
    _, rows, cols, _ = x.type.shape
    (top, bottom), (left, right) = (
        same_padding(n, k, s, 1) for n, k, s in zip((rows, cols), kernel, stride, strict=True)
    )
    return top, left, bottom, right


def with_weights(graph: Graph, seed: int = 0) -> Graph:
    """The same network with random numbers in every constant of unknown data, each different.

    They are slices of a few large arrays, so that this costs next to nothing. Tables of code (operands of look-ups)
    should have data: what they hold decides what can be merged.
    """
    copy = graph.copy()
    for number, value in enumerate(v for v in copy.constants.values() if v.data is None):
        value.data = _stand_in(value.type, number, seed)
    return copy


def _stand_in(kind: TensorType, number: int, seed: int) -> Array:
    codes = _numbers(kind.dtype, seed, max(POOL, 1 << (2 * kind.elements).bit_length()))
    start = number * STEP % (len(codes) - kind.elements)
    return codes[start : start + kind.elements].reshape(kind.shape)


@lru_cache(maxsize=8)
def _numbers(dtype: DType, seed: int, count: int) -> Array:
    """int8 codes but −128, as symmetric weights have; sums of a few thousand for wider integers."""
    low, high = (-127, 128) if dtype is DType.int8 else (-2000, 2000)
    data = np.random.default_rng(seed).integers(low, high, count).astype(dtype.numpy)
    data.flags.writeable = False
    return data
