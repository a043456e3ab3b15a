"""Rules about other ways to read the objects, which none of the three locks closes.

The bucket guard refuses presigned requests. A CDN, another account, a replica, a website endpoint, an ACL or an access
point reads with header signatures or without any.

Sources: CloudFront Developer Guide, *Restrict access to an Amazon S3 origin*; S3 User Guide, *Managing access points*,
*Setting up replication*, *Website endpoints*, *Access control list overview*.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..account.fact_reader import READ_ACCOUNT_BLOCK
from ..account.facts import AclGrant, BucketFacts, Snapshot
from ..iam.documents import Statement
from ..iam.principals import PrincipalEntry
from .bucket_rules import POLICY, bucket_document, conditions_of, reading_allows
from .model import Match, bucket_rule

_ACCESS_POINT_KEYS = {
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:accesspointnetworkorigin",
    "aws:pointarn",
}
_ACL_ACTIONS = ("s3:putobjectacl", "s3:putobjectversionacl", "s3:putbucketacl")
_COPY_ACTIONS = ("s3:getobjectversionforreplication", "s3:initiatereplication", "s3:putreplicationconfiguration")
_IGNORE = "IgnorePublicAcls"
_EVERYONE = "http://acs.amazonaws.com/groups/global/"
_LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"


@bucket_rule("cloudfront-grant", POLICY)
def cloudfront_grant(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An Allow of reading names CloudFront: origin access control (a service) or identity (a user)."""
    for statement in reading_allows(bucket):
        named = [entry.text for entry in _named(statement) if _is_cloudfront(entry)]
        if named:
            yield Match(bucket.name, f"It is {statement.label}{conditions_of(statement)}, for {', '.join(named)}.")


def _is_cloudfront(entry: PrincipalEntry) -> bool:
    if entry.kind == "service":
        return entry.text == "*" or entry.text.lower().partition(".")[0] == "cloudfront"
    return entry.account == "cloudfront"


@bucket_rule("canonical-user-grant", POLICY)
def canonical_user_grant(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An Allow of reading names a canonical user id."""
    for statement in reading_allows(bucket):
        named = [f"{entry.text[:12]}…" for entry in _named(statement) if entry.kind == "canonical"]
        if named:
            yield Match(bucket.name, f"It is {statement.label}{conditions_of(statement)}, for {', '.join(named)}.")


@bucket_rule("other-account-grant", POLICY)
def other_account_grant(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An Allow of reading names an account, role or user of another account."""
    for statement in reading_allows(bucket):
        named = [entry.text for entry in _named(statement) if _is_other_account(entry, snapshot.account_id)]
        if named:
            yield Match(bucket.name, f"It is {statement.label}{conditions_of(statement)}, for {', '.join(named)}.")


def _is_other_account(entry: PrincipalEntry, account: str) -> bool:
    return bool(account) and entry.account.isdigit() and entry.account != account


@bucket_rule("acl-grant", POLICY)
def acl_grant(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An Allow lets somebody write ACLs, by which an object is made public or given away."""
    yield from _grants_of(snapshot, bucket, _ACL_ACTIONS, "acl")


@bucket_rule("replication-grant", POLICY)
def replication_grant(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An Allow lets somebody read objects in order to replicate them, or set replication up."""
    yield from _grants_of(snapshot, bucket, _COPY_ACTIONS, "replicat")


def _grants_of(snapshot: Snapshot, bucket: BucketFacts, actions: tuple[str, ...], word: str) -> Iterator[Match]:
    """Match statements that name one of the actions, or that grant it with others beyond the account."""
    document = bucket_document(bucket.policy_text)
    for statement in document.allows if document is not None else ():
        covered = [action for action in actions if statement.covers_action(action)]
        named = any(word in action.lower() for action in statement.actions) and not statement.not_action
        if covered and (named or _beyond(statement, snapshot.account_id)):
            yield Match(
                bucket.name, f"It is {statement.label}{conditions_of(statement)}; it allows {', '.join(covered)}."
            )


def _beyond(statement: Statement, account: str) -> bool:
    wide = {"everyone", "canonical", "service"}
    return statement.not_principal or any(
        entry.kind in wide or _is_other_account(entry, account) for entry in _named(statement)
    )


def _named(statement: Statement) -> tuple[PrincipalEntry, ...]:
    return () if statement.not_principal else statement.principals or ()


@bucket_rule("access-point-delegation", POLICY)
def access_point_delegation(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An Allow of reading leaves the decision to the policies of access points."""
    for statement in reading_allows(bucket):
        keys = sorted({each.key for each in statement.conditions if each.lower_key in _ACCESS_POINT_KEYS})
        if keys:
            yield Match(bucket.name, f"It is {statement.label}, under {', '.join(keys)}.")


@bucket_rule("access-point", "s3:ListAccessPoints")
def access_point(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The bucket has access points."""
    if bucket.access_points:
        yield Match(bucket.name, f"They are {', '.join(bucket.access_points)}.")


@bucket_rule("website-on", "s3:GetBucketWebsite")
def website_on(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The bucket has a website endpoint."""
    if bucket.website:
        yield Match(bucket.name)


@bucket_rule("replication-on", "s3:GetReplicationConfiguration")
def replication_on(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """An enabled rule copies objects into another bucket."""
    if bucket.replicas:
        yield Match(bucket.name, f"It copies to {', '.join(bucket.replicas)}.")


@bucket_rule("bucket-acl-public", "s3:GetBucketAcl")
def bucket_acl_public(snapshot: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The bucket's ACL grants something to everybody, and no Block Public Access setting ignores the ACL."""
    public = [f"{grant.permission} to {grant.grantee.rpartition('/')[2]}" for grant in _acl(bucket, public=True)]
    by_account = snapshot.account_block
    if not public or bucket.public_access_block.get(_IGNORE) or (by_account or {}).get(_IGNORE):
        return
    # The account's setting may ignore the ACL too: if it was not read, the result is unknown.
    yield Match(bucket.name, f"It grants {', '.join(public)}.", () if by_account is not None else (READ_ACCOUNT_BLOCK,))


@bucket_rule("bucket-acl-other", "s3:GetBucketAcl")
def bucket_acl_other(_: Snapshot, bucket: BucketFacts) -> Iterator[Match]:
    """The bucket's ACL grants something to an account that is not its owner."""
    others = [f"{grant.permission} to {grant.grantee[:12]}…" for grant in _acl(bucket, public=False)]
    if others:
        yield Match(bucket.name, f"It grants {', '.join(others)}.")


def _acl(bucket: BucketFacts, *, public: bool) -> list[AclGrant]:
    grants = [g for g in bucket.acl_grants or () if g.grantee != _LOG_DELIVERY]
    return [g for g in grants if g.grantee.startswith(_EVERYONE) == public]


RULES = (
    cloudfront_grant,
    canonical_user_grant,
    other_account_grant,
    acl_grant,
    replication_grant,
    access_point_delegation,
    access_point,
    website_on,
    replication_on,
    bucket_acl_public,
    bucket_acl_other,
)
