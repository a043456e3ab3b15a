"""Presigned URLs that Ground Truth itself would issue."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from ...errors import GtSecureError
from .. import emulator
from ..gateway.conditions import as_service
from ..settings import REGION, account_id

SERVICE = "sagemaker.amazonaws.com"
URL_LIFE_S = 900
"""Life of the portal's URLs in seconds. AWS publishes no number; it says "short-lived"."""


async def image_url(endpoint_url: str, role_arn: str, bucket: str, key: str, constraint: Mapping[str, str]) -> str:
    """Presign a GET with a session of a role; raises GtSecureError where the service cannot assume that role."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    session = await _session(role_arn, _read_policy(bucket, key, constraint))
    request = AWSRequest("GET", f"{endpoint_url}/{bucket}/{quote(key, safe='/-_.~')}")
    S3SigV4QueryAuth(session, "s3", REGION, expires=URL_LIFE_S).add_auth(request)
    return str(request.url)


def _read_policy(bucket: str, key: str, constraint: Mapping[str, str]) -> str:
    """Return the session policy behind one image URL; that it allows ``kms:Decrypt`` is assumed."""
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/{key}",
    }
    if constraint:
        statement["Condition"] = {"IpAddress": dict(constraint)}
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement, decrypt]})


async def _session(role_arn: str, policy: str) -> Any:
    """Assume a role as the SageMaker service, which its trust policy must allow."""
    from botocore.credentials import Credentials

    body = await emulator.query_call("iam", "GetRole", RoleName=role_arn.rsplit("/", 1)[-1])
    found = re.search(rb"<AssumeRolePolicyDocument>(.*?)</AssumeRolePolicyDocument>", body, re.DOTALL)
    trust = unquote(html.unescape(found[1].decode())) if found and f":{account_id()}:" in role_arn else "{}"
    keys = {"aws:sourceaccount": account_id()}
    if emulator.decide_for_service(trust, SERVICE, "sts:AssumeRole", role_arn, keys) != "Allow":
        raise GtSecureError(f"The trust policy of {role_arn} does not allow {SERVICE}.")
    with as_service(keys):
        body = await emulator.query_call(
            "sts",
            "AssumeRole",
            RoleArn=role_arn,
            RoleSessionName="GroundTruthWorker",
            DurationSeconds="3600",
            Policy=policy,
        )
    values = {node.tag.rsplit("}", 1)[-1]: node.text or "" for node in ElementTree.fromstring(body).iter()}  # noqa: S314
    return Credentials(values["AccessKeyId"], values["SecretAccessKey"], values["SessionToken"])
