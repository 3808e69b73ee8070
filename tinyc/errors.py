"""The errors a user can cause, each with the exit code of the command line (docs: command line, exit codes).

An error is a sentence: what is wrong, where (operator, tensor, file offset), why, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence


class TinycError(Exception):
    """Base of every error that is the user's to mend; the command line prints it without a traceback."""

    exit_code = 1


class UsageError(TinycError):
    """The command, an option or an argument is wrong; nothing was done."""

    exit_code = 2


class ModelError(TinycError):
    """The model is damaged, or uses what tinyc does not support. `problems` holds every finding, one sentence each."""

    exit_code = 3

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class DoesNotFit(TinycError):
    """The plan needs more memory than the target has."""

    exit_code = 4


class Mismatch(TinycError):
    """The compiled network and the named reference disagree."""

    exit_code = 5


class ToolchainError(TinycError):
    """A compiler, an emulator or a reference package is missing or failed."""

    exit_code = 6
