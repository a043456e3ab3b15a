"""A plan as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...base.columns import lay_out, wrapped
from ...base.groups import grouped
from ...base.text import count, printable, some
from ...engine.access.exposure_text import exposure_text
from ...engine.access.matrix import Matrix, matrix_of, matrix_text
from ...engine.access.provisos import unless
from ..change import Change

if TYPE_CHECKING:
    from ...engine.access.answer import Answer
    from ...engine.access.difference import Difference
    from ...explain.dry_run import DryRun
    from ...restriction.messages import Notice
    from ..plan import Plan

_MOST = 10
"""Sources with another answer, and usages of a dry run, that a short text names."""
_FULL = "gt-secure plan --format full, or plan.to_text(full=True)."

_ASKED_FOR = ("application-", "age-limit-", "signers-limits", "bucket-elsewhere")
"""Starts of the codes of notes that an option asks for, or that say where the bucket is."""

_MARKS = {"blocker": "STOP", "warning": "warning", "info": "note"}


def plan_text(plan: Plan, room: int | None = None, *, full: bool = False) -> str:
    """Return a plan as text, its tables no wider than ``room`` columns:
    what changes and the verdict, or everything.
    """
    return "\n".join(_lines(plan, room, full)) + "\n"


def verdict(plan: Plan) -> str:
    """Return how many changes, warnings and blockers a plan has, and that it can be undone."""
    if plan.empty:
        return "Nothing to change."
    warned = sum(notice.severity == "warning" for notice in plan.notices)
    found = sum(finding.accepted is None for finding in plan.findings)
    stops = dict.fromkeys(each.code for each in (*plan.blockers, *plan.asks))
    blocked = f"blocked by {', '.join(stops)}" if stops else "nothing blocked"
    parts = [
        count(len(plan.changes), "change"),
        count(warned, "warning") if warned else "no warning",
    ]
    parts += [count(found, "finding")] if found else []
    return f"{', '.join(parts)}, {blocked}. Everything can be undone."


def confirm_options(asks: Iterable[Notice]) -> str:
    """Return the options of the command line that confirm notices, each after a space."""
    return "".join(f" --confirm {code}" for code in dict.fromkeys(each.code for each in asks))


def access_lines(plan: Plan) -> Iterator[str]:
    """Yield who can open the objects of the whole bucket, now and after a plan."""
    if plan.access is not None:
        same = not plan.access.changes
        yield f"{'Now and after' if same else 'After this plan'}: {plan.access.after.text}"
        yield from () if same else (f"Now: {plan.access.before.text}",)


def _lines(plan: Plan, room: int | None, full: bool) -> Iterator[str]:
    state = plan.state
    yield f"Plan for {subject(plan)}"
    yield f"in {state.region}, account {state.account_id}, as {printable(state.caller_arn)}"
    for sentence in [*access_lines(plan)][:1]:
        yield from wrapped(sentence, 4, room)
    if plan.reason:
        yield f"Reason: {printable(plan.reason)}"
    for each in plan.restriction.managed:
        version = f", version {each.version}" if each.version else ""
        ranges = ", ".join(map(str, each.networks)) or "no range"
        yield printable(f"List {each.label}{version}: {ranges}")
    yield ""
    for number, change in enumerate(plan.changes, 1):
        yield from _change(number, change, full)
    yield from _exposure(plan, room, full)
    yield from _sources(plan, room, full)
    for sentence in plan.evidence:
        yield from wrapped(printable(f"Access log: {sentence}"), 4, room)
    yield from _tried(plan.dry_run, room, full)
    if plan.expectations:
        yield ""
        yield "Expectations:"
        for proof in plan.expectations:
            for answer in proof.answers:
                held = "BROKEN" if answer in proof.broken else "holds "
                why = f" ({printable(answer.cause)})" if answer.cause else ""
                wording = f"{answer.answer}{why}{unless(answer.unless)}"
                yield f"  {held} {proof.kind} {answer.source}: {wording}"
    yield ""
    yield from _remarks(plan, full)
    if plan.changes:
        yield f"Digest: {plan.digest}"
    yield verdict(plan)


def _tried(tried: DryRun | None, room: int | None, full: bool) -> Iterator[str]:
    """Yield the guard tried on the log; a short text says what it leaves out."""
    if tried is None:
        return
    yield ""
    yield f"Tried on the log: {tried.sentence}"
    for usage in tried.usages if full else tried.usages[:_MOST]:
        yield from wrapped(f"  {usage.words}", 4, room)
    if not full and (rest := tried.rest(_MOST)):
        yield from wrapped(f"  {rest}: {_FULL}", 4, room)
    yield from wrapped(tried.note, 0, room) if tried.note else ()


def _exposure(plan: Plan, room: int | None, full: bool) -> Iterator[str]:
    if not plan.exposure:
        return
    yield ""
    objects = "images" if plan.restriction.team else "objects"
    several = len(plan.after.keys) > 1  # each row is what opens one of them
    yield (
        f"Who can open {'at least one of the' if several else 'the'} {objects} after this plan,"
        " exactly:"
    )
    yield from matrix_text(plan_matrix(plan), room)
    for sentence in () if full else plan.after.names:
        yield from wrapped(sentence, 0, room)
    if full:
        yield ""
        yield exposure_text(plan.after, room)


def plan_matrix(plan: Plan) -> Matrix:
    """Return who can open an object, before and after a plan."""
    return matrix_of((each.before, each.after) for each in plan.exposure)


def _sources(plan: Plan, room: int | None, full: bool) -> Iterator[str]:
    """Yield clients of the log and services: those whose answer changes by name,
    or all in a table.
    """
    if not full:
        moves = grouped(
            (f"{row.before.answer} -> {_word(row.after)}", printable(row.source))
            for row in plan.simulation
            if row.changes
        )
        for move, names in moves.items():
            yield f"  Also {some([*dict.fromkeys(names)], _MOST)}: {move}."
        return
    if not plan.simulation:
        return
    yield ""
    yield "Clients in the access log, and AWS services, now -> after:"
    for line in _table(plan.simulation, None if room is None else room - 2):
        yield f"  {line}"


def _mark(plan: Plan, notice: Notice) -> str:
    return _MARKS[notice.severity] + ", asks first" * (
        notice in plan.asks and notice not in plan.blockers
    )


def _remarks(plan: Plan, full: bool) -> Iterator[str]:
    """Yield blockers, warnings and findings; notes and accepted or low findings only in full."""
    left_out = 0
    for notice in plan.notices:
        if notice.severity == "info" and not full and not notice.code.startswith(_ASKED_FOR):
            left_out += 1
            continue
        code = f" [{notice.code}]" if notice.severity != "info" else ""
        yield f"{_mark(plan, notice)}: {printable(notice)}{code}"
    for finding in plan.findings:
        if not full and (finding.accepted is not None or finding.severity in ("low", "info")):
            left_out += 1
            continue
        head = f"finding, {finding.severity}" + (", accepted" if finding.accepted else "")
        fix = (finding.acceptance_text or finding.fix) if full else ""
        yield (
            f"{head}: {printable(' '.join(filter(None, (f'{finding.title}.', fix))))}"
            f" [{finding.code}]"
        )
    for part in plan.state.missing():
        yield f"could not read: {printable(part.what)} (needs {part.action})"
    if left_out:
        yield f"{count(left_out, 'more note')}: {_FULL}"


def subject(plan: Plan) -> str:
    """Return the team and bucket of a plan."""
    wish = plan.restriction
    parts = [f"workteam {wish.team}"] if wish.team else []
    if wish.bucket:
        parts.append(f"bucket {wish.bucket}" + (f" under {wish.prefix}" if wish.prefix else ""))
    return printable(" and ".join(parts) or "the worker portal")


def _change(number: int, change: Change[Any], full: bool) -> Iterator[str]:
    yield f"{number}. {printable(change.title)}"
    yield f"   now:   {printable(change.before_text)}"
    yield f"   after: {printable(change.after_text)}"
    for touched in change.affects:
        yield f"   affects {printable(touched)}"
    if full:
        yield (
            f"   needs {', '.join(call.action for call in change.calls)}; takes about"
            f" {change.seconds_typical} s"
        )


def _word(answer: Answer) -> str:
    return f"{answer.answer} ({answer.lock})" if answer.lock else answer.answer


def _table(rows: Iterable[Difference[Answer]], room: int | None) -> list[str]:
    cells = [
        (
            row.source,
            row.request,
            _word(row.before),
            _word(row.after),
            row.why,
        )
        for row in rows
    ]
    return lay_out(("source", "request", "now", "after", "why"), cells, room)
