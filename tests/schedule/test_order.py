"""The order of execution: exact against brute force, honest about its limits, and never wrong about the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.images import Images
from tinyc import ops
from tinyc.compiler import Options, compile_graph
from tinyc.ir.graph import Graph, Node, Value
from tinyc.ir.interpreter import evaluate
from tinyc.ir.types import TensorType
from tinyc.program.interpreter import execute
from tinyc.report import summarise
from tinyc.schedule import Schedule
from tinyc.schedule.order import best_order

Trails = Mapping[str, Sequence[tuple[int, int]]]


# ---------------------------------------------------------------------- the definition, in the plainest words
def shown(value: Value) -> Value:
    while value.producer is not None and isinstance(value.producer.op, ops.Reshape):
        value = value.producer.input(0)
    return value


def layer_peak(graph: Graph, order: Sequence[Node], scratch: Mapping[str, int], trails: Trails) -> int:
    """Most bytes live in any step: from when a tensor is made (or the start) to when it is last read (or the end)."""
    runs = [node for node in order if not isinstance(node.op, ops.Reshape)]
    reads = [{id(shown(v)) for v in node.inputs if v is not None} for node in runs]
    kept = {id(shown(v)) for v in graph.outputs}
    lives = {}
    for value in (*graph.inputs, *(v for node in runs for v in node.outputs)):
        first = next((i for i, node in enumerate(runs) if value in node.outputs), 0)
        last = len(runs) if id(value) in kept else max((i for i, r in enumerate(reads) if id(value) in r), default=None)
        if last is None and value.producer is None:
            continue  # an input that nothing reads needs no bytes
        lives[id(value)] = (value.type.bytes, first, first if last is None else last)
    peak = 0
    for i, node in enumerate(runs):
        live = sum(size for size, first, last in lives.values() if first <= i <= last)
        saved = [0]
        for index, distance in trails.get(node.output.name, ()):
            size, _, last = lives[id(shown(node.input(index)))]
            out = node.output.type.bytes
            saved.append(size + out - max(size + distance, out) if last == i else 0)
        peak = max(peak, live + scratch.get(node.output.name, 0) - max(saved))
    return peak


def orders(graph: Graph) -> Iterator[list[Node]]:
    """Every topological order."""

    def extend(done: list[Node]) -> Iterator[list[Node]]:
        if len(done) == len(graph.nodes):
            yield done
        for node in graph.nodes:
            late = [v for v in node.inputs if v is not None and v.producer is not None and v.producer not in done]
            if node not in done and not late:
                yield from extend([*done, node])

    return extend([])


@st.composite
def dags(draw: st.DrawFn) -> tuple[Graph, dict[str, int], dict[str, list[tuple[int, int]]]]:
    """Operators of any sizes (often twins), views between them, scratch, permissions to overlap."""
    graph, small = Graph("dag"), st.integers(1, 9)
    values = [graph.add_input(f"i{n}", TensorType((draw(small),))) for n in range(draw(st.integers(1, 2)))]
    scratch, trails = {}, {}
    for _ in range(draw(st.integers(2, 7))):
        if graph.nodes and draw(st.integers(0, 4)) == 0:
            seen = draw(st.sampled_from(values))
            values.append(graph.add(ops.Reshape(seen.type.shape), [seen], seen.type).output)
            continue
        inputs = draw(st.lists(st.sampled_from(values[-4:]), min_size=1, max_size=3))
        size, extra = draw(small), draw(st.sampled_from([0, 0, 2]))
        for _ in range(draw(st.sampled_from([1, 1, 2]))):
            node = graph.add(ops.Concatenation(0), inputs, TensorType((size,)))
            values.append(node.output)
            scratch[node.output.name] = extra
            trails[node.output.name] = [(0, extra)] if draw(st.booleans()) else []
    ends = [v for v in values if not v.uses and v.producer is not None]
    graph.outputs = draw(st.lists(st.sampled_from(values), max_size=2)) + ends[: draw(st.integers(0, 3))]
    return graph, scratch, trails


@settings(max_examples=300)
@given(dags())
def test_no_order_needs_less(case: tuple[Graph, dict[str, int], dict[str, list[tuple[int, int]]]]) -> None:
    graph, scratch, trails = case
    found = best_order(graph, scratch, trails)
    assert found.peak_bytes == layer_peak(graph, found.nodes, scratch, trails)
    every = list(orders(graph)) if len(graph.nodes) <= 8 else []
    if every:
        assert found.exact and found.peak_bytes == min(layer_peak(graph, o, scratch, trails) for o in every)
    graph.reorder(found.nodes)  # raises where it is no order of execution


@settings(max_examples=100)
@given(dags(), st.integers(0, 6))
def test_a_capped_search_does_not_claim_more_than_it_knows(
    case: tuple[Graph, dict[str, int], dict[str, list[tuple[int, int]]]], limit: int
) -> None:
    graph, scratch, trails = case
    best, capped = best_order(graph, scratch, trails), best_order(graph, scratch, trails, state_limit=limit)
    own = layer_peak(graph, graph.nodes, scratch, trails)
    assert best.peak_bytes <= capped.peak_bytes <= own
    assert capped.states <= limit and (not capped.exact or capped.peak_bytes == best.peak_bytes)
    if capped.peak_bytes == own:
        assert capped.nodes == graph.nodes  # nothing gained: the order of the file


# ---------------------------------------------------------------------- graphs that people build
def concat(graph: Graph, inputs: list[Value], size: int) -> Value:
    return graph.add(ops.Concatenation(0), inputs, TensorType((size,))).output


def cell(sizes: Sequence[Sequence[int]], *, breadth_first: bool) -> Graph:
    """Branches of operators with outputs of these sizes, from one input of 100 bytes to a sum of 10."""
    graph = Graph("cell")
    ends = [graph.add_input("x", TensorType((100,)))] * len(sizes)
    steps = [(layer, b) for layer in range(len(sizes[0])) for b in range(len(sizes))]
    for layer, b in steps if breadth_first else sorted(steps, key=lambda step: step[1]):
        ends[b] = concat(graph, [ends[b]], sizes[b][layer])
    graph.outputs = [concat(graph, ends, 10)]
    return graph


def test_chains_need_no_search() -> None:
    found = best_order(cell([[7, 90, 3, 50]], breadth_first=False), {})
    assert found.states == 0 and found.exact and found.peak_bytes == 107


def test_ties_keep_the_order_of_the_file() -> None:
    graph = cell([[5, 5], [5, 5]], breadth_first=True)
    assert best_order(graph, {}).nodes == graph.nodes


def test_like_branches_and_long_chains_cost_few_states() -> None:
    waves = [[100 if i % 2 else 30 + i for i in range(19)] + [4] for _ in range(5)]
    found = best_order(cell(waves, breadth_first=True), {})
    depth_first = cell(waves, breadth_first=False)
    assert found.exact and 0 < found.states < 1000
    assert found.peak_bytes == 248 < layer_peak(depth_first, depth_first.nodes, {}, {})  # all small before one is large


def test_branches_of_the_same_sizes_are_not_alike_where_they_read_different_tensors() -> None:
    graph = Graph("two")
    small, large = (graph.add_input(name, TensorType((size,))) for name, size in (("small", 1), ("large", 9)))
    graph.outputs = [concat(graph, [small], 5), concat(graph, [large], 5)]
    found = best_order(graph, {})
    assert found.peak_bytes == 15 and found.nodes == graph.nodes[::-1]  # what frees more comes first


def test_unlike_branches_are_searched_or_the_limit_is_told() -> None:
    random = np.random.default_rng(3)
    graph = cell(random.integers(1, 100, (5, 20)).tolist(), breadth_first=True)
    own = layer_peak(graph, graph.nodes, {}, {})
    found, capped = best_order(graph, {}), best_order(graph, {}, state_limit=5)
    assert found.exact and found.peak_bytes < own
    assert not capped.exact and capped.states == 5 and found.peak_bytes <= capped.peak_bytes <= own


# ---------------------------------------------------------------------- compiled
def image_cell(channels: Sequence[tuple[int, int]], seed: int) -> Graph:
    """A multi-branch cell as exporters write it, layer by layer: every branch widens, then narrows; they are joined."""
    net = Images(seed, (6, 6, 8))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 8)
    ends = [net.last] * len(channels)
    for layer in (0, 1):
        for b, wide in enumerate(channels):
            net.last = ends[b]
            net.conv((1, 3)[layer], (1, 1), (1, 1), (layer,) * 4, wide[layer])
            ends[b] = net.last
    quant = net.quant()
    for end in ends:  # a concatenation keeps the codes of its inputs
        net.graph.retype(end, TensorType(end.type.shape, end.type.dtype, quant))
    net.graph.outputs = [net.emit(ops.Concatenation(3), [*ends], quant)]
    return net.graph


def test_reordering_a_cell_saves_a_good_part_of_the_arena() -> None:
    graph = image_cell([(48, 4), (48, 4), (48, 4)], 0)
    own = compile_graph(graph, "cortex-m0plus", Options(objective="speed", schedule=file_order(graph)))
    best = compile_graph(graph, "cortex-m0plus", Options(objective="speed"))
    assert best.schedule.search is not None and best.schedule.search.searched and best.schedule.search.exact
    assert 0.15 < 1 - best.plan.arena_bytes / own.plan.arena_bytes < 0.7


def file_order(graph: Graph) -> Schedule:
    return Schedule(tuple(node.output.name for node in graph.nodes), {})


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(1, 24), st.integers(1, 6)), min_size=2, max_size=4),
    st.sampled_from(["speed", "sram"]), st.sampled_from(["cortex-m0plus", "cortex-m4"]), st.integers(0, 2**16),
)
def test_reordered_graphs_compute_the_same(
    channels: list[tuple[int, int]], objective: str, core: str, seed: int
) -> None:
    graph = image_cell(channels, seed)
    compiled = compile_graph(graph, core, Options(objective=objective))  # type: ignore[arg-type]
    random = np.random.default_rng(seed)
    inputs = [random.integers(-128, 128, v.type.shape).astype(np.int8) for v in graph.inputs]
    got = execute(compiled.program, compiled.plan.offsets, compiled.plan.arena_bytes, inputs, seed)
    for a, b in zip(got, evaluate(graph, inputs), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_search_is_reported() -> None:
    chain = compile_graph(image_cell([(3, 2)], 0), "cortex-m4")
    assert summarise(chain, chain.project())["order"] == {"searched": False, "exact": True}
    cells = compile_graph(image_cell([(48, 4), (48, 4)], 0), "cortex-m4")
    assert summarise(cells, cells.project())["order"] == {"searched": True, "exact": True}
    assert cells.schedule.to_json() == compile_graph(
        cells.imported, "cortex-m4", Options(schedule=cells.schedule)
    ).schedule.to_json()
