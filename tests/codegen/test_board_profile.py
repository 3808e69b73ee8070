"""The C that counts cycles on the board: it compiles for every core, and its CSV says what happened."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.images import Images
from tinyc import targets
from tinyc.codegen import CProject
from tinyc.compiler import Compiled, Objective, Options, compile_graph
from tinyc.report.operators import executed
from tinyc.simulate.emulator import HARNESS_FLAGS
from tinyc.simulate.machines import machine
from tinyc.simulate.workspace import HARNESS, harness_config

WARNINGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror")
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "cortex-m85")
HOOK = "-DTINYC_OPERATOR_HOOK=net_profile_hook"
HEAD = "number,operator,kernel,macs,calls,cycles"
ODD = 'says "a, b"'

# a clock of the test's own, which goes on by STEP at every reading
HOST_MAIN = """
#include "net.h"
#include "net_profile.h"
#include <stdio.h>

static uint8_t arena[NET_ARENA_BYTES] __attribute__((aligned(NET_ARENA_ALIGN)));
static uint32_t reading = 0xFFFFFF00u; /* it wraps on the way */
static uint32_t readings;

uint32_t clock_reading(void);
uint32_t clock_reading(void)
{
    readings++;
    return reading += STEP;
}

static void put(char character) { putchar(character); }

int main(void)
{
    if (net_init(arena, sizeof arena) != TINYC_OK) {
        return 2;
    }
    for (int round = 0; round < 3; round++) {
        if (net_profile_start() != 0) {
            return 3;
        }
        for (int i = 0; i <= round; i++) {
            if (net_invoke() != TINYC_OK) {
                return 4;
            }
        }
    }
    net_profile_print(put);
    return 0;
}
"""

# in place of the harness's main: SysTick counts, the CSV is the results file
CORE_MAIN = """
#include "platform.h"
#include "net.h"
#include "net_profile.h"

static uint8_t arena[NET_ARENA_BYTES] __attribute__((aligned(NET_ARENA_ALIGN), section(".arena")));

static void put(char character) { platform_write(&character, 1u); }

int main(void)
{
    platform_start();
    const int idle = net_profile_start();
    net_init(arena, sizeof arena);
    net_invoke();
    if (idle == 0) {
        net_profile_print(put);
    }
    platform_exit();
    return 0;
}
"""


def network(objective: Objective = "speed", core: str = "cortex-m4") -> Compiled:
    net = Images(5, (12, 8, 4))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 24)
    net.depthwise(3, (1, 1), (1, 1, 1, 1))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 4)
    net.graph.outputs = [net.last]
    net.graph.nodes[0].name = ODD  # as a model file may have it
    return compile_graph(net.graph, core, Options(objective=objective, name="net", profile=True))


def write(project: CProject, folder: Path) -> Path:
    for name, text in project.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def sources(project: CProject) -> list[str]:
    return [*project.sources, *project.standin_sources, "net_profile.c"]


def includes(project: CProject) -> list[str]:
    return [f"-I{folder}" for folder in (*project.include_dirs, *project.standin_include_dirs)]


def need(*tools: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[:2000]
    return done.stdout


def rows(text: str) -> list[dict[str, str]]:
    assert text.splitlines()[0] == HEAD
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("core", CORES)
def test_compiles_for_every_core(tmp_path: Path, core: str) -> None:
    need("arm-none-eabi-gcc")
    compiled = network(core=core)
    write(compiled.project(), tmp_path)
    flags = targets.load(core).emulator.cpu_flags
    run("arm-none-eabi-gcc", *flags, *WARNINGS, "-O2", "-c", "net_profile.c", folder=tmp_path)


@pytest.mark.parametrize("objective", ["speed", "sram"])
def test_counts_on_a_mocked_clock(tmp_path: Path, objective: Objective) -> None:
    """Steps that grow by 100: calibration sees that of one reading, the first call that of the fifth after it, and
    every further call that of four more."""
    need("gcc")
    compiled = network(objective)
    project = compiled.project()
    write(project, tmp_path)
    (tmp_path / "main.c").write_text(HOST_MAIN)
    flags = (*WARNINGS[:-2], "-O1", "-fsanitize=address,undefined", HOOK, "-DTINYC_PROFILE_CYCLES=clock_reading")
    step = "-DSTEP=(7u + 100u * readings)"
    run("gcc", *flags, step, *includes(project), "main.c", *sources(project), "-lm", "-o", "net", folder=tmp_path)
    found = rows(run("./net", folder=tmp_path))
    operators = executed(compiled.program)
    assert [row["operator"] for row in found] == [o.name for o in operators] and ODD in found[0]["operator"]
    assert [row["kernel"] for row in found] == [o.kernel for o in operators]
    assert [int(row["macs"]) for row in found] == [o.macs for o in operators]
    calls = [3 * sum(times for times, _ in o.runs) for o in operators]
    assert [int(row["calls"]) for row in found] == calls
    took = [100 * (5 + 4 * call) for call in range(sum(calls))]
    counted = [int(row["cycles"]) for row in found]
    assert sum(counted) == sum(took) and all(counted)
    if objective == "speed":
        assert counted == [sum(took[first :: len(found)]) for first in range(len(found))]


def test_a_clock_that_stands_is_told(tmp_path: Path) -> None:
    need("gcc")
    project = network().project()
    write(project, tmp_path)
    (tmp_path / "main.c").write_text(HOST_MAIN.replace("STEP", "0u"))
    flags = (HOOK, "-DTINYC_PROFILE_CYCLES=clock_reading", *includes(project))
    run("gcc", *flags, "main.c", *sources(project), "-lm", "-o", "net", folder=tmp_path)
    assert subprocess.run(["./net"], cwd=tmp_path).returncode == 3


def test_counts_by_systick_on_the_core(tmp_path: Path) -> None:
    """The emulated clock gives every instruction the same time, so cycles go with instructions."""
    need("arm-none-eabi-gcc", "qemu-system-arm")
    compiled = network(core="cortex-m0plus")
    project, board = compiled.project(), machine("mps2-an385")
    write(project, tmp_path)
    (tmp_path / "harness_config.h").write_text(harness_config(project))
    (tmp_path / "samples.bin").write_bytes(b"")
    (tmp_path / "main.c").write_text(CORE_MAIN)
    gcc = ("arm-none-eabi-gcc", *targets.load("cortex-m0plus").cpu_flags, "-O3", "-ffunction-sections")
    folders = ("-I.", f"-I{HARNESS}", *includes(project))
    for name, path in (("main", "main.c"), *((n, str(HARNESS / f"{n}.c")) for n in ("platform_emulated", "startup"))):
        run(*gcc, *HARNESS_FLAGS, *board.flags, *folders, "-c", path, "-o", f"harness_{name}.o", folder=tmp_path)
    script = (f"-L{HARNESS}", f"-T{HARNESS / 'machines' / (board.name + '.ld')}")
    objects = [f"harness_{name}.o" for name in ("main", "platform_emulated", "startup")]
    run(*gcc, HOOK, *folders, "-nostartfiles", "-Wl,--gc-sections", *script, *objects, *sources(project), "-lm", "-o",
        "net.elf", folder=tmp_path)  # fmt: skip
    run("qemu-system-arm", "-M", board.name, "-display", "none", "-serial", "none", "-monitor", "none",
        "-semihosting-config", "enable=on,target=native", "-icount", "shift=10,sleep=off", "-kernel", "net.elf",
        folder=tmp_path)  # fmt: skip
    found = rows((tmp_path / "results.bin").read_text())
    cycles = [int(row["cycles"]) for row in found]
    estimated = [o.instructions(compiled.target) for o in executed(compiled.program)]
    rates = [count / instructions for count, instructions in zip(cycles, estimated, strict=True)]
    assert all(cycles) and [row["calls"] for row in found] == ["1"] * len(found)
    assert max(rates) < 3 * min(rates) and 10 < min(rates) < 60  # 25.6 ticks an instruction


def test_only_where_it_is_asked_for(tmp_path: Path) -> None:
    compiled = network()
    files = set(compiled.project().files)
    plain = compile_graph(compiled.imported, "cortex-m4", Options(name="net")).project()
    assert files - set(plain.files) == {"net_profile.h", "net_profile.c", "tinyc_cycles.h"}
    assert "NET_PROFILE" in compiled.project().files["CMakeLists.txt"]
    assert "NET_PROFILE" not in plain.files["CMakeLists.txt"] and plain.sources == compiled.project().sources


def test_with_cmake(tmp_path: Path) -> None:
    need("cmake", "gcc")
    project = network().project()
    write(project, tmp_path)
    (tmp_path / "main.c").write_text(HOST_MAIN)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app C)\nadd_subdirectory(.. net)\n"
        "target_compile_definitions(net PRIVATE TINYC_PROFILE_CYCLES=clock_reading)\n"
        "add_executable(app ../main.c)\ntarget_compile_definitions(app PRIVATE STEP=7u)\n"
        "target_link_libraries(app net m)\n"
    )
    options = ("-DNET_PROFILE=ON", "-DNET_OPTIMIZE=-Os", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    run("cmake", "-S", "app", "-B", "build", *options, folder=tmp_path)
    run("cmake", "--build", "build", folder=tmp_path)
    assert len(rows(run("build/app", folder=tmp_path))) == 3
    commands = (tmp_path / "build" / "compile_commands.json").read_text()
    assert "-Os" in commands and "-O3" not in commands and "-ffunction-sections" in commands
