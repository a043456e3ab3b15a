"""Pages of workers: templates that are filled, with the URLs that ``grant_read_access`` signs."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from ...base import budget, task_liquid
from ...base.errors import GtSecureError
from ...base.text import JsonLike
from .. import emulator
from ..gateway.conditions import as_service
from ..settings import REGION, account_id

SERVICE = "sagemaker.amazonaws.com"
URL_LIFE_S = 900
"""Life of the URLs in seconds. AWS publishes no number; it says "short-lived"."""
MAX_URLS = 1_000
"""Most objects of one page that get a URL. AWS publishes no number."""
_CODES = {
    "UnknownFilterError": "UnknownFilter",
    "InvalidS3Uri": "InvalidS3Uri",
    "LiquidSyntaxError": "TemplateSyntaxError",
}
"""Codes of errors by the name of their class."""
_NOT_SIGNED = "https://not-signed.example/"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page, the signed URL of each object that ``grant_read_access`` got,
    and the errors of RenderUiTemplate.
    """

    text: str
    urls: dict[str, str] = field(default_factory=dict)
    errors: tuple[dict[str, str], ...] = ()


async def page_of(
    template: str,
    task: JsonLike,
    role_arn: str,
    endpoint_url: str,
    constraint: Mapping[str, str],
) -> Rendered:
    """Fill a template, with URLs that a role signs under a constraint of each session.

    Raises
    ------
    GtSecureError
        If the service cannot assume the role.
    """
    urls: dict[str, str] = {}
    try:
        text, wanted, errors = await asyncio.to_thread(budget.call, fill, template, task, urls)
        if len(wanted) > MAX_URLS:
            raise OSError(f"it asks for more than {MAX_URLS:,} URLs")
        if wanted:
            urls = {uri: await _signed(endpoint_url, role_arn, uri, constraint) for uri in wanted}
            text, wanted, errors = await asyncio.to_thread(budget.call, fill, template, task, urls)
    except OSError as error:
        text, errors = (
            "",
            [{"Code": "TemplateTooCostly", "Message": f"The template was not rendered: {error}."}],
        )
    return Rendered(text, urls if text else {}, tuple(errors))


def fill(
    template: str, task: JsonLike, urls: Mapping[str, str]
) -> tuple[str, list[str], list[dict[str, str]]]:
    """Fill a template; returns the page, the objects that passed ``grant_read_access``,
    and the errors.
    """
    wanted: dict[str, str] = {}
    environment = task_liquid.environment(
        lambda uri: wanted.setdefault(uri, urls.get(uri, _NOT_SIGNED))
    )
    try:
        return str(environment.from_string(template).render(task={"input": task})), [*wanted], []
    except Exception as error:  # a filter ends in any, such as that of a number that is too large
        return "", [], [_error(error)]


def _error(error: Exception) -> dict[str, str]:
    """Return an error in the form of RenderUiTemplate."""
    message = task_liquid.reason(error)
    if message.startswith("unexpected tag"):
        return {"Code": "UnsupportedTag", "Message": message}
    return {"Code": _CODES.get(type(error).__name__, "TemplateError"), "Message": message}


async def _signed(endpoint_url: str, role_arn: str, uri: str, constraint: Mapping[str, str]) -> str:
    """Presign a GET of one object with a session of a role."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    place = uri.removeprefix("s3://")
    read: dict[str, object] = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{place}",
    }
    if constraint:
        read["Condition"] = {"IpAddress": dict(constraint)}
    # that the session policy behind a URL allows this is assumed
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [read, decrypt]}
    session = await _session(role_arn, json.dumps(policy))
    request = AWSRequest("GET", f"{endpoint_url}/{quote(place, safe='/-_.~')}")
    S3SigV4QueryAuth(session, "s3", REGION, expires=URL_LIFE_S).add_auth(request)
    return str(request.url)


async def _session(role_arn: str, policy: str) -> Any:
    """Assume a role as the SageMaker service, which its trust policy must allow."""
    from botocore.credentials import Credentials

    body = await emulator.query_call("iam", "GetRole", RoleName=role_arn.rsplit("/", 1)[-1])
    found = re.search(
        rb"<AssumeRolePolicyDocument>(.*?)</AssumeRolePolicyDocument>", body, re.DOTALL
    )
    trust = (
        unquote(html.unescape(found[1].decode()))
        if found and f":{account_id()}:" in role_arn
        else "{}"
    )
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
    values = {
        node.tag.rsplit("}", 1)[-1]: node.text or ""
        for node in ElementTree.fromstring(body).iter()  # noqa: S314
    }
    return Credentials(values["AccessKeyId"], values["SecretAccessKey"], values["SessionToken"])
