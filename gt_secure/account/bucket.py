"""A bucket of an account, each setting a part that was read, is absent or was not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from time import monotonic
from typing import Any, NamedTuple, TypeAlias

from ..aws.arns import bucket_arn, partition_of
from ..aws.buckets import log_location
from ..aws.client import Aws
from ..base.errors import GtSecureError
from ..base.pages import followed
from ..base.text import JsonLike, Texts
from ..engine.access.access_points import AccessPoint, AccessPoints, BlockSettings
from ..engine.access.part import NotRead, Part, PartNotReadError
from ..engine.policies.acls import AclGrant as AclGrant
from ..engine.policies.bucket_policy import BucketPolicy
from ..logs.location import LogLocation
from .part_reader import part_of

MOST_ACLS, _ACLS_S = 20, 5
"""Most objects whose ACLs are read, and the seconds after which no more of them are."""
BucketSettings: TypeAlias = JsonLike


@dataclass(frozen=True, slots=True)
class UrlAges:
    """Ages of the opened presigned URLs of one signer in a log, in whole seconds: oldest use,
    longest lifetime.
    """

    signer: str
    requests: int
    oldest_s: int
    lifetime_s: int


class _Reading(NamedTuple):
    """The way to read a part of a bucket."""

    what: str
    action: str
    read: Callable[[Aws, Any, str], Any]
    absent: str = ""
    """Code of the error of S3 for a setting that does not exist; the part is then ``otherwise``."""
    otherwise: Any = None


def _access_points(aws: Aws, s3: Any, bucket: str) -> AccessPoints:
    region = s3.meta.region_name
    start = f"arn:{aws.partition}:s3:{region}:{aws.account_id}:accesspoint"
    asked = {"AccountId": aws.account_id, "Bucket": bucket}
    found = []
    for page in followed(aws.client("s3control", region).list_access_points, asked, "NextToken"):
        for each in page["AccessPointList"]:
            name, vpc = each["Name"], each.get("VpcConfiguration") or {}
            arn = each.get("AccessPointArn") or f"{start}/{name}"
            found.append(AccessPoint(name, arn, vpc.get("VpcId") or ""))
    return tuple(found)


def _replicas(_: Aws, client: Any, bucket: str) -> Texts:
    rules = client.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Rules"]
    return tuple(
        dict.fromkeys(
            str(rule["Destination"]["Bucket"]) for rule in rules if rule.get("Status") == "Enabled"
        )
    )


def _grants_in(answer: Any) -> tuple[AclGrant, ...]:
    owner = str(answer["Owner"]["ID"])
    grants = []
    for grant in answer.get("Grants") or ():
        grantee = grant.get("Grantee") or {}
        name = str(grantee.get("URI") or grantee.get("ID") or grantee.get("EmailAddress") or "")
        if name != owner:
            grants.append(AclGrant(name, str(grant.get("Permission") or "")))
    return tuple(grants)


def _public_objects(_: Aws, client: Any, bucket: str) -> Texts:
    """Return the first objects that a public ACL grants; not read in full where there are more."""
    page = client.list_objects_v2(Bucket=bucket, MaxKeys=MOST_ACLS)
    until = monotonic() + _ACLS_S
    keys = [each["Key"] for each in page.get("Contents", ())]
    read = takewhile(lambda _: monotonic() < until, keys)
    acls = {key: _grants_in(client.get_object_acl(Bucket=bucket, Key=key)) for key in read}
    found = tuple(key for key in acls if any(each.is_public for each in acls[key]))
    if not found and (page["IsTruncated"] or acls.keys() < {*keys}):
        raise PartNotReadError(
            NotRead(
                "ACLs of objects",
                "s3:GetObjectAcl",
                "in part",
                f"The ACLs of the first {len(acls)} objects alone were looked at.",
            )
        )
    return found


def _folders(_: Aws, client: Any, bucket: str) -> Texts:
    page = client.list_objects_v2(Bucket=bucket, Delimiter="/")
    if page.get("IsTruncated"):
        reason = "The bucket has more than 1,000 keys and folders at its top."
        raise PartNotReadError(
            NotRead(f"the folders of {bucket}", "s3:ListBucket", "in part", reason)
        )
    return tuple(str(each["Prefix"]) for each in page.get("CommonPrefixes") or ())


READINGS: Mapping[str, _Reading] = {
    "policy": _Reading(
        "the policy",
        "s3:GetBucketPolicy",
        lambda _, s3, name: BucketPolicy(s3.get_bucket_policy(Bucket=name)["Policy"]),
        "NoSuchBucketPolicy",
    ),
    "logging": _Reading(
        "the log target",
        "s3:GetBucketLogging",
        lambda _, s3, name: log_location(s3.get_bucket_logging(Bucket=name)),
    ),
    "cors": _Reading(
        "the CORS rules",
        "s3:GetBucketCORS",
        lambda _, s3, name: tuple(s3.get_bucket_cors(Bucket=name)["CORSRules"]),
        "NoSuchCORSConfiguration",
        (),
    ),
    "public_access_block": _Reading(
        "Block Public Access",
        "s3:GetBucketPublicAccessBlock",
        lambda _, s3, name: s3.get_public_access_block(Bucket=name)[
            "PublicAccessBlockConfiguration"
        ],
        "NoSuchPublicAccessBlockConfiguration",
        {},
    ),
    "ownership": _Reading(
        "Object Ownership",
        "s3:GetBucketOwnershipControls",
        lambda _, s3, name: s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"][
            "Rules"
        ][0]["ObjectOwnership"],
        "OwnershipControlsNotFoundError",
        "ObjectWriter",
    ),
    "encryption": _Reading(
        "the encryption",
        "s3:GetEncryptionConfiguration",
        lambda _, s3, name: s3.get_bucket_encryption(Bucket=name)[
            "ServerSideEncryptionConfiguration"
        ],
        "ServerSideEncryptionConfigurationNotFoundError",
        {},
    ),
    "website": _Reading(
        "the website",
        "s3:GetBucketWebsite",
        lambda _, s3, name: bool(s3.get_bucket_website(Bucket=name)),
        "NoSuchWebsiteConfiguration",
        False,
    ),
    "replicas": _Reading(
        "the replication",
        "s3:GetReplicationConfiguration",
        _replicas,
        "ReplicationConfigurationNotFoundError",
        (),
    ),
    "acl_grants": _Reading(
        "the ACL", "s3:GetBucketAcl", lambda _, s3, name: _grants_in(s3.get_bucket_acl(Bucket=name))
    ),
    "object_acls": _Reading("ACLs of objects", "s3:GetObjectAcl", _public_objects),
    "access_points": _Reading("the access points", "s3:ListAccessPoints", _access_points),
    "object_lock": _Reading(
        "the default retention",
        "s3:GetBucketObjectLockConfiguration",
        lambda _, s3, name: bool(
            s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"].get("Rule")
        ),
        "ObjectLockConfigurationNotFoundError",
        False,
    ),
    "requester_pays": _Reading(
        "who pays for requests",
        "s3:GetBucketRequestPayment",
        lambda _, s3, name: s3.get_bucket_request_payment(Bucket=name).get("Payer") == "Requester",
    ),
    "tags": _Reading(
        "the tags",
        "s3:GetBucketTagging",
        lambda _, s3, name: {
            each["Key"]: each["Value"] for each in s3.get_bucket_tagging(Bucket=name)["TagSet"]
        },
        "NoSuchTagSet",
        {},
    ),
    "folders": _Reading("the folders", "s3:ListBucket", _folders),
}
"""The parts of a bucket that one call of S3 reads."""

LOG_TARGET = ("policy", "encryption", "object_lock", "requester_pays")
"""Parts of a log bucket that decide whether logs can be delivered."""


PARTS: Mapping[str, tuple[str, str]] = {
    **{name: (each.what, each.action) for name, each in READINGS.items()},
    "key_policy": ("the key policy", "kms:GetKeyPolicy"),
    "log_bucket": ("the log bucket", "s3:ListBucket"),
    "log": ("the access log", "s3:GetObject"),
}
"""All parts of a bucket, each with the action that reads it."""

_UNASKED: Mapping[str, Part[Any]] = {name: Part.unasked(*named) for name, named in PARTS.items()}


@dataclass(frozen=True)
class Bucket:
    """A bucket with its settings.

    Attributes
    ----------
    name, region : str
    policy : Part of BucketPolicy
        Its policy, which is the exact text; absent if it has none.
    logging : Part of LogLocation
        Where its access logs go; absent if logging is off.
    cors : Part of tuple of mapping
        CORS rules as S3 returns them.
    public_access_block : Part of mapping
        The four settings; empty if none is set.
    ownership : Part of str
        Object Ownership: ``BucketOwnerEnforced`` disables ACLs.
    encryption : Part of mapping
        The default encryption as S3 returns it.
    website, object_lock, requester_pays : Part of bool
        Whether it has a website endpoint, a default retention, or lets requesters pay.
    replicas : Part of tuple of str
        ARNs of the buckets that enabled replication rules copy to.
    access_points : Part of tuple of AccessPoint
        Those that the bucket's account made; S3 does not list others.
    acl_grants : Part of tuple of AclGrant
        Grants of its ACL beside the owner's.
    object_acls : Part of tuple of str
        Keys of objects with a public ACL, among the first that S3 lists.
    tags : Part of mapping
        Its tags; empty if it has none.
    folders : Part of tuple of str
        The first parts of its keys, such as ``scans/``.
    key_policy : Part of str
        The policy of the KMS key of the default encryption; absent without such a key.
    log_bucket : Part of Bucket
        The bucket that its access logs go to.
    log : Part of int
        Number of requests in the access log; not read if a part of the log was not read.
    url_ages : tuple of UrlAges or None
        By signer, from a log; None if none was given.
    leaks : callable
        Counts the leaked URLs in that log when asked, in a sentence; empty without one. Few rules
        need it.
    preflights : int
        Number of refused CORS preflight requests in that log.
    applications : tuple of str
        Applications that presigned in that log.
    version_2 : mapping of str to int
        Opened requests of signature version 2 in that log, by application.
    presigners : callable or None
        Counts who signed URLs for reading in that log; asked only by the rule that needs it.
    """

    name: str
    region: str
    policy: Part[BucketPolicy] = _UNASKED["policy"]
    logging: Part[LogLocation] = _UNASKED["logging"]
    cors: Part[tuple[BucketSettings, ...]] = _UNASKED["cors"]
    public_access_block: Part[BlockSettings] = _UNASKED["public_access_block"]
    ownership: Part[str] = _UNASKED["ownership"]
    encryption: Part[BucketSettings] = _UNASKED["encryption"]
    website: Part[bool] = _UNASKED["website"]
    replicas: Part[Texts] = _UNASKED["replicas"]
    acl_grants: Part[tuple[AclGrant, ...]] = _UNASKED["acl_grants"]
    object_acls: Part[Texts] = _UNASKED["object_acls"]
    access_points: Part[AccessPoints] = _UNASKED["access_points"]
    object_lock: Part[bool] = _UNASKED["object_lock"]
    requester_pays: Part[bool] = _UNASKED["requester_pays"]
    tags: Part[Mapping[str, str]] = _UNASKED["tags"]
    folders: Part[Texts] = _UNASKED["folders"]
    key_policy: Part[str] = _UNASKED["key_policy"]
    log_bucket: Part[Bucket] = _UNASKED["log_bucket"]
    log: Part[int] = _UNASKED["log"]
    url_ages: tuple[UrlAges, ...] | None = None
    leaks: Callable[[], str] = field(default=str, compare=False, repr=False)
    preflights: int = 0
    applications: Texts = ()
    version_2: Mapping[str, int] = field(default_factory=dict)
    presigners: Callable[[], Mapping[str, int]] | None = field(
        default=None, compare=False, repr=False
    )

    @property
    def arn(self) -> str:
        """The bucket's ARN."""
        return bucket_arn(partition_of(self.region), self.name)

    @property
    def default_kms_key(self) -> Part[str]:
        """The KMS key of the default encryption; ``aws/s3`` for AWS's own key, empty for none."""
        return self.encryption.map(_kms_key)


def _kms_key(encryption: BucketSettings) -> str:
    for rule in encryption.get("Rules") or ():
        default = rule.get("ApplyServerSideEncryptionByDefault") or {}
        if str(default.get("SSEAlgorithm", "")).startswith("aws:kms"):
            return str(default.get("KMSMasterKeyID") or "aws/s3")
    return ""


def read_part(
    aws: Aws,
    bucket: Bucket,
    name: str,
    *,
    raises: type[GtSecureError] | tuple[type[GtSecureError], ...] = (),
) -> Part[Any]:
    """Read one part of a bucket; a setting that AWS does not return has its default."""
    reading = READINGS[name]
    found: Part[Any] = part_of(
        f"{reading.what} of {bucket.name}",
        reading.action,
        lambda: reading.read(aws, aws.client("s3", bucket.region or None), bucket.name),
        resource=bucket_arn(aws.partition, bucket.name),
        raises=raises,
        absent=reading.absent,
    )
    if found.missing is None and found.value is None and reading.otherwise is not None:
        return Part.of(reading.otherwise)
    return found


def read_access_point(aws: Aws, bucket: Bucket, point: AccessPoint) -> AccessPoint:
    """Read the policy of an access point,
    and its Block Public Access where that can change an answer.
    """
    client = aws.client("s3control", bucket.region)
    named = {"AccountId": aws.account_id, "Name": point.name}
    policy: Part[str] = part_of(
        f"the policy of the access point {point.name}",
        "s3:GetAccessPointPolicy",
        lambda: str(client.get_access_point_policy(**named)["Policy"]),
        resource=point.arn,
        absent="NoSuchAccessPointPolicy",
    )
    point = replace(point, policy=policy)
    if not point.may_be_public:
        return point
    block: Part[BlockSettings] = part_of(
        f"Block Public Access of the access point {point.name}",
        "s3:GetAccessPoint",
        lambda: client.get_access_point(**named).get("PublicAccessBlockConfiguration") or {},
        resource=point.arn,
    )
    return replace(point, public_access_block=block)


def read_key_policy(aws: Aws, bucket: Bucket) -> Part[str]:
    """Read the policy of the bucket's KMS key; AWS's own key has none that a person can set."""
    key = bucket.default_kms_key

    def read() -> str | None:
        if key.value in (None, "", "aws/s3"):
            return None
        client: Any = aws.client("kms", bucket.region)
        return str(client.get_key_policy(KeyId=key.value, PolicyName="default")["Policy"])

    return part_of(
        f"the policy of the key of {bucket.name}",
        "kms:GetKeyPolicy",
        read,
        resource=key.if_read or "*",
    )
