"""manifest.json: what a folder was built from, by which rules, and a hash of every file in it.

No dates and no paths of a machine: identical input gives identical bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tinyc
from tinyc.frontend import is_onnx
from tinyc.report.operators import executed

if TYPE_CHECKING:
    from tinyc.compiler import Compiled

FILE = "manifest.json"
# What the generated integers are compared with. The versions are the pins of the extra `verify` in pyproject.toml.
# TFLM: `double` is the rounding of its reference kernels, after the doubling high multiplication and again after the
# right shift; ours are the same integers. onnxruntime computes in float32 and rounds halves to even; our integer
# operators round as for TFLM, so results may differ by `tolerance` codes.
REFERENCE = {"name": "tflite-micro", "version": "0.dev20261023182759", "rounding": "double"}
ONNX_REFERENCE = {
    "name": "onnxruntime", "version": "1.31.1", "rounding": "double, reference rounds float32 half to even",
    "tolerance": 2,
}  # fmt: skip


def manifest(compiled: Compiled, files: Mapping[str, str]) -> dict[str, Any]:
    """The manifest of a folder that will hold `files` (relative path to text) besides the manifest itself."""
    source = compiled.source
    return {
        "tool": {"name": "tinyc", "version": tinyc.__version__},
        "model": {
            "name": compiled.imported.name,
            "bytes": None if source is None else len(source),
            "sha256": None if source is None else hashlib.sha256(source).hexdigest(),
        },
        "weights_sha256": weights_sha256(compiled),
        "target": compiled.target.name,
        "reference": _reference(compiled),
        "arena_bytes": compiled.plan.arena_bytes,
        "passes": list(compiled.passes),
        "operators": [
            {"name": found.name, "operator": found.call.site.op.name, "kernel": found.kernel}
            for found in executed(compiled.program)
        ],
        "files": {path: sha256(text) for path, text in sorted(files.items())},
    }


def _reference(compiled: Compiled) -> dict[str, Any]:
    """The reference; `numbers_changed_by` names passes after which the integers are no longer its."""
    named = ONNX_REFERENCE if compiled.source is not None and is_onnx(compiled.source) else REFERENCE
    changed = compiled.redefined
    return dict(named) if changed is None else named | {"numbers_changed_by": list(changed.passes)}


def sha256(text: str) -> str:
    """Of the text as it is written to disk: UTF-8, line ends as they are."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def weights_sha256(compiled: Compiled) -> str:
    """Of the bytes of all constants of the compiled graph, in its order, little-endian."""
    digest = hashlib.sha256()
    for value in compiled.graph.constants.values():
        if value.data is not None:
            digest.update(value.data.astype(value.data.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()
