"""Checks of the bucket guard against the restriction that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ..account.facts import BucketFacts, Snapshot, UrlAges, Wanted
from ..errors import PolicyError
from ..network import IPNetwork, outside, scope
from ..policies.age_cap import LONGEST_S, age_text
from ..policies.bucket_guard import Guard, find_guard
from ..text import count, duration, printable
from .bucket_rules import POLICY
from .model import Match, bucket_rule, rule
from .workteam_rules import read_networks


@lru_cache(maxsize=16)
def _find(policy_text: str | None) -> Guard | None:
    try:
        return find_guard(policy_text)
    except PolicyError:
        return None


def _guard(bucket: BucketFacts) -> Guard | None:
    return _find(bucket.policy_text)


def _wanted(snapshot: Snapshot, bucket: BucketFacts) -> Wanted | None:
    wanted = snapshot.wanted
    return wanted if wanted is not None and wanted.bucket == bucket.name else None


@bucket_rule("guard-missing", POLICY)
def guard_missing(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """A guard is wanted and there is none."""
    if _wanted(snapshot, bucket) is not None and _guard(bucket) is None:
        yield Match(bucket.name)


@bucket_rule("guard-drifted", POLICY)
def guard_drifted(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The guard is not what we would write."""
    guard = _guard(bucket)
    if guard is not None and guard.drifted:
        yield Match(bucket.name)


@bucket_rule("guard-old-form", POLICY)
def guard_old_form(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The guard is the statement of earlier versions."""
    guard = _guard(bucket)
    if guard is not None and guard.old_form:
        yield Match(bucket.name, f"From anywhere it lets through {guard.gap}.")


@bucket_rule("guard-narrower", POLICY)
def guard_narrower(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The guard covers less, or admits more, than is wanted."""
    guard, wanted = _guard(bucket), _wanted(snapshot, bucket)
    if guard is None or wanted is None:
        return
    said: list[str] = []
    if guard.bucket and not wanted.prefix.startswith(guard.prefix):
        said.append(f'it covers "{guard.prefix}", not "{wanted.prefix}"')
    extra = [str(network) for network in outside(guard.networks, wanted.networks)]
    extra += [endpoint for endpoint in guard.endpoints if endpoint not in wanted.endpoints]
    if extra:
        said.append(f"it also admits {', '.join(extra)}")
    if wanted.max_age_s is not None and (guard.max_age_s or LONGEST_S) > wanted.max_age_s:
        said.append(f"it lets signatures older than {age_text(wanted.max_age_s)} through")
    if said:
        yield Match(bucket.name, "; ".join(said).capitalize() + ".")


@bucket_rule("guard-stale", POLICY)
def guard_stale(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """Something wanted is not on the guard's list."""
    guard, wanted = _guard(bucket), _wanted(snapshot, bucket)
    if guard is None or wanted is None:
        return
    lacking = [str(network) for network in outside(wanted.networks, guard.networks)]
    lacking += [endpoint for endpoint in wanted.endpoints if endpoint not in guard.endpoints]
    if lacking:
        yield Match(bucket.name, f"Not listed: {', '.join(lacking)}.")


@bucket_rule("guard-open", POLICY)
def guard_open(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The guard lists a /0."""
    guard = _guard(bucket)
    wide = [str(network) for network in guard.networks if network.prefixlen == 0] if guard is not None else []
    if wide:
        yield Match(bucket.name, f"It lists {', '.join(wide)}.")


@bucket_rule("guard-private-address", POLICY)
def guard_private_address(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The guard lists a range that S3 never sees."""
    guard = _guard(bucket)
    private = [str(n) for n in guard.networks if scope(n) == "private"] if guard is not None else []
    if private:
        yield Match(bucket.name, f"It lists {', '.join(private)}.")


@bucket_rule("urls-live-long", POLICY)
def urls_live_long(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The log shows URLs that live longer than a day, and no age cap ends them earlier."""
    guard = _guard(bucket)
    cap = guard.max_age_s if guard is not None and not guard.drifted else None
    if cap is not None and cap <= LONG_S:
        return
    for ages in bucket.url_ages:
        if ages.lifetime_s > LONG_S:
            yield Match(bucket.name, f"{_lives(ages)}{_advice(ages)}")


def _lives(ages: UrlAges) -> str:
    used = f"the oldest was used after {duration(ages.oldest_s)}"
    return f"{printable(ages.signer)}: URLs live up to {duration(ages.lifetime_s)}, {used}."


def _advice(ages: UrlAges) -> str:
    """Name the smallest usual cap that would have refused nobody: the log rounds ages down to whole seconds."""
    enough = next((cap for cap in _CAPS_S if cap > ages.oldest_s), None)
    if enough is None:
        return ""
    return f" A max_age of {age_text(enough)} would have refused none of {count(ages.requests, 'request')}."


LONG_S = 86_400
"""Lifetime in seconds above which URLs live long."""

_CAPS_S = (900, 3600, 6 * 3600, 12 * 3600, LONG_S)


@rule("ipv4-only", "sagemaker:DescribeWorkforce")
def ipv4_only(snapshot: Snapshot) -> Iterator[Match]:
    """The portal is dual stack, and a list has no IPv6."""
    workforce = snapshot.workforce
    if workforce is None or workforce.ip_address_type.lower() != "dualstack":
        return
    if _only_v4(read_networks(workforce.cidrs)):
        yield Match(workforce.name, "The portal lock lists IPv4 only.")
    for bucket in snapshot.buckets:
        guard = _guard(bucket)
        if guard is not None and _only_v4(guard.networks):
            yield Match(bucket.name, "The bucket guard lists IPv4 only.")


def _only_v4(networks: tuple[IPNetwork, ...]) -> bool:
    return bool(networks) and all(network.version == 4 for network in networks)


RULES = (
    guard_missing,
    guard_drifted,
    guard_old_form,
    guard_narrower,
    guard_stale,
    guard_open,
    guard_private_address,
    urls_live_long,
    ipv4_only,
)
