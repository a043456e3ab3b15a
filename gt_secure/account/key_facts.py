"""Facts: values of condition keys that this role can read, so that an answer need not depend on them.

A fact about a principal is about the account's own signers. The tags of a role are those of its sessions too, unless a
session passes its own tags: that none does is an assumption, which :attr:`KeyFacts.assumed` states.

Sources: IAM User Guide, *AWS global condition context keys*; S3 User Guide, *Tagging and access control policies* and
*Blocking public access* (the account's setting overrides the bucket's).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..aws.client import Aws, aws_errors
from ..errors import GtSecureError
from .facts import Missing
from .organization import Organization, principal_keys, read_organization

PRINCIPAL_TAG = "aws:PrincipalTag/"
OBJECT_TAG = "s3:ExistingObjectTag/"
READ_ACCOUNT_BLOCK = "s3:GetAccountPublicAccessBlock"
_NO_BLOCK = "NoSuchPublicAccessBlockConfiguration"
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """Values of condition keys for requests of the account's own signers on one bucket.

    Attributes
    ----------
    values : mapping
        Condition keys and their values.
    absent : frozenset of str
        Keys that are known to be absent, such as ``aws:PrincipalOrgID`` of an account without an organization.
    complete : tuple of str
        Beginnings of keys that are all known, such as ``aws:PrincipalTag/``.
    endpoints : mapping
        Keys of requests through a VPC endpoint, by its id.
    public_access_block : mapping or None
        Block Public Access of the account; None if it could not be read.
    organization : Organization
        The organization with its policies.
    read_by : mapping
        The action that read each key.
    assumed : tuple of str
        Assumptions under which the values hold.
    missing : tuple of Missing
        Missing permissions of the role.
    """

    values: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    complete: tuple[str, ...] = ()
    endpoints: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    public_access_block: Mapping[str, bool] | None = None
    organization: Organization = field(default_factory=Organization)
    read_by: Mapping[str, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()


class _Collected:
    """Facts that the reads below add to."""

    def __init__(self) -> None:
        self.values: dict[str, str | tuple[str, ...]] = {}
        self.absent: set[str] = set()
        self.complete: list[str] = []
        self.endpoints: dict[str, dict[str, str]] = {}
        self.block: dict[str, bool] | None = None
        self.organization = Organization()
        self.read_by: dict[str, str] = {}
        self.assumed: list[str] = []
        self.missing: list[Missing] = []

    def add(self, action: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
        self.values.update(values)
        self.read_by.update(dict.fromkeys(values, action))

    def lacks(self, action: str, resource: str = "*") -> None:
        self.missing.append(Missing(action, resource))


def read_key_facts(
    aws: Aws,
    *,
    bucket: str | None = None,
    region: str | None = None,
    key: str | None = None,
    version_id: str | None = None,
    role_arn: str | None = None,
    endpoints: Iterable[str] = (),
    organization: bool = True,
    settings: bool = True,
) -> KeyFacts:
    """Read what this role may; what it may not is listed in ``missing`` and never raised.

    Parameters
    ----------
    aws : Aws
    bucket, region : str, optional
        The bucket, and its region if that is not the connection's.
    key, version_id : str, optional
        The object whose tags are read.
    role_arn : str, optional
        The role that signs, whose tags are read.
    endpoints : iterable of str
        VPC endpoints whose owners are read.
    organization, settings : bool
        Whether the organization, and Block Public Access of the account, are read.
    """
    facts = _Collected()
    _account(aws, facts)
    if organization:
        _organization(aws, facts)
    if bucket is not None:
        facts.add("the bucket's region", {"aws:RequestedRegion": region or aws.region})
        _owner(aws, facts, bucket, region)
        if key is not None:
            _object_tags(aws, facts, bucket, key, version_id, region)
    if role_arn is not None:
        _role_tags(aws, facts, role_arn)
    _endpoint_owners(aws, facts, sorted(set(endpoints)))
    if settings:
        _public_access_block(aws, facts)
    return KeyFacts(
        facts.values,
        frozenset(facts.absent),
        tuple(facts.complete),
        facts.endpoints,
        facts.block,
        facts.organization,
        facts.read_by,
        tuple(facts.assumed),
        tuple(dict.fromkeys(facts.missing)),
    )


def _account(aws: Aws, facts: _Collected) -> None:
    try:
        facts.add("sts:GetCallerIdentity", {"aws:PrincipalAccount": aws.account_id})
    except GtSecureError:
        facts.lacks("sts:GetCallerIdentity")


def _organization(aws: Aws, facts: _Collected) -> None:
    if "aws:PrincipalAccount" not in facts.values:
        return  # whose organization it is would not be known
    facts.organization = read_organization(aws)
    facts.missing += facts.organization.missing
    facts.add("organizations:DescribeOrganization", principal_keys(facts.organization))
    if facts.organization.id == "":
        facts.absent |= {"aws:PrincipalOrgID", "aws:PrincipalOrgPaths"}


def _owner(aws: Aws, facts: _Collected, bucket: str, region: str | None) -> None:
    """Ask S3 whether the bucket belongs to this account: HeadBucket refuses another expected owner."""
    account = facts.values.get("aws:PrincipalAccount")
    if not isinstance(account, str):
        return
    resource = f"arn:{aws.partition}:s3:::{bucket}"
    try:
        with aws_errors("s3:ListBucket", resource):
            aws.client("s3", region).head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except GtSecureError:
        facts.lacks("s3:ListBucket", resource)
        return
    facts.add("s3:ListBucket", {"aws:ResourceAccount": account})
    if facts.organization.id:
        facts.add("organizations:DescribeOrganization", {"aws:ResourceOrgID": facts.organization.id})
    elif facts.organization.id == "":
        facts.absent.add("aws:ResourceOrgID")


def _object_tags(
    aws: Aws, facts: _Collected, bucket: str, key: str, version_id: str | None, region: str | None
) -> None:
    action = "s3:GetObjectVersionTagging" if version_id else "s3:GetObjectTagging"
    resource = f"arn:{aws.partition}:s3:::{bucket}/{key}"
    version: dict[str, Any] = {"VersionId": version_id} if version_id else {}
    try:
        with aws_errors(action, resource):
            answer = aws.client("s3", region).get_object_tagging(Bucket=bucket, Key=key, **version)
    except GtSecureError:
        facts.lacks(action, resource)
        return
    facts.add(action, {f"{OBJECT_TAG}{tag['Key']}": tag["Value"] for tag in answer["TagSet"]})
    facts.complete.append(OBJECT_TAG)


def _role_tags(aws: Aws, facts: _Collected, role_arn: str) -> None:
    try:
        with aws_errors("iam:ListRoleTags", role_arn):
            pages = aws.client("iam").get_paginator("list_role_tags").paginate(RoleName=role_arn.rpartition("/")[2])
            tags = [tag for page in pages for tag in page["Tags"]]
    except GtSecureError:
        facts.lacks("iam:ListRoleTags", role_arn)
        return
    facts.add("iam:ListRoleTags", {f"{PRINCIPAL_TAG}{tag['Key']}": tag["Value"] for tag in tags})
    facts.complete.append(PRINCIPAL_TAG)
    facts.assumed.append("Sessions of the role pass no tags of their own.")


def _endpoint_owners(aws: Aws, facts: _Collected, ids: list[str]) -> None:
    if not ids:
        return
    try:
        with aws_errors("ec2:DescribeVpcEndpoints"):
            filters: Any = [{"Name": "vpc-endpoint-id", "Values": ids}]  # an id that is not ours is no error then
            answer = aws.client("ec2").describe_vpc_endpoints(Filters=filters)
    except GtSecureError:
        facts.lacks("ec2:DescribeVpcEndpoints")
        return
    for endpoint in answer["VpcEndpoints"]:
        owner, vpc = str(endpoint.get("OwnerId") or ""), str(endpoint.get("VpcId") or "")
        keys = {"aws:SourceVpc": vpc, "aws:VpceAccount": owner}
        if owner == facts.values.get("aws:PrincipalAccount") and facts.organization.id:
            keys["aws:VpceOrgID"] = facts.organization.id
        facts.endpoints[str(endpoint["VpcEndpointId"])] = {name: value for name, value in keys.items() if value}


def _public_access_block(aws: Aws, facts: _Collected) -> None:
    account = facts.values.get("aws:PrincipalAccount")
    if not isinstance(account, str):
        return
    facts.block = read_account_block(aws, account)
    if facts.block is None:
        facts.lacks(READ_ACCOUNT_BLOCK)


def read_account_block(aws: Aws, account: str) -> dict[str, bool] | None:
    """Read the four settings of the account's Block Public Access; None if this role cannot."""
    if aws.is_local:
        return dict.fromkeys(BLOCKS, False)  # the sandbox has none, and no host of an account to ask
    try:
        with aws_errors(READ_ACCOUNT_BLOCK):
            answer = aws.client("s3control").get_public_access_block(AccountId=account)
    except GtSecureError as error:
        return dict.fromkeys(BLOCKS, False) if error.details.get("code") == _NO_BLOCK else None
    settings = answer["PublicAccessBlockConfiguration"]
    return {name: bool(settings.get(name)) for name in BLOCKS}


def read_policy_status(aws: Aws, bucket: str, region: str | None = None) -> bool | None:
    """Ask S3 whether it calls the bucket policy public; None if this role cannot."""
    try:
        with aws_errors("s3:GetBucketPolicyStatus", f"arn:{aws.partition}:s3:::{bucket}"):
            answer = aws.client("s3", region).get_bucket_policy_status(Bucket=bucket)
    except GtSecureError:
        return None
    public = answer["PolicyStatus"].get("IsPublic")
    return None if public is None else bool(public)
