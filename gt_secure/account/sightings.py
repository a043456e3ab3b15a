"""Requests that a log shows to have opened objects of a bucket, and from where the people of each
workteam sent theirs.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ..base.groups import grouped
from ..base.text import count, some
from ..logs.sql.log_columns import OPENED, SIGNER
from .state import State
from .whereabouts import Whereabouts
from .whose_urls import UrlOwners, manifests_in, read_no_manifest

if TYPE_CHECKING:
    from ..aws.client import Aws
    from ..aws.teams import Workteam
    from ..logs.hits import Hits

DAYS = dt.timedelta(days=7)
"""Time before a reading in which a person who works for a team has opened an object of a task."""
FRESH = dt.timedelta(hours=24)
"""Age of the newest record up to which a log counts as delivered: most records of S3 are some hours
late.
"""


class Sighting(NamedTuple):
    """Opened presigned requests from one source for one object, signer and viewer."""

    key: str | None
    signer: str
    viewer: str | None
    source: str | None
    requests: int


@dataclass(frozen=True)
class Sightings:
    """Presigned requests of the last days that opened objects of a bucket, our own tests apart.

    ``since`` and ``until`` are the times of the first and last record that was read, and
    ``missing`` says why others may have opened objects.
    """

    rows: tuple[Sighting, ...] = ()
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    missing: tuple[str, ...] = ()


def sightings_in(hits: Hits, bucket: str, at: dt.datetime) -> Sightings:
    """Return what a log shows of a bucket in the last days before a time."""
    start = at.astimezone(dt.UTC).replace(tzinfo=None) - DAYS
    chosen = hits.filter(presigned=True, test=False, bucket=bucket, since=start)
    rows, coverage = chosen.asked(
        lambda each: each.query(
            f"SELECT key, {SIGNER}, viewer, coalesce(endpoint, remote_ip) AS source, count(*) AS n"
            f" FROM {{hits}} WHERE {OPENED} GROUP BY ALL ORDER BY n DESC, source, key, 2, viewer"
        ),
        len,
    )
    missing = [f"the log was not read as a whole ({text.rstrip('.')})" for text in coverage.unread]
    if len(hits) < hits.coverage.hits:
        missing.append("only some requests of the log were given")
    first, last = coverage.first_hit, coverage.last_hit
    if first is None or last is None:
        return Sightings(missing=(*missing, "the log that was read has no request"))
    return Sightings(
        tuple(Sighting(*row) for row in rows),
        first.replace(tzinfo=dt.UTC),
        last.replace(tzinfo=dt.UTC),
        tuple(missing),
    )


def with_whereabouts(state: State, log: Hits | Sightings | None, aws: Aws | None = None) -> State:
    """Return the state with from where the people of each workteam opened objects of the bucket;
    unchanged where no log was looked for.

    With a client factory the manifests of labeling jobs are read where they decide.
    """
    bucket = state.bucket
    if bucket is None or log is None:
        return state
    seen = log if isinstance(log, Sightings) else sightings_in(log, bucket.name, state.at)
    owners = UrlOwners(state, read_no_manifest if aws is None else manifests_in(aws, bucket.name))
    by_team = grouped(
        (owners.team_of(row.key, row.signer, row.viewer), row) for row in seen.rows
    )
    strays = by_team.pop("", [])
    reasons = [*seen.missing, *_gaps(seen, state.at)]
    if not owners.all_known:
        reasons.append("the workteams of the bucket or their jobs were not read")
    found = {
        team.arn: _whereabouts(team, by_team.get(team, []), strays, seen, reasons)
        for team in dict.fromkeys([*owners.teams, *_teams(by_team)])
    }
    return replace(state, seen=found)


def _teams(owners: Iterable[Workteam | str]) -> list[Workteam]:
    return [each for each in owners if not isinstance(each, str)]


def _gaps(seen: Sightings, at: dt.datetime) -> list[str]:
    """Return which part of the last days the log does not cover."""
    gaps = []
    if seen.since is not None and seen.since > at - DAYS:
        gaps.append(f"the log that was read begins at {seen.since:%d %b %H:%M} UTC")
    if seen.until is not None and seen.until < at - FRESH:
        gaps.append(f"its newest request is of {seen.until:%d %b %H:%M} UTC")
    return gaps


def _whereabouts(
    team: Workteam,
    own: list[Sighting],
    strays: list[Sighting],
    seen: Sightings,
    reasons: list[str],
) -> Whereabouts:
    counts = grouped((row.source, row.requests) for row in own if row.source)
    sources = tuple(sorted(counts, key=lambda each: -sum(counts[each])))
    nowhere = sum(row.requests for row in own if not row.source)
    # whoever else came from a place of the team changes nothing
    elsewhere = [row for row in strays if row.source not in counts]
    reasons = [*reasons]
    if nowhere:
        reasons.append(f"{count(nowhere, 'request')} of {team.name} has no address")
    if elsewhere:
        number = count(sum(row.requests for row in elsewhere), "opened request")
        places = some(list(dict.fromkeys(row.source or "no address" for row in elsewhere)))
        reasons.append(f"{number} from {places} cannot be assigned to a workteam")
    return Whereabouts(sources, seen.since, seen.until, "; ".join(reasons))
