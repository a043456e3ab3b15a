"""``GetBucketPolicyStatus``: whether S3 calls a bucket policy public.

A policy is public if it grants to everybody and no condition of the grant holds fixed values of a key that says where
a request is from, or who sends it (S3 User Guide, *The meaning of "public"*). What AWS does with a Deny beside such a
grant is not documented; here it changes nothing.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from .. import emulator
from . import query_auth as presigned
from .http import HttpRequest, Reply

# Also in gt_secure.access.public_access, on purpose: prediction and enforcement come from different code.
_FIXING = frozenset(
    {
        "aws:principalorgid",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_BROADEST = {4: 8, 6: 32}


async def reply(request: HttpRequest, bucket: str) -> Reply:
    """Return the answer to an authorized request."""
    status, _, body = await emulator.s3("GET", f"/{bucket}", query={"policy": [""]})
    if status != 200:
        return presigned.error(
            request, 404, "NoSuchBucketPolicy", "The bucket policy does not exist", BucketName=bucket
        )
    public = "true" if is_public(json.loads(body)) else "false"
    xml = f"<PolicyStatus><IsPublic>{public}</IsPublic></PolicyStatus>"
    return Reply(200, f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}'.encode(), {"content-type": "application/xml"})


def is_public(policy: dict[str, Any]) -> bool:
    statements = policy.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return any(each.get("Effect") == "Allow" and _is_open(each) for each in listed)


def _is_open(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    everybody = "NotPrincipal" in statement or named == "*" or (isinstance(named, list) and "*" in named)
    conditions = [
        (operator.lower(), key.lower(), values if isinstance(values, list) else [values])
        for operator, block in statement.get("Condition", {}).items()
        for key, values in block.items()
    ]
    return everybody and not any(_fixes(*each) for each in conditions)


def _fixes(operator: str, key: str, values: list[Any]) -> bool:
    if key not in _FIXING or "not" in operator or "null" in operator or operator.endswith("ifexists"):
        return False
    if operator == "ipaddress":
        networks = [ipaddress.ip_network(str(each), strict=False) for each in values]
        return all(network.prefixlen >= _BROADEST[network.version] for network in networks)
    return not any(set("*?") & set(str(each)) or "${" in str(each) for each in values)
