"""A sweep as a file: role, accounts, regions and accepted findings.

::

    version: 1
    role_name: GtSecureSweep
    external_id: gt-secure-2026
    accounts: [ "111122223333", "444455556666" ]    # or organization: true, or the name of a file
    regions: all
    buckets: "tag:project=labeling"                 # optional: rows by bucket too
    accepted: baseline.yaml                         # or a list
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .. import files as textfiles
from ..errors import InvalidInput
from ..findings.accepted import accepted_of
from ..findings.model import Acceptance
from .accounts import Account, read_accounts

MEMBERS = ("version", "role_name", "external_id", "accounts", "organization", "regions", "buckets", "accepted")
FORMAT = 1


class SweepSpec(NamedTuple):
    """The members of a sweep file, as arguments of :func:`~gt_secure.sweeps.sweep`."""

    role_name: str = ""
    external_id: str = ""
    accounts: tuple[Account, ...] | None = None
    organization: bool = False
    regions: str | tuple[str, ...] = "all"
    buckets: str | tuple[str, ...] | None = None
    accepted: tuple[Acceptance, ...] = ()


def load_sweep(path: str | Path) -> SweepSpec:
    """Read a sweep file, JSON or YAML."""
    file = Path(path)
    data = textfiles.load(file)
    if not isinstance(data, Mapping):
        raise _bad(f"{file.name} is not a sweep file.", "file", "Start with 'role_name:'.")
    for key in data:
        if key not in MEMBERS:
            near = difflib.get_close_matches(str(key), MEMBERS, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(MEMBERS)}."
            raise _bad(f"A sweep file has no member '{str(key)[:60]}'.", str(key), hint)
    version = data.get("version", FORMAT)
    if isinstance(version, bool) or version != FORMAT:
        raise _bad(f"{file.name} is in format {str(version)[:20]}; {FORMAT} is known here.", "version", "Write 1.")
    organization = data.get("organization", False)
    if not isinstance(organization, bool):
        raise _bad("'organization' is true or false.", "organization", "Write true, or name accounts.")
    accounts = data.get("accounts")
    return SweepSpec(
        role_name=_text(data, "role_name"),
        external_id=_text(data, "external_id"),
        accounts=None if accounts is None else _accounts(accounts, file),
        organization=organization,
        regions=_texts(data, "regions", "all") or "all",
        buckets=_texts(data, "buckets", None),
        accepted=accepted_of(data["accepted"], file) if "accepted" in data else (),
    )


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    if not isinstance(value, str):
        raise _bad(f"'{name}' is a text, not {str(value)[:40]!r}.", name, "Put it into quotes.")
    return value


def _accounts(value: object, file: Path) -> tuple[Account, ...]:
    if isinstance(value, str):
        return read_accounts(file.parent / value)
    if not isinstance(value, list):
        raise _bad("'accounts' is a list of account ids, or the name of a file.", "accounts", "Write a list.")
    return read_accounts(value)


def _texts(data: Mapping[str, Any], name: str, otherwise: str | None) -> str | tuple[str, ...] | None:
    value = data.get(name, otherwise)
    if value is otherwise or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise _bad(f"'{name}' is a text, or a list of texts.", name, f"Write {name}: {otherwise or 'used'}, or a list.")


def _bad(message: str, key: str, fix: str) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field=key)
