"""A plan as HTML: a fragment whose class names begin with ``gts-``, or a page of its own. No script in either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ...text import printable
from .text import cause, subject

if TYPE_CHECKING:
    from ...access.locks import Outcome
    from ...access.simulation import Row
    from ..plan_data import PlanData

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


_PAGE_ONLY = "/* only on a page of its own */"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body class="gts-page"><main><h1>{title}</h1><p class="gts-hint">{made}</p>{plan}</main></body></html>
"""


def plan_page(plan: PlanData) -> str:
    """Return the whole plan as a page that needs no other file."""
    state = plan.state
    made = f"Made by gt_secure {state.at:%Y-%m-%d %H:%M} UTC, for account {state.account_id} in {state.region}, as "
    return _PAGE.format(
        title=_text(f"Plan for {subject(plan)}"),
        style=_style(),
        made=_text(made + state.caller_arn),
        plan=plan_html(plan),
    )


def plan_output(plan: PlanData) -> str:
    """Return the whole plan as the output of a notebook's cell, which follows the theme."""
    return f"<style>{_style().partition(_PAGE_ONLY)[0]}</style>{plan_html(plan)}"


@cache
def _style() -> str:
    return Path(__file__).with_name("plan.css").read_text(encoding="utf-8")


def plan_html(plan: PlanData) -> str:
    """Return the whole plan; every text from outside is escaped."""
    return f'<div class="gts-plan">{"".join(_parts(plan))}</div>'


def _parts(plan: PlanData) -> Iterator[str]:
    if plan.empty:
        yield '<p class="gts-empty">Nothing to change: everything is as wanted.</p>'
    else:
        rows = (
            [
                f"<b>{_text(change.title)}</b>",
                _text(change.before_text),
                _text(change.after_text),
                "<br>".join(_text(item) for item in change.affects) or "nobody else",
            ]
            for change in plan.changes
        )
        yield _table("gts-changes", "Changes", ("Change", "Now", "After", "Affects"), rows)
        yield f'<p class="gts-hint">Takes about {plan.seconds_typical} s on AWS. Everything can be undone.</p>'
    yield from (_notice(*_NOTICES[n.severity], n.code, str(n)) for n in plan.notices)
    if plan.simulation:
        head = ("Source", "Request", "Now", "After", "Decided by")
        yield _table("gts-simulation", "Who gets in", head, _together(plan.simulation))
    if plan.expectations:
        rows = (
            [
                f'<span class="gts-mono">{_text(result.source)}</span>',
                _text(result.kind),
                _chip("gts-ok", "✓ holds") if result.holds else _chip("gts-no", "✕ broken"),
                "" if result.observed == "allowed" else _text(cause(result.observed, result.lock, result.reason)),
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


def _together(rows: Iterable[Row]) -> Iterator[list[str]]:
    """The rows of the table: sources that get the same, by the same lock, for the same requests, share one."""
    requests: dict[tuple[str, str, str, str, str], list[str]] = {}
    for row in rows:
        same = (row.source, row.why, _outcome(row.now), _outcome(row.after), _why(row))
        requests.setdefault(same, []).append(_SCENES[row.scene])
    sources: dict[tuple[str, str, str, str], list[str]] = {}
    for (source, chosen, now, after, why), scenes in requests.items():
        said = f'<span class="gts-mono">{_text(source)}</span> <span class="gts-hint">{_text(chosen)}</span>'
        sources.setdefault((_text(", ".join(scenes)), now, after, _text(why)), []).append(said)
    for (scene, now, after, why), names in sources.items():
        yield ["<br>".join(names), scene, now, after, why]


def _why(row: Row) -> str:
    decided = row.after if row.after.decision != "allowed" else row.now
    if decided.decision == "allowed" or not (decided.lock or decided.reason):
        return "no lock refuses it"
    return cause(decided.decision, decided.lock, decided.reason)


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
    return escape(printable(text))
