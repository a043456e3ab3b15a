"""Printing for the command line: JSON for programs, plain tables for people."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import errno
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..base.errors import AccessDenied, GtSecureError, InvalidInput
from ..base.text import Json, json_text, printable
from .exit_codes import ERROR
from .wording import for_command_line

if TYPE_CHECKING:
    from ..aws.client import Aws
    from ..connection import Connection


_callers: list[Aws] = []


def connection(args: argparse.Namespace, **attributes: Any) -> Connection:
    """Connect with the common options and further arguments;
    the sandbox is named by AWS_ENDPOINT_URL.
    """
    from ..connection import connect  # much to import, and a command over logs makes no connection

    made = connect(profile=args.profile, region=args.region, **attributes)
    made = replace(made, aws=made.aws.remembering())  # a command is one question
    _callers[:] = [made.aws]
    return made


def last_caller() -> Aws | None:
    """Return the credentials of the connection that was made last; None without one."""
    return _callers[0] if _callers else None


_UNUSABLE = frozenset(
    {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
)


def prepare_streams() -> None:
    """Make the streams take any text; a closed standard output is an error,
    since nobody would see the answer.
    """
    closed = sys.stdout is None  # Python's sign of a closed descriptor
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the end
    if closed:
        raise GtSecureError(
            "Standard output is closed. Nothing was done.", next_step="Add > FILE, or > /dev/null."
        )
    for stream in (sys.stdout, sys.stderr):
        ascii_only = codecs.lookup(stream.encoding).name == "ascii"
        stream.reconfigure(encoding="utf-8" if ascii_only else None, errors="backslashreplace")  # type: ignore[union-attr]


def output_lost(error: OSError, code: int, *, writes: bool) -> int:
    """Return the exit code where output cannot be written;
    a reader that goes away after the last line is no error.
    """
    if error.errno not in _UNUSABLE or error.filename is not None:
        raise error
    with contextlib.suppress(OSError, ValueError):  # Python would try again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE and not writes:
        return code
    history = (
        "To see what was changed, run 'gt-secure history'."
        if writes
        else "Choose another file or a terminal."
    )
    last_words(f"gt-secure: The output cannot be written: {error.strerror}.\n  next: {history}")
    return ERROR


def last_words(text: str) -> None:
    """Write a last line to standard error, which may be closed already."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def report(error: GtSecureError) -> None:
    """Write an error to standard error, with the next step and the policy that an
    administrator would add.
    """
    error = for_command_line(error)
    note(f"gt-secure: {error.message}")
    if error.next_step:
        note(f"  next: {error.next_step}")
    if isinstance(error, AccessDenied):
        if error.policy:
            sys.stderr.write(json_text(error.policy, indent=2) + "\n")
        if "trust_statement" in error.details:
            sys.stderr.write(
                "Trust statement:\n" + json_text(error.details["trust_statement"], indent=2) + "\n"
            )


def say(text: str = "") -> None:
    """Print a line of the answer."""
    sys.stdout.write(_shown(text) + "\n")


def note(text: str) -> None:
    """Print a line to standard error: for people, never for programs."""
    sys.stderr.write(fit(_shown(text), sys.stderr) + "\n")


def write_report(target: str | None, make: Callable[[], str | bytes]) -> None:
    """Write a report to its file, if one is named; InvalidInput if it cannot be written."""
    if target is None:
        return
    made = make()
    try:
        Path(target).write_bytes(made if isinstance(made, bytes) else made.encode())
    except OSError as error:
        raise InvalidInput(
            f"{target} cannot be written: {error.strerror}.",
            next_step="Choose a file in a folder that exists.",
            field="output",
        ) from error


def ask(question: str, next_step: str) -> bool:
    """Ask on the terminal; without one, raise :class:`InvalidInput` with the next step."""
    if not sys.stdin.isatty():
        raise InvalidInput(
            "Cannot ask for confirmation: standard input is not a terminal.",
            next_step=next_step,
            field="yes",
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


FORMAT_VERSION = "1.0"
"""Version of the JSON of the command line:
the first number counts changes after which a reader must change too.
"""


def show_json(data: Json) -> None:
    """Print an object as JSON, with the version of its form."""
    sys.stdout.write(json_document(data) + "\n")


def json_document(data: Json) -> str:
    """Return an object as JSON, with the version of its form."""
    return json_text({"format_version": FORMAT_VERSION, **data}, indent=2)


class Styled(str):
    """Text whose control characters are our own styles:
    text from outside has been made printable.
    """

    __slots__ = ()


def _shown(text: str) -> str:
    return text if isinstance(text, Styled) else printable(text, keep="\n")


_GRADES = {
    "31": r"critical|high|failed|  ✕|stop:|finding, (?:critical|high)",
    "33": r"medium|unknown|warning|question|  [?!]|finding, medium",
    "32": r"passed",
    "2": r"low|info|note|finding, (?:low|info)",
}
"""Colours of a terminal (red, yellow, green, faint),
and the words that have them at the start of a line.
"""


def graded(text: str) -> str:
    """Return a text in which the grade at the start of a line has its colour,
    if the output is a terminal.
    """
    text = _shown(text)
    for colour, words in _GRADES.items() if _use_colour() else ():
        text = re.sub(
            rf"^(?:{words})(?!\w)", f"\x1b[{colour}m\\g<0>\x1b[0m", text, flags=re.MULTILINE
        )
    return Styled(text)


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, whole: Collection[int] = ()
) -> str:
    """Lay out a table; columns wrap where the terminal is too narrow, but those in ``whole``."""
    from ..base.columns import lay_out  # the help prints no table

    titles, *lines = "\n".join(lay_out(head, rows, line_width(), whole=whole)).split("\n")
    return Styled(
        "\n".join(
            [f"\x1b[1m{titles}\x1b[0m" if _use_colour() else titles, graded("\n".join(lines))]
        )
    )


_USUAL_WIDTH = 80


def line_width(stream: TextIO | None = None) -> int | None:
    """Return the columns of the terminal; None if the stream (default: standard output)
    is no terminal.
    """
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given):
        return max(int(given), 20)
    out = sys.stdout if stream is None else stream
    if not out.isatty():
        return None
    with contextlib.suppress(OSError):
        return max(os.get_terminal_size(out.fileno()).columns, 20)
    return _USUAL_WIDTH


def fit(text: str, stream: TextIO | None = None) -> str:
    """Wrap the lines of a text to the width of the terminal; a command to copy stays whole."""
    from ..base.columns import wrapped  # the help prints no table

    room = line_width(stream)
    if room is None:
        return text
    lines = (
        (line, min(len(line) - len(line.lstrip()) + 4, room // 2)) for line in text.split("\n")
    )
    return "\n".join(part for line, indent in lines for part in wrapped(line, indent, room))


def _use_colour() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(sys.stdout.isatty())


def only_sandbox(aws: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a process that must reach the sandbox and never
    the user's own account.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, **aws}
