"""Checks of the workteam, the workforce and the task templates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..account.state import State
from ..aws.teams import PUBLIC_GONE, UrlLock
from ..errors import InvalidInput
from ..iam.operators import policy_network
from ..network import IPNetwork, all_private, scope
from .model import Match, rule


def _lock(state: State) -> UrlLock:
    team = state.team.value
    return (team.url_lock if team is not None else None) or UrlLock()


@rule("url-lock-both", "team", "team")
def url_lock_both(state: State) -> Iterator[Match]:
    team, lock = state.team.value, _lock(state)
    if team is not None and lock.impossible:
        yield Match(team.name, "SourceIp and VpcSourceIp are both Enabled.")


@rule("url-lock-off", "team", "team")
def url_lock_off(state: State) -> Iterator[Match]:
    team, lock = state.team.value, _lock(state)
    if team is not None and team.kind == "private" and not lock.on:
        yield Match(team.name)


@rule("url-lock-portal-mismatch", "team", "team", "workforce")
def url_lock_portal_mismatch(state: State) -> Iterator[Match]:
    team, workforce, lock = state.team.value, state.workforce.value, _lock(state)
    if team is None or workforce is None or lock.impossible:
        return
    if lock.vpc_source_ip and workforce.vpc_id is None:
        yield Match(team.name, "VpcSourceIp is Enabled, and the workforce has no VPC.")
    if lock.source_ip and workforce.vpc_id is not None and all_private(read_networks(workforce.cidrs)):
        yield Match(team.name, f"SourceIp is Enabled, and the portal is reached only through {workforce.vpc_id}.")


@rule("url-lock-one-path", "team", "team", "workforce")
def url_lock_one_path(state: State) -> Iterator[Match]:
    team, workforce, lock = state.team.value, state.workforce.value, _lock(state)
    if team is None or workforce is None or workforce.vpc_id is None or not lock.on or lock.impossible:
        return
    if not all_private(read_networks(workforce.cidrs)):
        refused = "VPC" if lock.source_ip else "public"
        yield Match(team.name, f"{lock.mode} is Enabled: workers in the {refused} portal get no images.")


@rule("url-lock-impossible", "team", "team")
def url_lock_impossible(state: State) -> Iterator[Match]:
    team = state.team.value
    if team is not None and team.kind != "private":
        gone = f": {PUBLIC_GONE}" if team.kind == "public" else ""
        yield Match(team.name, f"It is a {team.kind} workteam{gone}.")


@rule("portal-lock-absent", "workforce", "workforce")
def portal_lock_absent(state: State) -> Iterator[Match]:
    workforce = state.workforce.value
    if workforce is not None and workforce.vpc_id is None and not workforce.cidrs:
        yield Match(workforce.name)


@rule("portal-lock-open", "workforce", "workforce")
def portal_lock_open(state: State) -> Iterator[Match]:
    workforce = state.workforce.value
    if workforce is not None:
        wide = [str(network) for network in read_networks(workforce.cidrs) if network.prefixlen == 0]
        if wide:
            yield Match(workforce.name, f"It lists {', '.join(wide)}.")


@rule("portal-lock-private", "workforce", "workforce")
def portal_lock_private(state: State) -> Iterator[Match]:
    workforce = state.workforce.value
    if workforce is not None and workforce.vpc_id is None:
        private = [str(network) for network in read_networks(workforce.cidrs) if scope(network) == "private"]
        if private:
            yield Match(workforce.name, f"It lists {', '.join(private)}.")


@rule("portal-public-beside-vpc", "workforce", "workforce")
def portal_public_beside_vpc(state: State) -> Iterator[Match]:
    workforce = state.workforce.value
    if workforce is not None and workforce.vpc_id is not None and not all_private(read_networks(workforce.cidrs)):
        said = f"The VPC is {workforce.vpc_id}; the public portal admits others too."
        yield Match(workforce.name, said, severity="low" if workforce.cidrs else None)


@rule("template-without-grant", "job", "templates")
def template_without_grant(state: State) -> Iterator[Match]:
    for template in state.templates.value or ():
        missing, text = template.text.missing, template.text.if_read
        if missing is not None and missing.why == "not asked":
            yield Match(template.job, "The text of its template was not read.", (template.place,))
        if text is not None and not re.search(r"\|\s*grant_read_access\b", text):
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
