"""The arena over time as an SVG: steps from left to right, bytes upwards, a rectangle for every buffer.

An operator is a column; a segment is one step, so its buffers are as wide as all of its operators. The picture needs
no script; what does not fit as a label is in the tooltip of the rectangle or the column.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tinyc.report.markup import plain, shorten, tag
from tinyc.report.memory_map import MemoryMap, MemoryStep, Placed, peak_sentences, role
from tinyc.report.palette import KINDS, style

# pixels
WIDTH, LEFT, RIGHT = 1200, 84, 166
TEXT_LINE, STRIP, PLOT = 18, 46, 400
LETTER, LETTER_HEIGHT = 6.2, 11  # of the small text, on average and with room around
LABEL_PITCH = 13  # least distance of rotated names
NAME_LETTERS = 26
SENTENCE_LETTERS = 180
IN_VIEW = 1.35  # the SRAM limit is drawn up to this many arenas


@dataclass(frozen=True, slots=True)
class Scale:
    """Where columns and bytes lie in the picture."""

    columns: int
    highest: int  # bytes at the top of the plot
    strip: float  # top of the strip of live bytes
    plot: float  # top of the plot

    @property
    def pitch(self) -> float:
        """Width of a column."""
        return (WIDTH - LEFT - RIGHT) / self.columns

    @property
    def bottom(self) -> float:
        return self.plot + PLOT

    def x(self, column: int) -> float:
        return LEFT + column * self.pitch

    def y(self, offset: int) -> float:
        return self.bottom - PLOT * offset / self.highest


def memory_svg(memory: MemoryMap, *, inline: bool = False) -> str:
    """The picture as a file of its own; `inline`: for use inside HTML."""
    head, top = _head(memory)
    columns = max(1, sum(len(step.operators) for step in memory.steps))
    scale = Scale(columns, _highest(memory), top, top + STRIP + 30)
    axis = "bytes of all memories, stacked" if memory.bands else "offset in the arena, bytes"
    layers = (
        _steps(memory, scale), _grid(scale, axis), _strip(memory, scale), _boxes(memory, scale), _labels(memory, scale),
        _peak(memory, scale), _lines(memory, scale), _names(memory, scale),
    )
    height = scale.bottom + 28 + 0.9 * LETTER * max((len(name) for name in _titles(memory)), default=0)
    ground = tag("rect", class_="ground", width=WIDTH, height=height)
    content = "\n".join((_definitions(), ground, head, *(part for layer in layers for part in layer)))
    outside: dict[str, str | float] = {} if inline else {"xmlns": "http://www.w3.org/2000/svg"}
    return tag(
        "svg", content, **outside, class_="tinyc-memory", viewBox=f"0 0 {WIDTH} {height:g}", width=WIDTH,
        height=height, role="img", font_family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif",
    )


def _highest(memory: MemoryMap) -> int:
    limit = memory.limit_bytes or 0
    shown = max(memory.arena_bytes, limit if limit <= IN_VIEW * memory.arena_bytes else 0, 1)
    return -(-shown * 104 // 100)


def _definitions() -> str:
    line = tag("path", class_="hatch", d="M-1 7L7 -1M2 10L10 2", fill="none")
    pattern = tag("pattern", line, id="tinyc-hatch", width=6, height=6, patternUnits="userSpaceOnUse")
    return tag("style", style(".tinyc-memory")) + tag("defs", pattern)


# ---------------------------------------------------------------------- above the plot
def _head(memory: MemoryMap) -> tuple[str, float]:
    """Title, the sentences on the peak and the legend; and where they end."""
    title = f"{memory.model} on {memory.target}: {memory.arena_bytes:,} bytes of SRAM over time"
    lines = [line for s in peak_sentences(memory) for line in textwrap.wrap(s, SENTENCE_LETTERS)]
    parts = [_text(LEFT, 20, shorten(title, 120), class_="head")]
    parts += [_text(LEFT, 42 + TEXT_LINE * i, line) for i, line in enumerate(lines)]
    y = 42 + TEXT_LINE * len(lines) + 8
    parts += _legend(memory, y)
    return "\n".join((tag("title", plain(title)), *parts)), y + 18


def _legend(memory: MemoryMap, y: float) -> Iterator[str]:
    x: float = LEFT
    for kind in (kind for kind in KINDS if any(b.kind == kind for b in memory.buffers)):
        yield tag("rect", x=x, y=y - 9, width=14, height=11, class_=f"box {kind}")
        yield _text(x + 19, y, KINDS[kind][2], class_="small")
        x += 40 + LETTER * len(KINDS[kind][2])
    if any(step.how == "segment" for step in memory.steps):
        yield tag("rect", x=x, y=y - 9, width=14, height=11, class_="band")
        yield _text(x + 19, y, "segment: its operators take turns, row by row", class_="small")


def _strip(memory: MemoryMap, scale: Scale) -> Iterator[str]:
    """A bar of live bytes per step."""
    yield _text(LEFT - 8, scale.strip + STRIP, "live bytes", class_="small quiet", text_anchor="end")
    highest = max((step.live_bytes for step in memory.steps), default=0) or 1
    for number, step in enumerate(memory.steps):
        height = STRIP * step.live_bytes / highest
        x, width = _span(step, step, scale)
        bar = tag("title", plain(_step_text(memory, number)))
        kind = "at-peak" if number == memory.peak else "live"
        y, gap = scale.strip + STRIP - height, min(1.0, width / 6)
        yield tag("rect", bar, x=x + gap / 2, y=y, width=width - gap, height=height, class_=kind)


# ---------------------------------------------------------------------- the plot
def _steps(memory: MemoryMap, scale: Scale) -> Iterator[str]:
    """Segments as bands, the peak's step tinted, and a tooltip for every step."""
    for number, step in enumerate(memory.steps):
        x, width = _span(step, step, scale)
        shade = "at-peak tint" if number == memory.peak else "band" if step.how == "segment" else "hit"
        tip = tag("title", plain(_step_text(memory, number)))
        yield tag("rect", tip, x=x, y=scale.plot, width=width, height=PLOT, class_=shade)
        if step.how == "segment":
            y = scale.bottom + 4
            yield tag("line", x1=x + 0.5, x2=x + width - 0.5, y1=y, y2=y, class_="band-edge")
            words = "streamed input" if step.pushed else "segment"
            if width >= LETTER * len(words):
                yield _text(x + width / 2, scale.plot + 10, words, class_="small band-name", text_anchor="middle")


def _step_text(memory: MemoryMap, number: int) -> str:
    step = memory.steps[number]
    how = {"call": "", "loop": " (a loop over images)", "segment": " (a segment, row by row)"}[step.how]
    live = "; ".join(f"{b.label} {b.bytes:,}" for b in memory.live(number))
    return f"step {number}{how}: {', '.join(step.operators)}. {step.live_bytes:,} bytes are live: {live}"


def _grid(scale: Scale, words: str) -> Iterator[str]:
    """Offsets at multiples of a power of two."""
    apart = 1
    while scale.highest / apart > 9:
        apart *= 2
    for offset in range(0, scale.highest + 1, apart):
        y = scale.y(offset)
        kind = "axis" if offset == 0 else "grid"
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_=kind)
        yield _text(LEFT - 8, y + 3.5, f"{offset:,}", class_="small quiet", text_anchor="end")
    middle = scale.plot + PLOT / 2
    yield _text(14, middle, words, class_="small quiet", text_anchor="middle",
                transform=f"rotate(-90 14 {middle:g})")


def _boxes(memory: MemoryMap, scale: Scale) -> Iterator[str]:
    """A rectangle per buffer, long-lived ones below, so that the short-lived stay reachable."""
    for buffer in sorted(memory.buffers, key=lambda b: (b.first - b.last, b.first, b.offset, b.name)):
        x, width = _span(*_ends(memory, buffer), scale)
        y = scale.y(buffer.end)
        yield tag(
            "rect", tag("title", plain(_tip(memory, buffer))), x=x, y=y, width=width, height=scale.y(buffer.offset) - y,
            class_=f"box {buffer.kind}", data_buffer=buffer.name,
        )


def _ends(memory: MemoryMap, buffer: Placed) -> tuple[MemoryStep, MemoryStep]:
    nothing = MemoryStep("call", ("",), 0, 0)  # a network without operators still holds its inputs
    return (memory.steps[buffer.first], memory.steps[buffer.last]) if memory.steps else (nothing, nothing)


def _tip(memory: MemoryMap, buffer: Placed) -> str:
    rows = f" ({buffer.rows})" if buffer.rows else ""
    memory_name = f" of {buffer.region}" if buffer.region else ""
    place = f"{buffer.bytes:,} bytes at {buffer.at:,} to {buffer.at + buffer.bytes:,}{memory_name}"
    waits = [s for s in range(buffer.first, buffer.last + 1) if s not in buffer.touched]
    idle = f", {role(memory, buffer, waits[0])} in between" if waits and memory.steps else ""
    return f"{buffer.label}{rows}: {place}, steps {buffer.first} to {buffer.last}{idle}"


def _span(first: MemoryStep, last: MemoryStep, scale: Scale) -> tuple[float, float]:
    """Left edge and width of the columns from one step to another."""
    left, right = scale.x(first.first), scale.x(last.first + len(last.operators))
    return left, right - left


def _labels(memory: MemoryMap, scale: Scale) -> Iterator[str]:
    for buffer in memory.buffers:
        first, last, low, high = _clear(memory, buffer)
        x, width = _span(first, last, scale)
        yield from _label(buffer, x, scale.y(high), width, scale.y(low) - scale.y(high))


def _clear(memory: MemoryMap, buffer: Placed) -> tuple[MemoryStep, MemoryStep, int, int]:
    """First and last step, lowest and highest byte of the largest part that nothing overlaps.

    Where everything is overlapped (updated in place, again and again): the step that the buffer begins with.
    """
    first, last = _ends(memory, buffer)
    others = [b for b in memory.buffers if b is not buffer and b.meets(buffer)]
    best, area = (first, first, buffer.offset, buffer.end), 0
    for (low, high), run in groupby(range(buffer.first, buffer.last + 1), lambda step: _gap(buffer, others, step)):
        steps = [memory.steps[step] for step in run] if memory.steps else [first]
        found = (high - low) * sum(len(step.operators) for step in steps)
        if found > area:
            best, area = (steps[0], steps[-1], low, high), found
    return best


def _gap(buffer: Placed, others: Sequence[Placed], step: int) -> tuple[int, int]:
    """The largest run of the buffer's bytes where none of the others lies at a step."""
    low, gaps = buffer.offset, [(buffer.offset, buffer.offset)]
    for other in sorted((b for b in others if b.lives(step)), key=lambda b: b.offset):
        gaps.append((low, other.offset))
        low = max(low, other.end)
    return max((*gaps, (low, buffer.end)), key=lambda gap: gap[1] - gap[0])


def _label(buffer: Placed, x: float, y: float, width: float, height: float) -> Iterator[str]:
    """What fits: name and bytes in two lines, in one, or upright; else the number of the operator that writes it."""
    number = "" if buffer.made_by is None else f"{buffer.made_by}"
    name = f"{number} {buffer.label}".strip()
    size = f"{buffer.bytes:,}" + (f", {buffer.rows}" if buffer.rows else "")
    across, up = int((width - 4) / LETTER), int((height - 4) / LETTER)  # letters that there is room for
    flat, upright = height >= LETTER_HEIGHT, width >= LETTER_HEIGHT
    cx, cy, one = x + width / 2, y + height / 2 + 3.5, f"{name} {size}"
    turn = f"rotate(-90 {cx:.2f} {cy - 3.5:.2f})"
    if height >= 2.2 * LETTER_HEIGHT and across >= max(len(size), min(len(name), 16)):
        yield _small(cx, cy - 6, shorten(name, across))
        yield _small(cx, cy + 6.5, size)
    elif flat and (across >= len(one) or (across >= min(len(name), 16) and across >= up)):
        yield _small(cx, cy, shorten(one if across >= len(one) else name, across))
    elif upright and up >= min(len(name), 12):
        yield _small(cx, cy, shorten(one if up >= len(one) else name, up), turn)
    elif number and height >= LETTER_HEIGHT - 2 and width >= LETTER * len(number) + 2:
        yield _small(cx, cy, number)


def _small(x: float, y: float, words: str, turn: str = "") -> str:
    turned: dict[str, str | float] = {"transform": turn} if turn else {}
    return _text(x, y, words, class_="small", text_anchor="middle", pointer_events="none", **turned)


# ---------------------------------------------------------------------- peak, limits, names
def _peak(memory: MemoryMap, scale: Scale) -> Iterator[str]:
    """The step where the most is live, marked from the strip down to the names."""
    if memory.peak is None:
        return
    step = memory.steps[memory.peak]
    x, width = _span(step, step, scale)
    for edge in (x, x + width):
        yield tag("line", x1=edge, x2=edge, y1=scale.strip, y2=scale.bottom, class_="peak-edge")
    middle, y = x + width / 2, scale.plot - 12
    words = f"▼ peak, {step.live_bytes:,} bytes live at step {memory.peak}"
    half = LETTER * len(words) / 2
    at = min(max(middle, LEFT + half), WIDTH - RIGHT - half)
    yield _text(at, y, words, class_="at-peak strong halo", text_anchor="middle")


def _lines(memory: MemoryMap, scale: Scale) -> Iterator[str]:
    """The arena's size, the lower bound, the target's limit; their names at the right, apart from each other.

    Of several memories, the end of each.
    """
    lowest = 0.0
    for kind, height, size, words in sorted(_marks(memory, scale), key=lambda mark: -mark[1]):
        y = scale.y(height)
        yield tag("line", x1=LEFT, x2=WIDTH - RIGHT + 6, y1=y, y2=y, class_=kind)
        lowest = max(y + 3.5, lowest + 26)
        yield _text(WIDTH - RIGHT + 10, lowest, f"{size:,}", class_="strong")
        yield _text(WIDTH - RIGHT + 10, lowest + 12, words, class_="small quiet")


def _marks(memory: MemoryMap, scale: Scale) -> list[tuple[str, int, int, str]]:
    """Class, height, number and name of the horizontal lines."""
    if memory.bands:
        return [("arena", band.end, band.bytes, shorten(band.name, 24)) for band in memory.bands]
    proven = memory.lower_bound_bytes == memory.arena_bytes
    marks = [("arena", memory.arena_bytes, "arena = lower bound" if proven else "arena")]
    if not proven:
        marks.append(("bound", memory.lower_bound_bytes, "lower bound"))
    if memory.limit_bytes is not None and memory.limit_bytes <= scale.highest:
        marks.append(("limit", memory.limit_bytes, f"SRAM of {shorten(memory.target, 14)}"))
    return [(kind, size, size, words) for kind, size, words in marks]


def _names(memory: MemoryMap, scale: Scale) -> Iterator[str]:
    """Operators below the axis, thinned where columns are narrow; the peak's are always there."""
    titles = _titles(memory)
    every = max(1, -(-LABEL_PITCH // scale.pitch))
    strong = range(0)
    if memory.peak is not None:
        first = memory.steps[memory.peak].first
        strong = range(first, first + len(memory.steps[memory.peak].operators))
    for column, name in enumerate(name for step in memory.steps for name in step.operators):
        near = column not in strong and strong and min(abs(column - strong[0]), abs(column - strong[-1])) < every
        shown = (column - strong[0]) % every == 0 if column in strong else column % every == 0 and not near
        if not shown:
            continue
        x, y = scale.x(column) + scale.pitch / 2 + 3, scale.bottom + 16
        kind = "small at-peak strong" if column in strong else "small"
        yield tag(
            "text", tag("title", plain(name)) + plain(titles[column]), x=x, y=y, class_=kind, text_anchor="end",
            transform=f"rotate(-60 {x:.2f} {y:.2f})",
        )


def _titles(memory: MemoryMap) -> list[str]:
    """The operators' numbers and names, short enough to stand below the axis."""
    names = [name for step in memory.steps for name in step.operators]
    return [shorten(f"{number} {name}", NAME_LETTERS) for number, name in enumerate(names)]


def _text(x: float, y: float, words: str, **attributes: str | float) -> str:
    return tag("text", plain(words), x=x, y=y, **attributes)
