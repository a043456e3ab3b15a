"""Text of a policy with wildcards and policy variables, taken apart once and filled in for each
request.

Rules (IAM User Guide, *IAM policy elements: Variables and tags*): variables exist only in version
2012-10-17; ``${*}``, ``${?}`` and ``${$}`` are the characters themselves; ``${key, 'text'}`` has a
default; a variable whose key is not in the request has no value, and nothing equals it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

from ...base.errors import PolicyError
from ...base.text import Texts


class Wild(Enum):
    """A wildcard: ``ANY`` is ``*``, ``ONE`` is ``?``."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable: the context key in lower case, and the default if it has one."""

    key: str
    default: str | None = None


Filled: TypeAlias = tuple[str | Wild, ...]
TemplatePart: TypeAlias = str | Wild | Variable
Template: TypeAlias = tuple[TemplatePart, ...]
Keys: TypeAlias = Mapping[str, Texts]
"""The context of a request: key names in lower case, each with its values."""


class Several(Texts):
    """Values that came as a list: the key is multivalued, even if the list holds one value."""

    __slots__ = ()


MULTIVALUED = frozenset(
    {
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "aws:vpceorgpaths",
        "s3:requestobjecttagkeys",
    }
)
"""Keys that AWS documents as multivalued: none of them has a value as a policy variable."""

_VARIABLE = re.compile(r"\$\{\s*([^{}',]*?)\s*(?:,\s*'([^']*)'\s*)?\}")
_SPECIAL = {"*", "?", "$"}


@lru_cache(maxsize=8192)  # a proof asks for the same values in every space of requests
def parse_template(text: str, *, variables: bool, wildcards: bool, place: str) -> Template:
    """Take text apart into literals, wildcards and variables;
    raises :class:`PolicyError` for an open ``${``.
    """
    parts: list[TemplatePart] = []
    start = 0
    while variables and (found := text.find("${", start)) >= 0:
        _add_plain(parts, text[start:found], wildcards)
        match = _VARIABLE.match(text, found)
        if match is None or not match[1]:
            raise PolicyError(
                f'The policy variable at "{text[found : found + 40]}" is not well formed.',
                place=place,
                next_step="Write ${key} or ${key, 'default'}; write ${$} for a plain dollar sign.",
            )
        if match[1] in _SPECIAL and match[2] is None:
            parts.append(match[1])
        else:
            parts.append(Variable(match[1].lower(), match[2]))
        start = match.end()
    _add_plain(parts, text[start:], wildcards)
    return joined(parts)


def _add_plain(parts: list[TemplatePart], text: str, wildcards: bool) -> None:
    parts.extend(split_wildcards(text) if wildcards else [text])


def split_wildcards(text: str) -> Filled:
    """Return a text in pieces, with its wildcards as such."""
    pieces = re.split(r"([*?])", text)
    return tuple(Wild(piece) if piece in ("*", "?") else piece for piece in pieces if piece)


def joined(parts: Iterable[TemplatePart]) -> Template:
    """Return the parts of a template with texts that stand side by side as one."""
    found: list[TemplatePart] = []
    for part in parts:
        if part == "":
            continue
        last = found[-1] if found else None
        if isinstance(part, str) and isinstance(last, str):
            found[-1] = last + part
        else:
            found.append(part)
    return tuple(found)


def variable_keys(template: Template) -> frozenset[str]:
    """Return the condition keys whose values a template holds."""
    return frozenset(part.key for part in template if isinstance(part, Variable))


def keys_in(text: str) -> frozenset[str]:
    """Return the condition keys of the variables in a text."""
    found = (match[1].lower() for match in _VARIABLE.finditer(text))
    return frozenset(key for key in found if key and key not in _SPECIAL)


def settled(text: str, known: Keys) -> str:
    """Return a text with the value of each variable that is known."""
    return _VARIABLE.sub(lambda match: (known.get(match[1].lower()) or (match[0],))[0], text)


def is_fixed(template: Template) -> bool:
    """Return whether a template holds no variable."""
    return not any(isinstance(part, Variable) for part in template)


def fill(template: Template, keys: Keys) -> Filled | None:
    """Put the values of a request in place of the variables.

    Returns None if a variable has neither a value nor a default. A multivalued key cannot be a
    variable (IAM User Guide, *Single-valued vs. multivalued context keys*), so it has no value
    either, even where the request gives it one value. What comes from a variable is text, never a
    wildcard: a tag must not widen a policy.
    """
    filled: list[str | Wild] = []
    for part in template:
        if not isinstance(part, Variable):
            filled.append(part)
            continue
        values = keys.get(part.key, ())
        single = (
            len(values) == 1 and part.key not in MULTIVALUED and not isinstance(values, Several)
        )
        value = values[0] if single else part.default
        if value is None:
            return None
        filled.append(value)
    return tuple(filled)


def fill_text(template: Template, keys: Keys) -> str | None:
    """Like :func:`fill` for a template without wildcards: one text, or None."""
    filled = fill(template, keys)
    return None if filled is None else "".join(map(str, filled))
