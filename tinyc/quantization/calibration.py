"""The range of every activation, observed by onnxruntime's calibrators on the samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tinyc.ir.types import Array
from tinyc.quantization.accuracy import feeds
from tinyc.quantization.data import Samples
from tinyc.quantization.options import Method
from tinyc.reference.ort import open_session

CHUNK = 16  # samples whose activations are in memory together, for the methods that make histograms
# `entropy` chooses among thresholds of 128 bins and more, so it needs more bins than it quantises to.
SETTINGS: dict[Method, tuple[str, dict[str, Any]]] = {
    "minmax": ("MinMax", {}),
    "percentile": ("Percentile", {"num_bins": 2048, "percentile": 99.99}),
    "entropy": ("Entropy", {"num_bins": 512, "num_quantized_bins": 128}),
}


class _Reader:
    """onnxruntime's protocol: one sample after the other, then None."""

    def __init__(self, samples: Iterator[dict[str, Array]]) -> None:
        self._samples = samples

    def get_next(self) -> dict[str, Array] | None:
        return next(self._samples, None)


def calibrate(model: Path, samples: Samples, method: Method, operators: Sequence[str]) -> Path:
    """Observe the inputs and outputs of these operators; returns the file of ranges that quantize_static reads."""
    from onnxruntime.quantization import CalibrationMethod  # type: ignore[import-untyped]
    from onnxruntime.quantization.calibrate import (  # type: ignore[import-untyped]
        create_calibrator,
        save_tensors_data,
    )

    name, settings = SETTINGS[method]
    augmented, ranges = model.with_suffix(".augmented.onnx"), model.with_suffix(".ranges.json")
    calibrator = create_calibrator(model, operators, str(augmented), CalibrationMethod[name], extra_options=settings)
    calibrator.infer_session = open_session(str(augmented))
    waiting = feeds(samples)
    while chunk := list(islice(waiting, CHUNK)):
        calibrator.collect_data(_Reader(iter(chunk)))
    save_tensors_data(calibrator.compute_data(), ranges)
    return ranges
