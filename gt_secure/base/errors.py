"""Every error that gt_secure raises.

::

    GtSecureError
    ├── InvalidInput (ValueError)       invalid user input
    │   └── PolicyError                 a policy document, with the place in it
    ├── NotFound (LookupError)          a team, bucket, endpoint or object that is not there
    ├── AccessDenied (PermissionError)  AWS refused; carries the JSON for an administrator
    ├── CredentialsError (PermissionError)  none, expired, or not valid
    ├── Unreachable (ConnectionError)   no answer from AWS: time-out, DNS, no endpoint in the VPC
    ├── Throttled (TimeoutError)        AWS throttled requests until the deadline
    ├── Conflict (RuntimeError)         something else changed or holds what we wanted to change
    ├── Unsupported (RuntimeError)      AWS or this SDK cannot do it
    ├── LogError (RuntimeError)         access logs that cannot be read as asked
    ├── MissingExtra (ImportError)      an optional dependency is not installed
    ├── engine.access.part.PartNotReadError  a part of an account was asked for that was not read
    ├── check.CheckFailed (AssertionError)  a check of :mod:`gt_secure.check` did not pass
    └── magics.MagicError               shown under a cell in place of a traceback

Each one says what is wrong and, in ``next_step``, what to do about it; the AWS error, where there
is one, is kept as ``__cause__``. No error holds a signature, a token or a key: the base class masks
them in the message, the value, the details and the texts of the errors that led to it, and IPython
shows its traceback masked too. The mask is handed in (:mod:`gt_secure.base.mask`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .mask import holds_presigned_url, redact, redact_data
from .text import JsonLike, did_you_mean, members, printable
from .tracebacks import mask_causes, masked_traceback

URL_STEP = (
    'A presigned URL was passed where it does not belong. To read it, run "gt-secure inspect" and'
    " paste it, or call gt_secure.inspect(url)."
)
"""The next step of every error that was given a presigned URL in place of a name."""


class GtSecureError(Exception):
    """Base of all errors of the package.

    ``message`` reports what happened, ``next_step`` what to do next; ``details`` has JSON-able
    facts, never a secret.
    """

    def __init__(
        self, message: str, *, next_step: str = "", details: JsonLike | None = None
    ) -> None:
        self.message = _safe(message)
        super().__init__(self.message)
        texts = (message, *(details or {}).values())
        misplaced = any(isinstance(text, str) and holds_presigned_url(text) for text in texts)
        self.next_step = URL_STEP if misplaced else _safe(next_step)
        self.details: dict[str, Any] = redact_data(dict(details or {}))
        mask_causes(sys.exc_info()[1], GtSecureError)

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()

    def _render_traceback_(self) -> list[str]:
        """Render the traceback for IPython below its sentences, in its mode: ``%xmode Verbose``
        shows every variable, so it is masked.
        """
        return [f"{type(self).__name__}: {self}", "", *masked_traceback(self)]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as JSON-able data: ``error``, ``message``,
        ``next_step``, ``details``.
        """
        return {
            "error": type(self).__name__,
            **members(self, "message", "next_step", "details"),
        }


class InvalidInput(GtSecureError, ValueError):
    """A value that a person typed or passed cannot be used; ``field`` names it,
    ``value`` is its text.
    """

    def __init__(
        self,
        message: str,
        *,
        next_step: str = "",
        field: str = "",
        value: object = None,
        details: JsonLike | None = None,
    ) -> None:
        if value is not None and holds_presigned_url(value):
            next_step = URL_STEP
        super().__init__(message, next_step=next_step, details=details)
        self.field = field
        self.value = None if value is None else redact(value)
        if field:
            self.details.setdefault("field", field)
        if self.value is not None:
            self.details.setdefault("value", self.value[:200])


class PolicyError(InvalidInput):
    """A policy document that IAM would refuse, or that would not fit; ``place`` says where,
    as a JSON path.
    """

    def __init__(
        self, message: str, *, next_step: str = "", place: str = "", value: object = None
    ) -> None:
        super().__init__(message, next_step=next_step, field="policy", value=value)
        self.place = _safe(place)
        if place:
            self.details["place"] = self.place

    def __str__(self) -> str:
        where = f" (at {self.place})" if self.place else ""
        return f"{self.message}{where} {self.next_step}".strip()


class NotFound(GtSecureError, LookupError):
    """A team, workforce, bucket, object or endpoint that does not exist here."""


class AccessDenied(GtSecureError, PermissionError):
    """AWS refused a call for lack of a permission.

    ``action`` and ``resource`` name it; ``policy`` is the smallest policy that an administrator can
    attach, and empty where a policy denies the call.
    """

    def __init__(
        self,
        message: str,
        *,
        action: str,
        resource: str = "*",
        next_step: str = "",
        details: JsonLike | None = None,
    ) -> None:
        super().__init__(
            message,
            next_step=next_step or "Ask an administrator of the account to add the policy below.",
            details=details,
        )
        self.action = redact(action)
        self.resource = redact(resource or "*")
        self.is_explicit = bool(self.details.get("explicit_deny"))
        self.details.update(
            redact_data({"action": action, "resource": self.resource, "policy": self.policy})
        )

    @property
    def policy(self) -> dict[str, Any]:
        """The smallest identity policy that would allow the call; empty after a Deny,
        which no Allow overrides.
        """
        if self.is_explicit:
            return {}
        statement = {"Effect": "Allow", "Action": self.action, "Resource": self.resource}
        return {"Version": "2012-10-17", "Statement": [statement]}

    @property
    def policy_text(self) -> str:
        """``policy`` as indented JSON."""
        return json.dumps(self.policy, indent=2)


class CredentialsError(GtSecureError, PermissionError):
    """There are no AWS credentials, or AWS does not accept them (expired, unknown, wrong clock)."""


class Unreachable(GtSecureError, ConnectionError):
    """AWS did not answer: a time-out, a name that does not resolve, or no endpoint in the VPC."""


class Throttled(GtSecureError, TimeoutError):
    """AWS throttled requests until the deadline for retries had passed."""


class Conflict(GtSecureError, RuntimeError):
    """Somebody else has changed, or is changing, the same setting."""


class Unsupported(GtSecureError, RuntimeError):
    """AWS, this kind of workteam, or the installed SDK cannot do what was asked."""


class LogError(GtSecureError, RuntimeError):
    """Access logs cannot be found or read as asked."""


class MissingExtra(GtSecureError, ImportError):
    """An optional dependency is not installed; ``next_step`` says how to install it."""


def refuse_url(value: object, field: str, wanted: str) -> None:
    """Raise an error, which does not repeat it,
    if a presigned URL was passed in place of something else.
    """
    if isinstance(value, str) and holds_presigned_url(value):
        raise InvalidInput(
            f"This is a presigned URL, not {wanted}.", next_step=URL_STEP, field=field
        )


def refuse_keywords(
    call: str, given: Iterable[str], known: Collection[str], meant: Mapping[str, str]
) -> None:
    """Raise an error for a keyword that a call does not have, with the one that is meant."""
    for name in given:
        near = meant.get(name, name)
        raise InvalidInput(
            f"{call} has no argument '{name}'.",
            next_step=did_you_mean(near, known, form="{}="),
            field=name,
        )


def _rebuilt(
    kind: type[GtSecureError], args: tuple[Any, ...], values: dict[str, Any]
) -> GtSecureError:
    """Return an error that another process raised: its class may ask for more than the message."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(values)
    return error


def _safe(text: str) -> str:
    return printable(redact(text), keep="\n\t")
