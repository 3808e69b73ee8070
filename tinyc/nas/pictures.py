"""SVG pictures of searches: feasible shares over a grid of spaces, and accuracy (or any score) against memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyc.nas.outcome import Outcome
from tinyc.nas.select import Selection
from tinyc.report.markup import plain, tag

WIDTH, HEIGHT, MARGIN = 640, 420, 64
CELL = (62, 34)
INK, QUIET, MARK, DOT, FAINT = "#1f2328", "#656d76", "#cf222e", "#3d7ab8", "#d8dee4"


def selection_svg(selection: Selection) -> str:
    """One square per cell: colour and first line are the rank among feasible networks, second line their share.

    Cells named like w0.5-r144 are laid out by the two parts; others in one row. The chosen cell is framed.
    """
    places = [cell.name.split("-", 1) for cell in selection.cells]
    grid = all(len(place) == 2 for place in places)
    keys = places if grid else [["", cell.name] for cell in selection.cells]
    rows, columns = (list(dict.fromkeys(key[i] for key in keys)) for i in (0, 1))
    highest = max(getattr(cell, selection.rank) for cell in selection.cells) or 1.0
    parts = [_text(MARGIN + x * CELL[0] + CELL[0] / 2, MARGIN - 8, name) for x, name in enumerate(columns)]
    parts += [_text(MARGIN - 8, MARGIN + y * CELL[1] + CELL[1] / 2 + 4, name, "end") for y, name in enumerate(rows)]
    for cell, (row, column) in zip(selection.cells, keys, strict=True):
        x, y = MARGIN + columns.index(column) * CELL[0], MARGIN + rows.index(row) * CELL[1]
        value = getattr(cell, selection.rank)
        chosen = cell.name == selection.chosen.name
        parts.append(tag(
            "rect", tag("title", plain(f"{cell.name}: {cell.feasible} of {cell.samples} fit")), x=x + 1, y=y + 1,
            width=CELL[0] - 2, height=CELL[1] - 2, fill=DOT, fill_opacity=0.08 + 0.72 * value / highest,
            stroke=MARK if chosen else FAINT, stroke_width=2.5 if chosen else 1,
        ))
        parts.append(_text(x + CELL[0] / 2, y + 15, f"{value / 1e6:.1f} M" if cell.feasible else "none"))
        parts.append(_text(x + CELL[0] / 2, y + 28, f"{cell.share:.0%}", fill=QUIET))
    title = f"{selection.rank} MACs and share of feasible networks; chosen: {selection.chosen.name}"
    width, height = 2 * MARGIN + len(columns) * CELL[0], MARGIN + len(rows) * CELL[1] + 24
    return _picture(max(width, 420), height, [_text(16, 24, title, "start", INK), *parts])


def front_svg(
    front: Sequence[Outcome[Any]], others: Sequence[Outcome[Any]] = (), *, figure: str = "sram", score: str = "score"
) -> str:
    """Score against one figure: the front as dots on a line, other feasible networks as faint dots."""
    faint = [o for o in others if o.feasible and o not in front]
    points = [(float(o.figures[figure]), float(o.score or 0.0)) for o in (*front, *faint)]
    if not points:
        return _picture(WIDTH, 80, [_text(16, 40, "no feasible network", "start")])
    x, y = (_Scale.of([p[i] for p in points]) for i in (0, 1))
    right, bottom = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN

    def place(o: Outcome[Any]) -> tuple[float, float]:
        return MARGIN + x.of_one(o.figures[figure]) * right, HEIGHT - MARGIN - y.of_one(o.score or 0.0) * bottom

    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in sorted(map(place, first_by_score(front, figure))))
    parts = [
        tag("rect", x=MARGIN, y=MARGIN, width=right, height=bottom, fill="none", stroke=FAINT),
        *(tag("circle", cx=a, cy=b, r=2.5, fill=QUIET, fill_opacity=0.35) for a, b in map(place, faint)),
        tag("polyline", points=line, fill="none", stroke=DOT, stroke_width=1.5),
        *(_dot(o, *place(o), figure, score) for o in front),
        *(_text(MARGIN + s * right, HEIGHT - MARGIN + 18, f"{x.value(s):,.0f}") for s in (0.0, 0.5, 1.0)),
        *(_text(MARGIN - 8, HEIGHT - MARGIN - s * bottom + 4, f"{y.value(s):,.4g}", "end") for s in (0.0, 0.5, 1.0)),
        _text(MARGIN + right / 2, HEIGHT - 16, figure if figure in ("macs", "instructions") else f"{figure}, bytes"),
        _text(MARGIN, MARGIN - 14, score, "start", INK),
    ]
    return _picture(WIDTH, HEIGHT, parts)


def first_by_score(front: Sequence[Outcome[Any]], figure: str) -> list[Outcome[Any]]:
    """Of a front over many figures, the part that matters for one: rising score with the rising figure."""
    kept: list[Outcome[Any]] = []
    for outcome in sorted(front, key=lambda o: (o.figures[figure], -(o.score or 0.0))):
        if not kept or (outcome.score or 0.0) > (kept[-1].score or 0.0):
            kept.append(outcome)
    return kept


class _Scale:
    """Values to 0…1."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.span = low, (high - low) or 1.0

    @classmethod
    def of(cls, values: Sequence[float]) -> _Scale:
        return cls(min(values), max(values))

    def of_one(self, value: float) -> float:
        return (value - self.low) / self.span

    def value(self, share: float) -> float:
        return self.low + share * self.span


def _dot(o: Outcome[Any], x: float, y: float, figure: str, score: str) -> str:
    told = f"{score} {o.score:.4g}, {', '.join(f'{name} {value:,}' for name, value in o.figures.items())}"
    return tag("circle", tag("title", plain(told)), cx=x, cy=y, r=4, fill=DOT)


def _text(x: float, y: float, words: str, anchor: str = "middle", fill: str = INK) -> str:
    return tag("text", plain(words), x=x, y=y, text_anchor=anchor, fill=fill)


def _picture(width: float, height: float, parts: Sequence[str]) -> str:
    ground = tag("rect", width=width, height=height, fill="#ffffff")
    attributes = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-family="sans-serif"'
    return f'<svg {attributes} font-size="11">{ground}{"".join(parts)}</svg>\n'
