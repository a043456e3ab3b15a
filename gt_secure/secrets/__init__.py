"""One recogniser of secrets: for masks, the save guard and the checks of notebooks.

``kinds.json`` lists the kinds, with a source, an example and a counter-example each. :func:`redact` masks the secrets
of a text, :func:`find_secrets` finds those of a notebook. Needs nothing but the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attach

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


__all__, __getattr__, __dir__ = attach(__name__)
