"""Messages in the syntax of the command line: ``--region`` instead of the library's ``region=``."""

from __future__ import annotations

import copy
import re

from ..errors import GtSecureError, InvalidInput

OPTIONS: dict[str, str] = {
    "addresses": "--allow",
    "bound_to": "--bound-to",
    "bucket": "--bucket",
    "confirm": "--confirm",
    "context": "--context",
    "endpoint": "--endpoint",
    "endpoint_url": "--endpoint-url",
    "endpoints": "--endpoint",
    "engine": "--engine",
    "expectations": "--expect-allowed or --expect-refused",
    "expires_in": "--expires-in",
    "journal_dir": "--journal",
    "logs": "--logs",
    "newest_within_h": "--newest-within-h",
    "pools": "--pool",
    "portal_lock": "--portal-lock",
    "prefix": "--prefix",
    "profile": "--profile",
    "region": "--region",
    "restriction": "--restriction",
    "role_arn": "--role-arn",
    "since": "--since",
    "source": "--from",
    "sources": "SOURCE",
    "team": "--team",
    "until": "--until",
    "url_lock": "--url-lock",
    "version_id": "--version-id",
}
"""Arguments of the library and the options that set them."""

CHECKS = (
    "team_is_restricted", "guard_is_in_place", "no_foreign_hits", "no_leaked_urls", "no_findings", "nothing_drifted",
    "expectations_hold", "is_proved", "no_code_cell_skipped", "no_secret_saved",
)  # fmt: skip
"""Checks, which the command line spells with hyphens."""

_CHECK = re.compile(rf"\b(?:{'|'.join(CHECKS)})\b")
_ARGUMENT = re.compile(r"\b(" + "|".join(OPTIONS) + r")=(?:\[\.\.\.\]|\.\.\.)?(?![\w=])")
_QUOTED = re.compile(r"[\"'\u201c`](\w+)[\"'\u201d`]")
_CURLY = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'"})


def for_command_line(error: GtSecureError) -> GtSecureError:
    """Return the error with options in place of Python arguments, and straight quotes."""
    # An error in a file keeps the names of the file.
    in_file = error.message.startswith("Entry ")
    field = error.field if isinstance(error, InvalidInput) and not in_file else ""
    result = copy.copy(error)
    result.message = in_options(error.message, field)
    result.next_step = in_options(error.next_step, field)
    return result


def in_options(text: str, field: str = "") -> str:
    """Return a sentence with ``--option`` in place of ``argument=`` and of the quoted name of its field."""

    def quoted(match: re.Match[str]) -> str:
        name = match[1]
        return OPTIONS.get(name, f"--{name.replace('_', '-')}") if name == field else match[0]

    text = _CHECK.sub(lambda match: match[0].replace("_", "-"), text)
    text = _ARGUMENT.sub(lambda match: OPTIONS[match[1]], text)
    return (_QUOTED.sub(quoted, text) if field else text).translate(_CURLY)
