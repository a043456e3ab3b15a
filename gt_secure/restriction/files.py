"""Restrictions as small files: JSON always, YAML where PyYAML is installed."""

from __future__ import annotations

import json
from pathlib import Path

from ..base import files as textfiles
from ..base.text import Json
from .model import Restriction

SCHEMA_FILE = Path(__file__).with_name("restriction.schema.json")


def load_restriction(path: str | Path) -> Restriction:
    """Read a restriction file.

    Parameters
    ----------
    path : str or Path
        A ``.json``, ``.yaml`` or ``.yml`` file.

    Raises
    ------
    NotFound, InvalidInput, MissingExtra
        No such file; a file that is not a restriction; a YAML file without PyYAML.
    """
    return Restriction.from_dict(textfiles.load(path))


def dump_restriction(restriction: Restriction, path: str | Path) -> Path:
    """Write a restriction file in the format of its suffix.
    An existing file is replaced as a whole.
    """
    return textfiles.dump(restriction.to_dict(), path)


def dumps_restriction(restriction: Restriction, *, yaml: bool = False) -> str:
    """Return a restriction as JSON or YAML text."""
    return textfiles.dumps(restriction.to_dict(), yaml=yaml)


def hand_over(restriction: Restriction, policy: Json) -> str:
    """Return what a role that may not write gives to one that may, in one text: the wish, page,
    command and policy.
    """
    return "\n".join(
        (
            (
                "Please review and apply this restriction of presigned URLs. Save it as"
                " restriction.json:"
            ),
            dumps_restriction(restriction).rstrip(),
            "The page to review:",
            "gt-secure plan -f restriction.json --format html > plan.html",
            "This command asks for consent and applies it (gt-secure undo reverts the change):",
            "gt-secure apply -f restriction.json",
            "The permissions that this needs:",
            json.dumps(policy, indent=2),
        )
    )


def schema() -> Json:
    """Return the JSON Schema of restriction files."""
    data: Json = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return data
