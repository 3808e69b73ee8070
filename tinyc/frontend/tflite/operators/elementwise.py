"""Arithmetic on two tensors, and functions of one."""

from __future__ import annotations

from tinyc.frontend.tflite.converter import converter
from tinyc.frontend.tflite.site import Site
from tinyc.ir.operator import Operator
from tinyc.ops import (
    Add,
    Gelu,
    HardSwish,
    LeakyRelu,
    Logistic,
    Maximum,
    Minimum,
    Mul,
    Relu,
    Relu6,
    Rsqrt,
    Softmax,
    SquaredDifference,
    Sub,
    Tanh,
)


def _binary(site: Site, op: Operator) -> None:
    site.emit(op, [site.value(0, "a"), site.value(1, "b")])


@converter("ADD", inputs=(2, 2), options="AddOptions")
def add(site: Site) -> None:
    _binary(site, Add(clamp=site.clamp()))


@converter("SUB", inputs=(2, 2), options="SubOptions")
def sub(site: Site) -> None:
    _binary(site, Sub(clamp=site.clamp()))


@converter("MUL", inputs=(2, 2), options="MulOptions")
def mul(site: Site) -> None:
    _binary(site, Mul(clamp=site.clamp()))


@converter("SQUARED_DIFFERENCE", inputs=(2, 2))
def squared_difference(site: Site) -> None:
    _binary(site, SquaredDifference())


@converter("MINIMUM", inputs=(2, 2))
def minimum(site: Site) -> None:
    _binary(site, Minimum())


@converter("MAXIMUM", inputs=(2, 2))
def maximum(site: Site) -> None:
    _binary(site, Maximum())


UNARY = {
    "RELU": Relu, "RELU6": Relu6, "LOGISTIC": Logistic, "TANH": Tanh, "HARD_SWISH": HardSwish, "RSQRT": Rsqrt,
}  # fmt: skip


@converter(*UNARY, inputs=(1, 1))
def unary(site: Site) -> None:
    site.emit(UNARY[site.operator.code](), [site.value(0)])


@converter("GELU", inputs=(1, 1), options="GeluOptions")
def gelu(site: Site) -> None:
    site.emit(Gelu(approximate=site.option("approximate")), [site.value(0)])


@converter("LEAKY_RELU", inputs=(1, 1), options="LeakyReluOptions")
def leaky_relu(site: Site) -> None:
    site.emit(LeakyRelu(alpha=site.option("alpha")), [site.value(0)])


@converter("SOFTMAX", inputs=(1, 1), options="SoftmaxOptions")
def softmax(site: Site) -> None:
    site.emit(Softmax(beta=site.option("beta")), [site.value(0)])
