"""The current state of an account, as far as restrictions are concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .evidence import read_surroundings as read_surroundings, with_surroundings as with_surroundings
    from .export import current_restriction as current_restriction
    from .facts import Snapshot as Snapshot
    from .lists import ranges_and_lists as ranges_and_lists, with_lists as with_lists
    from .read_facts import snapshot_of as snapshot_of
    from .snapshot import State as State, read_state as read_state


__all__, __getattr__, __dir__ = attach(__name__)
