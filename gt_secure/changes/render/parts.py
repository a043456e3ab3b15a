"""The parts of a plan as HTML: one renderer for notebooks, the page for an approver, and the panel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ... import html as markup
from ...access.answer import tone
from ...findings.accepted import accepted_fold
from ...html import Chip, Markup, count
from ..services import LOGGED
from .infrastructure_code import to_cli
from .text import MOST_USAGES

if TYPE_CHECKING:
    from ...access.answer import Answer
    from ...findings.model import Finding
    from ...restriction.messages import Notice
    from ..change import Change
    from ..plan import Plan
    from ..services import SimulatedRequest
    from ..transaction import Applied

_SCENES = {
    "worker": "a worker of the team",
    "presigned": "anybody with a presigned URL",
    "S3 console": "a download in the S3 console",
    "Object Lambda": "the function of an S3 Object Lambda",
    "Ground Truth": "the back end of Ground Truth",
    "log delivery": "log delivery",
    "caller": "yourself",
}
_NAMED = 10
"""Most sources of the access log that are shown outside the fold."""


def changes_table(plan: Plan) -> Markup:
    """Return the table of changes with before, after and those affected."""
    if plan.empty:
        return markup.notice("ok", "Nothing to change:", "the account already matches the restriction.")
    rows = [_change_row(change) for change in plan.changes]
    return markup.table(("Change", "Now", "After", "Affects"), rows, caption="What will change")


def lists(plan: Plan) -> Markup:
    """Return the table of the lists that AWS keeps, with their ranges."""
    rows = [
        (
            markup.join(markup.code(each.name, 160), markup.hint(markup.text(each.title, 200)) if each.title else ""),
            each.version,
            markup.text(", ".join(map(str, each.networks)) or "no range", 600),
        )
        for each in plan.restriction.managed
    ]
    return markup.table(("List", "Version", "Ranges"), rows, caption="Lists of the restriction") if rows else Markup("")


def _change_row(change: Change[Any]) -> tuple[object, ...]:
    affects = Markup("<br>".join(markup.text(each, 300) for each in change.affects) or "nobody else")
    name = markup.join(markup.text(change.target.title), markup.hint(markup.text(change.name, 80)))
    return name, markup.text(change.before_text, 300), Chip(_change_tone(change), change.after_text), affects


def _change_tone(change: Change[Any]) -> markup.Tone:
    return "ok" if change.protects else "no"


def logged_sources(plan: Plan) -> Markup:
    """Sources that the access log names, now and after, and which lock decides."""
    rows = [row for row in plan.simulation if row.why == LOGGED]
    if not rows:
        return Markup("")
    more = f"{count(len(rows) - _NAMED, 'more source')}: see all sources and services." if len(rows) > _NAMED else ""
    return markup.join(_access(rows[:_NAMED], "Sources that the access log shows"), markup.hint(more) if more else "")


def dry_run(plan: Plan) -> Markup:
    """Return the guard tried on the requests of the log, by signer and application."""
    tried = plan.dry_run
    if tried is None:
        return Markup("")
    tone: markup.Tone = "warn" if tried.refused or tried.unknown or tried.first is None else "ok"
    said = markup.notice(tone, "Tried on the log:", markup.text(tried.sentence, 900))
    rows = [
        (
            markup.text(usage.signer, 120),
            markup.text(usage.application, 80),
            f"{usage.refused:,}",
            f"{usage.requests:,}",
        )
        for usage in tried.refused_usages[:MOST_USAGES]
    ]
    head = ("Signed by", "Application", "Refused", "Of")
    return (
        markup.join(said, markup.table(head, rows, caption="Requests that would have been refused")) if rows else said
    )


def named_access(plan: Plan) -> Markup:
    """Sources that the access log names, and services of AWS, now and after."""
    rows = plan.simulation
    return _access(rows, "Sources in the access log, and services of AWS") if rows else Markup("")


def _access(rows: Sequence[SimulatedRequest], caption: str) -> Markup:
    head = ("Source", "Request", "Now", "After", "Decided by")
    return markup.table(head, list(_together(rows)), caption=caption, classes="gts-access")


def _together(rows: Sequence[SimulatedRequest]) -> Iterator[tuple[object, ...]]:
    requests: dict[tuple[str, str, Chip, Chip, Markup], list[str]] = {}
    for row in rows:
        decided = _decided(row.after if row.after.answer != "opened" else row.now)
        same = (row.source, row.why, answer_chip(row.now), answer_chip(row.after), decided)
        requests.setdefault(same, []).append(_SCENES[row.scene])
    sources: dict[tuple[str, Chip, Chip, Markup], list[Markup]] = {}
    for (source, why, now, after, decided), scenes in requests.items():
        named = markup.join(markup.code(source, 120), " ", markup.hint(markup.text(why, 200)))
        sources.setdefault((", ".join(scenes), now, after, decided), []).append(named)
    for (scene, now, after, decided), names in sources.items():
        yield markup.join(*names), scene, now, after, decided


def _decided(answer: Answer) -> Markup:
    return markup.text("no lock refuses it" if answer.answer == "opened" else answer.cause, 300)


def answer_chip(answer: Answer) -> Chip:
    """Return the answer as a chip whose colour means security: green is a worker served, yellow one refused."""
    return Chip(tone(answer.answer, stranger=False), answer.answer)


_NOTICES: dict[str, tuple[markup.Tone, str]] = {
    "blocker": ("no", "Stops:"),
    "warning": ("warn", "Warning:"),
    "info": ("plain", "Note:"),
}
_FINDINGS: dict[str, markup.Tone] = {"critical": "no", "high": "no", "medium": "warn"}


def warnings(plan: Plan) -> Markup:
    """Return blockers, warnings, and findings that weaken the restriction."""
    shown = [_notice(*_NOTICES[each.severity], each) for each in plan.notices if each.severity != "info"]
    shown += [_finding(each) for each in plan.findings if each.severity in _FINDINGS and each.accepted is None]
    return markup.join(*shown, unseen(plan))


def remarks(plan: Plan) -> Markup:
    """Return notes and lower-severity findings."""
    shown = [_notice(*_NOTICES[each.severity], each) for each in plan.notices if each.severity == "info"]
    shown += [_finding(each) for each in plan.findings if each.severity not in _FINDINGS and each.accepted is None]
    return markup.join(*shown)


def accepted(plan: Plan) -> Markup:
    """Return the fold with the accepted findings."""
    findings = [each for each in plan.findings if each.accepted is not None]
    return accepted_fold(findings) if findings else Markup("")


def _notice(tone: markup.Tone, title: str, notice: Notice) -> Markup:
    said = markup.join(markup.text(f"{notice.text} {notice.fix}".strip(), 1000), " ", markup.code(notice.code))
    return markup.notice(tone, title, said)


def _finding(finding: Finding) -> Markup:
    text = " ".join(part for part in (finding.acceptance_text, finding.why, finding.fix) if part)
    said = markup.join(markup.text(text, 1200), " ", markup.code(finding.code))
    return markup.notice(_FINDINGS.get(finding.severity, "plain"), markup.text(f"{finding.title}.", 300), said)


def unseen(plan: Plan) -> Markup:
    """Return the parts that could not be read; a warning only where an answer depends on them."""
    parts = plan.state.missing()
    if not parts:
        return Markup("")
    named = "; ".join(f"{part.what}" + (f" (needs {part.action})" if part.action else "") for part in parts)
    unknown = any("unknown" in (row.now.answer, row.after.answer) for row in plan.simulation)
    unknown = unknown or any(not row.unknown.is_empty for row in plan.after)
    if not unknown:
        return markup.hint(markup.text(f"Could not read: {named}.", 900))
    return markup.notice(
        "warn",
        "Could not read:",
        markup.text(f"{named}. Whatever depends on it is 'unknown' above, never 'opened'.", 900),
    )


def _missing_rights(plan: Plan) -> Markup:
    policies = [part.policy for part in plan.state.missing() if part.policy]
    statements = [statement for policy in policies for statement in policy.get("Statement", ())]
    return markup.pre({"Version": "2012-10-17", "Statement": statements}) if statements else Markup("")


def assumed(plan: Plan, *, fold: bool = True) -> Markup:
    """Return what the answers take for granted about policies that were not read."""
    sentences = " ".join(plan.after.locks.assumed_of_organization)
    if not sentences:
        return Markup("")
    return markup.fold("Assumed", markup.text(sentences, 400)) if fold else markup.hint(f"Assumed: {sentences}")


def folds(plan: Plan) -> Markup:
    """Return the optional details: samples, notes, lower-severity findings, other tools, permissions."""
    notes = remarks(plan)
    calls = [call.to_dict() for call in plan.calls]
    rights = _missing_rights(plan)
    parts = [
        assumed(plan),
        markup.fold(f"All {count(len(plan.simulation), 'source and service', 'sources and services')}", sources)
        if (sources := named_access(plan))
        else "",
        markup.fold("Notes and lower-severity findings", notes) if notes else "",
        accepted(plan),
        markup.fold("AWS CLI commands", markup.pre(to_cli(plan))) if plan.changes else "",
        markup.fold("Calls as JSON", markup.pre(json.dumps(calls, indent=2, default=str))) if calls else "",
        markup.fold("Permissions to apply and undo", markup.pre(plan.permissions)) if calls else "",
        markup.fold("Permissions for unreadable parts", rights) if rights else "",
    ]
    return Markup(f'<div class="gts-folds">{"".join(parts)}</div>')


def expectations(plan: Plan) -> Markup:
    """Return the table of expectations and whether they would hold."""
    if not plan.expectations:
        return Markup("")
    rows = []
    for proof in plan.expectations:
        for each in proof.answers:
            broken = each in proof.broken
            said = f"{each.answer}, {'not as expected' if broken else 'as expected'}"
            chip = Chip("no" if broken else "ok", said)
            rows.append((markup.code(each.source), proof.kind, chip, markup.text(each.cause, 300)))
    return markup.table(("Source", "Expected", "Would be", "Reason"), rows, caption="Expectations")


def applied_notice(applied: Applied) -> Markup:
    """Return the notice about the result of an apply or undo."""
    said = {
        "applied": "Applied and read back.",
        "undone": "Undone: the account is as before.",
        "nothing to do": "Nothing to do.",
        "rolled back": "Rolled back: the account is as before.",
        "overtaken": "Rolled back, except for a simultaneous write of somebody else.",
        "in doubt": "Outcome unknown: check each step.",
    }[applied.outcome]
    tone: markup.Tone = (
        "ok" if applied.outcome in ("applied", "undone", "nothing to do") and applied.certain else "warn"
    )
    steps = "; ".join(
        f"{step.title} of {step.target}: {step.outcome}" + (f" ({step.detail})" if step.detail else "")
        for step in applied.steps
    )
    recorded = f" Change {applied.id}." if applied.id else ""
    return markup.notice(tone, said, markup.text(f"{steps}.{recorded}" if steps else recorded, 600))
