"""The report as an object that draws itself in a notebook: a table of figures and a bar for every step."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from tinyc.report.files import as_json
from tinyc.report.summary import full_report

if TYPE_CHECKING:
    from tinyc.compiler import Compiled

BAR, GAP, WIDTH, LABEL = (
    12,
    3,
    520,
    240,
)  # pixels: bar height, space between bars, longest bar, room for names
SHOWN = (
    ("arena_bytes", "SRAM (arena), bytes"),
    ("lower_bound_bytes", "lower bound, bytes"),
    ("optimal", "optimal"),
    ("sram_bytes", "SRAM of the target, bytes"),
    ("scratch_bytes", "largest scratch, bytes"),
    ("macs", "MACs"),
    ("operators", "operators"),
)


@dataclass(frozen=True)
class Report:
    """What report.json holds, under `data`; `print` shows the headline, a notebook the timeline too."""

    data: dict[str, Any]

    def to_json(self) -> str:
        return as_json(self.data)

    def __str__(self) -> str:
        d = self.data
        proof = "optimal" if d["optimal"] else f"lower bound {d['lower_bound_bytes']:,}"
        size = f"{d['arena_bytes']:,} bytes of SRAM ({proof})"
        return f"{d['model']} on {d['target']}: {size}, {d['operators']} operators"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{_show(self.data[key])}</td></tr>" for key, name in SHOWN)
        title = f"{escape(str(self.data['model']))} on {escape(str(self.data['target']))}"
        return f"<h4>{title}</h4><table>{rows}</table>{timeline_svg(self.data)}"


def make_report(compiled: Compiled) -> Report:
    """The report of a compilation."""
    return Report(full_report(compiled, compiled.project()))


def timeline_svg(data: dict[str, Any]) -> str:
    """One bar per step, as long as the bytes live then; a line marks the arena's size."""
    steps, arena = data["timeline"], max(1, data["arena_bytes"])
    peak = max((s["live_bytes"] for s in steps), default=0)
    bars = "".join(_bar(number, step, arena, peak) for number, step in enumerate(steps))
    height = len(steps) * (BAR + GAP) + GAP
    edge = LABEL + WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{edge + 90}" height="{height}" '
        f'font-family="sans-serif" font-size="{BAR - 1}">{bars}'
        f'<line x1="{edge}" y1="0" x2="{edge}" y2="{height}" stroke="#888"/></svg>'
    )


def _bar(number: int, step: dict[str, Any], arena: int, peak: int) -> str:
    y, length = GAP + number * (BAR + GAP), round(WIDTH * step["live_bytes"] / arena)
    color = "#c0392b" if step["live_bytes"] == peak else "#2c7fb8"
    live = ", ".join(f"{tensor['name']} {tensor['bytes']:,}" for tensor in step["live"])
    name = step["operator"] if len(step["operator"]) <= 36 else "..." + step["operator"][-33:]
    return (
        f'<text x="{LABEL - 6}" y="{y + BAR - 2}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LABEL}" y="{y}" width="{length}" height="{BAR}" fill="{color}">'
        f"<title>{escape(live)}</title></rect>"
        f'<text x="{LABEL + length + 4}" y="{y + BAR - 2}">{step["live_bytes"]:,}</text>'
    )


def _show(value: Any) -> str:
    if value is None:
        return "no limit"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
