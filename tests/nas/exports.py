"""Model files of specs, as trained networks would give them, with random weights and random ranges.

A file is what `tinyc build` reads; what it needs is what `nas.plan` has to say. No training framework is needed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nas.support import SMALL_AUDIO, SMALL_CNN, SMALL_VIT
from tests.support.qdq_writer import write_qdq
from tests.support.tflite_writer import write_tflite
from tinyc.ir.graph import Graph, Node
from tinyc.ir.operator import TypeRuleError
from tinyc.ir.types import Quant, Signature, TensorType
from tinyc.nas.network import with_weights
from tinyc.nas.spaces import CnnSpace, DsCnnSpace, Space, VitSpace
from tinyc.ops import Softmax, SoftmaxScaled

FORMS = {"cnn": ("tflite", "onnx"), "audio": ("tflite",), "vit": ("onnx",)}  # of files, by space


SMALL: tuple[Space[Any], ...] = (SMALL_CNN, SMALL_AUDIO, SMALL_VIT)
WHOLE: tuple[Space[Any], ...] = (CnnSpace(), DsCnnSpace(), VitSpace())


def kinds(spaces: tuple[Space[Any], ...]) -> pytest.MarkDecorator:
    """Every space with every form of file that its networks are trained to."""
    pairs = [(space, form) for space in spaces for form in FORMS[space.name]]
    return pytest.mark.parametrize(("space", "form"), pairs, ids=[f"{space.name}-{form}" for space, form in pairs])


def export(graph: Graph, form: str, folder: Path, seed: int) -> Path:
    """A file of the network in the folder, its weights and ranges drawn from the seed."""
    path = folder / f"model.{form}"
    made = trained(graph, np.random.default_rng(seed))
    path.write_bytes(write_tflite(made) if form == "tflite" else write_qdq(made))
    return path


def trained(graph: Graph, rng: np.random.Generator) -> Graph:
    """The network with weights, and with the quantisation that a calibration on some data found."""
    found = with_weights(graph, int(rng.integers(1 << 30)))
    for value in (*found.inputs, *found.constants.values()):
        value.type = _with(value.type, _calibrated(value.type.quant, rng))
    for node in found.nodes:
        _calibrate(node, rng)
    return found


def _calibrate(node: Node, rng: np.random.Generator) -> None:
    """A range of its own for the result, where the operator does not want that of its input."""
    y = node.output.type
    if isinstance(node.op, Softmax | SoftmaxScaled):
        return  # probabilities, whose range is known
    node.output.type = _with(y, _calibrated(y.quant, rng))
    try:
        node.op.check(Signature(tuple(None if v is None else v.type for v in node.inputs), (node.output.type,)))
    except TypeRuleError:
        first = next(v for v in node.inputs if v is not None and not v.is_constant)
        for value in (*node.inputs, node.output):
            if value is not None and value.is_constant or value is node.output:
                value.type = _with(value.type, first.type.quant)


def _calibrated(quant: Quant | None, rng: np.random.Generator) -> Quant | None:
    """Other scales; other zero points but for the lowest code, which says that nothing below zero was seen."""
    if quant is None:
        return None
    scales = tuple((np.array(quant.scale) * 2 ** rng.uniform(-1, 0, len(quant.scale))).astype(np.float32).tolist())
    free = not quant.is_per_channel and quant.zero_point[0] not in (-128, 0)
    return Quant(scales, (int(rng.integers(-40, 40)),) if free else quant.zero_point, quant.axis)


def _with(kind: TensorType, quant: Quant | None) -> TensorType:
    return TensorType(kind.shape, kind.dtype, quant)


def in_form(space: Space[Any], form: str) -> Space[Any]:
    """The space as its specs are planned for files of this form."""
    return replace(space, onnx=form == "onnx") if hasattr(space, "onnx") else space
