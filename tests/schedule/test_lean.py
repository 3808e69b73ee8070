"""Where scratch makes the peak, the least SRAM may need another kernel: one that serves the operator with less."""

from __future__ import annotations

from tests.program.test_forms import check_arena, samples
from tests.support.images import Images
from tinyc.compiler import SLOWER, Compiled, Options, compile_graph
from tinyc.program.kernel import find_kernel
from tinyc.program.lower import lower, one_image
from tinyc.schedule import Scheduler
from tinyc.schedule.cost import estimated_instructions
from tinyc.schedule.lean import leaner_kernels
from tinyc.targets import load


def wide_window() -> Images:
    """A 5x5 convolution of many channels on a tiny map: its columns need more bytes than both tensors together."""
    net = Images(1, (4, 4, 32))
    net.conv(5, (1, 1), (1, 1), (2, 2, 2, 2), 8)
    net.graph.outputs = [net.last]
    return net


def forced(net: Images, kernel: str) -> Compiled:
    schedule = Scheduler(net.graph.copy(), load("cortex-m0plus"), wanted={net.last.name: kernel}).schedule(None)
    return compile_graph(net.graph, "cortex-m0plus", Options(schedule=schedule))


def test_the_operator_at_the_peak_gets_a_kernel_with_less_scratch() -> None:
    net = wide_window()
    fast = forced(net, "cmsis-nn/convolve_s8")
    names = {node.name: node.output.name for node in fast.graph.nodes}
    found = leaner_kernels(fast.program, fast.plan, {"other": "kept"}, names, fast.target)
    assert found is not None and found.keys() == {"other", net.last.name}
    site, _ = one_image(fast.graph.nodes[0])
    assert find_kernel(found[net.last.name]).scratch(site, fast.target) < fast.plan.scratch_bytes
    lean = forced(net, found[net.last.name])
    assert lean.plan.arena_bytes < fast.plan.arena_bytes
    check_arena(lean, samples(net.graph, 0))


def test_nothing_is_left_to_do_without_scratch() -> None:
    net = wide_window()
    bare = forced(net, "tinyc/conv_s8")
    assert bare.plan.scratch_bytes == 0
    assert leaner_kernels(bare.program, bare.plan, {}, {net.last.name: net.last.name}, bare.target) is None


def test_less_scratch_hardly_costs_speed() -> None:
    net = wide_window()
    core = load("cortex-m4")
    graph = net.graph.copy()
    plain = lower(graph, Scheduler(graph, core).schedule(0), core)
    small = compile_graph(net.graph, "cortex-m4", Options(objective="sram"))
    assert estimated_instructions(small.program, core) <= SLOWER * estimated_instructions(plain, core)


def test_the_graph_is_left_in_the_order_of_the_schedule() -> None:
    net = Images(2, (9, 5, 4))
    net.conv(3, (1, 1), (1, 1), (1, 1, 1, 1), 6)
    net.depthwise(5, (1, 1), (2, 2, 2, 2))
    net.graph.outputs = [net.last]
    compiled = compile_graph(net.graph, "cortex-m7", Options(objective="sram"))
    assert tuple(node.output.name for node in compiled.graph.nodes) == compiled.schedule.order
