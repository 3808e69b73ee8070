"""recognise-layer-norm: forms that it knows, what it leaves alone, and that its numbers are closer to the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import vit_passes
from tests.cli.test_commands import needs_emulator
from tests.support.passes import canonical, check_unchanged, read
from tinyc import ops
from tinyc.compiler import compile
from tinyc.frontend import load
from tinyc.ir.graph import Graph, Value
from tinyc.ir.interpreter import evaluate
from tinyc.ir.operator import Operator
from tinyc.ir.transform import parse_pipeline
from tinyc.ir.types import Array, DType, Quant, TensorType
from tinyc.ir.verifier import verify
from tinyc.passes import DeadCode, RecogniseLayerNorm
from tinyc.report.manifest import manifest
from tinyc.verification import Place, make_samples
from tinyc.verification import verify as compare

VIT = Path(__file__).parents[1] / "data" / "tflite_vit" / "vit.tflite"
ROUNDING = 0.51  # of a code: what one rounding leaves, and a little for 25 bits
PIPELINE = parse_pipeline("recognise-layer-norm,default")

# ---------------------------------------------------------------------- text before and after
X, ROW, ROOT = "int8[1,5,8] q(0.03;4)", "int8[1,5,1] q(0.01;4)", "int8[1,5,1] q(0.05;-128)"
START = f"""
    %x = input : {X}
    @epsilon = const : int8[1] q(0.00001;-128) hex"81"
    @minus = const : int8[1] q(0.0078125;0) hex"80"
    @zero = const : int8[1] q(0.0000001;-128) hex"80"
    @gamma = const : int8[8] q(0.015625;3)
    @beta = const : int8[8] q(0.02;-9)
    %m = mean(%x) {{axes=(2,), keep_dims=True}} : {ROW}
"""
SQUARES = """
    %s = squared_difference(%x, %m) : int8[1,5,8] q(0.02;-128)
    %v = mean(%s) {axes=(2,), keep_dims=True} : int8[1,5,1] q(0.01;-128)
"""
FACTOR = f"""
    %p = add(%v, @epsilon) : int8[1,5,1] q(0.01;-128)
    %r = rsqrt(%p) : {ROOT}
"""
PLAIN = """
    %d = sub(%x, %m) : int8[1,5,8] q(0.03;0)
    %y = mul(%d, %r) : int8[1,5,8] q(0.02;0)
"""
END = "    return %y\n"
PLAIN_AFTER = f"""
    %x = input : {X}
    %y = layer_norm(%x, none, none) {{epsilon=9.999999747378752e-06}} : int8[1,5,8] q(0.02;0)
"""
BOTH_AFTER = f"""
    %x = input : {X}
    @gamma = const : int8[8] q(0.015625;3)
    @beta = const : int32[8] q(3.0517577442878974e-07;0)
    %y = layer_norm(%x, @gamma, @beta) {{epsilon=9.999999747378752e-06}} : int8[1,5,8] q(0.02;0)
"""
FORMS = {
    "deviations, squared by an operator of its own": (START + SQUARES + FACTOR + PLAIN + END, PLAIN_AFTER + END),
    "deviations times themselves, sums without the axis": (
        START + """
    %d = sub(%x, %m) : int8[1,5,8] q(0.03;0)
    %s = mul(%d, %d) : int8[1,5,8] q(0.02;-128)
    %w = mean(%s) {axes=(0,2)} : int8[5] q(0.01;-128)
    %p = add(@epsilon, %w) : int8[5] q(0.01;-128)
    %q = rsqrt(%p) : int8[5] q(0.05;-128)
    %r = reshape(%q) {shape=(5,1)} : int8[5,1] q(0.05;-128)
    %y = mul(%r, %d) : int8[1,5,8] q(0.02;0)
""" + END, PLAIN_AFTER + END,
    ),
    "as litert-torch writes it: x·r + (0 − r·mean)": (
        START + SQUARES + FACTOR + f"""
    %n = mul(%r, %m) : {ROW}
    %o = sub(@zero, %n) : {ROW}
    %z = mul(%x, %r) : int8[1,5,8] q(0.02;0)
    %y = add(%z, %o) : int8[1,5,8] q(0.02;0)
""" + END, PLAIN_AFTER + END,
    ),
    "mean of squares less the square of the mean": (
        START + f"""
    %xx = mul(%x, %x) : int8[1,5,8] q(0.06;-128)
    %e = mean(%xx) {{axes=(2,), keep_dims=True}} : {ROW}
    %mm = mul(%m, %m) : {ROW}
    %v = sub(%e, %mm) : int8[1,5,1] q(0.01;-128)
""" + FACTOR + PLAIN + END, PLAIN_AFTER + END,
    ),
    "gamma and beta last": (
        START + SQUARES + FACTOR + PLAIN.replace("%y", "%n") + """
    %g = mul(%n, @gamma) : int8[1,5,8] q(0.02;0)
    %y = add(@beta, %g) : int8[1,5,8] q(0.02;0)
""" + END, BOTH_AFTER + END,
    ),
    "as batch normalisation: x·(r·gamma) + (beta − mean·(r·gamma))": (
        START + SQUARES + FACTOR + """
    %f = mul(%r, @gamma) : int8[1,5,8] q(0.02;0)
    %a = mul(%x, %f) : int8[1,5,8] q(0.02;0)
    %b = mul(%m, %f) : int8[1,5,8] q(0.02;0)
    %c = sub(@beta, %b) : int8[1,5,8] q(0.02;0)
    %y = add(%a, %c) : int8[1,5,8] q(0.02;0)
""" + END, BOTH_AFTER + END,
    ),
    "a factor of −1, a requantisation, another shape": (
        START + SQUARES + FACTOR + """
    %o = mul(%m, @minus) : int8[1,5,1] q(0.01;4)
    %d = add(%o, %x) : int8[1,5,8] q(0.03;0)
    %n = mul(%d, %r) : int8[1,5,8] q(0.04;0)
    %f = reshape(%n) {shape=(5,8)} : int8[5,8] q(0.04;0)
    %y = requantize(%f) : int8[5,8] q(0.02;0)
""" + END, PLAIN_AFTER.replace("%y", "%n") + "    %y = reshape(%n) {shape=(5,8)} : int8[5,8] q(0.02;0)\n" + END,
    ),
    "gamma alone where what follows limits its codes": (
        START + SQUARES + FACTOR + PLAIN.replace("%y", "%n") + """
    %y = add(%n, @beta) {clamp=(0,127)} : int8[1,5,8] q(0.02;0)
""" + END, PLAIN_AFTER.replace("%y", "%n") + """
    @beta = const : int8[8] q(0.02;-9)
    %y = add(%n, @beta) {clamp=(0,127)} : int8[1,5,8] q(0.02;0)
""" + END,
    ),
}  # fmt: skip

WHOLE = START + SQUARES + FACTOR + PLAIN + END
REFUSALS = {
    "something else reads the mean": WHOLE.replace("return %y", f"%k = relu(%m) : {ROW}\n    return %y, %k"),
    "the factor is an output": WHOLE.replace("return %y", "return %y, %r"),
    "a step limits its codes": WHOLE.replace("sub(%x, %m) :", "sub(%x, %m) {clamp=(-100,127)} :"),
    "no epsilon": WHOLE.replace("add(%v, @epsilon)", "add(%v, @zero)"),
    "an epsilon for every row": WHOLE.replace(
        '@epsilon = const : int8[1] q(0.00001;-128) hex"81"', "@epsilon = const : int8[5,1] q(0.00001;-128)"
    ),
    "the mean of all rows": WHOLE.replace("axes=(2,)", "axes=(1,2)").replace("int8[1,5,1]", "int8[1,1,1]"),
    "the mean along another axis": WHOLE.replace("axes=(2,)", "axes=(1,)").replace("int8[1,5,1]", "int8[1,1,8]"),
    "the mean of something else": WHOLE.replace("%m = mean(%x)", f"%h = tanh(%x) : {X}\n    %m = mean(%h)").replace(
        "q(0.03;4)\n    %m", "q(0.0078125;0)\n    %m"
    ),
    "half of the deviation": WHOLE.replace("sub(%x, %m)", "sub(%x, %r)"),
    "the root of the squares": WHOLE.replace("squared_difference(%x, %m)", "mul(%x, %x)"),
    "deviations times a table": WHOLE.replace(
        "mul(%d, %r) :", "mul(%h, %r) :").replace("%y =", "%h = relu(%d) : int8[1,5,8] q(0.03;0)\n    %y ="),
    "results too large for the operator": WHOLE.replace("int8[1,5,8] q(0.02;0)", "int8[1,5,8] q(0.000001;0)"),
}  # fmt: skip


@pytest.mark.parametrize("title", FORMS)
def test_rewrite(title: str) -> None:
    before, after = FORMS[title]
    graph = read(before)
    assert RecogniseLayerNorm().run(graph)
    DeadCode().run(graph)  # constants
    verify(graph)
    assert canonical(graph) == canonical(read(after))
    assert [v.source for node in graph.nodes for v in node.outputs if node.op.name == "layer_norm"] == [None]


@pytest.mark.parametrize("title", REFUSALS)
def test_refusal(title: str) -> None:
    check_unchanged("recognise-layer-norm", REFUSALS[title])


# ---------------------------------------------------------------------- closer to the real numbers
class Calibrated:
    """A graph whose tensors get int8 scales from the range of real numbers in them, as a quantiser gives them."""

    def __init__(self, rng: np.random.Generator, x: Array, *, zero: int) -> None:
        self.rng, self.graph = rng, Graph("calibrated")
        kind = TensorType(x.shape, DType.int8, Quant.per_tensor(float(np.abs(x).max()) / 100, zero))
        self.x = self.graph.add_input("x", kind)
        self.real = {id(self.x): x}

    def constant(self, *numbers: float, shape: tuple[int, ...] = (1,)) -> Value:
        data = np.array(numbers)
        quant = _quantisation(data)
        codes = np.clip(np.rint(data / quant.scale[0]) + quant.zero_point[0], -128, 127).astype(np.int8)
        value = self.graph.add_constant("c", TensorType(shape, DType.int8, quant), codes.reshape(shape))
        self.real[id(value)] = reals(value.type, codes.reshape(shape))
        return value

    def add(self, op: Operator, *operands: Value, flip: bool = False) -> Value:
        operands = operands[::-1] if flip else operands
        ((shape, dtype),) = op.infer(*(v.type for v in operands))
        node = self.graph.add(op, operands, TensorType(shape, dtype, operands[0].type.quant))
        found = op.real(node.signature, *(self.real[id(v)] for v in operands))
        assert found is not None
        self.real[id(node.output)] = found
        if not isinstance(op, ops.Reshape):
            self.graph.retype(node.output, TensorType(shape, dtype, _quantisation(found)))
        return node.output


def _quantisation(real: Array) -> Quant:
    low, high = min(0.0, float(real.min())), max(0.0, float(real.max()))
    scale = max(high - low, 1e-12) / 255
    return Quant.per_tensor(scale, int(np.rint(-128 - low / scale)))


def reals(kind: TensorType, codes: Array) -> Array:
    return np.asarray((codes.astype(np.float64) - kind.zero_point) * kind.scale)


@dataclass(frozen=True)
class Spelling:
    """How a normalisation is spelt."""

    tokens: int
    channels: int
    variance: str  # "difference", "product", "moments"
    apart: bool  # x·r − mean·r instead of (x − mean)·r
    keep: bool  # the mean keeps its axis
    gamma: str  # "", "factor", "last"
    beta: bool
    flip: bool  # operands of sums and products in the other order
    epsilon: float

    def build(self, rng: np.random.Generator, x: Array, zero: int) -> tuple[Calibrated, Array, Array]:
        """The graph, and gamma and beta as the real numbers of their codes."""
        g = Calibrated(rng, x, zero=zero)
        gamma, beta = np.ones(self.channels), np.zeros(self.channels)
        if self.gamma:
            scale = g.constant(*rng.normal(1, 0.4, self.channels), shape=(self.channels,))
            gamma = g.real[id(scale)]
        mean = self._mean(g, g.x)
        root = g.add(ops.Rsqrt(), g.add(ops.Add(), self._variance(g, mean), g.constant(self.epsilon), flip=self.flip))
        factor = g.add(ops.Mul(), root, scale) if self.gamma == "factor" else root
        if self.apart:
            parts = (g.add(ops.Mul(), v, factor, flip=self.flip) for v in (g.x, mean))
            y = g.add(ops.Sub(), *parts)
        else:
            y = g.add(ops.Mul(), g.add(ops.Sub(), g.x, mean), factor, flip=self.flip)
        if self.gamma == "last":
            y = g.add(ops.Mul(), y, scale, flip=self.flip)
        if self.beta:
            shift = g.constant(*rng.normal(0, 0.5, self.channels), shape=(self.channels,))
            beta, y = g.real[id(shift)], g.add(ops.Add(), y, shift, flip=self.flip)
        g.graph.outputs = [y]
        return g, gamma, beta

    def _mean(self, g: Calibrated, x: Value) -> Value:
        if self.keep:
            return g.add(ops.Mean((2,), True), x)
        return g.add(ops.Reshape((1, self.tokens, 1)), g.add(ops.Mean((0, 2)), x))

    def _variance(self, g: Calibrated, mean: Value) -> Value:
        if self.variance == "difference":
            return self._mean(g, g.add(ops.SquaredDifference(), g.x, mean, flip=self.flip))
        if self.variance == "product":
            deviation = g.add(ops.Sub(), g.x, mean)
            return self._mean(g, g.add(ops.Mul(), deviation, deviation))
        squares = self._mean(g, g.add(ops.Mul(), g.x, g.x))
        return g.add(ops.Sub(), squares, g.add(ops.Mul(), mean, mean))


spellings = st.builds(
    Spelling, tokens=st.sampled_from([1, 3, 17]), channels=st.sampled_from([2, 8, 24, 96]),
    variance=st.sampled_from(["difference", "product", "moments"]), apart=st.booleans(), keep=st.booleans(),
    gamma=st.sampled_from(["", "factor", "last"]), beta=st.booleans(), flip=st.booleans(),
    epsilon=st.sampled_from([1e-5, 1e-6, 1e-3]),
)  # fmt: skip


def errors(graph: Graph, codes: Array, wanted: Array) -> Array:
    """Of every output, in codes, against real numbers, which are limited as codes are."""
    kind = graph.outputs[0].type
    limited = np.clip(wanted / kind.scale + kind.zero_point, -128, 127)
    return np.asarray(np.abs(evaluate(graph, [codes])[0].reshape(wanted.shape) - limited))


@given(spellings, st.integers(0, 2**32 - 1))
def test_any_spelling_is_recognised_and_closer_to_float64(spelling: Spelling, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (1, spelling.tokens, spelling.channels)
    sample = rng.normal(rng.normal(0, 0.3), 1, shape) * 2.0 ** rng.uniform(-3, 3)
    g, gamma, beta = spelling.build(rng, sample, int(rng.integers(-20, 21)))
    literal = g.graph.copy()
    verify(literal)
    assert RecogniseLayerNorm().run(g.graph)
    verify(g.graph)
    assert [n.op.name for n in g.graph.nodes if n.op.name != "reshape"] == ["layer_norm"]
    kind = g.x.type
    typical = np.clip(np.rint(sample / kind.scale) + kind.zero_point, -128, 127)
    extreme = rng.choice([-128, 127, kind.zero_point], shape)
    for codes in (typical.astype(np.int8), rng.integers(-128, 128, shape, np.int8), extreme.astype(np.int8)):
        x = reals(kind, codes)
        deviation = x - x.mean(axis=-1, keepdims=True)
        wanted = deviation / np.sqrt(x.var(axis=-1, keepdims=True) + spelling.epsilon) * gamma + beta
        before, after = errors(literal, codes, wanted), errors(g.graph, codes, wanted)
        assert after.max() <= ROUNDING and after.mean() <= before.mean() + 1e-3


def test_gamma_of_two_constants_is_quantised_anew() -> None:
    rng = np.random.default_rng(0)
    g, gamma, _ = Spelling(4, 24, "difference", False, True, "last", False, False, 1e-5).build(
        rng, rng.normal(0, 1, (1, 4, 24)), 3
    )
    more = g.constant(*rng.normal(1, 0.4, 24), shape=(24,))
    g.graph.outputs = [g.add(ops.Mul(), g.graph.outputs[0], more)]
    assert RecogniseLayerNorm().run(g.graph)
    (node,) = g.graph.nodes
    found = node.input(1)
    assert found.data is not None
    np.testing.assert_allclose(reals(found.type, found.data), gamma * g.real[id(more)], atol=0.51 * found.type.scale)


# ---------------------------------------------------------------------- a network as an exporter writes it
def test_the_exported_vit() -> None:
    graph = load(VIT)
    assert RecogniseLayerNorm().run(graph)
    names = {node.op.name for node in graph.nodes}
    assert sum(n.op.name == "layer_norm" for n in graph.nodes) == 5 and not names & {"rsqrt", "mean", "sub"}


def test_its_normalisations_are_closer_to_float64() -> None:
    literal, recognised = vit_passes.errors()
    assert recognised.max() <= ROUNDING < literal.max() and recognised.mean() < literal.mean() / 2


@pytest.mark.parametrize("on", ["host", pytest.param("emulator", marks=needs_emulator)])
def test_its_c_equals_the_graph_and_the_distance_from_tflm_is_told(on: Place) -> None:
    compiled = compile(VIT, "cortex-m4", pipeline=PIPELINE, objective="sram" if on == "host" else "speed")
    found = compare(compiled, make_samples(compiled, 3), on=on, per_layer=True)
    assert found.failure is None and found.found.mismatches == 0 and "recognise-layer-norm" in found.reference
    distance = found.by_design
    assert distance is not None and distance.passes == ("recognise-layer-norm",)
    assert distance.reference.startswith("tflite-micro") and 0 < distance.found.max_abs_diff <= 20
    compared = [layer.found for layer in found.layers or () if layer.found]
    assert len(compared) > 10 and not any(difference.unequal for difference in compared)


def test_a_wrong_operator_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """C that is not the graph behind the pass fails, however far the model file's reference is."""
    compiled = compile(VIT, "cortex-m4", pipeline=PIPELINE)
    right = ops.LayerNorm.reference
    monkeypatch.setattr(ops.LayerNorm, "reference", lambda *a: tuple(y ^ np.int8(1) for y in right(*a)))
    found = compare(compiled, make_samples(compiled, 2))
    assert found.failure is not None and "after recognise-layer-norm" in str(found.failure)


def test_the_manifest_names_the_pass() -> None:
    changed, literal = (compile(VIT, "cortex-m4", pipeline=p) for p in (PIPELINE, None))
    assert manifest(changed, {})["reference"]["numbers_changed_by"] == ["recognise-layer-norm"]
    assert "numbers_changed_by" not in manifest(literal, {})["reference"]
    assert manifest(changed, {})["passes"][1] == "recognise-layer-norm"
