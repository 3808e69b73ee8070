"""The headline figures of a compilation as lines for a person; `data` is what `build --json` prints."""

from __future__ import annotations

from typing import Any

from tinyc.cli.console import Line

LIVE_SHOWN = 5  # tensors named at the peak
NAMED = 5  # operators named in a note


def headline(data: dict[str, Any]) -> list[Line | str]:
    """Three lines: what became of the operators, where SRAM and flash go, what is live at the peak."""
    operators = f"{data['operators_in_model']} operators -> {data['operators']}"
    title = f"{data['model']}  {operators} after {len(data['passes'])} passes  {data['seconds']:.1f} s"
    machine = data["target"] if data["target"] == data["core"] else f"{data['core']} {data['target']}"
    weights, tables = data["flash"]["weights"], data["flash"]["tables"]
    spread = data["memory"] != "one"
    sram = f"{data['total_bytes']:,}" if spread else f"{_of(data['arena_bytes'], data['sram_bytes'])} ({verdict(data)})"
    return [
        Line(title, "bold"),
        f"  {machine}   SRAM {sram}   "
        f"flash {_of(weights + tables, data['flash_bytes'])} (weights {weights:,}, tables {tables:,})",
        *(region_lines(data) if spread else []),
        *([f"  {placed_text(data['weights_in'])}"] if data["weights_in"] else []),
        *([f"  peak at {peak_text(data['peak'])}"] if data["peak"] else []),
        *fallback_lines(data["fell_back"]),
    ]


def region_lines(data: dict[str, Any]) -> list[str]:
    """A line for every memory that holds buffers: how much of it, and how many."""
    return [
        f"  {'arena in ' if number == 0 else ''}{region['name']} {_of(region['bytes'], region['budget'])} "
        f"({verdict({'arena_bytes': region['bytes'], **region})}, {len(region['buffers'])} buffers)"
        for number, region in enumerate(data["regions"])
    ]


def placed_text(placed: dict[str, Any]) -> str:
    """Which constants lie apart."""
    return f"{placed['bytes']:,} bytes of constants in {placed['name']} ({placed['constants']} arrays)"


def fallback_lines(operators: list[str]) -> list[str]:
    """A note on the operators for which the provider that --kernels prefers has no kernel."""
    if not operators:
        return []
    more = [f"{len(operators) - NAMED} more"] if len(operators) > NAMED else []
    return [f"  note: no kernel of the provider asked for serves {', '.join([*operators[:NAMED], *more])}"]


def verdict(data: dict[str, Any]) -> str:
    """Whether the arena is proven smallest, else how far the lower bound is."""
    if data["optimal"]:
        return "optimal"
    gap = data["arena_bytes"] - data["lower_bound_bytes"]
    return f"{gap:,} above the lower bound of {data['lower_bound_bytes']:,}"


def peak_text(peak: dict[str, Any]) -> str:
    """The operator where the most is live, and what that is."""
    live = [f"{tensor['name']} {tensor['bytes']:,}" for tensor in peak["live"]]
    more = [f"{len(live) - LIVE_SHOWN} more"] if len(live) > LIVE_SHOWN else []
    overlapping = sum(tensor["bytes"] for tensor in peak["live"]) > peak["live_bytes"]
    shared = f" (overlapping, {peak['live_bytes']:,} in all)" if overlapping else ""
    return f"{peak['operator']}: {' | '.join([*live[:LIVE_SHOWN], *more])}{shared}"


def _of(used: int, limit: int | None) -> str:
    return f"{used:,}" if limit is None else f"{used:,} of {limit:,}"
