"""Condition keys by who settles them: the source, the sender, or no request of the kinds that are decided here.

Sources: IAM User Guide, *AWS global condition context keys*; Service Authorization Reference, *Condition keys for
Amazon S3*.
"""

from __future__ import annotations

SOURCE_KEYS = frozenset({"aws:sourceip", "aws:sourcevpce", "aws:sourcevpc", "aws:sourcevpcarn"})
ENDPOINT_FACTS = ("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths")
ENDPOINT_KEYS = SOURCE_KEYS | set(ENDPOINT_FACTS) | {"aws:vpcsourceip"}
ABSENT = frozenset(
    {
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "s3:accesspointnetworkorigin",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:locationconstraint",
        "s3:versionid",
    }
)
"""Keys of requests of other kinds: by an AWS service, through an access point, for a version, to create a bucket."""

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

_TAGS_EXIST = frozenset(
    f"s3:{action}"
    for action in (
        "deleteobjecttagging",
        "deleteobjectversiontagging",
        "getobject",
        "getobjectacl",
        "getobjectattributes",
        "getobjecttagging",
        "getobjectversion",
        "getobjectversionacl",
        "getobjectversionattributes",
        "getobjectversiontagging",
        "putobjectacl",
        "putobjecttagging",
        "putobjectversionacl",
        "putobjectversiontagging",
    )
)
_TAGS_SENT = frozenset({"s3:putobject", "s3:putobjecttagging", "s3:putobjectversiontagging", "s3:replicatetags"})
_LOCK_SENT = frozenset(
    {
        "s3:putobject",
        "s3:putobjectretention",
        "s3:putobjectlegalhold",
        "s3:replicateobject",
        "s3:bypassgovernanceretention",
    }
)
_OF_VERSIONS = frozenset(
    f"s3:{action}"
    for action in (
        "deleteobjectversion",
        "deleteobjectversiontagging",
        "getobjectlegalhold",
        "getobjectretention",
        "getobjectversion",
        "getobjectversionacl",
        "getobjectversionattributes",
        "getobjectversionforreplication",
        "getobjectversiontagging",
        "getobjectversiontorrent",
        "putobjectlegalhold",
        "putobjectretention",
        "putobjectversionacl",
        "putobjectversiontagging",
        "restoreobject",
    )
)
BY_ACTION = (
    ("s3:versionid", _OF_VERSIONS),
    ("s3:existingobjecttag/", _TAGS_EXIST),
    ("s3:requestobjecttag", _TAGS_SENT),
    ("s3:object-lock-", _LOCK_SENT),
)
"""Starts of keys that only requests of some actions have. PutObject and DeleteObject do not see the tags of the object
that they replace (S3 User Guide, *Tagging and access control policies*)."""


def is_by_action(key: str) -> bool:
    """Return whether only requests of some actions have a key, in lower case."""
    return any(key.startswith(start) for start, _ in BY_ACTION)


def is_absent_for(action: str, key: str) -> bool:
    """Return whether no request of an action has a key, in lower case."""
    return any(key.startswith(start) and action.lower() not in actions for start, actions in BY_ACTION)


def is_of_other_service(key: str) -> bool:
    """Return whether a key, in lower case, belongs to requests to another service than S3."""
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
    """Return whether whoever makes a request chooses the value of a key, in lower case."""
    return key in CHOSEN or key.startswith(CHOSEN_FAMILIES)


TLS_KEYS = frozenset({"aws:securetransport", "s3:tlsversion"})
TIME_KEYS = frozenset({"aws:currenttime", "aws:epochtime"})
_ABOUT_EVERYBODY = ("aws:viaawsservice", "aws:principalisawsservice", "aws:requestedregion")


def is_principal_key(key: str) -> bool:
    """Return whether a key, in lower case, describes who signs."""
    if key == TOKEN_TIME:
        return True
    if key.startswith(("s3:", "aws:resource", "aws:request")) or key in _ABOUT_EVERYBODY or key in TIME_KEYS | TLS_KEYS:
        return False
    return key not in ENDPOINT_KEYS and key not in ABSENT and key not in CHOSEN
