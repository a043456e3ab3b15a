"""Write the reference that is made from the program itself: commands from the parser, the rest from
data.

python tools/make_reference.py           write the pages of docs/reference and docs/permissions.md
python tools/make_reference.py --check   exit with 1 if a page is not current
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gt_secure.cli.parser import Parser

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
SEVERITIES = ("high", "medium", "low", "info")
MADE = "<!-- made by tools/make_reference.py: do not edit -->\n"


def commands_page() -> str:
    """List the commands by group, with the common options and the exit codes."""
    _plain_terminal()
    from gt_secure.cli.commands import COMMANDS, GROUPS
    from gt_secure.cli.exit_codes import EXIT_CODES
    from gt_secure.cli.parser import CONNECTION

    lines = [
        MADE,
        "# Commands\n",
        "`gt-secure` alone prints this list; `gt-secure COMMAND --help` describes one command.\n",
    ]
    for group in GROUPS:
        page = _group_page(group)
        lines += [f"## [{group}]({page})\n", "| command | what it does |", "|---|---|"]
        lines += [
            f"| [`{c.name}`]({page}#{c.name}) | {_cell(c.help)} |"
            for c in COMMANDS
            if c.group == group
        ]
        lines += [""]
    lines += ["## Options of all commands that call AWS\n", "| option | meaning |", "|---|---|"]
    lines += [f"| `{option}` | {_cell(text)} |" for option, text in CONNECTION.items()]
    lines += ["\n## Exit codes\n", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {_cell(meaning)} |" for code, meaning in EXIT_CODES.items()]
    lines += ["\n## JSON\n", JSON]
    return "\n".join(lines) + "\n"


JSON = """\
With `--json`, a command prints one object. Its `format_version` is `MAJOR.MINOR`: a reader of 1.0 reads every 1.x, and
members are only added. An error is such an object too, with `error`, `message` and `next_step`. Policies, restriction
files and rows are printed as they are used: `doctor --policy`, `export`, `hits --json` (a list of rows), `hits --follow
--json` and `verdict` (a line for each)."""


def _group_page(group: str) -> str:
    return f"commands/{group.split()[0].lower()}.md"


def group_page(group: str) -> str:
    """Describe every command of a group with its usage, options, examples and exit codes."""
    _plain_terminal()
    from gt_secure.cli.commands import COMMANDS

    parsers = _parsers()
    lines = [MADE, f"# {group}\n", "[All commands](../commands.md)"]
    for command in COMMANDS:
        if command.group == group:
            lines += _command_section(command.name, parsers[command.name])
    return "\n".join(lines) + "\n"


def _group_pages() -> dict[str, Callable[[], str]]:
    from gt_secure.cli.commands import GROUPS

    return {_group_page(group): partial(group_page, group) for group in GROUPS}


def _plain_terminal() -> None:
    # argparse wraps and colours by the terminal, and abbreviates the program's path.
    os.environ.update(COLUMNS="100", NO_COLOR="1", PYTHON_COLORS="0")


def _parsers() -> dict[str, Parser]:
    from gt_secure.cli.main import build_parser

    groups = [
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(groups[0].choices)


def _own(parser: Parser) -> list[argparse.Action]:
    """Return the options of a command that its help shows."""
    hidden = (argparse.SUPPRESS,)
    return [
        action
        for action in parser._actions
        if action.help not in hidden and not isinstance(action, argparse._HelpAction)
    ]


def _command_section(name: str, parser: Parser) -> Iterator[str]:
    own = _own(parser)
    needed = "".join(f" {_placeholder(action)}" for action in own if not action.option_strings)
    yield from ("", f"## {name}\n", _sentence(parser.description or "") + "\n")
    yield from ("```text", f"gt-secure {name} [options]{needed}", "```")
    if own:
        yield from ("", *_options(own))
    if parser.exit_codes:
        yield f"\nExit codes: {_cell(parser.exit_codes)}."
    yield from ("\nExamples:\n", "```text")
    for line, meaning in parser.examples:
        yield from (f"# {meaning}", line)
    yield "```"


def _flag(action: argparse.Action) -> str:
    return action.option_strings[-1] if action.option_strings else action.dest


def _placeholder(action: argparse.Action) -> str:
    word = action.metavar if isinstance(action.metavar, str) else action.dest
    if action.choices is not None and action.metavar is None:
        word = "{" + ",".join(str(choice) for choice in action.choices) + "}"
    many = " ..." if action.nargs in ("*", "+") else ""
    return f"[{word}{many}]" if action.nargs in ("?", "*") else word + many


def _options(actions: list[argparse.Action]) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for action in actions:
        name = (
            ", ".join(f"`{flag}`" for flag in action.option_strings) or f"`{_placeholder(action)}`"
        )
        if action.option_strings and action.nargs != 0:
            word = action.metavar or (action.dest.upper() if action.choices is None else None)
            value = (
                word
                if isinstance(word, str)
                else "{" + ",".join(map(str, action.choices or ())) + "}"
            )
            name += f" `{value}`"
        yield f"| {name.replace('|', chr(92) + '|')} | {_cell(_help(action))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", ":")) or not words else ".")


def findings_page() -> str:
    """Describe every finding, the most severe first."""
    from gt_secure.findings.model import catalog

    rows = catalog()
    order = sorted(rows, key=lambda code: (SEVERITIES.index(rows[code]["severity"]), code))
    lines = [
        MADE,
        "# Findings\n",
        (
            "Settings that defeat, weaken or break a restriction. Codes are stable: `gt-secure"
            " findings` prints them, `gt-secure findings --explain CODE` prints the page of one,"
            " and the list `accepted` of a check file accepts them until a day. Each page has the"
            " risk, the evidence, the fix and the AWS source.\n"
        ),
        "| code | severity | finding |",
        "|---|---|---|",
        *(
            f"| [`{code}`](findings/{code}.md) | {rows[code]['severity']} |"
            f" {_cell(rows[code]['title'])} |"
            for code in order
        ),
        "\n## Messages of plans\n",
        (
            "What plans, restrictions and exports report. A blocker stops a plan until it is"
            " confirmed by its code.\n"
        ),
        "| code | severity | message |",
        "|---|---|---|",
        *(
            f"| [`{code}`](findings/{code}.md) | {row['severity']} | {_cell(row['title'])} |"
            for code, row in _notices()
        ),
    ]
    return "\n".join(lines) + "\n"


def _notices() -> list[tuple[str, dict[str, str]]]:
    from gt_secure.restriction.messages import notices

    order = ("blocker", "warning", "info")
    return sorted(notices().items(), key=lambda item: (order.index(item[1]["severity"]), item[0]))


def _finding_pages() -> dict[str, Callable[[], str]]:
    from gt_secure.findings.catalog_page import page
    from gt_secure.findings.model import catalog
    from gt_secure.restriction.messages import notices

    return {
        f"findings/{code}.md": partial(_made, partial(page, code))
        for code in (*catalog(), *notices())
    }


def _made(make: Callable[[], str]) -> str:
    return f"{MADE}\n{make()}"


def permissions_page() -> str:
    """List the actions of every feature, from the table of the doctor."""
    from gt_secure.doctor.features import FEATURES

    lines = [
        MADE,
        "# Permissions\n",
        (
            "The role needs the actions of the second column. The actions of the third column show"
            " more or decide more.\n"
        ),
        "| feature | needs | optional |",
        "|---|---|---|",
    ]
    for feature in FEATURES.values():
        needed = dict.fromkeys(
            f"`{each.action}`" for each in feature.permissions if not each.optional
        )
        optional = [
            action for each in feature.permissions if (action := f"`{each.action}`") not in needed
        ]
        more = ", ".join(dict.fromkeys(optional)) or "-"
        lines += [f"| `{feature.name}`: {_cell(feature.title)} | {', '.join(needed)} | {more} |"]
    notes = [f"- `{feature.name}`: {feature.note}" for feature in FEATURES.values() if feature.note]
    return "\n".join([*lines, "", *notes, "", PERMISSIONS])


PERMISSIONS = """\
`gt-secure doctor --policy FEATURE...` prints these actions as an IAM policy for your team and bucket.
`gt-secure doctor` reads the account once, and shows which of its reads AWS answered and which AWS denied. Whatever the
reading did not try is *unknown*, as every write is. A role may assume itself only if its trust policy says so.

`AmazonSageMakerFullAccess` does not include `s3:GetBucketPolicy`, `s3:PutBucketPolicy`, `s3:GetBucketLogging` and
`sts:AssumeRole`. If AWS denies a call, the feature shows the missing permission as a policy that you can send to your
administrator. Everything else keeps working.
"""


def man_page() -> str:
    """Return gt-secure(1): the same commands and options in roff."""
    _plain_terminal()
    from gt_secure.cli.commands import COMMANDS
    from gt_secure.cli.exit_codes import EXIT_CODES

    parsers = _parsers()
    lines = [
        '.TH GT-SECURE 1 "" "gt_secure" "User Commands"',
        ".SH NAME",
        "gt-secure \\- restrict, test and watch who can open SageMaker Ground Truth images",
        ".SH SYNOPSIS",
        ".B gt-secure",
        "COMMAND [options]",
        ".SH COMMANDS",
    ]
    for command in COMMANDS:
        parser = parsers[command.name]
        lines += [f".SS {_roff(command.name)}", _roff(_sentence(parser.description or ""))]
        for action in _own(parser):
            names = ", ".join(action.option_strings) or _placeholder(action)
            lines += [".TP", f"\\fB{_roff(names)}\\fR", _roff(_help(action)) or "\\&"]
        lines += [
            ".PP",
            "Examples:",
            ".nf",
            *(_roff(f"  {line}") for line, _ in parser.examples),
            ".fi",
        ]
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES.items():
        lines += [".TP", str(code), _roff(meaning)]
    return "\n".join(lines) + "\n"


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    **_group_pages(),
    "findings.md": findings_page,
    "../permissions.md": permissions_page,
    "gt-secure.1": man_page,
    **_finding_pages(),
}


def main() -> int:
    """Write or check the pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    args = parser.parse_args()
    stale = [
        f"{folder}/{path.name}"
        for folder in ("commands", "findings")
        for path in (REFERENCE / folder).glob("*.md")
        if f"{folder}/{path.name}" not in PAGES
    ]
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if args.check:
            stale += (
                [name] if not path.is_file() or path.read_text(encoding="utf-8") != text else []
            )
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    for name in stale:
        print(f"docs/reference/{name} is not current: run python tools/make_reference.py")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
