"""A plan as an HTML fragment: class names that begin with ``gts-``, no script, no colours of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING

from .text import plain

if TYPE_CHECKING:
    from .planning import Plan
    from .simulate import Row
    from .world import Outcome

_CHIPS = {"allowed": ("gts-ok", "✓ yes"), "refused": ("gts-no", "✕ refused"), "unknown": ("gts-warn", "? unknown")}
_NOTICES = {"blocker": ("gts-no", "✕ Stops"), "warning": ("gts-warn", "! Warning"), "info": ("gts-plain", "i Note")}
_SCENES = {
    "worker": "worker there",
    "forwarded": "forwarded URL",
    "presigned": "presigned URL",
    "Ground Truth": "back end",
    "log delivery": "log delivery",
    "caller": "bucket policy",
}


def plan_html(plan: Plan) -> str:
    """Return the whole plan; every text from outside is escaped."""
    return f'<div class="gts-plan">{"".join(_parts(plan))}</div>'


def _parts(plan: Plan) -> Iterator[str]:
    if plan.empty:
        yield '<p class="gts-empty">Nothing to change: everything is as wanted.</p>'
    else:
        rows = (
            [
                f"<b>{_text(change.title)}</b>",
                _text(change.before),
                _text(change.after),
                "<br>".join(_text(item) for item in change.affects) or "nobody else",
            ]
            for change in plan.changes
        )
        yield _table("gts-changes", "Changes", ("Change", "Now", "After", "Affects"), rows)
        yield f'<p class="gts-hint">Takes about {plan.seconds_typical} s on AWS. Everything can be undone.</p>'
    yield from (_notice(*_NOTICES[n.severity], n.code, str(n)) for n in plan.notices)
    if plan.simulation:
        head = ("Source", "Request", "Now", "After", "Decided by")
        yield _table("gts-simulation", "Who gets in", head, (_row(row) for row in plan.simulation))
    if plan.expectations:
        rows = (
            [
                f'<span class="gts-mono">{_text(result.source)}</span>',
                _text(result.kind),
                _chip("gts-ok", "✓ holds") if result.holds else _chip("gts-no", "✕ broken"),
                _text(result.reason),
            ]
            for result in plan.expectations
        )
        yield _table("gts-expectations", "Expectations", ("Source", "Expected", "Result", "Why"), rows)
    for finding in plan.findings:
        css = {"high": "gts-no", "medium": "gts-warn"}.get(finding.severity, "gts-plain")
        yield _notice(css, f"{finding.severity.capitalize()} finding", finding.code, f"{finding.title}. {finding.fix}")
    if plan.state.unseen:
        names = ", ".join(part.what + (f" ({part.action})" if part.action else "") for part in plan.state.unseen)
        yield f'<p class="gts-hint">Not seen, for lack of a permission or an answer: {_text(names)}.</p>'


def _table(css: str, caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<table class="gts-table {css}"><caption>{_text(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(row: Row) -> list[str]:
    decided = row.after if row.after.decision != "allowed" else row.now
    lock = decided.lock if row.after.decision != "allowed" or row.changes else ""
    return [
        f'<span class="gts-mono">{_text(row.source)}</span> <span class="gts-hint">{_text(row.why)}</span>',
        _text(_SCENES[row.scene]),
        _outcome(row.now),
        _outcome(row.after),
        _text(f"{lock}: {decided.reason}" if lock else "no lock refuses it"),
    ]


def _outcome(outcome: Outcome) -> str:
    return _chip(*_CHIPS[outcome.decision])


def _chip(css: str, text: str) -> str:
    return f'<span class="gts-chip {css}">{_text(text)}</span>'


def _notice(css: str, title: str, code: str, text: str) -> str:
    return (
        f'<div class="gts-notice {css}" data-code="{escape(code)}"><b>{_text(title)}</b> {_text(text)} '
        f'<code class="gts-code">{_text(code)}</code></div>'
    )


def _text(text: object) -> str:
    return escape(plain(text))
