"""Facts about the account as plain data. Another module reads them; nothing here calls AWS.

None means "not read" where a field may be unknown; what could not be read for lack of permission is in ``unseen``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..network import IPNetwork


@dataclass(frozen=True, slots=True)
class TeamFacts:
    """A workteam: its name, kind, and the two settings of its URL lock."""

    name: str
    kind: Literal["private", "vendor", "public"] = "private"
    source_ip: bool = False
    vpc_source_ip: bool = False


@dataclass(frozen=True, slots=True)
class WorkforceFacts:
    """The private workforce of a region: the portal's CIDRs, its VPC if it has one, and ``ipv4`` or ``dualstack``."""

    name: str
    cidrs: tuple[str, ...] = ()
    vpc_id: str | None = None
    ip_address_type: str = "ipv4"


@dataclass(frozen=True, slots=True)
class LogTargetFacts:
    """The bucket that access logs go to.

    Attributes
    ----------
    bucket, prefix : str
        Where to.
    region : str
        Its region; empty if unknown.
    policy_text : str or None
        Its bucket policy.
    kms : bool or None
        Whether it encrypts with KMS by default; None if unknown.
    object_lock, requester_pays : bool or None
        Whether it has a default retention, or lets requesters pay; None if unknown.
    """

    bucket: str
    prefix: str = ""
    region: str = ""
    policy_text: str | None = None
    kms: bool | None = None
    object_lock: bool | None = None
    requester_pays: bool | None = None


@dataclass(frozen=True, slots=True)
class AclGrant:
    """One grant of a bucket's ACL to somebody but its owner: a canonical id or the URI of a group, and a permission."""

    grantee: str
    permission: str


@dataclass(frozen=True, slots=True)
class UrlAges:
    """Ages of the opened presigned URLs of one signer in a log, in whole seconds, rounded down.

    They are the oldest use and the longest lifetime.
    """

    signer: str
    requests: int
    oldest_s: int
    lifetime_s: int


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """A data bucket.

    Attributes
    ----------
    name, region : str
    policy_text : str or None
        Its policy; None if it has none.
    logging : LogTargetFacts or None
        None if logging is off.
    cors : tuple of mapping
        CORS rules as S3 returns them.
    public_access_block : mapping
        The four settings; empty if nothing is set.
    kms_key : str
        ARN or id of the key of its default encryption; empty if it uses none.
    kms_key_policy : str or None
        That key's policy, if it was read.
    website : bool or None
        Whether it has a website endpoint; None if unknown, as in the next three.
    replicas : tuple of str or None
        ARNs of the buckets that enabled replication rules copy to.
    acl_grants : tuple of AclGrant or None
        Grants of its ACL beside the owner's.
    access_points : tuple of str or None
        Names of its access points.
    url_ages : tuple of UrlAges
        By signer, from a log; empty if none was given.
    """

    name: str
    region: str = ""
    policy_text: str | None = None
    logging: LogTargetFacts | None = None
    cors: tuple[Mapping[str, Any], ...] = ()
    public_access_block: Mapping[str, bool] = field(default_factory=dict)
    kms_key: str = ""
    kms_key_policy: str | None = None
    website: bool | None = None
    replicas: tuple[str, ...] | None = None
    acl_grants: tuple[AclGrant, ...] | None = None
    access_points: tuple[str, ...] | None = None
    url_ages: tuple[UrlAges, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """An S3 VPC endpoint; ``type`` is ``Gateway`` or ``Interface``."""

    id: str
    vpc_id: str
    type: str = "Gateway"
    state: str = "available"
    policy_text: str | None = None
    private_dns: bool = False


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """The task template of a labeling job; ``text`` is None if it was not read."""

    job: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Guard that the restriction asks for."""

    bucket: str
    prefix: str = ""
    networks: tuple[IPNetwork, ...] = ()
    endpoints: tuple[str, ...] = ()
    max_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A missing permission: what it would have shown is unknown."""

    action: str
    resource: str = "*"


@dataclass(frozen=True)
class Snapshot:
    """One reading of an account, for :func:`gt_secure.findings.find_all`.

    Attributes
    ----------
    region, account_id, partition : str
    team : TeamFacts or None
    workforce : WorkforceFacts or None
        The region's private workforce; None if there is none.
    buckets : tuple of BucketFacts
        The buckets with labeling data.
    endpoints : tuple of EndpointFacts
        The S3 endpoints of the region.
    templates : tuple of TemplateFacts
        Templates of the team's jobs.
    wanted : Wanted or None
        The guard that a restriction asks for; None if none is wanted.
    role_arn : str
        The role that signs workers' URLs, if it is known.
    unseen : tuple of Missing
        Missing permissions.
    facts : mapping
        Values of condition keys that are known, by the key in lower case; an empty one says that the key is absent.
    account_block : mapping or None
        The four settings of the account's Block Public Access, which count beside the bucket's; None if not read.
    """

    region: str
    account_id: str = ""
    partition: str = "aws"
    team: TeamFacts | None = None
    workforce: WorkforceFacts | None = None
    buckets: tuple[BucketFacts, ...] = ()
    endpoints: tuple[EndpointFacts, ...] = ()
    templates: tuple[TemplateFacts, ...] = ()
    wanted: Wanted | None = None
    role_arn: str = ""
    unseen: tuple[Missing, ...] = ()
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    account_block: Mapping[str, bool] | None = None

    def lacks(self, action: str, name: str = "") -> bool:
        """Return whether a permission was missing, for everything or for a resource with this name."""
        return any(
            missing.action.lower() == action.lower()
            and (not name or missing.resource in ("", "*") or missing.resource.split(":::")[-1].split("/")[0] == name)
            for missing in self.unseen
        )
