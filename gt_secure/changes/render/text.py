"""A plan as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...columns import lay_out
from ...text import printable
from ..change import Change
from .exposure import exposure_text

if TYPE_CHECKING:
    from ...access.answer import Answer
    from ..plan import Plan
    from ..services import SimulatedRequest

MOST_USAGES = 10
"""Signers and applications of a dry run that are shown."""

_MARKS = {"blocker": "STOP", "warning": "warning", "info": "note"}


def plan_text(plan: Plan, room: int | None = None) -> str:
    """Return the whole plan as text, its table no wider than ``room`` columns."""
    return "\n".join(_lines(plan, room)) + "\n"


def _lines(plan: Plan, room: int | None) -> Iterator[str]:
    state = plan.state
    yield f"Plan for {subject(plan)} in {state.region}, account {state.account_id}, as {printable(state.caller_arn)}"
    for each in plan.restriction.managed:
        version = f", version {each.version}" if each.version else ""
        ranges = ", ".join(map(str, each.networks)) or "no range"
        yield printable(f"List {each.label}{version}: {ranges}")
    yield ""
    if plan.empty:
        yield "Nothing to change."
    for number, change in enumerate(plan.changes, 1):
        yield from _change(number, change)
    if plan.changes:
        yield f"Takes about {plan.seconds_typical} s on AWS. Everything can be undone."
        yield f"Digest: {plan.digest}"
    for notice in plan.notices:
        code = f" [{notice.code}]" if notice.severity != "info" else ""
        yield f"{_MARKS[notice.severity]}{code}: {printable(notice)}"
    yield from exposure_text(plan, room)
    if plan.after.locks.assumed_of_organization:
        yield f"Assumed: {' '.join(plan.after.locks.assumed_of_organization)}"
    if plan.simulation:
        yield ""
        yield "Sources in the access log, and AWS services, now -> after:"
        for line in map(_row, plan.simulation) if room is None else _table(plan.simulation, room - 2):
            yield f"  {line}"
    if plan.dry_run is not None:
        yield ""
        yield f"Tried on the log: {plan.dry_run.sentence}"
        for usage in plan.dry_run.refused_usages[:MOST_USAGES]:
            yield f"  {usage.words}"
    if plan.expectations:
        yield ""
        yield "Expectations:"
        for proof in plan.expectations:
            for answer in proof.answers:
                held = "BROKEN" if answer in proof.broken else "holds "
                why = f" ({printable(answer.cause)})" if answer.cause else ""
                yield f"  {held} {proof.kind} {answer.source}: {answer.answer}{why}"
    for finding in plan.findings:
        head = f"{finding.code}, {finding.severity}" + (", accepted" if finding.accepted else "")
        said = " ".join(part for part in (f"{finding.title}.", finding.acceptance_text or finding.fix) if part)
        yield f"finding [{head}]: {printable(said)}"
    for part in state.missing():
        needed = f" (needs {part.action})" if part.action else ""
        yield f"could not read: {printable(part.what)}{needed}"


def subject(plan: Plan) -> str:
    """Return the team and bucket of a plan."""
    wish = plan.restriction
    parts = [f"workteam {wish.team}"] if wish.team else []
    if wish.bucket:
        parts.append(f"bucket {wish.bucket}" + (f" under {wish.prefix}" if wish.prefix else ""))
    return printable(" and ".join(parts) or "the worker portal")


def _change(number: int, change: Change[Any]) -> Iterator[str]:
    yield f"{number}. {printable(change.title)}"
    yield f"   now:   {printable(change.before_text)}"
    yield f"   after: {printable(change.after_text)}"
    for touched in change.affects:
        yield f"   affects {printable(touched)}"
    yield f"   needs {', '.join(call.action for call in change.calls)}"


def _word(answer: Answer) -> str:
    return f"{answer.answer} ({answer.lock})" if answer.lock else answer.answer


def _table(rows: Iterable[SimulatedRequest], room: int) -> list[str]:
    cells = [
        (
            row.source,
            row.scene,
            _word(row.now),
            _word(row.after),
            row.why,
        )
        for row in rows
    ]
    return lay_out(("source", "request", "now", "after", "why"), cells, room)


def _row(row: SimulatedRequest) -> str:
    arrow = "->" if row.changes else "=="
    now, after = _word(row.now), _word(row.after)
    return f"{printable(row.source):<42} {row.scene:<12} {now} {arrow} {after}   {printable(row.why)}"
