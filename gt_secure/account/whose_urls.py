"""Of which workteam a presigned URL in an access log is.

Ground Truth signs the URLs of a task with the role of the labeling job, and the manifest of the job
names its objects. A URL is a team's where its signer is the role of that team's jobs alone, its
object is in a manifest of that team alone, or its signed tag says that it is a trial of that team.
Every other URL of the bucket may be of any team.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import cached_property

from ..aws.client import Aws
from ..aws.teams import LabelingJob, Workteam
from ..base.errors import GtSecureError
from ..base.groups import grouped
from ..base.text import Texts
from ..base.viewers import CLAIMED, trial_team
from ..logs.sql.viewers import OF_ROLE
from .part_reader import first_text
from .reader import read_state
from .state import OTHERS, OtherTeam, State

NO_TEAM = "no workteam"
_MOST_BYTES = 8_000_000


class UrlOwners:
    """The workteams of a bucket, and which of them a presigned URL is of.

    ``teams`` are those that use the bucket, by ARN, and ``all_known`` is False where a team or its
    jobs were not read. Without a client factory, the manifests of labeling jobs are not read.
    """

    def __init__(self, state: State, aws: Aws | None = None) -> None:
        self._aws, own = aws, state.team.if_read
        self._bucket = "" if state.bucket is None else state.bucket.name
        every = [*state.others, *([] if own is None else [OtherTeam(own, state.jobs)])]
        self._users = state.of_bucket
        self.teams = {each.team.arn: each.team for each in self._users}
        self.all_known = (bool(state.others) or state.teams.missing is None) and all(
            each.jobs.missing is None for each in every
        )
        self._named = {each.team.arn.rpartition("/")[2]: each.team.arn for each in every}
        self._of_role = grouped(
            (_role(job.role_arn), each.team.arn)
            for each in every
            for job in each.jobs.if_read or ()
        )

    def team_of(self, key: str | None, signer: str | None, viewer: str | None) -> str:
        """Return the ARN of the team of a URL, by the key, requester and viewer of its row in the
        log; empty where the team is not known.

        It is :data:`NO_TEAM` for the URL of a viewer, whom Ground Truth never names.
        """
        if viewer and not viewer.endswith(CLAIMED):
            return self._named.get(trial_team(viewer), NO_TEAM)
        alone = {*self._of_role.get(_role(signer), ())}
        if len(alone) != 1:
            alone = {
                arn if key in keys else "" for arn, keys in self._keys.items() if keys & {key, None}
            }
        return alone.pop() if self.all_known and len(alone) == 1 else ""

    @cached_property
    def _keys(self) -> dict[str, set[str | None]]:
        """The keys of the bucket in the manifests of each team; None stands for every other one."""
        return {
            each.team.arn: {
                key
                for job in each.jobs_on(self._bucket)
                for key in (self._read(job) if self._aws else {None})
            }
            for each in self._users
        }

    def _read(self, job: LabelingJob) -> set[str | None]:
        # a streaming job has no manifest: its objects come with messages
        with suppress(GtSecureError, ValueError):
            text, whole = first_text(self._aws, job.input_uri, _MOST_BYTES)
            keys = re.findall(rf'"s3://{re.escape(self._bucket)}/((?:[^"\\]|\\.)*)"', text)
            rest: list[str | None] = [] if whole else [None]
            return {*rest, *(json.loads(f'"{each}"') for each in keys)}
        return {None}


def _role(arn: str | None) -> Texts:
    """Return what the ARNs of a role and of its sessions have in common."""
    found = OF_ROLE.fullmatch(arn or "")
    return () if found is None else found.groups()


def owners_of(aws: Aws, team: Workteam, bucket: str) -> UrlOwners | None:
    """Read the workteams of a bucket; None where this role cannot."""
    with suppress(GtSecureError):
        return UrlOwners(
            read_state(aws, team=team, bucket=bucket, needs=OTHERS | {"team", "jobs"}), aws
        )
    return None
