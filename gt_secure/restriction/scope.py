"""A workteam and a bucket location, by name."""

from __future__ import annotations

from ..aws.buckets import check_bucket, check_prefix
from ..aws.teams import TeamArn, TeamLike, check_team_name, team_reference
from ..errors import InvalidInput


def named_team(team: TeamLike) -> str:
    """Return the name of a private workteam, or the ARN of another; raises :class:`InvalidInput`."""
    word = team_reference(team)
    if not word.startswith("arn:"):
        return check_team_name(word)
    arn = TeamArn.parse(word)
    return arn.name if arn.is_private else word


def named_place(bucket: object, prefix: object = "") -> tuple[str | None, str]:
    """Return bucket and prefix of a name or an ``s3://bucket/prefix``; raises :class:`InvalidInput`."""
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
