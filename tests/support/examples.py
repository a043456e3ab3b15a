"""How many examples a property test draws."""

from __future__ import annotations

from hypothesis import settings


def examples(many: int) -> int:
    """Return a quarter of them by default; ``make test-all`` draws all of them,
    and new ones each time.
    """
    return many if settings.get_current_profile_name() == "new" else max(5, many // 4)
