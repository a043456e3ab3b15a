"""One recogniser of secrets: for masks, the secret check and the checks of notebooks.

``kinds.json`` lists the kinds, with a source, an example and a counter-example each. :func:`redact`
masks the secrets of a text, :func:`find_secrets` finds those of a notebook. Needs nothing but the
standard library, so it may be copied elsewhere by itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .masks import (
        decoded as decoded,
        holds_presigned_url as holds_presigned_url,
        holds_secret as holds_secret,
        redact as redact,
        redact_data as redact_data,
    )
    from .notebooks import (
        SavedSecret as SavedSecret,
        find_secrets as find_secrets,
        mask_secrets as mask_secrets,
        mask_text as mask_text,
        secrets_of_text as secrets_of_text,
    )
    from .save_check import SaveCheck as SaveCheck, SecretInNotebook as SecretInNotebook


_HOMES = {
    "masks": ("decoded", "holds_presigned_url", "holds_secret", "redact", "redact_data"),
    "notebooks": ("SavedSecret", "find_secrets", "mask_secrets", "mask_text", "secrets_of_text"),
    "save_check": ("SaveCheck", "SecretInNotebook"),
}
__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f".{home}", __name__), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
