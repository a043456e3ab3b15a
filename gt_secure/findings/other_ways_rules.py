"""Rules about other ways to read the objects, which none of the three locks closes.

The bucket guard refuses presigned requests. A CDN, another account, a replica, a website endpoint,
an ACL or an access point reads with header signatures or without any.

Sources: CloudFront Developer Guide, *Restrict access to an Amazon S3 origin*; S3 User Guide,
*Managing access points*, *Setting up replication*, *Website endpoints*, *Access control list
overview*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..account.bucket import MOST_ACLS, Bucket
from ..account.fact_reader import READ_ACCOUNT_BLOCK
from ..account.state import State
from ..base.text import Texts, some
from ..engine.iam.documents import Statement
from ..engine.iam.principals import PrincipalEntry
from ..engine.policies.acls import IGNORE_PUBLIC_ACLS, LOG_DELIVERY, AclGrant
from .bucket_rules import bucket_document, conditioned, reading_allows
from .model import Match, match, rule

_ACCESS_POINT_KEYS = {
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:accesspointnetworkorigin",
    "aws:pointarn",
}
_ACL_ACTIONS = ("s3:putobjectacl", "s3:putobjectversionacl", "s3:putbucketacl")
_COPY_ACTIONS = (
    "s3:getobjectversionforreplication",
    "s3:initiatereplication",
    "s3:putreplicationconfiguration",
)


@rule("cloudfront-grant", "bucket", "bucket.policy", settled_by_one=True)
def cloudfront_grant(_: State, bucket: Bucket) -> Iterator[Match]:
    """An Allow of reading names CloudFront: origin access control (a service)
    or identity (a user).
    """
    return _readers("cloudfront-grant", bucket, _is_cloudfront)


def _readers(
    code: str,
    bucket: Bucket,
    fits: Callable[[PrincipalEntry], bool],
    name: Callable[[str], str] = str,
) -> Iterator[Match]:
    """Match statements that let some principals read."""
    for statement in reading_allows(bucket):
        named = [name(entry.text) for entry in _named(statement) if fits(entry)]
        if named:
            names = ", ".join(named)
            yield match(code, bucket.name, statement=conditioned(statement), names=names)


def _is_cloudfront(entry: PrincipalEntry) -> bool:
    if entry.kind == "service":
        return entry.text == "*" or entry.text.lower().partition(".")[0] == "cloudfront"
    return entry.account == "cloudfront"


@rule("canonical-user-grant", "bucket", "bucket.policy", settled_by_one=True)
def canonical_user_grant(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match an Allow of reads for a canonical user."""
    return _readers(
        "canonical-user-grant",
        bucket,
        lambda entry: entry.kind == "canonical",
        lambda text: f"{text[:12]}…",
    )


@rule("other-account-grant", "bucket", "bucket.policy", settled_by_one=True)
def other_account_grant(state: State, bucket: Bucket) -> Iterator[Match]:
    """Match an Allow of reads for another account."""
    return _readers(
        "other-account-grant", bucket, lambda entry: _is_other_account(entry, state.account_id)
    )


def _is_other_account(entry: PrincipalEntry, account: str) -> bool:
    return bool(account) and entry.account.isdigit() and entry.account != account


@rule("acl-grant", "bucket", "bucket.policy", settled_by_one=True)
def acl_grant(state: State, bucket: Bucket) -> Iterator[Match]:
    """Match an Allow of changes to ACLs, by name or beyond the account."""
    return _grants_of("acl-grant", state, bucket, _ACL_ACTIONS, "acl")


@rule("replication-grant", "bucket", "bucket.policy", settled_by_one=True)
def replication_grant(state: State, bucket: Bucket) -> Iterator[Match]:
    """An Allow lets somebody read objects in order to replicate them, or set replication up."""
    return _grants_of("replication-grant", state, bucket, _COPY_ACTIONS, "replicat")


def _grants_of(
    code: str, state: State, bucket: Bucket, actions: Texts, word: str
) -> Iterator[Match]:
    """Match statements that name one of the actions,
    or that grant it with others beyond the account.
    """
    document = bucket_document(bucket.policy.value)
    for statement in document.allows if document is not None else ():
        covered = [action for action in actions if statement.covers_action(action)]
        named = (
            any(word in action.lower() for action in statement.actions) and not statement.not_action
        )
        if covered and (named or _beyond(statement, state.account_id)):
            allowed = ", ".join(covered)
            yield match(code, bucket.name, statement=conditioned(statement), actions=allowed)


def _beyond(statement: Statement, account: str) -> bool:
    wide = {"everyone", "canonical", "service"}
    return statement.not_principal or any(
        entry.kind in wide or _is_other_account(entry, account) for entry in _named(statement)
    )


def _named(statement: Statement) -> tuple[PrincipalEntry, ...]:
    return () if statement.not_principal else statement.principals or ()


@rule("access-point-delegation", "bucket", "bucket.policy", settled_by_one=True)
def access_point_delegation(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match an Allow of reads that leaves the decision to access points."""
    for statement in reading_allows(bucket):
        keys = sorted(
            {each.key for each in statement.conditions if each.lower_key in _ACCESS_POINT_KEYS}
        )
        if keys:
            names = ", ".join(keys)
            yield match(
                "access-point-delegation", bucket.name, statement=statement.label, names=names
            )


@rule("access-point", "bucket", "bucket.access_points")
def access_point(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match a bucket with access points."""
    points = bucket.access_points.value
    if points:
        yield match("access-point", bucket.name, names=", ".join(each.name for each in points))


@rule("website-on", "bucket", "bucket.website")
def website_on(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match a bucket that serves a website."""
    if bucket.website.value:
        yield Match(bucket.name)


@rule("replication-on", "bucket", "bucket.replicas")
def replication_on(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match a bucket that S3 replicates."""
    copies = bucket.replicas.value
    if copies:
        yield match("replication-on", bucket.name, names=", ".join(copies))


@rule(
    "bucket-acl-public",
    "bucket",
    "bucket.acl_grants",
    uses=("bucket.public_access_block", "account_block", "bucket.object_acls"),
)
def bucket_acl_public(state: State, bucket: Bucket) -> Iterator[Match]:
    """An ACL of the bucket or of its first objects grants something to everybody,
    and no Block Public Access setting ignores the ACL.
    """
    objects = bucket.object_acls.if_asked
    public = [
        f"{grant.permission} to {grant.grantee.rpartition('/')[2]}"
        for grant in _acl(bucket, public=True)
    ]
    if not (public or objects) or (bucket.public_access_block.if_read or {}).get(
        IGNORE_PUBLIC_ACLS
    ):
        return
    by_account = state.account_block.if_read
    if not (by_account or {}).get(IGNORE_PUBLIC_ACLS):
        # The account's setting may ignore the ACL too: if it was not read, the result is unknown.
        depends_on = () if by_account is not None else (READ_ACCOUNT_BLOCK,)
        key = "bucket-acl-public"
        if objects:
            key += "/both" if public else "/objects"
        yield match(
            key,
            bucket.name,
            depends_on=depends_on,
            names=", ".join(public),
            most=MOST_ACLS,
            objects=some(objects or ()),
        )


@rule("bucket-acl-other", "bucket", "bucket.acl_grants")
def bucket_acl_other(_: State, bucket: Bucket) -> Iterator[Match]:
    """Match a bucket whose ACL grants something to other accounts."""
    others = [
        f"{grant.permission} to {grant.grantee[:12]}…" for grant in _acl(bucket, public=False)
    ]
    if others:
        yield match("bucket-acl-other", bucket.name, names=", ".join(others))


def _acl(bucket: Bucket, *, public: bool) -> list[AclGrant]:
    grants = [g for g in bucket.acl_grants.value or () if g.grantee != LOG_DELIVERY]
    return [g for g in grants if g.is_public == public]
