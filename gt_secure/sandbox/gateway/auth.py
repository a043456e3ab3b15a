"""Signatures and IAM permissions for the services that the sandbox adds,
checked by the emulator's own code.
"""

from __future__ import annotations

import contextvars
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..settings import REGION
from .http import HttpRequest

_SCOPE = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class AuthRefusal:
    """Reason for refusing a request: a code of AWS and its message."""

    code: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)


UNKNOWN_KEY = AuthRefusal(
    "InvalidClientTokenId", "The security token included in the request is invalid."
)


def answer_to(request: HttpRequest, service: str, fault: Any) -> tuple[int, str, str]:
    """Return the status, the code and the message with which a service answers to a
    failed authentication.
    """
    from ministack.core.iam_actions import _auth_failure

    code, status, message = _auth_failure(service, fault.code, fault.message, request.headers)
    return status, code, message


def signed_scope(request: HttpRequest) -> tuple[str, str, str] | None:
    """Return access key, region and service that a request is signed for;
    None without a signature.
    """
    found = _SCOPE.search(request.headers.get("authorization", ""))
    if found:
        return found[1], found[3], found[4]
    credential = (request.query.get("X-Amz-Credential") or [""])[0].split("/")
    return (credential[0], credential[2], credential[3]) if len(credential) == 5 else None


def signed_region(request: HttpRequest) -> str:
    """Return the region that a request is signed for, by default that of the sandbox."""
    scope = signed_scope(request)
    return scope[1] if scope else REGION


def pin(request: HttpRequest) -> None:
    """Hand the request to the emulator's checks, as its own entry point does."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import set_request_account_id, set_request_region

    scope = signed_scope(request)
    key = scope[0] if scope else ""
    set_request_account_id(iam_evaluator.find_iam_access_key_account(key) or key)
    set_request_region(scope[1] if scope else None)
    iam_evaluator.pin_request_origin(str(request.source.address), False)
    iam_evaluator.pin_signed_request(
        request.method, request.raw_path, request.query, request.raw_headers
    )
    iam_evaluator.pin_signed_body(request.body)


def is_root_key(access_key: str) -> bool:
    """Return whether an access key is one of the root user."""
    from ministack.core.iam_evaluator import is_root_access_key

    return bool(access_key) and bool(is_root_access_key(access_key))


def credential(access_key: str, token: str) -> Any:
    """Return the credential of an access key, or the emulator's error for it;
    a session needs its own token.
    """
    from ministack.core import iam_evaluator

    arn = caller_arn(access_key) if access_key.startswith("ASIA") else None
    account = arn.split(":")[4] if arn else iam_evaluator.find_iam_access_key_account(access_key)
    return iam_evaluator.resolve_credential(access_key, account, token)


def authentication_fault(request: HttpRequest, service: str) -> AuthRefusal | None:
    """Check the signature of a request, before the emulator sees it; no policy is asked."""
    return contextvars.copy_context().run(_authentication_fault, request, service)


def _authentication_fault(request: HttpRequest, service: str) -> AuthRefusal | None:
    from ministack.core.iam_evaluator import check_credentials

    if (fault := _scope_fault(request, service)) is not None:
        return fault
    pin(request)
    failure = check_credentials(request.access_key, service)
    return AuthRefusal(failure.code, failure.message, dict(failure.details)) if failure else None


def _scope_fault(request: HttpRequest, service: str) -> AuthRefusal | None:
    scope = signed_scope(request)
    if scope is None and not request.headers.get("authorization", "").startswith("AWS "):
        return AuthRefusal("MissingAuthenticationToken", "Request is missing Authentication Token")
    if scope is not None and scope[2] != service:
        message = f"Credential should be scoped to correct service: '{service}'. "
        return AuthRefusal("SignatureDoesNotMatch", message)
    # The emulator takes no key, and twelve digits, for the account's root, whose signature it does
    # not check.
    return UNKNOWN_KEY if not request.access_key or is_root_key(request.access_key) else None


def authorize(
    request: HttpRequest,
    service: str,
    action: str,
    resource: str,
    keys: Mapping[str, str] | None = None,
) -> AuthRefusal | None:
    """Check signature and policies for one action."""
    from ministack.core.iam_actions import identity_denial_message
    from ministack.core.iam_evaluator import EvalResult, enforce

    pin(request)
    region, context = signed_region(request), dict(keys or {})
    denied = _scope_fault(request, service) or enforce(
        request.access_key, action, service, region, resource_arn=resource, service_context=context
    )
    if denied is None:
        return None
    if not isinstance(denied, EvalResult):
        _, code, message = answer_to(request, service, denied)
        return AuthRefusal(code, message)
    is_explicit = denied.decision == "Deny"
    message = identity_denial_message(action, denied.principal_arn, resource, is_explicit)
    return AuthRefusal("AccessDeniedException", message)


def caller_arn(access_key: str) -> str | None:
    """Return the ARN of the owner of an access key; None if there is no such key."""
    from ministack.core.iam_evaluator import resolve_caller_identity

    identity = resolve_caller_identity(access_key)
    return str(identity["userArn"]) if identity else None
