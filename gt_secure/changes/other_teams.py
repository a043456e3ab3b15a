"""The other workteams of a bucket: what a change of its guard takes from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..account.state import OtherTeam, State
from ..base.text import printable
from ..engine.access.address_classes import spans_of, within
from ..engine.access.answer import WORKER_OF
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
    losses = [text for each in state.users if (text := _loss(each, state, before, after))]
    if losses:
        yield notice("refuses-team", losses="; ".join(losses))


def _loss(other: OtherTeam, state: State, before: Exposure, after: Exposure) -> str:
    """Return what a team would lose, in words; empty for nothing."""
    request, team = f"{WORKER_OF}{other.team.name}", other.team
    wish = next((each for each in state.kept if each.team in (team.name, team.arn)), None)
    jobs = other.jobs_on(before.locks.bucket)
    prefix = wish.prefix if wish is not None and not jobs else ""  # where the objects of a job are is not known
    keys = before.keys_beside(after, prefix) if prefix.startswith(before.key) else before.keys_beside(after)
    if not prefix.startswith(before.key) and not before.key.startswith(prefix):
        return ""
    rows = (
        Difference(Exposure(before.locks, key).row(request), Exposure(after.locks, key).row(request)) for key in keys
    )
    found = next(((lost, row) for row in rows if not (lost := _lost(row, wish)).is_empty), None)
    if found is None:
        return ""
    names = ", ".join(printable(job.name) for job in jobs)
    known = f"labeling {'job' if len(jobs) == 1 else 'jobs'} {names}" if jobs else "by its restriction in the journal"
    return f"{printable(team.name)} ({known}), {places(found[0], found[1].named_endpoints)}"


def _lost(row: Difference[Row], wish: Restriction | None) -> SourceSet:
    """Return the sources that a team loses: all that it has, or those that its restriction lists."""
    if row.after.word == "refused":
        return row.before.unknown if row.before.opened.is_empty else row.before.opened
    if wish is None:
        return SourceSet()
    moves = ("opened", "refused")
    endpoints = (
        each for each in wish.endpoints if (row.before.at_endpoint(each), row.after.at_endpoint(each)) == moves
    )
    return SourceSet(tuple(within(row.loses.spans, tuple(spans_of(wish.addresses)))), tuple(endpoints))
