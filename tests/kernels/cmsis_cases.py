"""Random calls of the CMSIS-NN API, each with the output that the operator's definition gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.kernels import cmsis_model as model
from tests.kernels.cmsis_calls import Call
from tinyc.kernels.cmsis_nn import scratch


@dataclass(frozen=True)
class Geometry:
    """A sliding window over NHWC: shapes, and pairs (vertical, horizontal)."""

    input_shape: scratch.Shape
    kernel: scratch.Pair
    output_shape: scratch.Shape
    stride: scratch.Pair
    padding: scratch.Pair
    dilation: scratch.Pair = (1, 1)
    groups: int = 1

    @property
    def filter_shape(self) -> scratch.Shape:
        return self.output_shape[3], *self.kernel, self.input_shape[3] // self.groups

    @property
    def depthwise_filter(self) -> scratch.Shape:
        return 1, *self.kernel, self.output_shape[3]

    @property
    def window(self) -> dict[str, scratch.Pair]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    def parameters(
        self, filter_shape: scratch.Shape, offsets: tuple[int, int], clamp: tuple[int, int], last: int = 0
    ) -> list[int]:
        pairs = [*self.stride, *self.padding, *self.dilation]
        return [*self.input_shape, *filter_shape, *self.output_shape, *offsets, *pairs, *clamp, last]


def random_geometry(rng: np.random.Generator, depthwise: bool = False) -> Geometry:
    """Odd maps, every stride, dilation, and padding up to the whole kernel; one in four is one row high."""
    flat = rng.random() < 0.25
    pick = lambda high: tuple(int(v) for v in rng.integers(1, high + 1, 2))  # noqa: E731
    kernel, stride = pick(5), pick(3)
    dilation = pick(2) if rng.random() < 0.3 else (1, 1)
    if flat:
        kernel = (1, kernel[1])
    elif rng.random() < 0.3:
        kernel = (int(rng.choice([1, 3])),) * 2
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = tuple(int(rng.integers(0, s)) if rng.random() < 0.6 else 0 for s in span)
    size = [max(int(rng.integers(1, 10)), s - 2 * p) for s, p in zip(span, padding, strict=True)]
    if flat:
        size[0], padding = 1, (0, padding[1])
    after = [int(rng.integers(0, p + 2)) if rng.random() < 0.5 else p for p in padding]
    output = [
        max((n + p + a - s) // t, 0) + 1
        for n, p, a, s, t in zip(size, padding, after, span, stride, strict=True)
    ]
    groups = int(rng.choice([1, 1, 1, 2, 3])) if not depthwise else 1
    channels = groups * int(rng.integers(1, 18 if groups == 1 else 5))
    multiplier = int(rng.choice([1, 1, 1, 2, 4, 5]))
    outputs = channels * multiplier if depthwise else groups * int(rng.integers(1, 10))
    batch = int(rng.choice([1, 1, 2]))
    return Geometry(
        (batch, *size, channels), kernel, (batch, *output, outputs), stride, padding, dilation, groups
    )


def int8(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Values of the whole range; one array in eight has extremes alone."""
    low, high = -128, 128
    if rng.random() < 1 / 8:
        return rng.choice([-128, 127], shape).astype(np.int8)
    return rng.integers(low, high, shape).astype(np.int8)


def quantisation(rng: np.random.Generator, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts; one pair in four from the ends of the documented range."""
    multiplier = rng.integers(2**30, 2**31, channels)
    shift = rng.integers(-12, 1, channels)
    if rng.random() < 0.25:
        ends = [0, 1, 2**30, 2**31 - 1, -(2**31) + 1]
        multiplier, shift = rng.choice(ends, channels), rng.integers(-31, 31, channels)
    return multiplier.astype(np.int32), shift.astype(np.int32)


def biases(rng: np.random.Generator, channels: int) -> np.ndarray:
    extreme = rng.random() < 0.1
    limit = 2**31 if extreme else 2**14
    return rng.integers(-limit, limit, channels).astype(np.int32)


def clamps(rng: np.random.Generator) -> tuple[int, int]:
    low = int(rng.choice([-128, -128, rng.integers(-128, 100)]))
    return low, int(rng.choice([127, rng.integers(low, 128)]))


def convolution_case(rng: np.random.Generator, depthwise: bool) -> tuple[Call, np.ndarray, Geometry]:
    g = random_geometry(rng, depthwise)
    channels = g.output_shape[3]
    filter_shape = g.depthwise_filter if depthwise else g.filter_shape
    x, w, bias = int8(rng, *g.input_shape), int8(rng, *filter_shape), biases(rng, channels)
    multiplier, shift = quantisation(rng, channels)
    offsets, clamp = (int(rng.integers(-127, 129)), int(rng.integers(-128, 128))), clamps(rng)
    accumulate = model.depthwise if depthwise else model.convolve
    acc = accumulate(x, w, bias, x_offset=offsets[0], output=g.output_shape[1:3], **g.window)
    want = model.finish(acc, multiplier, shift, offsets[1], clamp)
    parameters = g.parameters(filter_shape, offsets, clamp, channels // g.input_shape[3] if depthwise else 0)
    name = "depthwise" if depthwise else "convolve"
    return Call(name, parameters, want.size, (x, w, bias, multiplier, shift)), want, g


def is_exact(simd: scratch.Simd, g: Geometry, depthwise: bool) -> bool:
    shapes = {"input_shape": g.input_shape, "output_shape": g.output_shape}
    if depthwise:
        return scratch.depthwise_wrapper_is_exact(simd, filter_shape=g.depthwise_filter, **shapes, **g.window)
    return scratch.convolve_wrapper_is_exact(simd, filter_shape=g.filter_shape, **shapes, **g.window)


def fully_connected_case(rng: np.random.Generator) -> tuple[Call, np.ndarray]:
    batch, depth, channels = (int(v) for v in rng.integers(1, [4, 40, 18]))
    per_channel = bool(rng.integers(2))
    x, w, bias = int8(rng, batch, depth), int8(rng, channels, depth), biases(rng, channels)
    multiplier, shift = quantisation(rng, channels if per_channel else 1)
    filter_offset = int(rng.choice([0, 0, rng.integers(-127, 129)]))
    offsets, clamp = (int(rng.integers(-127, 129)), int(rng.integers(-128, 128))), clamps(rng)
    acc = (x.astype(np.int64) + offsets[0]) @ (w.astype(np.int64) + filter_offset).T + bias
    want = model.finish(acc, multiplier, shift, offsets[1], clamp)
    dims = [batch, 1, 1, depth, depth, 1, 1, channels, batch, 1, 1, channels]
    parameters = [*dims, *offsets, 1, 1, 0, 0, 1, 1, *clamp, filter_offset, per_channel]
    return Call("fully_connected", parameters, want.size, (x, w, bias, multiplier, shift)), want


def matmul_case(rng: np.random.Generator) -> tuple[Call, np.ndarray]:
    rows, columns, depth = (int(v) for v in rng.integers(1, [6, 9, 40]))
    batch, heads = (int(v) for v in rng.integers(1, 4, 2))
    lhs_batch = [int(rng.choice([1, v])) for v in (batch, heads)]
    rhs_batch = [
        v if a != v else int(rng.choice([1, v])) for a, v in zip(lhs_batch, (batch, heads), strict=True)
    ]
    lhs, rhs = int8(rng, *lhs_batch, rows, depth), int8(rng, *rhs_batch, columns, depth)
    multiplier, shift = (int(v[0]) for v in quantisation(rng, 1))
    offsets, rhs_offset, clamp = rng.integers(-127, 129, 2), int(rng.integers(-127, 129)), clamps(rng)
    product = (lhs.astype(np.int64) + offsets[0]) @ (rhs.astype(np.int64) + rhs_offset).swapaxes(2, 3)
    want = model.finish(product, multiplier, shift, int(offsets[1]), clamp)
    parameters = [*lhs.shape, *rhs.shape, *want.shape, *offsets, multiplier, shift, 0, 0, 0, 0, *clamp]
    parameters.append(rhs_offset)
    return Call("matmul", parameters, want.size, (lhs, rhs)), want


def pooling_case(rng: np.random.Generator, name: str) -> tuple[Call, np.ndarray]:
    while True:
        g = random_geometry(rng, depthwise=True)
        last = [(o - 1) * s - p for o, s, p in zip(g.output_shape[1:3], g.stride, g.padding, strict=True)]
        inside = all(v < n for v, n in zip(last, g.input_shape[1:3], strict=True))
        if inside and all(p < k for p, k in zip(g.padding, g.kernel, strict=True)):
            break
    g = replace(g, output_shape=(*g.output_shape[:3], g.input_shape[3]), dilation=(1, 1))
    x, clamp = int8(rng, *g.input_shape), clamps(rng)
    pool = model.avgpool if name == "avgpool" else model.maxpool
    pooled = pool(x, kernel=g.kernel, output=g.output_shape[1:3], stride=g.stride, padding=g.padding)
    want = np.clip(pooled, *clamp).astype(np.int8)
    return Call(name, g.parameters((1, *g.kernel, 1), (0, 0), clamp), want.size, (x,)), want


def elementwise_case(rng: np.random.Generator, name: str) -> tuple[Call, np.ndarray]:
    size = int(rng.integers(1, 70))
    a, b = int8(rng, size), int8(rng, size)
    offsets, clamp = [int(v) for v in rng.integers(-127, 129, 2)], clamps(rng)
    multiplier, shift = (v.tolist() for v in quantisation(rng, 3))
    out = int(rng.integers(-128, 128)), multiplier[2], shift[2]
    parameters = [0, 0, 0, 0, *offsets, *out, *clamp]
    if name == "mul":
        acc = (a.astype(np.int64) + offsets[0]) * (b.astype(np.int64) + offsets[1])
    else:
        parameters += [multiplier[0], shift[0], multiplier[1], shift[1], model.ADD_LEFT_SHIFT]
        acc = model.add(a, b, offsets=offsets, multipliers=multiplier[:2], shifts=shift[:2])
    want = model.finish(acc, out[1], out[2], out[0], clamp)
    return Call(name, parameters, size, (a, b)), want


def extreme_case(rng: np.random.Generator, name: str) -> tuple[Call, np.ndarray]:
    shape = [int(v) for v in rng.integers(1, 6, 4)]
    shapes = [[int(rng.choice([1, v])) for v in shape] for _ in range(2)]
    if rng.random() < 0.3:
        shapes[1] = shapes[0]
    a, b = int8(rng, *shapes[0]), int8(rng, *shapes[1])
    want = np.minimum(a, b) if name == "minimum" else np.maximum(a, b)
    return Call(name, [*a.shape, *b.shape, *want.shape], want.size, (a, b)), want


def softmax_case(rng: np.random.Generator) -> tuple[Call, np.ndarray]:
    """Multiplier, shift and smallest difference as TFLite derives them from the input's scale."""
    rows, size = (
        int(rng.integers(1, 4)),
        int(
            rng.choice(
                [1, 2, 3, 10, 64, scratch.MAX_SOFTMAX_ROW, rng.integers(1, scratch.MAX_SOFTMAX_ROW + 1)]
            )
        ),
    )
    x = int8(rng, rows, size)
    if rng.random() < 0.2:
        x[:] = x[0, 0]
    scale = float(np.exp(rng.uniform(np.log(1e-3), np.log(8.0))))
    fraction, shift = np.frexp(min(scale * 2.0**26, 2.0**31 - 1))
    multiplier = min(round(float(fraction) * 2**31), 2**31 - 1)
    diff_min = -int(np.floor(31 * 2.0**26 / 2.0 ** int(shift)))
    want = model.softmax(x, multiplier=multiplier, shift=int(shift), diff_min=diff_min)
    return Call("softmax", [0, 0, 0, 0, rows, size, multiplier, int(shift), diff_min], x.size, (x,)), want


def pad_case(rng: np.random.Generator) -> tuple[Call, np.ndarray]:
    x = int8(rng, *rng.integers(1, 6, 4))
    before, after = rng.integers(0, 4, 4), rng.integers(0, 4, 4)
    if rng.random() < 0.5:
        before[3] = after[3] = 0
    value = int(rng.integers(-128, 128))
    want = np.pad(x, list(zip(before, after, strict=True)), constant_values=value)
    return Call("pad", [*x.shape, *before, *after, value], want.size, (x,)), want


def transpose_case(rng: np.random.Generator) -> tuple[Call, np.ndarray]:
    axes = int(rng.integers(1, 5))
    permutation = rng.permutation(axes)
    if axes == 4 and rng.random() < 0.2:
        permutation = np.array([0, 1, *rng.permutation([2, 3])])
    x = int8(rng, *rng.integers(1, 8, axes))
    want = x.transpose(permutation)
    fill = [1] * (4 - axes)
    parameters = [*x.shape, *fill, *permutation, *fill, *want.shape, *fill, axes]
    return Call("transpose", parameters, want.size, (x,)), want


def concatenate_case(rng: np.random.Generator) -> tuple[Call, np.ndarray]:
    x = int8(rng, *rng.integers(1, 7, 4))  # w, z, y, x
    axis = int(rng.integers(4))
    before, after = (int(v) for v in rng.integers(0, 4, 2))
    sides = [(before, after) if i == 3 - axis else (0, 0) for i in range(4)]
    want = np.pad(x, sides, constant_values=0x55)
    parameters = [want.size, 0, 0, 0, *x.shape[::-1], axis, want.shape[3 - axis], before]
    return Call("concatenate", parameters, want.size, (x,)), want


def other_is_exact(simd: scratch.Simd, call: Call) -> bool:
    p = [int(v) for v in call.parameters]
    if call.operation == "fully_connected":
        return scratch.fully_connected_is_exact(simd, per_channel=bool(p[23]), filter_offset=p[22])
    if call.operation == "transpose":
        return scratch.transpose_is_exact(simd, permutation=tuple(p[4 : 4 + p[12]]))
    if call.operation in ("minimum", "maximum"):
        inputs = (p[0], p[1], p[2], p[3]), (p[4], p[5], p[6], p[7])
        output = p[8], p[9], p[10], p[11]
        return all(scratch.extreme_is_exact(input_shape=shape, output_shape=output) for shape in inputs)
    return True


OTHERS = {
    "fully_connected": fully_connected_case,
    "matmul": matmul_case,
    "avgpool": lambda rng: pooling_case(rng, "avgpool"),
    "maxpool": lambda rng: pooling_case(rng, "maxpool"),
    "add": lambda rng: elementwise_case(rng, "add"),
    "mul": lambda rng: elementwise_case(rng, "mul"),
    "minimum": lambda rng: extreme_case(rng, "minimum"),
    "maximum": lambda rng: extreme_case(rng, "maximum"),
    "softmax": softmax_case,
    "pad": pad_case,
    "transpose": transpose_case,
    "concatenate": concatenate_case,
}
