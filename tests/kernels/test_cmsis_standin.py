"""The CMSIS-NN stand-in equals the operators' definition bit for bit, and the library's scratch sizes."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import cmsis_model as model
import numpy as np
import pytest
from cmsis_calls import (
    ARG_ERROR,
    MACROS,
    STANDIN,
    STRICT,
    Call,
    Result,
    build_arm,
    build_standin,
    require,
    run,
)

from tinyc.kernels.cmsis_nn import scratch

SIMD: tuple[scratch.Simd, ...] = ("none", "dsp", "mve")
CASES = 400


@pytest.fixture(scope="session")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("standin")
    return {simd: build_standin(folder, simd) for simd in SIMD}


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
        kernel = (rng.choice([1, 3]),) * 2
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


def expect(results: list[Result], expected: list[np.ndarray | None]) -> None:
    """Every result equals its array; None stands for a refusal."""
    for i, (got, want) in enumerate(zip(results, expected, strict=True)):
        if want is None:
            assert got.status == ARG_ERROR, f"case {i} was not refused"
        else:
            assert got.status == 0, f"case {i} was refused"
            assert np.array_equal(got.output, want.ravel()), f"case {i} differs"


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


@pytest.mark.parametrize("simd", SIMD)
@pytest.mark.parametrize("depthwise", [False, True], ids=["convolve", "depthwise"])
def test_convolutions(drivers, tmp_path: Path, simd: scratch.Simd, depthwise: bool) -> None:
    rng = np.random.default_rng(depthwise)
    calls, wants, geometries = zip(*(convolution_case(rng, depthwise) for _ in range(CASES)), strict=True)
    exact = [is_exact(simd, g, depthwise) for g in geometries]
    assert sum(exact) > CASES / 2
    expected = [want if ok else None for want, ok in zip(wants, exact, strict=True)]
    expect(run(drivers[simd], tmp_path, calls), expected)


def test_refused_without_scratch(drivers, tmp_path: Path) -> None:
    """A withheld scratch is refused wherever a size above 0 was asked for, and only there."""
    rng = np.random.default_rng(2)
    for simd in SIMD:
        calls, expected = [], []
        for i in range(CASES):
            call, want, g = convolution_case(rng, bool(i % 2))
            shapes = {"input_shape": g.input_shape, "output_shape": g.output_shape}
            size = scratch.depthwise_wrapper if i % 2 else scratch.convolve_wrapper
            filter_shape = g.depthwise_filter if i % 2 else g.filter_shape
            needs = size(simd, filter_shape=filter_shape, **shapes, **g.window) > 0
            parameters = np.zeros(25, int)
            parameters[: len(call.parameters)], parameters[24] = call.parameters, 1
            calls.append(replace(call, parameters=parameters))
            expected.append(None if needs or not is_exact(simd, g, bool(i % 2)) else want)
        expect(run(drivers[simd], tmp_path, calls), expected)


def test_grouped_convolution_without_bias_is_refused(drivers, tmp_path: Path) -> None:
    """Arm's library reads through the NULL of all groups but the first."""
    rng = np.random.default_rng(3)
    cases = [convolution_case(rng, False) for _ in range(CASES)]
    for grouped in (True, False):
        chosen = [(c, w) for c, w, g in cases if is_exact("none", g, False) and (g.groups > 1) == grouped]
        calls = [replace(c, blobs=(*c.blobs[:2], None, *c.blobs[3:])) for c, _ in chosen]
        zeros = [replace(c, blobs=(*c.blobs[:2], np.zeros_like(c.blobs[2]), *c.blobs[3:])) for c, _ in chosen]
        without = run(drivers["none"], tmp_path, calls)
        with_zeros = run(drivers["none"], tmp_path, zeros)
        expect(without, [None if grouped else r.output for r in with_zeros])


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
    rhs_batch = [v if a != v else int(rng.choice([1, v])) for a, v in zip(lhs_batch, (batch, heads), strict=True)]
    lhs, rhs = int8(rng, *lhs_batch, rows, depth), int8(rng, *rhs_batch, columns, depth)
    multiplier, shift = (int(v[0]) for v in quantisation(rng, 1))
    offsets, rhs_offset, clamp = rng.integers(-127, 129, 2), int(rng.integers(-127, 129)), clamps(rng)
    product = (lhs.astype(np.int64) + offsets[0]) @ (rhs.astype(np.int64) + rhs_offset).swapaxes(2, 3)
    want = model.finish(product, multiplier, shift, int(offsets[1]), clamp)
    parameters = [*lhs.shape, *rhs.shape, *want.shape, *offsets, multiplier, shift, 0, 0, 0, 0, *clamp, rhs_offset]
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
        left_shift = 20
        parameters += [multiplier[0], shift[0], multiplier[1], shift[1], left_shift]
        acc = model.add(a, b, offsets=offsets, multipliers=multiplier[:2], shifts=shift[:2], left_shift=left_shift)
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
    rows, size = int(rng.integers(1, 4)), int(rng.choice([1, 2, 3, 10, 17, 64, 511, rng.integers(1, 512)]))
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
    permutation = rng.permutation(axes) if axes != 2 else np.array([1, 0])
    if axes == 4 and permutation[0] == 0 and permutation[1] == 1:
        permutation = np.array([0, 1, 3, 2])
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


@pytest.mark.parametrize("simd", SIMD)
@pytest.mark.parametrize("name", OTHERS)
def test_other_operators(drivers, tmp_path: Path, simd: scratch.Simd, name: str) -> None:
    rng = np.random.default_rng(4)
    calls, wants = zip(*(OTHERS[name](rng) for _ in range(CASES)), strict=True)
    expect(run(drivers[simd], tmp_path, calls), list(wants))
