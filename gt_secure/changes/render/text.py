"""A plan as text for a terminal, with all that it reads and predicts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...base.columns import lay_out, wrapped
from ...base.text import printable
from ...engine.access.exposure_text import exposure_text
from ...engine.access.matrix import Matrix, matrix_of, matrix_text
from ...engine.access.provisos import unless
from ..change import Change
from .summary import summary_text

if TYPE_CHECKING:
    from ...engine.access.answer import Answer
    from ...engine.access.difference import Difference
    from ...explain.dry_run import DryRun
    from ...restriction.messages import Notice
    from ..plan import Plan

SOURCES = "AWS services and known clients"
_LEFT_OUT = re.compile(r"^(  ….*)\n", re.MULTILINE)
"""The line that counts what a summary leaves out."""
_MARKS = {"blocker": "stop", "warning": "warning", "info": "note"}


def plan_text(plan: Plan, room: int | None = None, *, full: bool = False) -> str:
    """Return a plan as text, no wider than ``room`` columns: its summary, or everything."""
    text = summary_text(plan, room)
    if not full:
        return _LEFT_OUT.sub(r"\1: plan.to_text(full=True)\n", text)
    return "\n".join([_LEFT_OUT.sub("", text), *_lines(plan, room)])


def confirm_options(asks: Iterable[Notice]) -> str:
    """Return the options of the command line that confirm notices, each after a space."""
    return "".join(f" --confirm {code}" for code in dict.fromkeys(each.code for each in asks))


def _lines(plan: Plan, room: int | None) -> Iterator[str]:
    yield f"Requested by: {printable(plan.state.caller_arn)}"
    if plan.reason:
        yield f"Reason: {printable(plan.reason)}"
    for each in plan.restriction.managed:
        version = f", version {each.version}" if each.version else ""
        ranges = ", ".join(map(str, each.networks)) or "no range"
        yield printable(f"List {each.label}{version}: {ranges}")
    yield ""
    for number, change in enumerate(plan.changes, 1):
        yield from _change(number, change)
    yield from _exposure(plan, room)
    yield from _sources(plan, room)
    for sentence in plan.evidence:
        yield from wrapped(printable(f"Access log: {sentence}"), 4, room)
    yield from _tried(plan.dry_run, room)
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
    yield from _remarks(plan)
    if plan.changes:
        yield f"Digest: {plan.digest}\n"


def _tried(tried: DryRun | None, room: int | None) -> Iterator[str]:
    """Yield the guard tried on the log."""
    if tried is None:
        return
    yield ""
    yield f"Tried on the log: {tried.sentence}"
    for usage in tried.usages:
        yield from wrapped(f"  {usage.words}", 4, room)
    yield from wrapped(tried.note, 0, room) if tried.note else ()


def _exposure(plan: Plan, room: int | None) -> Iterator[str]:
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
    yield ""
    yield exposure_text(plan.after, room)


def plan_matrix(plan: Plan) -> Matrix:
    """Return who can open an object, before and after a plan."""
    return matrix_of((each.before, each.after) for each in plan.exposure)


def _sources(plan: Plan, room: int | None) -> Iterator[str]:
    """Yield clients of the log and services in a table."""
    if not plan.simulation:
        return
    yield ""
    yield f"{SOURCES}, today → after:"
    for line in _table(plan.simulation, None if room is None else room - 2):
        yield f"  {line}"


def _remarks(plan: Plan) -> Iterator[str]:
    """Yield blockers, warnings, notes and findings."""
    for notice in plan.notices:
        code = f" [{notice.code}]" if notice.severity != "info" else ""
        mark = "question" if notice in plan.asks else _MARKS[notice.severity]
        yield f"{mark}: {printable(notice)}{code}"
    for finding in plan.findings:
        head = f"finding, {finding.severity}" + (", accepted" if finding.accepted else "")
        fix = finding.acceptance_text or finding.fix
        yield (
            f"{head}: {printable(' '.join(filter(None, (f'{finding.title}.', fix))))}"
            f" [{finding.code}]"
        )
    for part in plan.state.missing():
        yield f"could not read: {printable(part.what)} (needs {part.action})"


def _change(number: int, change: Change[Any]) -> Iterator[str]:
    yield f"{number}. {printable(change.title)}"
    yield f"   today: {printable(change.before_text)}"
    yield f"   after: {printable(change.after_text)}"
    for touched in change.affects:
        yield f"   affects {printable(touched)}"
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
    return lay_out(("source", "request", "today", "after", "why"), cells, room)
