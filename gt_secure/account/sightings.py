"""Requests that a log shows to have opened objects of a bucket, and from where the people of each
workteam sent theirs.
"""

# ruff: noqa: S608 - SQL is put together from our own names only

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ..base.groups import grouped
from ..base.text import Texts, some
from ..logs.sql.log_columns import OPENED
from .state import State
from .whereabouts import Whereabouts
from .whose_urls import NO_TEAM, UrlOwners

if TYPE_CHECKING:
    from ..aws.client import Aws
    from ..logs.hits import Hits

DAYS = dt.timedelta(days=7)
"""Time before a reading in which a person who works for a team has opened an object of a task."""
FRESH = dt.timedelta(hours=24)
"""Age of the newest record up to which a log counts as delivered: S3 delivers most of them within
some hours.
"""


Sighting: TypeAlias = tuple[Any, ...]
"""Key, requester and viewer of opened requests, their source, and how many they are."""


@dataclass(frozen=True)
class Sightings:
    """Presigned requests of the last days that opened objects of a bucket, except our own tests.

    ``since`` and ``until`` are the times of the first and last record that was read, and
    ``missing`` says why others may have opened objects.
    """

    rows: tuple[Sighting, ...] = ()
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    missing: Texts = ()

    @classmethod
    def in_log(cls, hits: Hits, bucket: str, at: dt.datetime) -> Sightings:
        """Return what a log shows of a bucket in the last days before a time."""
        chosen = hits.filter(presigned=True, test=False, bucket=bucket, since=at - DAYS)
        rows, coverage = chosen.asked(
            lambda each: each.query(
                f"SELECT key, requester, viewer, coalesce(endpoint, remote_ip, '') AS"
                f" source, count(*) AS n FROM {{hits}} WHERE {OPENED} GROUP BY ALL ORDER BY n DESC,"
                " source, key, requester, viewer"
            )
        )
        missing, evidence = coverage.unread, coverage.evidence(bucket)
        if len(hits) < hits.coverage.hits:
            missing.append("Only some requests of the log were given.")
        return cls(tuple(rows), evidence.since, evidence.until, tuple(missing))

    @classmethod
    def joined(cls, parts: Sequence[Sightings]) -> Sightings:
        """Return what parts of a log show together."""
        return cls(
            tuple(row for each in parts for row in each.rows),
            min((each.since for each in parts if each.since), default=None),
            max((each.until for each in parts if each.until), default=None),
            tuple(dict.fromkeys(text for each in parts for text in each.missing)),
        )

    def gaps(self, at: dt.datetime) -> list[str]:
        """Return why others may have opened objects in the last days before a time."""
        gaps = [*self.missing]
        since = self.since or (None if gaps else at)  # an empty log covers no time
        if since is not None and since > at - DAYS:
            gaps.append(
                f"The log was read back to {since:%Y-%m-%d %H:%M} UTC, less than {DAYS.days} days."
            )
        if self.until is not None and self.until < at - FRESH:
            gaps.append(f"The newest request in the log is of {self.until:%Y-%m-%d %H:%M} UTC.")
        return gaps


def with_whereabouts(state: State, log: Hits | Sightings | None, aws: Aws | None = None) -> State:
    """Return the state with from where the people of each workteam opened objects of the bucket;
    unchanged where no log was looked for.

    With a client factory the manifests of labeling jobs are read where they decide.
    """
    bucket = state.bucket
    if bucket is None or log is None:
        return state
    sightings = log if isinstance(log, Sightings) else Sightings.in_log(log, bucket.name, state.at)
    owners, gaps = UrlOwners(state, aws), sightings.gaps(state.at)
    if not owners.all_known:
        gaps.append("The workteams of the bucket or their labeling jobs were not read.")
    teams = grouped(
        (owners.team_of(*signed) if source else "", (source or "no address", requests))
        for *signed, source, requests in sightings.rows
    )
    strays = [source for source, _ in teams.pop("", ())]
    teams.pop(NO_TEAM, None)
    whereabouts = {}
    for team in dict.fromkeys([*owners.teams, *teams]):
        own = grouped(teams.get(team, ()))
        # whoever else came from a place of the team changes nothing
        places = [*dict.fromkeys(each for each in strays if each not in own)]
        doubt = f"Requests from {some(places)} cannot be assigned to a workteam."
        missing = " ".join([*gaps, doubt] if places else gaps)
        sources = sorted(own, key=lambda each: -sum(own[each]))
        whereabouts[team] = Whereabouts(tuple(sources), sightings.since, sightings.until, missing)
    return replace(state, seen=whereabouts)
