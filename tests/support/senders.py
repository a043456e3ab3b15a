"""Policies that were once answered wrongly, with neighbours: who opens an object,
and whether a claim is proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BUCKET = "gt-senders"
ARN = f"arn:aws:s3:::{BUCKET}"
PREFIX, KEY = "scans/", "scans/0001.png"
OFFICE_RANGE = "203.0.113.0/24"
OUTSIDE = {"NotIpAddress": {"aws:SourceIp": OFFICE_RANGE}}
EVERYBODY = {"Principal": "*", "Resource": f"{ARN}/*"}
ALL = ("URL", "URL of version 2", "header", "form", "nobody", "form of nobody")
NOBODY = ("nobody", "form of nobody")
SIGNED = ("URL", "URL of version 2", "header", "form")
QUERY = ("URL", "URL of version 2")


def public(condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    allow = {"Effect": "Allow", **EVERYBODY, "Action": ["s3:GetObject", "s3:PutObject"]}
    return allow | ({"Condition": dict(condition)} if condition else {})


def deny(condition: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", **EVERYBODY, "Action": "s3:*", "Condition": dict(condition)} | more


def guard(condition: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a Deny for sources outside the list that other conditions narrow."""
    return deny(
        {
            **condition,
            "NotIpAddress": OUTSIDE["NotIpAddress"] | dict(condition.get("NotIpAddress", {})),
        },
        **more,
    )


@dataclass(frozen=True)
class Case:
    """Statements of a bucket policy.

    ``outside`` are the senders that open an object from outside the list; ``proved`` is the answer
    to the claim that no URL and no form opens one from there. Where ``is_exact``, no other sender
    does.
    """

    statements: list[dict[str, Any]]
    outside: tuple[str, ...] = ()
    proved: bool | None = False


def eq(key: str, *values: str, operator: str = "StringEquals") -> dict[str, dict[str, Any]]:
    return {operator: {key: list(values) if len(values) > 1 else values[0]}}


TYPE, ACCOUNT_OF, ARN_OF = "aws:PrincipalType", "aws:PrincipalAccount", "aws:PrincipalArn"
AGE, VERSION, FORM = "s3:signatureAge", "s3:signatureversion", "s3:authType"
V2, V4 = "AWS", "AWS4-HMAC-SHA256"
OWN = "111122223333"

CASES = {
    "everybody": Case([public()], ALL),
    "nobody else": Case([public(), deny(OUTSIDE)], (), True),
    # F1: the keys of a principal in requests that nobody signed
    "grant to Anonymous": Case([public(eq(TYPE, "Anonymous"))], ALL),
    "grant to anonymous, other case": Case([public(eq("AWS:PRINCIPALTYPE", "Anonymous"))], ALL),
    "grant to anonymous by account": Case([public(eq(ACCOUNT_OF, "anonymous"))], ALL),
    "grant to a pattern of types": Case([public(eq(TYPE, "Anon*", operator="StringLike"))], ALL),
    "grant ignoring case": Case(
        [public(eq(TYPE, "ANONYMOUS", operator="StringEqualsIgnoreCase"))], ALL
    ),
    "grant to any of types": Case(
        [public(eq(TYPE, "Anonymous", operator="ForAnyValue:StringEquals"))], ALL
    ),
    "grant to the wrong case": Case([public(eq(TYPE, "anonymous"))], SIGNED),
    "grant unless signed by an account": Case(
        [public(eq(ACCOUNT_OF, OWN, operator="StringNotEquals"))], ALL
    ),
    "grant to an account, if it exists": Case(
        [public(eq(ACCOUNT_OF, OWN, operator="StringEqualsIfExists"))], SIGNED
    ),
    "grant to a type, if it exists": Case(
        [public(eq(TYPE, "AssumedRole", operator="StringEqualsIfExists"))], SIGNED
    ),
    "grant to a role, if it exists": Case(
        [public(eq(ARN_OF, f"arn:aws:iam::{OWN}:role/*", operator="ArnLikeIfExists"))], ALL
    ),
    "deny without an account": Case([public(), deny(eq(ACCOUNT_OF, "true", operator="Null"))], ALL),
    "deny without a type": Case([public(), deny(eq(TYPE, "true", operator="Null"))], ALL),
    "deny with an account": Case(
        [public(), deny(eq(ACCOUNT_OF, "false", operator="Null"))], (), True
    ),
    "deny without an ARN": Case([public(), deny(eq(ARN_OF, "true", operator="Null"))], SIGNED),
    "deny with an ARN": Case([public(), deny(eq(ARN_OF, "false", operator="Null"))], NOBODY),
    "deny without an organization": Case(
        [public(), deny(eq("aws:PrincipalOrgID", "true", operator="Null"))], (), None
    ),
    "deny to Anonymous": Case([public(), deny(eq(TYPE, "Anonymous"))], SIGNED),
    "deny to the account anonymous": Case([public(), deny(eq(ACCOUNT_OF, "anonymous"))], SIGNED),
    "deny unless Anonymous": Case(
        [public(), deny(eq(TYPE, "Anonymous", operator="StringNotEquals"))], NOBODY
    ),
    "a guard spares Anonymous": Case(
        [public(), guard(eq(TYPE, "Anonymous", operator="StringNotEquals"))], NOBODY
    ),
    "a guard spares the account anonymous": Case(
        [public(), guard(eq(ACCOUNT_OF, "anonymous", operator="StringNotEquals"))], NOBODY
    ),
    "a guard spares a pattern of types": Case(
        [public(), guard(eq(TYPE, "An?nymous", operator="StringNotLike"))], NOBODY
    ),
    "a guard spares what has no ARN": Case(
        [public(), guard(eq(ARN_OF, "false", operator="Null"))], NOBODY
    ),
    # F2: a form that nobody signed has an authentication type and nothing else of a signature
    "a guard on both versions": Case([public(), guard(eq(VERSION, V2, V4))], NOBODY),
    "a guard on any version": Case(
        [public(), guard(eq(VERSION, "*", operator="StringLike"))], NOBODY
    ),
    "a guard on both versions, other case": Case(
        [public(), guard(eq("S3:SignatureVersion", V2, V4))], NOBODY
    ),
    "a guard on a version that is there": Case(
        [public(), guard(eq(VERSION, "false", operator="Null"))], NOBODY
    ),
    "a guard on every age": Case(
        [public(), guard(eq(AGE, "0", operator="NumericGreaterThanEquals"))], ("header", *NOBODY)
    ),
    "a guard on every age, as a number": Case(
        [public(), guard({"NumericGreaterThanEquals": {AGE: 0}})], ("header", *NOBODY)
    ),
    "a guard on an age that is there": Case(
        [public(), guard(eq(AGE, "false", operator="Null"))], ("header", *NOBODY)
    ),
    "a guard on every age, in two parts": Case(
        [
            public(),
            guard(eq(AGE, "1000", operator="NumericLessThan")),
            guard(eq(AGE, "1000", operator="NumericGreaterThanEquals")),
        ],
        ("header", *NOBODY),
    ),
    "a guard on ages, if they exist": Case(
        [public(), guard(eq(AGE, "0", operator="NumericGreaterThanEqualsIfExists"))], (), True
    ),
    "a guard on versions, if they exist": Case(
        [public(), guard(eq(VERSION, V2, V4, operator="StringEqualsIfExists"))], (), None
    ),
    "a guard on URLs and forms": Case(
        [public(), guard(eq(FORM, "REST-QUERY-STRING", "POST"))], ("header", "nobody")
    ),
    "a guard on URLs": Case(
        [public(), guard(eq(FORM, "REST-QUERY-STRING"))],
        ("header", "form", "nobody", "form of nobody"),
    ),
    "a guard on all but headers": Case(
        [public(), guard(eq(FORM, "REST-HEADER", operator="StringNotEquals"))], ("header",), True
    ),
    "a guard on any authentication": Case(
        [public(), guard(eq(FORM, "false", operator="Null"))], ("nobody",)
    ),
    # versions of the signature
    "no version 2": Case([public(), deny(eq(VERSION, V2))], ("URL", "header", "form", *NOBODY)),
    "no version 4": Case([public(), deny(eq(VERSION, V4))], ("URL of version 2", *NOBODY)),
    "only version 4": Case(
        [public(), deny(eq(VERSION, V4, operator="StringNotEquals"))], ("URL", "header", "form")
    ),
    "only version 2, if it exists": Case(
        [public(), deny(eq(VERSION, V2, operator="StringNotEqualsIfExists"))], ("URL of version 2",)
    ),
    "a guard on version 4": Case([public(), guard(eq(VERSION, V4))], ("URL of version 2", *NOBODY)),
    # F3: whatever the sender chooses; the sandbox speaks plain HTTP
    "not over HTTPS": Case(
        [public(), deny(eq("aws:SecureTransport", "true", operator="Bool"))], ALL
    ),
    "only over HTTPS": Case(
        [public(), deny(eq("aws:SecureTransport", "false", operator="Bool"))], ()
    ),
    "only over HTTPS, in other words": Case(
        [public(), deny(eq("aws:securetransport", "true", operator="BoolIfExists"))], ALL
    ),
    "a guard over HTTPS": Case(
        [public(), guard(eq("aws:SecureTransport", "true", operator="Bool"))], ALL
    ),
    "no modern TLS": Case(
        [public(), deny(eq("s3:TlsVersion", "1.2", operator="NumericGreaterThanEquals"))], ALL
    ),
    "no TLS at all": Case([public(), deny(eq("s3:TlsVersion", "false", operator="Null"))], ALL),
    "not exactly new": Case(
        [public(), deny(eq(AGE, "0", operator="NumericEquals"))], ("URL", "form", "header", *NOBODY)
    ),
    "not of the first hour": Case(
        [public(), deny(eq(AGE, "3600000", operator="NumericLessThan"))], ("header", *NOBODY)
    ),
    # F4: classes of keys
    "a guard on pictures": Case([public(), guard({}, Resource=f"{ARN}/scans/*.png")], ()),
    "a guard on all but one picture": Case(
        [public(), guard({}, Resource=f"{ARN}/scans/?.png")], ALL
    ),
    # F8: keys that no GET has
    "no reader without encryption": Case(
        [
            public(),
            deny(eq("s3:x-amz-server-side-encryption", "aws:kms", operator="StringNotEquals")),
        ],
        (),
    ),
    "no upload without encryption": Case(
        [
            public(),
            deny(
                eq("s3:x-amz-server-side-encryption", "aws:kms", operator="StringNotEquals"),
                Action="s3:PutObject",
            ),
        ],
        ("URL", "URL of version 2", "header", "nobody"),
    ),
    "no reader without an ACL": Case(
        [public(), deny(eq("s3:x-amz-acl", "true", operator="Null"))], ()
    ),
    # an action that S3 adds later may have the key
    "no reader without a prefix": Case(
        [public(), deny(eq("s3:prefix", "scans/*", operator="StringNotLike"))], (), None
    ),
    "no reader without a delimiter": Case(
        [public(), deny(eq("s3:delimiter", "true", operator="Null"))], (), None
    ),
    "no reader without a storage class": Case(
        [public(), deny(eq("s3:x-amz-storage-class", "STANDARD", operator="StringNotEquals"))], ()
    ),
    "no reader without a condition": Case(
        [public(), deny(eq("s3:if-none-match", "true", operator="Null"))], ()
    ),
    "a grant to those who list": Case([public(eq("s3:prefix", "scans/"))], SIGNED),
    "a grant to those who list, if they do": Case(
        [public(eq("s3:prefix", "scans/", operator="StringEqualsIfExists"))], ALL
    ),
    "a grant with no ACL": Case([public(eq("s3:x-amz-acl", "true", operator="Null"))], ALL),
    # spellings of the list itself
    "a guard, as a list": Case(
        [public(), deny({"NotIpAddress": {"aws:sourceip": [OFFICE_RANGE, "192.0.2.1"]}})]
    ),
    "a guard, if it exists": Case(
        [public(), deny({"NotIpAddressIfExists": OUTSIDE["NotIpAddress"]})], (), True
    ),
    "a guard with host bits": Case(
        [public(), deny({"NotIpAddress": {"aws:SourceIp": "203.0.113.77/24"}})], (), True
    ),
    "a guard with a string": Case(
        [public(), deny({"StringNotLike": {"aws:SourceIp": "203.0.113.*"}})], (), True
    ),
    "a guard by its opposite": Case(
        [public(), deny({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}})], ()
    ),
    "a guard for other principals": Case(
        [public(), guard({}, Principal={"AWS": f"arn:aws:iam::{OWN}:root"})], NOBODY
    ),
    "a guard on reads": Case([public(), guard({}, Action="s3:Get*")], ("form", "form of nobody")),
    "a guard on other actions": Case(
        [
            public(),
            {k: v for k, v in guard({}).items() if k != "Action"} | {"NotAction": "s3:GetObject"},
        ],
        ("URL", "URL of version 2", "header", "nobody"),
    ),
}
