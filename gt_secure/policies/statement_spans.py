"""Positions of the statements of a policy in its text, so that one can be put in or taken out alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TypeAlias

from ..errors import PolicyError
from ..iam.strict_json import parse_json

TextSpan: TypeAlias = tuple[int, int]
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """The text of a policy and the places of its statements.

    ``value`` is the start and end of the value of ``Statement``, which ``is_list`` or one statement without brackets.
    A missing version is 2008-10-17. ``statements`` are starts and ends, ``data`` the statements themselves.
    """

    text: str
    version: str
    is_list: bool
    value: TextSpan
    statements: tuple[TextSpan, ...]
    data: tuple[Mapping[str, object], ...]

    def with_sid(self, sid: str) -> tuple[int, ...]:
        """Return the positions of the statements that have this Sid."""
        return tuple(index for index, statement in enumerate(self.data) if statement.get("Sid") == sid)


def lay_out(text: str) -> Layout:
    """Find the statements of a policy; raises PolicyError if the text is none."""
    document = parse_json(text)
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise PolicyError("The policy is not an object with a Statement.", place="$", next_step="Correct the policy.")
    found = document["Statement"]
    statements = found if isinstance(found, list) else [found]
    if not all(isinstance(statement, Mapping) for statement in statements):
        raise PolicyError("A statement must be an object.", place="$.Statement", next_step="Correct the policy.")
    value = _value_of(text, "Statement")
    spans = _items(text, value[0]) if isinstance(found, list) else (value,)
    return Layout(
        text, str(document.get("Version", "2008-10-17")), isinstance(found, list), value, spans, tuple(statements)
    )


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at


def _value_end(text: str, at: int) -> int:
    return json.JSONDecoder().raw_decode(text, at)[1]


def _value_of(text: str, name: str) -> TextSpan:
    at = _skip(text, 0) + 1
    while True:
        key, at = scanstring(text, _skip(text, at) + 1)
        start = _skip(text, _skip(text, at) + 1)
        end = _value_end(text, start)
        if key == name:
            return start, end
        at = _skip(text, end) + 1


def _items(text: str, at: int) -> tuple[TextSpan, ...]:
    spans: list[TextSpan] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _value_end(text, at)
        spans.append((at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return tuple(spans)
