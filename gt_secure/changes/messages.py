"""Notices of a plan: notes, warnings, and blockers that must be confirmed by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..account.state import State
from ..aws.managed_lists import ManagedList
from ..aws.teams import UrlLock
from ..network import IPNetwork, outside, parse_stored_cidrs, scope
from ..policies.equivalence import deleted_principals
from ..policies.signer_lock import find_signer_lock, is_listed, signer_names
from ..restriction.messages import Notice, notice
from ..restriction.model import Restriction
from ..text import count, some
from .change import Change, find_change
from .diff import existing_guard, wanted_lock
from .targets import BucketGuard, TeamUrlLock, WorkforcePortal


def notices_for(wish: Restriction, state: State, changes: tuple[Change[Any], ...]) -> tuple[Notice, ...]:
    """Return the notices of a plan: those about lists that AWS keeps, then the others, most serious first."""
    lists = (made for each in wish.managed for made in _list(each, wish, state))
    guard = find_change(changes, BucketGuard)
    url_lock_changes = find_change(changes, TeamUrlLock) is not None
    found = [*wish.notices, *_url_lock(wish, state, url_lock_changes), *_endpoints(wish, state)]
    if guard is not None:
        found += [*_guard(wish, state), *_signers(wish, state), *_deleted(guard)]
    if find_change(changes, WorkforcePortal) is not None:
        found += _portal(wish, state)
    if changes:
        found += _jobs(state)
    rank = {"blocker": 0, "warning": 1, "info": 2}
    return (*lists, *sorted(found, key=lambda each: rank[each.severity]))


def _url_lock(wish: Restriction, state: State, changing: bool) -> Iterator[Notice]:
    lock, force = wanted_lock(wish, state), state.workforce.if_read
    if lock is None:
        return
    if force is not None and changing and lock.on:
        if lock.vpc_source_ip and not force.in_vpc:
            yield notice("url-lock-needs-vpc")
        if force.in_vpc:
            yield _one_path(lock)
    if lock.source_ip and force is not None and force.ip_address_type == "dualstack":
        yield notice("dual-stack")


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
        yield notice("guard-edited")
    if wish.guard and guard.prefix != wish.prefix and not guard.prefix.startswith(wish.prefix):
        yield notice("guard-moves", before=guard.prefix or "all objects", after=wish.prefix)
    if not wish.guard:
        if wish.guard is False:
            yield notice("guard-off")
        return
    gone = [str(network) for network in outside(guard.networks, wish.addresses)]
    gone += sorted(set(guard.endpoints) - set(wish.endpoints))
    if gone:
        yield notice("guard-drops", sources=", ".join(gone))


def _signers(wish: Restriction, state: State) -> Iterator[Notice]:
    """Yield whom the signer lock would stop: the caller, the roles of waiting jobs, and who was on its list."""
    lock = find_signer_lock(state.bucket.policy.value) if state.bucket is not None else None
    if wish.signers is None or not (wish.signers or lock):
        return
    if lock is not None and lock.drifted:
        yield notice("guard-edited", field="signers")
    if not wish.signers:
        yield notice("signers-off")
        return
    yield notice("signers-limits")
    if not is_listed(state.caller_arn, wish.signers):
        yield notice("signers-caller", caller=state.caller_arn, confirmable=False, fix=_add([state.caller_arn]))
    roles = {job.role_arn for job in state.jobs.if_read or () if job.role_arn}
    left_out = sorted(role for role in roles if not is_listed(role, wish.signers))
    if left_out:
        yield notice("signers-jobs", roles=", ".join(left_out), fix=_add(left_out))
    elif wish.team is None or state.jobs.missing is not None:
        yield notice("signers-jobs-unread")
    gone = [each for each in (lock.signers if lock is not None else ()) if not is_listed(each, wish.signers)]
    if gone:
        yield notice("signers-drops", signers=signer_names(gone).replace(" or ", ", "))


def _add(arns: Sequence[str]) -> str:
    return f"Add --signers {' --signers '.join(arns)}."


def _deleted(change: Change[str | None]) -> Iterator[Notice]:
    """Yield the blocker of a policy that names deleted principals: S3 refuses such a policy as a whole."""
    gone = deleted_principals(change.after)
    if gone:
        yield notice("principal-deleted", principals="; ".join(gone))


def _portal(wish: Restriction, state: State) -> Iterator[Notice]:
    force = state.workforce.value
    assert force is not None
    others = [team.name for team in state.other_teams] if state.teams.missing is None else []
    named = f" It also affects {', '.join(others)}." if others else ""
    if state.teams.missing is not None:
        named = f" Which other teams it affects is unknown: {state.teams.missing.text}."
    if not wish.portal_lock:
        yield notice("portal-opens", sources=", ".join(force.cidrs), others=named)
        return
    yield notice("portal-affects-all", region=state.region, others=named)
    if all(scope(network) == "private" for network in wish.addresses):
        if force.in_vpc:
            fix = "That is right if all workers use the portal in the VPC."
            yield notice("portal-closes", severity="warning", fix=fix, others=named)
        else:
            yield notice("portal-closes", others=named)
    gone = [str(network) for network in outside(parse_stored_cidrs(force.cidrs), wish.addresses)]
    if gone:
        yield notice("portal-drops", sources=", ".join(gone), others=named)
    if force.in_vpc:
        yield notice("portal-in-vpc")


def _endpoints(wish: Restriction, state: State) -> Iterator[Notice]:
    if not wish.endpoints or state.endpoints.missing is not None:
        return
    known = {endpoint.id: endpoint for endpoint in state.endpoints.value or ()}
    for one in wish.endpoints:
        endpoint = known.get(one)
        if endpoint is None:
            yield notice("endpoint-unknown", endpoint=one, region=state.region)
        elif endpoint.state.lower() not in {"available", ""}:
            yield notice("endpoint-not-available", endpoint=one, state=endpoint.state)
        elif endpoint.type == "Interface" and not endpoint.private_dns:
            yield notice("endpoint-no-dns", endpoint=one)


def _jobs(state: State) -> Iterator[Notice]:
    names = [job.name for job in state.jobs.if_read or () if job.in_progress]
    if names:
        yield notice("jobs-in-progress", jobs=", ".join(names))


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
        ranges = count(len(each.left_out), "range")
        yield notice("list-ranges-left-out", list=each.name, ranges=ranges, left_out=some([*map(str, each.left_out)]))
    if not each.networks:
        yield notice("list-empty", list=each.name)
    if each.owner == "AWS":
        yield notice("list-of-aws", list=each.name, title=each.title)


def _missing(each: ManagedList, lock: str, missing: tuple[IPNetwork, ...]) -> Iterator[Notice]:
    if missing:
        ranges = count(len(missing), "range")
        yield notice("list-changed", list=each.name, ranges=ranges, lock=lock, missing=some([*map(str, missing)]))
