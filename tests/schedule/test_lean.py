"""Where scratch makes the peak, the least SRAM needs another kernel: one that serves the operator with less."""

from __future__ import annotations

from tests.program.test_forms import check_arena, samples
from tests.support.images import Images
from tinyc.compiler import Options, compile_graph
from tinyc.program.kernel import find_kernel
from tinyc.schedule import Scheduler
from tinyc.targets import load


def test_the_least_sram_does_without_the_scratch_that_makes_the_peak() -> None:
    """A 5x5 convolution of many channels on a tiny map: its columns need more bytes than both tensors together."""
    net = Images(1, (4, 4, 32))
    net.conv(5, (1, 1), (1, 1), (2, 2, 2, 2), 8)
    net.graph.outputs = [net.last]
    core = load("cortex-m0plus")
    wanted = {net.last.name: "cmsis-nn/convolve_s8"}
    schedule = Scheduler(net.graph.copy(), core, wanted=wanted).schedule(None)
    fast = compile_graph(net.graph, "cortex-m0plus", Options(schedule=schedule))
    small = compile_graph(net.graph, "cortex-m0plus", Options(objective="sram"))
    assert fast.plan.scratch_bytes > 1000
    assert small.plan.arena_bytes < fast.plan.arena_bytes - 500
    chosen = [find_kernel(name) for name in small.schedule.kernels.values()]
    assert all(kernel.name != "cmsis-nn/convolve_s8" for kernel in chosen)
    check_arena(small, samples(net.graph, 0))


def test_the_graph_is_left_in_the_order_of_the_schedule() -> None:
    net = Images(2, (9, 5, 4))
    net.conv(3, (1, 1), (1, 1), (1, 1, 1, 1), 6)
    net.depthwise(5, (1, 1), (2, 2, 2, 2))
    net.graph.outputs = [net.last]
    compiled = compile_graph(net.graph, "cortex-m7", Options(objective="sram"))
    assert tuple(node.output.name for node in compiled.graph.nodes) == compiled.schedule.order
