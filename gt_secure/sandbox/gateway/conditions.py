"""Condition keys that are missing in the emulator's policy evaluation, filled in for each request.

Sources: IAM User Guide, *AWS global condition context keys*; Amazon S3 API Reference, *Amazon S3
Signature Version 4 authentication specific policy keys*.
"""

from __future__ import annotations

import contextlib
import contextvars
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from ...base.clock import utc_now
from ...base.network import Source
from ..settings import REGION, account_id
from . import evaluator, sent_keys
from .mechanisms import FORM, QUERY, SIGV4, Mechanism

PRIVATE_NAME = "_resolve_condition_key"
CALLER = "_conditions_met"
LOST = (
    "This version of ministack evaluates conditions in another way; the sandbox would not enforce."
)

NO_PLACE: Mapping[str, str | None] = dict.fromkeys(
    (
        "aws:sourceip",
        "aws:vpcsourceip",
        "aws:sourcevpce",
        "aws:sourcevpc",
        "aws:sourcevpcarn",
        "aws:vpceaccount",
    )
)
"""The keys of a call that AWS makes from inside: it has no address and no endpoint."""
QueryFields: TypeAlias = Mapping[str, list[str]]
_NOBODY = {
    "aws:principalaccount": "anonymous",
    "aws:principalarn": None,
    "aws:principalorgid": None,
    "aws:principaltype": "Anonymous",
}
"""The keys of a principal in requests that nobody signed."""
_current: contextvars.ContextVar[Mapping[str, sent_keys.KeyValue] | None] = contextvars.ContextVar(
    "gt_secure_sandbox_conditions", default=None
)


def install() -> None:
    """Let the emulator evaluate policies with the condition keys of the request."""
    evaluator.wrap(PRIVATE_NAME, CALLER, _wrapped, LOST)


def _wrapped(original: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def resolve(key: str, ctx: Any) -> Any:
        filled = _current.get()
        name = key.lower()
        if (
            filled is not None
            and name in filled
            and sent_keys.has(getattr(ctx, "action", ""), name)
        ):
            return filled[name]
        if name == "aws:principalarn" and ":assumed-role/" in getattr(ctx, "principal_arn", ""):
            return role_arn(ctx.principal_arn)
        return original(key, ctx)

    return resolve


def role_arn(session_arn: str) -> str:
    """Return what ``aws:PrincipalArn`` holds for a role session:
    the ARN of the role, with its path.
    """
    from ministack.services import iam

    head, _, tail = session_arn.partition(":assumed-role/")
    account, name = head.split(":")[4], tail.split("/")[0]
    role = iam._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else f"{head.replace(':sts:', ':iam:')}:role/{name}"


@contextlib.contextmanager
def of(context: Mapping[str, sent_keys.KeyValue]) -> Iterator[None]:
    """Set the keys of the current request; a key with the value None is absent."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def context(
    source: Source,
    query: QueryFields,
    mechanism: Mechanism | None,
    *,
    s3: bool,
    form: Mapping[str, str] | None = None,
    now: dt.datetime | None = None,
) -> dict[str, str | None]:
    """Return the condition keys of a request."""
    address = None if source.address is None else str(source.address)
    keys: dict[str, str | None] = {
        "aws:sourceip": None if source.is_endpoint else address,
        "aws:vpcsourceip": address if source.is_endpoint else None,
        "aws:sourcevpce": source.endpoint,
        "aws:sourcevpc": source.vpc,
        "aws:sourcevpcarn": f"arn:aws:ec2:{REGION}:{account_id()}:vpc/{source.vpc}"
        if source.vpc
        else None,
        "aws:vpceaccount": account_id() if source.is_endpoint else None,
        "aws:securetransport": "false",  # the sandbox speaks plain HTTP, whatever a header claims
        "aws:viaawsservice": "false",
        "aws:principalisawsservice": "false" if mechanism else None,
    }
    if s3:
        unsigned = FORM if form is not None else None
        kind, version = (mechanism.kind, mechanism.version) if mechanism else (unsigned, None)
        keys |= {} if mechanism else _NOBODY
        keys |= dict.fromkeys(("aws:resourceaccount", "s3:resourceaccount"), account_id())
        keys["s3:authtype"] = kind
        keys["s3:signatureversion"] = version
        signed = {QUERY: first(query, "X-Amz-Date"), FORM: (form or {}).get("x-amz-date", "")}
        keys["s3:signatureage"] = (
            _age_ms(signed[kind], version, now) if mechanism and kind in signed else None
        )
        if kind == QUERY:
            keys["s3:x-amz-content-sha256"] = (
                None  # AWS does not document it for URLs, whatever a header claims
            )
    return keys


def _age_ms(date: str, version: str | None, now: dt.datetime | None) -> str | None:
    """Milliseconds since a URL or a form was signed; always 0 for Signature Version 2,
    which has no signing time.
    """
    if version != SIGV4:
        return "0"
    try:
        signed = dt.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    age = (now or utc_now()) - signed
    return str(max(0, int(age.total_seconds() * 1000)))


def first(query: QueryFields, name: str) -> str:
    """Return the first value of a query parameter, whose name may be lower case,
    or an empty text.
    """
    values = query.get(name) or query.get(name.lower()) or [""]
    return values[0]


@contextlib.contextmanager
def as_service(keys: Mapping[str, str]) -> Iterator[None]:
    """Evaluate as an AWS service that calls from inside AWS: no address, no endpoint,
    secure transport.
    """
    own: dict[str, str | None] = {
        **NO_PLACE,
        "aws:viaawsservice": "false",
        "aws:principalisawsservice": "true",
        "aws:securetransport": "true",
        "s3:authtype": "REST-HEADER",
        "s3:signatureversion": SIGV4,
        "s3:signatureage": None,
        **keys,
    }
    with of(own):
        yield
