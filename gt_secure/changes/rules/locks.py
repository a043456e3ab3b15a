"""Rules about the locks of a workteam, the endpoints that a restriction allows, and its lists."""

from __future__ import annotations

from collections.abc import Iterator

from ...aws.managed_lists import ManagedList
from ...base.network import IPNetwork, outside, parse_stored_cidrs, scope
from ...base.text import count, did_you_mean, some
from ...engine.access.source_sets import Row, union
from ...restriction.messages import Notice, notice
from ..case import Case, on_change
from ..diff import existing_guard, wanted_lock


@on_change()
def lists(case: Case) -> Iterator[Notice]:
    """Yield what the locks miss of the lists that AWS keeps, and what is left out."""
    restriction, state = case.restriction, case.state
    guard = existing_guard(restriction, state) if restriction.guard else None
    force = state.workforce.value if restriction.portal_lock else None
    cidrs = parse_stored_cidrs(force.cidrs) if force is not None else ()
    for each in restriction.managed:
        if guard is not None:
            yield from _missing(each, "guard", outside(each.networks, guard.networks))
        if cidrs:
            yield from _missing(each, "portal lock", outside(each.networks, cidrs))
        if each.left_out:
            yield notice(
                "list-ranges-left-out",
                list=each.name,
                ranges=count(len(each.left_out), "range"),
                left_out=some([*map(str, each.left_out)]),
            )
        if not each.networks:
            yield notice("list-empty", list=each.name)
        if each.owner == "AWS":
            yield notice("list-of-aws", list=each.name, title=each.title)


def _missing(each: ManagedList, lock: str, missing: tuple[IPNetwork, ...]) -> Iterator[Notice]:
    if missing:
        ranges = count(len(missing), "range")
        yield notice(
            "list-changed",
            list=each.name,
            ranges=ranges,
            lock=lock,
            missing=some([*map(str, missing)]),
        )


@on_change()
def portals(case: Case) -> Iterator[Notice]:
    """Yield which of the two portals of a workforce in a VPC would show the team no image:
    a URL lock serves one of them, and a guard those that its lists name.
    """
    team, force = case.state.team.if_read, case.state.workforce.if_read
    if team is None or force is None or not force.in_vpc:
        return
    now, after = (_portals(each.row("worker")) for each in case.exposures)
    key = "url-lock-one-path/part" if now & after else "url-lock-one-path/moves"
    for portal in now - after if after else ():
        yield notice(f"{key}/{portal}", team=team.name, refused=portal, vpc=force.vpc_id)


def _portals(row: Row) -> set[str]:
    """Return the portals in which workers may open an image."""
    served = union([row.opened, row.unknown])
    return {*["public"] * bool(served.spans), *["VPC"] * served.has_endpoints}


@on_change()
def url_lock(case: Case) -> Iterator[Notice]:
    """Yield that the planned setting opens no image in a public portal, or none over IPv6."""
    lock, force = wanted_lock(case.restriction, case.state), case.state.workforce.if_read
    if lock is None or force is None:
        return
    if lock.vpc_source_ip and not force.in_vpc:
        yield notice("url-lock-needs-vpc", about=case.teams)
    if lock.source_ip and force.ip_address_type == "dualstack":
        yield notice("dual-stack")


@on_change()
def endpoints(case: Case) -> Iterator[Notice]:
    """Yield the allowed endpoints and VPCs through which no request comes, or one of others."""
    restriction, state = case.restriction, case.state
    if not restriction.allowed.ids or state.endpoints.missing is not None:
        return
    known = {endpoint.id: endpoint for endpoint in state.endpoints.value or ()}
    for one in restriction.endpoints:
        endpoint = known.get(one)
        if endpoint is None:
            here = f" Endpoints here: {some(list(known), 3)}." if known else ""
            fix = did_you_mean(one, known, "Check the id and region.", cutoff=0.8)
            yield notice("endpoint-unknown", fix=fix, endpoint=one, region=state.region, here=here)
        elif endpoint.state.lower() not in {"available", ""}:
            yield notice("endpoint-not-available", endpoint=one, state=endpoint.state)
        elif endpoint.type == "Interface" and not endpoint.private_dns:
            yield notice("endpoint-no-dns", endpoint=one)
    for vpc in sorted({*restriction.vpcs}.difference(each.vpc_id for each in known.values())):
        yield notice("vpc-unknown", vpc=vpc, region=state.region)


@on_change("portal-lock")
def portal(case: Case) -> Iterator[Notice]:
    """Yield whom the planned portal lock refuses, and whom it affects."""
    restriction, state = case.restriction, case.state
    force = state.workforce.value
    assert force is not None
    named, missing = "", state.teams.missing
    if missing is not None:
        named = f" Which other teams it affects is unknown: {missing.text}."
    elif others := [team.name for team in state.other_teams]:
        named = f" It also affects {', '.join(others)}."
    if not restriction.portal_lock:
        yield notice("portal-opens", sources=", ".join(force.cidrs), others=named)
        return
    yield notice("portal-affects-all", region=state.region, others=named)
    if all(scope(network) == "private" for network in restriction.addresses):
        yield notice("portal-closes/vpc" if force.in_vpc else "portal-closes", others=named)
    gone = [
        str(network) for network in outside(parse_stored_cidrs(force.cidrs), restriction.addresses)
    ]
    if gone:
        yield notice("portal-drops", sources=", ".join(gone), others=named)
    if force.in_vpc:
        yield notice("portal-in-vpc")
