"""The reason in an S3 AccessDenied answer.

The emulator blames the identity-based policy for every implicit deny. S3 names the kind of policy
that did not allow or that denied, and that sentence is how a person tells a missed IP constraint
(session policy) from a bucket guard (S3 User Guide, *Troubleshoot access denied (403 Forbidden)
errors in Amazon S3*). The decision is not touched: only the sentence is completed, by asking the
emulator's evaluation once more, layer by layer.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from ..settings import REGION, account_id
from .http import HttpRequest, Message, Send

_DENIED = re.compile(
    r"<Message>User: (?P<user>\S+) is not authorized to perform: (?P<action>s3:\w+)(?: on resource:"
    r" .+?)? "
    r"(?P<reason>(?:because|with) [^<]*)</Message>"
)
_HOST_ID = re.compile(rb"<HostId>[^<]*</HostId>")
_RESOURCE = re.compile(rb"<Resource>[^<]*</Resource>|<Resource ?/>")
_ERROR_CODE = re.compile(rb"<Code>([A-Za-z]+)</Code>")
_ABOUT_KEYS = frozenset({"NoSuchKey", "NoSuchVersion"})
_ABOUT_BUCKETS = re.compile(r".*Bucket.*|.*(Configuration|NotFoundError|TagSet)")
"""Codes of errors that name the key, and of those that name the bucket."""
_REQUEST_ID = re.compile(rb"<RequestId>[^<]*</RequestId>")


def explained(request: HttpRequest, send: Send) -> Send:
    """Return a send function that adds ids, and the reason of a denial, to an error of S3."""
    started: Message | None = None
    chunks = []

    async def through(message: Message) -> None:
        nonlocal started
        if (
            message["type"] == "http.response.start"
            and message["status"] >= 300
            and request.method != "HEAD"
        ):
            started = message
            return
        if started is None or message["type"] != "http.response.body":
            await send(message)
            return
        chunks.append(message.get("body", b""))
        if message.get("more_body"):
            return
        body = b"".join(chunks)
        if started["status"] == 403:
            body = _rewritten(request, body)
        body = with_ids(request, body)
        headers = [(n, v) for n, v in started["headers"] if n.lower() != b"content-length"]
        await send({**started, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    return through


def with_ids(request: HttpRequest, body: bytes) -> bytes:
    """Add the ids of the request, and the key it is about, to an error of S3."""
    ids = f"<RequestId>{request.id}</RequestId><HostId>{request.host_id}</HostId>"
    body = _REQUEST_ID.sub(lambda _: ids.encode(), _HOST_ID.sub(b"", body))
    found = _RESOURCE.search(body)
    if found is None:
        return body
    code = (_ERROR_CODE.search(body) or (b"", b""))[1].decode()
    member = ""
    if code in _ABOUT_KEYS:
        member = f"<Key>{escape(request.key)}</Key>"
    elif _ABOUT_BUCKETS.fullmatch(code):
        member = f"<BucketName>{escape(request.bucket)}</BucketName>"
    return body[: found.start()] + member.encode() + body[found.end() :]


def _rewritten(request: HttpRequest, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    found = _DENIED.search(text)
    if found is None:
        return body
    action = found["action"]
    resource = "*"
    if request.bucket and "Object" in action and action != "s3:PutBucketObjectLockConfiguration":
        resource = request.arn
    elif request.bucket:
        resource = f"arn:aws:s3:::{request.bucket}"
    clause = _reason(request, action, resource, found["reason"])
    message = (
        f"User: {found['user']} is not authorized to perform: {action} on resource:"
        f' "{resource}" {clause}'
    )
    return (
        text[: found.start()] + f"<Message>{escape(message)}</Message>" + text[found.end() :]
    ).encode()


def _reason(request: HttpRequest, action: str, resource: str, said: str) -> str:
    if "resource-based" in said:
        return said
    return refused_by_caller(request, action, resource)[0] or said


def refused_by_caller(request: HttpRequest, action: str, resource: str) -> tuple[str, str]:
    """Return the reason why the caller's own policies refuse an action, empty if they do not;
    and the caller's ARN.
    """
    from ministack.core import iam_evaluator

    principal = iam_evaluator.resolve_principal(request.access_key, account_id())
    if isinstance(principal, iam_evaluator.AuthError):
        return "", ""
    if principal.policies is None:
        return "", principal.arn
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region=REGION,
        principal_keys=principal.keys,
    )
    identity = iam_evaluator.resolve_caller_identity(request.access_key) or {}
    in_session = bool((identity.get("session") or {}).get("SessionPolicies"))
    # a permissions boundary comes first, the session policies last
    names = ["identity-based policy"]
    names += ["permissions boundary"] * (len(principal.limits) - in_session)
    names += ["session policy"] * in_session
    layers = zip(names, (principal.policies, *principal.limits), strict=True)
    verdicts = [
        (kind, iam_evaluator.evaluate(context, policies).decision) for kind, policies in layers
    ]
    for kind, decision in verdicts:
        if decision == "Deny":
            return (
                f"with an explicit deny in {'an' if kind[0] in 'aeiou' else 'a'} {kind}",
                principal.arn,
            )
    for kind, decision in verdicts:
        if decision != "Allow":
            return f"because no {kind} allows the {action} action", principal.arn
    return "", principal.arn
