"""Runs a compiled network's C, on this machine or on the emulated core, from arrays to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from tinyc.errors import UsageError
from tinyc.ir.types import Array, DType
from tinyc.verification.samples import Sample, as_type
from tinyc.verification.values import to_real

if TYPE_CHECKING:
    from tinyc.compiler import Compiled
    from tinyc.program.program import Port
    from tinyc.simulate import RunResult
    from tinyc.targets import Target

Place = Literal["host", "emulator"]


def execute(
    compiled: Compiled,
    samples: Sequence[Sample],
    *,
    on: Place = "host",
    cmsis_nn: Path | None = None,
    profile: bool = False,
    dump_operators: bool = False,
    optimize: str | None = None,
) -> RunResult:
    """Build the C project and run it on every sample; `profile` counts instructions, by class (emulator only).

    `optimize` is the compiler's option, such as "-Os"; not given, "-O1" on the host and "-O3" on the emulator.

    The host build has address and undefined-behaviour sanitizers. Every run checks that init refuses an arena
    one byte smaller and that the canaries around the arena stay untouched.
    """
    from tinyc.simulate import run_emulated, run_host

    if on not in get_args(Place):
        raise UsageError(f"expected on='host' or on='emulator', got {on!r}")
    packed = [tuple(array.tobytes() for array in sample) for sample in samples]
    project = compiled.project()
    if on == "host":
        return run_host(
            project, packed, cmsis_nn=cmsis_nn, dump_operators=dump_operators, optimize=optimize or "-O1"
        )
    return run_emulated(
        project,
        packed,
        core=emulated_core(compiled.target),
        cmsis_nn=cmsis_nn,
        profile=profile,
        classes=profile,
        optimize=optimize or "-O3",
        dump_operators=dump_operators,
    )


def emulated_core(target: Target) -> str:
    """The name by which the emulator knows the target; a board from a user's own file stands for its core."""
    from tinyc import targets

    return target.name if target.name in targets.names() else target.core


def unpack(outputs: Sequence[bytes], ports: Sequence[Port]) -> list[Array]:
    """The bytes of one sample's outputs as arrays."""
    return [
        np.frombuffer(data, port.type.dtype.numpy).reshape(port.type.shape)
        for data, port in zip(outputs, ports, strict=True)
    ]


def run(compiled: Compiled, x: Any, on: Place = "host") -> Any:
    """One inference: `x` is the input, or a sequence of them where the network has several; outputs likewise.

    int8 in gives int8 codes out; float in is quantised by the inputs' scales and gives float32 out, by the
    outputs'. The batch axis of an input may be left out where it is 1. Raises UsageError for another shape or
    element type.
    """
    ports = compiled.program.inputs
    given = (
        [np.asarray(x)]
        if len(ports) == 1 and not isinstance(x, (list, tuple))
        else [np.asarray(a) for a in x]
    )
    if len(given) == 1 == len(ports) or len(given) == len(ports):
        sample = tuple(_input(array, port) for array, port in zip(given, ports, strict=True))
    else:
        raise UsageError(f"{compiled.name} has {len(ports)} inputs, got {len(given)}")
    result = execute(compiled, [sample], on=on)
    outputs = unpack(result.outputs[0], compiled.program.outputs)
    if any(array.dtype.kind == "f" for array in given):
        outputs = [
            to_real(array, port.type) if port.type.dtype is DType.int8 else array
            for array, port in zip(outputs, compiled.program.outputs, strict=True)
        ]
    return outputs[0] if len(outputs) == 1 else outputs


def _input(array: Array, port: Port) -> Array:
    shape = port.type.shape
    if array.shape != shape and (1, *array.shape) != shape:
        raise UsageError(f"input {port.name!r} has the shape {list(shape)}, got {list(array.shape)}")
    return as_type(array, port.type, f"input {port.name!r}").reshape(shape)
