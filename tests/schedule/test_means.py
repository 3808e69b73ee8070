"""What is remembered of kernels is what they answer about the operator itself, whatever was asked before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.kernel_cases import BY_HAND, cases_of, trained_again
from tests.support.operator_cases import STRATEGIES, Case
from tinyc import ops
from tinyc.errors import TinycError
from tinyc.ir.graph import Node
from tinyc.ir.outline import Outline
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.program.kernel import KERNELS, Kernel, Site, needs_kernel
from tinyc.program.rows import Blocks
from tinyc.schedule import means
from tinyc.schedule.means import Asked, means_of
from tinyc.schedule.step import Means
from tinyc.targets import Target, load

WAYS = (None, Blocks(1, 1), Blocks(3, 2))
VARIANTS = 2


def answered(node: Node, asked: Asked) -> tuple[Means, ...] | str:
    """By kernels that are asked about the operator itself."""
    try:
        place = means._Place(node, asked.blocks)
        return means._means(place, asked, means._kernels(place, asked))
    except TinycError as error:
        return str(error)


def remembered(node: Node, asked: Asked) -> tuple[Means, ...] | str:
    try:
        return means_of(node, Outline.of(node), asked)
    except TinycError as error:
        return str(error)


def forget() -> None:
    for remembering in (means._alike, means._kernels_alike, means._means_alike):
        remembering.cache_clear()


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Nothing is known before a test, nor after it what kernels said that it had changed."""
    forget()
    yield
    forget()


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
def test_remembered_answers_are_those_of_the_operator(core: str, long: bool) -> None:
    target, rng, tried = load(core), np.random.default_rng(5), 0
    for name in sorted({*STRATEGIES, *BY_HAND}):
        for case in cases_of(name, 60 if long else 4):
            others = [trained_again(case, rng, spread) for spread in (1.5,) * VARIANTS + (12.0,)]
            for node in (c.node() for c in (case, *others) if c is not None):
                if needs_kernel(node):
                    tried += 1
                    for blocks in WAYS:
                        asked = Asked(target, blocks=blocks)
                        assert remembered(node, asked) == answered(node, asked), (node, node.signature, blocks)
    assert tried > 500
    assert means._means_alike.cache_info().hits > tried  # most answers were remembered ones


def added(scale: float) -> Node:
    """A sum whose result has this scale."""
    kind = TensorType((1, 4, 4, 4), DType.int8, Quant.per_tensor(0.5, 3))
    return Case(ops.Add(), ((kind, None), (kind, None)), Quant.per_tensor(scale, 0)).node()


def test_a_kernel_that_serves_some_scales_is_asked_each_time() -> None:
    """Scales so far apart that sums leave no room: the fast kernel refuses, whichever of the two was asked first."""
    usual, odd = added(0.7), added(0.5 * 2.0**-18.5)
    assert Outline.of(usual) == Outline.of(odd)
    asked = Asked(load("cortex-m55"), wanted=None)
    for first, second in ((usual, odd), (odd, usual)):
        forget()
        assert [m.kernel for m in remembered(first, asked)] != [m.kernel for m in remembered(second, asked)]  # type: ignore[union-attr]
        for node in (usual, odd):
            assert remembered(node, asked) == answered(node, asked)


@pytest.mark.parametrize("looks", ["scale", "data"])
def test_a_kernel_of_another_package_may_look_at_numbers(looks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is then asked about every operator anew."""

    def refuses(self: Kernel, site: Site, target: Target) -> str | None:
        odd = site.sig.input(0).scale > 1 if looks == "scale" else bool((site.constant(1) > 100).any())
        return "it has no room for this" if odd else None

    monkeypatch.setattr(type(KERNELS.get("cmsis-nn/fully_connected_s8")), "refuses", refuses)
    x, y = TensorType((2, 8), DType.int8, Quant.per_tensor(0.5, 3)), Quant.per_tensor(9.0, 0)
    w = TensorType((3, 8), DType.int8, Quant.per_tensor(0.01, 0))
    usual = Case(ops.FullyConnected(), ((x, None), (w, np.full((3, 8), 5)), None), y)
    wide = TensorType(x.shape, x.dtype, Quant.per_tensor(2.0, 3))
    odd = replace(usual, operands=((wide, None), (w, np.full((3, 8), 101)), None))
    asked = Asked(load("cortex-m4"), "cmsis-nn")
    for case, served in ((usual, True), (odd, False), (usual, True)):
        found = remembered(case.node(), asked)
        assert found == answered(case.node(), asked)
        assert (found[0].kernel == "cmsis-nn/fully_connected_s8") == served  # type: ignore[union-attr]


def test_an_operator_that_no_kernel_serves_is_named() -> None:
    kind = TensorType((2, 3), DType.int8, Quant.per_tensor(0.5, 3))
    node = Case(ops.Add(), ((kind, None), (kind, None)), kind.quant).node()
    for _ in range(2):
        with pytest.raises(TinycError, match="cannot serve add 'add'"):
            means_of(node, Outline.of(node), Asked(load("cortex-m4"), wanted="tinyc/max_pool_s8"))
