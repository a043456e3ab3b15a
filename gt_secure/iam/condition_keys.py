"""Condition keys as AWS documents them: how each is spelled, and which values it can have.

Source: IAM User Guide, *AWS global condition context keys*; Service Authorization Reference, *Condition keys for
Amazon S3*. A key that is not in the table can have any value, and may be absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .request_keys import OF_OTHER_REQUESTS
from .variables import MULTIVALUED

_DIGITS = "0123456789"
_ACCOUNT: dict[str, Any] = {"like": "????????????", "alphabet": _DIGITS}
_FLAG: dict[str, Any] = {"values": ("true", "false")}


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """A condition key, spelled as AWS does, and what its values are: a few, or a pattern and the characters in them."""

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
            *OF_OTHER_REQUESTS,
            "aws:AssumedRoot",
            "aws:ChatbotSourceArn",
            "aws:Ec2InstanceSourcePrivateIPv4",
            "aws:Ec2InstanceSourceVpc",
            "aws:CurrentTime",
            "aws:EpochTime",
            "aws:FederatedProvider",
            "aws:MultiFactorAuthAge",
            "aws:SourceIdentity",
            "aws:SourceIp",
            "aws:TokenIssueTime",
            "aws:VpcSourceIp",
            "aws:username",
            "s3:RequestObjectTagKeys",
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
    family = next((each for each in FAMILIES if lower.startswith(each.lower())), "")
    return KEYS.get(lower) or ConditionKey(family + (spelled or lower)[len(family) :])


def is_multivalued(lower: str) -> bool:
    return lower in MULTIVALUED
