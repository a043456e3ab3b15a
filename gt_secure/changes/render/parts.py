"""The parts of a plan as HTML: one renderer for notebooks,
the page for an approver, and the panel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from ...base import html as markup
from ...base.html import Chip, Markup, count
from ...engine.access.answer import tone
from ...engine.access.exposure_text import sets_fold
from ...engine.access.matrix import matrix_html
from ...engine.access.provisos import with_unless
from ...explain.dry_run import METHODS
from ...findings.accepted import accepted_fold
from .infrastructure_code import to_cli
from .text import SOURCES, plan_matrix

if TYPE_CHECKING:
    from ...engine.access.answer import Answer
    from ...engine.access.difference import Difference
    from ...findings.model import Finding
    from ...restriction.messages import Notice
    from ..plan import Plan

_SCENES = {
    "worker": "a worker of the team",
    "presigned": "anybody with a presigned URL",
    "feature of AWS": "a presigned request of AWS itself",
    "Ground Truth": "Ground Truth itself",
    "log delivery": "log delivery",
    "caller": "the person who ran the plan",
}


def changes_table(plan: Plan) -> Markup:
    """Return the table of changes, or the notice that nothing changes."""
    if plan.empty:
        tone = plan.access.after.chip.tone if plan.access is not None else "ok"
        return markup.notice(tone, "Nothing to change:", "the account is already as planned.")
    rows = []
    for change in plan.changes:
        affects = "<br>".join(markup.text(each, 300) for each in change.affects) or "nobody else"
        name = markup.hint(markup.text(change.name, 80))
        rows.append(
            (
                markup.join(markup.text(change.target.title), name),
                markup.text(change.before_text, 300),
                Chip("plain" if change.protects else "no", change.after_text),
                Markup(affects),
            )
        )
    return markup.table(("Change", "Today", "After", "Affects"), rows, caption="What will change")


def lists(plan: Plan) -> Markup:
    """Return the table of the lists that AWS keeps, with their ranges."""
    rows = [
        (
            markup.join(
                markup.code(each.name, 160),
                markup.hint(markup.text(each.title, 200)) if each.title else "",
            ),
            each.version,
            markup.text(", ".join(map(str, each.networks)) or "no range", 600),
        )
        for each in plan.restriction.managed
    ]
    return (
        markup.table(("List", "Version", "Ranges"), rows, caption="Lists of the restriction")
        if rows
        else Markup("")
    )


def exposure_table(plan: Plan) -> Markup:
    """Return the matrix of who can open, now and after the plan, with the exact sets in a fold."""
    if not plan.exposure:
        return Markup("")
    bucket = plan.restriction.bucket
    place = f"{bucket}/{plan.restriction.prefix}" if bucket else "the images"
    caption = markup.join(
        "Who can open ", markup.code(place, 90), " now" if plan.empty else " after this plan", "?"
    )
    exact = (
        "Exact for all IPv4 and IPv6 addresses and endpoints, predicted from the policies that this"
        " role can read."
    )
    hints = map(markup.hint, (*plan.after.names, exact))
    return markup.join(matrix_html(plan_matrix(plan), caption), *hints, sets_fold(plan.after))


def dry_run(plan: Plan) -> Markup:
    """Return the guard tried on the requests of the log, by signer, application and method."""
    tried = plan.dry_run
    if tried is None:
        return Markup("")
    tone: markup.Tone = (
        "warn" if tried.refused or tried.unknown or tried.unread or not tried.first else "ok"
    )
    said = markup.notice(tone, "Tried on the log:", markup.text(tried.sentence, 900))
    rows = [
        (
            markup.text(usage.application, 80),
            METHODS[usage.method][0],
            markup.text(usage.signer, 120),
            markup.text(usage.origin, 200),
            f"{usage.requests:,}",
            f"{usage.refused:,}",
        )
        for usage in tried.usages
    ]
    head = ("Application", "Requests", "Signed by", "From", "Number", "Refused")
    caption = "Presigned requests in the log, and those that would have been refused"
    note = markup.hint(tried.note) if tried.note else ""
    return markup.join(said, markup.table(head, rows, caption=caption), note) if rows else said


def evidence(plan: Plan) -> Markup:
    """Return what the access log shows of the places where the people of each workteam work."""
    return markup.join(
        *(markup.hint(markup.text(f"Access log: {each}", 900)) for each in plan.evidence)
    )


def named_access(plan: Plan) -> Markup:
    """Clients in the access log, and AWS services, now and after."""
    if not plan.simulation:
        return Markup("")
    head = ("Source", "Request", "Today", "After", "Decided by")
    return markup.table(head, _together(plan.simulation), caption=SOURCES)


def _together(rows: Sequence[Difference[Answer]]) -> Iterator[tuple[object, ...]]:
    """Yield a row for all sources that get the same answers to one kind of request."""
    named: dict[tuple[str, Chip, Chip, Markup], list[Markup]] = {}
    for row in rows:
        answer = row.after if row.after.answer != "opened" else row.before
        cause = "no lock refuses it" if answer.answer == "opened" else answer.cause
        decided = markup.text(cause, 300)
        same = (_SCENES[row.request], answer_chip(row.before), answer_chip(row.after), decided)
        why = markup.hint(markup.text(row.why, 200))
        named.setdefault(same, []).append(markup.join(markup.code(row.source, 120), " ", why))
    for (scene, now, after, decided), sources in named.items():
        yield markup.join(*sources), scene, now, after, decided


def answer_chip(answer: Answer) -> Chip:
    """Return the answer as a chip whose colour means security: green is a worker served,
    yellow one refused.
    """
    return Chip(tone(answer.answer, stranger=False), answer.answer)


_NOTICES: dict[str, tuple[markup.Tone, str]] = {
    "blocker": ("no", "Stops:"),
    "warning": ("warn", "Warning:"),
}
_FINDINGS: dict[str, markup.Tone] = {"critical": "no", "high": "no", "medium": "warn"}


def before_apply(
    plan: Plan, asked: Collection[str] = (), *, loud: Collection[str] = tuple(_FINDINGS)
) -> Markup:
    """Return one list of blockers, warnings, findings and notes, without notices that are asked
    about elsewhere.

    Findings of a severity that is not ``loud`` are in a fold, with the notes; what belongs to the
    chosen application, or says where the bucket is, is not.
    """
    notices = [each for each in plan.notices if each.code not in asked]
    findings = [each for each in plan.findings if each.accepted is None]
    shown = [
        notice_html(each, asks=each in plan.asks) for each in notices if each.severity != "info"
    ]
    shown += [_finding(each) for each in findings if each.severity in loud]
    small = [_finding(each) for each in findings if each.severity not in loud]
    for each in notices:
        if each.severity == "info":
            is_shown = each.code.startswith(("application-", "bucket-elsewhere"))
            (shown if is_shown else small).append(markup.hint(markup.text(str(each), 1000)))
    if small:
        shown.append(markup.fold(count(len(small), "note"), markup.join(*small)))
    return markup.join(*shown)


def accepted(plan: Plan) -> Markup:
    """Return the accepted findings of a plan in a fold; empty without one."""
    findings = [each for each in plan.findings if each.accepted is not None]
    return accepted_fold(findings) if findings else Markup("")


def notice_html(notice: Notice, *, asks: bool) -> Markup:
    """Return a blocker or warning with its code, to look it up."""
    said = markup.join(
        markup.text(f"{notice.text} {notice.fix}".strip(), 1000), " ", markup.code(notice.code)
    )
    tone, label = _NOTICES[notice.severity]
    return markup.notice(tone, "Confirm:" if asks and tone == "warn" else label, said)


def _finding(finding: Finding) -> Markup:
    text = " ".join(part for part in (finding.acceptance_text, finding.why, finding.fix) if part)
    said = markup.join(markup.text(text, 1200), " ", markup.code(finding.code))
    return markup.notice(
        _FINDINGS.get(finding.severity, "plain"), markup.text(f"{finding.title}.", 300), said
    )


def folds(plan: Plan) -> Markup:
    """Return the optional details: samples, accepted findings, other tools, permissions."""
    policies = [part.policy for part in plan.state.missing() if part.policy]
    missing = [statement for policy in policies for statement in policy.get("Statement", ())]
    parts = [
        markup.fold(SOURCES, sources) if (sources := named_access(plan)) else "",
        accepted(plan),
        markup.fold("AWS CLI commands", markup.pre(to_cli(plan))) if plan.changes else "",
        markup.fold("Permissions to apply and undo", markup.pre(plan.permissions))
        if plan.calls
        else "",
        markup.fold(
            "Permissions for unreadable parts",
            markup.pre({"Version": "2012-10-17", "Statement": missing}),
        )
        if missing
        else "",
    ]
    return Markup(f'<div class="gts-folds">{"".join(parts)}</div>')


def expectations(plan: Plan) -> Markup:
    """Return the table of expectations with the predicted answers; empty without one."""
    if not plan.expectations:
        return Markup("")
    rows = []
    for proof in plan.expectations:
        for each in proof.answers:
            broken = each in proof.broken
            said = f"{each.answer}, {'not as expected' if broken else 'as expected'}"
            chip = Chip("no" if broken else "ok", said)
            why = markup.text(with_unless(each.cause, each.unless), 300)
            rows.append((markup.code(each.source), proof.kind, chip, why))
    return markup.table(("Source", "Expected", "Would be", "Reason"), rows, caption="Expectations")
