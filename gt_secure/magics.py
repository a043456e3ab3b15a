"""``%load_ext gt_secure``: the line magic ``%gt_secure`` for notebooks.

::

    %gt_secure panel --team radiology-team --allow 203.0.113.0/24
    plan = %gt_secure plan s3://gt-images --team radiology-team --allow 203.0.113.0/24
    %gt_secure teams

Every word is a command of ``gt-secure``. A command that has a result returns it, and the notebook
shows it: the same object, from the same function, that the command line prints. With ``--json`` or
another format, and for commands without a result, the magic prints what the command prints.
``panel`` returns the widget. An error is a sentence with the next step, not a traceback; it stops
the notebook. A verdict that is not 0 on the command line (``check``,
``prove``, ``history verify``, ``--fail-on``) stops the notebook too, unless its value is assigned.
"""

from __future__ import annotations

import argparse
import dis
import shlex
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from . import widgets
from .base.errors import AccessDenied, GtSecureError, InvalidInput
from .base.network import split_list
from .cli.main import parse, record_verdict
from .cli.output import connection
from .cli.parser import Parser, add_connection_options
from .cli.wording import for_command_line

if TYPE_CHECKING:
    from .widgets import Panel

NAME = "gt_secure"


class MagicError(GtSecureError):
    """An error of the magic: IPython shows its sentences instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        lines = [f"gt_secure: {self.message}"]
        if self.next_step:
            lines.append(f"  next: {self.next_step}")
        if isinstance(self.__cause__, AccessDenied):
            lines += ["  policy:", *self.__cause__.policy_text.splitlines()]
        return lines


def load_ipython_extension(ipython: Any) -> None:
    """Register the magic; called by ``%load_ext gt_secure``."""
    ipython.register_magic_function(run_line, magic_kind="line", magic_name=NAME)


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magic away again; called by ``%unload_ext gt_secure``."""
    ipython.magics_manager.magics["line"].pop(NAME, None)


def run_line(line: str) -> Any:
    """Run the line of a magic, as on the command line of ``gt-secure``, or ``panel`` with the
    options of a restriction.

    Returns the result of the command, such as a Plan or the Panel; None if the command only prints.
    A failure is a :class:`MagicError` with its sentence and next step.
    """
    try:
        return _run(_words(line))
    except GtSecureError as error:
        shown = for_command_line(error)
        raise MagicError(shown.message, next_step=shown.next_step, details=error.details) from error


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidInput(
            f"The line cannot be read: {error}.", next_step="Close the quotation mark."
        ) from error


def _run(words: list[str]) -> Any:
    if words[:1] == ["panel"]:
        return _panel(_parse(_panel_parser().parse_args, words[1:]))
    args = _parse(parse, words)
    if args is None:
        return None
    args.parser.check_combination(args)
    is_check = args.command == "check"
    if (
        args.result is not None
        and not _prints(args)
        and (is_check or not args.is_verdict or _is_assigned())
    ):
        result = args.result(args)
        return result.require() if is_check else result
    code = record_verdict(args, int(args.run(args)))
    if code and args.is_verdict:
        said = f"{args.command} ended with exit code {code}: it failed, or something is unknown."
        raise GtSecureError(said, next_step="Read what is printed above.")
    return None


def _is_assigned() -> bool:
    """Return whether the cell that runs the magic assigns its value to a name."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in (
        NAME,
        "IPython",
    ):
        frame = frame.f_back
    if frame is None:
        return False
    after = (
        each.opname for each in dis.get_instructions(frame.f_code) if each.offset > frame.f_lasti
    )
    return next(after, "").startswith("STORE")


def _prints(args: argparse.Namespace) -> bool:
    form = getattr(args, "format", None)
    options = (getattr(args, name, None) for name in ("json", "output", "explain"))
    return bool(any(options) or form not in (None, "text", "table"))


def _parse(
    parse: Callable[[list[str]], argparse.Namespace | None], words: list[str]
) -> argparse.Namespace | None:
    """Parse without ending the kernel; None after ``--help``."""
    try:
        return parse(words)
    except SystemExit as end:
        if end.code in (0, None):
            return None
        raise InvalidInput(
            f"%{NAME} {' '.join(words)[:80]} is not a command.",
            next_step=f"Read the message above, or run %{NAME} --help.",
        ) from end


def _panel_parser() -> argparse.ArgumentParser:
    parser = Parser(prog=f"%{NAME} panel", description="Show the panel.")
    parser.add_argument("--team", help="workteam to start with")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="LIST", help="addresses and CIDR ranges"
    )
    parser.add_argument(
        "--endpoint", action="append", default=[], metavar="ID", help="VPC endpoint of S3"
    )
    parser.add_place("bucket that holds the objects; without a team, bucket mode")
    add_connection_options(parser)
    return parser


def _panel(args: argparse.Namespace | None) -> Panel | None:
    if args is None:
        return None
    given = args.profile or args.region
    return widgets.panel(
        connection(args) if given else None,
        team=args.team,
        bucket=args.bucket,
        prefix=args.prefix or "",
        addresses=[word for text in args.allow for word in split_list(text)],
        endpoints=args.endpoint,
    )
