"""``NotPrincipal`` in the Denies of bucket policies, which the emulator leaves out.

AWS compares every ARN under which a caller is known: for a session its own, its role's and its account's. One that is
missing denies the caller (IAM User Guide, *AWS JSON policy elements: NotPrincipal*).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from . import evaluator

NAME, _CALLER = "evaluate_resource_policy", "combine_resource_policy"
_SESSION = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+")
_ROLE = re.compile(r"arn:[^:]+:iam::(\d{12}):role/(?:.*/)?([^/]+)")


def install() -> None:
    """Wrap the emulator's evaluation of resource policies, once.

    Raises
    ------
    Unsupported
        If the installed ministack evaluates them differently.
    """
    lost = "This version of ministack evaluates bucket policies differently. The sandbox would ignore NotPrincipal."
    evaluator.wrap(NAME, _CALLER, _wrapped, lost)


def _wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(doc: Any, ctx: Any, *args: Any, **more: Any) -> Any:
        text = doc if isinstance(doc, str) else json.dumps(doc or {})
        if "NotPrincipal" not in text:
            return original(doc, ctx, *args, **more)
        return original(_rewritten(json.loads(text), ctx.principal_arn), ctx, *args, **more)

    return evaluate


def _rewritten(document: dict[str, Any], caller: str) -> dict[str, Any]:
    """Return the policy with each NotPrincipal Deny applied to everybody, or left out if it names the caller."""
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    kept = []
    for each in listed:
        if each.get("Effect") != "Deny" or "NotPrincipal" not in each:
            kept.append(each)
        elif not _is_spared(each["NotPrincipal"], caller):
            kept.append({**each, "Principal": "*"})
    return {**document, "Statement": kept}


def _is_spared(given: Any, caller: str) -> bool:
    if given == "*":
        return True
    named = given.get("AWS", []) if isinstance(given, dict) else []
    listed = [named] if isinstance(named, str) else named
    if "*" in listed:
        return True
    account = caller.split(":")[4] if caller.count(":") >= 5 else ""
    accounts = {each if each.isdigit() else each.split(":")[4] for each in listed if _is_account(each)}
    if not account or account not in accounts:
        return False
    if caller.endswith(":root"):
        return True
    session = _SESSION.fullmatch(caller)
    roles = {match.groups() for each in listed if (match := _ROLE.fullmatch(each))}
    return caller in listed and (session is None or (session[2], session[3]) in roles)


def _is_account(entry: str) -> bool:
    return bool(re.fullmatch(r"\d{12}|arn:[^:]+:iam::\d{12}:root", entry))
