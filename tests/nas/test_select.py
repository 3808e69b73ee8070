"""TinyNAS' first stage, on the paper's case: 320 kB of SRAM, 1 MB of flash."""

from __future__ import annotations

import xml.etree.ElementTree as Xml

import pytest

from tests.nas.support import TARGET
from tinyc.nas.analytic import FormulaEvaluator
from tinyc.nas.outcome import Evaluator, InfeasibleSpace, most_macs
from tinyc.nas.pictures import selection_svg
from tinyc.nas.report import Budget
from tinyc.nas.select import Cell, Selection, select_space
from tinyc.nas.spaces import CnnSpace

PAPER = Budget(sram=320 * 1024, flash=1_000_000)
GRID = CnnSpace(resolutions=(112, 128, 144, 160, 176, 192), widths=(0.4, 0.5, 0.6))


def chosen(min_share: float) -> Selection:
    """With the formulae of the paper; the planner finds room for more (docs/nas.md)."""
    evaluator = FormulaEvaluator(GRID, most_macs, budget=PAPER)
    return select_space(GRID.cells(), evaluator, samples=30, min_share=min_share)


def test_the_papers_cell_is_chosen() -> None:
    found = chosen(0.5)
    assert found.chosen.name == "w0.5-r144"
    assert found.chosen.share > 0.8
    alone = chosen(0.0)
    assert alone.chosen.name in ("w0.5-r160", "w0.5-r176", "w0.5-r192")
    assert alone.chosen.share < 0.5
    assert found.by_rank_alone == alone.chosen
    assert alone.chosen.name in found.explanation and "fewer than the 50% asked for" in found.explanation


@pytest.mark.long
def test_the_planner_finds_room_for_larger_images() -> None:
    """Layer by layer, but with outputs laid over inputs that die: more of a large cell fits than formulae say."""
    cells = {name: GRID.cells()[name] for name in ("w0.5-r144", "w0.5-r176")}
    planned = select_space(cells, Evaluator(GRID, most_macs, TARGET, PAPER, "speed"), samples=16)
    told = select_space(cells, FormulaEvaluator(GRID, most_macs, budget=PAPER), samples=16)
    assert planned.chosen.name == "w0.5-r176" and told.chosen.name == "w0.5-r144"
    assert all(p.share >= t.share for p, t in zip(planned.cells, told.cells, strict=True))


def cell(name: str, feasible: int, p80: float) -> Cell:
    return Cell(name, 10, feasible, p80 * 0.9, p80 * 0.8, p80)


def test_explanation_table_and_picture() -> None:
    dense, sparse, none = cell("w0.5-r144", 9, 5e7), cell("w0.5-r176", 2, 6e7), cell("w1-r224", 0, 0.0)
    found = Selection((dense, sparse, none), "p80", 0.5, dense, sparse)
    assert found.explanation.startswith("w0.5-r144: p80 of 50.0 M MACs, 90% of its networks fit. By p80 alone it")
    assert [row[0] for row in found.table()] == ["w0.5-r176", "w0.5-r144", "w1-r224"]
    picture = selection_svg(found)
    root = Xml.fromstring(picture)
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"r144", "w0.5", "50.0 M", "90%", "none"} <= set(words)
    framed = [e for e in root.iter() if e.get("stroke-width") == "2.5"]
    assert len(framed) == 1
    assert "By p80 alone" not in Selection((dense,), "p80", 0.5, dense, dense).explanation


def test_percentiles_are_numpys() -> None:
    import numpy as np

    from tinyc.nas.outcome import Outcome

    macs = [5, 1, 9, 14, 3, 3]
    outcomes: list[Outcome[str]] = [Outcome("", {"macs": m}, {}, {}, 0.0) for m in macs]
    outcomes.append(Outcome("", {"macs": 99}, {"sram": 1}, {"sram": 5}))
    found = Cell.of("x", outcomes)
    assert (found.p50, found.p80) == (np.percentile(macs, 50), pytest.approx(np.percentile(macs, 80)))
    assert (found.mean, found.share) == (pytest.approx(np.mean(macs)), 6 / 7)


def test_small_cells_end_to_end() -> None:
    space = CnnSpace(resolutions=(32, 96), widths=(0.2,), depths=(1,), classes=10)
    evaluator = Evaluator(space, most_macs, TARGET, Budget(sram=60_000), "speed")
    found = select_space(space.cells(), evaluator, samples=2)
    assert [c.name for c in found.cells] == ["w0.2-r32", "w0.2-r96"]
    assert found == select_space(space.cells(), evaluator, samples=2)
    with pytest.raises(InfeasibleSpace, match="none of 4 networks"):
        select_space(space.cells(), Evaluator(space, most_macs, TARGET, Budget(sram=10), "speed"), samples=2)
