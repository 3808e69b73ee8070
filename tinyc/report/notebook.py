"""The report as an object that draws itself in a notebook: a table of figures and memory over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from tinyc.report.files import as_json
from tinyc.report.memory_map import MemoryMap, memory_map
from tinyc.report.memory_svg import memory_svg
from tinyc.report.summary import full_report

if TYPE_CHECKING:
    from tinyc.compiler import Compiled

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
    """What report.json holds, under `data`, and the arena over time. `print` shows the headline, a notebook all."""

    data: dict[str, Any]
    memory: MemoryMap = field(repr=False)

    def to_json(self) -> str:
        return as_json(self.data)

    def __str__(self) -> str:
        d = self.data
        proof = "optimal" if d["optimal"] else f"lower bound {d['lower_bound_bytes']:,}"
        count = len(d["regions"])
        spread = "" if count == 1 else f" in {count} memories, {d['arena_bytes']:,} of them the arena"
        size = f"{d['total_bytes']:,} bytes of SRAM{spread} ({proof})"
        return f"{d['model']} on {d['target']}: {size}, {d['operators']} operators"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{_show(self.data[key])}</td></tr>" for key, name in SHOWN)
        return f"{memory_svg(self.memory)}<table>{rows}</table>"


def make_report(compiled: Compiled) -> Report:
    """The report of a compilation."""
    return Report(full_report(compiled, compiled.project()), memory_map(compiled))


def _show(value: Any) -> str:
    if value is None:
        return "no limit"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
