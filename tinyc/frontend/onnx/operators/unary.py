"""Functions of one number: evaluated in float32 for each of the 256 codes, so that a chain becomes one table."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinyc.frontend.onnx.converter import MICROSOFT, converter
from tinyc.frontend.onnx.site import Site
from tinyc.frontend.onnx.tensors import Island, Known, Pending, Tensor, reals_of_codes
from tinyc.frontend.tflite.refusal import Refusal
from tinyc.ir.types import Array, DType

Function = Callable[[Array], Array]
F32 = np.float32


def as_island(site: Site, found: Known) -> Island:
    """A real tensor, or a function of one, by its values. Raises Refusal for what is neither."""
    if isinstance(found, Island):
        return found
    x = site.settled(found)
    if not x.real:
        raise Refusal("it computes on codes that nothing dequantises", "put a DequantizeLinear before it")
    return Island(x, reals_of_codes(x.quant))


def rooted(site: Site, island: Island) -> Island:
    """The same as a function of the tensor that its source was looked up from, if it was."""
    origin = site.looked_up(island.source)
    if origin is None:
        return island
    root, table = origin
    return Island(root, island.table[table + 128])


def apply(site: Site, function: Function) -> None:
    """The node's result: the function of its first operand."""
    x = as_island(site, site.operand(0))
    site.result(Island(x.source, evaluated(function, x.table)))


def evaluated(function: Function, table: Array) -> Array:
    """The function of a table's float32 numbers. Raises Refusal where it is undefined."""
    with np.errstate(all="ignore"):
        found = np.asarray(function(table), F32)
    if np.isnan(found).any():
        raise Refusal("it is undefined for some of its input's codes (not a number)", "change the network")
    return found


# ---------------------------------------------------------------------- limits
def limit(site: Site, low: float, high: float) -> None:
    """min(max(x, low), high): of a result not quantised yet, free; else a table."""
    x = site.operand(0)
    if math.isnan(low) or math.isnan(high) or low > high:
        raise Refusal(f"its limits {low} and {high} are no interval", "the file is damaged")
    if isinstance(x, Pending):
        site.result(x.limited(low, high))
    else:
        apply(site, lambda v: np.clip(v, F32(low), F32(high)))


@converter("Relu", inputs=(1, 1))
def relu(site: Site) -> None:
    limit(site, 0.0, math.inf)


@converter("Clip", inputs=(1, 3))
def clip(site: Site) -> None:
    low, high = (
        float(site.array(i, role).reshape(-1)[0]) if site.has(i) and site.array(i, role).size == 1 else default
        for i, role, default in ((1, "the lower limit", -math.inf), (2, "the upper limit", math.inf))
    )
    limit(site, low, high)


# ---------------------------------------------------------------------- functions
def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x.astype(np.float64)))


_ERF = np.vectorize(math.erf, otypes=[np.float64])
_FUNCTIONS: dict[str, Function] = {
    "Sigmoid": _sigmoid,
    "Tanh": np.tanh,
    "HardSwish": lambda x: x * np.clip(x * F32(1 / 6) + F32(0.5), 0, 1),
    "Softplus": lambda x: np.logaddexp(0, x.astype(np.float64)),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Mish": lambda x: x * np.tanh(np.logaddexp(0, x.astype(np.float64))),
    "Erf": lambda x: _ERF(x.astype(np.float64)),
    "Exp": np.exp,
    "Log": np.log,
    "Sqrt": np.sqrt,
    "Abs": np.abs,
    "Neg": np.negative,
    "Reciprocal": lambda x: 1 / x,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Round": np.rint,
    "Sign": np.sign,
}


@converter(*_FUNCTIONS, inputs=(1, 1))
def function(site: Site) -> None:
    apply(site, _FUNCTIONS[site.node.op])


@converter("LeakyRelu", inputs=(1, 1))
def leaky_relu(site: Site) -> None:
    alpha = F32(site.number("alpha", 0.01))
    apply(site, lambda x: np.where(x >= 0, x, alpha * x))


@converter("HardSigmoid", inputs=(1, 1))
def hard_sigmoid(site: Site) -> None:
    alpha, beta = F32(site.number("alpha", 0.2)), F32(site.number("beta", 0.5))
    apply(site, lambda x: np.clip(alpha * x + beta, 0, 1))


@converter("Elu", inputs=(1, 1))
def elu(site: Site) -> None:
    alpha = site.number("alpha", 1.0)
    apply(site, lambda x: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x.astype(np.float64), 0))))


@converter("PRelu", inputs=(2, 2))
def prelu(site: Site) -> None:
    slope = site.array(1, "the slope")
    if slope.size != 1:
        raise Refusal("a slope per channel is not supported", "use LeakyRelu")
    alpha = F32(slope.reshape(-1)[0])
    apply(site, lambda x: np.where(x >= 0, x, alpha * x))


def _gelu(x: Array) -> Array:
    x = x.astype(np.float64)
    return 0.5 * x * (1 + _ERF(x / math.sqrt(2)))


def _gelu_by_tanh(x: Array) -> Array:
    x = x.astype(np.float64)
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@converter("Gelu", inputs=(1, 1))
def gelu(site: Site) -> None:
    apply(site, _gelu_by_tanh if site.text("approximate", "none") == "tanh" else _gelu)


@converter("Gelu", inputs=(1, 1), domain=MICROSOFT)
def microsoft_gelu(site: Site) -> None:
    apply(site, _gelu)


@converter("FastGelu", inputs=(1, 2), domain=MICROSOFT)
def fast_gelu(site: Site) -> None:
    if site.has(1):
        raise Refusal("its bias is inside the operator", "quantise the model with graph optimisations off")
    apply(site, _gelu_by_tanh)


@converter("QuickGelu", inputs=(1, 1), domain=MICROSOFT)
def quick_gelu(site: Site) -> None:
    alpha = site.number("alpha", 1.702)
    apply(site, lambda x: x * _sigmoid(alpha * x))


@converter("Swish", inputs=(1, 1))
def swish(site: Site) -> None:
    alpha = site.number("alpha", 1.0)
    apply(site, lambda x: x * _sigmoid(alpha * x))


# ---------------------------------------------------------------------- no function at all
@converter("Identity", inputs=(1, 1))
def identity(site: Site) -> None:
    site.result(site.operand(0))


@converter("Dropout", inputs=(1, 3), outputs=(1, 2))
def dropout(site: Site) -> None:
    """Does nothing in inference."""
    if site.has(2) and site.array(2, "the training mode").any():
        raise Refusal("it is in training mode", "export the model in inference mode")
    if len(site.node.outputs) > 1 and site.node.outputs[1]:
        raise Refusal("its mask is used", "export the model in inference mode")
    site.result(site.operand(0))


@converter("Cast", inputs=(1, 1))
def cast(site: Site) -> None:
    """Between float types only; constants were folded before."""
    x = site.operand(0)
    codes = isinstance(x, Tensor) and not x.real and x.value.type.dtype is not DType.float32
    if codes or site.whole("to", 0) not in (1, 10, 11):
        raise Refusal("it changes the element type of activations", "only casts of float to float can be left out")
    site.result(x)
