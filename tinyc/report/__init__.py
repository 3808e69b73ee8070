"""What a compilation decided and where memory goes: as data, as files, and drawn in a notebook."""

from __future__ import annotations

from tinyc.report.files import output_files
from tinyc.report.fit import does_not_fit
from tinyc.report.memory_map import MemoryMap, memory_map
from tinyc.report.memory_svg import memory_svg
from tinyc.report.notebook import Report, make_report
from tinyc.report.page import report_page
from tinyc.report.summary import front, full_report, summarise

__all__ = [
    "MemoryMap", "Report", "does_not_fit", "front", "full_report", "make_report", "memory_map", "memory_svg",
    "output_files", "report_page", "summarise",
]
