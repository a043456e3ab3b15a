"""Policy variables such as ``${aws:username}``, which the emulator takes as they are written.

Before a statement is compared with a request, its resources and condition values get the request's values. A value that
is substituted, and ``${*}`` or ``${?}``, count literally. Without a value and a default the pattern matches nothing
(IAM User Guide, *IAM policy elements: Variables and tags*). The emulator does not keep a policy's ``Version``, so
variables work in policies of the old version too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import evaluator

PRIVATE_NAME, _LOOKUP = "_first_match", "_resolve_condition_key"
_CALLER = "evaluate"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DEFAULT = re.compile(r"([^,]*?)\s*,\s*'([^']*)'\s*")
_LITERAL = {"*": "\ue000", "?": "\ue001"}
"""Characters of no ARN that stand for the literal characters, in patterns and in what is compared with them."""


def install() -> None:
    """Wrap the emulator's search for a matching statement, once.

    Raises
    ------
    Unsupported
        If the installed ministack has no such function, or its evaluation no longer calls it.
    """
    lost = "This version of ministack evaluates statements in another way; the sandbox would ignore policy variables."
    evaluator.wrap(PRIVATE_NAME, _CALLER, _wrapped, lost)


def _wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
    def first_match(ctx: Any, statements: list[Any], effect: str) -> Any:
        if not any(map(_has_variable, statements)):
            return original(ctx, statements, effect)
        filled = [_filled(statement, ctx) for statement in statements]
        arn = ctx.resource_arn if ctx.resource_arn == "*" else _masked(ctx.resource_arn)
        return original(replace(ctx, resource_arn=arn), filled, effect)

    return first_match


def _has_variable(statement: Any) -> bool:
    return "${" in f"{statement.resources}{statement.not_resources}{statement.conditions}"


def _filled(statement: Any, ctx: Any) -> Any:
    def patterns(given: list[str]) -> list[str]:
        return [text for each in given if (text := _substituted(each, ctx)) is not None] or (
            ["\ue002"] if given else []
        )

    return replace(
        statement,
        resources=patterns(statement.resources),
        not_resources=patterns(statement.not_resources),
        conditions={operator: _values(block, ctx) for operator, block in statement.conditions.items()},
    )


def _values(block: Any, ctx: Any) -> Any:
    if not isinstance(block, dict):
        return block
    return {
        key: [
            _unmasked(text)
            for each in (given if isinstance(given, list) else [given])
            if (text := _substituted(str(each).lower() if isinstance(each, bool) else str(each), ctx)) is not None
        ]
        for key, given in block.items()
    }


def _substituted(pattern: str, ctx: Any) -> str | None:
    """Return a pattern with values for its variables; None if one has no value."""
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
    return None if value is None else _masked(str(value))


def _masked(text: str) -> str:
    for plain, literal in _LITERAL.items():
        text = text.replace(plain, literal)
    return text


def _unmasked(text: str) -> str:
    for plain, literal in _LITERAL.items():
        text = text.replace(literal, plain)
    return text
