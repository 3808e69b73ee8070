"""One C function for all blocks of rows of an operator: where the calls at borders differ from others in numbers alone,
the numbers become variables that depend on the row."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_TOKEN = re.compile(r"\w+|\s+|.", re.DOTALL)
_NUMBER = re.compile(r"(\d+)u?\Z")
_STATIC = re.compile(r"static const [^;]*;")
_STRUCT = re.compile(r"\w+ (\w+) = \{")


def merge_variants(variants: Sequence[tuple[int, Sequence[str]]]) -> list[str] | None:
    """The lines of one function from (first row, lines) of each variant; None where more than numbers differ.

    The function has a parameter `row`; variants follow each other from row 0 on.
    """
    bodies = [_TOKEN.findall("\n".join(lines)) for _, lines in variants]
    if len({len(body) for body in bodies}) > 1:
        return None
    named: dict[tuple[str, ...], str] = {}
    merged: list[str] = []
    for tokens in zip(*bodies, strict=True):
        if len(set(tokens)) > 1:
            if not all(_NUMBER.match(token) for token in tokens):
                return None
            name = named.setdefault(tokens, _fresh(_describe("".join(merged)), named.values()))
            merged.append(name)
        else:
            merged.append(tokens[0])
    firsts = [first for first, _ in variants]
    body = _STATIC.sub(lambda m: _without_static(m.group(), named.values()), "".join(merged))
    return [*(_declaration(name, tokens, firsts) for tokens, name in named.items()), *body.split("\n")]


def _without_static(statement: str, names: Collection[str]) -> str:
    """A struct whose fields depend on the row cannot lie in flash."""
    varies = any(re.search(rf"\b{name}\b", statement) for name in names)
    return statement.removeprefix("static ") if varies else statement


def _describe(before: str) -> str:
    """A name for the number that comes next: the struct variable and field that it initialises."""
    structs = list(_STRUCT.finditer(before))
    fields = re.findall(r"\.(\w+) =", before[structs[-1].start() :]) if structs else []
    return f"{structs[-1].group(1)}_{fields[-1]}" if fields else "count"


def _fresh(name: str, taken: Collection[str]) -> str:
    number, fresh = 1, name
    while fresh in taken:
        number, fresh = number + 1, f"{name}_{number + 1}"
    return fresh


def _declaration(name: str, tokens: Sequence[str], firsts: Sequence[int]) -> str:
    kind = "uint32_t" if any(token.endswith("u") for token in tokens) else "int32_t"
    return f"const {kind} {name} = {choose_by_row(list(zip(firsts, tokens, strict=True)))};"


def choose_by_row(choices: Sequence[tuple[int, str]]) -> str:
    """`row < first of the next ? … : …` from (first row, expression), in rising order; equal neighbours told once."""
    steps = [c for i, c in enumerate(choices) if i == 0 or c[1] != choices[i - 1][1]]
    text = steps[-1][1]
    for (_, expression), (following, _) in reversed(list(zip(steps, steps[1:], strict=False))):
        text = f"row < {following}u ? {expression} : {text}"
    return text
