"""A plan as HTML: a fragment whose class names begin with ``gts-``, or a self-contained page. Neither has a script."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ...html import Markup, facts, join, plain, style_sheet, text
from . import approval, parts
from .text import subject, verdict

if TYPE_CHECKING:
    from ..plan import Plan

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body class="gts-page"><main><h1>{title}</h1><p class="gts-hint">{made}</p>{plan}{approval}</main></body></html>
"""


def plan_page(plan: Plan) -> str:
    """Return the whole plan as a page that needs no other file, with everything that an approver has to check."""
    state = plan.state
    made = f"Made by gt_secure {state.at:%Y-%m-%d %H:%M} UTC, for account {state.account_id} in {state.region}, as "
    return _PAGE.format(
        title=escape(plain(f"Plan for {subject(plan)}", 400)),
        style=_page_style(),
        made=escape(plain(made + state.caller_arn, 600)),
        plan=_without_folds(plan_html(plan)),
        approval=f'<div class="gts-plan">{approval.sections(plan)}</div>',
    )


def _without_folds(shown: str) -> str:
    """Return the parts of folds in the open: paper has no folds."""
    for fold, part in (("<details", "<div"), ("</details>", "</div>"), ("<summary>", "<h3>"), ("</summary>", "</h3>")):
        shown = shown.replace(fold, part)
    return shown


def plan_output(plan: Plan) -> str:
    """Return the whole plan, the caller and the reason as the output of a notebook cell, which follows the theme."""
    return f"<style>{style_sheet()}</style>{plan_html(plan, facts(approval.request(plan)))}"


@cache
def _page_style() -> str:
    return style_sheet() + Path(__file__).with_name("plan.css").read_text(encoding="utf-8")


def plan_html(plan: Plan, about: Markup | str = "") -> str:
    """Return the whole plan: the verdict, then ``about``, then the rest; every text from outside is escaped."""
    takes = f" Takes about {plan.seconds_typical} s on AWS." if plan.changes else ""
    return '<div class="gts-plan">{}</div>'.format(
        join(
            Markup(f'<p class="gts-verdict">{text(verdict(plan) + takes, 400)}</p>'),
            about,
            parts.changes_table(plan),
            parts.lists(plan),
            parts.exposure_table(plan),
            parts.headed(parts.before_apply(plan)),
            parts.assumed(plan, fold=False),
            parts.dry_run(plan),
            parts.named_access(plan),
            parts.expectations(plan),
            parts.accepted(plan),
        )
    )
