"""The CMSIS-NN stand-in equals the operators' definition bit for bit, and the library's scratch sizes."""

from __future__ import annotations

import itertools
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.cmsis_calls import (
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
from tests.kernels.cmsis_cases import (
    OTHERS,
    Geometry,
    convolution_case,
    is_exact,
    other_is_exact,
    random_geometry,
)
from tinyc.kernels.cmsis_nn import scratch

SIMD: tuple[scratch.Simd, ...] = ("none", "dsp", "mve")
CASES = 400


@pytest.fixture(scope="session")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("standin")
    return {simd: build_standin(folder, simd) for simd in SIMD}


def expect(results: list[Result], expected: list[np.ndarray | None]) -> None:
    """Every result equals its array; None stands for a refusal."""
    for i, (got, want) in enumerate(zip(results, expected, strict=True)):
        if want is None:
            assert got.status == ARG_ERROR, f"case {i} was not refused"
        else:
            assert got.status == 0, f"case {i} was refused"
            assert np.array_equal(got.output, want.ravel()), f"case {i} differs"


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


@pytest.mark.parametrize("simd", SIMD)
@pytest.mark.parametrize("name", OTHERS)
def test_other_operators(drivers, tmp_path: Path, simd: scratch.Simd, name: str) -> None:
    rng = np.random.default_rng(4)
    calls, wants = zip(*(OTHERS[name](rng) for _ in range(CASES)), strict=True)
    expected = [want if other_is_exact(simd, call) else None for call, want in zip(calls, wants, strict=True)]
    expect(run(drivers[simd], tmp_path, calls), expected)


def rows() -> list[Geometry]:
    """Every small 1xN window over a map of height 1 that has an output."""
    found = []
    for kernel, stride, columns in itertools.product(range(1, 7), range(1, 5), range(1, 10)):
        for left, right in itertools.product(range(kernel), range(kernel)):
            if columns + left + right >= kernel:
                outputs = (columns + left + right - kernel) // stride + 1
                shapes = (1, 1, columns, 4), (1, kernel), (1, 1, outputs, 2)
                found.append(Geometry(*shapes, (1, stride), (0, left)))
    return found


def tile_reads(g: Geometry) -> list[list[int | None]] | None:
    """The input columns (None: padding) that Arm's 1xN kernel for MVE reads per output; None: it fails.

    It lays the padded left end and the padded right end out in scratch and reads the rest in place.
    """
    columns, kernel, outputs = g.input_shape[2], g.kernel[1], g.output_shape[2]
    stride, pad = g.stride[1], g.padding[1]
    total = (outputs - 1) * stride + kernel - columns
    odd = int(np.fmod(total, 2))
    if 2 * pad + odd != total:
        return None
    left = -(-pad // stride)
    right = max(1, -(-(pad + odd) // stride)) if pad + odd else 0
    if left + right > outputs:
        return definition_reads(g)
    inner = outputs - left - right
    left_tile = [None] * pad + list(range(kernel))
    start = stride * (left + inner) - pad
    right_tile = list(range(start, start + kernel - 1)) + [None] * (right if odd else pad)
    reads = [left_tile[o * stride : o * stride + kernel] for o in range(left)]
    reads += [[o * stride - pad + k for k in range(kernel)] for o in range(left, left + inner)]
    return reads + [right_tile[o * stride : o * stride + kernel] for o in range(right)]


def definition_reads(g: Geometry) -> list[list[int | None]]:
    columns = g.input_shape[2]
    windows = [range(s, s + g.kernel[1]) for s in np.arange(g.output_shape[2]) * g.stride[1] - g.padding[1]]
    return [[i if 0 <= i < columns else None for i in window] for window in windows]


def test_rows_on_mve(drivers, tmp_path: Path) -> None:
    """The closed form of what the 1xN kernel computes equals its reads, and the stand-in agrees."""
    geometries = rows()
    exact = [is_exact("mve", g, depthwise=False) for g in geometries]
    pointwise = [g.kernel == (1, 1) and g.padding == (0, 0) for g in geometries]
    for g, ok, skip in zip(geometries, exact, pointwise, strict=True):
        assert skip or ok == (tile_reads(g) == definition_reads(g)), g
    one, zeros = np.array([2**30] * 2, np.int32), np.zeros(2, np.int32)
    calls = [
        Call(
            "convolve",
            g.parameters(g.filter_shape, (0, 0), (-128, 127)),
            2 * g.output_shape[2],
            (np.ones(g.input_shape, np.int8), np.ones(g.filter_shape, np.int8), zeros, one, zeros),
        )
        for g in geometries
    ]
    results = run(drivers["mve"], tmp_path, calls)
    assert [result.status == 0 for result in results] == exact


def sizes_of(g: Geometry, simd: scratch.Simd) -> list[int]:
    """What scratch.py gives for the four sizes of one geometry, in the driver's order."""
    shapes = {"input_shape": g.input_shape, "output_shape": g.output_shape}
    return [
        scratch.convolve_wrapper(simd, filter_shape=g.filter_shape, **shapes, **g.window),
        scratch.depthwise_wrapper(simd, filter_shape=g.depthwise_filter, **shapes, **g.window),
        scratch.fully_connected(simd, output_channels=g.output_shape[3]),
        scratch.avgpool(simd, channels=g.input_shape[3]),
    ]


def size_calls() -> tuple[list[Geometry], list[Call]]:
    rng = np.random.default_rng(6)
    geometries = [random_geometry(rng, bool(i % 2)) for i in range(4 * CASES)]
    calls = [Call("sizes", g.parameters(g.filter_shape, (0, 0), (-128, 127), 1), 48) for g in geometries]
    return geometries, calls


@pytest.mark.parametrize("simd", SIMD)
def test_sizes_equal_scratch_py(drivers, tmp_path: Path, simd: scratch.Simd) -> None:
    """The plain size functions answer for the core that is compiled for, the others for DSP and MVE."""
    geometries, calls = size_calls()
    for g, result in zip(geometries, run(drivers[simd], tmp_path, calls), strict=True):
        got = result.output.view(np.int32).reshape(4, 3).T.tolist()
        assert got == [sizes_of(g, simd), sizes_of(g, "dsp"), sizes_of(g, "mve")], g


def test_published_scratch_sizes() -> None:
    """The first layers of a 96x96 person detector, worked out by hand from the formulae."""
    first = {
        "input_shape": (1, 96, 96, 3),
        "output_shape": (1, 48, 48, 8),
        "stride": (2, 2),
        "padding": (0, 0),
        "dilation": (1, 1),
    }
    convolve = [scratch.convolve_wrapper(simd, filter_shape=(8, 3, 3, 3), **first) for simd in SIMD]
    assert convolve == [2 * 28 * 2, 2 * 28 * 2, 4 * 32]
    wide = {**first, "input_shape": (1, 48, 48, 16), "output_shape": (1, 24, 24, 16), "padding": (2, 2)}
    depthwise = [scratch.depthwise_wrapper(simd, filter_shape=(1, 5, 5, 16), **wide) for simd in SIMD]
    assert depthwise == [0, 5 * 5 * 16 * 2, 4 * 124 * 25]


def test_transpose_refuses_what_names_no_axis(drivers, tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.int8)
    for permutation in ([0, 1, 2, 4], [0, 0, 1, 2]):
        call = Call("transpose", [1, 2, 3, 4, *permutation, 1, 2, 3, 4, 4], 24, (x,))
        assert run(drivers["none"], tmp_path, [call])[0].status == ARG_ERROR
    identity = Call("transpose", [1, 2, 3, 4, 0, 1, 2, 3, 1, 2, 3, 4, 4], 24, (x,))
    assert run(drivers["none"], tmp_path, [identity])[0].output.tolist() == x.tolist()
    assert run(drivers["mve"], tmp_path, [identity])[0].status == ARG_ERROR


@pytest.mark.parametrize("name", ["avgpool", "maxpool"])
def test_pooling_refuses_windows_of_padding(drivers, tmp_path: Path, name: str) -> None:
    g = Geometry((1, 2, 2, 1), (2, 2), (1, 2, 2, 1), (1, 1), (2, 2))
    call = Call(name, g.parameters((1, 2, 2, 1), (0, 0), (-128, 127)), 4, (np.zeros(4, np.int8),))
    assert run(drivers["none"], tmp_path, [call])[0].status == ARG_ERROR


@pytest.mark.parametrize("simd", SIMD)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compiles_without_a_warning(tmp_path: Path, compiler: str, simd: str) -> None:
    path = require(compiler)
    sources = [str(s) for s in sorted((STANDIN / "Source").glob("*.c"))]
    command = [path, *STRICT, "-O2", *MACROS[simd], f"-I{STANDIN / 'Include'}", "-c", *sources]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_equals_arm_library(drivers, tmp_path: Path) -> None:
    """With CMSIS_NN_DIR set: Arm's library, its scalar code compiled for this host, agrees on every call.

    v7.0.0, but a later version should pass too: it only sizes the scratch of grouped convolutions anew.
    """
    library = os.environ.get("CMSIS_NN_DIR")
    if not library:
        pytest.skip("CMSIS_NN_DIR is not set: no copy of Arm's library to compare with")
    rng = np.random.default_rng(7)
    cases = [convolution_case(rng, bool(i % 2)) for i in range(2 * CASES)]
    calls = [call for i, (call, _, g) in enumerate(cases) if is_exact("none", g, bool(i % 2))]
    calls += [case(rng)[0] for case in OTHERS.values() for _ in range(CASES)]
    calls = [call for call in calls if other_is_exact("none", call)]
    calls += [call for g, call in zip(*size_calls(), strict=True) if g.groups == 1]
    arm = run(build_arm(tmp_path, Path(library)), tmp_path, calls)
    expect(run(drivers["none"], tmp_path, calls), [result.output for result in arm])
    assert all(result.status == 0 for result in arm)
