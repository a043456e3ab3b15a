"""Restrictions in text, as a file has them."""

from __future__ import annotations

from gt_secure import Restriction
from gt_secure.base import files


def loads_restriction(text: str, *, yaml: bool = False, name: str = "the text") -> Restriction:
    """Read a restriction from JSON or YAML text."""
    return Restriction.from_dict(files.loads(text, yaml=yaml, name=name))
