"""Signers of requests as a log names them: roles without their sessions, users, and credentials known by a hash."""

from __future__ import annotations

SIGNER = (
    "coalesce(nullif(regexp_extract(coalesce(requester, ''), "
    "'^arn:[^:]*:(?:iam|sts)::([0-9]*:(?:assumed-role/[^/]+|user/.+|federated-user/.+|root))', 1), ''), "
    "requester, 'credential ' || access_key, '')"
)
"""Expression: the signer of a row, one text for all sessions of a role."""


def signer_label(text: str) -> str:
    """Return a signer in words for a person."""
    account, _, name = text.partition(":")
    if not account.isdigit():
        return text or "unknown signer"
    return name.replace("assumed-role/", "role ", 1).replace("user/", "user ", 1)
