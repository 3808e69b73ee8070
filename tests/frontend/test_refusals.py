"""What cannot be compiled is refused in sentences: operator, tensor, why, what to do; all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.frontend.test_operators import QUANT, convolution, dense, int32, single
from tests.support.flat_model import FlatModel
from tinyc.errors import ModelError
from tinyc.frontend.tflite import import_tflite, inspect


def problems(flat: FlatModel) -> tuple[str, ...]:
    with pytest.raises(ModelError) as caught:
        import_tflite(flat.to_bytes(), "case")
    assert caught.value.exit_code == 3
    assert all(problem.endswith(".") for problem in caught.value.problems)
    return caught.value.problems


def refused(flat: FlatModel) -> str:
    (problem,) = problems(flat)
    return problem


def add() -> FlatModel:
    flat = FlatModel()
    x, y = flat.tensor("x", (2, 2), **QUANT), flat.tensor("y", (2, 2), **QUANT)
    flat.operator("ADD", [x, x], [y], "AddOptions")
    flat.inputs, flat.outputs = [x], [y]
    return flat


# ---------------------------------------------------------------------- tensors
Change = Callable[[FlatModel], Any]


def tensor(index: int, **changes: Any) -> Change:
    return lambda flat: vars(flat.tensors[index]).update(changes)


def fields(index: int, **changes: Any) -> Change:
    return lambda flat: flat.tensors[index].fields.update(changes)


TENSORS: list[tuple[Change, str]] = [
    (tensor(1, type="UINT8"), "tensor 1 'y' has element type UINT8; the uint8 scheme of older"),
    (tensor(1, type="INT16"), "tensor 1 'y' has element type INT16; 16-bit activations are not supported"),
    (tensor(1, type="INT4"), "tensor 1 'y' has element type INT4; 4-bit weights are not supported"),
    (tensor(1, type="STRING"), "tensor 1 'y' has element type STRING; convert the model with full-integer"),
    (tensor(1, type="FLOAT32"), "it gives float32 (tensor 1 'y') inside the network; tinyc compiles"),
    (tensor(1, type="INT32"), "expected outputs int8[2,2], got int32[2,2]."),
    (tensor(1, shape=(2, 0)), "tensor 1 'y' has the shape [2, 0]; every dimension must be 1 or more"),
    (tensor(1, shape=(-1, 2)), "tensor 1 'y' has the shape [-1, 2]; every dimension must be 1 or more"),
    (tensor(1, shape=(1,) * 9), "tensor 1 'y' has 9 axes; tinyc takes up to 8"),
    (tensor(1, shape=(1 << 30,)), "tensor 1 'y' has the shape [1073741824]; tinyc takes dimensions"),
    (tensor(1, shape=(1 << 20,) * 4), f"tensor 1 'y' has {1 << 80} elements; tinyc takes up to"),
    (tensor(1, shape=(2, 3)), "expected outputs int8[2,2], got int8[2,3]."),
    (fields(1, ShapeSignature=int32(2, -1)), "run time ([2, -1], axis 1 is free); fix the input shape"),
    (fields(1, ShapeSignature=int32(-1, 2)), "run time ([-1, 2], axis 0 is free); fix the input shape"),
    (tensor(1, scale=[0.0]), "tensor 1 'y' has the scale 0.0; scales must be finite and above 0."),
    (tensor(1, scale=[-1.0]), "tensor 1 'y' has the scale -1.0; scales must be finite"),
    (tensor(1, scale=[float("nan")]), "tensor 1 'y' has the scale nan; scales must be finite"),
    (tensor(1, scale=[float("inf")]), "tensor 1 'y' has the scale inf; scales must be finite"),
    (tensor(1, zero_point=[128]), "tensor 1 'y' has a zero point outside -128 to 127"),
    (tensor(1, zero_point=[1, 2]), "tensor 1 'y' has 2 zero points for 1 scales"),
    (tensor(1, scale=[1.0, 2.0], axis=2), "tensor 1 'y' is quantised along axis 2 of 2"),
    (tensor(1, scale=[1.0, 2.0, 3.0], axis=1), "tensor 1 'y' has 3 scales for 2 channels on axis 1"),
    (tensor(1, scale=[1.0, 2.0], zero_point=[0, 0]), "expected one scale, got int8[2,2] q(axis=0;1,2;0,0)."),
    (tensor(1, scale=[], zero_point=[]), "expected one scale, got int8[2,2]."),
    (tensor(1, zero_point=[]), "expected one scale, got int8[2,2]."),
    (fields(1, Sparsity=("SparsityParameters", {})), "tensor 1 'y' is stored sparse; convert without"),
    (
        fields(1, Quantization=("QuantizationParameters", {"DetailsType": 1})),
        "tensor 1 'y' has a custom quantisation; convert the model with full-integer",
    ),
    (tensor(1, buffer={"Offset": 4096, "Size": 4}), "tensor 1 'y' keeps its data outside the flatbuffer"),
    (fields(1, IsVariable=True), "tensor 1 'y' is a variable; tinyc compiles networks without state"),
    (tensor(1, data=b"1234"), "tensor 1 'y' is written, but holds constant data; the file is damaged"),
    (tensor(0, data=b"1234"), "network input: tensor 0 'x' is written, but holds constant data"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), TENSORS, ids=range(len(TENSORS)))
def test_tensors(change: Change, expected: str) -> None:
    flat = add()
    change(flat)
    assert expected in problems(flat)[0]


def test_a_sentence_names_operator_tensor_reason_and_remedy() -> None:
    flat = add()
    flat.tensors[1].type = "INT16"
    assert refused(flat) == (
        "operator 0 ADD ('y'): tensor 1 'y' has element type INT16; 16-bit activations are not supported: "
        "convert the model with full-integer int8 quantisation (supported_ops = [TFLITE_BUILTINS_INT8])."
    )


def test_a_free_batch_of_one_is_fine() -> None:
    flat = single("RESHAPE", (1, 4), (1, 2, 2), [int32(1, 2, 2)], "ReshapeOptions")
    flat.tensors[0].fields["ShapeSignature"] = int32(-1, 4)
    assert import_tflite(flat.to_bytes(), "case").inputs[0].type.shape == (1, 4)


def test_constants_have_the_size_of_their_shape() -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    assert flat.tensors[1].data is not None
    flat.tensors[1].data += b"\0"
    assert "tensor 1 'w' holds 37 bytes of data, expected 36 for int8[2, 3, 3, 2]" in refused(flat)


# ---------------------------------------------------------------------- structure
def test_several_subgraphs() -> None:
    flat = add()
    flat.subgraphs = 2
    assert "the model has 2 subgraphs; control flow (IF, WHILE, CALL_ONCE)" in refused(flat)


def test_compressed_tensors() -> None:
    flat = add()
    flat.metadata = ["COMPRESSION_METADATA"]
    assert "the tensors are stored in TFLM's compressed form" in refused(flat)


def test_unknown_and_custom_operators_are_named() -> None:
    flat = add()
    flat.operators[0].code = "SVDF"
    assert refused(flat).startswith("operator 0 SVDF ('y'): this operator is not supported; replace it")
    flat.operators[0].code, flat.operators[0].custom = "CUSTOM", "AudioSpectrogram"
    assert refused(flat).startswith(
        "operator 0 CUSTOM 'AudioSpectrogram' ('y'): custom operators are not supported"
    )


def test_indices_out_of_range() -> None:
    flat = add()
    flat.operators[0].inputs = [0, 9]
    assert "operator 0 ADD ('y'): tensor 9 does not exist (there are 2); the file is damaged" in refused(flat)
    flat = add()
    flat.operators[0].outputs = [-1]
    assert "operator 0 ADD (''): tensor -1 does not exist" in problems(flat)[0]
    flat = add()
    flat.inputs, flat.outputs = [5], [7]
    found = problems(flat)
    assert found[0].startswith("network input: tensor 5 does not exist")
    assert found[-1].startswith("network output: tensor 7 does not exist")


def test_number_of_operands() -> None:
    flat = add()
    flat.operators[0].inputs = [0]
    assert "operator 0 ADD ('y'): it has 1 inputs, expected 2." in refused(flat)
    flat = convolution("CONV_2D", 2, 0, 0)
    flat.operators[0].inputs = [0, 1, 2, 2]
    assert "it has 4 inputs, expected 2 to 3." in refused(flat)
    flat.operators[0].inputs = [0, -1]
    assert "input 1 is missing" in refused(flat)


def test_order_of_operators() -> None:
    flat = add()
    flat.operators[0].inputs = [0, 1]
    assert "it reads tensor 1 'y', which nothing has written before" in refused(flat)


def test_a_tensor_is_written_once() -> None:
    flat = add()
    flat.operators.append(flat.operators[0])
    assert "operator 1 ADD ('y'): tensor 1 'y' is written twice" in refused(flat)
    flat = add()
    flat.operators[0].outputs = [0]
    assert "tensor 0 'x' is written twice" in problems(flat)[0]
    flat = single("SPLIT", (4, 6), [(2, 6), (2, 6)], [np.array(0, np.int32)], None, True)
    flat.operators[0].outputs = [flat.operators[0].outputs[0]] * 2
    assert "it writes one tensor twice" in problems(flat)[0]


def test_inputs_and_outputs_of_the_network() -> None:
    for inputs, outputs, expected in (
        ([0], [1, 1], "network output: tensor 1 'y' is listed twice"),
        ([0, 0], [1], "network input: tensor 0 'x' is written twice"),
        ([0], [1, 0], "network output: tensor 0 'x' is not computed by the network"),
        ([0], [], "the model has no output"),
    ):
        flat = add()
        flat.inputs, flat.outputs = inputs, outputs
        assert expected in refused(flat)
    flat = add()
    flat.outputs.append(flat.tensor("z", (1,), **QUANT))
    assert "network output: tensor 2 'z' is written by no operator" in refused(flat)
    flat.operators, flat.outputs = [], [0]
    assert "the model has no operators" in problems(flat)[0]


def test_all_problems_at_once() -> None:
    flat = add()
    names = ["a", "b", "c", "d"]
    a, b, c, d = (flat.tensor(name, (2, 2), **QUANT) for name in names)
    flat.operator("COS", [1], [a])
    flat.operator("ADD", [a, 0], [b], "AddOptions", FusedActivationFunction=4)
    flat.operator("ABS", [b], [c])
    flat.operator("RESHAPE", [c], [d], "ReshapeOptions", NewShape=int32(4))
    flat.outputs = [d]
    found = problems(flat)
    assert [text.split(":")[0] for text in found] == [
        "operator 1 COS ('a')", "operator 2 ADD ('b')", "operator 3 ABS ('c')", "operator 4 RESHAPE ('d')",
    ]  # fmt: skip
    assert "the fused activation TANH is not supported" in found[1]
    assert "the output has the shape [2, 2], but the operator asks for [4]" in found[3]


# ---------------------------------------------------------------------- float
def test_float_weights_are_explained() -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    unpacked = flat.tensor("unpacked", (2, 3, 3, 2), "FLOAT32")
    flat.operators[0].inputs = [0, unpacked, 2]
    flat.operators.insert(0, flat.operators[0])
    flat.operators[0] = type(flat.operators[1])("DEQUANTIZE", [1], [unpacked])
    found = problems(flat)
    assert "it gives float32 (tensor 4 'unpacked') inside the network" in found[0]
    assert "it computes in float32 (tensor 4 'unpacked')" in found[1]


def test_float_network() -> None:
    flat = add()
    for t in flat.tensors:
        t.type, t.scale, t.zero_point = "FLOAT32", [], []
    found = problems(flat)
    assert "it computes in float32 (tensor 0 'x'); tinyc compiles integer networks: convert with" in found[0]


# ---------------------------------------------------------------------- operators
def test_bias_scale_of_dense_layers_as_in_tflm() -> None:
    flat = dense((2, 6), (2, 3))
    flat.tensors[2].scale = [1.0]
    assert "the bias has the scale 1.0, expected input scale times weight scale = 0.125" in refused(flat)


def test_depth_multiplier() -> None:
    flat = convolution("DEPTHWISE_CONV_2D", 4, 0, 0)
    flat.operators[0].options["DepthMultiplier"] = 3
    assert "4 filters are not 3 for each of 2 channels" in refused(flat)


def test_weights_computed_at_run_time() -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    flat.tensors[1].data = None
    flat.inputs.append(1)
    assert "weights (tensor 1 'w') are computed at run time; tinyc needs them constant" in refused(flat)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"StrideH": 0}, "stride (0, 1) and dilation (1, 1) must be 1 or more"),
        ({"StrideW": -1}, "must be 1 or more"),
        ({"DilationHFactor": 0}, "must be 1 or more"),
        ({"Padding": 7}, "padding scheme 7 is unknown; expected SAME (0) or VALID (1)"),
        ({"FusedActivationFunction": 5}, "the fused activation SIGN_BIT is not supported"),
        ({"FusedActivationFunction": 9}, "the fused activation number 9 is not supported"),
    ],
)
def test_window_options(options: dict[str, int], expected: str) -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    flat.operators[0].options |= options
    assert expected in refused(flat)


def test_options_of_another_operator() -> None:
    flat = convolution("CONV_2D", 2, 0, 0)
    flat.operators[0].table = "Pool2DOptions"
    flat.operators[0].options = {}
    assert "its options are of type 5, expected 1 (Conv2DOptions)" in refused(flat)


@pytest.mark.parametrize("mask", ["EllipsisMask", "NewAxisMask"])
def test_masks_that_tflm_ignores(mask: str) -> None:
    operands = [int32(0, 0), int32(2, 2), int32(1, 1)]
    options: dict[str, Any] = {mask: 1}
    flat = single("STRIDED_SLICE", (2, 2), (2, 2), operands, "StridedSliceOptions", **options)
    assert "_mask is not supported; TFLM ignores it" in refused(flat)


@pytest.mark.parametrize(
    ("begin", "end", "stride", "expected"),
    [(0, 2, 0, "axis 0 has stride 0"), (2, 1, 1, "the slice 2:1:1 of axis 0 is empty")],
)
def test_slices_of_nothing(begin: int, end: int, stride: int, expected: str) -> None:
    operands = [int32(begin), int32(end), int32(stride)]
    assert expected in refused(single("STRIDED_SLICE", (4,), (1,), operands, "StridedSliceOptions"))


def test_shrunk_index_outside() -> None:
    operands = [int32(4), int32(5), int32(1)]
    flat = single("STRIDED_SLICE", (4,), (), operands, "StridedSliceOptions", ShrinkAxisMask=1)
    assert "index 4 (stride 1) picks no element of 4 on axis 0" in refused(flat)


@pytest.mark.parametrize(
    ("code", "operand", "expected"),
    [
        ("TRANSPOSE", int32(0), "the permutation: expected 2 numbers, got 1"),
        ("TRANSPOSE", int32(0, 0), "expected a permutation of 2 axes"),
        ("TRANSPOSE", int32(0, 5), "axis 5 of a tensor with 2 axes"),
        (
            "MEAN",
            np.array([0], np.int64),
            "the axes: expected int32, got int64; TFLM reads no other type here",
        ),
        ("EXPAND_DIMS", int32(0, 1), "the axis: expected 1 numbers, got 2"),
    ],
)
def test_operands_of_integers(code: str, operand: Any, expected: str) -> None:
    tables = {"TRANSPOSE": "TransposeOptions", "MEAN": "ReducerOptions", "EXPAND_DIMS": "ExpandDimsOptions"}
    assert expected in refused(single(code, (2, 2), (2, 2), [operand], tables[code]))


# ---------------------------------------------------------------------- inspection
def test_inspection_of_an_unsupported_model() -> None:
    flat = add()
    flat.operator("COS", [1], [flat.tensor("z", (2, 2), **QUANT)])
    flat.outputs, flat.subgraphs = [2], 2
    found = inspect(flat.to_bytes())
    assert (found.subgraphs, found.supported, len(found.problems)) == (2, False, 1)
    assert [(op.code, op.supported) for op in found.operators] == [("ADD", True), ("COS", False)]
    assert found.operators[1].inputs == ("y",) and "is not supported" in found.operators[1].reasons[0]
    assert [t.name for t in found.inputs] == ["x"] and [t.name for t in found.outputs] == ["z"]


def test_inspection_of_a_supported_model() -> None:
    found = inspect(convolution("CONV_2D", 2, 0, 0).to_bytes())
    assert found.supported and found.version == 3 and found.description == "tinyc test"
    assert [(t.name, t.type, t.shape, t.scales, t.constant_bytes) for t in found.tensors][1] == (
        "w", "INT8", (2, 3, 3, 2), 2, 36,
    )  # fmt: skip
