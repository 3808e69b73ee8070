"""Segments whose operators make several rows at a time, read tensors whole, pick rows, or have several results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.program.test_forms import check_arena, check_host, samples
from tests.support.images import Images
from tinyc import ops
from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.errors import UsageError
from tinyc.ir.graph import Graph, Value
from tinyc.ir.types import DType, Quant, TensorType
from tinyc.program.flow import Feed, Stage, trace
from tinyc.program.program import Segment
from tinyc.program.verifier import InvalidProgram, verify
from tinyc.schedule import Schedule


def compiled(graph: Graph, *segments: Sequence[str], stream_input: bool = False, **heights: int) -> Compiled:
    """The graph in its own order with these segments, proved in its arena and as C on the host."""
    order = tuple(node.output.name for node in graph.nodes)
    schedule = Schedule(order, {}, tuple(map(tuple, segments)), stream_input, heights)
    found = compile_graph(graph, "cortex-m4", Options(schedule=schedule, pipeline=()))
    inputs = samples(graph, 1)
    check_arena(found, inputs)
    check_host(found, inputs, sanitize=True)
    return found


def depths(found: Compiled, step: int = 0) -> dict[str, int]:
    """Rows that each line of a segment holds."""
    segment = found.program.body[step]
    assert isinstance(segment, Segment)
    return {line.label.split(",")[0]: line.depth for line in segment.lines}


def names(graph: Graph) -> list[str]:
    return [node.output.name for node in graph.nodes]


def chain() -> Graph:
    """Three convolutions of 3x3, one of them with stride 2, on 25 rows."""
    net = Images(4, (25, 5, 3))
    for stride in (1, 2, 1):
        net.conv(3, (stride, 1), (1, 1), (1, 1, 1, 1), 4)
    net.graph.outputs = [net.last]
    return net.graph


@pytest.mark.parametrize("height", [1, 2, 4, 7, 30])
@pytest.mark.parametrize("stream_input", [False, True])
def test_any_number_of_rows_at_a_time(height: int, stream_input: bool) -> None:
    graph = chain()
    all_of = dict.fromkeys(names(graph), height)
    found = compiled(graph, names(graph), stream_input=stream_input, **all_of)
    segment = found.program.body[0]
    assert isinstance(segment, Segment)
    rows = [segment.lines[operator.stage.output].rows for operator in segment.operators]
    assert [operator.stage.height for operator in segment.operators] == [min(height, n) for n in rows]


def test_blocks_end_where_blocks_of_their_reader_do() -> None:
    """Four rows at a time of a 3x3 window read six; were ends of blocks elsewhere, nine would have to be held."""
    graph = chain()
    first, second, third = names(graph)
    held = depths(compiled(graph, names(graph), **{first: 8, second: 4, third: 4}))
    assert (held[first], held[second]) == (4 * 2 - 1 + 2, 4 + 2)


def test_sums_take_several_rows_at_a_time() -> None:
    net = Images(5, (11, 3, 4))
    net.conv(3, (1, 1), (1, 1), (1, 1, 1, 1), 5)
    net.emit(ops.Mean((1, 2), True), [net.last])
    net.graph.outputs = [net.last]
    image, mean = names(net.graph)
    found = compiled(net.graph, [image, mean], **{image: 4, mean: 4})
    assert depths(found)[image] == 4


def test_a_block_of_rows_calls_a_kernel_once() -> None:
    graph = chain()
    calls = [
        sum(times for times, _ in compiled(graph, names(graph), **dict.fromkeys(names(graph), h)).program.runs())
        for h in (1, 4)
    ]
    assert calls[0] == 25 + 13 + 13 and calls[1] <= 8 + 5 + 5


# ---------------------------------------------------------------------- operands read whole
def tokens(count: int, channels: int) -> Images:
    return Images(6, (count, channels))


def table(net: Images, of: Value) -> Value:
    net.last = of
    net.table()
    return net.last


def attention() -> tuple[Graph, dict[str, Value]]:
    """One head on 9 tokens: a shared table h, then k, v and q from it; its result is added to the input."""
    net = tokens(9, 6)
    x = net.last
    h = table(net, x)
    k, v, q = (table(net, h) for _ in range(3))
    s = net.emit(ops.BatchMatMul(transpose_b=True), [q, k])
    p = net.emit(ops.SoftmaxScaled(), [s])
    o = net.emit(ops.BatchMatMul(), [p, v])
    y = net.emit(ops.Add(), [x, o])
    net.graph.outputs = [y]
    return net.graph, {"x": x, "h": h, "k": k, "v": v, "q": q, "s": s, "p": p, "o": o, "y": y}


@pytest.mark.parametrize("height", [1, 3])
def test_attention_streams_token_by_token_past_whole_keys_and_values(height: int) -> None:
    graph, at = attention()
    name = {key: value.name for key, value in at.items()}
    keys, rest = [name[n] for n in "hkv"], [name[n] for n in "qspoy"]
    found = compiled(graph, keys, rest, **dict.fromkeys((*keys, *rest), height))
    assert (depths(found)[name["k"]], depths(found)[name["v"]]) == (9, 9)  # two results of one segment
    held = depths(found, 1)
    assert (held[name["k"]], held[name["v"]], held[name["s"]], held[name["o"]]) == (9, 9, height, height)
    assert depths(found)[name["h"]] == 9  # q reads it later


def test_a_segment_with_the_maker_of_a_tensor_that_it_reads_whole_waits_for_all_of_it() -> None:
    graph, at = attention()
    held = depths(compiled(graph, names(graph)))
    assert held[at["k"].name] == held[at["v"].name] == 9 and held[at["s"].name] == 1


def test_the_choice_never_streams_past_a_tensor_that_is_read_whole() -> None:
    graph, at = attention()
    found = compile_graph(graph, "cortex-m4", Options(objective="sram", pipeline=()))
    for segment in found.schedule.segments:
        assert not {at["k"].name, at["s"].name} <= set(segment) and not {at["v"].name, at["o"].name} <= set(segment)
    check_arena(found, samples(graph, 2))


def test_an_image_times_a_vector_of_all_of_it() -> None:
    net = Images(7, (9, 4, 3))
    net.squeeze_excite()
    net.conv(3, (1, 1), (1, 1), (1, 1, 1, 1), 2)
    net.graph.outputs = [net.last]
    product, result = names(net.graph)[-2:]
    held = depths(compiled(net.graph, [product, result], **{product: 2, result: 2}), 2)
    assert held[product] == 4


# ---------------------------------------------------------------------- rows that are picked, and branches
def test_upsampled_rows_meet_another_branch() -> None:
    """A feature pyramid: neither branch runs ahead of what the sum asks for."""
    net = Images(8, (12, 6, 3))
    fine = net.last
    net.conv(1, (2, 2), (1, 1), (0, 0, 0, 0), 4)
    net.emit(ops.ResizeNearest((12, 6)), [net.last], net.last.type.quant)
    up, net.last = net.last, fine
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 4)
    net.emit(ops.Add(), [net.last, up])
    net.conv(3, (1, 1), (1, 1), (1, 1, 1, 1), 2)
    net.graph.outputs = [net.last]
    coarse, resized, lateral, total, result = names(net.graph)
    for rest in ([coarse, resized, lateral, total, result], [resized, lateral, total, result]):
        held = depths(compiled(net.graph, rest), len(names(net.graph)) - len(rest))
        assert (held[resized], held[lateral], held[total]) == (1, 1, 3)


def test_picked_rows_are_held_while_they_are_picked_again() -> None:
    doubled = Feed(1, table=(0, 0, 1, 1, 2, 2, 3, 3))
    assert doubled.needs(2, 4, 2) == (1, 2)
    run = trace([4, 4, 8], [Stage((Feed(0),), 1), Stage((doubled,), 2)])
    assert run.depths == (4, 1, 1) and run.rows_made(1) == 8
    assert [made[1] for made in run.firings[1]] == [1, 1, 2, 2, 3, 3, 4, 4]


# ---------------------------------------------------------------------- what is refused
def test_a_view_of_what_the_segment_makes_is_refused() -> None:
    net = Images(9, (8, 3, 4))
    net.conv(1, (1, 1), (1, 1), (0, 0, 0, 0), 4)
    view = net.emit(ops.Reshape((1, 4, 6, 4)), [net.last], net.last.type.quant)
    net.table()
    net.graph.outputs = [net.last]
    conv, _, lut = names(net.graph)
    with pytest.raises(UsageError, match=f"a segment with '{lut}' would need '{view.name}' before it is there"):
        compiled(net.graph, [conv, lut])
    assert view.type.shape == (1, 4, 6, 4)


def test_the_verifier_sees_a_line_that_is_too_small() -> None:
    found = compiled(chain(), names(chain()))
    (segment,) = found.program.body
    assert isinstance(segment, Segment)
    line = segment.lines[1]
    small = replace(line, place=replace(line.place, bytes=line.place.bytes - line.row_bytes))
    lines = (segment.lines[0], small, *segment.lines[2:])
    with pytest.raises(InvalidProgram, match="the flow ends after . rows, its line buffers are too small"):
        verify(replace(found.program, body=(replace(segment, lines=lines),)))


def test_heights_in_json() -> None:
    schedule = Schedule(("a", "b"), {"a": "k"}, (("a", "b"),), heights={"a": 3})
    assert Schedule.from_json(schedule.to_json()) == schedule
    old = '{"order": ["a"], "kernels": {}, "segments": [["a"]]}'
    assert Schedule.from_json(old).height("a") == 1
    for wrong in ("0", "1.5", '"2"', "true"):
        with pytest.raises(UsageError, match="no schedule"):
            Schedule.from_json(f'{{"order": ["a"], "kernels": {{}}, "heights": {{"a": {wrong}}}}}')


def test_softmax_over_tokens_has_the_type_it_needs() -> None:
    """Rank 3 is tokens: rows are the second axis; a softmax of scale 1/256 streams like a table does."""
    net = tokens(7, 5)
    net.table()
    net.emit(ops.Softmax(), [net.last], Quant.per_tensor(1 / 256, -128))
    other = net.graph.add_constant("c", TensorType((1, 1, 5), DType.int8, net.quant()), np.ones((1, 1, 5), np.int8))
    net.emit(ops.Mul(), [net.last, other])
    net.graph.outputs = [net.last]
    held = depths(compiled(net.graph, names(net.graph), stream_input=True))
    assert set(list(held.values())[:-1]) == {1}
