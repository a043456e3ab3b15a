"""Parameters of the EC2 query protocol: numbered lists, pages, and errors."""

from __future__ import annotations

import re
from typing import Any

Record = dict[str, Any]


class Ec2Error(Exception):
    """An error answer of EC2."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def indexed(parameters: dict[str, str], name: str) -> list[str]:
    """Return the values of ``name.1``, ``name.2`` and so on."""
    pattern = re.compile(rf"{re.escape(name)}\.(\d+)$")
    found = [(int(hit[1]), value) for key, value in parameters.items() if (hit := pattern.match(key))]
    return [value for _, value in sorted(found)]


def entries(parameters: dict[str, str], name: str, member: str) -> list[tuple[str, str]]:
    """Return the pairs of a number and a value of ``name.1.member``, ``name.2.member`` and so on, in order."""
    pattern = re.compile(rf"{re.escape(name)}\.(\d+)\.{re.escape(member)}$")
    found = [(int(hit[1]), value) for key, value in parameters.items() if (hit := pattern.match(key))]
    return [(str(number), value) for number, value in sorted(found)]


def page(
    records: list[Record], parameters: dict[str, str], *, most: int = 1000, least: int = 5
) -> tuple[list[Record], str | None]:
    """Return one page of records and the token of the next."""
    size, token = parameters.get("MaxResults", str(most)), parameters.get("NextToken", "")
    if not size.isdigit() or not least <= int(size) <= most:
        raise Ec2Error("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid.")
    if token and not token.isdigit():
        raise Ec2Error("InvalidNextToken", "The token is not valid")
    start, end = int(token or 0), int(token or 0) + int(size)
    return records[start:end], str(end) if end < len(records) else None
