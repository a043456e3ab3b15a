"""Credentials and presigned URLs that Ground Truth itself would issue."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from .. import emulator
from ..gateway.conditions import as_service
from ..settings import REGION, account_id

SERVICE = "sagemaker.amazonaws.com"
URL_LIFE_S = 900
"""Life of the portal's URLs in seconds. AWS publishes no number; it says "short-lived"."""


class Refused(Exception):
    """The role cannot be assumed."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials of a role session."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)


def read_policy(bucket: str, key: str, constraint: Mapping[str, str]) -> str:
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


async def _trust_policy(role_arn: str) -> str:
    from ministack.services import iam

    status, body = await emulator.query_call_raw(iam, "GetRole", {"RoleName": role_arn.rsplit("/", 1)[-1]})
    found = re.search(rb"<AssumeRolePolicyDocument>(.*?)</AssumeRolePolicyDocument>", body, re.DOTALL)
    if status != 200 or found is None or f":{account_id()}:" not in role_arn:
        raise Refused(role_arn)
    return unquote(html.unescape(found[1].decode()))


class Issuer:
    """Assumes roles as the SageMaker service and presigns with what it gets."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url

    async def assume(self, role_arn: str, session: str, policy: str | None = None) -> Credentials:
        """Assume a role as ``sagemaker.amazonaws.com``; raises :class:`Refused` if its trust policy says no."""
        from ministack.services import sts

        keys = {"aws:sourceaccount": account_id()}
        trust = await _trust_policy(role_arn)
        if emulator.decide_for_service(trust, SERVICE, "sts:AssumeRole", role_arn, keys) != "Allow":
            raise Refused(role_arn)
        parameters = {"RoleArn": role_arn, "RoleSessionName": session, "DurationSeconds": "3600"}
        if policy is not None:
            parameters["Policy"] = policy
        with as_service(keys):
            status, body = await emulator.query_call_raw(sts, "AssumeRole", parameters)
        if status != 200:
            raise Refused(role_arn)
        values = {node.tag.rsplit("}", 1)[-1]: node.text or "" for node in ElementTree.fromstring(body).iter()}  # noqa: S314
        return Credentials(values["AccessKeyId"], values["SecretAccessKey"], values["SessionToken"])

    def presign(self, credentials: Credentials, bucket: str, key: str, *, life_s: int = URL_LIFE_S) -> str:
        """Presign a GET with SigV4 in path style on the sandbox's own host, as Ground Truth's URLs are."""
        from botocore.auth import S3SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials as BotoCredentials

        request = AWSRequest("GET", f"{self.endpoint_url}/{bucket}/{quote(key, safe='/-_.~')}")
        signer = BotoCredentials(credentials.access_key, credentials.secret_key, credentials.token)
        S3SigV4QueryAuth(signer, "s3", REGION, expires=life_s).add_auth(request)
        return str(request.url)
