"""Pasted lists of addresses, in any usual written form, split into words. Parsing the words is left to `network`."""

from __future__ import annotations

import csv
import io
import json
import re

from .errors import InvalidInput

MAX_INPUT = 200_000
"""Longest pasted list, in characters; longer text is surely not a list of addresses."""

_ENDPOINT = re.compile(r"vpce-[0-9a-f]{8,17}")
_PREFIX_LIST = re.compile(r"pl-[0-9a-f]{8,17}", re.IGNORECASE)
_IP_SET = re.compile(r"wafv2:ipset/[A-Za-z0-9_-]{1,128}")
_DECORATION = "\"'[](){}<>;,"


def split_list(text: str) -> list[str]:
    """Split pasted text into the words that may be addresses.

    Takes lists separated by commas, blanks, semicolons or lines, JSON arrays (also of objects with an address-like
    member), CSV columns with or without a header, and ``#`` comments.
    """
    if len(text) > MAX_INPUT:
        raise InvalidInput(
            f"The pasted list is {len(text):,} characters long.",
            next_step=f"Paste at most {MAX_INPUT:,} characters of addresses.",
            field="addresses",
        )
    stripped = text.strip()
    if stripped[:1] in "[{":
        words = _from_json(stripped)
        if words is not None:
            return words
    lines = [re.split(r"(?:^|\s)#", line, maxsplit=1)[0] for line in text.splitlines()]
    text = "\n".join(line for line in lines if line.strip())
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error:  # a cell of more than 131,072 characters: a quote that is never closed
        rows = [line.split(",") for line in text.split("\n")]
    cells = [word for row in rows for cell in row for word in re.split(r"[\s;|]+", cell)]
    words = [word.strip(_DECORATION) for word in cells]
    words = [word for word in words if word]
    # A table has words that are no addresses at all (a header, a name): drop them if at least one column parses.
    if len(rows) > 1 and any(len(row) > 1 for row in rows):
        likely = [word for word in words if looks_like_address(word)]
        return likely or words
    if len(words) > 1 and re.fullmatch(r"(?i)(ip|ips|cidr|cidrs|cidr_?ip|address|addresses|network|range)s?", words[0]):
        return words[1:]
    return words


def looks_like_address(word: str) -> bool:
    """Return True if a word of a table looks like an address, a range or an endpoint, valid or not."""
    address = re.match(r"^(?:[0-9]{1,3}\.|[0-9A-Fa-f]{0,4}:)", word)
    return bool(address or _ENDPOINT.fullmatch(word) or list_name(word))


def list_name(word: object) -> str | None:
    """Return the name of a list that AWS keeps (``pl-0a1b2c3d4e5f60718``, ``wafv2:ipset/NAME``), or None."""
    text = word.strip() if isinstance(word, str) else ""
    if _PREFIX_LIST.fullmatch(text):
        return text.lower()
    return text if _IP_SET.fullmatch(text) else None


def _from_json(text: str) -> list[str] | None:
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, str):
            found.append(node.strip())
        elif isinstance(node, dict):
            for value in node.values():
                if not isinstance(value, str) or looks_like_address(value.strip()):
                    walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    try:
        walk(json.loads(text))
    except (ValueError, RecursionError):
        return None
    return found
