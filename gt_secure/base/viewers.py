"""Viewer tags: a signed query parameter that names the person for whom a presigned URL was signed.

S3 ignores query parameters that begin with ``x-`` and writes them into the access log (S3 User
Guide, *Amazon S3 server access log format*, "Custom access log information"). Signature version 4
covers every parameter of the query (S3 API Reference, *Authenticating Requests: Using Query
Parameters*), so that the holder of a URL can neither remove nor change the tag. Signature version 2
covers only a few named parameters: there anybody can.
"""

from __future__ import annotations

import hashlib
import hmac

from .errors import InvalidInput, refuse_url

VIEWER = "x-viewer"
"""The query parameter of a viewer tag."""
CLAIMED = " (claimed)"
"""End of every tag in a log that nothing proves to be signed."""
LONGEST, SHORTEST_KEY = 128, 16
TRIAL = "trial:"
"""Beginning of the tag of a trial link, which the name of a workteam follows."""


def viewer_tag(viewer: object, key: str | bytes | None = None) -> str:
    """Return the tag of a viewer: the text itself, or with a key its keyed hash, 32 hexadecimal
    digits.

    Raises InvalidInput for a text that a log could not give back, or a key of fewer than 16 bytes.
    """
    refuse_url(viewer, "viewer", "a name or an id")
    text = str(viewer)
    if not text.strip() or len(text) > LONGEST or not text.isprintable() or text.endswith(CLAIMED):
        raise InvalidInput(
            f"A viewer is a text of 1 to {LONGEST} printable characters that does not end with"
            f" '{CLAIMED.strip()}'.",
            next_step="Pass an id of the person, and viewer_key= to keep it out of the logs.",
            field="viewer",
        )
    if key is None:
        return text
    secret = key.encode() if isinstance(key, str) else key
    if len(secret) < SHORTEST_KEY:
        raise InvalidInput(
            f"The key of viewers needs at least {SHORTEST_KEY} bytes: with a short one, names can"
            " be guessed.",
            next_step="Use 32 random bytes from a secret store, such as secrets.token_bytes(32).",
            field="viewer_key",
        )
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:32]


def viewer_session(tag: str) -> str:
    """Return the name of the session that signs for a viewer,
    which a policy can refuse (``aws:userid``).
    """
    return f"gt-viewer-{hashlib.sha256(tag.encode()).hexdigest()[:22]}"


def trial_tag(team: str, person: str | None = None) -> str:
    """Return the tag of a trial link for a workteam, and for the tag of one of its people."""
    return viewer_tag(f"{TRIAL}{team}" if person is None else f"{TRIAL}{team}:{person}")


def trial_team(tag: str) -> str:
    """Return the workteam that a trial link was signed for; empty for every other tag."""
    return tag.removeprefix(TRIAL).partition(":")[0] if tag.startswith(TRIAL) else ""
