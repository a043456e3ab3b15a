"""Checks of the workteam, the workforce, the S3 endpoints in its VPC, and the task templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..account.state import State, TaskTemplate
from ..aws.teams import PUBLIC_GONE, Workforce, Workteam
from ..base.errors import PolicyError
from ..base.network import IPNetwork, Source, all_private, parse_address, parse_stored_cidrs, scope
from ..base.text import some
from ..engine.access.address_classes import is_anyone, spans_of
from ..engine.access.vpc_endpoint import VpcEndpoint
from ..engine.iam.documents import parse_document
from ..engine.iam.evaluate import applies
from ..engine.iam.request import Request
from ..engine.iam.request_context import presigned_context
from ..engine.policies.session_policy import service_buckets
from ..engine.policies.url_lock import UrlLock
from .model import Match, rule
from .page_links import links_of


def lock_of(team: Workteam) -> UrlLock:
    """Return the URL lock of a team, off if AWS names none."""
    return team.url_lock or UrlLock()


def lists(
    subject: str, networks: Iterable[IPNetwork], fits: Callable[[IPNetwork], bool]
) -> Iterator[Match]:
    """Match a list that has networks of a kind."""
    found = [str(network) for network in networks if fits(network)]
    if found:
        yield Match(subject, f"It lists {', '.join(found)}.")


def lists_anyone(subject: str, networks: Iterable[IPNetwork]) -> Iterator[Match]:
    """Match a list that restricts nobody: it has half of the internet or more."""
    listed = [*networks]
    if is_anyone(spans_of(listed)):
        yield Match(subject, f"It lists {some([*map(str, listed)])}.")


def is_private(network: IPNetwork) -> bool:
    """Return whether a network is in private address space."""
    return scope(network) == "private"


@rule("url-lock-both", "team", "team")
def url_lock_both(_: State, team: Workteam) -> Iterator[Match]:
    """Match a team with both settings on, so that no URL works."""
    if lock_of(team).impossible:
        yield Match(
            team.name, "The settings of both portals are Enabled (SourceIp and VpcSourceIp)."
        )


@rule("url-lock-off", "team", "team")
def url_lock_off(_: State, team: Workteam) -> Iterator[Match]:
    """Match a private team without a URL lock."""
    if team.kind == "private" and not lock_of(team).on:
        yield Match(team.name)


@rule("url-lock-portal-mismatch", "team", "team", "workforce")
def url_lock_portal_mismatch(state: State, team: Workteam) -> Iterator[Match]:
    """Match a team whose setting is for a portal that it does not have."""
    workforce, lock = state.workforce.value, lock_of(team)
    if workforce is None or lock.impossible:
        return
    if lock.vpc_source_ip and workforce.vpc_id is None:
        yield Match(
            team.name,
            "The setting of a portal in a VPC is Enabled (VpcSourceIp). The workforce has no VPC.",
        )
    if (
        lock.source_ip
        and workforce.vpc_id is not None
        and all_private(parse_stored_cidrs(workforce.cidrs))
    ):
        text = (
            f"The setting of the public portal is Enabled (SourceIp). Only {workforce.vpc_id}"
            " reaches the portal."
        )
        yield Match(team.name, text)


@rule("url-lock-one-path", "team", "team", "workforce")
def url_lock_one_path(state: State, team: Workteam) -> Iterator[Match]:
    """Match a team with two portals, whose setting serves only one."""
    workforce, lock = state.workforce.value, lock_of(team)
    if workforce is None or workforce.vpc_id is None or not lock.on or lock.impossible:
        return
    if not all_private(parse_stored_cidrs(workforce.cidrs)):
        refused = "VPC" if lock.source_ip else "public"
        yield Match(
            team.name, f"{lock.mode} is Enabled: workers in the {refused} portal get no images."
        )


@rule("url-lock-impossible", "team", "team")
def url_lock_impossible(_: State, team: Workteam) -> Iterator[Match]:
    """Match a vendor or public team, which cannot have a URL lock."""
    if team.kind != "private":
        gone = f": {PUBLIC_GONE}" if team.kind == "public" else ""
        yield Match(team.name, f"It is a {team.kind} workteam{gone}.")


@rule("portal-lock-absent", "workforce", "workforce")
def portal_lock_absent(_: State, workforce: Workforce) -> Iterator[Match]:
    """Match a public portal without a portal lock."""
    if workforce.vpc_id is None and not workforce.cidrs:
        yield Match(workforce.name)


@rule("portal-lock-open", "workforce", "workforce")
def portal_lock_open(_: State, workforce: Workforce) -> Iterator[Match]:
    """Match a portal lock whose list restricts nobody."""
    return lists_anyone(workforce.name, parse_stored_cidrs(workforce.cidrs))


@rule("portal-lock-private", "workforce", "workforce")
def portal_lock_private(_: State, workforce: Workforce) -> Iterator[Match]:
    """Match a public portal whose lock lists private addresses."""
    if workforce.vpc_id is None:
        # Each by itself: a private range that is merged with its neighbour is private no more.
        stored = (network for cidr in workforce.cidrs for network in parse_stored_cidrs([cidr]))
        yield from lists(workforce.name, stored, is_private)


@rule("portal-public-beside-vpc", "workforce", "workforce")
def portal_public_beside_vpc(_: State, workforce: Workforce) -> Iterator[Match]:
    """Match a portal in a VPC whose public portal admits others too."""
    if workforce.vpc_id is not None and not all_private(parse_stored_cidrs(workforce.cidrs)):
        said = f"The VPC is {workforce.vpc_id}; the public portal admits others too."
        yield Match(workforce.name, said, severity="low" if workforce.cidrs else None)


@rule("template-without-grant", "job", "templates")
def template_without_grant(state: State, templates: Iterable[TaskTemplate]) -> Iterator[Match]:
    """Match a job whose pages hold links to S3 that did not pass ``grant_read_access``,
    or may hold one.
    """
    for template in templates:
        text = template.text.if_read
        if not template.text.was_asked:
            yield Match(template.job, "The text of its template was not read.", (template.place,))
        if text is None:
            continue
        page = links_of(template, text, state.account_id)
        if page.links:
            yield Match(template.job, f"On the page without the filter: {some(page.links)}.")
        elif page.doubt:
            yield Match(template.job, page.doubt, (page.place,))


def _usable(state: State, vpc: str) -> list[VpcEndpoint]:
    """Return the usable S3 endpoints of the portal's VPC."""
    endpoints = state.endpoints.value or ()
    return [each for each in endpoints if each.vpc_id == vpc and each.state.lower() == "available"]


@rule("s3-endpoint-missing", "endpoint", "endpoints", "workforce", given=("portal in a VPC",))
def s3_endpoint_missing(state: State, _: Workforce, vpc: str) -> Iterator[Match]:
    """Match a VPC with a portal and without a usable S3 endpoint."""
    if not _usable(state, vpc):
        yield Match(vpc)


@rule(
    "s3-endpoint-no-private-dns", "endpoint", "endpoints", "workforce", given=("portal in a VPC",)
)
def s3_endpoint_no_private_dns(state: State, _: Workforce, vpc: str) -> Iterator[Match]:
    """The only S3 endpoints are interfaces without private DNS."""
    usable = _usable(state, vpc)
    if usable and not any(each.type == "Gateway" or each.private_dns for each in usable):
        yield Match(", ".join(each.id for each in usable))


@rule("endpoint-policy-blocks", "endpoint", "endpoints", "workforce", given=("portal in a VPC",))
def endpoint_policy_blocks(state: State, _: Workforce, vpc: str) -> Iterator[Match]:
    """The endpoint's own policy lets a bucket, or the buckets of Ground Truth, not through."""
    for endpoint in _usable(state, vpc):
        if state.bucket is None or endpoint.policy_text is None:
            continue
        if not state.bucket.name:
            yield Match(endpoint.id, "", ("the buckets of the team",))
            continue
        names = (state.bucket.name, *service_buckets(state.region))
        blocked = [
            name for name in names if not _lets_through(endpoint, name, endpoint.policy_text, state)
        ]
        if blocked:
            yield Match(endpoint.id, f"Not allowed: {', '.join(blocked)}.")


def _lets_through(endpoint: VpcEndpoint, bucket: str, text: str, state: State) -> bool:
    try:
        document = parse_document(text, "endpoint")
    except PolicyError:
        return True  # what cannot be read is no finding; a verdict for it is "invalid"
    request = Request(
        "s3:GetObject",
        f"arn:{state.partition}:s3:::{bucket}/object",
        f"arn:{state.partition}:sts::{state.account_id}:assumed-role/GroundTruthExecution/worker",
        presigned_context(Source(parse_address("10.0.0.1"), endpoint.id, endpoint.vpc_id)),
    )
    denied = any(applies(statement, request) for statement in document.denies)
    return not denied and any(applies(statement, request) for statement in document.allows)
