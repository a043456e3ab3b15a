"""Principals of a bucket policy that no longer exist.

When a user or role is deleted, the policies that named it show its unique id (``AIDA...``, ``AROA...``) instead of its
ARN; the id is never used again. S3 then refuses every new version of such a policy as a whole with "Invalid principal
in policy", whatever the change was.

Sources: IAM User Guide, *AWS JSON policy elements: Principal* and *IAM identifiers*; AWS Knowledge Center, *Why am I
getting the error "Invalid principal in policy" when I try to update my Amazon S3 bucket policy?*
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import PolicyError
from ..iam.principals import is_unique_id
from .statement_spans import lay_out


def deleted_principals(policy_text: str | None) -> tuple[str, ...]:
    """Return the deleted principals with their statements, such as ``AROA... in statement 2 "Team"``."""
    if policy_text is None or not policy_text.strip():
        return ()
    try:
        layout = lay_out(policy_text)
    except PolicyError:
        return ()
    return tuple(
        f"{name} in statement {number}" + (f' "{statement["Sid"]}"' if statement.get("Sid") else "")
        for number, statement in enumerate(layout.data, start=1)
        for name in _ids(statement)
    )


def _ids(statement: Mapping[str, object]) -> Iterator[str]:
    for element in ("Principal", "NotPrincipal"):
        value = statement.get(element)
        names = value.get("AWS") if isinstance(value, Mapping) else None
        yield from (name for name in (names if isinstance(names, list) else [names]) if is_unique_id(name))
