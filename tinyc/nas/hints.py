"""What would help a network that misses a limit, in a sentence."""

from __future__ import annotations

from tinyc.nas.report import PlanReport

LARGEST = 3  # tensors that a hint names


def hint(figure: str, report: PlanReport) -> str:
    """What to change; for a figure of `PlanReport.figures`."""
    return {"sram": _sram, "flash": _flash, "macs": _work, "instructions": _work}[figure](report)


def _sram(report: PlanReport) -> str:
    moment = report.peak_moment
    if moment is None:
        return "the network's inputs and outputs alone need that much: make them smaller"
    largest = sorted(moment.buffers, key=lambda b: -b.bytes)[:LARGEST]
    tensors = ", ".join(f"{b.name} {b.bytes:,}" for b in largest)
    where = f"the peak is at {moment.operator!r} ({tensors}): a smaller resolution or fewer channels there"
    if report.objective != "sram":
        return f"{where}; or objective 'sram', which streams more of the network"
    return where if report.input == "stream" else f"{where}; or input 'stream', which keeps no whole image"


def _flash(report: PlanReport) -> str:
    flash = report.flash
    return (
        f"weights take {flash.weights:,}, tables {flash.tables:,}, code about {flash.code:,} bytes: fewer channels or "
        "layers, where channels are many"
    )


def _work(report: PlanReport) -> str:
    moments = "" if not report.segments else f", or less streaming ({report.segments} segments add work per row)"
    return f"a smaller resolution or width{moments}"
