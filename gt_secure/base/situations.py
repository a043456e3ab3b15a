"""Situations: what gt_secure says of a plan, an account or an answer.

Their texts are in a JSON file of the package that meets them, and all these files have one form. A
row has a stable code and, where they apply, ``severity``, ``title``, ``text``, ``why`` (the
reason), ``fix`` and ``consent`` (what a person agrees to), with places for values such as
``{bucket}``. A row ``CODE/VARIANT`` after it is the same situation in other words, and has only the
members that differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from .files import package_data
from .text import Json, JsonLike

PLACES = ("text", "why", "fix", "consent")
"""Members with places for values."""


@cache
def situations(package: str, name: str) -> dict[str, Json]:
    """Return the rows of a file by code or ``CODE/VARIANT``, each with all its members."""
    rows: dict[str, Json] = {}
    for key, row in package_data(package, name).items():
        rows[key] = {**rows.get(key.rpartition("/")[0], {}), **row}
    return rows


def without_variants(rows: Mapping[str, Json]) -> dict[str, Json]:
    """Return the rows of whole codes."""
    return {key: row for key, row in rows.items() if "/" not in key}


def filled(row: JsonLike, values: Mapping[str, object]) -> dict[str, str]:
    """Return the members of a row that have places for values, with the values in them."""
    return {name: row[name].format_map(values) for name in PLACES if name in row}
