"""Named things that third parties can add: passes, kernels, targets. A duplicate is an error naming both owners."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from tinyc.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things, filled by our own modules and by the entry points of group `group`.

    An entry point is a module, class or function that registers what it brings when it is loaded (imported).
    """

    def __init__(self, group: str, what: str) -> None:
        self.group, self.what = group, what
        self._items: dict[str, T] = {}
        self._owners: dict[str, str] = {}
        self._plugins_loaded = False

    def register(self, name: str, item: T, owner: str) -> None:
        """Add one; `owner` (a module name) is shown in listings and in the error for a duplicate."""
        if name in self._items:
            raise UsageError(
                f"two {self._plural()} are called {name!r}: one from {self._owners[name]}, one from {owner}. "
                "Rename or uninstall one of them."
            )
        self._items[name], self._owners[name] = item, owner

    def _plural(self) -> str:
        return f"{self.what}es" if self.what.endswith("s") else f"{self.what}s"

    def load_plugins(self) -> None:
        """Import every entry point of the group, once."""
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for point in entry_points(group=self.group):
            try:
                point.load()
            except UsageError:
                raise
            except Exception as error:  # a broken plugin must be named, whatever it raises
                raise UsageError(
                    f"the plugin {point.name!r} ({point.value}, group {self.group}) cannot be loaded: {error}. "
                    "Mend or uninstall its package."
                ) from error

    def get(self, name: str) -> T:
        """The thing of that name; UsageError with the closest names where there is none."""
        self.load_plugins()
        if name not in self._items:
            close = difflib.get_close_matches(name, self._items, n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(sorted(self._items))}"
            raise UsageError(f"there is no {self.what} {name!r}; {hint}")
        return self._items[name]

    def owner(self, name: str) -> str:
        return self._owners[name]

    def __iter__(self) -> Iterator[str]:
        self.load_plugins()
        return iter(self._items)

    def __len__(self) -> int:
        """How many there are: things are added and never removed."""
        self.load_plugins()
        return len(self._items)

    def values(self) -> list[T]:
        self.load_plugins()
        return list(self._items.values())
