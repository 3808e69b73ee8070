"""Squeeze-excite by cutting or by a second pass over its rows, whichever needs less SRAM."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.forms import check_arena, check_host, samples
from tests.support.networks import Net, squeeze_excite_network
from tests.support.passes import assert_same_meaning
from tinyc import ops
from tinyc.compiler import Compiled, InputMode, Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.transform import parse_pipeline
from tinyc.ir.verifier import verify
from tinyc.passes.compute_twice import ComputeTwice, twice_sites
from tinyc.report.summary import front, mac_overhead
from tinyc.schedule.cost import executed_macs
from tinyc.schedule.second_pass import second_passes
from tinyc.targets import load


@cache
def compiled(network: Callable[[], Graph], most: float, mode: InputMode = "stored") -> Compiled:
    options = Options(objective="sram", max_mac_overhead=most, input_mode=mode)
    return compile_graph(network(), "cortex-m4", options)


def from_the_image() -> Graph:
    """The map before the squeeze is made from the image itself."""
    net = Net(12, (32, 32, 3))
    net.convolve(24, 3)
    net.squeeze_excite()
    net.convolve(4, 3, 2)
    return net.done()


def small_map() -> Graph:
    """The squeeze-excite comes late, where maps are small: it does not make the peak."""
    net = Net(13, (64, 64, 3))
    net.convolve(16, 3, 2)
    net.spatial(5)
    net.convolve(16, 5, 4)
    net.inverted(16, 3, squeeze=True)
    return net.done()


@pytest.mark.parametrize("mode", ["stored", "stream"])
def test_a_second_pass_is_taken_where_the_map_makes_the_peak(mode: InputMode) -> None:
    cut, twice = (compiled(squeeze_excite_network, most, mode) for most in (0.2, 0.3))
    assert cut.schedule.passes == () and mac_overhead(cut) == 0
    assert twice.schedule.passes == ("compute-twice{sites=0}",)
    assert twice.plan.arena_bytes < 0.85 * cut.plan.arena_bytes
    check_arena(twice, samples(twice.imported, 4))
    check_host(twice, samples(twice.imported, 5), sanitize=True)


def test_what_is_repeated_is_counted_exactly() -> None:
    """The expansion from 12 to 48 channels and the 5x5 depthwise of the first squeeze-excite, on 16x16 pixels."""
    twice = compiled(squeeze_excite_network, 0.3)
    repeated = 16 * 16 * (12 * 48 + 5 * 5 * 48)
    assert twice.graph.macs - twice.imported.macs == repeated
    assert executed_macs(twice.program) - twice.imported.macs == repeated
    assert mac_overhead(twice) == pytest.approx(repeated / twice.imported.macs, abs=1e-12)
    assert {point["mac_overhead"] for point in front(twice)} == {0.0, mac_overhead(twice)}


def test_it_is_cut_where_a_second_pass_saves_nothing() -> None:
    options = Options(objective="sram", max_mac_overhead=1.0, disabled_pass=("split-patches",))
    network = compile_graph(small_map(), "cortex-m4", options)
    assert len(list(twice_sites(network.graph))) == 1 and network.schedule.passes == ()


def test_the_schedule_names_the_pass_and_can_be_given_back() -> None:
    twice = compiled(squeeze_excite_network, 0.3)
    again = compile_graph(squeeze_excite_network(), "cortex-m4", Options(schedule=twice.schedule))
    assert (again.schedule, again.plan.arena_bytes) == (twice.schedule, twice.plan.arena_bytes)
    assert compiled_without_the_pass() > twice.plan.arena_bytes


def compiled_without_the_pass() -> int:
    options = Options(objective="sram", max_mac_overhead=0.3, disabled_pass=("compute-twice",))
    return compile_graph(squeeze_excite_network(), "cortex-m4", options).plan.arena_bytes


def test_a_streamed_image_does_not_come_twice() -> None:
    stored, streamed = compiled(from_the_image, 1.0), compiled(from_the_image, 1.0, "stream")
    assert stored.schedule.passes == ("compute-twice{sites=0}",) and streamed.schedule.passes == ()
    assert not second_passes(streamed.graph, load("cortex-m4"), 1e9, stream_input=True)
    passes = parse_pipeline("default,compute-twice")
    with pytest.raises(UsageError, match="'conv2d' reads it outside the segment that takes its rows. Build with"):
        compile_graph(from_the_image(), "cortex-m4", Options(pipeline=passes, objective="sram", input_mode="stream"))


def test_a_site_that_is_not_there_is_refused() -> None:
    (pass_,) = parse_pipeline("compute-twice{sites=0x3}")
    with pytest.raises(UsageError, match="compute-twice: there is no site 3; images has 2"):
        pass_.run(squeeze_excite_network())


@st.composite
def squeezed(draw: st.DrawFn) -> Graph:
    """An image that is expanded, filtered and scaled channel by channel, once or twice, with a residual or without."""
    rows, cols, channels = draw(st.integers(3, 12)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    net = Net(draw(st.integers(0, 2**20)), (rows, cols, channels))
    for _ in range(draw(st.integers(1, 2))):
        entry = net.last
        net.convolve(draw(st.integers(2, 4)) * channels, draw(st.sampled_from([1, 3])))
        if draw(st.booleans()):
            net.table(np.tanh)
        net.spatial(draw(st.sampled_from([1, 3, 5])))
        net.squeeze_excite()
        net.convolve(channels)
        if draw(st.booleans()):
            net.emit(ops.Add(), [entry, net.last])
    for value in net.values:
        value.source = value.name
    return net.done()


@examples(30)
@given(squeezed(), st.sampled_from(["cortex-m4", "cortex-m55"]), st.integers(0, 2**16))
def test_what_is_computed_twice_means_the_same(graph: Graph, core: str, seed: int) -> None:
    twice, count = graph.copy(), len(list(twice_sites(graph)))
    assert count >= 1 and ComputeTwice().run(twice) and not ComputeTwice().run(twice)
    verify(twice)
    assert_same_meaning(graph, twice)
    network = compile_graph(graph, core, Options(pipeline=parse_pipeline("default,compute-twice"), objective="sram"))
    check_arena(network, samples(graph, seed))
