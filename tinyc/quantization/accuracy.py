"""How far the quantised model is from the float one, in the real numbers of their outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyc.errors import ModelError
from tinyc.ir.types import Array
from tinyc.quantization.data import Samples
from tinyc.reference.ort import first_line, open_session


@dataclass(frozen=True)
class OutputError:
    """Of one output over all samples. `sqnr_db`: 10·log10(Σ float² / Σ difference²), None where nothing differs;
    `top1_agreement`: the share of samples with the same highest element, None where the output isn't a row of scores.
    """

    name: str
    max_abs_error: float
    mean_abs_error: float
    sqnr_db: float | None
    top1_agreement: float | None


def compare(float_model: bytes, quantised: bytes, samples: Samples, names: Sequence[str]) -> tuple[OutputError, ...]:
    """Both models, by onnxruntime with optimisations off, on the same samples. Raises ModelError where one fails."""
    real, other = (outputs(model, samples, names) for model in (float_model, quantised))
    return tuple(_error(name, real[name], other[name]) for name in names)


def outputs(model: bytes, samples: Samples, names: Sequence[str]) -> Mapping[str, Array]:
    """By output: float64[samples, *shape]."""
    try:
        session = open_session(model)
        rows = [session.run(list(names), feed) for feed in feeds(samples)]
    except Exception as error:  # onnxruntime's exceptions have no common base
        raise ModelError(f"onnxruntime does not run the model ({first_line(error)}); export it again.") from None
    return {name: np.stack([np.asarray(row[i], np.float64) for row in rows]) for i, name in enumerate(names)}


def feeds(samples: Samples) -> Iterator[dict[str, Array]]:
    """What a session takes, sample by sample."""
    for index in range(len(next(iter(samples.values())))):
        yield {name: column[index] for name, column in samples.items()}


def _error(name: str, real: Array, other: Array) -> OutputError:
    difference = np.abs(real - other)
    noise, signal = float((difference**2).sum()), float((real**2).sum())
    scores = real.ndim > 1 and real[0].size == real.shape[-1] > 1
    return OutputError(
        name,
        max_abs_error=float(difference.max()),
        mean_abs_error=float(difference.mean()),
        sqnr_db=10 * math.log10(signal / noise) if noise and signal else None,
        top1_agreement=float((real.argmax(-1) == other.argmax(-1)).mean()) if scores else None,
    )
