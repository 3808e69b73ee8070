"""What a kernel declares, once: what it serves, the C it calls, scratch, flash, reading order, cost.

A kernel's meaning is its operator's integer reference, so a declaration needs no second semantics; tests run the C
against the reference. Providers are a registry: ours are `cmsis-nn` and `tinyc`; other packages add theirs through the
entry-point group `tinyc.kernels`. See `kernels/` for the declarations and docs/kernels.md for how to add one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from tinyc.errors import ModelError, UsageError
from tinyc.ir.access import Access
from tinyc.ir.graph import Node
from tinyc.ir.operator import Operator
from tinyc.ir.types import Array, Signature
from tinyc.program.costs import estimate
from tinyc.registry import Registry

A = TypeVar("A")

if TYPE_CHECKING:
    from tinyc.codegen.writer import CallWriter
    from tinyc.targets import Target


@dataclass(frozen=True)
class Site:
    """The place that a kernel serves: one operator on concrete types, with the data of its constant operands."""

    op: Operator
    sig: Signature
    data: tuple[Array | None, ...]

    @classmethod
    def of(cls, node: Node) -> Site:
        return cls(node.op, node.signature, tuple(v.data if v is not None else None for v in node.inputs))

    @cached_property
    def access(self) -> tuple[Access | None, ...]:
        """How the first output reads each input."""
        return self.op.access(self.sig)

    def constant(self, index: int) -> Array:
        """Data of an input that must be a constant with known numbers."""
        found = self.data[index] if index < len(self.data) else None
        if found is None:
            raise ValueError(f"{self.op.name}: input {index} is no constant with data")
        return found

    def has(self, index: int) -> bool:
        """Whether an optional input is there."""
        return index < len(self.sig.inputs) and self.sig.inputs[index] is not None


def once_per_site(answer: Callable[[Site], A]) -> Callable[[Site], A]:
    """Decorator of what several methods of a kernel ask about a site: the answer stays with the site."""
    name = f"{answer.__module__}.{answer.__qualname__}"

    @wraps(answer)
    def remembered(site: Site) -> A:
        known: dict[str, A] = vars(site)
        if name not in known:
            known[name] = answer(site)
        return known[name]

    return remembered


class Kernel:
    """Base of kernel declarations. Stateless; one instance serves every site.

    What `refuses`, `scratch`, `trails` and `cost` answer should depend on the operator, the shapes and which constants
    are known, not on the numbers in them, nor on scales, which a calibration finds: what is planned before a network is
    trained is what is built then (see tests/kernels/test_quantisation.py). Of zero points they may ask whether all are
    0 (`Quant.is_symmetric`), and whether the operator's clamp lets negative codes pass (`Quant.is_negative`). Such
    answers are remembered from one site to the next that is alike (`tinyc.ir.outline`). A kernel that looks at other
    numbers all the same, to refuse scales that it would be wrong for, is asked about every site anew.

    `sources` and `headers` are files beside the declaration that go into the generated project; `includes` are header
    names that the call needs. Provider `cmsis-nn` has no sources: Arm's library (or the stand-in) is linked.
    """

    name: ClassVar[str]
    provider: ClassVar[str]
    op: ClassVar[type[Operator]]
    includes: ClassVar[tuple[str, ...]] = ()
    sources: ClassVar[tuple[str, ...]] = ()
    headers: ClassVar[tuple[str, ...]] = ()
    weights: ClassVar[frozenset[str]] = frozenset()  # the keys of `constants` that hold packed weights
    folder: ClassVar[Path]
    library_functions: ClassVar[tuple[str, ...]] = ()  # functions of the provider's library that the call reaches

    def refuses(self, site: Site, target: Target) -> str | None:
        """None where the kernel serves this site on this target, else the reason, as a clause."""
        return None

    def scratch(self, site: Site, target: Target) -> int:
        """Bytes of working memory that the call needs in the arena."""
        return 0

    def constants(self, site: Site, target: Target) -> Mapping[str, Array]:
        """Arrays that the call reads from flash: weights as the kernel wants them, multipliers, tables."""
        return {}

    def trails(self, site: Site, input: int) -> int | None:
        """Distance in bytes by which the output must lie below this input to be written while it is read.

        0 permits the update in place; None means that the two must not overlap at all.
        """
        return None

    def work(self, site: Site, target: Target) -> Mapping[str, float]:
        """How often one call does each part of its work: the parts that `costs.toml` beside it has instructions for."""
        raise NotImplementedError(f"{self.name} declares no cost")

    def cost(self, site: Site, target: Target) -> float:
        """Estimated executed instructions of one call."""
        return estimate(self.folder, self.name, target, self.work(site, target))

    def emit(self, site: Site, target: Target, c: CallWriter) -> None:
        """Write the C of one call."""
        raise NotImplementedError(f"{self.name} declares no call")


KERNELS: Registry[Kernel] = Registry("tinyc.kernels", "kernel")
K = TypeVar("K", bound=type[Kernel])


def kernel(name: str, *, op: type[Operator]) -> Callable[[K], K]:
    """Class decorator: registers a kernel called "provider/function" for an operator (and its subclasses)."""

    def register(cls: K) -> K:
        cls.name, cls.op = name, op
        cls.provider = name.partition("/")[0]
        module = sys.modules[cls.__module__]
        cls.folder = Path(module.__file__).parent if module.__file__ else Path()
        KERNELS.register(name, cls(), cls.__module__)
        return cls

    return register


def candidates(site: Site) -> list[Kernel]:
    """Every kernel declared for the site's operator, in order of registration."""
    import tinyc.kernels  # noqa: F401  registers ours

    return [k for k in KERNELS.values() if isinstance(site.op, k.op)]


def find_kernel(name: str) -> Kernel:
    import tinyc.kernels  # noqa: F401  registers ours

    return KERNELS.get(name)


def needs_kernel(node: Node) -> bool:
    """Whether anything runs: a view of bytes in the arena is free, a view of a constant must be copied there."""
    return not node.op.is_view or node.input(0).is_constant


def select(name: str, sites: Sequence[Site], target: Target) -> Kernel:
    """The cheapest kernel that serves all sites of an operator. Raises what `usable` raises."""
    return min(usable(name, sites, target), key=lambda kernel: sum(kernel.cost(site, target) for site in sites))


def usable(
    name: str, sites: Sequence[Site], target: Target, preferred: str | None = None, *, provider: str | None = None
) -> list[Kernel]:
    """The kernels that serve all sites of the operator called `name`, in order of registration.

    Where there are any of `provider` these alone; only the one asked for where that is given. Raises ModelError naming
    every kernel's reason where none serves it, UsageError where the one asked for does not.
    """
    if preferred is not None:
        chosen = find_kernel(preferred)
        reason = None if isinstance(sites[0].op, chosen.op) else f"it serves {chosen.op.name}"
        reason = reason or _refusal(chosen, sites, target)
        if reason:
            raise UsageError(f"kernel {preferred} cannot serve {sites[0].op.name} {name!r}: {reason}")
        return [chosen]
    reasons: list[str] = []
    found: list[Kernel] = []
    for candidate in candidates(sites[0]):
        reason = _refusal(candidate, sites, target)
        if reason:
            reasons.append(f"{candidate.name}: {reason}")
        else:
            found.append(candidate)
    if not found:
        told = "; ".join(reasons) or "no kernel is declared for this operator"
        raise ModelError(f"{sites[0].op.name} {name!r} has no kernel on {target.name} ({told})")
    return [kernel for kernel in found if kernel.provider == provider] or found


def _refusal(kernel: Kernel, sites: Sequence[Site], target: Target) -> str | None:
    return next(filter(None, (kernel.refuses(site, target) for site in sites)), None)
