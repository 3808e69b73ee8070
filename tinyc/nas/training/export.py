"""A PyTorch network as a float .onnx file that `tinyc quantize` takes."""

from __future__ import annotations

import logging
import warnings
from contextlib import redirect_stdout
from io import StringIO

import torch
from torch import nn

OPSET = 20  # LayerNormalization and Gelu are operators of it, attention not yet


def export(network: nn.Module, shape: tuple[int, ...], *, probabilities: bool) -> bytes:
    """The network on an `image` of this shape, to `scores`: its logits, or their softmax. Without the exporter's notes
    about where each node came from, so that the same weights give the same bytes."""
    whole = nn.Sequential(network, nn.Softmax(-1)) if probabilities else network
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                whole.eval(), (torch.zeros(shape),), input_names=["image"], output_names=["scores"],
                opset_version=OPSET, dynamo=True, verbose=False,
            )  # fmt: skip
    finally:
        logging.disable(level)
    assert program is not None  # as dynamo exports are
    model = program.model_proto
    for notes in (model.graph, *model.graph.node):
        notes.ClearField("metadata_props")
    model.graph.ClearField("value_info")
    for node in model.graph.node:
        node.ClearField("doc_string")
    found: bytes = model.SerializeToString(deterministic=True)
    return found
