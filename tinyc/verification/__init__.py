"""Runs a compiled network, and compares it with the named reference, as a whole and layer by layer."""

from __future__ import annotations

from tinyc.verification.engine import Verification, verify
from tinyc.verification.execute import Place, execute, run
from tinyc.verification.samples import load_samples, make_samples

__all__ = ["Place", "Verification", "execute", "load_samples", "make_samples", "run", "verify"]
