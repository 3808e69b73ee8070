"""The flash figure against linked programs of files that were trained to a spec."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

import tinyc
from benchmarks.nas_code_sizes import called_functions, link, planned
from tests.nas.exports import SMALL, WHOLE, export, in_form, kinds
from tests.nas.support import SMALL_AUDIO, SMALL_CNN
from tinyc import nas, targets
from tinyc.codegen.emit import Network, emit_calls
from tinyc.compiler import Compiled, InputMode, Objective, Options, compile_graph
from tinyc.nas.code_size import COUNTS, DATA, Part, code_bytes, function_part, part_bytes, parts
from tinyc.nas.spaces import Space
from tinyc.report.summary import summarise
from tinyc.simulate.emulator import run_emulated

needs_gcc = pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="needs the cross compiler")
needs_qemu = pytest.mark.skipif(not shutil.which("qemu-system-arm"), reason="needs QEMU")
WAYS: tuple[tuple[Objective, InputMode], ...] = (
    ("speed", "stored"), ("sram", "stored"), ("sram", "stream"), ("balanced", "stored"), ("speed", "stream"),
    ("balanced", "stream"),
)  # fmt: skip
TARGETS = ("cortex-m4", "cortex-m7", "cortex-m55", "cortex-m0plus", "stm32f746")  # as many as share no factor with WAYS
NEAR = 0.02  # of .text and .rodata of the linked program


def errors(space: Space[Any], form: str, count: int, seed: int, folder: Path) -> list[float]:
    """Relative errors of the planned flash of random specs, against what is linked from their files."""
    found, space, rng = [], in_form(space, form), Random(seed)
    for number in range(count):
        graph, (objective, mode), core = space.graph(space.sample(rng)), WAYS[number % 6], TARGETS[number % 5]
        file = export(graph, form, folder, seed + number)
        linked = link(calls_of(tinyc.compile(file, core, objective=objective, input_mode=mode)))
        plan = nas.plan(graph, core, objective=objective, input=mode)
        found.append(plan.flash.total / linked.total - 1)
        print(f"{number} {core} {objective} {mode}: {linked.total} bytes, {found[-1]:+.3%}, of the code "
              f"{plan.flash.code / (linked.kernels + linked.generated) - 1:+.2%}", flush=True)
    return found


def calls_of(compiled: Compiled) -> Network:
    return emit_calls(compiled.program, compiled.plan, compiled.target, name="network")


@needs_gcc
@kinds(SMALL)
def test_flash_is_that_of_the_linked_program(space: Space[Any], form: str, tmp_path: Path) -> None:
    assert max(map(abs, errors(space, form, 4, 21, tmp_path))) <= NEAR


@needs_gcc
@pytest.mark.long
@kinds(WHOLE)
def test_flash_is_that_of_many_linked_programs(space: Space[Any], form: str, tmp_path: Path, specs: int) -> None:
    assert max(map(abs, errors(space, form, specs, 22, tmp_path))) <= NEAR


@needs_gcc
@needs_qemu
def test_what_is_linked_here_is_what_profile_builds() -> None:
    graph = nas.with_weights(SMALL_AUDIO.graph(SMALL_AUDIO.sample(Random(1))))
    compiled = compile_graph(graph, "cortex-m4", Options(objective="sram", input_mode="stream"))
    project = compiled.project()
    run = run_emulated(project, [tuple(bytes(port.bytes) for port in project.inputs)], core="cortex-m4")
    assert run.text_bytes is not None and run.rodata_bytes is not None
    assert abs(link(calls_of(compiled)).total - (run.text_bytes + run.rodata_bytes)) <= 8  # gaps between sections


# ---------------------------------------------------------------------- sums of parts
@pytest.mark.parametrize("mode", ["stored", "stream"])
def test_the_code_is_the_sum_of_its_parts(mode: InputMode) -> None:
    """Kernels of several parts are there once; everything else adds up."""
    network = planned(SMALL_CNN.graph(SMALL_CNN.sample(Random(2))), "cortex-m4", "sram", mode)
    found = list(parts(network))
    assert len(found) > len(network.operators)
    total = Part.total(found)
    assert part_bytes(total, network.target) == code_bytes(network)
    halves = Part.total(found[:5]), Part.total(found[5:])
    assert Part.total(halves) == total
    apart = sum(part_bytes(half, network.target) for half in halves)
    assert code_bytes(network) < apart


def test_counts_of_a_function() -> None:
    text = (
        "static const tinyc_x p = {.a = 1, .b = {2, -3}};\n"
        "const tinyc_columns q = {.in = AT(int8_t, 4u), .n = 5};\ntinyc_f(&p, &q, 7,\n    1, AT_DTCM(int8_t, 4u));\n"
        "const int32_t n = row < 3u ? 4 : row < 7u ? 5 : 1;\nreturn from_cmsis(arm_g(n));"
    )
    part = function_part(text)
    assert part.functions == {"tinyc_f", "arm_g"}
    assert part.constants == 12  # no header has a tinyc_x: a word for every field
    assert {name: count for name, count in zip(COUNTS, part.counts, strict=True) if count} == {
        "call": 2, "argument": 6, "argument on the stack": 1, "status": 1, "struct on the stack": 1,
        "word on the stack": 7, "choice by row": 2,
    }  # fmt: skip


# ---------------------------------------------------------------------- what was measured
def test_every_core_was_measured() -> None:
    known = json.loads(DATA.read_text(encoding="utf-8"))
    cores = {targets.load(name).core for name in targets.names()}
    assert cores <= set(known["cores"]) and cores <= set(known["generated"])
    assert all({"stand-in", "cmsis-nn"} == set(libraries) for libraries in known["cores"].values())
    assert all(len(rates) == len(COUNTS) for rates in known["generated"].values())


def test_every_function_that_kernels_name_was_measured() -> None:
    """Kernels that came later are noticed here: run benchmarks/nas_code_sizes.py --cmsis-nn DIR."""
    known = json.loads(DATA.read_text(encoding="utf-8"))["cores"]
    assert set(called_functions()) <= set(known["cortex-m4"]["stand-in"]["calls"])


def test_the_library_changes_the_code_alone() -> None:
    graph = SMALL_CNN.graph(SMALL_CNN.sample(Random(1)))
    own, arms = (nas.plan(graph, "cortex-m0plus", objective="speed", library=name) for name in ("stand-in", "cmsis-nn"))
    assert own.sram == arms.sram and own.flash.weights == arms.flash.weights
    assert own.flash.code != arms.flash.code


def test_weights_and_tables_are_the_manifests() -> None:
    graph = SMALL_CNN.graph(SMALL_CNN.sample(Random(2)))
    built = compile_graph(nas.with_weights(graph, 3), "cortex-m55", Options(objective="speed"))
    flash = nas.plan(graph, "cortex-m55", objective="speed").flash
    told = summarise(built, built.project())["flash"]
    assert (flash.weights, flash.tables) == (told["weights"], told["tables"])
