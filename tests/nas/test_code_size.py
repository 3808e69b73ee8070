"""The flash figure against linked programs."""

from __future__ import annotations

import json
import shutil
from random import Random
from typing import Any

import pytest

from benchmarks.nas_code_sizes import called_functions, linked_sizes
from tests.nas.support import SMALL_AUDIO, SMALL_CNN
from tinyc import nas, targets
from tinyc.compiler import InputMode, Objective, Options, compile_graph
from tinyc.nas.code_size import DATA, rodata_counts, text_counts
from tinyc.nas.spaces import CnnSpace, DsCnnSpace, Space
from tinyc.report.summary import summarise

TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm")
needs_gcc = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="needs the cross compiler and QEMU")
WAYS: tuple[tuple[Objective, InputMode], ...] = (("speed", "stored"), ("sram", "stored"), ("sram", "stream"))


def compare(space: Space[Any], core: str, seed: int, count: int) -> None:
    """Estimates within 2 % of .text + .rodata of the linked programs."""
    rng = Random(seed)
    for number in range(count):
        graph, (objective, mode) = space.graph(space.sample(rng)), WAYS[number % 3]
        report = nas.plan(graph, core, objective=objective, input=mode)
        built = compile_graph(nas.with_weights(graph, 7), core, Options(objective=objective, input_mode=mode))
        linked = sum(linked_sizes(built))
        assert abs(report.flash.total - linked) <= 0.02 * linked, (space.name, core, number, report.flash, linked)


@needs_gcc
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55", "cortex-m0plus"])
def test_flash_is_that_of_the_linked_program(core: str) -> None:
    compare(DsCnnSpace(), core, 21, 2)


@needs_gcc
@pytest.mark.long
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
@pytest.mark.parametrize("space", [SMALL_CNN, SMALL_AUDIO, CnnSpace(widths=(0.2, 0.3, 0.4))], ids=lambda s: s.name)
def test_flash_is_that_of_many_linked_programs(space: Space[Any], core: str) -> None:
    compare(space, core, 22, 9)


def test_every_core_was_measured() -> None:
    known = json.loads(DATA.read_text(encoding="utf-8"))["cores"]
    assert {targets.load(name).core for name in targets.names()} <= set(known)
    assert all({"stand-in", "cmsis-nn"} == set(libraries) for libraries in known.values())


def test_every_function_that_kernels_name_was_measured() -> None:
    """Kernels that came later are noticed here: run benchmarks/nas_code_sizes.py --cmsis-nn DIR."""
    known = json.loads(DATA.read_text(encoding="utf-8"))["cores"]
    assert set(called_functions()) <= set(known["cortex-m4"]["stand-in"]["calls"])


def test_the_library_changes_the_code_alone() -> None:
    graph = SMALL_CNN.graph(SMALL_CNN.sample(Random(1)))
    own, arms = (nas.plan(graph, "cortex-m0plus", objective="speed", library=name) for name in ("stand-in", "cmsis-nn"))
    assert own.sram == arms.sram and own.flash.weights == arms.flash.weights
    assert own.flash.code != arms.flash.code


def test_counts_of_a_text() -> None:
    text = (
        "static tinyc_status op_0_conv(void)\n{\n    static const tinyc_x p = {.a = 1, .b = {2, -3}};\n"
        "    const tinyc_y q = {.in = AT(int8_t, 4u), .n = 5};\n    tinyc_f(&p, &q, 7);\n    return TINYC_OK;\n}\n"
    )
    assert text_counts(text) == (1, 1, 0, 3, 3, False)  # the comma in AT(…) counts as one more field
    assert rodata_counts(text, 4) == (1, 3, 0, 4)
    events = "{\n    0u, TINYC_LEAVE(1u, 2u),\n    TINYC_REPEAT(3u, 9u), TINYC_END,\n};\n"
    assert rodata_counts(f"{text}static const uint16_t events_0[] = {events}", 4) == (1, 3, 7, 4)


def test_weights_and_tables_are_the_manifests() -> None:
    graph = SMALL_CNN.graph(SMALL_CNN.sample(Random(2)))
    built = compile_graph(nas.with_weights(graph, 3), "cortex-m55", Options(objective="speed"))
    flash = nas.plan(graph, "cortex-m55", objective="speed").flash
    told = summarise(built, built.project())["flash"]
    assert (flash.weights, flash.tables) == (told["weights"], told["tables"])
