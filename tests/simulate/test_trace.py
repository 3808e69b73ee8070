"""Classes of instructions: exact for code whose instructions are known, and never another total than the timer's."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.simulate.toy import SAMPLES, TOY, spoiled
from tests.support.images import Images
from tinyc.codegen import CProject
from tinyc.compiler import Options, compile_graph
from tinyc.errors import ToolchainError
from tinyc.simulate import RunResult, run_emulated
from tinyc.simulate.trace import CLASSES, HOOK_CALL, Blocks, Listing, Marks, classify
from tinyc.verification import make_samples

needs_emulator = pytest.mark.skipif(
    not (shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")),
    reason="the cross compiler or the emulator is not installed",
)
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")


@pytest.mark.parametrize(("kind", "names"), [
    ("loads", "ldr ldrb.w ldrsh ldrd ldmia.w ldrgt pop vldr vldrb.u8 vldrbt.s8 vldrw.u32 vld20.16 vld43.8 vpop"),
    ("stores", "str strb strd.w stmdb strbgt push vstr vstrb.8 vstrht.16 vst40.8 vpush"),
    ("multiplies", "mul muls mla mls smlad smladx smlabt smlal smlald smmlar smmulr smulbb smuad smusd smlsd umull "
                   "umlal umaal vmul.i32 vmla.s8 vmlas.u16 vmladava.s8 vmlav.s8 vmlsdav.s16 vrmlaldavha.s32 "
                   "vqdmulh.s32 vqrdmulh.s32 vqdmladh.s8 vfma.f32 vfnms.f32 vmulht.s8"),
    ("branches", "b b.n beq bne.w ble.n bls bl blx bx bxns cbz cbnz tbb tbh le letp wls wlstp.8 dls dlstp.32"),
    ("other", "add adds bic bfi bfc bkpt cmp it ite mov movs lsl ssat sxtb16 sxtab16 smc sdiv svc vadd.i32 vmov vmax "
              "vminnm.f32 vpst vdup.8 vrshl.s32 pkhbt mrs nop lctp"),
])  # fmt: skip
def test_every_mnemonic_has_its_class(kind: str, names: str) -> None:
    assert {name: classify(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


ASSEMBLY = """
    vldrw.u32 q0, [r0]
    vstrb.8 q0, [r1], #16
    vld20.8 {q0, q1}, [r0]
    vst41.16 {q0, q1, q2, q3}, [r1]
    vldrb.u8 q1, [r0, q2]
    vmladava.s8 r0, q1, q2
    vmul.i32 q1, q1, r2
    vmla.s32 q0, q1, r2
    vqrdmulh.s32 q0, q0, q1
    dlstp.8 lr, r3
1:  vadd.i32 q0, q0, q1
    letp lr, 1b
    vpst
    vldrbt.s8 q0, [r0]
"""
ASSEMBLED = Counter(loads=4, stores=2, multiplies=4, branches=2, other=2)


@needs_emulator
def test_the_listing_knows_helium(tmp_path: Path) -> None:
    from tinyc.simulate.emulator import LISTING

    (tmp_path / "code.s").write_text(".syntax unified\n.thumb\n" + ASSEMBLY)
    gcc = ["arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mfloat-abi=hard", "-c", "code.s", "-o", "code.o"]
    subprocess.run(gcc, cwd=tmp_path, check=True)
    command = ["arm-none-eabi-objdump", "-d", "--no-show-raw-insn", *LISTING["mve"], "code.o"]
    text = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert Listing.parse(text).count(0, 1000) == ASSEMBLED


IN = b"----------------\nIN: f\n0x00000100:  4770       bx       lr\n0x00000102:  f8df 0004  ldr.w    r0, [pc, #4]\n\n"
LISTING = Listing({0x100: "branches", 0x102: "loads", 0x106: "other", 0x200: "branches", 0x202: "branches"})


def entered(place: int, address: int) -> bytes:
    return b"Trace 0: 0x%x [00400000/%08x/00000110/ff020200] f\n" % (place, address)


def mark(address: int) -> bytes:
    return b"----------------\nIN: harness_marks\n0x%08x:  4770       bx       lr\n\n" % address


def read(log: bytes) -> list[dict[str, int]]:
    """One operator, whose marks are 0x200 and 0x202; the call of the hook counted back in."""
    blocks = Blocks(Marks(0x200, 1))
    blocks.read(log.splitlines(keepends=True))
    return [{kind: count + HOOK_CALL[kind] for kind, count in found.items()} for found in blocks.classes(LISTING)]


BEGIN, END = mark(0x200) + entered(1, 0x200), mark(0x202) + entered(2, 0x202)


def test_only_what_runs_between_the_marks_counts() -> None:
    block = entered(3, 0x100)
    (found,) = read(IN + block * 5 + BEGIN + block * 3 + END + block * 7)
    assert found == dict.fromkeys(CLASSES, 0) | {"branches": 3, "loads": 3}


def test_a_block_that_was_stopped_is_not_counted_twice() -> None:
    stopped = b"Stopped execution of TB chain before 0x3 [00000100] f\n"
    block = entered(3, 0x100)
    (found,) = read(BEGIN + IN + block + stopped + block + END)
    assert found["loads"] == 1
    (again,) = read(BEGIN + entered(1, 0x200) + IN + block + END + entered(2, 0x202))
    assert again == found


def test_a_block_that_is_translated_again_may_have_changed() -> None:
    shorter = IN.partition(b"0x00000102")[0] + b"\n"
    (found,) = read(BEGIN + IN + entered(3, 0x100) + shorter + entered(3, 0x100) * 2 + END)
    assert (found["loads"], found["branches"]) == (1, 3)


def test_a_log_of_another_form_is_refused() -> None:
    with pytest.raises(ToolchainError, match="0x100 whose translation it did not log"):
        read(BEGIN + entered(3, 0x100))


# ---------------------------------------------------------------------- on the emulated core
def profiled(project: CProject, samples: list[tuple[bytes, ...]], core: str) -> RunResult:
    return run_emulated(project, samples, core=core, profile=True, classes=True)


ADDED = Counter(loads=20, stores=10, multiplies=30, branches=10, other=11)
KNOWN = """__asm volatile("movs r1, #10\\n 1: ldr r2, [%0]\\n ldr r3, [%0]\\n str r2, [%0]\\n muls r3, r2\\n"
    "muls r3, r2\\n muls r3, r2\\n subs r1, #1\\n bne 1b" :: "r"(arena + 4) : "r1", "r2", "r3", "cc", "memory");"""


@needs_emulator
@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m55"])
def test_known_code(core: str) -> None:
    """Nothing else in an operator changes by assembly that takes three registers that are free there."""
    before, after = (profiled(project, SAMPLES[:1], core) for project in (TOY, spoiled("op_1", KNOWN)))
    assert before.classes and after.classes and before.operators and after.operators
    grown = Counter(after.classes[1])
    grown.subtract(before.classes[1])
    grown.subtract(ADDED)
    assert all(-4 <= grown[kind] <= 4 for kind in CLASSES)  # what the compiler saves around it
    assert sum(after.classes[1].values()) == after.operators[1]
    assert before.classes[0] == after.classes[0]


@needs_emulator
@pytest.mark.parametrize(
    ("core", "objective"), [*((core, "speed") for core in CORES), ("cortex-m4", "sram"), ("cortex-m55", "sram")]
)
def test_classes_add_up_to_the_timer_s_count(core: str, objective: str) -> None:
    net = Images(5, (16, 12, 4))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 24)
    net.depthwise(3, (1, 1), (1, 1, 1, 1))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 4)
    net.graph.outputs = [net.last]
    compiled = compile_graph(net.graph, core, Options(objective=objective))  # type: ignore[arg-type]
    samples = [tuple(array.tobytes() for array in sample) for sample in make_samples(compiled, 1)]
    result = profiled(compiled.project(), samples, core)
    assert result.classes and result.operators and result.instructions
    assert tuple(sum(classes.values()) for classes in result.classes) == result.operators
    assert sum(result.operators) < result.instructions
    assert all(classes[kind] > 0 for classes in result.classes for kind in CLASSES)
