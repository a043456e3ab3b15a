"""Condition keys by who settles them: the source, the sender, or no request of the kinds that are decided here.

Sources: IAM User Guide, *AWS global condition context keys*; Service Authorization Reference, *Condition keys for
Amazon S3*.
"""

from __future__ import annotations

from functools import lru_cache

SOURCE_KEYS = frozenset({"aws:sourceip", "aws:sourcevpce", "aws:sourcevpc", "aws:sourcevpcarn"})
ENDPOINT_FACTS = ("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths")
ENDPOINT_KEYS = SOURCE_KEYS | set(ENDPOINT_FACTS) | {"aws:vpcsourceip"}
OF_OTHER_REQUESTS = (
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:TagKeys",
    "s3:AccessPointNetworkOrigin",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
    "s3:LocationConstraint",
    "s3:VersionId",
)
ABSENT = frozenset(
    {
        *map(str.lower, OF_OTHER_REQUESTS),
        "aws:calledviaawsmcp",
        "aws:ismcpserviceaction",
        "aws:viaawsmcpservice",
    }
)
"""Keys of requests of other kinds: by an AWS service or one of its MCP servers, through an access point, for a version,
to create a bucket."""

ANONYMOUS = {"aws:principalaccount": ("anonymous",), "aws:principaltype": ("Anonymous",)}
"""The keys of a principal in requests that nobody signed; ``aws:userid`` is there too, its value is not
documented. All other keys of a principal are absent (IAM User Guide, *AWS global condition context keys*)."""

OF_OTHER_SERVICES = (
    "autoscaling:",
    "cloudformation:",
    "dynamodb:",
    "ec2:",
    "elasticloadbalancing:",
    "iam:",
    "kms:",
    "lambda:",
    "logs:",
    "organizations:",
    "ram:",
    "rds:",
    "secretsmanager:",
    "sns:",
    "sqs:",
    "ssm:",
)
"""Prefixes of keys that other services have for their own requests."""

CROSS_SERVICE = frozenset(
    {
        "ec2:roledelivery",
        "ec2:sourceinstancearn",
        "lambda:sourcefunctionarn",
        "ssm:sourceinstancearn",
    }
)
"""Keys of other services that describe the credentials, and so are in requests to every service."""

_GRANTS = "BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl"
_WRITES = "BypassGovernanceRetention PutObject ReplicateObject"
_ENCRYPTS = f"{_WRITES} UpdateObjectEncryption"
_LISTS = "ListBucket ListBucketVersions"
_TABLE = {
    "s3:delimiter": _LISTS,
    "s3:existingobjecttag/": """
        DeleteObjectTagging DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectTagging
        GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionTagging PutObjectAcl
        PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging""",
    "s3:if-match": "DeleteObject PutObject",
    "s3:if-none-match": "PutObject",
    "s3:inventoryaccessibleoptionalfields": "PutInventoryConfiguration",
    "s3:isreplicationpauserequest": "PutReplicationConfiguration",
    "s3:max-keys": _LISTS,
    "s3:object-lock-": f"{_WRITES} PutObjectLegalHold PutObjectRetention",
    "s3:objectcreationoperation": "PutObject",
    "s3:prefix": _LISTS,
    "s3:requestobjecttag": """
        BypassGovernanceRetention PutObject PutObjectTagging PutObjectVersionTagging ReplicateTags""",
    "s3:versionid": """
        DeleteObjectVersion DeleteObjectVersionTagging GetObjectLegalHold GetObjectRetention GetObjectVersion
        GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionForReplication GetObjectVersionTagging
        GetObjectVersionTorrent PutObjectLegalHold PutObjectRetention PutObjectVersionAcl PutObjectVersionTagging
        RestoreObject""",
    "s3:x-amz-acl": _GRANTS,
    "s3:x-amz-bucket-namespace": "CreateBucket",
    "s3:x-amz-copy-source": _WRITES,
    "s3:x-amz-grant-": _GRANTS,
    "s3:x-amz-metadata-directive": _WRITES,
    "s3:x-amz-object-ownership": "CreateBucket",
    "s3:x-amz-server-side-encryption": _ENCRYPTS,
    "s3:x-amz-storage-class": f"{_WRITES} PutObjectAcl PutObjectVersionAcl",
    "s3:x-amz-website-redirect-location": _WRITES,
}
BY_ACTION = tuple(
    (start, frozenset(f"s3:{action.lower()}" for action in actions.split())) for start, actions in _TABLE.items()
)
"""Starts of keys that only requests of some actions have. PutObject and DeleteObject do not see the tags of the object
that they replace (S3 User Guide, *Tagging and access control policies*); the rest is the table of the Service
Authorization Reference, with versions and locks of actions for which the S3 User Guide names them."""


@lru_cache(maxsize=1024)
def _actions_of(key: str) -> frozenset[str] | None:
    return next((actions for start, actions in BY_ACTION if key.startswith(start)), None)


def is_by_action(key: str) -> bool:
    return _actions_of(key) is not None


def is_absent_for(action: str, key: str) -> bool:
    actions = _actions_of(key)
    return actions is not None and action.lower() not in actions


def is_of_other_service(key: str) -> bool:
    return key.startswith(OF_OTHER_SERVICES) and key not in CROSS_SERVICE


TOKEN_TIME = "aws:tokenissuetime"  # noqa: S105 - the name of a condition key
"""Time of issue of temporary credentials: a signer can always ask for new ones."""

CHOSEN = (
    TOKEN_TIME,
    "aws:referer",
    "aws:useragent",
    "s3:prefix",
    "s3:delimiter",
    "s3:max-keys",
    "s3:if-match",
    "s3:if-none-match",
)
CHOSEN_FAMILIES = ("s3:x-amz-", "s3:requestobjecttag", "s3:object-lock-")


def is_chosen(key: str) -> bool:
    return key in CHOSEN or key.startswith(CHOSEN_FAMILIES)


TLS_KEYS = frozenset({"aws:securetransport", "s3:tlsversion"})
TIME_KEYS = frozenset({"aws:currenttime", "aws:epochtime"})
_ABOUT_EVERYBODY = ("aws:viaawsservice", "aws:principalisawsservice", "aws:requestedregion")


def is_principal_key(key: str) -> bool:
    if key == TOKEN_TIME:
        return True
    if key.startswith(("s3:", "aws:resource", "aws:request")) or key in _ABOUT_EVERYBODY or key in TIME_KEYS | TLS_KEYS:
        return False
    return key not in ENDPOINT_KEYS and key not in ABSENT and key not in CHOSEN
