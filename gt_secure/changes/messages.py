"""What a person should know before a plan is applied, and what stops it unless confirmed by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..account.snapshot import State
from ..aws.teams import UrlLock
from ..network import outside, parse_stored_cidrs, scope
from ..policies.bucket_guard import Guard
from ..policies.deleted_principals import deleted_principals
from ..restriction.messages import Notice
from ..restriction.model import Restriction
from .change import Change, find_change
from .diff import existing_guard, wanted_lock
from .targets import BucketGuard, TeamUrlLock, WorkforcePortal


def notices_for(wish: Restriction, state: State, changes: tuple[Change[Any], ...]) -> tuple[Notice, ...]:
    """Return the notices of a plan, most serious first."""
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
    return tuple(sorted(found, key=lambda notice: rank[notice.severity]))


def _url_lock(wish: Restriction, state: State, changing: bool) -> Iterator[Notice]:
    lock, force = wanted_lock(wish, state), state.workforce
    if lock is None:
        return
    if force is not None and changing and lock.on:
        if lock.vpc_source_ip and not force.in_vpc:
            yield Notice(
                "url-lock-needs-vpc",
                "blocker",
                "VpcSourceIp needs a worker portal in a VPC, and this one is public: no worker could open an image.",
                "Use SourceIp, or put the portal into a VPC first.",
                "url_lock",
            )
        if force.in_vpc:
            yield _one_path(lock)
    if lock.source_ip and force is not None and force.ip_address_type == "dualstack":
        yield Notice(
            "dual-stack",
            "warning",
            "The portal is dual-stack and the S3 host of the images is IPv4 only: a worker whom the portal saw over "
            "IPv6 is refused.",
            "Set the workforce to ipv4, or let workers use IPv4.",
            "url_lock",
        )
    if changing and not lock.on and not wish.guard:
        yield Notice(
            "url-lock-off",
            "warning",
            "Without the URL lock a forwarded URL works from anywhere until it expires.",
            "Guard the bucket, if it is not guarded by other means.",
            "url_lock",
        )


def _one_path(lock: UrlLock) -> Notice:
    """A workforce in a VPC has two portals, and a URL lock serves the workers of one."""
    shut, other = ("through the VPC", "VpcSourceIp") if lock.source_ip else ("over the internet", "SourceIp")
    return Notice(
        "url-lock-one-path",
        "warning",
        f"The workforce has a portal in a VPC besides the public one, and the URL lock {lock.mode} serves one of them: "
        f"images of workers who come {shut} are refused.",
        f"Use {other} if that is how the workers of this team come; a team of its own serves the others.",
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
            "Somebody has edited our statement in the bucket policy by hand; the edit would be overwritten.",
            "Look at the statement first.",
            "guard",
        )
    if wish.guard and guard.prefix != wish.prefix and not guard.prefix.startswith(wish.prefix):
        yield Notice(
            "guard-moves",
            "blocker",
            f"The bucket has one guard, for “{guard.prefix or 'all objects'}”; it would move to “{wish.prefix}” and "
            "leave the former objects open.",
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
    """S3 checks every principal of the policy that it is given, and a deleted one makes it refuse the whole."""
    gone = deleted_principals(change.after)
    if gone:
        yield Notice(
            "principal-deleted",
            "blocker",
            f"The bucket policy names users or roles that no longer exist ({'; '.join(gone)}): S3 refuses every new "
            "version of such a policy.",
            "Take them out of their statements first; such an id is never used again.",
            "bucket",
        )


def _narrower(guard: Guard, wish: Restriction) -> Iterator[Notice]:
    gone = [str(network) for network in outside(guard.networks, wish.addresses)]
    gone += sorted(set(guard.endpoints) - set(wish.endpoints))
    if gone:
        yield Notice(
            "guard-drops",
            "warning",
            f"These may come in now and would be refused: {', '.join(gone)}.",
            "Keep them in the lists if people still use them.",
            "addresses",
        )


def _portal(wish: Restriction, state: State) -> Iterator[Notice]:
    force = state.workforce
    assert force is not None
    others = [team.name for team in state.other_teams]
    named = f" It also affects {', '.join(others)}." if others else ""
    if not state.sees("workteams"):
        named = " Which other teams it affects cannot be seen (sagemaker:ListWorkteams)."
    if not wish.portal_lock:
        yield Notice(
            "portal-opens",
            "blocker",
            f"The worker portal would open to everybody; now it opens only from {', '.join(force.cidrs)}.{named}",
            "Leave portal_lock out to keep the list.",
            "portal_lock",
        )
        return
    yield Notice(
        "portal-affects-all",
        "warning",
        f"The portal lock counts for every private workteam of {state.region}.{named}",
        "Make sure that the addresses of all their workers are in the list.",
        "portal_lock",
    )
    if all(scope(network) == "private" for network in wish.addresses):
        yield Notice(
            "portal-closes",
            "warning" if force.in_vpc else "blocker",
            f"A list of private ranges closes the public portal for everybody.{named}",
            "That is right if all workers come through the VPC."
            if force.in_vpc
            else "There is no portal in a VPC here.",
            "addresses",
        )
    gone = [str(network) for network in outside(parse_stored_cidrs(force.cidrs), wish.addresses)]
    if gone:
        yield Notice(
            "portal-drops",
            "blocker",
            f"Workers from {', '.join(gone)} may open the portal now and would be shut out.{named}",
            "Add these ranges, if people still use them.",
            "addresses",
        )
    if force.in_vpc:
        yield Notice(
            "portal-in-vpc",
            "warning",
            "AWS applies the portal lock to the public portal only; the portal in the VPC stays as it is.",
            "Security groups decide who reaches the portal in the VPC.",
            "portal_lock",
        )


def _endpoints(wish: Restriction, state: State) -> Iterator[Notice]:
    if not wish.endpoints or not state.sees("VPC endpoints"):
        return
    known = {endpoint.id: endpoint for endpoint in state.endpoints}
    for one in wish.endpoints:
        endpoint = known.get(one)
        if endpoint is None:
            text, fix = f"{one} is not an S3 endpoint of {state.region} in this account.", "Check the id and region."
            code = "endpoint-unknown"
        elif endpoint.state.lower() not in {"available", ""}:
            text, fix, code = f"{one} is {endpoint.state}.", "Wait until it is available.", "endpoint-not-available"
        elif endpoint.type == "Interface" and not endpoint.private_dns:
            text = f"{one} has no private DNS: the host of a presigned URL is signed and does not lead to it."
            fix, code = "Turn private DNS on, or use a gateway endpoint.", "endpoint-no-dns"
        else:
            continue
        yield Notice(code, "warning", text, fix, "endpoints")


def _jobs(state: State) -> Iterator[Notice]:
    names = [job.name for job in state.jobs if job.in_progress]
    if names:
        yield Notice(
            "jobs-in-progress",
            "warning",
            f"People may be working on {', '.join(names)}: what they have open may be refused.",
            "Tell them to reload their task; URLs that were made before keep their own rules until they expire.",
            "team",
        )
