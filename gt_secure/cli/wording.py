"""The words of the command line: ``--region`` for the library's ``region=``, ``gt-secure undo`` for ``gt.undo()``."""

from __future__ import annotations

import re

from ..errors import GtSecureError, InvalidInput
from ..wording import Wording

OPTIONS: dict[str, str] = {
    "accounts": "--accounts",
    "addresses": "--allow",
    "before": "--before",
    "bound_to": "--bound-to",
    "bucket": "--bucket",
    "confirm": "--confirm",
    "context": "--context",
    "digest": "--plan-digest",
    "endpoint": "--endpoint",
    "endpoint_url": "--endpoint-url",
    "endpoints": "--endpoint",
    "engine": "--engine",
    "expectations": "--expect-allowed or --expect-refused",
    "expires_in": "--expires-in",
    "guard": "--guard",
    "journal_dir": "--journal",
    "logs": "--logs",
    "max_age": "--max-age",
    "memory_limit": "--memory-limit",
    "networks": "--networks",
    "newest_within_h": "--newest-within-h",
    "organization": "--organization",
    "output": "--athena-output",
    "pools": "--pool",
    "portal_lock": "--portal-lock",
    "prefix": "--prefix",
    "profile": "--profile",
    "region": "--region",
    "restriction": "--restriction",
    "role_arn": "--role-arn",
    "role_name": "--role-name",
    "signer": "--signer",
    "since": "--since",
    "source": "--from",
    "sources": "SOURCE",
    "state": "--state",
    "table": "--athena-table",
    "team": "--team",
    "trusted": "--trusted",
    "until": "--until",
    "url_lock": "--url-lock",
    "use_session": "--no-session",
    "version_id": "--version-id",
    "yes": "--yes",
}
"""Arguments of the library and the options that set them."""

CHECKS = (
    "team_is_restricted", "guard_is_in_place", "no_foreign_hits", "no_leaked_urls", "no_findings", "nothing_drifted",
    "expectations_hold", "is_proved", "no_code_cell_skipped", "no_secret_saved",
)  # fmt: skip
"""Checks, which the command line spells with hyphens."""

COMMAND_LINE = Wording(
    OPTIONS,
    values={
        "guard=None": "without --guard",
        "guard=True": "--guard",
        "max_age=None": "--max-age off",
        "organization=True": "--organization",
        "portal_lock=None": "without --portal-lock",
        "portal_lock=True": "--portal-lock",
        "use_session=False": "--no-session",
        "yes=True": "--yes",
    },
    calls={
        "findings": "'gt-secure findings'",
        "hits": "access logs",
        "journal": "'gt-secure journal'",
        "resume": "'gt-secure apply --resume {}'",
        "undo": "'gt-secure undo {}'",
        "workteams": "'gt-secure teams'",
    },
)
"""Words of the command line for arguments and calls."""

_CHECK = re.compile(rf"\b(?:{'|'.join(CHECKS)})\b")
_QUOTED = re.compile(r"[\"'\u201c`](\w+)[\"'\u201d`]")


def for_command_line(error: GtSecureError) -> GtSecureError:
    """Return the error with options in place of Python arguments, and straight quotes."""
    # An error in a file keeps the names of the file.
    in_file = error.message.startswith("Entry ")
    field = error.field if isinstance(error, InvalidInput) and not in_file else ""
    result = COMMAND_LINE.translate(error)
    result.message, result.next_step = in_options(result.message, field), in_options(result.next_step, field)
    return result


def in_options(text: str, field: str = "") -> str:
    """Return a sentence with ``--option`` in place of ``argument=`` and of the quoted name of its field."""

    def quoted(match: re.Match[str]) -> str:
        name = match[1]
        return OPTIONS.get(name, f"--{name.replace('_', '-')}") if name == field else match[0]

    text = COMMAND_LINE.write(_CHECK.sub(lambda match: match[0].replace("_", "-"), text))
    return _QUOTED.sub(quoted, text) if field else text
