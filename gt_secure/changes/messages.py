"""Notices of a plan: notes, warnings, and blockers that must be confirmed by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..account.state import State
from ..aws.managed_lists import ManagedList
from ..aws.teams import UrlLock
from ..network import IPNetwork, outside, parse_stored_cidrs, scope
from ..policies.bucket_guard import Guard
from ..policies.equivalence import deleted_principals
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from ..text import count
from .change import Change, find_change
from .diff import existing_guard, wanted_lock
from .targets import BucketGuard, TeamUrlLock, WorkforcePortal

_NAMED = 5


def notices_for(wish: Restriction, state: State, changes: tuple[Change[Any], ...]) -> tuple[Notice, ...]:
    """Return the notices of a plan: those about lists that AWS keeps, then the others, most serious first."""
    lists = (notice for each in wish.managed for notice in _list(each, wish, state))
    guard = find_change(changes, BucketGuard)
    url_lock_changes = find_change(changes, TeamUrlLock) is not None
    found = [*wish.notices, *_url_lock(wish, state, url_lock_changes), *_endpoints(wish, state)]
    if guard is not None:
        found += [*_guard(wish, state), *_deleted(guard)]
    if find_change(changes, WorkforcePortal) is not None:
        found += _portal(wish, state)
    if changes:
        found += _jobs(state)
    rank = {"blocker": 0, "warning": 1, "info": 2}
    return (*lists, *sorted(found, key=lambda notice: rank[notice.severity]))


def _url_lock(wish: Restriction, state: State, changing: bool) -> Iterator[Notice]:
    lock, force = wanted_lock(wish, state), state.workforce.if_read
    if lock is None:
        return
    if force is not None and changing and lock.on:
        if lock.vpc_source_ip and not force.in_vpc:
            yield Notice(
                "url-lock-needs-vpc",
                "blocker",
                "No worker could open an image: VpcSourceIp needs a worker portal in a VPC, and this one is public.",
                "Use SourceIp, or put the portal into a VPC first.",
                "url_lock",
            )
        if force.in_vpc:
            yield _one_path(lock)
    if lock.source_ip and force is not None and force.ip_address_type == "dualstack":
        yield Notice(
            "dual-stack",
            "warning",
            "Workers who reach the portal over IPv6 are refused: the portal is dual-stack, and the S3 host of the "
            "images is IPv4 only.",
            "Set the workforce to ipv4, or let workers use IPv4.",
            "url_lock",
        )
    if changing and not lock.on and not wish.guard:
        yield Notice(
            "url-lock-off",
            "warning",
            "Without the URL lock a worker's URL works from any address until it expires.",
            "Guard the bucket, unless another control protects it.",
            "url_lock",
        )


def _one_path(lock: UrlLock) -> Notice:
    """Return the warning for a workforce in a VPC: it has two portals, and a URL lock serves only one of them."""
    refused, other = ("VPC", "VpcSourceIp") if lock.source_ip else ("public", "SourceIp")
    return Notice(
        "url-lock-one-path",
        "warning",
        f"Workers of this team in the {refused} portal will see broken images: the workforce has two portals, and the "
        f"URL lock {lock.mode} serves only one of them.",
        f"If this team works in the {refused} portal, use {other}. If it works in both, split it into two teams.",
        "url_lock",
    )


def _guard(wish: Restriction, state: State) -> Iterator[Notice]:
    guard = existing_guard(state)
    if guard is None:
        return
    if guard.drifted:
        yield Notice(
            "guard-edited",
            "blocker",
            "Applying would overwrite a manual edit of our statement in the bucket policy.",
            "Review the statement first.",
            "guard",
        )
    if wish.guard and guard.prefix != wish.prefix and not guard.prefix.startswith(wish.prefix):
        yield Notice(
            "guard-moves",
            "blocker",
            f"The guard would move from '{guard.prefix or 'all objects'}' to '{wish.prefix}' and leave former objects "
            "open: a bucket has one guard.",
            "Use a prefix that covers both.",
            "prefix",
        )
    if wish.guard:
        yield from _narrower(guard, wish)
    else:
        yield Notice(
            "guard-off",
            "warning",
            "Without the guard a presigned URL of these objects works from anywhere, unless another lock stops it.",
            "",
            "guard",
        )


def _deleted(change: Change[str | None]) -> Iterator[Notice]:
    """Yield the blocker of a policy that names deleted principals: S3 refuses such a policy as a whole."""
    gone = deleted_principals(change.after)
    if gone:
        yield Notice(
            "principal-deleted",
            "blocker",
            "S3 refuses every new version of this bucket policy: it names users or roles that no longer exist "
            f"({'; '.join(gone)}).",
            "Remove them from their statements first. Such an id is never used again.",
            "bucket",
        )


def _narrower(guard: Guard, wish: Restriction) -> Iterator[Notice]:
    gone = [str(network) for network in outside(guard.networks, wish.addresses)]
    gone += sorted(set(guard.endpoints) - set(wish.endpoints))
    if gone:
        yield Notice(
            "guard-drops",
            "warning",
            f"These are allowed now and would be refused: {', '.join(gone)}.",
            "Keep them in the lists if workers still use them.",
            "addresses",
        )


def _portal(wish: Restriction, state: State) -> Iterator[Notice]:
    force = state.workforce.value
    assert force is not None
    others = [team.name for team in state.other_teams] if state.teams.missing is None else []
    named = f" It also affects {', '.join(others)}." if others else ""
    if state.teams.missing is not None:
        named = f" Which other teams it affects is unknown: {state.teams.missing.text}."
    if not wish.portal_lock:
        yield Notice(
            "portal-opens",
            "blocker",
            f"The worker portal would open to everybody. Now it opens only from {', '.join(force.cidrs)}.{named}",
            "Leave portal_lock out to keep the list.",
            "portal_lock",
        )
        return
    yield Notice(
        "portal-affects-all",
        "warning",
        f"The portal lock applies to every private workteam of {state.region}.{named}",
        "Make sure that the addresses of all their workers are in the list.",
        "portal_lock",
    )
    if all(scope(network) == "private" for network in wish.addresses):
        yield Notice(
            "portal-closes",
            "warning" if force.in_vpc else "blocker",
            f"A list of private ranges closes the public portal for everybody.{named}",
            "That is right if all workers use the portal in the VPC."
            if force.in_vpc
            else "There is no portal in a VPC here.",
            "addresses",
        )
    gone = [str(network) for network in outside(parse_stored_cidrs(force.cidrs), wish.addresses)]
    if gone:
        yield Notice(
            "portal-drops",
            "blocker",
            f"Workers from {', '.join(gone)} can open the portal now and would be refused.{named}",
            "Add these ranges if workers still use them.",
            "addresses",
        )
    if force.in_vpc:
        yield Notice(
            "portal-in-vpc",
            "warning",
            "AWS applies the portal lock to the public portal only. The portal in the VPC does not change.",
            "Use security groups to restrict the portal in the VPC.",
            "portal_lock",
        )


def _endpoints(wish: Restriction, state: State) -> Iterator[Notice]:
    if not wish.endpoints or state.endpoints.missing is not None:
        return
    known = {endpoint.id: endpoint for endpoint in state.endpoints.value or ()}
    for one in wish.endpoints:
        endpoint = known.get(one)
        if endpoint is None:
            text, fix = f"{one} is not an S3 endpoint of {state.region} in this account.", "Check the id and region."
            code = "endpoint-unknown"
        elif endpoint.state.lower() not in {"available", ""}:
            text, fix, code = f"{one} is {endpoint.state}.", "Wait until it is available.", "endpoint-not-available"
        elif endpoint.type == "Interface" and not endpoint.private_dns:
            text = f"{one} has no private DNS, so the signed host of a presigned URL does not resolve to it."
            fix, code = "Turn private DNS on, or use a gateway endpoint.", "endpoint-no-dns"
        else:
            continue
        yield Notice(code, "warning", text, fix, "endpoints")


def _jobs(state: State) -> Iterator[Notice]:
    names = [job.name for job in state.jobs.if_read or () if job.in_progress]
    if names:
        yield Notice(
            "jobs-in-progress",
            "warning",
            f"Workers may be working on {', '.join(names)}. Images of their open tasks may stop loading.",
            "Ask them to reload their task. URLs issued earlier keep the old rules until they expire.",
            "team",
        )


def _list(each: ManagedList, wish: Restriction, state: State) -> Iterator[Notice]:
    """Yield the notices about a list that AWS keeps: what is missing from the locks, and what is left out."""
    guard = existing_guard(state) if wish.guard else None
    if guard is not None:
        yield from _missing(each, "guard", outside(each.networks, guard.networks))
    force = state.workforce.value if wish.portal_lock else None
    cidrs = parse_stored_cidrs(force.cidrs) if force is not None else ()
    if cidrs:
        yield from _missing(each, "portal lock", outside(each.networks, cidrs))
    if each.left_out:
        yield Notice(
            "list-ranges-left-out",
            "info",
            f"{each.name} has {count(len(each.left_out), 'range')} that AWS never sees as a source: "
            f"{_some(each.left_out)}.",
            "The locks leave them out.",
            "addresses",
        )
    if not each.networks:
        yield Notice(
            "list-empty",
            "warning",
            f"{each.name} has no range that S3 or the portal can see, so it allows nobody.",
            "Add ranges to the list, or remove it from the restriction.",
            "addresses",
        )
    if each.owner == "AWS":
        yield Notice(
            "list-of-aws",
            "warning",
            f"{each.name} ({each.title}) has the addresses of an AWS service, not those of workers.",
            "Name a prefix list of your own network.",
            "addresses",
        )


def _missing(each: ManagedList, lock: str, missing: tuple[IPNetwork, ...]) -> Iterator[Notice]:
    if missing:
        yield Notice(
            "list-changed",
            "warning",
            f"{each.name} has {count(len(missing), 'range')} missing from the {lock}: {_some(missing)}.",
            "Apply the plan to add them.",
            "addresses",
        )


def _some(networks: Iterable[IPNetwork]) -> str:
    words = [str(network) for network in networks]
    return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED} more" if len(words) > _NAMED else "")
