"""How rows flow through a longest run of operators that can stream together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tinyc.ir.graph import Graph, Value
from tinyc.program.lines import SegmentLines
from tinyc.program.rows import RowStage, first_block
from tinyc.schedule.step import BYTE_INSTRUCTIONS, Form, Step


class Run:
    """A longest run of operators that can be streamed, `heights` rows at a time, and how rows flow through it.

    How far a reader lags behind depends on the operators between, not on where a segment begins or ends: so one run
    of the rows tells the line buffers and overlaps of every segment inside. Blocks may begin at other rows, though, and
    what leaves a segment is not held back by readers after it: `exact` is a run that is a segment by itself.
    """

    def __init__(
        self, graph: Graph, steps: Sequence[Step], start: int, stop: int, pushed: Value | None,
        heights: tuple[int, ...], exact: bool,
    ) -> None:
        self.start, self.stop, self.heights = start, stop, heights
        forms = _aligned(steps[start:stop], heights)
        stages = [(number, stage) for number, form in enumerate(forms) for stage in form.stages]
        pushed = pushed if any(v is pushed for _, stage in stages for v, _ in stage.reads) else None
        flow = SegmentLines([stage for _, stage in stages], graph, pushed)
        self.lines, self._row_bytes, self._trace = flow.numbers, flow.row_bytes, flow.flowing if exact else flow.trace
        self._stage = {id(stage.output): number for number, (_, stage) in enumerate(stages)}
        self._trails = {id(form.stages[-1].output): form.trails for form in forms}
        self.line_bytes: dict[int, int] = {}
        self.work, self.scratch = [form.work for form in forms], [form.scratch for form in forms]
        if flow.pushed is not None:
            self.line_bytes[id(pushed)] = flow.depths[flow.pushed] * flow.row_bytes[flow.pushed]
            self.work[0] += BYTE_INSTRUCTIONS * self._trace.moved_rows(flow.pushed) * flow.row_bytes[flow.pushed]
        self.hidden_bytes = [0] * (stop - start)  # of tensors that only exist in the streamed form (sums)
        for number, stage in stages:
            line = flow.numbers[id(stage.output)]
            depth = flow.depths[line] if flow.is_internal[line] or not exact else stage.rows
            self.work[number] += BYTE_INSTRUCTIONS * self._trace.moved_rows(line, depth) * stage.row_bytes
            self.line_bytes[id(stage.output)] = depth * stage.row_bytes
            if stage.output.producer is None:
                self.hidden_bytes[number] += depth * stage.row_bytes

    @cache  # noqa: B019  a run lives as long as one choice
    def distance(self, source: int, output: int) -> int:
        """Bytes by which a result must lie below a tensor that dies in the segment (both by identity)."""
        line, out, kernel = self.lines[source], self.lines[output], self._trails[output].get(source)
        return self._trace.trail_distance(
            self._stage[output], line, self._row_bytes[line], self._row_bytes[out], kernel
        )


def _aligned(steps: Sequence[Step], heights: Sequence[int]) -> list[Form]:
    """The forms of steps that stream together, as `segment_stages` makes them."""
    made: dict[int, RowStage] = {}
    found: list[Form] = []
    for step, height in zip(steps, heights, strict=True):
        form = step.form(height, first_block(step.node, height, made)) or step.forms[1]
        made |= {id(stage.output): stage for stage in form.stages}
        found.append(form)
    return found
