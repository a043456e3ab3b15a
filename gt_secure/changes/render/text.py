"""A plan as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...columns import lay_out
from ...text import printable
from ..change import Change
from .exposure import exposure_text

if TYPE_CHECKING:
    from ...access.simulation import SimulatedRequest
    from ..plan_data import PlanData

MOST_USAGES = 10
"""Signers and applications of a dry run that are shown."""

_MARKS = {"blocker": "STOP", "warning": "warning", "info": "note"}


_CAUSES = {"bucket guard": "not on its list", "URL lock": "not the address the URL was made for"}


def cause(decision: str, lock: str, reason: str) -> str:
    """Return the reason in a few words: the lock that refuses, or the statement without its conditions."""
    if decision == "refused" and lock in _CAUSES:
        return f"{lock}: {_CAUSES[lock]}"
    short = reason.partition(" (")[0].rstrip(".")
    return f"{lock}: {short}" if lock else short


def plan_text(plan: PlanData, room: int | None = None) -> str:
    """Return the whole plan as text, its table no wider than ``room`` columns."""
    return "\n".join(_lines(plan, room)) + "\n"


def _lines(plan: PlanData, room: int | None) -> Iterator[str]:
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
    samples = [row for row in plan.simulation if not row.is_sample]
    if samples:
        yield ""
        yield "Sources in the access log, and AWS services, now -> after:"
        for line in map(_row, samples) if room is None else _table(samples, room - 2):
            yield f"  {line}"
    if plan.dry_run is not None:
        yield ""
        yield f"Tried on the log: {plan.dry_run.sentence}"
        for usage in plan.dry_run.refused_usages[:MOST_USAGES]:
            yield f"  {usage.words}"
    if plan.expectations:
        yield ""
        yield "Expectations:"
        for result in plan.expectations:
            held = "holds " if result.holds else "BROKEN"
            why = (
                ""
                if result.observed == "allowed"
                else f" ({printable(cause(result.observed, result.lock, result.reason))})"
            )
            yield f"  {held} {result.kind} {result.source}: {result.observed}{why}"
    for finding in plan.findings:
        head = f"{finding.code}, {finding.severity}" + (", accepted" if finding.accepted else "")
        said = " ".join(part for part in (f"{finding.title}.", finding.acceptance_text or finding.fix) if part)
        yield f"finding [{head}]: {printable(said)}"
    for part in state.unseen:
        needed = f" (needs {part.action})" if part.action else ""
        yield f"could not read: {printable(part.what)}{needed}"


def subject(plan: PlanData) -> str:
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


def _word(decision: str, lock: str) -> str:
    return f"{decision} ({lock})" if lock and decision != "allowed" else decision


def _table(rows: Iterable[SimulatedRequest], room: int) -> list[str]:
    cells = [
        (
            row.source,
            row.scene,
            _word(row.now.decision, row.now.lock),
            _word(row.after.decision, row.after.lock),
            row.why,
        )
        for row in rows
    ]
    return lay_out(("source", "request", "now", "after", "why"), cells, room)


def _row(row: SimulatedRequest) -> str:
    arrow = "->" if row.changes else "=="
    now, after = _word(row.now.decision, row.now.lock), _word(row.after.decision, row.after.lock)
    return f"{printable(row.source):<42} {row.scene:<12} {now} {arrow} {after}   {printable(row.why)}"
