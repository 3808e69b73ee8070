"""Emulated runs: the answer on every core, exact instruction counts, stack, sizes, and what failures say."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulate.toy import SAMPLES, TOY, TOY_C, changed, outputs, spoiled, sums
from tinyc.codegen.project import CProject
from tinyc.errors import DoesNotFit, ToolchainError
from tinyc.simulate import ProgramFailed, RunResult, run_emulated, run_host

MISSING = [name for name in ("arm-none-eabi-gcc", "qemu-system-arm") if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not on the PATH: {', '.join(MISSING)}")

CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "cortex-m85")

# n rounds of two instructions; "l" keeps the counter in r0-r7, which Armv6-M needs
LOOP = (
    '{ uint32_t n = %du; __asm volatile(".syntax unified\\n1: subs %%0, #1\\n bne 1b" : "+l"(n) :: "cc"); }'
)


def looping(rounds: int) -> CProject:
    return spoiled("op_0", LOOP % rounds)


def instructions(project: CProject, core: str) -> int:
    counted = run_emulated(project, SAMPLES[:1], core=core).instructions
    assert counted is not None
    return counted


def failure(project: CProject, core: str = "cortex-m4", timeout: float = 600.0) -> str:
    with pytest.raises(ProgramFailed) as caught:
        run_emulated(project, SAMPLES, core=core, timeout=timeout)
    return str(caught.value)


@pytest.mark.parametrize("core", CORES)
def test_every_core_gives_the_answer_and_agreeing_counts(core: str) -> None:
    result = run_emulated(looping(50_000), SAMPLES, core=core, profile=True, dump_operators=True)
    assert result.outputs == tuple((outputs(sample),) for sample in SAMPLES)
    assert result.operator_outputs == tuple((sums(sample), outputs(sample)) for sample in SAMPLES)
    assert result.instructions is not None and result.operators is not None
    assert 100_000 < result.operators[0] < 100_300 and 16 < result.operators[1] < 300
    # what is not in an operator is invoke's own: its prologue, one look at the status, its end
    assert 0 <= result.instructions - sum(result.operators) <= 10
    assert result.sample_instructions == (result.instructions,) * 2
    assert result.warnings == ""


@pytest.mark.parametrize("core", CORES)
def test_counts_are_exact(core: str) -> None:
    """Rounds added to a loop of known length add exactly their instructions, beyond 24 bits of ticks too."""
    small = instructions(looping(100_000), core)
    assert instructions(looping(100_001), core) == small + 2
    assert instructions(looping(9_100_000), core) == small + 18_000_000


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m33", "cortex-m55"])
def test_counts_beyond_the_timers_32_bits(core: str) -> None:
    """2^32 ticks are 1.3e8 to 1.7e8 instructions on these machines."""
    assert instructions(looping(100_100_000), core) == instructions(looping(100_000), core) + 200_000_000


def test_a_count_is_repeatable_and_needs_no_samples_of_its_own() -> None:
    first = run_emulated(TOY, SAMPLES, core="cortex-m7")
    assert run_emulated(TOY, SAMPLES, core="cortex-m7") == first
    assert run_emulated(TOY, [], core="cortex-m7").outputs == ()


def test_stack_is_the_deepest_word_written() -> None:
    def stack(extra: str) -> int:
        found = run_emulated(spoiled("op_0", extra), SAMPLES[:1], core="cortex-m4").stack_bytes
        assert found is not None
        return found

    shallow = stack("")
    deep = stack("volatile uint32_t frame[256]; for (int i = 0; i < 256; ++i) { frame[i] = 0u; }")
    assert 0 < shallow <= 64
    assert 1024 <= deep - shallow <= 1040


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_a_stack_overflow_is_told(core: str) -> None:
    frame = "volatile uint8_t frame[70000]; frame[0] = 1; frame[69999] = frame[0];"
    words = failure(spoiled("op_0", frame), core)
    assert words == "toy_invoke uses more than the 65536 bytes of stack that the harness has."


def test_sizes_count_the_network_alone() -> None:
    plain = run_emulated(TOY, SAMPLES[:1], core="cortex-m4", optimize="-Os")
    assert plain.text_bytes is not None and 50 < plain.text_bytes < 400
    assert (plain.rodata_bytes, plain.ram_bytes) == (16, 4)  # the weights; the pointer to the arena
    divides = spoiled(
        "op_0", "arena[52] = (uint8_t)((uint64_t)arena[52] * 7u / (arena[0] + UINT64_C(1) + arena[1]));"
    )
    larger = run_emulated(divides, SAMPLES[:1], core="cortex-m4", optimize="-Os").text_bytes
    assert larger is not None and larger > plain.text_bytes + 400  # the 64-bit division from libgcc


def test_every_tool_can_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = [f"arm-none-eabi-{tool}" for tool in ("gcc", "ar", "size")]
    found = {name: Path(shutil.which(name) or "") for name in names}
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ToolchainError, match="arm-none-eabi-gcc isn't on the PATH.*apt install gcc-arm-none-eabi"
    ):
        run_emulated(TOY, SAMPLES, core="cortex-m4")
    for name in names:
        (tmp_path / name).symlink_to(found[name])
    with pytest.raises(
        ToolchainError, match="qemu-system-arm isn't on the PATH.*apt install qemu-system-arm"
    ):
        run_emulated(TOY, SAMPLES, core="cortex-m4")


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m55"])
def test_a_fault_names_address_and_function(core: str) -> None:
    words = failure(spoiled("op_1", "*(volatile uint32_t *)0xF0000000u = 1;"), core)
    assert "toy makes the core fault at address 0x" in words
    assert words.endswith("It was in sample 1, in the function op_1.")


def test_unaligned_access_faults_where_the_core_has_none() -> None:
    unaligned = spoiled("op_0", '__asm volatile("ldr r3, [%0]" :: "r"(arena + 1) : "r3", "memory");')
    assert "in the function op_0" in failure(unaligned, "cortex-m0plus")
    assert run_emulated(unaligned, SAMPLES, core="cortex-m4").outputs[0] == (outputs(SAMPLES[0]),)


def test_canary_init_status_and_hang() -> None:
    assert "beyond its arena (sample 1): the byte 3" in failure(spoiled("op_1", "arena[103] = 1;"))
    assert "toy_init accepts an arena of 99 bytes" in failure(
        changed("bytes < TOY_ARENA_BYTES", "bytes < 99u")
    )
    assert (
        failure(spoiled("op_1", "return TINYC_KERNEL_FAILED;"))
        == "toy_invoke fails on sample 1 with status 4."
    )
    endless = spoiled("op_0", "for (volatile int i = 1; i; ) {}")
    assert failure(endless, timeout=1.0).startswith("toy was still running after 1 seconds")


def test_a_network_larger_than_the_machine() -> None:
    files = {**TOY.files, "include/toy.h": TOY.files["include/toy.h"].replace("100u", "5000000u")}
    with pytest.raises(
        DoesNotFit, match="toy doesn't fit the emulated machine mps2-an386: .* too many for the arena"
    ):
        run_emulated(replace(TOY, files=files, arena_bytes=5_000_000), SAMPLES, core="cortex-m4")


def test_mobilenet_sized_memory_fits_everywhere() -> None:
    """3.5 MB of weights and an arena of 1.6 MB, both touched at their far ends."""
    big = changed("/*op_1*/", "arena[1599999] = (uint8_t)many[3499999]; out[0] = (int8_t)arena[1599999];")
    source = big.files["toy.c"].replace(
        "static uint8_t *arena;", "static uint8_t *arena;\nextern const int8_t many[3500000];"
    )
    weights = TOY.files["toy_weights.c"] + (
        "extern const int8_t many[3500000];\nconst int8_t many[3500000] = {[3499999] = 77};\n"
    )
    header = TOY.files["include/toy.h"].replace("100u", "1600000u")
    files = {**TOY.files, "toy.c": source, "toy_weights.c": weights, "include/toy.h": header}
    project = replace(TOY, files=files, arena_bytes=1_600_000)
    for core in ("cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"):
        result = run_emulated(project, SAMPLES[:1], core=core)
        assert result.outputs[0][0][0] == 77
        assert result.rodata_bytes == 3_500_016


def test_substitutes_are_admitted() -> None:
    def note(core: str) -> str:
        result: RunResult = run_emulated(TOY, [], core=core)
        return result.note

    assert "Cortex-M55" in note("cortex-m85") and "Cortex-M3" in note("rp2040")
    assert note("stm32f746") == ""


@pytest.mark.skipif("CMSIS_NN_DIR" not in os.environ, reason="CMSIS_NN_DIR names no copy of Arm's library")
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_arms_own_library_links(core: str) -> None:
    """Its elementwise add with scales that cancel: (x << 20) / 2, then / 2 >> 18, which is x again."""
    call = (
        "(void)arm_elementwise_add_s8((const int8_t *)arena, toy_weights, 0, 1 << 30, 0, 0, 1 << 30, 0, 20,"
        " (int8_t *)arena + 52, 0, 1 << 30, -18, -128, 127, 16);"
    )
    text = TOY_C.replace('#include "provider.h"', '#include "arm_nnfunctions.h"')
    text = text.replace("provided_add((const int8_t *)arena, toy_weights, (int8_t *)arena + 52, 16);", call)
    project = replace(TOY, files={**TOY.files, "toy.c": text})
    folder = Path(os.environ["CMSIS_NN_DIR"])
    assert run_emulated(project, SAMPLES[:1], core=core, cmsis_nn=folder).outputs == ((outputs(SAMPLES[0]),),)
    assert run_host(project, SAMPLES[:1], cmsis_nn=folder).outputs == ((outputs(SAMPLES[0]),),)
