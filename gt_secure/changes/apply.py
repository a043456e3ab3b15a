"""Apply a plan: re-read, compare, write, read back; roll back on failure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from ..account.reader import read_state
from ..account.state import WRITTEN, State
from ..aws.client import Aws
from ..base.errors import Conflict, GtSecureError, InvalidInput
from ..base.network import Source
from ..base.text import Json
from ..restriction.messages import Notice, notices
from .applied import WAS_INTERRUPTED, Applied, ProbeResult
from .engine import Callback, Clock, Engine
from .journal import Journal, scrub
from .lock import hold
from .plan import Plan, UndoPlan
from .transaction import OutcomeNote, begin_lines, run

Fetch: TypeAlias = Callable[[Source, str, str], bool | None]
"""Fetches an object of a bucket under a prefix by a presigned URL from a source: True opened, False
refused, None where a probe cannot use that source. The caller supplies it: this module knows no
presigned URLs."""

_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{64}")


def apply(
    aws: Aws,
    plan: Plan,
    *,
    journal: Journal,
    confirm: Iterable[str] = (),
    progress: Callback | None = None,
    timeout_s: float = 600,
    probe: Fetch | None = None,
    digest: str | None = None,
) -> Applied:
    """Carry out a plan: re-read, compare, write, read back; on failure roll everything back in
    reverse.

    See :meth:`gt_secure.Connection.apply`. If a step failed, ``details["applied"]`` reports what is
    certain.
    """
    if not hasattr(plan, "changes"):
        raise InvalidInput(
            f"apply() needs a plan, not {type(plan).__name__}.",
            next_step="Pass gt.plan(restriction).",
            field="plan",
        )
    _check_digest(plan, digest)
    check_confirmed(plan, confirm)
    aws = aws.afresh()
    if plan.empty:
        return Applied("", "nothing to do", notes=("The account already matches the restriction.",))
    scope = f"{plan.state.account_id}-{plan.state.region}"
    with OutcomeNote():
        with hold(journal.path, scope, f"apply by {plan.state.caller_arn}"):
            refuse_unfinished(journal, plan.state.account_id, plan.state.region)
            identity = aws.identity()
            if (identity.account_id, aws.region) != (plan.state.account_id, plan.state.region):
                raise Conflict(
                    f"The plan was made for account {plan.state.account_id} in"
                    f" {plan.state.region}; this connection is to {identity.account_id} in"
                    f" {aws.region}.",
                    next_step="Plan again with this connection.",
                )
            compare(plan.state, read_state(aws.remembering(), plan.restriction, needs=WRITTEN))
            confirmed = sorted({notice.code for notice in plan.asks})
            writer = journal.begin(
                begin_lines(
                    "apply", aws, plan.state.account_id, plan.state.caller_arn, plan.changes
                )
                | {"restriction": plan.restriction.to_dict(), "confirmed": confirmed}
                | (
                    {"lists": [each.to_dict() for each in plan.restriction.managed]}
                    if plan.restriction.managed
                    else {}
                )
                | ({"reason": plan.reason} if plan.reason else {}),
            )
            done = run(Engine(aws, writer, plan.changes, Clock(timeout_s), progress), "applied")
        return done if probe is None else replace(done, probes=_probe_expectations(plan, probe))


def _probe_expectations(plan: Plan, probe: Fetch) -> tuple[ProbeResult, ...]:
    """Probe every expectation of a plan that has been applied.

    A probe that fails is a result, not an error: the change itself has been applied and read back.
    """
    restriction = plan.restriction
    if restriction.bucket is None:
        return ()
    found = []
    for one in restriction.expectations:
        prefix = restriction.prefix if one.prefix is None else one.prefix
        for source in one.sources:
            detail = ""
            try:
                opened = probe(source, restriction.bucket, prefix)
            except GtSecureError as error:
                opened, detail = None, scrub(str(error))
            observed = "not reached" if opened is None else "opened" if opened else "refused"
            found.append(ProbeResult(one.kind, str(source), observed, detail))
    return tuple(found)


def _check_digest(plan: Plan, approved: str | None) -> None:
    if approved is None:
        return
    text = str(approved).strip().lower()
    if not _DIGEST.fullmatch(text):
        raise InvalidInput(
            "A plan digest consists of sha256: and 64 hexadecimal digits.",
            next_step="Copy it from the end of the approved plan's page.",
            field="digest",
            value=text,
        )
    if text.removeprefix("sha256:") != plan.digest.removeprefix("sha256:"):
        raise Conflict(
            "This plan is not the one that was approved: the account or the restriction has changed"
            " since.",
            next_step=(
                f"Nothing was changed. Have the new plan approved; its digest is {plan.digest}."
            ),
            details={"approved": text, "digest": plan.digest},
        )


def check_confirmed(
    plan: Plan | UndoPlan,
    confirm: Iterable[str],
    how: str = "To apply anyway, pass confirm=['{}'].",
) -> None:
    """Raise InvalidInput for a plan that cannot be applied, or asks what is not confirmed; ``how``
    says what confirms it.
    """
    if not isinstance(confirm, Iterable):
        raise InvalidInput(
            f"confirm= has the codes of questions, not {confirm}.",
            next_step=f"Pass the codes that you accept of {[each.code for each in plan.asks]}.",
            field="confirm",
        )
    codes = {confirm} if isinstance(confirm, str) else set(confirm)
    blockers = [notice for notice in plan.notices if notice.severity == "blocker"]
    broken = [notice for notice in blockers if not notice.confirmable]
    if broken:
        raise InvalidInput(
            f"This plan cannot be applied: {broken[0].text}",
            next_step=broken[0].fix,
            field=broken[0].field,
            details={"blockers": [*map(Notice.to_dict, blockers)]},
        )
    if plan.empty:
        return
    missing = [notice for notice in plan.asks if notice.code not in codes]
    if missing:
        named = "', '".join(dict.fromkeys(notice.code for notice in missing))
        raise InvalidInput(
            f"This plan is blocked until you confirm it: {missing[0].text}",
            next_step=f"{missing[0].fix} {how.replace('{}', named)}".strip(),
            field="confirm",
            details={"blockers": [*map(Notice.to_dict, missing)]},
        )
    _refuse_unknown(plan, codes)


def _refuse_unknown(plan: Plan | UndoPlan, codes: set[str]) -> None:
    """Raise InvalidInput for a code that confirms nothing."""
    known = {notice.code for notice in plan.asks}
    implied = (code for code in codes if any(each.implies(code) for each in plan.notices))
    # A warning such as that of a job in progress comes and goes: a scheduled apply may confirm it
    # in advance.
    unknown = sorted(
        code
        for code in codes.difference(known, implied)
        if not notices().get(code.partition(":")[0], {}).get("consent")
    )
    if unknown:
        raise InvalidInput(
            f"'{unknown[0][:60]}' is not a blocker of this plan, and no warning that asks.",
            next_step=f"It asks about {', '.join(sorted(known))}."
            if known
            else "It asks nothing: leave confirm= out.",
            field="confirm",
            value=unknown[0],
        )


def refuse_unfinished(journal: Journal, account: str, region: str) -> None:
    """Raise Conflict if a change of this account and region was interrupted and
    not recovered since.
    """
    for record in journal.unfinished(account, region):
        raise Conflict(
            WAS_INTERRUPTED.format(record.id),
            next_step=(
                f"Undo it first with gt.undo('{record.id}'), or finish it with"
                f" gt.resume('{record.id}')."
            ),
            details={"change": record.id},
        )


def compare(plan: State, fresh: State) -> None:
    """Raise Conflict with the three-way difference if something that the plan saw has moved."""
    moved: Json = {}
    for part in ("team", "workforce", "policy"):
        seen, now = _steady(plan.raw.get(part)), _steady(fresh.raw.get(part))
        if seen != now:
            moved[part] = json.loads(json.dumps({"seen": seen, "now": now}, default=str))
    seen_teams, now_teams = (
        None if state.teams.missing else sorted(team.arn for team in state.teams.value or ())
        for state in (plan, fresh)
    )
    if seen_teams != now_teams:
        moved["workteams"] = {"seen": seen_teams, "now": now_teams}
    if moved:
        raise Conflict(
            f"Somebody has changed this since the plan was made: {', '.join(sorted(moved))}.",
            next_step=(
                "Plan again: the new plan starts from what is there now. Nothing was changed."
            ),
            details={"moved": moved},
        )


def _steady(part: Any) -> Any:
    return (
        {key: part[key] for key in part if key not in {"Status", "FailureReason"}}
        if isinstance(part, dict)
        else part
    )
