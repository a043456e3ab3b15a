"""Messages in the syntax of one surface: the library writes ``addresses=``,
and a surface puts its own words there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .errors import GtSecureError

_CURLY = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'"})
_VALUE = (
    r"(?P<value>\[?(?:'[^']*'|\"[^\"]*\")(?:,"
    r" \.\.\.)?\]?|\[?\.\.\.\]?|\{[^{}]*\}|None\b|True\b|False\b)?(?![\w=])"
)
_ARGUMENT = re.compile(rf"(?P<verb>\bPass )?(?<![\w:/?&.-])(?P<name>[a-z][a-z0-9_]*)={_VALUE}")
_CALL = re.compile(r"\bgt\.(?P<name>\w+)(?:\((?P<argument>[^()]*)\))?")
_TWICE = re.compile(r"\b(\w+) or \1\b")
"""An argument and a variable of the library that are one thing on a surface."""


@dataclass(frozen=True)
class Wording:
    """The words of one surface for what the library calls by its Python name."""

    arguments: Callable[[str], str | None]
    values: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, str] = field(default_factory=dict)
    keeps_values: bool = True

    def write(self, text: str) -> str:
        """Return a sentence in the words of the surface, with straight quotes.

        Examples
        --------
        >>> wording = Wording({"bucket": "--bucket"}.get, calls={"workteams": "'gt-secure teams'"})
        >>> wording.write("Pass bucket='photos'.")
        'Pass --bucket photos.'
        """

        def argument(match: re.Match[str]) -> str:
            name, value = match["name"], (match["value"] or "").strip("[]")
            setter = self.arguments(name)
            if setter is None:
                return match[0]
            plain = value.removesuffix(", ...").strip("'\"")
            if value.startswith("{"):
                plain = value.strip("{}").replace("'", "").replace(": ", "=")
            shown = self.values.get(f"{name}={value}") or setter
            if "{}" in shown:
                return (match["verb"] or "") + shown.format(plain or name.upper())
            if self.keeps_values and value[:1] in ("'", '"', "{"):
                shown += f" '{plain}'" if " " in plain else f" {plain}"
            # A person types an option, but fills in a field.
            verb = match["verb"] or ""
            return (verb if self.keeps_values or not verb else "Use ") + shown

        def call(match: re.Match[str]) -> str:
            shown = self.calls.get(match["name"])
            if shown is None:
                return match[0]
            return shown.format((match["argument"] or "").strip("'\""))

        written = _ARGUMENT.sub(argument, _CALL.sub(call, text)).translate(_CURLY)
        return _TWICE.sub(r"\1", written)

    def translate(self, error: GtSecureError) -> GtSecureError:
        """Return a copy of an error whose message and next step are in the words of the surface."""
        # Not copy.copy: it calls the class with the message alone, and some classes need more.
        result = type(error).__new__(type(error), *error.args)
        result.__dict__.update(error.__dict__)
        result.__cause__, result.__traceback__ = error.__cause__, error.__traceback__
        result.message, result.next_step = self.write(error.message), self.write(error.next_step)
        return result
