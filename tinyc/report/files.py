"""All files of an output folder: the C project, report.json, report.html, schedule.json and manifest.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyc.report.manifest import FILE as MANIFEST
from tinyc.report.manifest import manifest
from tinyc.report.page import FILE as PAGE
from tinyc.report.page import report_page
from tinyc.report.summary import full_report

if TYPE_CHECKING:
    from tinyc.codegen import CProject
    from tinyc.compiler import Compiled

CMSIS_NN_DEFAULT = 'set(CMSIS_NN_DIR "" CACHE'


def output_files(compiled: Compiled, project: CProject, *, cmsis_nn: Path | None = None) -> dict[str, str]:
    """Relative path to text of everything that `write` puts down.

    With `cmsis_nn`, that copy of Arm's library is what the folder's CMakeLists.txt links by default.
    """
    files = dict(project.files)
    if cmsis_nn is not None and project.standin_sources:
        files["CMakeLists.txt"] = _link(files["CMakeLists.txt"], cmsis_nn)
    files["report.json"] = as_json(full_report(compiled, project))
    files[PAGE] = report_page(compiled, project)
    files["schedule.json"] = compiled.schedule.to_json()
    files[MANIFEST] = as_json(manifest(compiled, files))
    return files


def as_json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1) + "\n"


def _link(cmake: str, folder: Path) -> str:
    if CMSIS_NN_DEFAULT not in cmake:
        raise ValueError(f"expected {CMSIS_NN_DEFAULT!r} in the generated CMakeLists.txt")
    path = folder.resolve().as_posix().replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return cmake.replace(CMSIS_NN_DEFAULT, f'set(CMSIS_NN_DIR "{path}" CACHE')
