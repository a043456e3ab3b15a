"""The parser of ``gt-secure``: grouped help, examples, suggestions,
and 64 as the exit code of a usage error.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ..base.errors import InvalidInput, refuse_url
from ..base.text import Texts, printable, truncate
from ..base.version import __version__
from ..secrets import redact
from .commands import COMMANDS, GROUPS, find_command, similar_commands
from .exit_codes import USAGE, exit_code_lines
from .output import note

DOCS = "Documentation: the folder docs/ of the project, or python -m pydoc gt_secure"
DOORS = (
    ("I label images (Ground Truth)", "gt-secure demo"),
    ("My app hands out URLs", "gt-secure plan s3://NAME --allow RANGE"),
    ("I review the account", "gt-secure report -o report.html"),
)
"""The first command of each reader."""
CONNECTION = {
    "--profile": "profile of the AWS configuration (default: AWS_PROFILE)",
    "--region": "region of the workteams (default: AWS_REGION)",
}
"""Options of every command that calls AWS: the help of ``gt-secure`` describes them once."""
_PLACE = "s3uri"
"""Word with the bucket of a command."""
_OF_SOURCES = (["--allow"], ["--endpoint"], ["--network"], ["--from"])
_SOURCE = re.compile(r"(?=.*[.:])[\da-fA-F.:]+(?:/\d{1,3})?|(?:vpce?|pl)-[\da-f]+")
"""Addresses, ranges and ids after an option of sources."""
_ADDRESS = re.compile(r"s3[an]?://|https?://|arn:aws[a-z-]*:s3:::")
"""Beginnings of a word that names a bucket wherever it stands."""
RunCommand = Callable[[argparse.Namespace], int]
Result = Callable[[argparse.Namespace], Any]


class _Help(argparse.HelpFormatter):
    """Fill texts without breaking names at hyphens, and keep texts that have line breaks."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        lines = textwrap.wrap(" ".join(text.split()), width - len(indent), break_on_hyphens=False)
        return "\n".join(indent + line for line in lines)


class _Parsed(argparse.Namespace):
    """Parsed options; ``given`` has the names of those that the command line sets."""

    def __init__(self) -> None:
        super().__init__(given=frozenset())

    def __setattr__(self, name: str, value: Any) -> None:
        # argparse first sets each default; a second value is from the command line.
        if name in self.__dict__ and value is not self.__dict__[name] and value != []:
            self.__dict__["given"] |= {name}
        self.__dict__[name] = value


class Parser(argparse.ArgumentParser):
    """A parser whose errors suggest the intended word and exit with 64."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", _Help)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)
        self.examples: tuple[tuple[str, str], ...] = ()
        self.exit_codes = ""
        self._needs: list[tuple[str, Texts]] = []
        self._excluded: list[tuple[str, str]] = []
        self._words: list[str] = []

    def add_place(self, text: str) -> None:
        """Add the bucket as the first word: ``s3://bucket``, or with a prefix."""
        self.add_argument(
            _PLACE,
            nargs="?",
            metavar=_PLACE.upper(),
            help=f"{text}: s3://bucket, or s3://bucket/prefix",
        )
        words = [action.metavar for action in self._actions if not action.option_strings]
        self.usage = (  # argparse would show it last
            f"%(prog)s {' '.join(f'[{word}]' for word in words)} [options]"
        )

    def needs(self, option: str, *others: str) -> None:
        """Declare that an option (or ``--option=value``)
        is read only together with one of the others.
        """
        self._needs.append((option, others))

    def reads_only(self, mode: str, *options: str) -> None:
        """Declare that where ``mode`` is given, only these of the options so far are read:
        all others are an error.
        """
        names = (
            max(action.option_strings, key=len, default=action.dest) for action in self._actions
        )
        self.excludes(
            mode, *(name for name in names if name not in (*options, mode, mode.partition("=")[0]))
        )

    def excludes(self, mode: str, *options: str) -> None:
        """Declare that where ``mode`` is given, these options are not read and are an error."""
        self._excluded += [(mode, option) for option in options]

    def check_combination(self, args: argparse.Namespace) -> None:
        """Raise :class:`InvalidInput` for an option that the run would not read, and name it."""
        for option, others in self._needs:
            if self._is_given(option, args) and not any(
                self._is_given(other, args) for other in others
            ):
                raise InvalidInput(
                    f"{_spelled(option)} needs {' or '.join(map(_spelled, others))}.",
                    next_step=f"Add {_spelled(others[0])}, or leave out {_spelled(option)}.",
                    field=_dest(option),
                )
        for mode, name in self._excluded:
            if self._is_given(mode, args) and self._is_given(name, args):
                raise InvalidInput(
                    f"{_spelled(name)} cannot be combined with {_spelled(mode)}.",
                    next_step=f"Leave out {_spelled(name)}.",
                    field=_dest(name),
                )

    def _is_given(self, option: str, args: argparse.Namespace) -> bool:
        name, _, value = option.partition("=")
        action = self._option_string_actions.get(name)
        dest = name if action is None else action.dest
        return str(getattr(args, dest)) == value if value else dest in args.given

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End after --help, whose text is written now and not when Python has ended."""
        sys.stdout.flush()
        super().exit(status, message)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write a text; argparse would hide that it cannot be written."""
        (file or sys.stderr).write(message)

    def error(self, message: str, step: str = "") -> NoReturn:
        """Report a usage error with the next step, without secrets, and exit."""
        message = printable(redact(message))
        note(
            f"{self.prog.split()[0]}: {message}\n  next: {redact(step) or self._next_step(message)}"
        )
        raise SystemExit(USAGE)

    def _next_step(self, message: str) -> str:
        near = self._near(message)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        return f"{meant}Run '{self.prog} --help' for the usage."

    def _refuse(self, rest: Sequence[str]) -> NoReturn:
        """Report words that the command does not read: its first unknown option, or all of them."""
        option = next(
            (word.partition("=")[0] for word in rest if word[0] == "-" and word.strip("-")), ""
        )
        command = self.prog.split()[-1]
        message = (
            f"'{option}' is not an option of {command}."
            if option
            else f"unrecognized arguments: {rest[0]}"
        )
        self.error(message, self._instead(option))

    def _instead(self, option: str) -> str:
        """Return what to write in place of an option that other commands have."""
        if option == "-o":
            return "To write a file, redirect the output: > FILE."
        if option != "--prefix" or not self.usage:
            return ""
        value = re.search(r"--prefix[= ]([^\s-]\S*)", " ".join([*self._words, "--prefix PREFIX"]))
        bucket = next(
            (word for word in self._words if word.startswith("s3://")), "s3://BUCKET"
        ).rstrip("/")
        return f"Write {printable(bucket)}/{printable(value[1])}." if value else ""

    def _near(self, message: str) -> list[str]:
        unknown = re.search(r"^'(--[\w-]+)' is not an option", message)
        if unknown or "arguments are required" in message:  # one of them may be there, misspelt
            words = (
                [unknown[1]] if unknown else [word for word in self._words if word.startswith("--")]
            )
            missing = [
                word for word in words if word.partition("=")[0] not in self._option_string_actions
            ]
            known = list(self._option_string_actions)
            return [
                near for word in missing for near in difflib.get_close_matches(word, known, 1, 0.7)
            ]
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if choice:
            return difflib.get_close_matches(choice[1], re.findall(r"[\w.-]+", choice[2]), 1, 0.6)
        return []

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and report unknown words with the parser of their command."""
        refuse_urls(args or ())
        result, rest = self.parse_known_args(args, namespace)
        parser: Parser = getattr(result, "parser", self)
        if rest:
            parser._refuse(rest)
        if hasattr(result, _PLACE):
            from ..aws.buckets import parse_s3_uri  # a command without a bucket starts without it

            bucket, prefix = (None, "") if result.s3uri is None else parse_s3_uri(result.s3uri)
            result.bucket, result.prefix = bucket, prefix or None
        return result

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments, and note which options the command line sets."""
        self._words = list(sys.argv[1:] if args is None else args)
        # Repeat an option before each further source: ``--allow A B`` is ``--allow A --allow B``.
        given: list[str] = []
        for word in self._words:
            option = given[-2:-1]
            given += (
                [*option, word] if option in _OF_SOURCES and _SOURCE.fullmatch(word) else [word]
            )
        words, place = self._without_place(given)
        result, rest = super().parse_known_args(
            words, _Parsed() if namespace is None else namespace
        )
        if any(word.startswith("-") for word in rest):
            self._refuse(rest)  # before the word after it is read as the bucket
        if place is not None:
            if result.s3uri is not None:
                self.error(f"one bucket is read, and '{result.s3uri[:60]}' is another word")
            result.s3uri = place
        return result, rest

    def _without_place(self, words: list[str]) -> tuple[list[str], str | None]:
        """Take the bucket out of the words: argparse finds an optional word
        only before all options.
        """
        if all(action.dest != _PLACE for action in self._actions):
            return words, None
        for index, word in enumerate(words):
            before = self._option_string_actions.get(words[index - 1]) if index else None
            if _ADDRESS.match(word) and (before is None or before.nargs in (0, "?", "*", "+")):
                start = index - 1 if index and words[index - 1] == "--" else index
                return [*words[:start], *words[index + 1 :]], word
        return words, None


def _spelled(option: str) -> str:
    """Return an option, or the word that chooses a mode, as people type it."""
    name, _, value = option.partition("=")
    return (
        f"{name} {value}"
        if value and name.startswith("-")
        else value or (name if name[0] == "-" else name.upper())
    )


def _dest(option: str) -> str:
    return option.partition("=")[0].lstrip("-").replace("-", "_")


class MainParser(Parser):
    """The parser of ``gt-secure`` itself: its help lists the commands in groups,
    without loading them.
    """

    def format_help(self) -> str:
        """Return the list of commands by subject."""
        width = max(len(item.name) for item in COMMANDS)
        room = max(width, len("-h, --help"))
        lines = [
            "usage: gt-secure COMMAND [options]",
            "       gt-secure COMMAND --help",
            "",
            str(self.description),
            "",
            "Start:",
            *(f"  {who:<{len(DOORS[0][0])}}  {command}" for who, command in DOORS),
        ]
        for group in GROUPS:
            lines += ["", f"{group}:"]
            lines += [
                f"  {item.name:<{width}}  {item.help}" for item in COMMANDS if item.group == group
            ]
        lines += [
            "",
            "Options:",
            f"  {'-h, --help':<{room}}  show this help",
            f"  {'--version':<{room}}  show the version",
            f"  {'-v':<{room}}  show each call to AWS, on standard error",
            "",
            "Options of every command that calls AWS:",
            *(f"  {option:<{room}}  {text}" for option, text in CONNECTION.items()),
        ]
        return "\n".join([*lines, "", "Exit codes:", *exit_code_lines(), "", DOCS]) + "\n"


class Commands:
    """Adds the parsers of commands; modules of commands call :meth:`add`."""

    def __init__(self, subparsers: Any) -> None:
        self._subparsers = subparsers

    def add(
        self,
        name: str,
        run: RunCommand,
        *,
        description: str,
        examples: Sequence[tuple[str, str]],
        account: bool = True,
        json: bool = True,
        exit_codes: str = "",
        result: Result | None = None,
    ) -> Parser:
        """Add a command with its help, examples, exit codes and the functions that carry it out."""
        command = find_command(name)
        assert command is not None, f"{name} is missing in cli/commands.py"
        parser: Parser = self._subparsers.add_parser(
            name, help=command.help, description=description
        )
        parser.examples, parser.exit_codes = tuple(examples), exit_codes
        shown = "\n".join(f"  {line}\n      {meaning}" for line, meaning in examples)
        codes = f"exit codes:\n  {exit_codes}\n\n" if exit_codes else ""
        common = f"\n\n{' and '.join(CONNECTION)}: see gt-secure --help" if account else ""
        parser.epilog = f"{codes}examples:\n{shown}{common}"
        parser.set_defaults(run=run, result=result, parser=parser)
        if account:
            add_connection_options(parser)
        if json:
            parser.add_argument("--json", action="store_true", help="print JSON")
        return parser


def refuse_urls(words: Sequence[str]) -> None:
    """Refuse a presigned URL among the words of a command line:
    the history of the shell would keep it.
    """
    for word in words:
        refuse_url(word, "argument", "an argument of gt-secure")


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Accept the options of a connection before the command too."""
    for option in CONNECTION:
        parser.add_argument(option, help=argparse.SUPPRESS)


def main_parser() -> tuple[MainParser, Any]:
    """Return the parser of the program and the subparsers of its commands."""
    parser = MainParser(
        prog="gt-secure",
        description="Restrict, test and watch who can open objects through presigned URLs.",
    )
    parser.add_argument("--version", action="version", version=f"gt-secure {__version__}")
    return parser, parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)


def unknown_command(word: str) -> NoReturn:
    """Report a word that names no command, with a similar one, and exit."""
    near = similar_commands(word)
    hint = f"Did you mean gt-secure {' or gt-secure '.join(near)}? " if near else ""
    shown = truncate(printable(redact(word)), 60)
    note(
        f"gt-secure: '{shown}' is not a command.\n  next: {hint}Run 'gt-secure --help' for the"
        " list."
    )
    raise SystemExit(USAGE)


def add_context(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--context``."""
    parser.add_argument(
        "--context",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="known condition key (repeatable)",
    )
