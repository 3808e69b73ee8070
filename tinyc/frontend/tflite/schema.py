"""The part of the TFLite flatbuffer schema that is read here, as data: tables, field slots, enumerations.

A test compares every entry with the schema's own accessors (the `tflite` package, which only tests need).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

# fmt: off
SCALARS = {
    "bool": struct.Struct("<?"), "i8": struct.Struct("<b"), "u8": struct.Struct("<B"),
    "u16": struct.Struct("<H"), "i32": struct.Struct("<i"), "u32": struct.Struct("<I"),
    "i64": struct.Struct("<q"), "u64": struct.Struct("<Q"),
    "f32": struct.Struct("<f"),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Field:
    """Slot and kind of a field: a scalar of SCALARS with its default, or text, bytes, numbers, table, tables.

    `of` is the element type of numbers, or the table's name (none for a union: its type field decides).
    """

    slot: int
    kind: str
    of: str = ""
    default: float = 0


def _numbers(slot: int, of: str) -> Field:
    return Field(slot, "numbers", of)


_ACTIVATION = "fused_activation_function"

# fmt: off
TABLES: dict[str, dict[str, Field]] = {
    "Model": {
        "version": Field(0, "u32"), "operator_codes": Field(1, "tables", "OperatorCode"),
        "subgraphs": Field(2, "tables", "SubGraph"), "description": Field(3, "text"),
        "buffers": Field(4, "tables", "Buffer"), "metadata": Field(6, "tables", "Metadata"),
    },
    "OperatorCode": {
        "deprecated_builtin_code": Field(0, "i8"), "custom_code": Field(1, "text"),
        "version": Field(2, "i32", default=1), "builtin_code": Field(3, "i32"),
    },
    "SubGraph": {
        "tensors": Field(0, "tables", "Tensor"), "inputs": _numbers(1, "i32"), "outputs": _numbers(2, "i32"),
        "operators": Field(3, "tables", "Operator"), "name": Field(4, "text"),
    },
    "Tensor": {
        "shape": _numbers(0, "i32"), "type": Field(1, "i8"), "buffer": Field(2, "u32"),
        "name": Field(3, "text"), "quantization": Field(4, "table", "QuantizationParameters"),
        "is_variable": Field(5, "bool", default=False),
        "sparsity": Field(6, "table", "SparsityParameters"), "shape_signature": _numbers(7, "i32"),
    },
    "QuantizationParameters": {
        "scale": _numbers(2, "f32"), "zero_point": _numbers(3, "i64"), "details_type": Field(4, "u8"),
        "quantized_dimension": Field(6, "i32"),
    },
    "Buffer": {"data": Field(0, "bytes"), "offset": Field(1, "u64"), "size": Field(2, "u64")},
    "Metadata": {"name": Field(0, "text")},
    "Operator": {
        "opcode_index": Field(0, "u32"), "inputs": _numbers(1, "i32"), "outputs": _numbers(2, "i32"),
        "builtin_options_type": Field(3, "u8"), "builtin_options": Field(4, "table"),
    },
    "Conv2DOptions": {
        "padding": Field(0, "i8"), "stride_w": Field(1, "i32"), "stride_h": Field(2, "i32"),
        _ACTIVATION: Field(3, "i8"), "dilation_w_factor": Field(4, "i32", default=1),
        "dilation_h_factor": Field(5, "i32", default=1),
    },
    "DepthwiseConv2DOptions": {
        "padding": Field(0, "i8"), "stride_w": Field(1, "i32"), "stride_h": Field(2, "i32"),
        "depth_multiplier": Field(3, "i32"), _ACTIVATION: Field(4, "i8"),
        "dilation_w_factor": Field(5, "i32", default=1), "dilation_h_factor": Field(6, "i32", default=1),
    },
    "Pool2DOptions": {
        "padding": Field(0, "i8"), "stride_w": Field(1, "i32"), "stride_h": Field(2, "i32"),
        "filter_width": Field(3, "i32"), "filter_height": Field(4, "i32"), _ACTIVATION: Field(5, "i8"),
    },
    "FullyConnectedOptions": {_ACTIVATION: Field(0, "i8"), "weights_format": Field(1, "i8")},
    "SoftmaxOptions": {"beta": Field(0, "f32", default=0.0)},
    "ConcatenationOptions": {"axis": Field(0, "i32"), _ACTIVATION: Field(1, "i8")},
    "AddOptions": {_ACTIVATION: Field(0, "i8")},
    "SubOptions": {_ACTIVATION: Field(0, "i8")},
    "MulOptions": {_ACTIVATION: Field(0, "i8")},
    "ReshapeOptions": {"new_shape": _numbers(0, "i32")},
    "ReducerOptions": {"keep_dims": Field(0, "bool", default=False)},
    "SqueezeOptions": {"squeeze_dims": _numbers(0, "i32")},
    "StridedSliceOptions": {
        "begin_mask": Field(0, "i32"), "end_mask": Field(1, "i32"), "ellipsis_mask": Field(2, "i32"),
        "new_axis_mask": Field(3, "i32"), "shrink_axis_mask": Field(4, "i32"),
        "offset": Field(5, "bool", default=False),
    },
    "ResizeNearestNeighborOptions": {
        "align_corners": Field(0, "bool", default=False),
        "half_pixel_centers": Field(1, "bool", default=False),
    },
    "LeakyReluOptions": {"alpha": Field(0, "f32", default=0.0)},
    "GatherOptions": {"axis": Field(0, "i32"), "batch_dims": Field(1, "i32")},
    "PackOptions": {"values_count": Field(0, "i32"), "axis": Field(1, "i32")},
    "UnpackOptions": {"num": Field(0, "i32"), "axis": Field(1, "i32")},
    "BatchMatMulOptions": {"adj_x": Field(0, "bool", default=False), "adj_y": Field(1, "bool", default=False)},
    "GeluOptions": {"approximate": Field(0, "bool", default=False)},
    "SparsityParameters": {},
}

#: The number of each options table in the union BuiltinOptions.
OPTIONS = {
    "Conv2DOptions": 1, "DepthwiseConv2DOptions": 2, "Pool2DOptions": 5, "FullyConnectedOptions": 8,
    "SoftmaxOptions": 9, "ConcatenationOptions": 10, "AddOptions": 11, "ReshapeOptions": 17, "MulOptions": 21,
    "ReducerOptions": 27, "SubOptions": 28, "SqueezeOptions": 30, "StridedSliceOptions": 32,
    "ResizeNearestNeighborOptions": 74, "LeakyReluOptions": 75, "GatherOptions": 23, "PackOptions": 59,
    "UnpackOptions": 64, "BatchMatMulOptions": 101, "GeluOptions": 116,
}

TENSOR_TYPES = (
    "FLOAT32", "FLOAT16", "INT32", "UINT8", "INT64", "STRING", "BOOL", "INT16", "COMPLEX64", "INT8",
    "FLOAT64", "COMPLEX128", "UINT64", "RESOURCE", "VARIANT", "UINT32", "UINT16", "INT4", "BFLOAT16",
)
ACTIVATION_TYPES = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
PADDINGS = ("SAME", "VALID")

#: Operator names by their number in the file.
BUILTIN_OPERATORS = tuple(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP
    FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
    LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX
    SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD
    UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE
    UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX
    DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER
    GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL
    NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT
    LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE
    RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2
    ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND
    HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY
    SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D
    IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
    CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL
    BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD
    UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR
    RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM
    STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION
    STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE
    STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR
    STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH
    STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE
    STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL
    STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE
    STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT
    """.split()  # noqa: SIM905  one line per name would be 200 lines
)
