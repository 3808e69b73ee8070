"""Buffers and constants spread over the banks of a board: plans, the C on host and core, what users are told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.forms import check_host, samples
from tests.support.images import image_networks, random_segments, token_networks
from tests.support.networks import Net
from tinyc.codegen import CProject
from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.compiler import compile as compile_file
from tinyc.errors import DoesNotFit, UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.memory import check
from tinyc.program.banks import available, layouts
from tinyc.program.interpreter import execute_plan
from tinyc.program.lifetimes import blocks, trails
from tinyc.program.plan import make_plan
from tinyc.report import memory_map, memory_svg, report_page
from tinyc.report.summary import summarise
from tinyc.simulate import ProgramFailed, run_emulated, run_host
from tinyc.targets import Memory, Target, load

NETWORKS = st.one_of(image_networks(), token_networks())
MODELS = Path(__file__).resolve().parents[3] / "shared" / "models"
SRAM = 0x2000_0000


def board(*bytes: int, core: str = "cortex-m4") -> Target:
    """Banks A, B, … that do not adjoin, the first the fastest, and ample flash."""
    banks = [Memory("ABCD"[n], "sram", SRAM + n * 0x10_0000, size, n) for n, size in enumerate(bytes)]
    return replace(load(core), name="board", memories=(*banks, Memory("FLASH", "flash", 0, 1 << 20, 9)))


def network() -> Graph:
    """An image, a few convolutions, a residual."""
    net = Net(7, (12, 12, 3))
    net.convolve(8, 3)
    net.inverted(8)
    net.inverted(8)
    net.convolve(4)
    net.graph.outputs = [net.last]
    return net.graph


def tight(compiled: Compiled, share: float) -> str:
    """Budgets for A and B, the first a share of what a single arena needs."""
    arena = compiled.plan.arena_bytes
    first = max(16, int(arena * share))
    return f"A={first},B={max(16, arena + 64 - first // 2)}"


def check_regions(compiled: Compiled) -> None:
    """Every buffer lies whole in one region, no two overlap without a trail, and budgets are kept."""
    plan, program = compiled.plan, compiled.program
    placed = [name for region in plan.regions for name in region.buffers]
    todo = blocks(program)
    assert sorted(placed) == sorted(block.name for block in todo)
    for region in plan.regions:
        assert region.budget is not None and region.lower_bound_bytes <= region.bytes <= region.budget
        own = [block for block in todo if block.name in region.buffers]
        check(own, [t for t in trails(program) if {t.lower, t.upper} <= set(region.buffers)], plan.offsets)
        assert region.bytes == max((plan.offsets[b.name] + b.size for b in own), default=0)
    assert plan.total_bytes == sum(region.bytes for region in plan.regions)
    assert plan.arena_bytes == plan.regions[0].bytes


def check_program(compiled: Compiled, seeds: int = 1) -> None:
    for inputs in samples(compiled.graph, 5):
        wanted = evaluate(compiled.graph, inputs)
        for seed in range(seeds):
            got = execute_plan(compiled.program, compiled.plan, inputs, seed)
            for a, b in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------------- plans
@examples(25)
@given(st.data(), NETWORKS, st.floats(0.0, 0.9), st.booleans())
def test_random_networks_in_random_budgets(data: st.DataObject, graph: Graph, share: float, segments: bool) -> None:
    schedule = random_segments(data.draw, graph) if segments else None
    one = compile_graph(graph, board(1 << 20, 1 << 20), Options(schedule=schedule, pipeline=()))
    memory = tight(one, share)
    spread = compile_graph(
        graph, board(1 << 20, 1 << 20), Options(schedule=one.schedule, memory=memory, pipeline=())
    )
    check_program(spread)
    if not spread.plan.excess_bytes:
        check_regions(spread)
    assert one.plan.regions[0].name == "arena" and not one.plan.elsewhere and one.plan.spread is None


@examples(6)
@given(NETWORKS, st.floats(0.1, 0.9), st.sampled_from(["sram", "speed"]))
def test_the_c_of_random_networks_on_the_host(graph: Graph, share: float, objective: str) -> None:
    one = compile_graph(graph, board(1 << 20, 1 << 20), objective_options(objective))
    options = replace(objective_options(objective), memory=tight(one, share))
    spread = compile_graph(graph, board(1 << 20, 1 << 20), options)
    check_host(spread, samples(spread.graph, 3)[:2], sanitize=False)


def objective_options(objective: str) -> Options:
    return Options(objective=objective)  # type: ignore[arg-type]


def test_a_single_arena_is_as_before() -> None:
    program = compile_graph(network(), board(1 << 16)).program
    plan = make_plan(program)
    assert plan.regions[0].buffers == tuple(plan.offsets) and plan.total_bytes == plan.arena_bytes
    assert layouts("one", board(64)) == () and available("one", board(64, 32)) == 64


def test_hot_small_buffers_lie_in_fast_memory() -> None:
    """Scratch is what the inner loops work on."""
    compiled = compile_graph(network(), board(1024, 1 << 16), Options(memory="A,B", kernels="cmsis-nn"))
    fast = next(region for region in compiled.plan.regions if region.name == "A")
    scratch = [b.name for b in compiled.program.buffers.values() if b.is_scratch]
    assert scratch and set(scratch) <= set(fast.buffers)
    check_regions(compiled)
    check_program(compiled, seeds=3)


def test_what_fits_no_bank_alone_is_spread_over_all() -> None:
    whole = compile_graph(network(), board(1 << 16)).plan.arena_bytes
    small = board(whole * 3 // 4, whole * 3 // 4)
    with pytest.raises(DoesNotFit, match=r"Spread over several banks it fits \([AB] .*, [AB] .*\): --memory auto\."):
        compile_graph(network(), small, Options(objective="speed")).check_fits()
    spread = compile_graph(network(), small, Options(objective="speed", memory="auto"))
    spread.check_fits()
    check_regions(spread)
    check_program(spread)
    assert len(spread.plan.regions) == 2


def test_budgets_that_nothing_fits_are_told() -> None:
    with pytest.raises(DoesNotFit) as refused:
        compile_graph(network(), board(4096, 4096), Options(memory="A=512,B=600")).check_fits()
    words = str(refused.value)
    assert "does not fit the banks of board with --memory A=512,B=600" in words and " of 600" in words
    assert "The peak is at operator" in words and "Give the banks more bytes" in words


def test_balanced_streams_only_as_far_as_the_banks_ask_for_it() -> None:
    whole = compile_graph(network(), board(1 << 16), Options(objective="speed")).plan.arena_bytes
    roomy = compile_graph(network(), board(1 << 16), Options(memory=f"A={whole}"))
    close = compile_graph(network(), board(1 << 16, 1 << 16), Options(memory=f"A={whole // 4},B={whole // 2}"))
    assert not roomy.schedule.segments and close.schedule.segments and not close.plan.excess_bytes
    check_program(close)


# ---------------------------------------------------------------------- the option
def names(memory: str, target: str) -> list[list[tuple[str, int]]]:
    return [[(bank.name, bank.budget) for bank in layout] for layout in layouts(memory, load(target))]


def test_auto_takes_the_banks_on_the_chip_and_joins_neighbours() -> None:
    assert names("auto", "stm32f427") == [[("CCM", 65_536), ("SRAM1_SRAM2_SRAM3", 196_608)]]
    split, joined = names("auto", "stm32f746")
    assert split == [("DTCM", 65_536), ("SRAM1_SRAM2", 262_144)] and joined == [("DTCM_SRAM1_SRAM2", 327_680)]
    assert [name for name, _ in names("auto", "mps3-an547")[0]] == ["DTCM", "ISRAM0_ISRAM1", "FPGA_SRAM"]


def test_budgets_are_read_in_order() -> None:
    assert names("AXI_SRAM=300K, DTCM", "stm32h743") == [[("AXI_SRAM", 307_200), ("DTCM", 131_072)]]
    assert [bank.cost for bank in layouts("AXI_SRAM=1M,DTCM=64".replace("1M", "64"), load("stm32h743"))[0]] == [0, 1]
    assert available("DTCM=1K,AXI_SRAM=1K", load("stm32h743")) == 2048
    assert names("DDR4=1M", "mps3-an547") == [[("DDR4", 1 << 20)]]


@pytest.mark.parametrize(
    ("memory", "target", "words"),
    [
        ("DTCM=64K,FOO=1K", "stm32h743", "names 'FOO', but the banks of stm32h743 for this are DTCM .dtcm, 131,072"),
        ("DTCM=300K", "stm32h743", "has only 131,072 bytes of DTCM"),
        ("DTCM=1K,DTCM=2K", "stm32h743", "names a bank twice"),
        ("DTCM=many", "stm32h743", "expected a number of bytes such as 65536, 64K or 1M, got 'many'"),
        ("DTCM=0", "stm32h743", "expected a number of bytes"),
        ("FLASH", "stm32h743", "names 'FLASH'"),
        ("auto", "cortex-m7", "is a core and describes no memory"),
    ],
)
def test_what_the_board_does_not_have_is_refused(memory: str, target: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        compile_graph(network(), target, Options(memory=memory))


# ---------------------------------------------------------------------- the C
@pytest.fixture(scope="module")
def two_banks() -> Compiled:
    """Streamed, so that line buffers and whole tensors lie in different memories."""
    return compile_graph(network(), "mps3-an547", Options(objective="sram", memory="DTCM=1500,ISRAM0=4K", name="net"))


def packed(compiled: Compiled) -> Iterator[tuple[bytes, ...]]:
    return (tuple(x.tobytes() for x in one) for one in samples(compiled.graph, 9))


def expected(compiled: Compiled) -> list[tuple[bytes, ...]]:
    return [tuple(o.tobytes() for o in evaluate(compiled.graph, one)) for one in samples(compiled.graph, 9)]


def need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def test_the_host_agrees(two_banks: Compiled) -> None:
    need("gcc")
    assert len(two_banks.plan.regions) == 2 and two_banks.schedule.segments
    result = run_host(two_banks.project(), list(packed(two_banks)), dump_operators=True)
    assert list(result.outputs) == expected(two_banks) and not result.warnings


def test_the_core_agrees_and_its_canaries_stay(two_banks: Compiled) -> None:
    need("arm-none-eabi-gcc", "qemu-system-arm")
    result = run_emulated(two_banks.project(), list(packed(two_banks))[:1], core="cortex-m55")
    assert list(result.outputs) == expected(two_banks)[:1] and not result.warnings


def shortened(project: CProject) -> CProject:
    """The same C with a static memory that ends one alignment too early."""
    (region,) = project.regions
    name = f"#define NET_{region.word}_BYTES"
    header = project.files["net.h"].replace(f"{name} {region.bytes}u", f"{name} {region.bytes - 16}u")
    files = {**project.files, "net.h": header}
    assert files != project.files
    return replace(project, files=files, regions=(replace(region, bytes=region.bytes - 16),))


def test_a_memory_that_is_too_small_is_noticed(two_banks: Compiled) -> None:
    """By the sanitizer on the host, by the canaries on the core."""
    need("gcc", "arm-none-eabi-gcc", "qemu-system-arm")
    broken, inputs = shortened(two_banks.project()), list(packed(two_banks))[:1]
    with pytest.raises(ProgramFailed, match="sanitizer stopped net"):
        run_host(broken, inputs)
    (region,) = broken.regions
    with pytest.raises(ProgramFailed, match=f"outside the {region.bytes} bytes of its memory {region.name} .sample 1."):
        run_emulated(broken, inputs, core="cortex-m55")


def test_the_header_and_the_readme_name_every_memory(two_banks: Compiled) -> None:
    files, plan = two_banks.project().files, two_banks.plan
    (other,) = plan.elsewhere
    assert f"#define NET_ARENA_BYTES {plan.arena_bytes}u" in files["net.h"]
    assert f"#define NET_{other.name}_BYTES {other.bytes}u" in files["net.h"]
    assert f"section(NET_SECTION_{other.name}), aligned(16)" in files["net.c"]
    section = f".{other.name.lower()}"
    assert f"{section} (NOLOAD) : ALIGN(16) {{ *({section}) }} > {other.name}" in files["README.md"]
    assert f"The plan counts on the arena in {plan.regions[0].name}." in files["README.md"]


def test_the_report_shows_every_memory(two_banks: Compiled) -> None:
    data, plan = summarise(two_banks, two_banks.project()), two_banks.plan
    assert [(r["name"], r["bytes"], r["budget"]) for r in data["regions"]] == [
        (region.name, region.bytes, region.budget) for region in plan.regions
    ]
    assert data["arena_bytes"] == plan.regions[0].bytes and data["total_bytes"] == plan.total_bytes
    assert data["peak"]["live_bytes"] <= plan.total_bytes
    memory = memory_map(two_banks)
    assert [(band.name, band.bytes) for band in memory.bands] == [(r.name, r.bytes) for r in plan.regions]
    picture, page = memory_svg(memory), report_page(two_banks, two_banks.project())
    assert all(region.name in picture and region.name in page for region in plan.regions)
    for buffer in memory.buffers:
        band = memory.bands[plan.region_of(buffer.name)]
        assert band.base <= buffer.offset and buffer.end <= band.end and buffer.at == plan.offsets[buffer.name]


# ---------------------------------------------------------------------- constants
def test_constants_go_where_they_are_asked_to(two_banks: Compiled) -> None:
    need("gcc", "arm-none-eabi-gcc", "qemu-system-arm")
    options = replace(two_banks.options, weights_in="QSPI")
    compiled = compile_graph(two_banks.imported, "mps3-an547", options)
    project, (one,) = compiled.project(), expected(compiled)[:1]
    assert project.constants is not None
    assert project.constants.bytes == project.weights_bytes + project.tables_bytes
    weights = project.files["net_weights.c"]
    assert weights.count("section(NET_SECTION_WEIGHTS)") == len(project.constants.symbols) > 1
    assert ".qspi_weights : ALIGN(16) { *(.qspi_weights) } > QSPI\n" in project.files["README.md"]
    assert run_host(project, list(packed(compiled))[:1]).outputs == (one,)
    assert run_emulated(project, list(packed(compiled))[:1], core="cortex-m55").outputs == (one,)


def test_the_constants_read_most_come_first() -> None:
    def chosen(budget: str) -> CProject:
        return compile_graph(network(), "stm32h743", Options(weights_in=f"DTCM={budget}", name="net")).project()

    few, more = chosen("200").constants, chosen("600").constants
    assert few is not None and more is not None and 0 < few.bytes <= 200 < more.bytes <= 600
    project = chosen("200")
    assert "dtcm_weights_load = LOADADDR(.dtcm_weights);" in project.files["README.md"]
    assert "The startup code copies the constants to DTCM" in project.files["README.md"]
    plain = compile_graph(network(), "stm32h743", Options(name="net")).project()
    assert plain.constants is None and "section(" not in plain.files["net_weights.c"]


def test_constants_that_do_not_fit_their_bank_are_refused() -> None:
    target = board(1 << 15, 64)
    with pytest.raises(DoesNotFit, match=r"--weights-in B puts [\d,]+ bytes of constants into B, but board has 64"):
        compile_graph(network(), target, Options(weights_in="B")).check_fits()
    compile_graph(network(), target, Options(weights_in="B=64")).check_fits()
    arena = compile_graph(network(), target).plan.arena_bytes
    with pytest.raises(DoesNotFit, match="its buffers must fit as well"):  # the arena has the same bank
        compile_graph(network(), board(arena + 100), Options(weights_in="A")).check_fits()
    with pytest.raises(DoesNotFit, match=r"into A beside [\d,]+ bytes of buffers"):
        compile_graph(network(), board(arena + 100), Options(weights_in="A", memory="auto")).check_fits()
    with pytest.raises(UsageError, match="names 'X', but the banks of board"):
        compile_graph(network(), target, Options(weights_in="X"))


# ---------------------------------------------------------------------- models that people know
@pytest.mark.parametrize("name", ["vww_96_int8", "mcunet_vww"])
def test_published_networks_on_a_board(name: str) -> None:
    model = MODELS / f"{name}.tflite"
    if not model.exists():
        pytest.skip(f"{model} is not here")
    compiled = compile_file(model, "stm32h743", Options(memory="DTCM=16K,AXI_SRAM=128K"))
    compiled.check_fits()
    check_regions(compiled)
    assert {region.name for region in compiled.plan.regions} == {"DTCM", "AXI_SRAM"}
    inputs = samples(compiled.graph, 1)[0]
    got = execute_plan(compiled.program, compiled.plan, inputs)
    for a, b in zip(got, evaluate(compiled.graph, inputs), strict=True):
        np.testing.assert_array_equal(a, b)
