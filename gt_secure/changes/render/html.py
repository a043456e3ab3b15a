"""A plan as HTML: a fragment whose class names begin with ``gts-``, or a self-contained page.
Neither has a script.
"""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ...base import html as markup
from ...base.html import Markup, hint, join, output
from ...base.version import __version__
from ...engine.access.answer import claim_of
from ...engine.policies.bucket_policy import BucketPolicy
from ...restriction.files import dumps_restriction
from ..change import Change, find_change
from ..targets import BucketGuard, Target, TeamUrlLock, WorkforcePortal
from . import parts
from .summary import can_be_applied, subject, summary_html
from .text import confirm_options

if TYPE_CHECKING:
    from ..plan import Plan


def plan_page(plan: Plan) -> str:
    """Return the whole plan as a page that needs no other file,
    with everything that an approver has to check.
    """
    state = plan.state
    made = (
        f"Made by gt_secure {state.at:%Y-%m-%d %H:%M} UTC, for account {state.account_id} in"
        f" {state.region}, as "
    )
    shown = plan_html(plan, _digest(plan) if can_be_applied(plan) else "")
    return markup.page(
        f"Plan for {subject(plan)}",
        made + state.caller_arn,
        f'{_stays_open(plan)}{shown}\n<div class="gts-plan">{_sections(plan)}</div>',
    )


def plan_output(plan: Plan) -> str:
    """Return the whole plan, the caller and the reason as the output of a notebook cell,
    which follows the theme.
    """
    return output(
        plan_html(plan, hint(*(join(name, ": ", value) for name, value in request(plan))))
    )


def plan_html(plan: Plan, about: Markup | str = "") -> str:
    """Return the summary of a plan, then ``about``, then the rest in folds;
    every text from outside is escaped.
    """
    seconds = f"Takes about {plan.seconds_typical} s on AWS" if plan.changes else "No change"
    log = (parts.evidence(plan), parts.dry_run(plan))
    folds = (
        ("Who can open the objects, exactly", parts.exposure_table(plan)),
        (seconds, join(parts.changes_table(plan), parts.lists(plan))),
        ("Warnings, findings and notes", parts.before_apply(plan)),
        ("Access log", join(*log)),
        ("Expectations", parts.expectations(plan)),
    )
    shown = [markup.fold(title, body) for title, body in folds if body]
    whole = join(summary_html(plan), about, *shown, parts.folds(plan))
    return f'<div class="gts-plan">{whole}</div>'


def _stays_open(plan: Plan) -> Markup:
    """Return what the plan does not cover: requests that anyone sends, and findings."""
    left = [claim_of(row.request, has_team=False) for row in plan.after if row.opened.is_anyone]
    left += [f"{each.title} ({each.code})" for each in plan.findings if each.accepted is None]
    left += [f"objects outside of {plan.restriction.prefix}"] * bool(plan.restriction.prefix)
    said = markup.text("; ".join(dict.fromkeys(left)), 900)
    return markup.notice("warn", "Not covered by this plan:", said) if left else Markup("")


_LINES = {"+": ("ins", "gts-add"), "-": ("del", "gts-del")}


def _sections(plan: Plan) -> Markup:
    guard = find_change(plan.changes, BucketGuard)
    return markup.join(
        markup.fold("About this plan", _about(plan)),
        markup.fold("Bucket policy, before and after", policy_diff(guard))
        if guard is not None
        else "",
        markup.fold("Restriction file", markup.pre(dumps_restriction(plan.restriction))),
    )


def _about(plan: Plan) -> Markup:
    state = plan.state
    parts = [f"{part.what} ({part.text})" for part in state.missing()]
    unread = "; ".join(dict.fromkeys([*parts, *plan.after.missing]))
    return markup.facts(
        [
            *request(plan),
            ("Made", markup.text(f"{state.at:%Y-%m-%d %H:%M} UTC, with gt_secure {__version__}")),
            (
                "Valid",
                (
                    "until the account changes: apply reads it again, and stops if it is not as"
                    " shown here"
                ),
            ),
            (
                "Not read",
                markup.text(unread or "nothing: all parts of the account were read", 900),
            ),
            (
                "Unchanged",
                Markup(
                    "<br>".join(markup.text(each, 300) for each in unchanged(plan))
                    or "no other lock"
                ),
            ),
            (
                "Undo",
                markup.join(
                    markup.code("gt-secure undo ID"), markup.text(", with the id that apply prints")
                ),
            ),
        ]
    )


def request(plan: Plan) -> list[tuple[str, Markup | str]]:
    """Return who asks for a plan, and why, as facts."""
    reason = markup.text(plan.reason, 600) if plan.reason else "not given"
    return [("Requested by", markup.code(plan.state.caller_arn, 200)), ("Reason", reason)]


def unchanged(plan: Plan) -> Iterator[str]:
    """Yield the locks that the plan leaves as they are."""
    state = plan.state
    force, bucket = state.workforce.if_read, state.bucket
    teams = [each.team for each in state.of_bucket]
    locks: list[tuple[Target[Any], Any]] = [
        (TeamUrlLock(team.name), team.url_lock) for team in teams if team.url_lock is not None
    ]
    if force is not None:
        locks.append((WorkforcePortal(force.name), force.cidrs))
    if bucket is not None and bucket.policy.missing is None:
        locks.append((BucketGuard(bucket.name, bucket.region), bucket.policy.value))
    changed = [each.target for each in plan.changes]
    for target, value in locks:
        if target not in changed:
            yield f"{target.title} of {target.name}: {target.words(value)}"


def _digest(plan: Plan) -> Markup:
    said = markup.hint(
        "This command applies exactly this plan: restriction.json is below. It agrees to each"
        " question (?) of the plan."
    )
    reason = f" --reason {shlex.quote(plan.reason)}" if plan.reason else ""
    command = (
        f"gt-secure apply -f restriction.json --digest {plan.digest}{reason}"
        f"{confirm_options(plan.asks)}"
    )
    return markup.join(markup.pre(command), said)


def policy_diff(change: Change[BucketPolicy | None]) -> Markup:
    """Return the difference of both policies as one text, with both in the same layout."""
    lines = difflib.ndiff(_layout(change.before), _layout(change.after))
    shown = "\n".join(_line(line) for line in lines if not line.startswith("?"))
    return Markup(f'<pre class="gts-pre gts-diff" tabindex="0">{shown}</pre>')


def _layout(text: str | None) -> Sequence[str]:
    if text is None:
        return ["(no policy)"]
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False).split("\n")


def _line(line: str) -> str:
    shown = escape(markup.plain(line, 20_000))
    if line[0] not in _LINES:
        return shown
    tag, css = _LINES[line[0]]
    return f'<{tag} class="{css}">{shown}</{tag}>'
