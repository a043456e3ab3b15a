"""ACLs as statements of a bucket policy: what the ACL of a bucket grants to others,
and what those of its objects may grant.

Sources: S3 User Guide, *Access control list (ACL) overview* (*Mapping of ACL permissions and access
policy permissions*, *Amazon S3 predefined groups*), *Controlling ownership of objects and disabling
ACLs for your bucket* (``BucketOwnerEnforced``), and *Blocking public access to your Amazon S3
storage* (``IgnorePublicAcls`` ignores the grants to the two groups alone). An ACL only grants, so a
Deny of the bucket policy stands before all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...base.text import Json

IGNORE_PUBLIC_ACLS = "IgnorePublicAcls"
NO_ACLS = "BucketOwnerEnforced"
"""The Object Ownership that disables ACLs."""
PUBLIC_GROUPS = "http://acs.amazonaws.com/groups/global/"
EVERYBODY = f"{PUBLIC_GROUPS}AllUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"

_ON_BUCKET = {
    "READ": ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
    # what its grantee wrote is its own to overwrite and to delete
    "WRITE": ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
    "READ_ACP": ["s3:GetBucketAcl"],
    "WRITE_ACP": ["s3:PutBucketAcl"],
}
_ALL_ON_BUCKET = [action for actions in _ON_BUCKET.values() for action in actions]
_ON_OBJECT = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectAcl",
    "s3:GetObjectVersionAcl",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
]


@dataclass(frozen=True, slots=True)
class AclGrant:
    """One grant of a bucket's ACL to somebody but its owner: a canonical id or the URI of a group,
    and a permission.
    """

    grantee: str
    permission: str

    @property
    def is_public(self) -> bool:
        """Return whether everybody, or everybody with an account of AWS, is the grantee."""
        return self.grantee.startswith(PUBLIC_GROUPS)


def grants_of(acl: Iterable[AclGrant], *, depends_on: str = "") -> list[Json]:
    """Return the statements of the grants of a bucket's ACL.

    ``depends_on`` hides whether Block Public Access ignores the grants to the two groups. The group
    of log delivery is left out: its requests are none that a person sends.
    """
    return [
        {"Sid": f"grant {number} of the ACL of the bucket"}
        | _allow(
            _ON_BUCKET.get(each.permission) or _ALL_ON_BUCKET,
            "*" if each.is_public else {"CanonicalUser": each.grantee},
            depends_on if each.is_public else "",
        )
        for number, each in enumerate(acl, 1)
        if each.grantee != LOG_DELIVERY
    ]


def may_grant(depends_on: str, *, of_bucket: bool = False) -> Json:
    """Return the statement of what ACLs of objects, or that of the bucket, may grant, which were
    not read.
    """
    return _allow(_ALL_ON_BUCKET if of_bucket else _ON_OBJECT, "*", depends_on)


def _allow(actions: list[str], principal: str | Json, depends_on: str) -> Json:
    doubt = {"Condition": {"StringEquals": {depends_on: "granted"}}} if depends_on else {}
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": actions,
        "Resource": "*",
        **doubt,
    }
