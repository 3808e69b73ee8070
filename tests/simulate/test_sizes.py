"""Where code comes from: the linker's map, read."""

from __future__ import annotations

import shutil

import pytest

from tests.simulate.toy import SAMPLES, TOY, spoiled
from tinyc.simulate import run_emulated
from tinyc.simulate.sizes import CodePart, code_parts

MAP = f"""
Archive member included to satisfy reference by file (symbol)

Linker script and memory map

.vectors        0x00000000       0x40
 .vectors       0x00000000       0x40 harness_startup.o

.text           0x00000040      0x124
 *(.text .text.* .glue_7)
 .text          0x00000040        0x0 project_000.o
 .text.short    0x00000040       0x10 project_000.o
 .text.a_function_with_a_long_name
                0x00000050       0x20 project_001.o
 *fill*         0x00000070        0x4
 .text.arm      0x00000074       0x40 /home/me/.cache/tinyc/lib{"0f" * 16}.a(012_arm_softmax_s8.o)
 .text.div      0x000000b4       0x80 /usr/lib/gcc/arm-none-eabi/12.2.1/thumb/libgcc.a(_udivmoddi4.o)
                0x00000100                __udivmoddi4

.rodata         0x21000000       0x30
 .rodata.weights
                0x21000000       0x30 project_000.o

.bss            0x20000000        0x8
 .bss           0x20000000        0x8 project_000.o
"""


def test_the_map_is_read() -> None:
    assert code_parts(MAP, ("net.c", "kernels/pool.c")) == (
        CodePart("libgcc/_udivmoddi4", 0x80, 0),
        CodePart("cmsis-nn/arm_softmax_s8.c", 0x40, 0),
        CodePart("kernels/pool.c", 0x20, 0),
        CodePart("net.c", 0x10, 0x30),
    )


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="the cross compiler is not installed")
def test_parts_add_up_to_the_sections() -> None:
    divides = spoiled("op_0", "arena[52] = (uint8_t)((uint64_t)arena[52] * 7u / (arena[0] + UINT64_C(1) + arena[1]));")
    own = {"toy.c", "toy_weights.c", "cmsis-nn/provider.c"}
    for project, brings in ((TOY, own), (divides, own | {"libgcc/_udivmoddi4"})):
        result = run_emulated(project, SAMPLES[:1], core="cortex-m4", optimize="-Os")
        text, rodata = (sum(getattr(part, f"{name}_bytes") for part in result.code) for name in ("text", "rodata"))
        assert result.text_bytes is not None and result.rodata_bytes == rodata
        assert 0 <= result.text_bytes - text <= 4 * len(result.code)  # gaps for alignment
        assert brings <= {part.source for part in result.code}
