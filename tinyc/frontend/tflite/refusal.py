"""Why something in a model cannot be compiled."""

from __future__ import annotations

from dataclasses import dataclass


class Refusal(Exception):
    """One reason, and what to do about it; the importer adds which operator it concerns."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason}; {remedy}." if remedy else f"{reason}.")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: a sentence, and the operator that it concerns (None: the model as a whole)."""

    text: str
    operator: int | None = None
