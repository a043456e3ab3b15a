"""Checks of the workteam, the workforce, the S3 endpoints in its VPC, and the task templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
from .model import Match, match, rule
from .page_links import links_of


def lock_of(team: Workteam) -> UrlLock:
    """Return the URL lock of a team, off if AWS names none."""
    return team.url_lock or UrlLock()


def lists_private(code: str, subject: str, networks: Iterable[IPNetwork]) -> Iterator[Match]:
    """Match a list that has networks in private address space."""
    found = [str(network) for network in networks if scope(network) == "private"]
    if found:
        yield match(code, subject, ranges=", ".join(found))


def lists_anyone(code: str, subject: str, networks: Iterable[IPNetwork]) -> Iterator[Match]:
    """Match a list that restricts nobody: it has half of the internet or more."""
    listed = [*networks]
    if is_anyone(spans_of(listed)):
        yield match(code, subject, ranges=some([*map(str, listed)]))


@rule("url-lock-both", "team", "team")
def url_lock_both(_: State, team: Workteam) -> Iterator[Match]:
    """Match a team with both settings on, so that no URL works."""
    if lock_of(team).impossible:
        yield match("url-lock-both", team.name)


@rule("url-lock-off", "team", "team", given=("private workteam",))
def url_lock_off(_: State, team: Workteam, __: object) -> Iterator[Match]:
    """Match a private team without a URL lock."""
    if not lock_of(team).on:
        yield Match(team.name)


@rule("url-lock-portal-mismatch", "team", "team", "workforce")
def url_lock_portal_mismatch(state: State, team: Workteam) -> Iterator[Match]:
    """Match a team whose setting is for a portal that it does not have."""
    workforce, lock = state.workforce.value, lock_of(team)
    if workforce is None or lock.impossible:
        return
    if lock.vpc_source_ip and workforce.vpc_id is None:
        yield match("url-lock-portal-mismatch", team.name)
    if (
        lock.source_ip
        and workforce.vpc_id is not None
        and all_private(parse_stored_cidrs(workforce.cidrs))
    ):
        yield match("url-lock-portal-mismatch/public", team.name, vpc=workforce.vpc_id)


@rule("url-lock-one-path", "team", "team", "workforce")
def url_lock_one_path(state: State, team: Workteam) -> Iterator[Match]:
    """Match a team with two portals, whose setting serves only one."""
    workforce, lock = state.workforce.value, lock_of(team)
    if workforce is None or workforce.vpc_id is None or not lock.on or lock.impossible:
        return
    if not all_private(parse_stored_cidrs(workforce.cidrs)):
        refused = "VPC" if lock.source_ip else "public"
        yield match("url-lock-one-path", team.name, mode=lock.mode, refused=refused)


@rule("url-lock-impossible", "team", "team")
def url_lock_impossible(_: State, team: Workteam) -> Iterator[Match]:
    """Match a vendor or public team, which cannot have a URL lock."""
    if team.kind != "private":
        key = "url-lock-impossible/public" if team.kind == "public" else "url-lock-impossible"
        yield match(key, team.name, kind=team.kind, gone=PUBLIC_GONE)


@rule("portal-lock-absent", "workforce", "workforce", given=("portal without a VPC",))
def portal_lock_absent(_: State, workforce: Workforce, __: object) -> Iterator[Match]:
    """Match a public portal without a portal lock."""
    if not workforce.cidrs:
        yield Match(workforce.name)


@rule("portal-lock-open", "workforce", "workforce")
def portal_lock_open(_: State, workforce: Workforce) -> Iterator[Match]:
    """Match a portal lock whose list restricts nobody."""
    return lists_anyone("portal-lock-open", workforce.name, parse_stored_cidrs(workforce.cidrs))


@rule("portal-lock-private", "workforce", "workforce", given=("portal without a VPC",))
def portal_lock_private(_: State, workforce: Workforce, __: object) -> Iterator[Match]:
    """Match a public portal whose lock lists private addresses."""
    # Each by itself: a private range that is merged with its neighbour is private no more.
    stored = (network for cidr in workforce.cidrs for network in parse_stored_cidrs([cidr]))
    return lists_private("portal-lock-private", workforce.name, stored)


@rule("portal-public-beside-vpc", "workforce", "workforce")
def portal_public_beside_vpc(_: State, workforce: Workforce) -> Iterator[Match]:
    """Match a portal in a VPC whose public portal admits others too."""
    if workforce.vpc_id is not None and not all_private(parse_stored_cidrs(workforce.cidrs)):
        code = "portal-public-beside-vpc"
        key = f"{code}/listed" if workforce.cidrs else code
        yield match(key, workforce.name, vpc=workforce.vpc_id)


@rule("template-without-grant", "job", "templates")
def template_without_grant(state: State, templates: Iterable[TaskTemplate]) -> Iterator[Match]:
    """Match a job whose pages hold links to S3 that did not pass ``grant_read_access``,
    or may hold one.
    """
    for template in templates:
        text = template.text.if_read
        if not template.text.was_asked:
            place = (template.place,)
            yield match("template-without-grant/unread", template.job, depends_on=place)
        if text is None:
            continue
        page = links_of(template, text, state.account_id)
        if page.links:
            yield match("template-without-grant", template.job, links=some(page.links))
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
            yield match("endpoint-policy-blocks", endpoint.id, buckets=", ".join(blocked))


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
