"""The scope of a reading: a workteam and a bucket location, by name, and the parts that will be written."""

from __future__ import annotations

from dataclasses import dataclass

from ..aws.buckets import check_bucket, check_prefix
from ..aws.teams import TeamArn, TeamLike, check_team_name, team_reference
from ..errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ReadScope:
    """The workteam and bucket to read.

    Attributes
    ----------
    team : str or None
        Name of a private workteam, or ARN of a vendor or public one.
    bucket : str or None
    workforce : bool
        Whether the worker portal is read without a team, too.
    writes : frozenset of str
        ``team``, ``workforce``, ``policy``: parts that must be readable, because a change writes them or depends on
        them.
    """

    team: str | None = None
    bucket: str | None = None
    workforce: bool = False
    writes: frozenset[str] = frozenset()

    @property
    def private_team(self) -> str | None:
        """The name of the team, if it is a private one."""
        return None if self.team is None or self.team.startswith("arn:") else self.team


def named_subject(team: TeamLike | None, bucket: str | None) -> ReadScope:
    """Return a subject that is only read.

    Raises
    ------
    InvalidInput
        If neither is given, or one is not a valid name.
    """
    if team is None and bucket is None:
        raise InvalidInput(
            "Neither a team nor a bucket is given.", next_step="Pass team=, bucket= or both.", field="team"
        )
    return ReadScope(None if team is None else named_team(team), named_place(bucket)[0])


def named_team(team: TeamLike) -> str:
    """Return the name of a private workteam, or the ARN of another; raises :class:`InvalidInput`."""
    word = team_reference(team)
    if not word.startswith("arn:"):
        return check_team_name(word)
    arn = TeamArn.parse(word)
    return arn.name if arn.is_private else word


def named_place(bucket: object, prefix: object = "") -> tuple[str | None, str]:
    """Return the name of a bucket, which may be given as ``s3://bucket/prefix``, and the prefix in it.

    Raises
    ------
    InvalidInput
        If one of them is not valid, or two prefixes are given.
    """
    if not isinstance(prefix, str):
        raise InvalidInput(
            f"The prefix must be a string, not {type(prefix).__name__}.",
            next_step="Write for example scans/.",
            field="prefix",
        )
    if bucket is None:
        if prefix:
            raise InvalidInput(
                f"The prefix '{prefix[:60]}' has no bucket.", next_step="Name the bucket too.", field="bucket"
            )
        return None, ""
    if not isinstance(bucket, str):
        raise InvalidInput(
            f"A bucket name must be a string, not {type(bucket).__name__}.",
            next_step="Write gt-images.",
            field="bucket",
        )
    start = prefix
    if bucket.startswith("s3://"):
        tail = bucket[5:].partition("/")[2]
        if tail and prefix and tail != prefix:
            raise InvalidInput(
                f"The bucket is given with the prefix '{tail[:60]}', and the prefix '{prefix[:60]}' too.",
                next_step="Give one of them.",
                field="prefix",
                value=prefix,
            )
        start = start or tail
    return check_bucket(bucket), check_prefix(start)
