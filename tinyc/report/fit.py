"""Whether a plan fits its target, and the sentences for where it doesn't."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tinyc.errors import DoesNotFit
from tinyc.program.banks import AUTO, layouts
from tinyc.program.plan import make_plan
from tinyc.report.summary import peak
from tinyc.targets.target import ARENA_KINDS

if TYPE_CHECKING:
    from tinyc.codegen import CProject
    from tinyc.compiler import Compiled
    from tinyc.targets import Memory

LARGEST = 4  # live tensors that a message names


def does_not_fit(compiled: Compiled, project: CProject) -> DoesNotFit | None:
    """The error that says what is too large, at which operator, and what would help; None where all fits.

    Flash is compared with the constants alone: how large the code becomes is the C compiler's doing.
    """
    found = [s for s in (_sram(compiled), _flash(compiled, project)) if s]
    boards = _boards(compiled.plan.total_bytes, _constants(project)) if found else ""
    found = [sentence + boards for sentence in found] + ([s] if (s := _placed_constants(compiled, project)) else [])
    return DoesNotFit("\n".join(found)) if found else None


def _sram(compiled: Compiled) -> str | None:
    plan, target = compiled.plan, compiled.target
    if plan.spread is not None:
        return _regions(compiled)
    if target.sram_bytes is None or plan.arena_bytes <= target.sram_bytes:
        return None
    least = "no plan of its schedule needs less" if plan.optimal else f"the least is {plan.lower_bound_bytes:,}"
    return (
        f"{compiled.name} needs {plan.arena_bytes:,} bytes of SRAM ({least}), but {target.name} has "
        f"{target.sram_bytes:,}: {plan.arena_bytes - target.sram_bytes:,} too many. {peak_sentence(compiled)}"
        f"{_spread_hint(compiled)}Shrink these tensors (a smaller input image, fewer channels there), or take a target "
        "with more SRAM"
    )


def _spread_hint(compiled: Compiled) -> str:
    """What --memory auto would do; a sentence and a space where it helps, else nothing."""
    plan = make_plan(compiled.program, layouts=layouts(AUTO, compiled.target))
    if plan.excess_bytes or len(plan.regions) < 2:
        return ""
    used = ", ".join(f"{region.name} {region.bytes:,}" for region in plan.regions)
    return f"Spread over several banks it fits ({used}): --memory auto. "


def _regions(compiled: Compiled) -> str | None:
    """The banks that are too small for what has to lie there, where buffers are spread over several."""
    plan, target = compiled.plan, compiled.target
    over = [region for region in plan.regions if region.excess_bytes]
    if not over:
        return None
    budgets = ", ".join(f"{region.name} {region.bytes:,} of {region.budget:,}" for region in plan.regions)
    return (
        f"{compiled.name} does not fit the banks of {target.name} with --memory {compiled.options.memory}: no way was "
        f"found to spread its buffers over them (the best so far needs {budgets}: {plan.excess_bytes:,} too many). "
        f"{peak_sentence(compiled)}Give the banks more bytes, take --objective sram, or take a target with more SRAM"
    )


def _placed_constants(compiled: Compiled, project: CProject) -> str | None:
    """Constants that a user places in a bank have to fit there, beside what else lies in it."""
    placed, target, plan = project.constants, compiled.target, compiled.plan
    if placed is None:
        return None
    bank = next(bank for bank in target.memories if bank.name == placed.name)
    beside = sum(region.bytes for region in plan.regions if plan.spread and bank.name in region.banks)
    size = sum(other.bytes for other in target.memories if other.name in _together(compiled, bank.name))
    if placed.bytes <= bank.bytes and placed.bytes + beside <= size and _arena_fits(compiled, bank, placed.bytes):
        return None
    there = f" beside {beside:,} bytes of buffers" if beside else ""
    return (
        f"--weights-in {compiled.options.weights_in} puts {placed.bytes:,} bytes of constants into {bank.name}{there}, "
        f"but {target.name} has {bank.bytes:,} bytes of it, and its buffers must fit as well. Give constants fewer "
        f"bytes (--weights-in {bank.name}=BYTES takes those that are read most), or another bank."
    )


def _together(compiled: Compiled, bank: str) -> tuple[str, ...]:
    """The banks that a region joins with this one."""
    return next((r.banks for r in compiled.plan.regions if compiled.plan.spread and bank in r.banks), (bank,))


def _arena_fits(compiled: Compiled, bank: Memory, bytes: int) -> bool:
    """Whether a single arena still fits when so many bytes of a bank are taken."""
    if compiled.plan.spread is not None or bank.kind not in ARENA_KINDS:
        return True
    rest = tuple(replace(m, bytes=m.bytes - bytes) if m is bank else m for m in compiled.target.memories)
    left = replace(compiled.target, memories=rest).sram_bytes
    return left is not None and compiled.plan.arena_bytes <= left


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
