"""Calls of the CMSIS-NN API as data, and a driver that runs them: on the host, under sanitizers or not."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
STANDIN = ROOT / "kernels" / "cmsis_nn" / "standin"
DRIVER = Path(__file__).with_name("cmsis_driver.c")
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
MACROS: dict[str, list[str]] = {
    "none": [],
    "dsp": ["-D__ARM_FEATURE_DSP=1"],
    "mve": ["-D__ARM_FEATURE_DSP=1", "-D__ARM_FEATURE_MVE=1"],
}
"""What makes the stand-in, which has no intrinsics, take a host for each kind of core."""

OPERATIONS = (
    *("convolve", "depthwise", "fully_connected", "avgpool", "maxpool", "add", "mul", "softmax"),
    *("pad", "transpose", "concatenate", "minimum", "maximum", "matmul", "sizes"),
)
"""In the order of the driver's enumeration."""
PARAMETERS, BLOBS = 32, 5
ARG_ERROR = -1


@dataclass(frozen=True)
class Call:
    """One call: the operation, its parameters (see cmsis_driver.c), its blobs, the bytes of its output."""

    operation: str
    parameters: Sequence[int]
    output_bytes: int
    blobs: Sequence[np.ndarray | None] = field(default_factory=tuple)

    def encode(self) -> bytes:
        parameters = np.zeros(PARAMETERS, np.int32)
        parameters[: len(self.parameters)] = self.parameters
        parameters[-1] = self.output_bytes
        head = np.int32(OPERATIONS.index(self.operation)).tobytes() + parameters.tobytes()
        blobs = list(self.blobs) + [None] * (BLOBS - len(self.blobs))
        return head + b"".join(_encode_blob(blob) for blob in blobs)


def _encode_blob(blob: np.ndarray | None) -> bytes:
    data = b"" if blob is None else np.ascontiguousarray(blob).tobytes()
    return np.int32(len(data)).tobytes() + data


@dataclass(frozen=True)
class Result:
    """Status of a call and its output as a flat int8 array."""

    status: int
    output: np.ndarray


def require(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed")
    return path


def build(target: Path, sources: Sequence[Path], flags: Sequence[str]) -> Path:
    """Compile the driver with these sources; a compiler message fails the test."""
    command = [require("gcc"), "-g", "-O1", *flags, str(DRIVER), *map(str, sources), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def build_standin(folder: Path, simd: str) -> Path:
    flags = [*STRICT, *SANITIZE, *MACROS[simd], f"-I{STANDIN / 'Include'}"]
    return build(folder / f"standin-{simd}", sorted((STANDIN / "Source").glob("*.c")), flags)


def build_arm(folder: Path, library: Path) -> Path:
    """Arm's library as the user has it, without the functions that the driver does not call."""
    sources = [s for s in sorted(library.glob("Source/*/*.c")) if "f16" not in s.name and "f32" not in s.name]
    flags = ["-w", "-fwrapv", "-ffunction-sections", "-Wl,--gc-sections", f"-I{library / 'Include'}"]
    return build(folder / "arm", sources, flags)


def run(driver: Path, folder: Path, calls: Sequence[Call]) -> list[Result]:
    """Run the calls in one process; a sanitizer's report fails the test."""
    given, got = folder / "calls.bin", folder / "results.bin"
    given.write_bytes(b"".join(call.encode() for call in calls))
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    command = [str(driver), str(given), str(got)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"the driver ended with {done.returncode}\n{done.stderr}"
    return decode(got.read_bytes(), len(calls))


def decode(data: bytes, count: int) -> list[Result]:
    results = []
    while data:
        status, size = (int(v) for v in np.frombuffer(data, np.int32, 2))
        results.append(Result(status, np.frombuffer(data, np.int8, size, 8)))
        data = data[8 + size :]
    assert len(results) == count, f"{count} calls, {len(results)} results"
    return results
