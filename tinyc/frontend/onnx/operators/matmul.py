"""MatMul and Gemm: dense layers where the weights are constant, else products of two tensors."""

from __future__ import annotations

from dataclasses import replace

from tinyc.frontend.onnx.converter import converter
from tinyc.frontend.onnx.layout import Layout
from tinyc.frontend.onnx.operators.dense import columns_last, dense, scaled_dense
from tinyc.frontend.onnx.operators.elementwise import broadcast, constant_value
from tinyc.frontend.onnx.operators.window import exact_constant
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Clamp, Constant, Known, Pending, Quantised, Tensor
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.graph import Value
from tinyc.ir.types import Quant
from tinyc.ops import BatchMatMul


@converter("MatMul", inputs=(2, 2))
def matmul(site: Site) -> None:
    site.result(product(site, site.operand(0), 1))


@converter("Gemm", inputs=(2, 3))
def gemm(site: Site) -> None:
    site.result(general_product(site, 0, 1))


def product(site: Site, a: Known, index: int) -> Pending:
    """a · b, with b operand `index`."""
    b = site.operand(index)
    if isinstance(b, Quantised) and b.axis is None and b.codes.ndim > 2 and set(b.shape[:-2]) == {1}:
        b = replace(b, codes=b.codes.reshape(b.shape[-2:]))
        site.replace(index, b)
    if isinstance(a, Tensor) and isinstance(b, (Constant, Quantised)) and len(b.shape) <= 2:
        return dense(site, _real(site, a), columns_last(site, index), None)
    return _batched(site, a, b)


def general_product(site: Site, a: int, b: int) -> Pending:
    """Gemm of operands a and b; the bias is operand 2."""
    bias = exact_constant(site, 2, "the bias") if site.has(2) else None
    if isinstance(site.operand(b), (Constant, Quantised)):
        return scaled_dense(site, site.real(a), bias, b)
    if bias is not None or site.number("alpha", 1.0) != 1.0:
        raise Refusal(
            "a Gemm of two computed operands with a bias or an alpha is not supported", "export MatMul and Add instead"
        )
    names = ("transA", "transB")
    pair = [_turned(site.real(i), site.whole(name, 0)) for i, name in zip((a, b), names, strict=True)]
    return _batched(site, *pair)


def _turned(x: Tensor, transposed: int) -> Tensor:
    return x.relaid(x.layout.transposed((1, 0))) if transposed and len(x.shape) == 2 else x


def _real(site: Site, x: Known) -> Tensor:
    found = site.settled(x)
    if not found.real:
        raise Refusal("it computes on codes that nothing dequantises", "put a DequantizeLinear before it")
    return found


def _batched(site: Site, a: Known, b: Known) -> Pending:
    """Products of the last two axes of both operands, of which one may be constant."""
    if min(len(a.shape), len(b.shape)) < 2:
        found = f"it multiplies {list(a.shape)} and {list(b.shape)}, expected matrices"
        raise Refusal(found, "give both operands two axes or more")
    if a.shape[-1] != b.shape[-2]:
        raise Refusal(f"its operands {list(a.shape)} and {list(b.shape)} do not fit together", "the file is damaged")
    shape = (*broadcast([a.shape[:-2], b.shape[:-2]]), a.shape[-2], b.shape[-1])
    (first, transpose_a), (second, transpose_b) = _matrices(site, a), _matrices(site, b)
    op = BatchMatMul(transpose_a, transpose_b, rounds_once=True)
    op.infer(first.type, second.type)

    def finish(quant: Quant, clamp: Clamp) -> Value:
        return site.clamped(site.emit(op, [first, second], quant), clamp)

    return Pending(site.node.op, Layout.row_major(shape), finish)


def _matrices(site: Site, x: Known) -> tuple[Value, bool]:
    """(the operand with its matrices last in memory, whether their columns are the outer axis there).

    What is innermost in memory stays so: nothing moves for the transpose of a matrix.
    """
    rank = len(x.shape)
    natural = tuple(range(rank))
    if isinstance(x, Constant) or (isinstance(x, Quantised) and not x.is_int8):
        raise Refusal("its constant operand has no single int8 quantisation", "quantise it to int8, per tensor")
    if isinstance(x, Quantised):
        return constant_value(site, x, Layout.row_major(x.shape), x.shape), False
    x = _real(site, x)
    innermost = x.layout.order[-1] if x.layout.order else None
    if innermost not in x.layout.numbers(rank - 2):
        return site.ordered(x, natural), False
    return site.ordered(x, (*natural[:-2], rank - 1, rank - 2)), True


