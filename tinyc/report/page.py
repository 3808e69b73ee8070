"""report.html: the memory picture and the figures behind it, as one file that loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tinyc.report.markup import plain, tag
from tinyc.report.memory_map import MemoryMap, memory_map, role
from tinyc.report.memory_svg import memory_svg
from tinyc.report.summary import full_report

if TYPE_CHECKING:
    from tinyc.codegen import CProject
    from tinyc.compiler import Compiled

FILE = "report.html"
STYLE = """
:root{color-scheme:light dark;--ink:#1f2328;--quiet:#656d76;--ground:#fff;--edge:#d8dee4;--raised:#f6f8fa;--red:#cf222e}
@media screen and (prefers-color-scheme:dark){
:root{--ink:#e6e8eb;--quiet:#9aa3ad;--ground:#16181d;--edge:#30363d;--raised:#1f232a;--red:#ff6b6b}}
body{margin:0 auto;padding:24px;max-width:1240px;background:var(--ground);color:var(--ink);
font:14px/1.5 system-ui,'Segoe UI',Helvetica,Arial,sans-serif}
h1{font-size:22px;margin:0}h2{font-size:16px;margin:32px 0 8px}p{margin:4px 0}.quiet{color:var(--quiet)}
.figures{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}
.figures div{background:var(--raised);border:1px solid var(--edge);border-radius:6px;padding:8px 14px}
.figures b{display:block;font-size:18px;font-variant-numeric:tabular-nums}
.figures .over{color:var(--red)}.figures small{font-weight:400;font-size:13px}
.scroll{overflow-x:auto}svg.tinyc-memory{width:100%;min-width:760px;height:auto;display:block}
table{border-collapse:collapse;font-size:13px}th,td{padding:3px 10px;text-align:left;
border-bottom:1px solid var(--edge)}
th{color:var(--quiet);font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.name{overflow-wrap:anywhere;min-width:160px}tr.group td{background:var(--raised);color:var(--quiet)}
tr.peak td{font-weight:600}tr.peak td.live{color:var(--red)}tfoot td{font-weight:600}
@media print{body{padding:0;font-size:11px}table{font-size:9px}th,td{padding:2px 5px}td.name{min-width:110px}
tfoot{display:table-row-group}.scroll{overflow:visible}svg.tinyc-memory{min-width:0}
*{print-color-adjust:exact}thead{display:table-header-group}tr,svg,.figures div{break-inside:avoid}}
"""
Cell = tuple[str, str]  # class, text


def report_page(compiled: Compiled, project: CProject) -> str:
    """The whole page. It depends on nothing but the compilation: equal inputs give equal bytes."""
    data, memory = full_report(compiled, project), memory_map(compiled)
    title = f"{data['model']} on {data['target']}"
    body = (
        tag("h1", plain(title)), _options(data), _figures(data),
        tag("div", memory_svg(memory, inline=True), class_="scroll"),
        _peak(memory), _operators(data, memory), _flash(data),
    )
    head = tag("meta", charset="utf-8") + tag("meta", name="viewport", content="width=device-width, initial-scale=1")
    head += tag("title", plain(title)) + tag("style", STYLE)
    return f"<!DOCTYPE html>\n<html lang=\"en\"><head>{head}</head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"


def _options(data: dict[str, Any]) -> str:
    from tinyc import __version__

    core = "" if data["target"] == data["core"] else f" ({data['core']})"
    words = f"objective {data['objective']}, input {data['input_mode']}, {data['target']}{core}, tinyc {__version__}"
    return tag("p", plain(words), class_="quiet")


def _figures(data: dict[str, Any]) -> str:
    flash = sum(data["flash"].values())
    proof = "proven smallest" if data["optimal"] else f"lower bound {data['lower_bound_bytes']:,}"
    overhead = f", {data['mac_overhead']:.1%} of them repeated" if data["mac_overhead"] else ""
    passes = f"{data['operators_in_model']} in the model, {data['segments']} segments"
    tiles = (
        *_memories(data, proof),
        _tile(flash, "bytes of constants in flash", data["flash_bytes"]),
        _tile(data["macs"], f"multiply-accumulates{overhead}"),
        _tile(data["estimated_instructions"], "instructions (estimated)"),
        _tile(data["operators"], f"operators ({passes})"),
    )
    return tag("div", "".join(tiles), class_="figures")


def _memories(data: dict[str, Any], proof: str) -> Iterator[str]:
    """The arena, or every memory that buffers are spread over."""
    if data["memory"] == "one":
        yield _tile(data["arena_bytes"], f"bytes of SRAM, {proof}", data["sram_bytes"])
        return
    for region in data["regions"]:
        yield _tile(region["bytes"], f"bytes of {region['name']}", region["budget"])


def _tile(figure: int, words: str, limit: int | None = None) -> str:
    """A figure in large print, red where it is beyond the target's limit."""
    of = "" if limit is None else tag("small", plain(f" of {limit:,}"))
    kind = "over" if limit is not None and figure > limit else "within"
    return tag("div", tag("b", f"{figure:,}{of}", class_=kind) + plain(words))


def _peak(memory: MemoryMap) -> str:
    """What is live at the peak, and why."""
    if memory.peak is None:
        return ""
    rows = [
        _row([("name", b.label), ("n", f"{b.bytes:,}"), ("n", f"{b.at:,}"), ("n", f"{b.at + b.bytes:,}"),
              *([("name", b.region)] if memory.bands else []), ("name", role(memory, b, memory.peak))])
        for b in memory.live(memory.peak)
    ]
    head = [("name", "tensor"), ("n", "bytes"), ("n", "from"), ("n", "to"),
            *([("name", "of")] if memory.bands else []), ("name", "why it is live")]
    title = f"Live at the peak: step {memory.peak}, {memory.steps[memory.peak].title}"
    return tag("h2", plain(title)) + _table(head, rows)


HEAD = [("n", "#"), ("name", "name"), ("", "operator"), ("", "kernel"), ("n", "MACs"),
        ("n", "instructions (estimated)"), ("", "next best kernel"), ("n", "live bytes"), ("n", "scratch")]


def _operators(data: dict[str, Any], memory: MemoryMap) -> str:
    """A row per operator; those of a segment are grouped below a line that says so."""
    rows: list[str] = []
    numbered = list(enumerate(data["operator_table"]))
    for number, group in groupby(numbered, key=lambda pair: pair[1]["step"]):
        step = memory.steps[number]
        if step.how != "call":
            rows.append(tag("tr", tag("td", plain(_group(memory, number)), colspan=len(HEAD)), class_="group"))
        rows += [_operator(index, row, number == memory.peak) for index, row in group]
    return tag("h2", "Operators") + _table(HEAD, rows, "".join(_totals(data, memory)))


def _totals(data: dict[str, Any], memory: MemoryMap) -> Iterator[str]:
    """What streaming adds to the operators, where anything streams, and the sums."""
    macs, kernels, scratch = (
        [row[key] for row in data["operator_table"]] for key in ("macs", "estimated_instructions", "scratch_bytes")
    )
    streaming = data["estimated_instructions"] - sum(kernels)
    if data["segments"]:
        cells = [("", ""), ("", "moving rows and taking turns in segments"), ("", ""), ("", ""), ("", "")]
        yield _row([*cells, ("n", f"{streaming:,}"), ("", ""), ("", ""), ("", "")])
    yield _row([("", ""), ("", "in all"), ("", ""), ("", ""), ("n", f"{sum(macs):,}"),
                ("n", f"{data['estimated_instructions']:,}"), ("", ""),
                ("n", f"{max((s.live_bytes for s in memory.steps), default=0):,} at most"),
                ("n", f"{max(scratch, default=0):,} at most")])


def _group(memory: MemoryMap, number: int) -> str:
    step = memory.steps[number]
    if step.how == "loop":
        return f"step {number}: a loop, once per image of the batch"
    pushed = ", as the caller pushes the rows of the input" if step.pushed else ""
    last = step.first + len(step.operators) - 1
    which = f"operators {step.first} to {last} run together" if last > step.first else f"operator {last} runs"
    return f"step {number}: a segment, {which} row by row through line buffers{pushed}"


def _operator(index: int, row: dict[str, Any], at_peak: bool) -> str:
    cells = [("n", f"{index}"), ("name", row["name"]), ("", row["operator"]), ("", row["kernel"]),
             ("n", f"{row['macs']:,}"), ("n", f"{row['estimated_instructions']:,}"), ("", _next_best(row)),
             ("n live", f"{row['live_bytes']:,}"), ("n", f"{row['scratch_bytes']:,}")]
    return _row(cells, "peak" if at_peak else "")


def _next_best(row: dict[str, Any]) -> str:
    """The other kernel that would cost the least, of those that serve the operator."""
    return next((f"{other['kernel']} {other['estimated_instructions']:,}" for other in row["alternatives"]
                 if other["refusal"] is None), "none serves it")


def _flash(data: dict[str, Any]) -> str:
    rows = [_row([("", name), ("n", f"{size:,}")]) for name, size in data["flash"].items()]
    foot = _row([("", "in all, code apart"), ("n", f"{sum(data['flash'].values()):,}")])
    return tag("h2", "Flash") + _table([("", "constants"), ("n", "bytes")], rows, foot)


def _table(head: Sequence[Cell], rows: Iterable[str], foot: str = "") -> str:
    titles = tag("thead", tag("tr", "".join(tag("th", plain(text), class_=kind) for kind, text in head)))
    content = titles + "\n" + tag("tbody", "\n".join(rows) or "<!-- none -->")
    return tag("div", tag("table", content + (tag("tfoot", foot) if foot else "")), class_="scroll")


def _row(cells: Sequence[Cell], kind: str = "") -> str:
    row = "".join(tag("td", plain(text) or " ", class_=name) for name, text in cells)
    return tag("tr", row, class_=kind) if kind else tag("tr", row)
