"""The source of a copy, in which S3 reads ``+`` as a blank, as in a query; the emulator keeps the sign.

Clients that encode the header like a query rely on it, and those that do not encode a ``+`` of a key get ``NoSuchKey``
(github.com/aws/aws-cli, issue 614).
"""

from __future__ import annotations

from .http import Scope

_HEADER = b"x-amz-copy-source"


def with_blanks(scope: Scope) -> Scope | None:
    """Return the scope with blanks in place of ``+``, or None if the request has no such source."""
    headers = [(name, value.replace(b"+", b"%20") if name == _HEADER else value) for name, value in scope["headers"]]
    return None if headers == list(scope["headers"]) else {**scope, "headers": headers}
