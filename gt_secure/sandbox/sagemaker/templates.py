"""Worker task templates: Liquid with the filters of Ground Truth, and the URLs that ``grant_read_access`` signs.

Ground Truth escapes every value unless ``skip_autoescape`` asks for the value itself, and adds ``grant_read_access``,
``skip_autoescape`` and ``to_json`` (Developer Guide, *Adding automation with Liquid*). A template cannot include
another one.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from ...base.errors import GtSecureError
from .. import emulator
from ..gateway.conditions import as_service
from ..settings import REGION, account_id

SERVICE = "sagemaker.amazonaws.com"
URL_LIFE_S = 900
"""Life of the URLs in seconds. AWS publishes no number; it says "short-lived"."""
MAX_ITERATIONS, MAX_OUTPUT_BYTES = 100_000, 10_000_000
_S3 = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)
_MISSING = re.compile(r"'?(.+?)'? is undefined")
ReadGrant = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page, the signed URL of each object that ``grant_read_access`` got, and the errors of RenderUiTemplate."""

    text: str
    urls: dict[str, str] = field(default_factory=dict)
    errors: tuple[dict[str, str], ...] = ()


async def page_of(
    template: str, task: Mapping[str, Any], role_arn: str, endpoint_url: str, constraint: Mapping[str, str]
) -> Rendered:
    """Fill a template, with URLs that a role signs under a constraint of each session.

    Raises
    ------
    GtSecureError
        If the service cannot assume the role.
    """
    wanted: dict[str, str] = {}
    _, errors = render(template, task, lambda uri: wanted.setdefault(uri, "https://not-signed.example/"))
    if not errors:
        wanted = {uri: await _signed(endpoint_url, role_arn, uri, constraint) for uri in wanted}
        text, errors = render(template, task, lambda uri: wanted[uri])
    return Rendered("", errors=tuple(errors)) if errors else Rendered(text, wanted)


def render(template: str, task: Mapping[str, Any], grant: ReadGrant) -> tuple[str, list[dict[str, str]]]:
    """Fill a template with the input of a task; returns the page, or no page and the errors."""
    from liquid.exceptions import LiquidError

    try:
        return str(_environment(grant).from_string(template).render(task={"input": task})), []
    except LiquidError as error:
        return "", [_error(error)]
    except RecursionError:
        return "", [{"Code": "TemplateTooDeep", "Message": "The template is nested too deeply."}]


def _environment(grant: ReadGrant) -> Any:
    """Return Ground Truth's Liquid: escaping, strict about missing fields except in conditions and ``default``."""
    from liquid import Environment, FalsyStrictUndefined, Mode

    class GroundTruth(Environment):
        loop_iteration_limit = MAX_ITERATIONS
        output_stream_limit = MAX_OUTPUT_BYTES

    environment = GroundTruth(autoescape=True, tolerance=Mode.STRICT, undefined=FalsyStrictUndefined)
    environment.add_filter("grant_read_access", partial(_granted, grant))
    environment.add_filter("skip_autoescape", _unescaped)
    environment.add_filter("to_json", json.dumps)
    return environment


def _granted(grant: ReadGrant, value: Any) -> str:
    from liquid.exceptions import FilterArgumentError

    if not isinstance(value, str) or not _S3.fullmatch(str(value)):
        raise FilterArgumentError("grant_read_access needs an s3:// URI", token=None)
    return grant(str(value))


def _unescaped(value: Any) -> Any:
    from markupsafe import Markup

    return Markup(value)  # noqa: S704 - the template asks for it, as on AWS


def _error(error: Any) -> dict[str, str]:
    """Return an error in the form of RenderUiTemplate."""
    from liquid import exceptions

    message = str(error).split("\n")[0]
    if isinstance(error, exceptions.UndefinedError) and (found := _MISSING.fullmatch(message)):
        message = f"Required field {found[1]} was missing in the task input."
    codes = {
        exceptions.UndefinedError: "MissingVariable",
        exceptions.UnknownFilterError: "UnknownFilter",
        exceptions.FilterArgumentError: "InvalidS3Uri",
        exceptions.LiquidSyntaxError: "TemplateSyntaxError",
    }
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), "TemplateError")
    if message.startswith("unexpected tag"):
        code = "UnsupportedTag"
    return {"Code": code, "Message": message}


async def _signed(endpoint_url: str, role_arn: str, uri: str, constraint: Mapping[str, str]) -> str:
    """Presign a GET of one object with a session of a role."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    place = uri.removeprefix("s3://")
    session = await _session(role_arn, _read_policy(place, constraint))
    request = AWSRequest("GET", f"{endpoint_url}/{quote(place, safe='/-_.~')}")
    S3SigV4QueryAuth(session, "s3", REGION, expires=URL_LIFE_S).add_auth(request)
    return str(request.url)


def _read_policy(place: str, constraint: Mapping[str, str]) -> str:
    """Return the session policy behind one URL; that it allows ``kms:Decrypt`` is assumed."""
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{place}",
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
