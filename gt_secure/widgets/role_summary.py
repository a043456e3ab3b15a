"""Missing permissions for the job of the panel, with the reasons and one policy in a fold."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ..base import html as markup
from ..base.errors import InvalidInput
from ..base.html import Markup
from ..restriction.files import hand_over

if TYPE_CHECKING:
    from ..doctor import Diagnosis, FeatureState
    from ..restriction.model import Restriction

NEEDED = ("teams", "guard", "url-lock", "sign", "hits")
"""Features of the panel's job, from the choice of a team or bucket to its requests."""


def missing(found: Diagnosis) -> list[FeatureState]:
    """Return the features of the job that this role cannot use."""
    return [each for each in found.features if each.status == "no" and each.feature.name in NEEDED]


def role_markup(found: Diagnosis, wish: Restriction | None = None, denied: str = "") -> Markup:
    """Return what is missing for the job, with the reasons and one text to hand over;
    empty where nothing is.
    """
    lacking, wrong = missing(found), [fact.name for fact in found.facts if fact.mark == "wrong"]
    if not lacking and not wrong and not denied:
        return Markup("")
    parts = (
        [f"Your role cannot {', '.join(each.feature.title for each in lacking)}"] if lacking else []
    )
    parts += [f"AWS denied {denied}"] if denied else []
    parts += [f"Needs fixing: {', '.join(wrong)}"] if wrong else []
    said = markup.text(f"{'. '.join(parts)}.", 400)
    shown = f'<span class="gts-role-sign gts-warn" aria-hidden="true">!</span>{said}'
    return _line(
        Markup(
            f'<details class="gts-fold"><summary>{shown}</summary>'
            f"{_details(found, wish, bool(denied))}</details>"
        )
    )


def _details(found: Diagnosis, wish: Restriction | None, is_denied: bool) -> Markup:
    rows = [(each.feature.title, markup.text(each.why, 600)) for each in missing(found)]
    caption = markup.text(f"What {found.caller} cannot use here", 300)
    table = markup.table(("Feature", "Why"), rows, caption=caption, classes="gts-loose")
    facts = [f"{fact.name}: {fact.value}. {fact.said}" for fact in found.facts if fact.mark != "ok"]
    notes = markup.join(*(markup.hint(markup.text(each, 300)) for each in facts))
    source = markup.hint(
        "AWS denied these reads. The doctor tries no write. The command gt-secure doctor shows the"
        " same."
    )
    shown = (table, source) if rows else ()
    return markup.join(*shown, notes, _policy(found, wish) if rows or is_denied else "")


def _policy(found: Diagnosis, wish: Restriction | None) -> Markup:
    """Return one policy for the whole job, as far as its resources are known; with a wish,
    all that is handed over.
    """
    named = []
    for state in found.features:
        if state.feature.name in NEEDED:
            # it needs a bucket or log that is not known: no wildcard for it
            with contextlib.suppress(InvalidInput):
                found.policy([state.feature.name])
                named.append(state.feature.name)
    if not named:
        return Markup("")
    policy = found.policy(named)
    title = f"One policy for the whole job: {', '.join(named)}"
    given = (
        markup.fold("Hand over, in one paste", markup.pre(hand_over(wish, policy)))
        if wish is not None
        else ""
    )
    return markup.join(given, markup.fold(title, markup.pre(policy)))


def _line(content: Markup) -> Markup:
    return Markup(f'<div class="gts-role" role="status" aria-live="polite">{content}</div>')
