"""Secrets in the data of a notebook: where they are, and how they are masked.

The patterns are in ``secret_patterns.json``, which the save guard of the JupyterLab extension reads too. A test lets
both read the same notebooks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATTERNS_FILE = Path(__file__).with_name("secret_patterns.json")

_WIDGETS = "widgets"


@dataclass(frozen=True, slots=True)
class SavedSecret:
    """One kind of secret in one place of a notebook; the secret itself is not kept.

    Attributes
    ----------
    place : str
        Such as ``cell 3, output``, ``the metadata`` or ``the widget state``. The first cell is 0.
    what : str
        Such as ``the signature of a presigned URL``.
    """

    place: str
    what: str

    def to_dict(self) -> dict[str, str]:
        """Return the fields as a dictionary."""
        return {"place": self.place, "what": self.what}


class _Rules:
    """The table of patterns, compiled."""

    def __init__(self, table: dict[str, Any]) -> None:
        parts = table["parts"]
        self.mask: str = table["mask"]
        self.skipped: tuple[str, ...] = tuple(table["skipped"])
        self._hint = re.compile(table["hint"], re.ASCII | re.IGNORECASE)
        self._rules: list[tuple[str, str, re.Pattern[str]]] = []
        for rule in table["rules"]:
            pattern = re.sub(r"<([A-Z]+)>", lambda part: parts[part[1]], rule["pattern"])
            flags = re.ASCII | (re.IGNORECASE if rule["ignore_case"] else 0)
            self._rules.append((rule["what"], rule["hint"], re.compile(pattern, flags)))

    def find(self, text: str) -> list[str]:
        """Return the kinds of secrets in a text, in the order of the table."""
        if not self._hint.search(text):
            return []
        lower = text.lower()
        return list(
            dict.fromkeys(what for what, hint, pattern in self._rules if hint in lower and pattern.search(text))
        )

    def masked(self, text: str) -> str:
        """Return the text with every secret replaced by the mask."""
        if not self._hint.search(text):
            return text
        for _, _, pattern in self._rules:
            text = pattern.sub(lambda found: f"{found[1]}{self.mask}", text)
        return text


_rules: _Rules | None = None


def _table() -> _Rules:
    global _rules
    if _rules is None:
        _rules = _Rules(json.loads(PATTERNS_FILE.read_text(encoding="utf-8")))
    return _rules


def secrets_in(text: str) -> list[str]:
    """Name the kinds of secrets in a text; the secrets themselves are not returned."""
    return _table().find(text)


def find_secrets(book: dict[str, Any]) -> list[SavedSecret]:
    """Find the secrets of a notebook: in sources, outputs, metadata, attachments and widget state.

    Parameters
    ----------
    book : dict
        A notebook of format 4, as ``json.load`` or ``nbformat.read`` return it.

    Returns
    -------
    list of SavedSecret
        One for each kind and place, in the order of the notebook. Pictures are not searched.
    """
    rules = _table()
    return list(
        dict.fromkeys(
            SavedSecret(place, what)
            for place, name, value, _ in _parts(book)
            for text in _texts(value, name, rules)
            for what in rules.find(text)
        )
    )


def mask_secrets(book: dict[str, Any]) -> list[SavedSecret]:
    """Replace the secrets of a notebook with ``***``, in place.

    Host, key, date and lifetime of a presigned URL stay, so the text still says what it was.

    Returns
    -------
    list of SavedSecret
        What was there, and where.
    """
    found = find_secrets(book)
    if found:
        rules = _table()
        for _, name, value, owner in _parts(book):
            owner[name] = _masked(value, name, rules)
    return found


def _parts(book: dict[str, Any]) -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    """Yield (place, name of the member, value, its owner) for the parts that a person tells apart."""
    for i, cell in enumerate(book.get("cells") or ()):
        if isinstance(cell, dict):
            for name, value in list(cell.items()):
                yield f"cell {i}, {name.removesuffix('s')}", name, value, cell
    for name, value in list(book.items()):
        if name == "metadata" and isinstance(value, dict):
            for inner, each in list(value.items()):
                yield "the widget state" if inner == _WIDGETS else "the metadata", inner, each, value
        elif name != "cells":
            yield "the metadata", name, value, book


def _texts(value: Any, name: str | None, rules: _Rules) -> Iterator[str]:
    """Every text in a value; lists of lines also as one, members with their name, pictures left out."""
    stack: list[tuple[Any, str | None]] = [(value, name)]
    while stack:
        item, key = stack.pop()
        if isinstance(item, str):
            yield item if key is None else f'{key}="{item}"'
        elif isinstance(item, list):
            if item and all(isinstance(each, str) for each in item):
                yield "".join(item)  # a text may be saved as a list of its lines
            stack += [(each, None) for each in item]
        elif isinstance(item, dict):
            for inner, each in item.items():
                if not str(inner).startswith(rules.skipped):
                    yield str(inner)
                    stack.append((each, str(inner)))


def _masked(value: Any, name: str | None, rules: _Rules) -> Any:
    if isinstance(value, str):
        if name is None:
            return rules.masked(value)
        text = rules.masked(f'{name}="{value}"')
        head = f'{name}="'
        return text[len(head) : -1] if text.startswith(head) and text.endswith('"') else rules.mask
    if isinstance(value, list):
        items = [_masked(each, None, rules) for each in value]
        if items and all(isinstance(each, str) for each in items):
            whole = "".join(items)
            masked = rules.masked(whole)
            return items if masked == whole else masked.splitlines(keepends=True)
        return items
    if isinstance(value, dict):
        for inner in list(value):
            each = value[inner] if str(inner).startswith(rules.skipped) else _masked(value[inner], str(inner), rules)
            clean = rules.masked(inner) if isinstance(inner, str) else inner
            if clean != inner:
                del value[inner]
            value[clean] = each
        return value
    return value
