"""Calls that only the owner of a running sandbox may make: put it back to where it started."""

from __future__ import annotations

import json
import os
from typing import Any

from ..base.errors import GtSecureError, InvalidInput, Unreachable
from ..base.network import is_loopback_url
from .settings import REGION

RESET = "/_gt_secure/reset"
SIGNING_NAME = "sandbox"
_TIMEOUT_S = 30


def reset(endpoint_url: str | None = None) -> None:
    """Put the sandbox back to its state at the start."""
    post_signed(
        _checked(endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "")), RESET, _credentials()
    )


def _checked(endpoint_url: str) -> str:
    if not endpoint_url:
        raise InvalidInput(
            "No sandbox is named.",
            next_step="Set the variables that gt-secure sandbox prints, or pass endpoint_url=.",
            field="endpoint_url",
        )
    if not is_loopback_url(endpoint_url):
        raise InvalidInput(
            f"{endpoint_url} is not an address of this machine, so it is no sandbox.",
            next_step="Only a sandbox can be reset. Unset AWS_ENDPOINT_URL or name the sandbox.",
            field="endpoint_url",
            value=endpoint_url,
        )
    return endpoint_url.rstrip("/")


def post_signed(endpoint_url: str, path: str, credentials: Any) -> None:
    """Send a signed POST to a control path of the sandbox."""
    import urllib3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest("POST", endpoint_url + path)
    SigV4Auth(credentials, SIGNING_NAME, REGION).add_auth(request)
    try:
        answer = urllib3.PoolManager().request(
            "POST",
            endpoint_url + path,
            headers=dict(request.headers),
            timeout=_TIMEOUT_S,
            retries=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise Unreachable(
            f"No answer from {endpoint_url}.",
            next_step="Start the sandbox again with: gt-secure sandbox",
        ) from error
    if answer.status != 200:
        raise GtSecureError(
            f"{endpoint_url} did not reset: {_message(answer.data)}",
            next_step=(
                "Use the variables that this sandbox printed when it started: only its own keys may"
                " reset it."
            ),
        )


def _credentials() -> Any:
    from botocore.session import Session

    credentials = Session().get_credentials()
    if credentials is None:
        raise InvalidInput(
            "There are no keys of a sandbox in the environment.",
            next_step="Set the variables that gt-secure sandbox prints.",
            field="credentials",
        )
    return credentials


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return "it is no sandbox of this version"
