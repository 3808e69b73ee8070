"""Networks of known kinds compile under every objective, compute what their graphs mean, and gain from streaming."""

from __future__ import annotations

import pytest

from tests.support.forms import check_arena, check_host, samples
from tests.support.networks import NETWORKS
from tinyc.compiler import Compiled, InputMode, Objective, Options, compile_graph

# What `--objective sram` needs at most, relative to the arena without streaming: stored and pushed input.
GAIN = {
    "squeeze_excite_network": (0.55, 0.55),
    "detector": (0.45, 0.40),
    "dilated_network": (1.00, 0.60),
    "large_kernels": (0.55, 0.45),
    "odd_sizes": (0.30, 0.30),
    "dense_blocks": (0.35, 0.30),
    "inception": (0.62, 0.62),
}
BUILDS: tuple[tuple[Objective, InputMode], ...] = (("speed", "stored"), ("sram", "stored"), ("sram", "stream"))


def compiled(name: str, objective: Objective, mode: InputMode, target: str = "cortex-m4") -> Compiled:
    return compile_graph(NETWORKS[name](), target, Options(objective=objective, input_mode=mode))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_build_computes_what_the_graph_means(name: str) -> None:
    arenas = []
    for objective, mode in BUILDS:
        network = compiled(name, objective, mode)
        check_arena(network, samples(network.imported, 7))
        arenas.append(network.plan.arena_bytes)
    whole, stored, pushed = arenas
    assert stored <= GAIN[name][0] * whole and pushed <= GAIN[name][1] * whole, f"{stored}, {pushed} of {whole} bytes"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_c_computes_what_the_graph_means(name: str) -> None:
    network = compiled(name, "sram", "stream", "cortex-m55")
    check_host(network, samples(network.imported, 11), sanitize=True)
