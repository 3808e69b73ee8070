"""The C of a streamed segment: per operator a function that picks the call of a block, and tables for the runtime."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinyc.codegen.events import events_source
from tinyc.codegen.text import comment
from tinyc.codegen.variants import choose_by_row, merge_variants
from tinyc.codegen.writer import CallWriter, function_name, wrap
from tinyc.program.flow import Feed, Stage
from tinyc.program.lower import POSITION_BYTES
from tinyc.program.program import Line, Segment

if TYPE_CHECKING:
    from tinyc.codegen.emit import Network


VARIANT_PARAMETERS = "const uint8_t *const *in, uint8_t *out"
ROW_PARAMETERS = f"{VARIANT_PARAMETERS}, uint32_t row"


def segment_source(segment: Segment, number: int, operators: list[int], network: Network) -> str:
    """Block functions, tables and `run_segment_N`; `operators` are the numbers of the segment's operators."""
    pushed = "TINYC_STREAM_STORED" if segment.pushed is None else f"{segment.pushed}u"
    blocks = "\n".join(f"    {line}" for line in wrap("", [f"block_{n}" for n in operators], ""))
    parts = [
        *(_block_function(o.stage, n, segment, network) for o, n in zip(segment.operators, operators, strict=True)),
        _lines(segment, number, network),
        events_source(segment, number),
        f"""
static const tinyc_block blocks_{number}[] = {{
{blocks}
}};

static const tinyc_segment segment_{number} = {{
    lines_{number}, blocks_{number}, events_{number}, {len(segment.lines)}u, {pushed}
}};
""",
    ]
    if segment.state is None:
        parts.append(f"""
static tinyc_status run_segment_{number}(void)
{{
    tinyc_position at;
    tinyc_line_state lines[{len(segment.lines)}];
{_flow(network, "&at", "lines")}    tinyc_stream_start(&segment_{number}, &at, lines);
    return tinyc_stream_run(&segment_{number}, &flow);
}}
""")
    else:
        parts.append(_state(segment.state.buffer, network))
    return "".join(parts)


def _state(buffer: str, network: Network) -> str:
    """Where what changes while rows arrive lies: between two pushes it must live."""
    at = network.places.offset(buffer)
    position = network.places.at("tinyc_position", buffer, f"{at}u")
    lines = network.places.at("tinyc_line_state", buffer, f"{at + POSITION_BYTES}u")
    return f"\n#define POSITION {position}\n#define LINES {lines}\n"


def _flow(network: Network, position: str, lines: str) -> str:
    """What the runtime takes; lines are numbered with the regions that they lie in, where there are several."""
    symbols = ", ".join(region.symbol for region in network.places.regions)
    memories = f"    uint8_t *const memories[] = {{arena, {symbols}}};\n" if symbols else ""
    return f"{memories}    const tinyc_flow flow = {{{position}, {lines}, {network.places.memories}}};\n"


def push_source(network: Network, line: Line) -> str:
    """`NAME_push_rows` of a network whose input is streamed; its rows flow through segment 0."""
    dtype = network.program.inputs[0].type.dtype
    return f"""
tinyc_status {network.prefix}_push_rows(const {dtype.c} *rows, size_t n)
{{
    if (arena == NULL) {{
        return TINYC_NOT_INITIALISED;
    }}
{_flow(network, "POSITION", "LINES")}    for (size_t i = 0u; i < n; i++) {{
        TRY(tinyc_stream_push(&segment_0, &flow, rows + i * {line.row_bytes // dtype.bytes}u));
    }}
    return TINYC_OK;
}}
"""


def merge_rows(writers: Sequence[CallWriter]) -> list[str] | None:
    """One body for all rows of an operator, or None where its variants differ in more than numbers."""
    body = merge_variants([(w.first_row or 0, w.lines) for w in writers])
    if body is None:
        return None
    used = "\n".join(body)
    unused = [f"(void){name};" for name in ("in", "out", "row") if not re.search(rf"\b{name}\b", used)]
    return [*unused, *body]


def _block_function(stage: Stage, number: int, segment: Segment, network: Network) -> str:
    """What the runtime calls for every block; variants follow each other from the top of the image to its bottom."""
    writers = [w for w in network.writers if w.number == number]
    if merge_rows(writers) is not None:
        choice = f"{function_name(writers[0].call, number)}(in, out, row)"
    else:
        choice = choose_by_row(
            [(w.first_row or 0, f"{function_name(w.call, number, w.first_row)}(in, out)") for w in writers]
        )
    firsts = [_first_row(feed, f"table_{number}_{index}") for index, feed in enumerate(stage.feeds)]
    read = [_address(segment, f.line, row, network, "const ") for f, row in zip(stage.feeds, firsts, strict=True)]
    written = _address(segment, stage.output, "row", network)
    body = [
        f"const uint32_t row = lines[{stage.output}].made;",
        *wrap("const uint8_t *const in[] = {", read, "};"),
        f"uint8_t *const out = {written};",
        f"RUN({number}u, {choice});",
        f"lines[{stage.output}].made = (uint16_t)({_end(stage, segment.lines[stage.output].rows)});",
        "return TINYC_OK;",
    ]
    text = "\n".join(f"    {line}" for line in body)
    head = f"static tinyc_status block_{number}(tinyc_line_state *lines)"
    return f"{_tables(stage, number)}\n{head}\n{{\n{text}\n}}\n"


def _end(stage: Stage, rows: int) -> str:
    """Where the block that begins at `row` ends (`Stage.block`)."""
    end = f"row + {stage.height}u"
    if (rows - stage.first) % stage.height:
        end = f"{end} < {rows}u ? {end} : {rows}u"
    return end if stage.first == stage.height else f"row == 0u ? {stage.first}u : {end}"


def _first_row(feed: Feed, table: str) -> str:
    """The first row that output row `row` reads (`Feed.needs`)."""
    if feed.table:
        return f"{table}[row]"
    if feed.is_fixed:
        return f"{max(0, -feed.before)}u"
    row = "row" if feed.stride == 1 else f"row * {feed.stride}u"
    if feed.before > 0:
        return f"tinyc_row_before({row}, {feed.before}u)"
    return f"{row} + {-feed.before}u" if feed.before else row


def _address(segment: Segment, number: int, row: str, network: Network, const: str = "") -> str:
    """Where a row of a line lies."""
    line = segment.lines[number]
    first = network.places.at(f"{const}uint8_t", line.place.buffer,
                              f"{network.places.offset(line.place.buffer) + line.place.start}u")
    if line.depth < line.rows:
        row = f"({row} - lines[{number}].held)"
    elif " " in row and not row.startswith("tinyc_row_before"):
        row = f"({row})"
    return f"{first} + {row} * {line.row_bytes}u"


def _tables(stage: Stage, number: int) -> str:
    """The rows that feeds pick."""
    found = ""
    for index, feed in enumerate(stage.feeds):
        if feed.table:
            values = textwrap.fill(", ".join(f"{row}u" for row in feed.table), 108, initial_indent="    ",
                                   subsequent_indent="    ")
            found += f"\nstatic const uint16_t table_{number}_{index}[] = {{\n{values}}};\n"
    return found


def _lines(segment: Segment, number: int, network: Network) -> str:
    rows = "".join(
        f"    {{{network.places.offset(line.place.buffer) + line.place.start}u, {line.row_bytes}u, {line.rows}u, "
        f"{network.places.number(line.place.buffer)}u}}, /* {comment(line.label)} */\n"
        for line in segment.lines
    )
    head = "/* offset, bytes of a row, rows, memory */"
    return f"\n{head}\nstatic const tinyc_line lines_{number}[] = {{\n{rows}}};\n"
