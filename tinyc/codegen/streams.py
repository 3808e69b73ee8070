"""The C of a streamed segment: per operator a function that picks the call of a block, and tables for the runtime."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinyc.codegen.text import comment
from tinyc.codegen.variants import choose_by_row, merge_variants
from tinyc.codegen.writer import CallWriter, function_name
from tinyc.program.program import Line, Segment, StreamedOperator

if TYPE_CHECKING:
    from tinyc.codegen.emit import Network


VARIANT_PARAMETERS = "const uint8_t *const *in, uint8_t *out"
ROW_PARAMETERS = f"{VARIANT_PARAMETERS}, uint32_t row"


def segment_source(segment: Segment, number: int, operators: list[int], network: Network) -> str:
    """Block functions, tables and `run_segment_N`; `operators` are the numbers of the segment's operators."""
    named = list(zip(segment.operators, operators, strict=True))
    parts = [_block_function(n, [w for w in network.writers if w.number == n]) for _, n in named]
    parts.append(_lines(segment, number, network))
    parts += [_feeds(o, n) for o, n in named]
    stages = "".join(
        f"    {{block_{n}, feeds_{n}, {len(s.feeds)}u, {s.output}u, {s.first}u, {s.height}u}},\n"
        for s, n in ((o.stage, n) for o, n in named)
    )
    pushed = "TINYC_STREAM_STORED" if segment.pushed is None else f"{segment.pushed}u"
    counts = f"{len(segment.lines)}u, {len(named)}u, {pushed}"
    parts.append(f"""
static const tinyc_stage stages_{number}[] = {{
{stages}}};

static const tinyc_segment segment_{number} = {{lines_{number}, stages_{number}, {counts}}};
""")
    if segment.state is None:
        parts.append(f"""
static tinyc_status run_segment_{number}(void)
{{
    tinyc_line_state state[{len(segment.lines)}];
    tinyc_stream_start(&segment_{number}, state);
{_memories(network)}    return tinyc_stream_run(&segment_{number}, state, {network.places.memories});
}}
""")
    else:
        buffer = segment.state.buffer
        state = network.places.at("tinyc_line_state", buffer, f"{network.places.offset(buffer)}u")
        parts.append(f"\n#define STATE {state}\n")
    return "".join(parts)


def _memories(network: Network) -> str:
    """What the runtime takes for the regions that lines are numbered with, where there are several."""
    symbols = ", ".join(region.symbol for region in network.places.regions)
    return f"    uint8_t *const memories[] = {{arena, {symbols}}};\n" if symbols else ""


def push_source(network: Network, line: Line) -> str:
    """`NAME_push_rows` of a network whose input is streamed; its rows flow through segment 0."""
    dtype = network.program.inputs[0].type.dtype
    memories = network.places.memories
    return f"""
tinyc_status {network.prefix}_push_rows(const {dtype.c} *rows, size_t n)
{{
    if (arena == NULL) {{
        return TINYC_NOT_INITIALISED;
    }}
{_memories(network)}    for (size_t i = 0u; i < n; i++) {{
        TRY(tinyc_stream_push(&segment_0, STATE, {memories}, rows + i * {line.row_bytes // dtype.bytes}u));
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


def _block_function(number: int, writers: Sequence[CallWriter]) -> str:
    """What the runtime calls for every block; variants follow each other from the top of the image to its bottom."""
    if merge_rows(writers) is not None:
        choice = f"{function_name(writers[0].call, number)}(in, out, row)"
    else:
        choice = choose_by_row(
            [(w.first_row or 0, f"{function_name(w.call, number, w.first_row)}(in, out)") for w in writers]
        )
    return f"""
static tinyc_status block_{number}(const uint8_t *const *in, uint8_t *out, uint32_t row)
{{
    RUN({number}u, {choice});
    return TINYC_OK;
}}
"""


def _lines(segment: Segment, number: int, network: Network) -> str:
    readers = [[i for i, o in enumerate(segment.operators) for f in o.stage.feeds if f.line == line] or [0]
               for line in range(len(segment.lines))]
    rows = "".join(
        f"    {{{network.places.offset(line.place.buffer) + line.place.start}u, {line.row_bytes}u, {line.rows}u, "
        f"{line.depth}u, {min(own)}u, {max(own)}u, {network.places.number(line.place.buffer)}u}}, "
        f"/* {comment(line.label)} */\n"
        for line, own in zip(segment.lines, readers, strict=True)
    )
    head = "/* offset, bytes of a row, rows, rows held, first and last reader, memory */"
    return f"\n{head}\nstatic const tinyc_line lines_{number}[] = {{\n{rows}}};\n"


def _feeds(operator: StreamedOperator, number: int) -> str:
    feeds, tables = operator.stage.feeds, ""
    for index, feed in enumerate(feeds):
        if feed.table:
            values = textwrap.fill(", ".join(f"{row}u" for row in feed.table), 108, initial_indent="    ",
                                   subsequent_indent="    ")
            tables += f"\nstatic const uint16_t table_{number}_{index}[] = {{\n{values}}};\n"
    names = [f"table_{number}_{index}" if feed.table else "NULL" for index, feed in enumerate(feeds)]
    rows = ", ".join(
        f"{{{name}, {f.line}u, {f.stride}u, {f.before}, {f.reach}u}}" for name, f in zip(names, feeds, strict=True)
    )
    head = "/* table, line, stride, before, reach */"
    return f"{tables}\n{head}\nstatic const tinyc_feed feeds_{number}[] = {{{rows}}};\n"
