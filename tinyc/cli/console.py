"""What a command gives back, and how it reaches the person (or the script) that asked."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from tinyc.errors import TinycError

NUMBER = (int, float)
WIDEST = 72  # characters of a cell, the last column's excepted


@dataclass(frozen=True)
class Line:
    """A line of output; `style` (rich's words) shows on a terminal only."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Answer:
    """A command's result: the object that --json prints, the lines for a person, and what went wrong.

    With `failure`, the figures are still shown; its exit code is the command's.
    """

    data: dict[str, Any]
    lines: Sequence[Line | str] = ()
    failure: TinycError | None = None


@dataclass
class Console:
    """Standard output and error. With `json`, standard output is kept for the one object."""

    json: bool = False
    out: IO[str] = field(default_factory=lambda: sys.stdout)
    err: IO[str] = field(default_factory=lambda: sys.stderr)

    def answer(self, answer: Answer) -> int:
        """Show a result; returns the exit code."""
        failure = answer.failure
        if self.json:
            self._object(answer.data | (_problem(failure) if failure else {}))
        else:
            self._lines(self.out, answer.lines)
        if failure is not None:
            self._sentence(failure)
        return failure.exit_code if failure else 0

    def error(self, error: TinycError) -> int:
        """Show an error; returns its exit code."""
        if self.json:
            self._object(_problem(error))
        self._sentence(error)
        return error.exit_code

    def note(self, text: str) -> None:
        """Something worth knowing that is no result; always on standard error."""
        self._lines(self.err, [line for line in text.splitlines()])

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show on a terminal what is going on, as long as it does."""
        if not _fancy(self.err):
            yield
            return
        from rich.console import Console as Rich

        with Rich(file=self.err).status(printable(text)):
            yield

    def _object(self, data: dict[str, Any]) -> None:
        self.out.write(json.dumps(data, indent=1) + "\n")

    def _sentence(self, error: TinycError) -> None:
        first, *rest = str(error).splitlines() or ["something went wrong"]
        self._lines(self.err, [Line(f"tinyc: {first}", "red"), *(f"       {line}" for line in rest)])

    def _lines(self, file: IO[str], lines: Sequence[Line | str]) -> None:
        items = [line if isinstance(line, Line) else Line(line) for line in lines]
        if _fancy(file):
            _styled(file, items)
        else:
            file.writelines(printable(item.text) + "\n" for item in items)


def _styled(file: IO[str], lines: Sequence[Line]) -> None:
    from rich.console import Console as Rich
    from rich.text import Text

    terminal = Rich(file=file, highlight=False)
    for line in lines:
        terminal.print(Text(printable(line.text), line.style), soft_wrap=True)


def _fancy(file: IO[str]) -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return file.isatty() and not plain


def _problem(error: TinycError) -> dict[str, Any]:
    """The keys that describe an error in JSON."""
    problems = getattr(error, "problems", None) or str(error).splitlines()
    return {"error": str(error), "problems": list(problems), "exit_code": error.exit_code}


def printable(text: str) -> str:
    """Text without control characters: names come from model files, and a terminal obeys what it is sent."""
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)


def _text(cell: Any, *, shorten: bool) -> str:
    """A cell. A long name keeps its end, which is what tells tensors apart; --json has it whole."""
    text = f"{cell:,}" if isinstance(cell, NUMBER) else str(cell)
    return "..." + text[3 - WIDEST :] if shorten and len(text) > WIDEST else text


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Line | str]:
    """Aligned columns, numbers to the right with thousands separators; nothing where there are no rows."""
    if not rows:
        return []
    last = len(head) - 1
    texts = [[_text(cell, shorten=i < last) for i, cell in enumerate(row)] for row in rows]
    right = [all(isinstance(row[i], NUMBER) for row in rows) for i in range(len(head))]
    widths = [max(len(text[i]) for text in [list(head), *texts]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        aligned = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True))
        return "  " + "  ".join(aligned).rstrip()

    return [Line(line(head), "bold"), *(line(text) for text in texts)]
