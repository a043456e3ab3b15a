"""The difference of two exposures: who can open the objects now, and after a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import html as markup
from ...access.exposure_text import sets_fold
from ...access.matrix import Matrix, matrix_html, matrix_of
from ...html import Markup

if TYPE_CHECKING:
    from ..plan import Plan


def plan_matrix(plan: Plan) -> Matrix:
    """Return the answers of a plan, now and after it."""
    return matrix_of((each.before, each.after) for each in plan.exposure)


def exposure_table(plan: Plan) -> Markup:
    """Return the matrix of who can open, now and after the plan, with the exact sets in a fold."""
    if not plan.exposure:
        return Markup("")
    bucket = plan.restriction.bucket
    place = f"{bucket}/{plan.restriction.prefix}" if bucket else "the images"
    caption = markup.join("Who can open ", markup.code(place, 90), " now" if plan.empty else " after this plan", "?")
    exact = "Exact for all IPv4 and IPv6 addresses and endpoints, predicted from the policies that this role can read."
    return markup.join(matrix_html(plan_matrix(plan), caption), markup.hint(exact), sets_fold(plan.after))
