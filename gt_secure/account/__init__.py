"""The current state of an account, as far as restrictions are concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .evidence import read_surroundings, with_surroundings
    from .export import current_restriction
    from .facts import Snapshot
    from .lists import ranges_and_lists, with_lists
    from .read_facts import snapshot_of
    from .snapshot import State, read_state

__all__ = [
    "Snapshot",
    "State",
    "current_restriction",
    "ranges_and_lists",
    "read_state",
    "read_surroundings",
    "snapshot_of",
    "with_lists",
    "with_surroundings",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Snapshot": ".facts",
        "State": ".snapshot",
        "current_restriction": ".export",
        "ranges_and_lists": ".lists",
        "read_state": ".snapshot",
        "read_surroundings": ".evidence",
        "snapshot_of": ".read_facts",
        "with_lists": ".lists",
        "with_surroundings": ".evidence",
    },
)
