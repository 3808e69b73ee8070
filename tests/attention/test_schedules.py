"""What a transformer needs under each schedule: the formulae of the literature, and the same integers everywhere."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from tests.support.forms import check_arena, check_host, samples
from tests.support.vit import Vit, encoder, vit
from tinyc.compiler import Compiled, Options, compile_graph
from tinyc.ir.graph import Graph
from tinyc.ir.interpreter import evaluate
from tinyc.ir.transform import parse_pipeline
from tinyc.program.interpreter import execute
from tinyc.report.summary import mac_overhead
from tinyc.schedule import Schedule
from tinyc.schedule.alternatives import alternatives, largest_attention

CORE = "cortex-m4"
WIDE = Vit(image=40, patch=5, embedding=48, heads=3, head=16, hidden=192, blocks=2)  # 65 tokens
ROWS = 4  # of a block: line buffers and scratch stay within so many rows of everything


def compiled(graph: Graph, **options: object) -> Compiled:
    return compile_graph(graph, CORE, Options(**options))  # type: ignore[arg-type]


def arena(config: Vit, passes: str, most: float = 0.0) -> int:
    pipeline = parse_pipeline(f"default,{passes}" if passes else "default")
    found = compiled(encoder(config), objective="sram", pipeline=pipeline, max_mac_overhead=most,
                     disabled_pass=() if passes else ("rematerialise",))
    return found.plan.arena_bytes


def tile(c: Vit) -> int:
    """Rows of all that is between tokens and tokens, in one head."""
    return ROWS * max(2 * c.embedding + c.inner + c.head + c.tokens, 2 * c.embedding + c.hidden) + 256


# ---------------------------------------------------------------------- the formulae
def test_literally_the_scores_of_all_heads_exist() -> None:
    c = WIDE
    literal = compiled(encoder(c), objective="speed", disabled_pass=("lower-attention",))
    assert literal.plan.arena_bytes >= c.tokens * (c.embedding + c.inner) + c.heads * c.tokens**2


def test_d_normalised_tokens_kept_head_by_head() -> None:
    """Tokens, their normalisation, all heads' results; K and V of one head, whose result takes the place of queries."""
    c = WIDE
    bound = c.tokens * (2 * c.embedding + c.inner + c.head)
    assert bound - c.tokens * c.head <= arena(c, "") <= bound + tile(c)


def test_heads_that_normalise_for_themselves_keep_their_queries() -> None:
    c = WIDE
    bound = c.tokens * (c.embedding + c.inner + 2 * c.head)
    assert bound <= arena(c, "rematerialise{shared=1}", -1.0) <= bound + tile(c)


def test_e2_queries_on_the_fly() -> None:
    c = WIDE
    bound = c.tokens * (c.embedding + c.inner + c.head)
    assert bound <= arena(c, "rematerialise{split=true}") <= bound + tile(c)


def test_the_least_is_found_without_being_asked_for() -> None:
    found = compiled(encoder(WIDE), objective="sram")
    assert found.schedule.passes == ("rematerialise{split=true}",)
    assert found.plan.arena_bytes == arena(WIDE, "rematerialise{split=true}")
    assert mac_overhead(found) == 0.0  # a normalisation is no multiply-accumulate


def test_the_mlp_runs_token_by_token() -> None:
    """It never needs its hidden layer: tokens, and a few rows."""
    c = Vit(image=40, patch=5, embedding=16, heads=1, head=4, hidden=512)
    assert arena(c, "rematerialise{split=true}") < c.tokens * c.hidden


# ---------------------------------------------------------------------- what may be repeated
LOW_RANK = Vit(image=40, patch=5, embedding=48, heads=3, head=16, hidden=192, blocks=1, rank=32)


@pytest.mark.parametrize(("most", "passes", "terms"), [
    (0.0, (), "E + Z + D + d"), (0.13, ("rematerialise{shared=2}",), "E + D + 2 * d"),
    (0.9, ("rematerialise{split=true}",), "E + D + d"),
])
def test_repeated_work_stays_within_its_limit(most: float, passes: tuple[str, ...], terms: str) -> None:
    c = LOW_RANK
    found = compiled(encoder(c), objective="sram", max_mac_overhead=most)
    assert found.schedule.passes == passes
    assert (mac_overhead(found) > 0) == bool(passes) and mac_overhead(found) <= most
    per_token = eval(terms, {"E": c.embedding, "Z": c.rank, "D": c.inner, "d": c.head})
    assert c.tokens * per_token <= found.plan.arena_bytes <= c.tokens * per_token + tile(c)


def test_a_board_gets_the_fastest_that_fits() -> None:
    """Where the plan without repeated work fits the board, it stays."""
    graph = encoder(WIDE)
    for board in ("stm32f746", "nrf52840"):
        found = compile_graph(graph, board, Options(objective="balanced"))
        assert not found.schedule.passes


def test_an_attention_that_makes_no_peak_stays_as_it_is() -> None:
    found = compiled(vit(Vit(image=64, patch=16, embedding=12)), objective="sram")  # the image needs more
    assert found.schedule.passes == ()
    assert alternatives(found.graph, found.target, found.plan.arena_bytes, 1e9) == []


def test_a_disabled_pass_is_not_tried() -> None:
    assert compiled(encoder(WIDE), objective="sram", disabled_pass=("rematerialise",)).schedule.passes == ()


# ---------------------------------------------------------------------- the same integers
SMALL = Vit(blocks=2, heads=2, mask=True)


@pytest.mark.parametrize("options", [
    {"objective": "speed", "disabled_pass": ("lower-attention",)},
    {"objective": "speed"},
    {"objective": "sram", "disabled_pass": ("rematerialise",)},
    {"objective": "sram"},
    {"objective": "sram", "input_mode": "stream"},
])
@pytest.mark.parametrize("form", ["fused", "flat"])
def test_all_schedules_compute_the_same_in_arenas_of_exactly_their_size(form: str, options: dict[str, object]) -> None:
    graph = vit(Vit(blocks=2, form=form, image=12, embedding=16, hidden=32))
    found = compiled(graph, **options)
    check_arena(found, samples(graph, 1))
    check_host(found, samples(graph, 2)[:1], sanitize=True)


def test_rows_of_low_rank_in_an_arena() -> None:
    graph = encoder(LOW_RANK)
    for most in (0.0, 0.13, 0.9):
        check_arena(compiled(graph, objective="sram", max_mac_overhead=most), samples(graph, 3))


def test_a_schedule_brings_its_passes_along() -> None:
    graph = encoder(WIDE)
    first = compiled(graph, objective="sram")
    data = json.loads(first.schedule.to_json())
    assert data["passes"] == ["rematerialise{split=true}"]
    again = compiled(graph, schedule=Schedule.from_json(json.dumps(data)))
    assert again.schedule == first.schedule and again.plan.arena_bytes == first.plan.arena_bytes
    assert again.passes[-1] == "rematerialise{split=true}"
    check_arena(again, samples(graph, 4)[:1])


# ---------------------------------------------------------------------- one attention by itself
def test_the_largest_attention_is_a_network_of_its_own() -> None:
    graph = compiled(encoder(WIDE), objective="speed").graph
    part = largest_attention(graph)
    assert part is not None and len(part.inputs) == len(part.outputs) == 1
    counts = Counter(node.op.name for node in part.nodes)
    assert counts["softmax_scaled"] == 3 and counts["layer_norm"] == 2
    random = np.random.default_rng(0)
    tokens = random.integers(-128, 128, part.inputs[0].type.shape).astype(np.int8)
    assert evaluate(part, [tokens])[0].shape == (1, WIDE.tokens, WIDE.embedding)


def test_extracted_nodes_compute_what_they_did() -> None:
    graph = vit(SMALL)
    image = samples(graph, 5)[0]
    middle = graph.part(graph.nodes[4:-3])
    head, tail = graph.part(graph.nodes[:4]), graph.part(graph.nodes[-3:])
    values = evaluate(tail, evaluate(middle, evaluate(head, image)))
    np.testing.assert_array_equal(values[0], evaluate(graph, image)[0])


# ---------------------------------------------------------------------- the networks of the literature
DEIT_TINY = Vit(image=224, patch=16, embedding=192, heads=3, head=64, hidden=768, blocks=2, classes=1000)


def test_deit_tiny_from_pushed_rows() -> None:
    """Every block is alike, so two tell what twelve need; its image alone has 150,528 bytes."""
    graph = vit(DEIT_TINY)
    found = compiled(graph, objective="sram", input_mode="stream")
    assert found.plan.arena_bytes <= 98_304
    image = samples(graph, 6)[0]
    got = execute(found.program, found.plan.offsets, found.plan.arena_bytes, image, 7)
    np.testing.assert_array_equal(got[0], evaluate(graph, image)[0])
