"""Checks of the workteam, the workforce and the task templates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..account.facts import Snapshot
from ..errors import InvalidInput
from ..iam.operators import policy_network
from ..network import IPNetwork, scope
from .model import Found, check

_TEAM = "sagemaker:DescribeWorkteam"
_WORKFORCE = "sagemaker:DescribeWorkforce"


@check("url-lock-both", _TEAM)
def url_lock_both(snapshot: Snapshot) -> Iterator[Found]:
    """Both toggles are on."""
    team = snapshot.team
    if team is not None and team.source_ip and team.vpc_source_ip:
        yield Found(team.name, "SourceIp and VpcSourceIp are both Enabled.")


@check("url-lock-off", _TEAM)
def url_lock_off(snapshot: Snapshot) -> Iterator[Found]:
    """Neither toggle is on."""
    team = snapshot.team
    if team is not None and team.kind == "private" and not (team.source_ip or team.vpc_source_ip):
        yield Found(team.name)


@check("url-lock-portal-mismatch", _TEAM, _WORKFORCE)
def url_lock_portal_mismatch(snapshot: Snapshot) -> Iterator[Found]:
    """The toggle does not fit the portal."""
    team, workforce = snapshot.team, snapshot.workforce
    if team is None or workforce is None or snapshot.lacks(_WORKFORCE) or (team.source_ip and team.vpc_source_ip):
        return
    if team.vpc_source_ip and workforce.vpc_id is None:
        yield Found(team.name, "VpcSourceIp is Enabled, and the workforce has no VPC.")
    if team.source_ip and workforce.vpc_id is not None and _closes_public(workforce.cidrs):
        yield Found(team.name, f"SourceIp is Enabled, and the portal is reached only through {workforce.vpc_id}.")


@check("url-lock-impossible", _TEAM)
def url_lock_impossible(snapshot: Snapshot) -> Iterator[Found]:
    """Vendor and public teams have no toggles."""
    team = snapshot.team
    if team is not None and team.kind != "private":
        yield Found(team.name, f"It is a {team.kind} workteam.")


@check("portal-lock-absent", _WORKFORCE)
def portal_lock_absent(snapshot: Snapshot) -> Iterator[Found]:
    """No CIDR is set on a public portal."""
    workforce = snapshot.workforce
    if workforce is not None and workforce.vpc_id is None and not workforce.cidrs:
        yield Found(workforce.name)


@check("portal-lock-open", _WORKFORCE)
def portal_lock_open(snapshot: Snapshot) -> Iterator[Found]:
    """A /0 is set."""
    workforce = snapshot.workforce
    if workforce is not None:
        wide = [str(network) for network in read_networks(workforce.cidrs) if network.prefixlen == 0]
        if wide:
            yield Found(workforce.name, f"It lists {', '.join(wide)}.")


@check("portal-lock-private", _WORKFORCE)
def portal_lock_private(snapshot: Snapshot) -> Iterator[Found]:
    """A private range is set on a public portal."""
    workforce = snapshot.workforce
    if workforce is not None and workforce.vpc_id is None:
        private = [str(network) for network in read_networks(workforce.cidrs) if scope(network) == "private"]
        if private:
            yield Found(workforce.name, f"It lists {', '.join(private)}.")


@check("portal-public-beside-vpc", _WORKFORCE)
def portal_public_beside_vpc(snapshot: Snapshot) -> Iterator[Found]:
    """The portal is in a VPC and its public entrance is not closed."""
    workforce = snapshot.workforce
    if workforce is not None and workforce.vpc_id is not None and not _closes_public(workforce.cidrs):
        yield Found(workforce.name, f"The VPC is {workforce.vpc_id}; the public portal admits others too.")


@check("template-without-grant", "sagemaker:DescribeLabelingJob")
def template_without_grant(snapshot: Snapshot) -> Iterator[Found]:
    """A template was read and does not use the filter."""
    for template in snapshot.templates:
        if template.text is not None and not re.search(r"\|\s*grant_read_access\b", template.text):
            yield Found(template.job)


def read_networks(texts: tuple[str, ...]) -> tuple[IPNetwork, ...]:
    """Read CIDRs as AWS stores them, host bits and all; what is none is left out."""
    found: list[IPNetwork] = []
    for text in texts:
        try:
            found.append(policy_network(text, "$"))
        except InvalidInput:
            continue
    return tuple(found)


def _closes_public(cidrs: tuple[str, ...]) -> bool:
    networks = read_networks(cidrs)
    return bool(networks) and all(scope(network) == "private" for network in networks)
