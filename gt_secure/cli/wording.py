"""The words of the command line: ``--region`` for the library's ``region=``,
``gt-secure undo`` for ``gt.undo()``.
"""

from __future__ import annotations

import re

from ..base.errors import GtSecureError, InvalidInput
from ..base.wording import Wording

OPTIONS: dict[str, str] = {
    "addresses": "--allow",
    "bucket": "s3://{}",
    "endpoint_url": "AWS_ENDPOINT_URL",
    "endpoints": "--endpoint",
    "expectations": "'expectations' in the file of -f",
    "facts": "--context",
    "journal": "GT_SECURE_JOURNAL",
    "key_prefix": "--prefix",
    "output": "--athena-output",
    "pools": "--pool",
    "prefix": "s3://BUCKET/{}",
    "source": "--from",
    "sources": "SOURCE",
    "table": "--athena-table",
    "vpcs": "--endpoint",
}
"""Arguments of the library and the options that set them, where the option has another name."""

PYTHON_ONLY = frozenset(
    (
        "athena",
        "aws",
        "boto3_session",
        "kind",
        "python",
        "sagemaker_session",
        "sandbox",
        "top",
        "update",
    )
)
"""Arguments that no command has: their errors are read in Python only."""


def option_of(name: str) -> str | None:
    """Return the option for an argument of the library; None for one that no command has."""
    return None if name in PYTHON_ONLY else OPTIONS.get(name, f"--{name.replace('_', '-')}")


COMMAND_LINE = Wording(
    option_of,
    values={
        "guard=None": "without --guard",
        "guard=True": "--guard all",
        "age_limit=None": "--age-limit off",
        "organization=True": "--organization",
        "portal_lock=None": "without --portal-lock",
        "portal_lock=True": "--portal-lock",
        "sign_with='own-keys'": "--sign-with own-keys",
        "yes=True": "--yes",
    },
    calls={
        "findings": "'gt-secure findings'",
        "hits": "access logs",
        "journal": "'gt-secure history'",
        "resume": "'gt-secure apply --resume {}'",
        "undo": "'gt-secure undo {}'",
        "workteams": "'gt-secure teams'",
    },
)
"""Words of the command line for arguments and calls."""

_CODES = re.compile(r"\bconfirm=\[([^\]]*)\]")
"""A list of Python: an option is typed once for each value."""
_QUOTED = re.compile(r"[\"'\u201c`](\w+)[\"'\u201d`]")


def for_command_line(error: GtSecureError) -> GtSecureError:
    """Return an error whose texts name options in place of Python arguments."""
    # An error in a file keeps the names of the file.
    in_file = error.message.startswith("Entry ")
    field = error.field if isinstance(error, InvalidInput) and not in_file else ""
    result = COMMAND_LINE.translate(error)
    result.message, result.next_step = (
        in_options(error.message, field),
        in_options(error.next_step, field),
    )
    return result


def in_options(text: str, field: str = "") -> str:
    """Return a sentence with ``--option`` in place of ``argument=`` and of the
    quoted name of its field.
    """
    from ..check.spec import RULES, hyphened  # an error alone needs them

    def quoted(match: re.Match[str]) -> str:
        return (
            (option_of(field) or match[0]).format(field.upper()) if match[1] == field else match[0]
        )

    text = _CODES.sub(
        lambda match: "--confirm " + match[1].replace("'", "").replace(", ", " --confirm "), text
    )
    checks = "|".join(RULES)
    text = re.sub(rf"\b(?:{checks})\b", lambda match: hyphened(match[0]), text)
    text = COMMAND_LINE.write(text)
    return _QUOTED.sub(quoted, text) if field else text
