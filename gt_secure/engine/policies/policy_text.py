"""The text of a bucket policy and the places of its statements: an edit leaves every other
character as it was.

The edited text has its places without another look at it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TypeAlias

from ...base.errors import PolicyError
from ...base.groups import as_list
from ..iam.documents import StatementData
from ..iam.strict_json import parse_json

TextSpan: TypeAlias = tuple[int, int]
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """The text of a policy and the places of its statements.

    ``value`` is the start and end of the value of ``Statement``, which ``is_list`` or one statement
    without brackets. A missing version is 2008-10-17. ``statements`` are starts and ends, ``data``
    the statements themselves.
    """

    text: str
    version: str
    is_list: bool
    value: TextSpan
    statements: tuple[TextSpan, ...]
    data: tuple[StatementData, ...]

    def put(self, statement: StatementData, at: int | None = None) -> Layout:
        """Return the text with a statement in place of that at a position; by default it becomes
        the last one.

        Where ``Statement`` is a single object it becomes the first, so that :meth:`without` takes
        the brackets away.
        """
        made = json.dumps(statement, separators=(",", ":"))
        many, (start, end) = len(self.statements), self.value
        if at is not None:
            return self._edited(self.statements[at], made, (at, at + 1), [made], [statement])
        if not self.is_list:
            old = self.text[start:end]
            return self._edited(
                self.value,
                f"[{made},{old}]",
                (0, 1),
                [made, old],
                [statement, *self.data],
                is_list=True,
            )
        comma, place = (",", self.statements[-1][1]) if many else ("", start + 1)
        return self._edited((place, place), f"{comma}{made}", (many, many), [made], [statement])

    def without(self, at: int) -> Layout | None:
        """Return the text without a statement; None if no other is left,
        because S3 stores no empty policy.
        """
        spans = self.statements
        if len(spans) == 1:
            return None
        if at == 0 and len(spans) == 2:
            kept = self.text[slice(*spans[1])]
            return self._edited(self.value, kept, (0, 2), [kept], self.data[1:], is_list=False)
        is_last = at == len(spans) - 1
        cut = (spans[at - 1][1], spans[at][1]) if is_last else (spans[at][0], spans[at + 1][0])
        return self._edited(cut, "", (at, at + 1))

    def _edited(
        self,
        cut: TextSpan,
        made: str,
        replaced: TextSpan,
        texts: Sequence[str] = (),
        data: Sequence[StatementData] = (),
        *,
        is_list: bool | None = None,
    ) -> Layout:
        """Put a text in place of a part: it holds the texts of statements that come in
        place of a range of them.
        """
        (start, end), (first, behind) = cut, replaced
        longer, spans, at = len(made) - (end - start), list[TextSpan](), 0
        for text in texts:
            at = made.index(text, at)
            spans.append((start + at, start + at + len(text)))
            at += len(text)
        return Layout(
            self.text[:start] + made + self.text[end:],
            self.version,
            self.is_list if is_list is None else is_list,
            (self.value[0], self.value[1] + longer),
            (
                *self.statements[:first],
                *spans,
                *((a + longer, b + longer) for a, b in self.statements[behind:]),
            ),
            (*self.data[:first], *data, *self.data[behind:]),
        )


def lay_out(text: str) -> Layout:
    """Find the statements of a policy; raises PolicyError if the text is none."""
    document = parse_json(text)
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise PolicyError(
            "The policy is not an object with a Statement.",
            place="$",
            next_step="Correct the policy.",
        )
    found = document["Statement"]
    statements = as_list(found)
    if not all(isinstance(statement, Mapping) for statement in statements):
        raise PolicyError(
            "A statement must be an object.", place="$.Statement", next_step="Correct the policy."
        )
    value = _value_of(text, "Statement")
    spans = _items(text, value[0]) if isinstance(found, list) else (value,)
    return Layout(
        text,
        str(document.get("Version", "2008-10-17")),
        isinstance(found, list),
        value,
        spans,
        tuple(statements),
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
    spans = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        end = _value_end(text, at)
        spans.append((at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return tuple(spans)
