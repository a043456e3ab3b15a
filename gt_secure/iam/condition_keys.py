"""Condition keys as AWS documents them: how each is spelled, and which values it can have.

Source: IAM User Guide, *AWS global condition context keys*; Service Authorization Reference, *Condition keys for
Amazon S3*. A key that is not in the table can have any value, and may be absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .variables import MULTIVALUED

_DIGITS = "0123456789"
_ACCOUNT: dict[str, Any] = {"like": "????????????", "alphabet": _DIGITS}
_FLAG: dict[str, Any] = {"values": ("true", "false")}


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """One condition key.

    Attributes
    ----------
    name : str
        As AWS spells it.
    values : tuple of str
        All values, where they are few.
    like : str
        A pattern that every value matches.
    alphabet : str
        The characters that a value can have; empty for all.
    always : bool
        Whether the key is in every request for which its value is asked.
    """

    name: str
    values: tuple[str, ...] = ()
    like: str = "*"
    alphabet: str = ""
    always: bool = False


_TABLE = (
    ConditionKey("aws:MultiFactorAuthPresent", **_FLAG),
    ConditionKey("aws:PrincipalAccount", **_ACCOUNT, always=True),
    ConditionKey("aws:PrincipalArn", like="arn:*:*:*:*:*", always=True),
    ConditionKey("aws:PrincipalIsAWSService", **_FLAG, always=True),
    ConditionKey("aws:PrincipalOrgID", like="o-?*"),
    ConditionKey("aws:PrincipalOrgPaths", like="o-?*/*"),
    ConditionKey("aws:PrincipalType", always=True),
    ConditionKey("aws:RequestedRegion", like="?*", always=True),
    ConditionKey("aws:ResourceAccount", **_ACCOUNT, always=True),
    ConditionKey("aws:ResourceOrgID", like="o-?*"),
    ConditionKey("aws:ResourceOrgPaths", like="o-?*/*"),
    ConditionKey("aws:SecureTransport", **_FLAG, always=True),
    ConditionKey("aws:SourceVpc", like="vpc-?*", always=True),
    ConditionKey("aws:SourceVpcArn", like="arn:*:ec2:*:*:vpc/vpc-?*", always=True),
    ConditionKey("aws:SourceVpce", like="vpce-?*", always=True),
    ConditionKey("aws:UserAgent", like="?*"),
    ConditionKey("aws:Referer", like="?*"),
    ConditionKey("aws:ViaAWSService", **_FLAG, always=True),
    ConditionKey("aws:VpceAccount", **_ACCOUNT, always=True),
    ConditionKey("aws:VpceOrgID", like="o-?*"),
    ConditionKey("aws:VpceOrgPaths", like="o-?*/*"),
    ConditionKey("aws:userid", like="?*", always=True),
    ConditionKey("s3:ResourceAccount", **_ACCOUNT, always=True),
    ConditionKey("s3:TlsVersion", values=("1.2", "1.3"), always=True),
    ConditionKey("s3:authType", values=("REST-HEADER", "REST-QUERY-STRING", "POST"), always=True),
    ConditionKey("s3:signatureversion", values=("AWS", "AWS4-HMAC-SHA256"), always=True),
    *(
        ConditionKey(name)
        for name in (
            "aws:CalledVia",
            "aws:CalledViaFirst",
            "aws:CalledViaLast",
            "aws:AssumedRoot",
            "aws:ChatbotSourceArn",
            "aws:Ec2InstanceSourcePrivateIPv4",
            "aws:Ec2InstanceSourceVpc",
            "aws:CurrentTime",
            "aws:EpochTime",
            "aws:FederatedProvider",
            "aws:MultiFactorAuthAge",
            "aws:PrincipalServiceName",
            "aws:PrincipalServiceNamesList",
            "aws:SourceAccount",
            "aws:SourceArn",
            "aws:SourceIdentity",
            "aws:SourceIp",
            "aws:SourceOrgID",
            "aws:SourceOrgPaths",
            "aws:TagKeys",
            "aws:TokenIssueTime",
            "aws:VpcSourceIp",
            "aws:username",
            "s3:AccessPointNetworkOrigin",
            "s3:DataAccessPointAccount",
            "s3:DataAccessPointArn",
            "s3:LocationConstraint",
            "s3:RequestObjectTagKeys",
            "s3:VersionId",
            "s3:delimiter",
            "s3:max-keys",
            "s3:prefix",
            "s3:signatureAge",
        )
    ),
)
KEYS = {facts.name.lower(): facts for facts in _TABLE}
"""Facts about each key, by its name in lower case."""


FAMILIES = (
    "aws:PrincipalTag/",
    "aws:RequestTag/",
    "aws:ResourceTag/",
    "s3:BucketTag/",
    "s3:ExistingObjectTag/",
    "s3:RequestObjectTag/",
)


def key_facts(lower: str, spelled: str = "") -> ConditionKey:
    """Return what is known of a key; one that is not in the table keeps the spelling of the policy."""
    return KEYS.get(lower) or ConditionKey(_family(spelled or lower))


def _family(name: str) -> str:
    for family in FAMILIES:
        if name.lower().startswith(family.lower()):
            return family + name[len(family) :]
    return name


def is_multivalued(lower: str) -> bool:
    """Return whether a request can have several values of this key."""
    return lower in MULTIVALUED
