"""A compiled network against the reference of its model file, on the same inputs, integer by integer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyc.errors import Mismatch, UsageError
from tinyc.ir.graph import Graph
from tinyc.ir.types import Array
from tinyc.ops import Dequantize
from tinyc.reference.redefined import RedefinedReference
from tinyc.reference.reference import Reference, open_reference
from tinyc.verification.compare import Difference, difference, first_beyond, total
from tinyc.verification.execute import Place, execute, unpack
from tinyc.verification.layers import Layer, compare_layers
from tinyc.verification.samples import Sample
from tinyc.verification.values import converted

if TYPE_CHECKING:
    from tinyc.compiler import Compiled


@dataclass(frozen=True)
class ByDesign:
    """How far a network is from its model file's reference because of passes that change numbers."""

    passes: tuple[str, ...]
    reference: str
    found: Difference

    def to_dict(self) -> dict[str, Any]:
        """Under `by_design` in `verify --json`."""
        return {
            "passes": list(self.passes),
            "reference": self.reference,
            "outputs_compared": self.found.compared,
            "unequal": self.found.unequal,
            "max_abs_diff": self.found.max_abs_diff,
        }


@dataclass(frozen=True)
class Verification:
    """What a comparison found. `first` tells the first wrong element; `layers` is None unless asked for.

    Where a pass changed numbers, `reference` is the graph that it made, and `by_design` the distance from the model
    file's reference.
    """

    on: Place
    reference: str
    samples: int
    found: Difference
    first: str | None
    layers: tuple[Layer, ...] | None
    note: str = ""
    tolerance: int = 0  # codes by which an output may differ and still agree
    by_design: ByDesign | None = None

    def to_dict(self) -> dict[str, Any]:
        """The keys of `verify --json`; layers under `layers` where they were compared."""
        data = {
            "on": self.on,
            "reference": self.reference,
            "samples": self.samples,
            "outputs_compared": self.found.compared,
            "mismatches": self.found.mismatches,
            "max_abs_diff": self.found.max_abs_diff,
            "unequal": self.found.unequal,
            "tolerance": self.tolerance,
            "note": self.note,
            "by_design": None if self.by_design is None else self.by_design.to_dict(),
        }
        return data if self.layers is None else data | {"layers": [asdict(layer) for layer in self.layers]}

    @property
    def first_wrong_layer(self) -> Layer | None:
        """The first operator that differs from the reference, where layers were compared."""
        return next((layer for layer in self.layers or () if layer.found and layer.found.mismatches), None)

    @property
    def failure(self) -> Mismatch | None:
        """The error that says where the two disagree; None where they agree."""
        if not self.found.mismatches and self.first_wrong_layer is None:
            return None
        first = f" {self.first}." if self.first else ""
        return Mismatch(
            f"{self.found.mismatches:,} of {self.found.compared:,} outputs differ from {self.reference}"
            f"{f' by more than {self.tolerance} codes' if self.tolerance else ''}, by "
            f"up to {self.found.max_abs_diff}.{first} {self._where()} {self._why()}"
        )

    def _why(self) -> str:
        if self.tolerance and self.layers is None:
            return "In a deep network differences of one code, which rounding allows, can add up to this."
        if self.tolerance and self.first_wrong_layer is None:
            alone = total(layer.found for layer in self.layers or () if layer.found)
            return (
                "Differences of one code, which rounding allows, add up in this network on these inputs: "
                f"{alone.unequal:,} of {alone.compared:,} elements of its operators have one. "
                "docs/onnx.md, Tolerance, tells how far the reference can be from itself."
            )
        return "This is a defect of tinyc or of the linked CMSIS-NN; please report it."

    def _where(self) -> str:
        layer = self.first_wrong_layer
        if layer is not None and layer.found is not None:
            return (
                f"The first operator that differs is {layer.operator!r} (kernel {layer.kernel}): "
                f"{layer.found.mismatches:,} of {layer.found.compared:,} values, by up to "
                f"{layer.found.max_abs_diff}."
            )
        if self.layers is not None:
            return (
                "Every operator by itself is within one code of the reference."
                if self.tolerance
                else "No operator that can be compared differs; --objective speed compares all."
            )
        return "--per-layer names the first operator that differs."


def verify(
    compiled: Compiled,
    samples: Sequence[Sample],
    *,
    on: Place = "host",
    per_layer: bool = False,
    cmsis_nn: Path | None = None,
) -> Verification:
    """Run the generated C and the reference on `samples` and compare every output element.

    Where passes changed numbers, the C must equal the graph behind the last of them; how far that is from the model
    file's reference is found as well, and is no failure.

    Raises UsageError for a network that did not come from a model file, ToolchainError where compiler,
    emulator or reference is missing, ProgramFailed where the C misbehaves. A disagreement is no exception:
    see `failure`.
    """
    if compiled.source is None:
        raise UsageError(
            f"{compiled.name} was compiled from a graph; verify needs the model file to compare with."
        )
    of_file = _Expected(compiled, open_reference(compiled.source), compiled.imported, samples)
    expected = of_file
    if compiled.redefined is not None:
        graph = compiled.redefined.graph
        expected = _Expected(compiled, RedefinedReference(compiled.redefined), graph, samples)
    reference = expected.reference
    result = execute(compiled, samples, on=on, cmsis_nn=cmsis_nn, dump_operators=per_layer)
    got = [unpack(outputs, compiled.program.outputs) for outputs in result.outputs]
    dumps = result.operator_outputs or ()
    layers = compare_layers(compiled, reference, expected.inputs, dumps) if per_layer else None
    found, first = _compare(compiled, reference, got, expected.outputs)
    by_design = None
    if compiled.redefined is not None:
        distance, _ = _compare(compiled, of_file.reference, got, of_file.outputs)
        by_design = ByDesign(compiled.redefined.passes, of_file.reference.title(), distance)
    return Verification(
        on, reference.title(), len(samples), found, first, layers, result.note, reference.tolerance, by_design
    )


class _Expected:
    """Inputs and outputs of a reference, which computes `graph`, for samples of the compiled network."""

    def __init__(self, compiled: Compiled, reference: Reference, graph: Graph, samples: Sequence[Sample]) -> None:
        self.reference = reference
        self.inputs = [converted(sample, compiled.graph.inputs, graph.inputs) for sample in samples]
        ours = compiled.program.outputs
        self.outputs = [converted(reference.run(sample), graph.outputs, ours) for sample in self.inputs]


def _tolerances(compiled: Compiled, reference: Reference) -> list[float]:
    """Of each output: in codes, or in real numbers where it is dequantised (with slack for the last bit)."""
    producers = [value.producer for value in compiled.graph.outputs]
    scales = [
        node.input(0).type.scale * (1 + 1e-5) if node is not None and isinstance(node.op, Dequantize) else 1.0
        for node in producers
    ]
    return [reference.tolerance * scale for scale in scales]


def _compare(
    compiled: Compiled, reference: Reference, got: Sequence[Sequence[Array]], expected: Sequence[Sequence[Array]]
) -> tuple[Difference, str | None]:
    found, first = Difference(), None
    ports = list(zip(compiled.program.outputs, _tolerances(compiled, reference), strict=True))
    for number, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
        for (port, tolerance), a, b in zip(ports, ours, theirs, strict=True):
            one = difference(a, b, tolerance)
            if one.mismatches and first is None:
                index = first_beyond(a, b, tolerance)
                values = f"{a.flat[index]}, expected {b.flat[index]}"
                first = f"In sample {number}, element {index} of {port.name!r} is {values}"
            found += one
    return found, first
