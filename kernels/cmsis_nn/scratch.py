"""Scratch sizes and dispatch conditions of CMSIS-NN v7.0.0, per kind of core: the one place in Python.

Every function is pure and gives the bytes that the library's own ``*_get_buffer_size`` gives when it is
compiled for a core with Helium (``"mve"``), with the DSP extension (``"dsp"``) or with neither
(``"none"``); GCC or LLVM assumed. The ``*_is_exact`` functions say whether Arm's library computes the
operator's definition for these shapes; where they say no, it reads or writes outside its tensors,
rejects the call, or gives another result, and another kernel must serve the operator. The stand-in
returns ``ARM_CMSIS_NN_ARG_ERROR`` in these cases (``tests/kernels/test_cmsis_standin.py``).

Shapes are NHWC. Pairs are (vertical, horizontal); ``padding`` is (top, left), the other two sides follow
from the output shape. Filters: convolution (C_OUT, H, W, C), depthwise (1, H, W, C_OUT).

What a caller must prepare, besides ``ctx.buf`` of the given size, 4-byte aligned:

* A size of 0: pass ``ctx.buf = NULL``. Compiled by armclang for a DSP core, the 1x1 convolution would
  use any other pointer as a buffer of 4 bytes per input channel; NULL selects the path without.
* Fully connected, ``"none"`` and ``"dsp"``: nothing, ``ctx.buf`` is ignored and the bias is an argument.
* Fully connected, ``"mve"``: ``ctx.buf`` holds, before *every* call, the kernel sums that
  ``arm_vector_sum_s8(buf, depth, c_out, weights, input_offset, filter_offset, bias)`` writes. The bias is
  taken from there and the bias argument is ignored. The sums are constant: they may be computed once at
  init into persistent memory, at compile time into a table, or before the call into scratch.
* Batched matrix product, ``"mve"``: scratch as usual, the function fills it itself.
* A bias array always, zeros if there is none: NULL is legal by the documentation, but grouped
  convolution (all cores) and depthwise with more than 124 channels (``"mve"``) read through it.
* Depthwise, ``"mve"``, channels not a multiple of 4: up to 3 elements are read (not used) past the end of
  weights, bias, multipliers and shifts; 1xN convolution, ``"mve"``, reads past the end of the input row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Simd = Literal["none", "dsp", "mve"]
Shape = tuple[int, int, int, int]
Pair = tuple[int, int]

MVE_DEPTHWISE_BLOCK = 124
"""Channels that the MVE depthwise kernel handles at once."""

MAX_SOFTMAX_ROW = 511
"""Longest row of ``arm_softmax_s8`` that is well defined for every input, on any core.

512 equal values need a final shift by 32, undefined in C: Cortex-M gives -127, x86 gives 127, and TFLite
Micro's own kernel aborts on its assertion. From 4096 equal values on the sum overflows as well.
"""


def convolve_wrapper(
    simd: Simd,
    *,
    input_shape: Shape,
    filter_shape: Shape,
    output_shape: Shape,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> int:
    """Bytes of scratch of ``arm_convolve_wrapper_s8``."""
    window = _Window(input_shape, filter_shape, output_shape, stride, padding, dilation)
    kernel = _sized_as(window)
    if kernel == "pointwise":
        return 0
    column = window.kernel[0] * window.kernel[1] * input_shape[3]
    if simd != "mve":
        return 2 * 2 * _round_up(column, 4)
    row = _split_row(window)
    if kernel == "general" or not row.is_split:
        return 4 * _round_up(column, 16)
    left = window.kernel[1] + padding[1]
    right = window.kernel[1] - 1 + (row.right if row.total_pad % 2 else padding[1])
    return max(left, right) * input_shape[3]


def convolve_wrapper_is_exact(
    simd: Simd,
    *,
    input_shape: Shape,
    filter_shape: Shape,
    output_shape: Shape,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> bool:
    """Whether ``arm_convolve_wrapper_s8`` computes the convolution, given scratch and a bias array.

    * 1x1: stride 1 writes one output pixel per *input* pixel, so the maps must be equally large; a
      larger stride must not ask for pixels beyond the input (padding on the right or bottom alone).
    * Groups: the scratch size overlooks them, so a grouped 1x1 (and on MVE 1xN) is sized for a kernel
      that is not the one that runs.
    * 1xN on a map of height 1, MVE, ``stride * C % 4 == 0``: see :func:`_row_is_exact_mve`.
    """
    window = _Window(input_shape, filter_shape, output_shape, stride, padding, dilation)
    kernel = _sized_as(window)
    if filter_shape[3] != input_shape[3]:
        return kernel == "general" or (kernel == "row" and simd != "mve")
    if kernel == "pointwise" and stride == (1, 1):
        return window.input == window.output
    if kernel == "pointwise":
        return all((o - 1) * s < i for o, s, i in zip(window.output, stride, window.input, strict=True))
    return kernel == "general" or simd != "mve" or _row_is_exact_mve(window)


def depthwise_wrapper(
    simd: Simd,
    *,
    input_shape: Shape,
    filter_shape: Shape,
    output_shape: Shape,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> int:
    """Bytes of scratch of ``arm_depthwise_conv_wrapper_s8``."""
    window = _Window(input_shape, filter_shape, output_shape, stride, padding, dilation)
    height, width = window.kernel
    if simd == "mve" and _runs_as_convolution(input_shape, output_shape):
        return (
            convolve_wrapper(
                simd,
                input_shape=input_shape,
                filter_shape=_as_convolution(filter_shape),
                output_shape=output_shape,
                stride=stride,
                padding=padding,
                dilation=dilation,
            )
            + filter_shape[3] * height * width
        )
    if simd == "none" or not _is_optimised_depthwise(window):
        return 0
    if simd == "mve":
        return 4 * MVE_DEPTHWISE_BLOCK * height * width
    return 0 if _is_3x3_depthwise(window) else 2 * height * width * input_shape[3]


def depthwise_wrapper_is_optimised_mve(*, input_shape: Shape, output_shape: Shape, dilation: Pair) -> bool:
    """Whether ``arm_depthwise_conv_wrapper_s8`` calls ``arm_depthwise_conv_s8_opt`` on MVE, for one image."""
    one_to_one = input_shape[3] == output_shape[3]
    return one_to_one and dilation == (1, 1) and not _runs_as_convolution(input_shape, output_shape)


def depthwise_wrapper_is_exact(
    simd: Simd,
    *,
    input_shape: Shape,
    filter_shape: Shape,
    output_shape: Shape,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> bool:
    """Whether ``arm_depthwise_conv_wrapper_s8`` computes the operator, given scratch and a bias array.

    * 3x3 without MVE (multiplier 1, padding at most 1): the middle column of every window is taken for
      granted, so the last window must reach at most one pixel past the right edge.
    * Other windows with DSP: none may lie wholly above or below the map.
    * One input channel and several outputs, MVE: runs as a convolution, whose conditions apply.
    """
    window = _Window(input_shape, filter_shape, output_shape, stride, padding, dilation)
    if simd == "mve":
        return not _runs_as_convolution(input_shape, output_shape) or convolve_wrapper_is_exact(
            simd,
            input_shape=input_shape,
            filter_shape=_as_convolution(filter_shape),
            output_shape=output_shape,
            stride=stride,
            padding=padding,
            dilation=dilation,
        )
    if not _is_optimised_depthwise(window):
        return True
    last_y, last_x = ((o - 1) * s - p for o, s, p in zip(window.output, stride, padding, strict=True))
    if _is_3x3_depthwise(window):
        return last_x + 1 < window.input[1]
    return simd != "dsp" or (padding[0] <= window.kernel[0] and last_y <= window.input[0])


def fully_connected(simd: Simd, *, output_channels: int) -> int:
    """Bytes of ``ctx.buf`` of the ``arm_fully_connected*_s8`` functions: kernel sums, on MVE alone.

    Not scratch: the caller fills it before the call, see the module's docstring.
    """
    return 4 * output_channels if simd == "mve" else 0


def fully_connected_is_exact(simd: Simd, *, per_channel: bool, filter_offset: int) -> bool:
    """Whether the fully connected functions compute the operator.

    Not on MVE with a multiplier per channel *and* a weight zero point: one multiplier of four is used.
    """
    return simd != "mve" or not per_channel or filter_offset == 0


def extreme_is_exact(*, input_shape: Shape, output_shape: Shape) -> bool:
    """Whether ``arm_minimum_s8`` and ``arm_maximum_s8`` broadcast this input (ask for both), on any core.

    They lose their place in an input of several rows of one value each if the output's rows are wider.
    """
    _, height, width, channels = input_shape
    return height == 1 or width * channels > 1 or output_shape[2] == 1


def transpose_is_exact(simd: Simd, *, permutation: tuple[int, ...]) -> bool:
    """Whether ``arm_transpose_s8`` applies the permutation of 1 to 4 axes.

    Two axes are always exchanged; on MVE four axes of which the first two stay have the others exchanged.
    """
    identity = permutation == tuple(range(len(permutation)))
    return not identity or len(permutation) in (1, 3) or (len(permutation) == 4 and simd != "mve")


def batch_matmul(simd: Simd, *, rhs_rows: int) -> int:
    """Bytes of scratch of ``arm_batch_matmul_s8``; ``rhs_rows`` is the number of columns of a result."""
    return 4 * rhs_rows if simd == "mve" else 0


def avgpool(simd: Simd, *, channels: int) -> int:
    """Bytes of scratch of ``arm_avgpool_s8``: a sum per channel, on DSP alone."""
    return 4 * channels if simd == "dsp" else 0


@dataclass(frozen=True, slots=True)
class _Window:
    """A sliding window's geometry. Pairs are (vertical, horizontal)."""

    input_shape: Shape
    filter_shape: Shape
    output_shape: Shape
    stride: Pair
    padding: Pair
    dilation: Pair

    @property
    def input(self) -> Pair:
        return self.input_shape[1], self.input_shape[2]

    @property
    def kernel(self) -> Pair:
        return self.filter_shape[1], self.filter_shape[2]

    @property
    def output(self) -> Pair:
        return self.output_shape[1], self.output_shape[2]


def _sized_as(window: _Window) -> Literal["pointwise", "row", "general"]:
    """The kernel that the convolution's scratch size is computed for.

    It is the kernel that runs, but for groups: those always run the general one.
    """
    if window.kernel == (1, 1) and window.padding == (0, 0) and window.dilation == (1, 1):
        return "pointwise"
    flat = window.input[0] == window.kernel[0] == window.dilation[1] == 1
    return "row" if flat and window.stride[1] * window.input_shape[3] % 4 == 0 else "general"


@dataclass(frozen=True, slots=True)
class _RowSplit:
    """The columns of an output row as the MVE 1xN kernel counts them."""

    left: int
    right: int
    total_pad: int
    """Left and right padding that the extents imply; negative when input columns are left over."""
    is_split: bool
    """False for a row too short for its padded ends; it goes through the general kernel."""


def _split_row(window: _Window) -> _RowSplit:
    (_, stride), (_, pad) = window.stride, window.padding
    columns = window.output[1]
    total_pad = (columns - 1) * stride + window.kernel[1] - window.input[1]
    odd = total_pad % 2 * (1 if total_pad > 0 else -1)  # C's remainder has the sign of the dividend
    left = _ceil_div(pad, stride)
    right = max(1, _ceil_div(pad + odd, stride)) if pad + odd else 0
    return _RowSplit(left, right, total_pad, left + right <= columns)


def _row_is_exact_mve(window: _Window) -> bool:
    """Whether the MVE 1xN kernel computes the row.

    It fails unless the right padding is the left one or one more. In a split row it then treats the
    right end as one tile whose first column misses exactly one input value, and whose last value is in
    the tile; and it reads the left end as if the map were at least as wide.
    """
    (_, stride), (_, pad) = window.stride, window.padding
    row = _split_row(window)
    right_pad = row.total_pad - pad
    if window.output[0] != 1 or right_pad not in (pad, pad + 1):
        return False
    if not row.is_split:
        return True
    left_exact = (row.left - 1) * stride + window.kernel[1] - pad <= window.input[1]
    right_exact = right_pad == 0 or (right_pad - 1) % stride == 0
    return left_exact and right_exact and (right_pad == pad or right_pad == 1 or stride == 1)


def _runs_as_convolution(input_shape: Shape, output_shape: Shape) -> bool:
    """MVE: one input channel and several outputs. (armclang's threshold is 8, and needs less scratch.)"""
    return input_shape[3] == 1 and output_shape[3] > 1


def _as_convolution(filter_shape: Shape) -> Shape:
    one, height, width, channels = filter_shape
    return channels, height, width, one


def _is_optimised_depthwise(window: _Window) -> bool:
    one_to_one = window.input_shape[3] == window.output_shape[3]
    return one_to_one and window.input_shape[0] == 1 and window.dilation == (1, 1)


def _is_3x3_depthwise(window: _Window) -> bool:
    return window.kernel == (3, 3) and max(window.padding) <= 1


def _ceil_div(value: int, divisor: int) -> int:
    return -(-value // divisor)


def _round_up(value: int, multiple: int) -> int:
    return _ceil_div(value, multiple) * multiple
