"""Checks of the workteam, the workforce and the task templates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..account.facts import Snapshot
from ..errors import InvalidInput
from ..iam.operators import policy_network
from ..network import IPNetwork, all_private, scope
from .model import Match, rule

_TEAM = "sagemaker:DescribeWorkteam"
_WORKFORCE = "sagemaker:DescribeWorkforce"


@rule("url-lock-both", _TEAM)
def url_lock_both(snapshot: Snapshot) -> Iterator[Match]:
    """Both settings are on."""
    team = snapshot.team
    if team is not None and team.source_ip and team.vpc_source_ip:
        yield Match(team.name, "SourceIp and VpcSourceIp are both Enabled.")


@rule("url-lock-off", _TEAM)
def url_lock_off(snapshot: Snapshot) -> Iterator[Match]:
    """Neither setting is on."""
    team = snapshot.team
    if team is not None and team.kind == "private" and not (team.source_ip or team.vpc_source_ip):
        yield Match(team.name)


@rule("url-lock-portal-mismatch", _TEAM, _WORKFORCE)
def url_lock_portal_mismatch(snapshot: Snapshot) -> Iterator[Match]:
    """The setting does not fit the portal."""
    team, workforce = snapshot.team, snapshot.workforce
    if team is None or workforce is None or snapshot.lacks(_WORKFORCE) or (team.source_ip and team.vpc_source_ip):
        return
    if team.vpc_source_ip and workforce.vpc_id is None:
        yield Match(team.name, "VpcSourceIp is Enabled, and the workforce has no VPC.")
    if team.source_ip and workforce.vpc_id is not None and all_private(read_networks(workforce.cidrs)):
        yield Match(team.name, f"SourceIp is Enabled, and the portal is reached only through {workforce.vpc_id}.")


@rule("url-lock-impossible", _TEAM)
def url_lock_impossible(snapshot: Snapshot) -> Iterator[Match]:
    """Vendor and public teams have no settings."""
    team = snapshot.team
    if team is not None and team.kind != "private":
        yield Match(team.name, f"It is a {team.kind} workteam.")


@rule("portal-lock-absent", _WORKFORCE)
def portal_lock_absent(snapshot: Snapshot) -> Iterator[Match]:
    """No CIDR is set on a public portal."""
    workforce = snapshot.workforce
    if workforce is not None and workforce.vpc_id is None and not workforce.cidrs:
        yield Match(workforce.name)


@rule("portal-lock-open", _WORKFORCE)
def portal_lock_open(snapshot: Snapshot) -> Iterator[Match]:
    """A /0 is set."""
    workforce = snapshot.workforce
    if workforce is not None:
        wide = [str(network) for network in read_networks(workforce.cidrs) if network.prefixlen == 0]
        if wide:
            yield Match(workforce.name, f"It lists {', '.join(wide)}.")


@rule("portal-lock-private", _WORKFORCE)
def portal_lock_private(snapshot: Snapshot) -> Iterator[Match]:
    """A private range is set on a public portal."""
    workforce = snapshot.workforce
    if workforce is not None and workforce.vpc_id is None:
        private = [str(network) for network in read_networks(workforce.cidrs) if scope(network) == "private"]
        if private:
            yield Match(workforce.name, f"It lists {', '.join(private)}.")


@rule("portal-public-beside-vpc", _WORKFORCE)
def portal_public_beside_vpc(snapshot: Snapshot) -> Iterator[Match]:
    """The portal is in a VPC and its public entrance is not closed."""
    workforce = snapshot.workforce
    if workforce is not None and workforce.vpc_id is not None and not all_private(read_networks(workforce.cidrs)):
        yield Match(workforce.name, f"The VPC is {workforce.vpc_id}; the public portal admits others too.")


@rule("template-without-grant", "sagemaker:DescribeLabelingJob")
def template_without_grant(snapshot: Snapshot) -> Iterator[Match]:
    """A template was read and does not use the filter."""
    for template in snapshot.templates:
        if template.text is not None and not re.search(r"\|\s*grant_read_access\b", template.text):
            yield Match(template.job)


def read_networks(texts: tuple[str, ...]) -> tuple[IPNetwork, ...]:
    """Read CIDRs as AWS stores them, host bits and all; what is none is left out."""
    found: list[IPNetwork] = []
    for text in texts:
        try:
            found.append(policy_network(text, "$"))
        except InvalidInput:
            continue
    return tuple(found)


RULES = (
    url_lock_both,
    url_lock_off,
    url_lock_portal_mismatch,
    url_lock_impossible,
    portal_lock_absent,
    portal_lock_open,
    portal_lock_private,
    portal_public_beside_vpc,
    template_without_grant,
)
