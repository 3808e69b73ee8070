"""Native runs: the answer, the checks around the arena, and what is said when something is wrong."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulate.toy import SAMPLES, TOY, TOY_C, changed, outputs, spoiled, sums
from tinyc.codegen.project import CProject
from tinyc.errors import ToolchainError, UsageError
from tinyc.simulate import ProgramFailed, run_host


def failure(project: CProject, **options: object) -> str:
    with pytest.raises(ProgramFailed) as caught:
        run_host(project, SAMPLES, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_outputs_and_operator_outputs() -> None:
    result = run_host(TOY, SAMPLES, dump_operators=True)
    assert result.outputs == tuple((outputs(sample),) for sample in SAMPLES)
    assert result.operator_outputs == tuple((sums(sample), outputs(sample)) for sample in SAMPLES)
    assert result.warnings == ""
    assert result.instructions is None


def test_without_sanitizers() -> None:
    plain = run_host(TOY, SAMPLES, sanitize=False)
    assert plain.outputs == tuple((outputs(sample),) for sample in SAMPLES)
    assert plain.operator_outputs is None


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not on the PATH")
def test_with_clang() -> None:
    assert run_host(TOY, SAMPLES, cc="clang") == run_host(TOY, SAMPLES)


def test_canary_catches_a_write_beyond_the_arena() -> None:
    words = failure(spoiled("op_1", "arena[100] = 1;"), sanitize=False)
    assert words == "toy writes beyond its arena (sample 1): the byte 0 after its end changed."


def test_canary_catches_a_write_before_the_arena() -> None:
    words = failure(spoiled("init", "*(arena - 2) = 1;"), sanitize=False)
    assert words == "toy writes before its arena (init): the byte 2 before its first one changed."


def test_a_mere_read_beyond_the_arena_is_found_by_the_sanitizer() -> None:
    words = failure(spoiled("op_0", "if (arena[104] == 7u) { return TINYC_KERNEL_FAILED; }"))
    assert words.startswith("A sanitizer stopped toy in sample 1:")
    assert "AddressSanitizer" in words and "op_0" in words


def test_undefined_behaviour_is_found_by_the_sanitizer() -> None:
    words = failure(spoiled("op_1", "arena[0] = (uint8_t)(1 << (arena[84] + 40));"))
    assert "A sanitizer stopped toy in sample 1:" in words and "shift exponent" in words


def test_init_must_refuse_a_short_arena() -> None:
    words = failure(changed("bytes < TOY_ARENA_BYTES", "bytes < 99u"))
    assert words == "toy_init accepts an arena of 99 bytes, but the plan needs 100."


def test_init_must_refuse_a_misaligned_arena() -> None:
    words = failure(changed(" || (uintptr_t)memory % TOY_ARENA_ALIGN != 0u", ""))
    assert words == "toy_init accepts an arena that isn't aligned to 16 bytes."


def test_init_must_accept_its_own_size() -> None:
    assert "toy_init refuses an arena of 100 bytes" in failure(changed("< TOY_ARENA_BYTES", "< 101u"))


def test_a_failing_operator_names_sample_and_status() -> None:
    project = spoiled("op_1", "if (toy_input_0()[0] == 100) { return TINYC_KERNEL_FAILED; }")
    assert failure(project) == "toy_invoke fails on sample 2 with status 4."


def test_the_arena_is_garbage_at_first() -> None:
    project = spoiled(
        "init", "for (int i = 0; i < 100; ++i) { if (arena[i] != 0u) { return TINYC_KERNEL_FAILED; } }"
    )
    assert "toy_init refuses an arena of 100 bytes, the size that its own header names: status 4" in failure(
        project
    )


def test_a_crash_names_the_signal() -> None:
    words = failure(spoiled("op_0", "*(volatile int *)8 = 1;"), sanitize=False)
    assert "toy crashed in sample 1." in words and "SIGSEGV" in words


def test_a_hang_is_stopped() -> None:
    words = failure(spoiled("op_0", "for (volatile int i = 1; i; ) {}"), sanitize=False, timeout=0.5)
    assert words.startswith("toy was still running after 0.5 seconds and was stopped.")


def test_compile_errors_show_the_compilers_words() -> None:
    with pytest.raises(ToolchainError, match="(?s)gcc failed.*toy.c:.*no_such_thing.*The command was: "):
        run_host(spoiled("op_0", "no_such_thing;"), SAMPLES)


def test_warnings_are_handed_on() -> None:
    said = run_host(spoiled("op_0", "int unused;"), SAMPLES).warnings
    assert said.startswith("toy.c: In function") and "unused variable" in said


def test_header_and_plan_must_agree_on_the_size() -> None:
    with pytest.raises(ToolchainError, match="the header and the plan disagree on the arena size"):
        run_host(replace(TOY, arena_bytes=101), SAMPLES)


def test_inputs_of_wrong_size() -> None:
    with pytest.raises(UsageError, match=r"Sample 2 has inputs of \[15, 4\] bytes, but toy takes \[16, 4\]."):
        run_host(TOY, [SAMPLES[0], (bytes(15), bytes(4))])


def test_a_missing_compiler_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="gcc isn't on the PATH. On Debian or Ubuntu: apt install gcc."):
        run_host(TOY, SAMPLES)


def test_a_folder_that_is_no_cmsis_nn(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="isn't a copy of CMSIS-NN: it lacks Include/arm_nnfunctions.h or Source"
    ):
        run_host(TOY, SAMPLES, cmsis_nn=tmp_path)


def test_another_provider_replaces_the_standin(tmp_path: Path) -> None:
    """A folder shaped like Arm's repository, whose add subtracts; its half-precision file must stay out."""
    (tmp_path / "Include").mkdir()
    (tmp_path / "Source").mkdir()
    (tmp_path / "Include" / "arm_nnfunctions.h").write_text("")
    (tmp_path / "Include" / "provider.h").write_text(TOY.files["standin/provider.h"])
    source = TOY.files["standin/provider.c"].replace("a[i] + b[i]", "a[i] - b[i]")
    (tmp_path / "Source" / "provided_add.c").write_text(source)
    (tmp_path / "Source" / "provided_add_f16.c").write_text("this is not C")
    other = run_host(TOY, SAMPLES, cmsis_nn=tmp_path).outputs
    assert other != run_host(TOY, SAMPLES).outputs
    # a - w is a + w with the halves of the weights swapped
    swapped = TOY_C.replace("toy_weights, (int8_t", "toy_weights + 8, (int8_t").replace(", 16);", ", 8);")
    assert (
        other[0][0][:8]
        == run_host(replace(TOY, files={**TOY.files, "toy.c": swapped}), SAMPLES).outputs[0][0][:8]
    )
