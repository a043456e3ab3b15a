"""The emulator behind the sandbox: how it is configured, loaded, and called from inside the
process.

ministack does not check the signature of its configured key, which is the account's root. The front
refuses this key; it is random, and used for what AWS services do themselves (assume a role for
Ground Truth).
"""

from __future__ import annotations

import importlib
import os
import secrets
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..base.errors import GtSecureError, Unsupported
from . import private_environment, vpc
from .gateway import conditions, evaluator
from .gateway.conditions import QueryFields
from .settings import REGION, Settings

Response = tuple[int, dict[str, str], bytes]

PRIVATE: Mapping[str, tuple[str, ...]] = {
    "app": ("_NON_S3_VHOST_NAMES", "_S3_VHOST_EXCLUDE_RE", "_extract_s3_vhost_bucket"),
    "core.iam_actions": ("_auth_failure", "_s3_action"),
    "services.ec2": (
        "_error", "_glob_match", "_parse_filters", "_parse_member_list",
        "_resource_matches_tag_filters", "_tags", "_vpc_endpoints", "_vpce_fields_xml", "_xml",
    ),
    "services.iam": ("_access_keys", "_roles", "_users"),
    "services.s3": (
        "_bucket_default_sse_headers", "_bucket_policies", "_object_acl", "_object_tags",
        "_parse_multipart_form", "_policy_is_public", "_presign_time_error",
    ),
}  # fmt: skip
"""Names that the sandbox takes from inside ministack; another version may have others."""

SERVICES = ("s3", "sts", "iam", "ec2", "wafv2")


def load(settings: Settings) -> None:
    """Load the emulator into this process with settings; it can be loaded once."""
    if "ministack.app" in sys.modules:
        raise Unsupported(
            "The emulator is already loaded in this process, with settings that cannot change any"
            " more.",
            next_step="Start the sandbox in a separate process: gt-secure sandbox.",
        )
    os.environ.update(
        AUTH="true",
        SERVICES=",".join(SERVICES),
        LOG_LEVEL="WARNING",
        MINISTACK_ACCOUNT_ID=settings.account,
        MINISTACK_REGION=REGION,
        AWS_ACCESS_KEY_ID="ROOT" + secrets.token_hex(12).upper(),
        AWS_SECRET_ACCESS_KEY=secrets.token_urlsafe(30),
        CLOUDTRAIL_RECORDING="0",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="0",
        S3_PERSIST="0",
    )
    try:
        import hypercorn.asyncio  # noqa: F401
        import liquid  # noqa: F401
        import ministack.app  # noqa: F401
        from ministack.core import hypercorn_compat
        from ministack.services import ec2, iam, s3, sts, waf  # noqa: F401
    except ImportError as error:
        raise private_environment.missing() from error
    _check_private()
    hypercorn_compat.install()
    conditions.install()
    evaluator.install()
    vpc.install()


def _check_private() -> None:
    """Raise Unsupported for an emulator without something that the sandbox takes from it."""
    modules = {name: importlib.import_module(f"ministack.{name}") for name in PRIVATE}
    lacking = [
        f"{name}.{each}"
        for name in PRIVATE
        for each in PRIVATE[name]
        if not hasattr(modules[name], each)
    ]
    if lacking:
        raise Unsupported(
            f"The sandbox does not work with this version of ministack, which has no {lacking[0]}.",
            next_step=(
                f"Install {private_environment.REQUIREMENTS[0]}, or run:"
                f" {private_environment.COMMAND}"
            ),
        )


async def s3(
    method: str,
    path: str,
    *,
    query: QueryFields | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Response:
    """Call S3 as the service itself: no signature, no policy."""
    from ministack.services import s3 as service

    given = {"host": "localhost", **(headers or {})}
    status, answer, content = await service.handle_request(
        method, path, given, body, dict(query or {}), internal=True, enforce_bucket_region=False
    )
    return status, answer, _content(content)


async def query_call(service: str, action: str, **parameters: str) -> bytes:
    """Call IAM or STS as the account's root; GtSecureError if it refuses."""
    module = importlib.import_module(f"ministack.services.{service}")
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/20000101/{REGION}/sts/aws4_request"
    headers = {
        "authorization": (
            f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
        ),
        "content-type": "application/x-www-form-urlencoded",
    }
    form = urlencode({"Action": action, **parameters}).encode()
    status, _, content = await module.handle_request("POST", "/", headers, form, {})
    body = _content(content)
    if status >= 300:
        raise GtSecureError(f"The sandbox could not {action}: {body.decode('utf-8', 'replace')}")
    return body


def decide_for_service(
    policy: str, service: str, action: str, resource: str, keys: Mapping[str, str]
) -> str:
    """Evaluate a resource or trust policy for an AWS service; returns ``Allow``,
    ``Deny`` or ``ImplicitDeny``.
    """
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

    context = EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=REGION,
    )
    with conditions.as_service(keys):
        return str(evaluate_resource_policy(policy, context, service=service).decision)


def _content(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return content.encode() if isinstance(content, str) else bytes(content or b"")
