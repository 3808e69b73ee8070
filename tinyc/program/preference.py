"""What a user asks of the choice of kernels: a provider to prefer, and kernels of operators by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tinyc.errors import UsageError
from tinyc.ir.graph import Graph
from tinyc.program.kernel import KERNELS, Kernel, find_kernel, needs_kernel

AUTO = "auto"


@dataclass(frozen=True)
class Preference:
    """Kernels of `provider` go first wherever one serves (None: none does); `named` are kernels by operator."""

    provider: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, items: str | Sequence[str]) -> Preference:
        """From "auto", a provider, or OPERATOR=KERNEL; several with commas or as a sequence, the last provider counts.

        Raises UsageError for a provider or kernel that there is none of.
        """
        texts = [items] if isinstance(items, str) else list(items)
        provider, named = None, {}
        for item in (item.strip() for text in texts for item in text.split(",")):
            operator, is_named, kernel = item.rpartition("=")
            if is_named:
                named[operator.strip()] = find_kernel(kernel.strip()).name
            else:
                provider = None if item == AUTO else _provider(item)
        return cls(provider, named)

    def of_graph(self, graph: Graph) -> dict[str, str]:
        """`named` by the operators' first values, as a schedule has them. UsageError for one that the graph lacks."""
        nodes = [node for node in graph.nodes if needs_kernel(node)]
        homes = {node.output.name: node.output.name for node in nodes}
        homes |= {node.name: node.output.name for node in nodes}
        for operator in self.named:
            if operator not in homes:
                close = ", ".join(map(repr, difflib.get_close_matches(operator, homes, n=3) or list(homes)[:5]))
                raise UsageError(
                    f"--kernels names the operator {operator!r}, which the network does not have after its passes; "
                    f"there is {close or 'none at all'}. `tinyc kernels MODEL --target T` lists all"
                )
        return {homes[operator]: kernel for operator, kernel in self.named.items()}

    def falls_back(self, kernel: Kernel) -> bool:
        """Whether a kernel is of another provider than the one preferred."""
        return self.provider is not None and kernel.provider != self.provider


NO_PREFERENCE = Preference()


def _provider(name: str) -> str:
    import tinyc.kernels  # noqa: F401  registers ours

    known = sorted({kernel.provider for kernel in KERNELS.values()})
    if name not in known:
        raise UsageError(
            f"there is no provider of kernels {name!r}; expected {AUTO}, {', '.join(known)}, or OPERATOR=KERNEL"
        )
    return name
