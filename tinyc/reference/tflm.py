"""TensorFlow Lite Micro's reference kernels, run through the `tflite-micro` package.

TFLM ends the process on some models that it does not like. It therefore runs in a worker process, which is
started on first use, serves one request after the other, and is replaced when it dies or hangs.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import IO, Any

import numpy as np

from tinyc.errors import ModelError, ToolchainError
from tinyc.ir.types import Array

PACKAGE = "tflite-micro"
INSTALL = "pip install 'tinyc[verify]'"
SECONDS = 120.0  # MobileNetV2 takes less than 1; the rest is slack for a loaded machine

_ROOT = Path(__file__).resolve().parents[2]  # the worker imports the tinyc that this file belongs to
Arrays = Mapping[str, Array]


class TflmReference:
    """A .tflite model in TensorFlow Lite Micro.

    `seconds` bounds one request. Methods raise ToolchainError where the package is missing or TFLM hangs, and
    ModelError with TFLM's own words where it refuses the model or the inputs.
    """

    def __init__(self, model: bytes, *, seconds: float = SECONDS) -> None:
        self._model, self._seconds = model, seconds

    @staticmethod
    def version() -> str:
        """The name and version of the reference, as the manifest records it."""
        _require_package()
        return f"{PACKAGE} {metadata.version('tflite_micro')}"

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The model's outputs for one set of inputs (shape and element type of each as in the file)."""
        found = self._ask(inputs, ())
        return [found[f"output{i}"] for i in range(len(found))]

    def tensors(self, inputs: Sequence[Array], indices: Sequence[int]) -> dict[int, Array]:
        """Tensors of the file by index, after one run in which no tensor's memory is reused."""
        found = self._ask(inputs, indices)
        return {i: found[f"tensor{i}"] for i in indices}

    def _ask(self, inputs: Sequence[Array], indices: Sequence[int]) -> Arrays:
        request: dict[str, Array] = {
            "model": np.frombuffer(self._model, np.uint8),
            "indices": np.array(indices, np.int64),
        }
        request |= {f"input{i}": np.asarray(x) for i, x in enumerate(inputs)}
        return _worker().ask(request, self._seconds)


class TflmModel:
    """The same as verification sees a reference: tensors by name, and no difference allowed."""

    tolerance = 0
    step = 0

    def __init__(self, model: bytes) -> None:
        from tinyc.frontend.tflite import tensor_indices

        self._reference, self._indices = TflmReference(model), tensor_indices(model)

    def title(self) -> str:
        return TflmReference.version()

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        return self._reference.run(inputs)

    def sources(self) -> Collection[str]:
        return self._indices.keys()

    def values(self, inputs: Sequence[Array], sources: Sequence[str]) -> Mapping[str, Array]:
        found = self._reference.tensors(inputs, [self._indices[name] for name in sources])
        return {name: found[self._indices[name]] for name in sources}


# ---------------------------------------------------------------------- this side of the pipe
class _Worker:
    """The worker process and the pipes to it. Raises ToolchainError where it does not start."""

    def __init__(self) -> None:
        _require_package()
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tinyc.reference.tflm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (_ROOT, *sys.path)))},
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout
        if _receive(self.answers) is None:  # its greeting, sent once the package is loaded
            words = self._said()
            self.stop()
            raise ToolchainError(f"the package {PACKAGE} does not load; {words}. Reinstall it: {INSTALL}.")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.requests, self.answers, self.stderr):
            with contextlib.suppress(OSError):  # what was still to be sent goes nowhere
                pipe.close()

    def ask(self, request: Arrays, seconds: float) -> Arrays:
        """One request, one answer. The worker does not survive an answer that is no answer."""
        self.stderr.seek(0)
        self.stderr.truncate()
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            _send(self.requests, request)
            answer = _receive(self.answers)
        except OSError:
            answer = None
        finally:
            late = not timer.is_alive()
            timer.cancel()
        if answer is not None and "refused" not in answer:
            return answer
        raise self._failure(late, seconds, None if answer is None else str(answer["refused"]))

    def _failure(self, late: bool, seconds: float, refused: str | None) -> Exception:
        words = self._said()
        if refused is None:
            self.stop()
        if late:
            return ToolchainError(f"TensorFlow Lite Micro gave no answer within {seconds:g} s; {words}")
        why = refused or "it ended its process"
        return ModelError(
            f"TensorFlow Lite Micro does not run this model ({why}); {words}. Without it there is no "
            "reference to compare with."
        )

    def _said(self) -> str:
        """The last lines that TFLM wrote."""
        self.stderr.seek(0)
        lines = self.stderr.read().decode("utf-8", "replace").strip("\0\n ").splitlines()
        return f"it said: {' / '.join(line.strip() for line in lines[-4:])}" if lines else "it said nothing"


_current: list[_Worker] = []


def _worker() -> _Worker:
    """The running worker, or a new one."""
    if not _current or not _current[0].alive:
        _stop_worker()
        _current.append(_Worker())
    return _current[0]


@atexit.register
def _stop_worker() -> None:
    while _current:
        _current.pop().stop()


def _require_package() -> None:
    if util.find_spec("tflite_micro") is None:
        raise ToolchainError(
            f"the reference needs the package {PACKAGE}, which is not installed in {sys.executable}: "
            f"{INSTALL}."
        )


# ---------------------------------------------------------------------- the pipe
def _send(pipe: IO[bytes], arrays: Arrays) -> None:
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, **arrays)
    pipe.write(struct.pack("<Q", body.tell()) + body.getvalue())
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Arrays | None:
    """The next message, or None where the other side is gone."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    size = struct.unpack("<Q", head)[0]
    body = pipe.read(size)
    if len(body) < size:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


# ---------------------------------------------------------------------- the worker
def _arena_bytes(model: bytes) -> int:
    """Room for every tensor at once; pages that are never touched cost nothing."""
    return (256 << 20) + 16 * len(model)


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    from tflite_micro.python.tflite_micro import runtime  # type: ignore[import-untyped]

    from tinyc.reference.gelu import without_gelu

    _send(answers, {})
    model, interpreter = None, None
    while (request := _receive(requests)) is not None:
        wanted = request["model"].tobytes()
        try:
            if interpreter is None or wanted != model:
                interpreter = runtime.Interpreter.from_bytes(
                    without_gelu(wanted),
                    arena_size=_arena_bytes(wanted),
                    intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
                )
                model = wanted
            _send(answers, _invoke(interpreter, request))
        except Exception as error:  # whatever it is, the caller gets it as TFLM's refusal
            interpreter = None
            _send(answers, {"refused": np.array(str(error) or type(error).__name__)})


def _invoke(interpreter: Any, request: Arrays) -> Arrays:
    for index in range(sum(name.startswith("input") for name in request)):
        interpreter.set_input(request[f"input{index}"], index)
    interpreter.invoke()
    if indices := request["indices"].tolist():
        return {f"tensor{i}": np.array(interpreter.GetTensor(i, 0)["tensor_data"]) for i in indices}
    return _outputs(interpreter)


def _outputs(interpreter: Any) -> Arrays:
    """All outputs; the interpreter does not say how many there are, but refuses the first that is not."""
    found = {"output0": np.array(interpreter.get_output(0))}
    with contextlib.suppress(ValueError, IndexError):
        while True:
            found[f"output{len(found)}"] = np.array(interpreter.get_output(len(found)))
    return found


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
