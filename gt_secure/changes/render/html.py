"""A plan as HTML: a fragment whose class names begin with ``gts-``, or a self-contained page. Neither has a script."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ...html import hint, join, plain
from . import approval, parts
from .exposure import exposure_table
from .text import subject

if TYPE_CHECKING:
    from ..plan import Plan

_PAGE_ONLY = "/* only on a self-contained page */"
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
        style=_style(),
        made=escape(plain(made + state.caller_arn, 600)),
        plan=plan_html(plan),
        approval=f'<div class="gts-plan">{approval.sections(plan)}</div>',
    )


def plan_output(plan: Plan) -> str:
    """Return the whole plan as the output of a notebook's cell, which follows the theme."""
    return f"<style>{_style().partition(_PAGE_ONLY)[0]}</style>{plan_html(plan)}"


@cache
def _style() -> str:
    return Path(__file__).with_name("plan.css").read_text(encoding="utf-8")


def plan_html(plan: Plan) -> str:
    """Return the whole plan; every text from outside is escaped."""
    takes = hint(f"Takes about {plan.seconds_typical} s on AWS. Everything can be undone.") if plan.changes else ""
    return '<div class="gts-plan">{}</div>'.format(
        join(
            parts.changes_table(plan),
            parts.lists(plan),
            takes,
            parts.warnings(plan),
            exposure_table(plan),
            parts.assumed(plan, fold=False),
            parts.dry_run(plan),
            parts.named_access(plan),
            parts.expectations(plan),
            parts.remarks(plan),
            parts.accepted(plan),
        )
    )
