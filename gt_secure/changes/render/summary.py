"""A plan in at most twelve lines: today and after, changes, questions, and the command that
applies it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import permutations
from typing import TYPE_CHECKING, Any

from ...base import html as markup
from ...base.columns import wrapped
from ...base.html import Markup
from ...base.text import count, printable, some
from ...engine.access.access_words import addresses, endpoints
from ...engine.access.answer import claim_of
from ...engine.access.difference import moved
from ...engine.iam.request_space import WORDS
from ...restriction.messages import notices
from ..change import Change, is_change_of
from ..targets import TeamUrlLock

if TYPE_CHECKING:
    from ...engine.access.source_sets import SourceSet
    from ...restriction.messages import Notice
    from ..plan import Plan

_LINES = 8
"""Lines of a summary, without its headlines, the count of what is left out, and the command."""
_NEW_WORD = re.compile(f"→ ({'|'.join(WORDS)})")
_WORDS = 16
"""Words of the sentence of a notice that is shown; the title of a longer one replaces it."""
_ASKED_FOR = ("application-", "age-limit-", "signers-limits", "bucket-elsewhere")
"""Starts of the codes of notes that an option asks for, or that say where the bucket is."""
_CHANGED = {"bucket-guard": "presigned", "url-lock": "forwarded"}
"""The request whose answers each lock is for."""


def summary(plan: Plan) -> list[str]:
    """Return the lines of a plan below its headline: the changes (+ or -), what stops it (✕) or
    asks (?), warnings (!), and how much is left out.
    """
    lines = [
        f"  {'+' if each.protects else '-'} {each.title}: {_effect(plan, each)}"
        for each in plan.changes
    ] or ["Nothing to change."]
    asked = questions(plan)
    room = max(0, _LINES - len(lines) - len(asked))
    readings = [*_readings(plan)][:room]
    notes = [*_notes(plan)][: room - len(readings)]
    left = len(plan.notices) + len(plan.findings) - len(asked) - len(notes)
    more = [f"  … {count(left, 'more note')}"] if left > 0 else []
    return [
        printable(line)
        for line in [*lines, *asked, *(f"  ! {each}" for each in (*readings, *notes)), *more]
    ]


def questions(plan: Plan) -> list[str]:
    """Return the lines of what stops a plan (✕) or asks (?), with the option that answers it."""
    asked = [f"  ✕ {each} [{each.code}]" for each in plan.blockers if each not in plan.asks]
    for each in plan.asks:
        is_general = each.consent.startswith("I understand the risk.")
        agreed = "Accept" if is_general else f'Agree "{each.consent}"'
        asked.append(f"  ? {_short(each)} {agreed}: --confirm {each.code}")
    return asked


def summary_text(plan: Plan, room: int | None = None) -> str:
    """Return the subject of a plan and its summary for a terminal."""
    state = plan.state
    head = f"Plan for {subject(plan)} (account {state.account_id}, {state.region})"
    lines = filter(None, [head, today_and_after(plan), *summary(plan)])
    return "".join(f"{part}\n" for line in lines for part in wrapped(line, 6, room))


def summary_html(plan: Plan, signs: str = "") -> Markup:
    """Return the summary of a plan as HTML, with the new answers in bold type and one colour;
    with ``signs`` only the lines that begin with one of them.
    """
    tone = "plain" if plan.access is None else plan.access.after.chip.tone
    tone = "warn" if tone == "ok" and plan.asks else tone
    head = markup.notice(
        tone, markup.text(today_and_after(plan) or f"Plan for {subject(plan)}", 900)
    )
    lines = [line for line in summary(plan) if line.strip()[0] in signs or not signs]
    items = "<br>".join(markup.text(line.strip(), 900) for line in lines)
    items = _NEW_WORD.sub(r"→ <b>\1</b>", items)
    return Markup(f'{head}<p class="gts-sum">{items}</p>')


def can_be_applied(plan: Plan) -> bool:
    """Return whether a plan changes something, and each of its blockers can be confirmed."""
    return not plan.empty and all(each.confirmable for each in plan.blockers)


def today_and_after(plan: Plan) -> str:
    """Return who can open the objects of the whole bucket, today and after a plan;
    empty without a bucket.
    """
    if plan.access is None:
        return ""
    if not plan.access.changes:
        return f"Today and after: {plan.access.after.text}"
    return f"Today: {plan.access.before.text} After: {plan.access.after.text}"


def subject(plan: Plan) -> str:
    """Return the team and bucket of a plan."""
    wanted = plan.restriction
    parts = [f"workteam {wanted.team}"] if wanted.team else []
    if wanted.bucket:
        under = wanted.prefix and f" under {wanted.prefix}"
        parts.append(f"bucket {wanted.bucket}{under}")
    return printable(" and ".join(parts) or "the worker portal")


def _notes(plan: Plan) -> Iterator[str]:
    """Yield the warnings, notes and findings that a person should know before Apply."""
    for each in plan.notices:
        if each not in plan.asks and (
            each.severity == "warning" or each.code.startswith(_ASKED_FOR)
        ):
            yield f"{_short(each)} [{each.code}]"
    for finding in plan.findings:
        if finding.accepted is None and finding.severity == "high":
            yield f"{finding.title}. [{finding.code}]"


def _readings(plan: Plan) -> Iterator[str]:
    """Yield what the log says of a plan, or which one to read, and what was not read."""
    bucket = plan.state.bucket
    if plan.dry_run is not None:
        yield plan.dry_run.sentence
    elif plan.changes and bucket is not None and not plan.evidence:
        place = bucket.logging.if_read
        source = "SOURCE" if place is None else place.uri
        yield f"No access log was read: --logs {source} tries the plan on it."
    if missing := plan.state.missing():
        yield f"Not read: {some([f'{part.what} ({part.action})' for part in missing], 2)}."


def _short(notice: Notice) -> str:
    """Return a notice in few words: its first sentence, or the title of one with more words."""
    first = notice.text.partition(". ")[0].rstrip(".") + "."
    if len(first.split()) <= _WORDS or notice.severity == "info":
        return first
    code, _, named = notice.code.partition(":")
    if (row := notices().get(code)) is None:
        return notice.text
    about = "" if named else some(notice.about, 3)
    return f"{row['title']}{about and f' ({about})'}."


def _effect(plan: Plan, change: Change[Any]) -> str:
    """Return which answers a change moves, and from where; otherwise the value before and after.

    Of a URL lock whose setting is replaced, it is the settings.
    """
    if is_change_of(change, TeamUrlLock) and change.before.on and change.after.on:
        return f"{change.before.mode} → {change.after.mode}."
    is_guard, prefix = change.kind == "bucket-guard", plan.restriction.prefix
    under = f" under {prefix}" if is_guard and prefix else ""
    moves = [
        f"{was} → {now}{under} for {claim_of(row.request, has_team=False)}"
        f"{_origin(sources, row.before.labels | row.after.labels)}."
        for row in plan.exposure
        if row.request == _CHANGED.get(change.kind)
        for was, now in permutations(WORDS, 2)
        if not (sources := moved(row.before, row.after, was, now)).is_empty
    ]
    if moves and is_guard and plan.restriction.guard == "reads":
        moves.append("It spares presigned uploads.")
    return " ".join(moves) or f"{change.before_text} → {change.after_text}."


def _origin(sources: SourceSet, labels: frozenset[str]) -> str:
    """Return from where sources send requests, in words; empty for everywhere."""
    named = addresses(sources.spans)
    behind = endpoints(sources.endpoints, labels, others=sources.other_endpoints)
    if (named, behind) == ("all addresses", "all endpoints"):
        return ""
    parts = (named and f"from {named}", behind and f"through {behind}")
    return f", {', and '.join(filter(None, parts))}".replace("all endpoints", "all VPC endpoints")
