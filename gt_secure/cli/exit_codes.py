"""Exit codes of the command line: one table for the code, ``--help`` and the documentation."""

from __future__ import annotations

import os

OK, ERROR, FOUND, UNKNOWN = 0, 1, 2, 3
USAGE = getattr(os, "EX_USAGE", 64)
INTERRUPTED = 130

EXIT_CODES: dict[int, str] = {
    OK: "done; nothing to change, every check passed; leaks and findings are printed",
    ERROR: "an error; standard error has the next step",
    FOUND: "changes, a failed check, or not proved; findings with --fail-on",
    UNKNOWN: "unknown, refused, or no answer",
    USAGE: "bad input: an option, a value or a file; nothing was changed",
    INTERRUPTED: "interrupted (Ctrl-C, SIGTERM or SIGHUP)",
}
"""Every exit code and its meaning. No command uses another code, or a code in another sense."""


def code_of(passed: bool | None) -> int:
    """Return the exit code of a verdict: passed, failed, or None for unknown."""
    return UNKNOWN if passed is None else OK if passed else FOUND


def exit_code_lines() -> list[str]:
    """Return the lines of help on exit codes."""
    return [f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items()]
