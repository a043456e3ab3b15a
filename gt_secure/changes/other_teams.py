"""The other workteams of a bucket: what a change of its guard takes from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..account.state import OtherTeam, State
from ..base.text import printable
from ..engine.access.address_classes import spans_of, within
from ..engine.access.difference import Difference
from ..engine.access.exposure import Exposure
from ..engine.access.exposure_text import places
from ..engine.access.source_sets import SourceSet
from ..restriction.messages import Notice, notice

if TYPE_CHECKING:
    from ..engine.access.source_sets import Row
    from ..restriction.model import Restriction


def team_notices(state: State, before: Exposure, after: Exposure) -> Iterator[Notice]:
    """Yield the blocker that names each other team that would lose access, its jobs and the sources."""
    losses = [text for each in state.users for text in _losses(each, before, after)]
    if losses:
        yield notice("refuses-team", losses="; ".join(losses))


def _losses(other: OtherTeam, before: Exposure, after: Exposure) -> Iterator[str]:
    """Yield what a team would lose of the first class of keys of which it loses something, in words."""
    name, bucket, wish = other.team.name, before.locks.bucket, other.wish
    prefix = other.prefix_on(bucket)
    longest = max(prefix, before.key, key=len)
    if not (longest.startswith(prefix) and longest.startswith(before.key)):
        return
    for key in before.keys_beside(after, longest):
        now, then = (Exposure(each.locks.others[name], key).row("worker") for each in (before, after))
        lost = _lost(Difference(now, then), wish)
        if not lost.is_empty:
            yield f"{printable(', '.join(other.uses_of(bucket)))} ({places(lost, now.labels | then.labels)})"
            return


def _lost(row: Difference[Row], wish: Restriction | None) -> SourceSet:
    """Return the sources that a team loses: all that it has, or those that its restriction lists."""
    if row.after.word == "refused":
        return row.before.unknown if row.before.opened.is_empty else row.before.opened
    if wish is None:
        return SourceSet()
    was_open = {each for each in wish.endpoints if row.before.at_endpoint(each) == "opened"}
    endpoints = tuple(each for each in was_open if row.after.at_endpoint(each) == "refused")
    return SourceSet(tuple(within(row.loses.spans, tuple(spans_of(wish.addresses)))), endpoints)
