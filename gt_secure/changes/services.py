"""Simulate a change for sources that the access log names, and services of AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..base.groups import grouped
from ..base.network import (
    IPNetwork,
    Source,
    contains,
    parse_address,
    parse_endpoint_id,
    read_address,
    scope,
)
from ..base.text import Json, Texts, count, members
from ..engine.access.answer import WORKER_OF, Answer
from ..engine.access.difference import Difference
from ..engine.access.exposure import ANY_VPC, OF_A_TEAM, Exposure
from ..engine.access.locks import ACTIONS, EffectiveLocks
from ..engine.policies.session_policy import BACK_END_ACTIONS, back_end_endpoint
from ..restriction.applications import bystanders
from ..restriction.model import Restriction

if TYPE_CHECKING:
    from ..account.state import State
    from ..logs.hits import Hits


Scene: TypeAlias = Literal[
    "worker", "presigned", "feature of AWS", "Ground Truth", "log delivery", "caller"
]
"""Kinds of requests of a simulation: ``worker`` opens the portal and an image there, ``presigned``
a plain presigned URL of the bucket, a ``feature of AWS`` signs presigned requests itself, such as
the S3 console, ``Ground Truth`` is the back end, and ``caller`` reads or writes the bucket policy.
"""

LOGGED = "seen in the access log"
_OUTSIDE = tuple(parse_address(text) for text in ("198.51.100.9", "203.0.113.7"))


def simulate(
    restriction: Restriction,
    caller_arn: str,
    now: Exposure,
    after: Exposure,
    hits: Hits | None = None,
) -> tuple[Difference[Answer], ...]:
    """Return a row for each source that the log names and each service that uses the bucket."""
    rows = (
        _logged(source, now, after)
        for source in users(hits, restriction.bucket, restriction.prefix)
    )
    sure = [
        row
        for row in rows
        if not _NO_ENDPOINT & {*row.before.depends_on, *row.after.depends_on} or row.shut_out
    ]
    return (*sure, *(_services(restriction, caller_arn, now, after) if now.locks.bucket else ()))


def _logged(source: Source, now: Exposure, after: Exposure) -> Difference[Answer]:
    """Return the row of a source of the log: what some team's lock opens to it,
    or else some other presigned URL.
    """
    rows = [
        Difference(
            _best(now, source, requests), _best(after, source, requests), scene, str(source), LOGGED
        )
        for scene, requests in (("worker", now.of_workers), ("presigned", ("presigned",)))
        if requests
    ]
    return next((row for row in rows if row.before.answer != "refused"), rows[-1])


_NO_ENDPOINT = frozenset({"the endpoint of the request"})
"""Dependency of the answer to a private address:
S3's access log does not name the endpoint that it came through.
"""
_WORST = ("refused", "unknown", "opened")


def _best(exposure: Exposure, source: Source, requests: Sequence[str]) -> Answer:
    """Return the best answer to a source that requests of some kinds get."""
    is_private = (
        source.address is not None and not source.endpoint and scope(source.address) == "private"
    )
    ask = _through_some_endpoint if is_private else Exposure.plain
    return max(
        (ask(exposure, source, each) for each in requests),
        key=lambda each: _WORST.index(each.answer),
    )


def evidence_of(state: State, after: Exposure) -> Texts:
    """Return for each workteam of the bucket how many of the sources of its people a plan refuses,
    in sentences; nothing where no log was looked for.
    """
    own = state.team.if_read
    found = []
    for team in (each.team for each in state.of_bucket if each.team.arn in state.seen):
        seen = state.whereabouts(team)
        request = "worker" if team == own else WORKER_OF + team.name
        answers = [_best(after, Source.parse(each), [request]).answer for each in seen.sources]
        text = f"Where the people of {team.name} work is unknown."
        if answers:
            text = (
                f"{answers.count('refused'):,} of {count(len(answers), 'source')} from which"
                f" {team.name} opened objects would be refused."
            )
        elif seen.complete:
            text = f"Nobody of {team.name} opened an object in the last days."
        found.append((seen.missing, text))
    return tuple(" ".join([*texts, missing]).rstrip() for missing, texts in grouped(found).items())


def _through_some_endpoint(exposure: Exposure, source: Source, request: str) -> Answer:
    """Answer a source in a VPC whose endpoint is not known:
    for certain where all endpoints have the same answer.
    """
    row = exposure.row(request)
    words = {row.others, *map(row.at_endpoint, row.labels)}
    if len(words) > 1 or "unknown" in words:
        return Answer("unknown", request, str(source), depends_on=tuple(_NO_ENDPOINT))
    return Answer(words.pop(), request, str(source), lock=", ".join(row.refused.decided_by))


def _services(
    restriction: Restriction, caller_arn: str, now: Exposure, after: Exposure
) -> Iterator[Difference[Answer]]:
    yield from _presigners(restriction.addresses, now, after)
    region = now.locks.region
    endpoint = back_end_endpoint(region)

    def row(
        source: str, why: str, scene: Scene, ask: Callable[[EffectiveLocks, str], Answer]
    ) -> Difference[Answer]:
        return Difference(now.of_service(ask), after.of_service(ask), scene, source, why)

    for action in BACK_END_ACTIONS if restriction.team is not None or now.locks.others else ():
        yield row(
            f"Ground Truth in {region}",
            f"{action}, signed in the header, through {endpoint}",
            "Ground Truth",
            lambda locks, key: locks.ground_truth(endpoint, key, action),  # noqa: B023 - asked at once
        )
    delivery = row(
        "logging.s3.amazonaws.com",
        "delivers access logs into the bucket",
        "log delivery",
        lambda locks, key: locks.log_delivery(key),
    )
    if delivery.before.answer != "refused":  # most buckets take no logs
        yield delivery
    for verb in ("Get", "Put", "Delete"):
        action = f"s3:{verb}BucketPolicy"
        yield row(
            caller_arn,
            f"{action}, to undo",
            "caller",
            lambda locks, _: locks.caller(caller_arn, action),  # noqa: B023 - asked at once
        )


def _presigners(
    listed: Sequence[IPNetwork], now: Exposure, after: Exposure
) -> Iterator[Difference[Answer]]:
    """Yield what AWS itself fetches by presigned URLs, from an address outside the list."""
    outside = next((each for each in _OUTSIDE if not contains(listed, each)), _OUTSIDE[0])
    place = "from an address of the list" if contains(listed, outside) else "from outside the list"
    before, then = (each.plain(Source(outside), "presigned") for each in (now, after))
    for each in bystanders():
        yield Difference(before, then, "feature of AWS", each.name, f"{each.of_aws}, {place}")


def service_data(row: Difference[Answer]) -> Json:
    """Return a row of a simulation as JSON-able data."""
    return members(row, "source", "why", "scene: request", "now: before", "after")


def unknown_keys(rows: Iterable[Difference[Answer]], *exposures: Exposure) -> Texts:
    """Return the condition keys on which answers depend;
    a policy that could not be read is reported as such.
    """
    named = {key for row in rows for key in (*row.after.depends_on, *row.before.depends_on)}
    for exposure in exposures:
        for request in (
            (*OF_A_TEAM, *exposure.of_workers) if exposure.locks.has_portal else ("presigned",)
        ):
            named |= set(exposure.row(request).unknown.depends_on)
    return tuple(sorted(named - ACTIONS - _NO_ENDPOINT - {ANY_VPC}))


MOST = 200
"""Number of sources looked at, the busiest first."""


def users(hits: Hits | None, bucket: str | None, prefix: str) -> tuple[Source, ...]:
    """Return the sources of presigned requests that were answered, in any reading of the log.

    Our own test requests are left out. An address in private space came through an endpoint that an
    access log does not name.
    """
    found = []
    if hits is None:
        return ()
    answered = _answered(hits, bucket, prefix).filter(status=[200, 206, 304])
    for row in (
        row
        for each in answered.readings
        for row in each.count(by=["remote_ip", "endpoint"], limit=MOST)
    ):
        address = read_address(row["remote_ip"])  # AWS itself has no address in the log
        if row["endpoint"] is not None:
            found.append(Source(None, parse_endpoint_id(str(row["endpoint"]))))
        elif address is not None and scope(address) in ("public", "private"):
            found.append(Source(address))
    return tuple(dict.fromkeys(found))


def _answered(hits: Hits, bucket: str | None, prefix: str) -> Hits:
    chosen = hits.filter(presigned=True, refused=False, test=False)
    if bucket is not None:
        chosen = chosen.filter(bucket=bucket)
    return chosen.filter(key_prefix=prefix) if prefix else chosen


def strangers(hits: Hits | None, bucket: str | None, prefix: str) -> frozenset[str]:
    """Return the addresses that opened only URLs which another address had opened
    in an earlier second.
    """
    if hits is None:
        return frozenset()
    rows = _answered(hits, bucket, prefix).query(
        "SELECT remote_ip FROM (SELECT remote_ip, first, min(first) OVER (PARTITION BY fingerprint)"
        " AS earliest FROM (SELECT fingerprint, remote_ip, min(time) AS first FROM {hits} GROUP BY"
        " ALL)) GROUP BY remote_ip HAVING bool_and(coalesce(first > earliest, false))"
    )
    return frozenset(str(address) for (address,) in rows)
