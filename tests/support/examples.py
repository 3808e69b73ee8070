"""How many random examples a property draws."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> settings:
    """`count` examples in the default suite, ten times as many with --long."""
    return settings(max_examples=10 * count if settings.get_current_profile_name() == "long" else count)
