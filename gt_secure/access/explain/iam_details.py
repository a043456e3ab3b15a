"""IAM's details of a refusal in words, and the points in which they differ from the prediction."""

from __future__ import annotations

from collections.abc import Iterator

from ...account.authorization_details import AuthorizationCheck, AuthorizationDetails
from ...iam.verdict import Verdict
from ...text import printable

_COMPARED = (
    "aws:SourceIp",
    "aws:VpcSourceIp",
    "aws:SourceVpce",
    "aws:SourceVpc",
    "aws:SecureTransport",
    "aws:PrincipalArn",
    "s3:authType",
    "s3:signatureversion",
)
"""Keys whose values are known beforehand: those of the path, the signer and the signature."""

_LONGEST, _MOST = 120, 30


def authorization_lines(details: AuthorizationDetails) -> list[str]:
    """Return the deciding check and the request context, a line each."""
    if details.problem:
        return [f"IAM's details ({details.authorization_id}): {details.problem}"]
    lines = [f"IAM decided: {_check_text(details.deciding)}"] if details.deciding is not None else []
    pairs = [f"{key}={_short(value)}" for key, value in sorted(details.context.items())[:_MOST]]
    return [*lines, f"IAM's request context: {', '.join(pairs)}"] if pairs else lines


def differences_to(verdict: Verdict | None, details: AuthorizationDetails | None) -> tuple[str, ...]:
    """Return the points in which IAM's details differ from a prediction."""
    if verdict is None or details is None or details.problem or verdict.decision in ("invalid", "unknown"):
        return ()
    return (*_decision(verdict, details), *_context(verdict, details))


def _decision(verdict: Verdict, details: AuthorizationDetails) -> Iterator[str]:
    check = details.deciding
    if check is None:
        return
    if check.decision != verdict.decision:
        yield f"predicted {verdict.decision}, IAM decided {check.decision}."
    layer = verdict.outcome.layer
    if check.kind and layer is not None and not verdict.allowed and check.kind != layer.kind:
        yield f"predicted by the {layer.name}, IAM names {check.kind} policy {_short(check.policy)}."


def _context(verdict: Verdict, details: AuthorizationDetails) -> Iterator[str]:
    predicted = {key.lower(): value for key, value in verdict.request.context.items()}
    for key in _COMPARED:
        seen, expected = details.value(key), predicted.get(key.lower())
        if seen is not None and _text(seen) != _text(expected):
            yield f"{key} is {_short(seen)} for IAM, {_short(expected) if expected is not None else 'absent'} here."


def _check_text(check: AuthorizationCheck | None) -> str:
    if check is None:
        return ""
    by = f" by {_short(check.policy)}" if check.policy else ""
    statement = f", statement {_short(check.statement)}" if check.statement else ""
    return f"{check.decision or 'unknown'} for {check.action} on {_short(check.resource)}{by}{statement}."


def _text(value: object) -> str:
    """Compare as AWS writes it: a list of one is its value, true is "true", and 203.0.113.7/32 is 203.0.113.7."""
    if isinstance(value, (list, tuple)):
        return ",".join(sorted(_text(each) for each in value))
    return (str(value).lower() if isinstance(value, bool) else str(value)).removesuffix("/32")


def _short(value: object) -> str:
    text = printable(_text(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
