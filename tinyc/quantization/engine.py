"""The steps from a float ONNX model to a quantised one: prepare, observe ranges, quantise, compare, try to import."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import util
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from tinyc.errors import ModelError, TinycError, ToolchainError, UsageError
from tinyc.frontend import is_onnx, read_model
from tinyc.frontend.onnx import import_onnx
from tinyc.frontend.onnx.converter import converters
from tinyc.frontend.onnx.package import require_onnx
from tinyc.frontend.tflite.importer import FLOAT_REMEDY
from tinyc.ir.types import Array
from tinyc.quantization.accuracy import OutputError, compare
from tinyc.quantization.calibration import SETTINGS, calibrate
from tinyc.quantization.data import Samples, check_samples
from tinyc.quantization.islands import outline, restore
from tinyc.quantization.options import QuantizeOptions
from tinyc.quantization.prepare import preprocess, read_float_model, single
from tinyc.reference.ort import first_line

LEAST_SAMPLES = 8
WARNING, FATAL = 2, 4  # severities of onnxruntime, the first its default
INSTALL = "pip install 'tinyc[quantize]'"


@dataclass(frozen=True)
class QuantizedModel:
    """The quantised file, and what is known of it: its error against the float model on `compared` samples, and in
    `problems` a sentence for everything in it that tinyc would refuse.
    """

    model: bytes
    calibrated: int
    compared: int
    outputs: tuple[OutputError, ...]
    problems: tuple[str, ...]

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the .onnx file. Raises UsageError where it exists already (without `force`) or cannot be written."""
        file = Path(path)
        check_output(file, force=force)
        draft = file.with_name(f".{file.name}.part")
        try:
            draft.write_bytes(self.model)
            os.replace(draft, file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise UsageError(f"cannot write {file}: {error.strerror}. Name a file in a folder that exists.") from error


def check_output(path: Path, *, force: bool) -> None:
    """Refuse, before any work, a file that `save` would refuse. Raises UsageError."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the file to write with -o.")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for {path.name}; make it, or name another with -o.")
    if path.exists() and not force:
        raise UsageError(f"{path} exists and was not touched. Name another file with -o, or replace it with --force.")


def quantize(
    model: str | Path,
    data: Mapping[str, Array],
    options: QuantizeOptions | None = None,
    *,
    check: Mapping[str, Array] | None = None,
) -> QuantizedModel:
    """Quantise a float .onnx file to QDQ int8.

    `data` holds float samples by input, along a leading axis: they give the activations' ranges. The error is measured
    on `check` (the same form), else on them. The same arguments give the same bytes. Raises ModelError for a model
    that cannot be quantised, UsageError for samples that do not fit it, ToolchainError without onnxruntime.
    """
    _require_onnxruntime()
    source = read_model(model)
    if not is_onnx(source):
        raise ModelError(f"{model} is a TFLite file, `tinyc quantize` takes ONNX; {FLOAT_REMEDY}.")
    file = read_float_model(source)
    samples = check_samples(data, file.inputs, LEAST_SAMPLES, "the calibration data")
    compared = samples if check is None else check_samples(check, file.inputs, 1, "the data to check on")
    with _quiet():
        made = _quantised(single(file), samples, options or QuantizeOptions())
        errors = compare(single(file).SerializeToString(), made, compared, [port.name for port in file.outputs])
    return QuantizedModel(made, _count(samples), _count(compared), errors, _refusals(made))


def _quantised(model: Any, samples: Samples, options: QuantizeOptions) -> bytes:
    """The bytes of the quantised model for a ModelProto, which is changed."""
    onnx = require_onnx()
    with tempfile.TemporaryDirectory(prefix="tinyc-") as name:
        folder = Path(name)
        try:
            ready = preprocess(model, folder) if options.preprocess else model
            operators = [*_operators(), *outline(ready)]
            source, goal = folder / "float.onnx", folder / "quantised.onnx"
            onnx.save(ready, source)
            ranges = calibrate(source, samples, options.method, operators)
            _run_quantiser(source, goal, ranges, operators, options)
            found = restore(onnx.load(goal))
        except TinycError:
            raise
        except Exception as error:  # neither onnx nor onnxruntime has a common base for its own
            raise ModelError(
                f"onnxruntime does not quantise this model ({type(error).__name__}: {first_line(error)}); try "
                "--no-preprocess, or export the model again."
            ) from error
    return _serialised(found)


def _operators() -> list[str]:
    """Those of ai.onnx that tinyc runs on int8."""
    return sorted(op for domain, op in converters() if domain == "" and not op.startswith(("Q", "DequantizeLinear")))


def _run_quantiser(source: Path, goal: Path, ranges: Path, operators: list[str], options: QuantizeOptions) -> None:
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    quantize_static(
        source, goal, quant_format=QuantFormat.QDQ, op_types_to_quantize=operators, per_channel=options.per_channel,
        activation_type=QuantType.QUInt8 if options.activations == "uint8" else QuantType.QInt8,
        weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod[SETTINGS[options.method][0]],
        calibration_cache_path=ranges, extra_options={"ForceQuantizeNoInputCheck": True},
    )  # fmt: skip


def _serialised(model: Any) -> bytes:
    """Without notes of the tools, unused domains and inferred types, which are most of a small file."""
    used = {"", "ai.onnx", *(node.domain for node in model.graph.node)}
    for entry in [entry for entry in model.opset_import if entry.domain not in used]:
        model.opset_import.remove(entry)
    model.graph.ClearField("value_info")
    model.ClearField("metadata_props")
    for node in model.graph.node:
        node.ClearField("metadata_props")
    found: bytes = model.SerializeToString(deterministic=True)
    return found


def _refusals(model: bytes) -> tuple[str, ...]:
    try:
        import_onnx(model, "model")
    except ModelError as error:
        return error.problems
    return ()


def _count(samples: Samples) -> int:
    return len(next(iter(samples.values())))


def _require_onnxruntime() -> None:
    if util.find_spec("onnxruntime") is None:
        raise ToolchainError(
            f"quantising needs the package onnxruntime, which is not installed in {sys.executable}: {INSTALL}."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime's quantiser prints, warns, and logs by two loggers; standard output and error are ours."""
    import onnxruntime  # type: ignore[import-untyped]

    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    onnxruntime.set_default_logger_severity(FATAL)
    try:
        with redirect_stdout(StringIO()), np.errstate(all="ignore"):
            yield
    finally:
        onnxruntime.set_default_logger_severity(WARNING)
        logging.disable(level)
