"""Refuse responses that do not come from AWS: an empty body, a sign-in page, JSON without the
requested member.

botocore reads most of them without complaint and returns empty data, which would pass for
"nothing is configured". The checks run on the events of a client, so that every call of every
client has them.
"""

from __future__ import annotations

import json
from typing import Any

from ..base.clock import heard
from ..base.network import is_loopback_url
from ..base.text import Json, JsonLike

POLICY_OPERATIONS = ("GetBucketPolicy",)
_JSON = {"json", "rest-json"}


def check_answers(client: Any) -> None:
    """Make a client raise botocore's ``ResponseParserError`` for a response that
    cannot come from AWS.
    """
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-parse.{service}", _check_body)
    client.meta.events.register(f"after-call.{service}", _check_members)


def is_policy(text: object) -> bool:
    """Return True if a text is a policy document: a JSON object with statements."""
    document = _object(text) if isinstance(text, str) else None
    return document is not None and isinstance(document.get("Statement"), (list, dict))


def _check_body(*, operation_model: Any, response_dict: JsonLike, **_: Any) -> None:
    status = int(response_dict["status_code"])
    if status >= 300 or operation_model.has_streaming_output:
        return
    body = response_dict.get("body")
    content = body.strip() if isinstance(body, bytes) else b""
    model = operation_model.service_model
    # botocore 1.37 has the second only
    protocol = str(getattr(model, "resolved_protocol", None) or model.protocol)
    if not content:
        # writes of S3 and HeadBucket return no document
        if operation_model.output_shape is not None and (
            protocol != "rest-xml" or operation_model.http.get("method") == "GET"
        ):
            raise _no_answer(operation_model.name, "is empty")
    elif content[:9].lower().startswith((b"<!doctype", b"<html")):
        raise _no_answer(operation_model.name, "is a web page")
    elif protocol in _JSON and _object(content) is None:
        raise _no_answer(operation_model.name, "is not a JSON object")
    elif operation_model.name in POLICY_OPERATIONS and not is_policy(
        content.decode("utf-8", errors="replace")
    ):
        raise _no_answer(operation_model.name, "is not a policy")


def _object(text: str | bytes) -> Json | None:
    """Return a JSON object; None for any other text."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _check_members(*, http_response: Any, parsed: JsonLike, model: Any, **_: Any) -> None:
    heard(http_response.headers.get("date"), is_aws=not is_loopback_url(http_response.url))
    if http_response.status_code >= 300 or model.output_shape is None:
        return
    missing = [name for name in model.output_shape.required_members if name not in parsed]
    if missing:
        raise _no_answer(model.name, f"has no {missing[0]}")


def _no_answer(operation: str, problem: str) -> Exception:
    from botocore.parsers import ResponseParserError

    return ResponseParserError(f"The response to {operation} {problem}.")
