"""Whether a plan fits its target, and the sentences for where it doesn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyc.errors import DoesNotFit
from tinyc.report.summary import peak

if TYPE_CHECKING:
    from tinyc.codegen import CProject
    from tinyc.compiler import Compiled

LARGEST = 4  # live tensors that a message names


def does_not_fit(compiled: Compiled, project: CProject) -> DoesNotFit | None:
    """The error that says what is too large, at which operator, and what would help; None where all fits.

    Flash is compared with the constants alone: how large the code becomes is the C compiler's doing.
    """
    found = [s for s in (_sram(compiled), _flash(compiled, project)) if s]
    boards = _boards(compiled.plan.arena_bytes, _constants(project)) if found else ""
    return DoesNotFit("\n".join(sentence + boards for sentence in found)) if found else None


def _sram(compiled: Compiled) -> str | None:
    plan, target = compiled.plan, compiled.target
    if target.sram_bytes is None or plan.arena_bytes <= target.sram_bytes:
        return None
    least = "no plan of its schedule needs less" if plan.optimal else f"the least is {plan.lower_bound_bytes:,}"
    return (
        f"{compiled.name} needs {plan.arena_bytes:,} bytes of SRAM ({least}), but {target.name} has "
        f"{target.sram_bytes:,}: {plan.arena_bytes - target.sram_bytes:,} too many. {peak_sentence(compiled)}"
        "Shrink these tensors (a smaller input image, fewer channels there), or take a target with more SRAM"
    )


def peak_sentence(compiled: Compiled) -> str:
    """Where the most is live, and the largest tensors there; followed by a space."""
    step = peak(compiled)
    if step is None:
        return ""
    named = ", ".join(f"{tensor['name']} {tensor['bytes']:,}" for tensor in step["live"][:LARGEST])
    rest = len(step["live"]) - LARGEST
    more = f" and {rest} more" if rest > 0 else ""
    place = f"The peak is at operator {step['operator']!r}, where {step['live_bytes']:,} bytes are live"
    shared = ", overlapping" if sum(tensor["bytes"] for tensor in step["live"]) > step["live_bytes"] else ""
    return f"{place}: {named}{more}{shared}. "


def _flash(compiled: Compiled, project: CProject) -> str | None:
    flash, constants = compiled.target.flash_bytes, _constants(project)
    if not flash or constants <= flash:  # a board that describes no flash sets no limit
        return None
    return (
        f"{compiled.name} has {constants:,} bytes of constants (weights {project.weights_bytes:,}, tables "
        f"{project.tables_bytes:,}), but {compiled.target.name} has {flash:,} bytes of flash, code included. "
        "Prune or narrow the network, or take a target with more flash"
    )


def _constants(project: CProject) -> int:
    return project.weights_bytes + project.tables_bytes


def _boards(sram: int, flash: int) -> str:
    """Known boards that have that much, those with the least SRAM first, as the end of a sentence."""
    from tinyc import targets

    known = [(t.sram_bytes, t.flash_bytes, t.name) for t in map(targets.load, targets.names())]
    boards = sorted((s, f, name) for s, f, name in known if s is not None and f is not None)
    enough = [name for s, f, name in boards if s >= sram and f >= flash]
    return f", such as {' or '.join(enough[:2])}." if enough else "; none of the known boards has enough."
