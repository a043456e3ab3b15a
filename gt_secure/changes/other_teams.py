"""The other workteams of a bucket: what a change of its guard takes from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..account.state import OtherTeam, State
from ..base.text import printable
from ..engine.access.address_classes import spans_of, within
from ..engine.access.difference import Difference, moved
from ..engine.access.exposure import Exposure
from ..engine.access.exposure_text import places
from ..engine.access.source_sets import SourceSet, unsure
from ..restriction.messages import Notice, notice

if TYPE_CHECKING:
    from ..engine.access.source_sets import Row
    from ..restriction.model import Restriction


def team_notices(state: State, before: Exposure, after: Exposure) -> Iterator[Notice]:
    """Yield the blocker that names each other team that would lose access, and a question about
    each that loses a part.

    The question is about a team with a labeling job in progress: whether somebody works at the lost
    sources is unknown.
    """
    bucket, refused = before.locks.bucket, list[str]()
    for each in state.users:
        rows = list(_rows(each, before, after))
        # What is opened before and what may be are lost alike, so the former is counted with the
        # latter.
        parts = _words(
            (moved(unsure(row.before, [""]), row.after, "unknown", "refused"), row) for row in rows
        )
        jobs = ", ".join(job.name for job in each.jobs_on(bucket) if job.in_progress)
        if lost := _words((_lost(row, each.wish), row) for row in rows):
            refused.append(f"{printable(', '.join(each.uses_of(bucket)))} ({lost[0]})")
        elif jobs and parts:
            team = each.team.arn.rpartition("/")[2]  # the name of a vendor's team is a title
            said = ", and at ".join(parts).replace("; ", ", and at ")
            yield notice("loses-access", team=team, jobs=jobs, bucket=bucket, lost=said)
    if refused:
        yield notice("refuses-team", losses="; ".join(refused))


def _rows(other: OtherTeam, before: Exposure, after: Exposure) -> Iterator[Difference[Row]]:
    """Yield from where workers of a team open each class of keys that the team uses
    and the plan covers.
    """
    name, prefix = other.team.name, other.prefix_on(before.locks.bucket)
    longest = max(prefix, before.key, key=len)
    if longest.startswith(prefix) and longest.startswith(before.key):
        for key in before.keys_beside(after, longest):
            now, then = (
                Exposure(each.locks.others[name], key).row("worker") for each in (before, after)
            )
            yield Difference(now, then)


def _words(sets: Iterable[tuple[SourceSet, Difference[Row]]]) -> list[str]:
    return list(
        dict.fromkeys(places(each, row.named_endpoints) for each, row in sets if not each.is_empty)
    )


def _lost(row: Difference[Row], wish: Restriction | None) -> SourceSet:
    """Return the sources that a team loses: all that it has,
    or those that its restriction lists.
    """
    if row.after.word == "refused":
        return row.before.unknown if row.before.opened.is_empty else row.before.opened
    if wish is None:
        return SourceSet()
    answers = (
        (each, row.before.at_endpoint(each), row.after.at_endpoint(each))
        for each in wish.allowed.ids
    )
    endpoints = tuple(each for each, *words in answers if words == ["opened", "refused"])
    return SourceSet(within(row.loses.spans, tuple(spans_of(wish.addresses))), endpoints)
