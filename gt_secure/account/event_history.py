"""Read the event history of CloudTrail: calls by name, and writes of others to a bucket policy at
the time of ours.

S3 has no conditional PutBucketPolicy, so a policy that somebody else puts between our last reading
and our write is overwritten without a trace in S3. CloudTrail's record of the other write names the
writer and holds the text. It appears some minutes later, so apply and a later undo both look for
it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..aws.client import Aws, all_pages
from ..aws.client_errors import aws_errors
from ..base.shown import Shown
from ..base.text import Json

ACTION = "cloudtrail:LookupEvents"
_WRITES = {"PutBucketPolicy", "DeleteBucketPolicy"}
_MARGIN = timedelta(seconds=10)
"""Tolerance of times: a clock may differ by 5 seconds before it is corrected, and CloudTrail and
the date of an answer have whole seconds.
"""


@dataclass(frozen=True, slots=True)
class OtherWrite(Shown):
    """A write of a bucket policy; ``policy_text`` is None for a deletion or if unknown."""

    document = ("at", "writer", "operation", "event_id", "policy: policy_text")

    at: str
    writer: str
    operation: str
    event_id: str
    policy_text: str | None = None
    request: str = ""


def lookup_events(
    aws: Aws,
    attribute: str,
    value: str,
    since: datetime,
    until: datetime,
    region: str = "",
    *,
    most: int = 1000,
) -> list[Json]:
    """Return the events with an attribute such as ``EventName``, the newest first."""
    with aws_errors(ACTION):
        pages = all_pages(
            aws.client("cloudtrail", region or None),
            "lookup_events",
            LookupAttributes=[{"AttributeKey": attribute, "AttributeValue": value}],
            StartTime=since,
            EndTime=until,
            PaginationConfig={"MaxItems": most},
        )
        # a page may come twice
        texts = dict.fromkeys(
            event["CloudTrailEvent"] for page in pages for event in page["Events"]
        )
        return [dict(json.loads(text)) for text in texts]


def policy_writes(
    aws: Aws, bucket: str, region: str, since: datetime, until: datetime
) -> tuple[OtherWrite, ...]:
    """Return the successful writes of a bucket's policy in a time range, the newest first."""
    with aws_errors(ACTION):
        events = lookup_events(
            aws, "ResourceName", bucket, since - _MARGIN, until + _MARGIN, region, most=200
        )
        return tuple(_write(event) for event in events if _is_write(event, bucket))


def _is_write(event: Json, bucket: str) -> bool:
    parameters = event.get("requestParameters") or {}
    return (
        event.get("eventName") in _WRITES
        and not event.get("errorCode")
        and parameters.get("bucketName") == bucket
    )


def _write(event: Json) -> OtherWrite:
    policy = (event.get("requestParameters") or {}).get("bucketPolicy")
    return OtherWrite(
        at=str(event.get("eventTime") or ""),
        writer=str((event.get("userIdentity") or {}).get("arn") or "unknown"),
        operation=str(event["eventName"]),
        event_id=str(event.get("eventID") or ""),
        policy_text=policy if isinstance(policy, str) or policy is None else json.dumps(policy),
        request=str(event.get("requestID") or ""),
    )


def event_moment(text: str) -> datetime | None:
    """Return the time of an event with its time zone, UTC by default; None if it is unreadable."""
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
