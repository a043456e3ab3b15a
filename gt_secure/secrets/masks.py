"""Masks for the secrets in texts and data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .recogniser import decode, find, replaced, table

_HINT = re.compile(r"[=%\\&:|<>_\x1b-]|[A-Za-z0-9/+]{20}|(?i:token|secret|passw|sig|key)")
"""Something that every secret or its surroundings have: a text without it pays for nothing else."""
_PRESIGNED = re.compile(
    r"(?<![a-z0-9])(?:x-amz-(?:signature|algorithm|security-token|credential)|awsaccesskeyid)=",
    re.ASCII | re.IGNORECASE,
)


def redact(text: object) -> str:
    """Mask the secrets in a text: of presigned URLs, headers, credentials, tokens, keys and
    passwords.

    A name may be spelled in any case and encoded any number of times. What is not secret stays:
    host, key, time and lifetime identify a URL. Redacting twice changes nothing.

    Parameters
    ----------
    text : object
        A text, or anything whose text is meant.

    Examples
    --------
    >>> redact("https://b.s3.amazonaws.com/k?X-Amz-Expires=600&X-Amz-Signature=0f1e2d3c4b5a")
    'https://b.s3.amazonaws.com/k?X-Amz-Expires=600&X-Amz-Signature=***'
    """
    shown = str(text)
    for _ in range(3):
        masked = _masked(shown)
        if masked == shown:
            break
        shown = masked
    return shown


def _masked(text: str) -> str:
    if not _HINT.search(text):
        return text
    return replaced(text, ((span.start, span.end) for span in find(text)))


def holds_secret(text: object) -> bool:
    """Return whether :func:`redact` would mask something."""
    shown = str(text)
    return bool(_HINT.search(shown) and find(shown))


def holds_presigned_url(text: object) -> bool:
    """Return whether a text has the query of a presigned URL in it, complete or cut,
    in any spelling.
    """
    return bool(_PRESIGNED.search(decoded(str(text))))


def decoded(text: str) -> str:
    """Undo percent, HTML and JSON escapes until nothing is left to undo."""
    return decode(text).text


def redact_data(data: Any) -> Any:
    """Mask the secrets in JSON-able data: in every text of lists and mappings, and of names."""
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, Mapping):
        return {
            redact(name) if isinstance(name, str) else name: _member(name, value)
            for name, value in data.items()
        }
    if isinstance(data, (list, tuple, set, frozenset)):
        items = [redact_data(item) for item in data]
        # a named tuple takes its items one by one, so it becomes a list
        return items if isinstance(data, list) or hasattr(data, "_fields") else type(data)(items)
    if isinstance(data, bytes):
        text = data.decode("latin-1")
        return redact(text).encode("latin-1") if holds_secret(text) else data
    return data


def _member(name: object, value: Any) -> Any:
    """Mask the value of a member that is named as a secret is."""
    if isinstance(value, str) and value and isinstance(name, str):
        if _ALWAYS.search(name):
            return table().mask
        head = f'{name}="'
        spans = find(f'{head}{value}"')
        if any(span.start <= len(head) and span.end >= len(head) + len(value) for span in spans):
            return table().mask
    return redact_data(value)


_ALWAYS = re.compile(
    r"(?:signature|security[-_]?token|session[-_]?token|secret[-_]?(?:access[-_]?)?key)$",
    re.IGNORECASE,
)
"""Names of AWS whose values are masked whatever they look like."""
