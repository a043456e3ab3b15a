"""The mask of secrets, handed in by the package that joins the parts.

Errors, logs and the sandbox mask what they show, and recognise no secret themselves. Importing
:mod:`gt_secure`, which comes before every import of a module below it, hands in
:mod:`gt_secure.secrets`. The first text that needs it loads it. A part that was copied alone has no
such mask: there, a text with a sign of a secret is left out as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import unquote

from .handed import handed

LEFT_OUT = "(left out: it may hold a secret)"
"""What stands for a text with a sign of a secret where no mask was handed in."""

_PRESIGNED = re.compile(
    r"(?:x-amz-(?:signature|algorithm|security-token|credential)|awsaccesskeyid)=", re.IGNORECASE
)
_SIGN = re.compile(
    r"(?:x-amz-(?:signature|credential)|awsaccesskeyid|signature|credential|token|secret(?:[-_]?access)?[-_]?key"
    r"|passw(?:or)?d|authorization)[\"'\\]*\s*(?:[=:]|\\u003d)|(?<![A-Z0-9])A[KS]IA[A-Z0-9]{16}",
    re.IGNORECASE,
)


class Mask(Protocol):
    """Whatever masks secrets, such as the module :mod:`gt_secure.secrets.masks`."""

    def redact(self, text: object) -> str:
        """Mask the secrets in a text."""

    def redact_data(self, data: Any) -> Any:
        """Mask the secrets in JSON-able data."""

    def holds_presigned_url(self, text: object) -> bool:
        """Return whether a text has the query of a presigned URL in it."""


class _LeftOut:
    """The mask of a part that was copied alone: it leaves out more than the secret."""

    def redact(self, text: object) -> str:
        shown = str(text)
        return LEFT_OUT if _SIGN.search(_decoded(shown)) else shown

    def redact_data(self, data: Any) -> Any:
        if isinstance(data, bytes):
            text = data.decode("latin-1")
            return data if self.redact(text) == text else LEFT_OUT.encode()
        if isinstance(data, Mapping):
            return {
                self.redact_data(name): self._member(name, value) for name, value in data.items()
            }
        if isinstance(data, list | tuple | set | frozenset):
            return [self.redact_data(item) for item in data]
        return self.redact(data) if isinstance(data, str) else data

    def _member(self, name: object, value: Any) -> Any:
        if isinstance(value, str) and self.redact(f"{name}={value}") == LEFT_OUT:
            return LEFT_OUT
        return self.redact_data(value)

    def holds_presigned_url(self, text: object) -> bool:
        return bool(_PRESIGNED.search(_decoded(str(text))))


def redact(text: object) -> str:
    """Mask the secrets in a text."""
    return _mask().redact(text)


def redact_data(data: Any) -> Any:
    """Mask the secrets in JSON-able data: in every text of lists and mappings, and of names."""
    return _mask().redact_data(data)


def holds_presigned_url(text: object) -> bool:
    """Return whether a text has the query of a presigned URL in it, complete or cut,
    in any spelling.
    """
    return _mask().holds_presigned_url(text)


def _mask() -> Mask:
    try:
        mask: Mask | None = handed("mask")
    except ImportError:  # the interpreter is shutting down
        mask = None
    return mask or _LeftOut()


def _decoded(text: str) -> str:
    while (plain := unquote(text)) != text:
        text = plain
    return text
