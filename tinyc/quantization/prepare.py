"""A float model made ready for the quantiser: checked, batch of 1, constants as initialisers, folded and simplified."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinyc.errors import ModelError
from tinyc.frontend.onnx.importer import checked_shape
from tinyc.frontend.onnx.model_file import FilePort, ModelFile, read_model_file
from tinyc.frontend.onnx.package import require_onnx
from tinyc.frontend.tflite.refusal import Refusal


def read_float_model(data: bytes) -> ModelFile:
    """An .onnx file of float operators and inputs. Raises ModelError with every reason why it is none."""
    file = read_model_file(data)
    problems = [problem.text for problem in file.problems]
    if any(node.op == "DequantizeLinear" or node.op.startswith("Q") for node in file.nodes):
        problems.append("the model is quantised already; give it to `tinyc build` as it is.")
    if not file.nodes:
        problems.append("the model has no nodes, so there is nothing to quantise.")
    for port in file.inputs:
        try:
            checked_shape(port)
        except Refusal as error:
            problems.append(f"network input {port.name!r}: {error}")
        if port.element != "FLOAT":
            problems.append(f"network input {port.name!r}: its type is {port.element}; only float32 can be quantised.")
    if problems:
        raise ModelError(problems)
    return file


def single(file: ModelFile) -> Any:
    """A ModelProto of the file for one sample, without Constant nodes."""
    model = require_onnx().ModelProto()
    model.CopyFrom(file.proto)
    _fix_batch(model, file.inputs)
    _lift_constants(model.graph)
    for node in model.graph.node:  # where in somebody's source it came from; folders of their machine, often
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    return model


def _fix_batch(model: Any, ports: Sequence[FilePort]) -> None:
    """Free batch sizes become 1, in outputs of the same name as well."""
    names = {port.name for port in ports}
    free = set()
    for port in model.graph.input:
        for dim in port.type.tensor_type.shape.dim:
            if port.name in names and not dim.dim_value:
                free.add(dim.dim_param)
                dim.dim_value = 1
    for port in model.graph.output:
        for dim in port.type.tensor_type.shape.dim:
            if dim.dim_param in free and not dim.dim_value:
                dim.dim_value = 1
    model.graph.ClearField("value_info")


def _lift_constants(graph: Any) -> None:
    """Constant nodes become initialisers: the quantiser takes weights only from there."""
    onnx = require_onnx()
    from tinyc.frontend.onnx.fold import fold  # the one place that knows Constant's attributes

    nodes = [node for node in graph.node if node.op_type == "Constant"]
    for node in nodes:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if "value" in attributes:
            attributes["value"] = onnx.numpy_helper.to_array(attributes["value"])
        tensor = onnx.numpy_helper.from_array(fold("Constant", [], attributes), node.output[0])
        graph.initializer.append(tensor)
        graph.node.remove(node)


def preprocess(model: Any, folder: Path) -> Any:
    """The ModelProto as onnxruntime's pre-processing leaves it: constants, batch normalisation and biases folded."""
    onnx = require_onnx()
    from onnxruntime.quantization.shape_inference import quant_pre_process  # type: ignore[import-untyped]

    source, goal = folder / "model.onnx", folder / "ready.onnx"
    source.write_bytes(model.SerializeToString(deterministic=True))
    quant_pre_process(str(source), str(goal), skip_symbolic_shape=True)
    return onnx.load(goal)
