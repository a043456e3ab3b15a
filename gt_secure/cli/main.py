"""The entry point of ``gt-secure``: find the command, load only its module, run it,
turn errors into exit codes.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module

from ..base.errors import GtSecureError, InvalidInput
from ..check.ledger import claimed, is_recording, record, recorded_place
from .commands import COMMANDS, find_command
from .exit_codes import ERROR, FOUND, INTERRUPTED, OK, UNKNOWN, USAGE
from .interrupts import end_on_interrupt, unwind_on_interrupt
from .output import last_caller, last_words, output_lost, prepare_streams, report, show_json
from .parser import Commands, Parser, main_parser, refuse_urls, unknown_command
from .wording import for_command_line


def build_parser(only: str | None = None) -> Parser:
    """Return the parser with all commands, or with those of one module only."""
    parser, subparsers = main_parser()
    commands = Commands(subparsers)
    for module in dict.fromkeys(item.module for item in COMMANDS):
        if only in (None, module):
            import_module(f".{module}", __package__).add(commands)
    return parser


def completion_parser(line: str) -> Parser:
    """Build the parser that completes a command line: the options of its command,
    or only the names of commands.
    """
    words = line.split()[1:] if line.endswith(" ") else line.split()[1:-1]
    command = next((found for word in words if (found := find_command(word))), None)
    if command is not None:
        return build_parser(command.module)
    parser, subparsers = main_parser()
    for item in COMMANDS:
        subparsers.add_parser(item.name, help=item.help)
    return parser


def parse(words: Sequence[str]) -> argparse.Namespace | None:
    """Parse a command line; None if it only asked for the list of commands. Exits as argparse does,
    with 64 for a wrong line.
    """
    refuse_urls(words)
    word = next((item for item in words if not item.startswith("-")), None)
    if word is None:
        parser, _ = main_parser()
        parser.parse_args(words)
        parser.print_help()
        return None
    command = find_command(word)
    if command is None:
        unknown_command(word)
    args: argparse.Namespace = build_parser(command.module).parse_args(words)
    args.command, args.writes = command.name, command.writes
    args.is_verdict = command.is_verdict(words)
    args.words = [item for i, item in enumerate(words) if i != words.index(word)]
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    args = argparse.Namespace(json=False, writes=False)
    code = ERROR
    try:
        try:
            if argv is None:
                end_on_interrupt()
                prepare_streams()
            if "_ARGCOMPLETE" in os.environ:
                _complete()
            code = _run(sys.argv[1:] if argv is None else argv, args, unwind=argv is None)
        except GtSecureError as error:
            code = _report(error, bool(args.json))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as error:
        last_words(" ".join(["Interrupted.", *getattr(error, "__notes__", _outcome(args))]))
        return INTERRUPTED
    except OSError as error:
        return output_lost(error, code, writes=args.writes)


def _run(words: Sequence[str], args: argparse.Namespace, *, unwind: bool) -> int:
    """Parse and run; ``args`` gets what was parsed, for the report of an error."""
    if "-v" in words:
        logging.basicConfig(format="%(message)s")
        logging.getLogger("gt_secure").setLevel(logging.INFO)
    found = parse([word for word in words if word != "-v"])
    if found is None:
        return OK
    vars(args).update(json=getattr(found, "json", False), writes=found.writes)
    if unwind and found.writes:
        unwind_on_interrupt()
    found.parser.check_combination(found)
    return record_verdict(found, int(found.run(found)))


def record_verdict(args: argparse.Namespace, code: int) -> int:
    """Return the exit code of a command, and record it in the notebook that runs the command,
    if it is a verdict.
    """
    if args.is_verdict and args.command != "check" and is_recording():
        status = {OK: "passed", FOUND: "failed"}.get(code, "unknown")
        place = recorded_place(last_caller())
        record(args.command, _claim(args), status, place, f"exit code {code}")
    return code


def _claim(args: argparse.Namespace) -> str:
    """Return the words of a command, and what the files ask for that they name."""
    # much to import for a command that records nothing
    from ..check.result import label
    from ..findings.accepted import read_accepted
    from ..restriction.files import load_restriction

    told = [shlex.join(word for word in args.words if word != "--json")]
    if file := getattr(args, "file", None):
        asked = load_restriction(file)
        told.append(f"{label(asked)} {claimed(asked)}")
    accepted = getattr(args, "accepted", None)
    return "; ".join([*told, *([claimed(read_accepted(accepted))] if accepted else [])])


def _outcome(args: argparse.Namespace) -> list[str]:
    """Return what became of the change of a command that was interrupted after it."""
    if not args.writes:
        return []
    from ..changes.transaction import outcome_on_disk

    return [text] if (text := outcome_on_disk()) else []


def _complete() -> None:
    """Answer a shell that asks for completions and end the process; without argcomplete,
    nothing is completed.
    """
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(completion_parser(os.environ.get("COMP_LINE", "")))


def _report(error: GtSecureError, as_json: bool) -> int:
    if as_json:
        show_json(for_command_line(error).to_dict())
    report(error)
    if not error.details.get("applied", {}).get("certain", True):
        return UNKNOWN
    is_input = isinstance(error, InvalidInput) or "field" in error.details
    # a plan that stops is an answer
    return USAGE if is_input and "blockers" not in error.details else ERROR


if __name__ == "__main__":
    sys.exit(main())
