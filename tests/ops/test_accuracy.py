"""Integer operators of transformers against float64: nearly all codes equal, none off by more than one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.operator_cases import STRATEGIES, Case, random_array
from tinyc import ops
from tinyc.ir.operator import Operator, TypeRuleError, operators
from tinyc.ir.types import Array, DType, Quant, Signature, TensorType
from tinyc.ops.layer_norm import reciprocal_root

EQUAL = 0.99  # of the elements, at least
EPSILONS = (1e-5, 1e-6, 1e-12, 1.0, 1000.0)


def quantised(shape: tuple[int, ...], scale: float, zero: int, dtype: DType = DType.int8) -> TensorType:
    return TensorType(shape, dtype, Quant.per_tensor(scale, zero))


def codes(real: Array, t: TensorType) -> Array:
    """QuantizeLinear in float64: halves to even."""
    return np.asarray(np.clip(np.rint(real / t.scale) + t.zero_point, -128, 127))


def reals(x: Array, t: TensorType) -> Array:
    return (x.astype(np.float64) - t.zero_point) * t.scale


def rows(rng: np.random.Generator, n: int) -> Array:
    """Random ones, constant ones, both ends, nearly constant ones, a single outlier."""
    at = np.arange(n)
    found = [
        rng.integers(-128, 128, n), np.full(n, 5), np.full(n, -128), np.full(n, 127), np.where(at % 2, 127, -128),
        np.clip(rng.normal(0, 2, n), -128, 127), np.where(at == 0, 127, -128), np.where(at == n - 1, 1, 0),
    ]  # fmt: skip
    return np.stack(found).astype(np.int8)


def exponential(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.float32(2.0 ** rng.uniform(low, high)))


class Tally:
    """Counts elements, and those that differ."""

    def __init__(self) -> None:
        self.elements = self.unequal = 0

    def add(self, found: Array, wanted: Array, what: str) -> None:
        difference = np.abs(found.astype(np.int64) - wanted)
        assert difference.max(initial=0) <= 1, f"off by {difference.max()}: {what}"
        self.elements += difference.size
        self.unequal += int((difference > 0).sum())

    def check(self) -> None:
        assert self.elements > 10_000 and self.unequal <= (1 - EQUAL) * self.elements, vars(self)


# ---------------------------------------------------------------------- layer normalisation
def normalisations(count: int) -> Iterator[tuple[ops.LayerNorm, Signature, list[Array]]]:
    """Tiny and huge scales, at which epsilon outweighs any variance, or vanishes; outputs that fit, or saturate."""
    rng = np.random.default_rng(3)
    for number in range(count):
        n = int(rng.choice([1, 2, 3, 5, 16, 17, 64, 100, 192, 768]))
        op = ops.LayerNorm(float(np.float32(rng.choice(EPSILONS))))
        far = 40 if number % 4 == 0 else 12
        x = quantised((8, n), exponential(rng, -far, far), int(rng.integers(-128, 128)))
        gamma = quantised((n,), exponential(rng, -10, 2), int(rng.integers(-128, 128)))
        reach = max(op.largest_deviation(Signature((x, gamma), (x,))), 1e-30) * 255 * gamma.scale
        y = quantised((8, n), reach * 2.0 ** rng.uniform(-13, 0), int(rng.integers(-128, 128)))
        beta = quantised((n,), y.scale * 2.0 ** int(rng.integers(-12, 2)), 0, DType.int32)
        data = [
            rows(rng, n), rng.integers(-128, 128, n).astype(np.int8),
            rng.integers(-20000, 20000, n).astype(np.int32),
        ]  # fmt: skip
        yield op, Signature((x, gamma, beta), (y,)), data


def normalised(op: ops.LayerNorm, sig: Signature, data: list[Array]) -> Array:
    x, gamma, beta = (reals(array, sig.input(i)) for i, array in enumerate(data))
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + op.epsilon)
    return codes(centred / deviation * gamma + beta, sig.output)


def test_layer_norm(long: bool) -> None:
    tally = Tally()
    for op, sig, data in normalisations(5000 if long else 300):
        op.check(sig)
        (found,) = op.reference(sig, *data)
        tally.add(found, normalised(op, sig, data), f"{op} {sig}")
    tally.check()


def test_layer_norm_without_gamma_and_beta() -> None:
    x, y = quantised((8, 64), 0.1, 3), quantised((8, 64), 0.03, -9)
    op, data = ops.LayerNorm(float(np.float32(1e-6))), rows(np.random.default_rng(0), 64)
    (found,) = op.reference(Signature((x,), (y,)), data)
    one = np.ones(64)
    plain = Signature((x, quantised((64,), 1.0, 0), quantised((64,), 1.0, 0, DType.int32)), (y,))
    assert np.abs(found - normalised(op, plain, [data, one, 0 * one])).max() <= 1
    (same,) = op.reference(plain, data, one.astype(np.int8), np.zeros(64, np.int32))
    np.testing.assert_array_equal(found, same)


def test_epsilon_zero_gives_beta_where_nothing_varies() -> None:
    x, y = quantised((2, 4), 0.1, 3), quantised((2, 4), 0.5, 1)
    (found,) = ops.LayerNorm(0.0).reference(Signature((x,), (y,)), np.array([[7] * 4, [7, 7, 8, 8]], np.int8))
    np.testing.assert_array_equal(found, [[1] * 4, [-1, -1, 3, 3]])


def test_reciprocal_root_is_exact_to_30_bits() -> None:
    rng = np.random.default_rng(0)
    spread = (2.0 ** rng.uniform(0, 61.99, 20_000)).astype(np.uint64)
    x = np.concatenate([np.arange(1, 5000, dtype=np.uint64), spread, [np.uint64(2**62 - 1)], 4 ** np.arange(31)])
    r, exponent = reciprocal_root(x.astype(np.uint64))
    assert r.min() >= 2**30 and r.max() < 2**31 and not (exponent % 2).any()
    error = r * np.exp2(exponent / 2 - 62) * np.sqrt(x.astype(np.float64)) - 1
    assert np.abs(error).max() < 2.0**-28


# ---------------------------------------------------------------------- softmax
def attention(rng: np.random.Generator, n: int) -> Array:
    """Random scores, narrow ones, few that stand out, ties."""
    found = [
        rng.integers(-128, 128, n), np.clip(rng.normal(0, 20, n), -128, 127),
        np.where(rng.random(n) < 0.1, 127, rng.integers(-128, -100, n)), rng.integers(-2, 1, n),
    ]  # fmt: skip
    return np.stack(found).astype(np.int8)


def test_softmax_on_any_scale(long: bool) -> None:
    rng, tally = np.random.default_rng(4), Tally()
    op = ops.SoftmaxScaled()
    for number in range(2000 if long else 200):
        n = int(rng.choice([1, 2, 3, 7, 17, 101, 197, 500, 1000]))
        x = quantised((4, n), exponential(rng, -12, 4), 0)
        free = exponential(rng, -14, 1), int(rng.integers(-128, 128))
        sig = Signature((x,), (quantised((4, n), *((1 / 255, -128) if number % 2 else free)),))
        data = attention(rng, n)
        power = np.exp((data.astype(np.float64) - data.max(axis=-1, keepdims=True)) * x.scale)
        (found,) = op.reference(sig, data)
        tally.add(found, codes(power / power.sum(axis=-1, keepdims=True), sig.output), str(sig))
    tally.check()


# ---------------------------------------------------------------------- products
@pytest.mark.parametrize("transposed", [False, True])
def test_batch_matmul_rounding_once(transposed: bool) -> None:
    """The product at the scales of attention, both its zero points not zero."""
    rng, tally = np.random.default_rng(5), Tally()
    for _ in range(40):
        n, k, m = (int(size) for size in rng.integers(1, 70, 3))
        a, b = quantised((1, n, k), 0.02, int(rng.integers(-128, 128))), quantised((1, k, m), 0.03, 7)
        y = quantised((1, n, m), 0.02 * 0.03 * math.sqrt(k) * exponential(rng, 5, 8), -3)
        x, w = (rng.integers(-128, 128, t.shape).astype(np.int8) for t in (a, b))
        right = quantised((1, m, k), b.scale, b.zero_point) if transposed else b
        op = ops.BatchMatMul(transpose_b=transposed, rounds_once=True)
        (found,) = op.reference(Signature((a, right), (y,)), x, w.swapaxes(1, 2) if transposed else w)
        tally.add(found, codes(reals(x, a) @ reals(w, b), y), str(y))
    tally.check()


# ---------------------------------------------------------------------- what is out of reach is refused
def test_an_output_scale_too_fine_for_the_integers_is_refused() -> None:
    x, y = quantised((2, 64), 1.0, 0), quantised((2, 64), 1e-4, 0)
    ops.LayerNorm().check(Signature((x,), (y,)))
    with pytest.raises(TypeRuleError, match="results reach"):
        ops.LayerNorm().check(Signature((x,), (quantised((2, 64), 1e-6, 0),)))


# ---------------------------------------------------------------------- what integers come close to
WITH_REALS = sorted(name for name, op in operators().items() if op.real is not Operator.real)


@pytest.mark.parametrize("name", WITH_REALS)
@given(data=st.data())
def test_integers_come_close_to_the_real_function(name: str, data: st.DataObject) -> None:
    """`Operator.real` on what the codes stand for, within two roundings of a code."""
    case: Case = data.draw(STRATEGIES[name])
    node, rng = case.node(), np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    sig, values = node.signature, [v for v in node.inputs if v is not None]
    if len(values) < len(node.inputs):
        return
    arrays = [random_array(v.type, rng) if v.data is None else v.data for v in values]
    with np.errstate(all="ignore"):
        real = node.op.real(sig, *(reals(a, v.type) for a, v in zip(arrays, values, strict=True)))
    if real is None:
        assert getattr(node.op, "clamp", (-128, 127)) != (-128, 127)
        return
    known = np.isfinite(real)  # not of the root of 0
    wanted = np.clip(real[known] / sig.output.scale + sig.output.zero_point, -128, 127)
    found = node.op.reference(sig, *arrays)[0]
    assert found.shape == real.shape and np.abs(found[known] - wanted).max(initial=0) <= 1.5


def test_a_clamp_leaves_no_real_function() -> None:
    x = quantised((3,), 0.5, 0)
    sig, one = Signature((x, x), (x,)), np.ones(3)
    assert ops.Add().real(sig, one, one) is not None and ops.Add((0, 127)).real(sig, one, one) is None
