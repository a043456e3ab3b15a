"""Of which workteam a presigned URL in an access log is.

Ground Truth signs the URLs of a task with the role of the labeling job, and the manifest of the job
names its objects. A URL is a team's where its signer is the role of that team's jobs alone, its
object is in a manifest of that team alone, or its signed tag says that it is a trial of that team.
Every other URL of the bucket may be anybody's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from typing import NamedTuple, TypeAlias

from ..aws.arns import bucket_arn
from ..aws.buckets import bucket_region, parse_s3_uri
from ..aws.client import Aws
from ..aws.client_errors import aws_errors
from ..aws.teams import LabelingJob, Workteam, folder_of
from ..base.errors import GtSecureError
from ..base.groups import grouped
from ..base.viewers import CLAIMED, trial_team
from .reader import read_state
from .state import OTHERS, State, signs_of

_MOST_BYTES = 8_000_000
_ROLE = re.compile(r"arn:[^:]*:iam::([0-9]*):role/(?:.*/)?([^/]+)")


class ManifestKeys(NamedTuple):
    """The keys of a bucket in the manifest of a job, and whether they are all of them."""

    keys: frozenset[str] = frozenset()
    whole: bool = False


ReadManifest: TypeAlias = Callable[[LabelingJob], ManifestKeys]


def read_no_manifest(_: LabelingJob) -> ManifestKeys:
    """Return that the keys of a job are not known."""
    return ManifestKeys()


def manifests_in(aws: Aws, bucket: str) -> ReadManifest:
    """Return a function that reads which keys of a bucket are in the manifest of a job, once."""
    named = re.compile(rf'"s3://{re.escape(bucket)}/((?:[^"\\]|\\.)*)"')

    @cache
    def read(uri: str) -> ManifestKeys:
        place, key = parse_s3_uri(uri)
        with aws_errors("s3:GetObject", bucket_arn(aws.partition, place, key)):
            answer = aws.client("s3", bucket_region(aws, place)).get_object(Bucket=place, Key=key)
            with closing(answer["Body"]) as body:
                text = body.read(_MOST_BYTES).decode("utf-8", "replace")
        keys = frozenset(str(json.loads(f'"{each}"')) for each in named.findall(text))
        return ManifestKeys(keys, answer["ContentLength"] <= _MOST_BYTES)

    def keys_of(job: LabelingJob) -> ManifestKeys:
        # a streaming job has no manifest: its objects come with messages
        with suppress(GtSecureError, ValueError):
            return read(job.input_uri)
        return ManifestKeys()

    return keys_of


class UrlOwners:
    """The workteams of a bucket, and which of them a presigned URL is of."""

    def __init__(self, state: State, manifest_of: ReadManifest = read_no_manifest) -> None:
        bucket = state.bucket
        own = state.team.if_read
        self._bucket = "" if bucket is None else bucket.name
        self._manifest_of = manifest_of
        every = {each.team: each.jobs for each in state.others}
        using = {each.team: each.signs for each in state.users}
        if own is not None:
            every[own], using[own] = state.jobs, signs_of(own.name, bucket)
        jobs = {team: part.if_read or () for team, part in every.items()}
        self.teams = tuple(using)
        self._named = {each.arn.rpartition("/")[2]: each for each in every}
        self.all_known = (bool(state.others) or state.teams.missing is None) and all(
            part.missing is None for part in every.values()
        )
        self._jobs = {team: [one for one in jobs[team] if one.uses(self._bucket)] for team in using}
        self._folders = {
            team: [
                folder
                for folder in (folder_of(self._jobs[team], self._bucket), *(s.prefix for s in signs))
                if folder
            ]
            for team, signs in using.items()
        }
        roles = grouped((_session_of(job.role_arn), team) for team in jobs for job in jobs[team])
        self._of_role = {
            role: teams[0] for role, teams in roles.items() if len({*teams}) == 1 and role
        }

    def team_of(self, key: str | None, signer: str, viewer: str | None) -> Workteam | str:
        """Return the team that a URL is of; a text says that it is of no team, or empty that its
        team is not known.

        ``signer`` and ``viewer`` are those of a row of the log.
        """
        if viewer is not None and not viewer.endswith(CLAIMED):
            # Ground Truth names no viewer
            return self._named.get(trial_team(viewer)) or f"a URL for {viewer}"
        if not self.all_known:
            return ""
        return self._of_role.get(signer) or self._of_key(key or "")

    @cache  # noqa: B019 - the owners live as long as one question
    def _of_key(self, key: str) -> Workteam | str:
        """Return the team whose manifests have a key, or else whose folder it is in."""
        doubtful, found = set[Workteam](), set[Workteam]()
        for team, jobs in self._jobs.items():
            manifests = [self._manifest_of(job) for job in jobs]
            if any(key in each.keys for each in manifests):
                found.add(team)
            elif not all(each.whole for each in manifests):
                doubtful.add(team)
        inside = {
            team for team, folders in self._folders.items() if key.startswith((*folders,) or "\0")
        }
        if not found and len(inside) == 1:
            return inside.pop()
        return found.pop() if len(found) == 1 and not doubtful else ""

    def unlocked(self, team: Workteam) -> list[str]:
        """Return the names of the other teams of the bucket whose URL lock is off."""
        return [
            each.name
            for each in self.teams
            if each.arn != team.arn and not (each.url_lock is not None and each.url_lock.on)
        ]


def _session_of(role_arn: str) -> str:
    """Return the signer of a log for the sessions of a role; empty without a role."""
    role = _ROLE.fullmatch(role_arn)
    return f"{role[1]}:assumed-role/{role[2]}" if role else ""


def owners_of(aws: Aws, team: Workteam, bucket: str) -> UrlOwners | None:
    """Read the workteams of a bucket; None where this role cannot."""
    with suppress(GtSecureError):
        state = read_state(
            aws, team=team, bucket=bucket, needs=frozenset({"team", "jobs"}) | OTHERS - {"portal"}
        )
        return UrlOwners(state, manifests_in(aws, bucket))
    return None
