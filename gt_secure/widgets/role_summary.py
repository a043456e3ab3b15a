"""The panel's first line: what this role can use here, with the reasons and the missing policy in a fold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..base import html as markup
from ..base.errors import GtSecureError, InvalidInput
from ..base.groups import grouped
from ..base.html import Chip, Markup
from ..base.text import capital

if TYPE_CHECKING:
    from ..doctor import Diagnosis, FeatureState
    from ..doctor.probing import StatusWord

WAITING = "Checking what this role can use…"

_CHIPS: dict[StatusWord, Chip] = {
    "yes": Chip("ok", "can be used"),
    "no": Chip("no", "cannot be used"),
    "unknown": Chip("plain", "unknown"),
}


def waiting() -> Markup:
    """Return the placeholder until the answer is there, so that nothing moves when it is."""
    return _line(markup.hint(WAITING))


def not_known(error: GtSecureError) -> Markup:
    """The line when the role could not be looked at: quiet, since the step that suffers shows the error itself."""
    return _line(markup.hint(markup.text(f"What this role can use is unknown: {error.message}", 300)))


def role_markup(found: Diagnosis) -> Markup:
    """Return the line on what the role can use, with the reasons in a fold."""
    sign, tone = ("✓", "ok") if all(each.status == "yes" for each in found.features) else ("i", "plain")
    if any(each.status == "no" for each in found.features) or _wrong(found):
        sign, tone = "!", "warn"
    said = markup.text(headline(found), 400)
    shown = f'<span class="gts-role-sign gts-{tone}" aria-hidden="true">{sign}</span>{said}'
    return _line(Markup(f'<details class="gts-fold"><summary>{shown}</summary>{_details(found)}</details>'))


def headline(diagnosis: Diagnosis) -> str:
    """One line: the number of available features, and what the others need."""
    by_status: dict[StatusWord, list[FeatureState]] = {"yes": [], "no": [], "unknown": []}
    for each in diagnosis.features:
        by_status[each.status].append(each)
    parts = [f"{len(by_status['yes'])} of {len(diagnosis.features)} features are available"]
    if by_status["no"]:
        parts.append(f"Permissions are missing for {_names(by_status['no'])}")
    by_choice = grouped((_waits_for(each), each) for each in by_status["unknown"])
    unknown = by_choice.pop("", [])
    parts += [f"To use {_names(states)}, {choice}" for choice, states in by_choice.items()]
    parts += [f"Unknown: {_names(unknown)}"] if unknown else []
    parts += [f"Needs fixing: {', '.join(_wrong(diagnosis))}"] if _wrong(diagnosis) else []
    return ". ".join(parts) + "."


def _names(states: Iterable[FeatureState]) -> str:
    return ", ".join(each.feature.name for each in states)


def _wrong(found: Diagnosis) -> list[str]:
    return [fact.name for fact in found.facts if fact.mark == "wrong"]


def _waits_for(state: FeatureState) -> str:
    """Return the choice in the panel that is needed first; empty if a choice would not help."""
    unnamed = {each.permission.target for each in state.lacking if each.resource is None}
    if unnamed & {"bucket", "objects"}:
        return "choose a bucket"
    if "role" in unnamed:
        return "choose a role to sign with"
    return "choose a log location" if unnamed else ""


def _details(found: Diagnosis) -> Markup:
    rows = [(each.feature.title, _CHIPS[each.status], markup.text(_why(each), 600)) for each in found.features]
    caption = markup.text(f"What {found.caller} can use here", 300)
    table = markup.table(("Feature", "This role", "Why"), rows, caption=caption, classes="gts-loose")
    facts = [f"{fact.name}: {fact.value}. {fact.said}" for fact in found.facts if fact.mark != "ok"]
    notes = markup.join(*(markup.hint(markup.text(each, 300)) for each in facts))
    source = markup.hint(
        "Reads were tried; writes are predicted by IAM, and nothing was changed. The same: gt-secure doctor."
    )
    return markup.join(table, source, notes, _policy(found))


def _why(state: FeatureState) -> str:
    waits = _waits_for(state) if state.status == "unknown" else ""
    return f"{capital(waits)} to find out." if waits else state.why


def _policy(found: Diagnosis) -> Markup:
    """Return the policy for what is refused, where the resources are known."""
    named = []
    for state in found.features:
        if state.status == "no":
            with contextlib.suppress(InvalidInput):  # it needs a bucket or log that is not known: no wildcard for it
                found.policy([state.feature.name])
                named.append(state.feature.name)
    if not named:
        return Markup("")
    return markup.fold(f"Policy for the administrator: {', '.join(named)}", markup.pre(found.policy(named)))


def _line(content: Markup) -> Markup:
    return Markup(f'<div class="gts-role" role="status" aria-live="polite">{content}</div>')
