"""Kernels by option: a provider that goes first, kernels of operators by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.schedule.test_given import network
from tinyc.compiler import Compiled, Objective, Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.interpreter import evaluate
from tinyc.program.interpreter import execute
from tinyc.program.preference import Preference
from tinyc.report.operators import executed
from tinyc.report.summary import fell_back, front


def built(kernels: str | tuple[str, ...], objective: Objective = "speed") -> Compiled:
    """The network, with the answer of its program compared with the graph's."""
    compiled = compile_graph(network(), "cortex-m4", Options(objective=objective, kernels=kernels))
    inputs = [np.random.default_rng(1).integers(-128, 128, (1, 16, 8, 4)).astype(np.int8)]
    got = execute(compiled.program, compiled.plan.offsets, compiled.plan.arena_bytes, inputs)
    np.testing.assert_array_equal(got, evaluate(compiled.imported, inputs))
    return compiled


def chosen(compiled: Compiled) -> dict[str, str]:
    return {found.name: found.kernel for found in executed(compiled.program)}


@pytest.mark.parametrize("items", ["tinyc, conv = tinyc/conv_s8", ("cmsis-nn", "tinyc", "conv=tinyc/conv_s8")])
def test_parse(items: str | tuple[str, ...]) -> None:
    assert Preference.parse(items) == Preference("tinyc", {"conv": "tinyc/conv_s8"})


def test_auto_takes_a_provider_back() -> None:
    assert Preference.parse("auto") == Preference.parse(("cmsis-nn", "auto")) == Preference()


@pytest.mark.parametrize(("items", "words"), [
    ("arm", "no provider of kernels 'arm'; expected auto, cmsis-nn, tinyc"),
    ("", "no provider of kernels ''"),
    ("conv=tinyc/conv_s9", "did you mean tinyc/conv_s8"),
])  # fmt: skip
def test_what_there_is_none_of_is_refused(items: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Preference.parse(items)
    with pytest.raises(UsageError, match=words):
        _ = Options(kernels=items).preference


@pytest.mark.parametrize("objective", ["speed", "sram"])
@pytest.mark.parametrize("provider", ["cmsis-nn", "tinyc"])
def test_a_provider_goes_first(provider: str, objective: Objective) -> None:
    compiled = built(provider, objective)
    kernels = chosen(compiled)
    assert kernels and all(kernel.startswith(f"{provider}/") for kernel in kernels.values())
    assert fell_back(compiled) == []


@pytest.mark.parametrize("objective", ["speed", "sram"])
def test_an_operator_gets_its_kernel(objective: Objective) -> None:
    """Whatever it costs, whether it streams or not, and in every point of the front."""
    (name, *_) = chosen(built("auto", objective))
    compiled = built(("cmsis-nn", f"{name}=tinyc/conv_s8"), objective)
    kernels = chosen(compiled)
    assert kernels.pop(name) == "tinyc/conv_s8"
    assert all(kernel.startswith("cmsis-nn/") for kernel in kernels.values()) and fell_back(compiled) == [name]
    assert len(front(compiled)) >= 1


def test_a_kernel_that_cannot_serve_is_refused() -> None:
    (name, *_) = chosen(built("auto"))
    with pytest.raises(UsageError, match=f"kernel tinyc/depthwise_s8 cannot serve conv2d '{name}'"):
        built(f"{name}=tinyc/depthwise_s8")
    with pytest.raises(UsageError, match=f"names the operator '{name}x', .* there is '{name}'"):
        built(f"{name}x=tinyc/conv_s8")


def test_beside_a_schedule() -> None:
    """A named kernel overrides the schedule's; a provider has nothing left to choose."""
    first = built("auto")
    (name, *_) = chosen(first)
    again = compile_graph(network(), "cortex-m4", Options(schedule=first.schedule, kernels=f"{name}=tinyc/conv_s8"))
    assert chosen(again) == chosen(first) | {name: "tinyc/conv_s8"}
    with pytest.raises(UsageError, match="no provider can be preferred beside it"):
        Options(schedule=first.schedule, kernels="cmsis-nn")


def test_the_choice_is_kept_in_the_schedule() -> None:
    library = built("cmsis-nn", "sram")
    again = compile_graph(network(), "cortex-m4", replace(library.options, schedule=library.schedule, kernels="auto"))
    assert chosen(again) == chosen(library)
