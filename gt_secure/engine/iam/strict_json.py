"""JSON as policies need it: duplicate names are seen, numbers keep their digits, and every value
has a place.

Python's ``json`` keeps the last of two equal names without a word. In a policy that silently drops
a condition, and the grammar forbids it (IAM User Guide, *Grammar of the IAM JSON policy language*).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping

from ...base.errors import PolicyError

MAX_DOCUMENT = 200_000
"""Longest document that is read, in characters: ten times the largest limit of AWS for a policy."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class JsonNumber(str):
    """A JSON number as it was written; policies compare its digits,
    so they must not pass through a float.
    """

    __slots__ = ()


class JsonObject(dict[str, object]):
    """A JSON object that remembers which names occurred more than once."""

    duplicates: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, object]]) -> JsonObject:
    made = JsonObject(pairs)
    if len(made) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        made.duplicates = tuple(sorted(name for name, count in counts.items() if count > 1))
    return made


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def parse_json(text: str) -> object:
    """Parse JSON text; raises :class:`PolicyError` with the place of a name that
    one object has twice.
    """
    if len(text) > MAX_DOCUMENT:
        raise PolicyError(
            f"The document is {len(text):,} characters long.",
            place="$",
            next_step=(
                "AWS accepts at most 20 KB for a bucket policy; give the policy document alone."
            ),
        )
    value = load_json(text)
    refuse_duplicates(value)
    return value


def load_json(text: str) -> object:
    """Parse JSON text of any length; names that occur twice are remembered,
    see :func:`refuse_duplicates`.
    """
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=JsonNumber,
            parse_float=JsonNumber,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise PolicyError(
            f"The text is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            place="$",
            next_step="Correct the text there.",
        ) from error
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PolicyError(
            f"The text is not usable JSON: {said}.", place="$", next_step="Correct the document."
        ) from error
    return value


def refuse_duplicates(value: object) -> None:
    """Raise :class:`PolicyError` for the first object, from the top,
    in which a name occurs twice.
    """
    waiting = [(value, "$")]
    while waiting:
        node, where = waiting.pop()
        if isinstance(node, Mapping):
            if isinstance(node, JsonObject) and node.duplicates:
                name = node.duplicates[0]
                raise PolicyError(
                    f'The name "{name}" occurs more than once in one object; only one would take'
                    " effect.",
                    place=member(where, name),
                    next_step="Merge the two into one.",
                )
            waiting.extend((child, member(where, str(name))) for name, child in node.items())
        elif isinstance(node, (list, tuple)):
            waiting.extend((child, item(where, index)) for index, child in enumerate(node))


def member(place: str, name: str) -> str:
    """Return the place of a member of the object at a place."""
    if _PLAIN_NAME.fullmatch(name):
        return f"{place}.{name}"
    return f"{place}[{json.dumps(name)}]"


def item(place: str, index: int) -> str:
    """Return the place of an item of the list at a place."""
    return f"{place}[{index}]"
