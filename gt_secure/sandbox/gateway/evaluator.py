"""Additions to the emulator's policy evaluation: ``NotPrincipal`` in a Deny, variables, ``Null``,
and unsigned forms.

AWS compares every ARN under which a caller is known with ``NotPrincipal``: for a session its own,
its role's and its account's. One that is missing denies the caller (IAM User Guide, *AWS JSON
policy elements: NotPrincipal*).

A value that is substituted for a variable, and ``${*}`` or ``${?}``, count literally. Without a
value and a default the pattern matches nothing (IAM User Guide, *IAM policy elements: Variables and
tags*). The emulator does not keep a policy's ``Version``, so variables work in policies of the old
version too.

Several values of a condition are alternatives, also those of ``Null``: with both it always holds
(*Conditions with multiple context keys or values*).

A form that nobody signed is asked about the object that it writes (S3 API Reference, *POST
Object*).
"""

from __future__ import annotations

import contextvars
import importlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ...base.errors import Unsupported
from ...base.text import Json
from ..settings import REGION

_Evaluate: TypeAlias = Callable[..., Any]
_SESSION = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+")
_ROLE = re.compile(r"arn:[^:]+:iam::(\d{12}):role/(?:.*/)?([^/]+)")
_ACCOUNT = re.compile(r"\d{12}|arn:[^:]+:iam::\d{12}:root")
_LOOKUP = "_resolve_condition_key"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DEFAULT = re.compile(r"([^,]*?)\s*,\s*'([^']*)'\s*")
_LITERAL = {"*": "\ue000", "?": "\ue001"}
"""Characters of no ARN that stand for the literal characters,
in patterns and in what is compared with them.
"""
_MASKED, _UNMASKED = (
    str.maketrans(_LITERAL),
    str.maketrans({mark: plain for plain, mark in _LITERAL.items()}),
)
unsigned_form: contextvars.ContextVar[Mapping[str, str] | None] = contextvars.ContextVar(
    "unsigned_form", default=None
)
"""The fields of the current request, if it is a form that nobody signed."""


def install() -> None:
    """Wrap the evaluation of bucket policies and the search for a matching statement, once."""
    lost = "This version of ministack evaluates policies differently. The sandbox would ignore"
    wrap(
        "evaluate_resource_policy",
        "combine_resource_policy",
        _with_not_principal,
        f"{lost} NotPrincipal.",
    )
    wrap("_first_match", "evaluate", _with_variables, f"{lost} policy variables.")
    wrap(
        "_foreign_bucket_allows",
        "_apply_bucket_scope",
        _with_forms,
        f"{lost} unsigned forms.",
        "services.s3",
    )
    wrap(
        "_record_object_version",
        "_put_object",
        _without_former,
        "This version of ministack writes objects in another way; former ACLs would stay.",
        "services.s3",
    )


def wrap(
    name: str,
    caller: str,
    make: Callable[[_Evaluate], _Evaluate],
    lost: str,
    place: str = "core.iam_evaluator",
) -> None:
    """Wrap a private function of the emulator, once;
    raise :class:`Unsupported` if its caller no longer uses it.
    """
    module = importlib.import_module(f"ministack.{place}")
    check(module, name, caller, lost)
    original = getattr(module, name)
    if not getattr(original, "gt_secure", False):
        wrapped = make(original)
        wrapped.gt_secure = True  # type: ignore[attr-defined]
        setattr(module, name, wrapped)


def check(module: Any, name: str, caller: str, lost: str) -> None:
    """Raise :class:`Unsupported` unless the module has the function, and its caller calls it."""
    used = getattr(getattr(getattr(module, caller, None), "__code__", None), "co_names", ())
    if not callable(getattr(module, name, None)) or name not in used:
        raise Unsupported(
            lost, next_step="Run it with the pinned version: gt-secure sandbox install"
        )


def _without_former(original: _Evaluate) -> _Evaluate:
    """Drop the ACL and the tags that the emulator keeps of an object that is written anew."""

    def record(bucket: str, key: str, *args: Any) -> Any:
        from ministack.services import s3

        version = original(bucket, key, *args)
        for former in (s3._object_acl, s3._object_tags):
            former.pop((bucket, key, version), None)
        return version

    return record


def _with_forms(original: _Evaluate) -> _Evaluate:
    def allows(
        owner: str, bucket: str, key: str, method: str, query: Any, caller: str, headers: Any = None
    ) -> bool:
        fields = unsigned_form.get()
        if fields is None or key or caller or method != "POST":
            allowed = original(owner, bucket, key, method, query, caller, headers)
            return bool(allowed) and not _is_denied(owner, bucket, key, method, query, headers)
        acl = fields.get("x-amz-acl") or fields.get("acl")
        given = {**fields, **({"x-amz-acl": acl} if acl else {})}
        parts = {"acl": "x-amz-acl", "tagging": "x-amz-tagging"}
        asked: list[dict[str, list[str]]] = [
            {},
            *({part: [""]} for part, name in parts.items() if given.get(name)),
        ]
        return all(
            original(owner, bucket, fields.get("key", ""), "PUT", each, "", given) for each in asked
        )

    return allows


def _is_denied(owner: str, bucket: str, key: str, method: str, query: Any, headers: Any) -> bool:
    """Return whether the policy denies what an ACL grants to everybody;
    the emulator would ask the ACL alone.
    """
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import s3

    place = f"{bucket}/{key}" if key else bucket
    action = f"s3:{iam_actions._s3_action(method, place, query)}"
    with s3.request_scope(owner, REGION):
        keys = iam_actions.s3_service_context(action, query, place, headers or {})
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Anonymous",
        principal_account="",
        action=action,
        resource_arn=f"arn:aws:s3:::{place}",
        region=REGION,
        service_context={name.lower(): value for name, value in keys.items()},
    )
    policy = s3._bucket_policies.get_scoped(owner, None, bucket) or "{}"
    return bool(iam_evaluator.evaluate_resource_policy(policy, context).decision == "Deny")


def _with_not_principal(original: _Evaluate) -> _Evaluate:
    def evaluate(doc: Any, ctx: Any, *args: Any, **more: Any) -> Any:
        text = doc if isinstance(doc, str) else json.dumps(doc or {})
        if "NotPrincipal" not in text:
            return original(doc, ctx, *args, **more)
        return original(_rewritten(json.loads(text), ctx.principal_arn), ctx, *args, **more)

    return evaluate


def _rewritten(document: Json, caller: str) -> Json:
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    kept = []
    for each in listed:
        if each.get("Effect") != "Deny" or "NotPrincipal" not in each:
            kept.append(each)
        elif not _is_spared(each["NotPrincipal"], caller):
            kept.append({**each, "Principal": "*"})
    return {**document, "Statement": kept}


def _is_spared(principal: Any, caller: str) -> bool:
    if principal == "*":
        return True
    named = principal.get("AWS", []) if isinstance(principal, dict) else []
    listed = [named] if isinstance(named, str) else named
    if "*" in listed:
        return True
    account = caller.split(":")[4] if caller.count(":") >= 5 else ""
    accounts = {
        each if each.isdigit() else each.split(":")[4]
        for each in listed
        if _ACCOUNT.fullmatch(each)
    }
    if not account or account not in accounts:
        return False
    if caller.endswith(":root"):
        return True
    session = _SESSION.fullmatch(caller)
    roles = {match.groups() for each in listed if (match := _ROLE.fullmatch(each))}
    return caller in listed and (session is None or (session[2], session[3]) in roles)


def _with_variables(original: _Evaluate) -> _Evaluate:
    def first_match(ctx: Any, statements: list[Any], effect: str) -> Any:
        statements = [replace(each, conditions=_of_either(each.conditions)) for each in statements]
        if not any(
            "${" in f"{each.resources}{each.not_resources}{each.conditions}" for each in statements
        ):
            return original(ctx, statements, effect)
        filled = [_filled(statement, ctx) for statement in statements]
        arn = ctx.resource_arn if ctx.resource_arn == "*" else ctx.resource_arn.translate(_MASKED)
        return original(replace(ctx, resource_arn=arn), filled, effect)

    return first_match


def _of_either(conditions: Json) -> Json:
    """Return conditions without each ``Null`` that lists both values;
    the emulator looks at the first alone.
    """
    kept = dict(conditions)
    for operator, block in conditions.items():
        if operator.lower() == "null" and isinstance(block, dict):
            kept[operator] = {
                key: given
                for key, given in block.items()
                if not isinstance(given, list)
                or not {"true", "false"} <= {str(each).lower() for each in given}
            }
    return kept


def _filled(statement: Any, ctx: Any) -> Any:
    def patterns(given: list[str]) -> list[str]:
        return [text for each in given if (text := _substituted(each, ctx)) is not None] or (
            ["\ue002"] if given else []
        )

    return replace(
        statement,
        resources=patterns(statement.resources),
        not_resources=patterns(statement.not_resources),
        conditions={
            operator: _values(block, ctx) for operator, block in statement.conditions.items()
        },
    )


def _values(block: Any, ctx: Any) -> Any:
    if not isinstance(block, dict):
        return block
    return {
        key: [
            text.translate(_UNMASKED)
            for each in (given if isinstance(given, list) else [given])
            if (
                text := _substituted(
                    str(each).lower() if isinstance(each, bool) else str(each), ctx
                )
            )
            is not None
        ]
        for key, given in block.items()
    }


def _substituted(pattern: str, ctx: Any) -> str | None:
    parts, end = [], 0
    for found in _VARIABLE.finditer(pattern):
        value = _value(found[1], ctx)
        if value is None:
            return None
        parts += [pattern[end : found.start()], value]
        end = found.end()
    return "".join([*parts, pattern[end:]])


def _value(name: str, ctx: Any) -> str | None:
    from ministack.core import iam_evaluator

    if name in ("*", "?", "$"):
        return _LITERAL.get(name, name)
    given = _DEFAULT.fullmatch(name)
    key, default = (given[1], given[2]) if given else (name.strip(), None)
    value = getattr(iam_evaluator, _LOOKUP)(key, ctx)
    if value is None or isinstance(value, list):  # a multivalued key has no value as a variable
        value = default
    return None if value is None else str(value).translate(_MASKED)
