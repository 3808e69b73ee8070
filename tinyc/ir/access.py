"""Access maps: how an operator's output depends on each of its inputs.

Each operator states this once (`Operator.access`). Halo, line buffers, delays, in-place legality and overlap
distances are all derived from it; nothing else in the compiler knows how a convolution reads its image.

An `Access` has one entry per *input* axis, which names the output axis that it follows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

Interval = tuple[int, int]  # half open


@dataclass(frozen=True, slots=True)
class Elementwise:
    """Input index = index on output axis `axis`."""

    axis: int

    def reads(self, lo: int, hi: int) -> Interval:
        return lo, hi


@dataclass(frozen=True, slots=True)
class Window:
    """Output index y reads y·stride − before + i·dilation, i in [0, extent), where that is inside the input."""

    axis: int
    extent: int
    stride: int = 1
    dilation: int = 1
    before: int = 0

    @property
    def reach(self) -> int:
        """Distance from the first to one past the last element of one window."""
        return (self.extent - 1) * self.dilation + 1

    def reads(self, lo: int, hi: int) -> Interval:
        return lo * self.stride - self.before, (hi - 1) * self.stride - self.before + self.reach


@dataclass(frozen=True, slots=True)
class Sampled:
    """Output index y reads input index source[y] (nearest-neighbour resize)."""

    axis: int
    source: tuple[int, ...]

    def reads(self, lo: int, hi: int) -> Interval:
        return min(self.source[lo:hi]), max(self.source[lo:hi]) + 1


@dataclass(frozen=True, slots=True)
class Whole:
    """Every output element may depend on every index of this input axis."""


AxisAccess = Elementwise | Window | Sampled | Whole


@dataclass(frozen=True, slots=True)
class Access:
    """How one input is read: one entry per input axis.

    `flat` marks the identity on row-major elements whatever the shapes (reshape): output element k is input element k.
    """

    axes: tuple[AxisAccess, ...]
    flat: bool = False

    @classmethod
    def whole(cls, rank: int) -> Access:
        return cls((Whole(),) * rank)

    @classmethod
    def elementwise(cls, rank: int) -> Access:
        return cls(tuple(Elementwise(a) for a in range(rank)), flat=rank == 0)

    @property
    def is_elementwise(self) -> bool:
        """Output element k depends on input element k alone, at the same position in memory.

        An input without axes may be a scalar that every output element reads: there only `flat` can claim it.
        """
        aligned = all(isinstance(a, Elementwise) and a.axis == i for i, a in enumerate(self.axes))
        return self.flat or (aligned and len(self.axes) > 0)

    def tiles_axis(self, axis: int) -> bool:
        """Whether an interval of output axis `axis` needs only an interval of some input axis."""
        return any(not isinstance(a, Whole) and a.axis == axis for a in self.axes)


def input_interval(axis: AxisAccess, output: Interval, size: int) -> Interval:
    """The part of an input axis of `size` elements that an output interval reads (clamped; may be empty)."""
    if isinstance(axis, Whole):
        return 0, size
    lo, hi = axis.reads(*output)
    lo, hi = max(0, lo), min(size, hi)
    return (lo, hi) if lo < hi else (lo, lo)


# ---------------------------------------------------------------------- several operators, one after the other
def composed(later: Access, earlier: Access) -> Access:
    """How a result reads an input through a tensor between: `later` reads that tensor, which reads the input `earlier`.

    Never less than what is read. An axis that no entry can describe is `Whole`.
    """
    return Access(tuple(
        Whole() if isinstance(axis, Whole) else _through(later.axes[axis.axis], axis) for axis in earlier.axes
    ))


def united(a: Access, b: Access) -> Access:
    """How a result reads an input that it reads in two ways."""
    return Access(tuple(_both(x, y) for x, y in zip(a.axes, b.axes, strict=True)))


def _through(later: AxisAccess, earlier: AxisAccess) -> AxisAccess:
    match later, earlier:
        case Elementwise(axis), (Elementwise() | Window() | Sampled()):
            return replace(earlier, axis=axis)
        case (Window() | Sampled()), Elementwise():
            return later
        case Window(), Window():
            reach = (later.reach - 1) * earlier.stride + earlier.reach
            before = later.before * earlier.stride + earlier.before
            return Window(later.axis, reach, later.stride * earlier.stride, 1, before)
        case Sampled(), Sampled():
            return Sampled(later.axis, tuple(earlier.source[index] for index in later.source))
        case _:
            return Whole()


def _both(a: AxisAccess, b: AxisAccess) -> AxisAccess:
    if a == b:
        return a
    x, y = (Window(w.axis, 1) if isinstance(w, Elementwise) else w for w in (a, b))
    if not isinstance(x, Window) or not isinstance(y, Window) or (x.axis, x.stride) != (y.axis, y.stride):
        return Whole()
    before = max(x.before, y.before)
    return Window(x.axis, before + max(x.reach - x.before, y.reach - y.before), x.stride, 1, before)
