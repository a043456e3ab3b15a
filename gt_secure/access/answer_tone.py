"""The colour of an answer: it means security for the owner of the images, the same on every surface."""

from __future__ import annotations

from ..html import Tone


def answer_tone(opened: bool | None, stranger: bool | None) -> Tone:
    """Return the tone of an answer.

    Parameters
    ----------
    opened : bool or None
        The answer; None if it is unknown.
    stranger : bool or None
        Whether the request is one that nobody wants, such as a forwarded URL; None if that is unknown.

    Returns
    -------
    Tone
        ``ok`` for a worker served or a stranger refused, ``no`` for an open hole, ``warn`` for a worker refused or an
        unknown answer, ``plain`` where only the answer is known.
    """
    if opened is None:
        return "warn"
    if stranger is None:
        return "plain"
    if opened:
        return "no" if stranger else "ok"
    return "ok" if stranger else "warn"
