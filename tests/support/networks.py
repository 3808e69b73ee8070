"""Networks of the kinds that people bring, with random weights: no file is needed to build them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.support.images import Images
from tinyc import ops
from tinyc.ir.graph import Graph, Value
from tinyc.ir.types import DType, TensorType
from tinyc.ops.window import Padding, Pair


def same(size: Pair, k: int, stride: int = 1, dilation: int = 1) -> Padding:
    """TensorFlow's SAME for an image of `size` rows and columns."""
    pads = []
    for n in size:
        total = max(0, (-(-n // stride) - 1) * stride + (k - 1) * dilation + 1 - n)
        pads.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = pads
    return top, left, bottom, right


class Net(Images):
    """Blocks on the latest feature map, padding SAME."""

    def _same(self, k: int, stride: int = 1, dilation: int = 1) -> Padding:
        _, rows, cols, _ = self.last.type.shape
        return same((rows, cols), k, stride, dilation)

    def convolve(self, channels: int, k: int = 1, stride: int = 1, dilation: int = 1) -> Value:
        self.conv(k, (stride, stride), (dilation, dilation), self._same(k, stride, dilation), channels)
        return self.last

    def spatial(self, k: int, stride: int = 1) -> Value:
        """A depthwise convolution."""
        self.depthwise(k, (stride, stride), self._same(k, stride))
        return self.last

    def table(self, function: Callable[[np.ndarray], np.ndarray]) -> Value:
        """An activation, from real numbers in [-4, 4] to codes."""
        codes = np.clip(np.round(function(np.linspace(-4, 4, 256)) * 32), -128, 127).astype(np.int8)
        constant = self.graph.add_constant("table", TensorType((256,), DType.int8), codes)
        return self.emit(ops.Lut(), [self.last, constant])

    def hard_swish(self) -> Value:
        return self.table(lambda x: x * np.clip(x + 3, 0, 6) / 6)

    def inverted(self, channels: int, k: int = 3, stride: int = 1, ratio: int = 4, *, squeeze: bool = False) -> Value:
        """Expand, depthwise, project; a residual where the shapes allow it."""
        entry = self.last
        self.convolve(ratio * entry.type.shape[3])
        self.spatial(k, stride)
        if squeeze:
            self.squeeze_excite()
        self.convolve(channels)
        if self.last.type.shape == entry.type.shape:
            self.emit(ops.Add(), [entry, self.last])
        return self.last

    def squeeze_excite(self) -> Value:
        """The map times a factor per channel that depends on all of its rows."""
        features = self.last
        self.emit(ops.Mean((1, 2), True), [features])
        self.convolve(max(1, features.type.shape[3] // 4))
        self.convolve(features.type.shape[3])
        gate = self.table(lambda x: np.clip(x / 6 + 0.5, 0, 1))
        return self.emit(ops.Mul(), [features, gate])

    def join(self, *values: Value) -> Value:
        """Side by side along channels, at the quantisation of the first."""
        first = values[0].type.quant
        assert first is not None
        equal = [v if v.type.quant == first else self.emit(ops.Requantize(), [v], first) for v in values]
        return self.emit(ops.Concatenation(3), list(equal), first)

    def twice_as_large(self) -> Value:
        _, rows, cols, _ = self.last.type.shape
        return self.emit(ops.ResizeNearest((2 * rows, 2 * cols)), [self.last], self.last.type.quant)

    def done(self, *outputs: Value) -> Graph:
        self.graph.outputs = list(outputs or (self.last,))
        return self.graph


def squeeze_excite_network() -> Graph:
    """MobileNetV3-like."""
    net = Net(1, (64, 64, 3))
    net.convolve(8, 3, 2)
    net.hard_swish()
    net.inverted(12, 3, 2)
    net.inverted(12, 5, squeeze=True)
    net.inverted(20, 5, 2, squeeze=True)
    net.inverted(20, 5, squeeze=True)
    net.emit(ops.Mean((1, 2), False), [net.last])
    return net.done()


def detector() -> Graph:
    """Two scales with upsampling, a box and a class map for each: four outputs."""
    net = Net(2, (64, 64, 3))
    net.convolve(8, 3, 2)
    net.inverted(12, 3, 2)
    fine = net.inverted(16)
    net.inverted(24, 3, 2)
    coarse = net.inverted(24)
    net.twice_as_large()
    merged = net.join(fine, net.last)
    outputs = []
    for features in (merged, coarse):
        for channels in (12, 9):
            net.last = features
            net.spatial(3)
            outputs.append(net.convolve(channels))
    return net.done(*outputs)


def dilated_network() -> Graph:
    """DeepLab-like: parallel dilated branches on one map."""
    net = Net(3, (48, 48, 3))
    net.convolve(8, 3, 2)
    stem = net.convolve(16, 3, 2)
    branches = []
    for dilation in (1, 2, 4):
        net.last = stem
        branches.append(net.convolve(8, 3, 1, dilation))
    net.join(*branches)
    net.convolve(4)
    net.twice_as_large()
    return net.done()


def large_kernels() -> Graph:
    """Depthwise 5x5 and 7x7, as architecture searches like them."""
    net = Net(4, (80, 80, 3))
    net.convolve(8, 3, 2)
    net.inverted(12, 7, 2, 3)
    net.inverted(12, 5, 1, 6)
    net.inverted(16, 7, 2, 5)
    net.inverted(16, 7, 1, 5)
    net.convolve(24)
    return net.done()


def odd_sizes() -> Graph:
    """97 x 61 pixels: SAME pads unevenly, and rows do not divide."""
    net = Net(5, (97, 61, 1))
    net.convolve(6, 3, 2)
    net.inverted(10, 3, 2)
    net.inverted(10, 5)
    net.inverted(14, 3, 2)
    net.emit(ops.MaxPool2D(stride=(2, 2), padding=same((13, 8), 3, 2), extent=(3, 3)), [net.last], net.last.type.quant)
    return net.done()


def dense_blocks() -> Graph:
    """DenseNet-like: each layer reads all that came before."""
    net = Net(6, (32, 32, 8))
    for _ in range(4):
        before = net.last
        net.convolve(12)
        net.join(before, net.convolve(6, 3))
    net.emit(ops.AveragePool2D(stride=(2, 2), extent=(2, 2)), [net.last], net.last.type.quant)
    net.convolve(16)
    return net.done()


def inception() -> Graph:
    """Cells of four branches, one of them pooled."""
    net = Net(7, (33, 17, 12))
    for _ in range(2):
        entry, branches = net.last, []
        branches.append(net.convolve(8))
        for k in (3, 5):
            net.last = entry
            net.convolve(6)
            branches.append(net.convolve(8, k))
        _, rows, cols, _ = entry.type.shape
        net.emit(ops.MaxPool2D(padding=same((rows, cols), 3), extent=(3, 3)), [entry], entry.type.quant)
        branches.append(net.convolve(8))
        net.join(*branches)
    return net.done()


NETWORKS: dict[str, Callable[[], Graph]] = {
    function.__name__: function
    for function in (
        squeeze_excite_network, detector, dilated_network, large_kernels, odd_sizes, dense_blocks, inception
    )
}
