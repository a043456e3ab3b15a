"""Consent of a test to the warnings that a plan of the sandbox has,
such as that of the workforce with two portals.
"""

from __future__ import annotations

from functools import partial

import ipywidgets

from gt_secure.changes.apply import apply
from gt_secure.restriction.messages import notices
from gt_secure.widgets.review_step import ReviewStep

TEAMS = ("radiology-team", "open-team", "vpc-team", "north-team", "south-team")
"""The workteams of the sandbox, which a warning may ask about by name."""
AGREED = [
    word
    for code, row in notices().items()
    if row["severity"] == "warning" and "consent" in row
    for word in dict.fromkeys(row.get("code", code).format(team=team) for team in TEAMS)
]
"""What confirms all warnings that ask; blockers are confirmed where a test expects them."""
apply_agreed = partial(apply, confirm=AGREED)
"""Apply a plan with that consent."""


def boxes(review: ReviewStep) -> list[ipywidgets.Checkbox]:
    """Return the check boxes of what a person agrees to before Apply."""
    asks = (each for ask in review.confirms.children for each in getattr(ask, "children", ()))
    return [each for each in asks if isinstance(each, ipywidgets.Checkbox)]


def agree(*reviews: ReviewStep) -> None:
    """Tick every box of the panel."""
    for box in (each for review in reviews for each in boxes(review)):
        box.value = True


def undo(review: ReviewStep) -> None:
    """Press Undo, agree to what it asks, and then press the button that carries it out."""
    review.undo()
    agree(review)
    review.apply()
