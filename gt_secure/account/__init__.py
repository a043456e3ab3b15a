"""The current state of an account, as far as restrictions are concerned."""

from __future__ import annotations

from .facts import Snapshot
from .read_facts import snapshot_of
from .snapshot import State, Unseen, read_state

__all__ = [
    "Snapshot",
    "State",
    "Unseen",
    "read_state",
    "snapshot_of",
]
