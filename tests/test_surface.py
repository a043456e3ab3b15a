"""The size of the surface, which may only fall, and the rule that what is offered is obeyed."""

from __future__ import annotations

import argparse
import ast
import inspect
import io
import re
import shlex
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import gt_secure
from gt_secure import Connection
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.commands import COMMANDS
from gt_secure.cli.log_options import athena_settings
from gt_secure.cli.main import build_parser, parse
from gt_secure.cli.parser import CONNECTION, Parser
from support.command_lines import LINES, filled_in
from support.ruler import branches, functions_of, nodes_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gt_secure"
PARTS = ("base", "secrets", "engine", "logs", "sandbox")
SURFACES = ("widgets", "cli", "magics", "pytest_plugin")
BUDGET = {
    "commands": (
        23,
        (
            "each command is a word to learn; make it an option of the command whose question it"
            " answers"
        ),
    ),
    "options": (
        259,
        "an option must be missed by a data scientist, a reviewer or a platform team; else it goes",
    ),
    "syntax nodes": (501_520, "read what is there before adding: most new code repeats some"),
    **{
        f"syntax nodes of {part}": (123_100, "a part has a size that fits a head") for part in PARTS
    },
    "syntax nodes of the product": (
        166_150,
        "what joins the parts is thinner than they are together",
    ),
    "syntax nodes of the surfaces": (68_750, "a surface calls the product and renders its answer"),
    "functions with more than 15 branches": (29, "split it where its story has a new subject"),
    "connection methods": (26, "a question has one method: give an answer another view instead"),
    "connection parameters": (
        93,
        "what holds for all calls belongs to connect(); what nobody sets goes",
    ),
    "public names": (
        30,
        "a name in gt_secure is one that people type; types are imported from their package",
    ),
    "names with several meanings": (
        0,
        "a class, alias or list of words must mean one thing in the whole package",
    ),
}
"""Measures of the package, the most that each may be, and why. They measure the program, not its
layout: nobody joins modules or drops docstrings to please a number. A larger one needs a decision
record that says whom it serves."""
METHODS = {
    name: each
    for name, each in vars(Connection).items()
    if callable(each) and not name.startswith("_")
}
PARSERS: dict[str, Parser] = {
    name: parser
    for action in build_parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for name, parser in action.choices.items()
    if any(name == item.name for item in COMMANDS)
}
NOT_REACHED = {"apply --resume --yes": "--yes"}
"""Options that a line does not come to: no change is interrupted, so nothing is asked."""
OTHERS = {"demo", "sandbox"}
"""Commands that start servers: the test below runs them in another way."""


class _Watched(argparse.Namespace):
    """Options that note which of them are read."""

    def __init__(self, args: argparse.Namespace) -> None:
        vars(self).update(vars(args), reads=set())

    def __getattribute__(self, name: str) -> Any:
        values = object.__getattribute__(self, "__dict__")
        if name in values and name != "reads":
            values["reads"].add(name)
        return object.__getattribute__(self, name)


def shown(parser: Parser) -> list[argparse.Action]:
    """Return the options and arguments that the help of a command lists, without ``--help``."""
    return [
        a
        for a in parser._actions
        if a.help != argparse.SUPPRESS and not isinstance(a, argparse._HelpAction)
    ]


def offered(parser: Parser) -> list[argparse.Action]:
    """Return what a command lists, and the options of the connection,
    which the help of all commands lists once.
    """
    return [*shown(parser), *(a for a in parser._actions if {*a.option_strings} & {*CONNECTION})]


def spelled(action: argparse.Action) -> str:
    return max(action.option_strings, key=len, default=action.dest)


def given(action: argparse.Action) -> list[str]:
    """Return the words that give an option a value."""
    if isinstance(action, argparse.BooleanOptionalAction):
        return action.option_strings[:1]
    value = (
        str(list(action.choices)[-1])
        if action.choices
        else {int: "7", float: "7"}.get(action.type, "x")
    )  # type: ignore[call-overload]
    words = [] if action.nargs == 0 else ["aws:A=b" if action.dest == "context" else value]
    return [*action.option_strings[:1], *words]


def reads_of(line: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Run a command line and return the names of the options that it read."""
    words, _, source = line.partition(" < ")
    if source:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(source).read_bytes())))
    args = parse(shlex.split(words))
    assert args is not None
    args.parser.check_combination(args)
    watched = _Watched(args)
    watched.run(watched)
    return set(watched.__dict__["reads"])


@pytest.mark.parametrize("line", LINES)
def test_every_option_is_read_or_an_error(
    line: str,
    names: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    line = filled_in(line, names)
    words = shlex.split(line.partition(" < ")[0])
    parser = PARSERS[words[0]]
    reads = reads_of(line, monkeypatch)
    if capsysbinary.readouterr().out.lstrip()[:1] in (b"{", b"["):
        reads.add("json")  # the output is JSON anyway
    ignored = []
    for action in offered(parser):
        if action.dest in reads or spelled(action) == NOT_REACHED.get(line):
            continue
        try:
            args = parse([*words, *given(action)])
            assert args is not None
            parser.check_combination(args)
        except (InvalidInput, SystemExit):
            continue
        ignored.append(spelled(action))
    assert not ignored, f"gt-secure {' '.join(words)} accepts {', '.join(ignored)} and ignores it"


def test_options_of_athena_are_read(names: dict[str, str]) -> None:
    args = parse(shlex.split("hits --athena-database logs"))
    assert args is not None
    watched = _Watched(args)
    assert athena_settings(watched) is not None
    athena = {action.dest for action in shown(PARSERS["hits"]) if action.dest.startswith("athena")}
    assert athena | {"yes"} <= watched.__dict__["reads"]


@pytest.mark.parametrize("words", [(), ("--headless",)])
def test_options_of_the_demo_are_read(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gt_secure.cli import demo

    for name in ("_need", "_lab", "run_headless"):
        monkeypatch.setattr(demo, name, lambda *_, **__: 0)
    monkeypatch.setattr(demo.sandbox, "install", lambda *_: None)
    args = parse(["demo", *words])
    assert args is not None
    watched = _Watched(args)
    watched.run(watched)
    unread = [
        action for action in shown(PARSERS["demo"]) if action.dest not in watched.__dict__["reads"]
    ]
    for action in unread:
        args = parse(["demo", *words, *given(action)])
        assert args is not None
        with pytest.raises(InvalidInput):
            PARSERS["demo"].check_combination(args)


@pytest.mark.parametrize("action", ["install", "reset"])
def test_only_a_running_sandbox_has_settings(action: str) -> None:
    for option in shown(PARSERS["sandbox"]):
        if option.dest not in ("action", "json"):
            args = parse(["sandbox", action, *given(option)])
            assert args is not None
            with pytest.raises(InvalidInput, match=f"cannot be combined with {action}"):
                PARSERS["sandbox"].check_combination(args)


def test_every_command_is_run() -> None:
    assert {line.split()[0] for line in LINES} | OTHERS == set(PARSERS)


def meanings() -> dict[str, list[str]]:
    """Return classes and aliases of types by name, with the modules that define them."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            name = node.name if isinstance(node, ast.ClassDef) else _alias(node)
            if name and not name.startswith("_"):
                found.setdefault(name, []).append(str(path.relative_to(PACKAGE)))
    return found


def _alias(node: ast.stmt) -> str:
    """Return the name of an alias of types, such as ``Kind = Literal["a", "b"]``."""
    if (
        isinstance(node, ast.AnnAssign)
        and isinstance(node.annotation, ast.Name)
        and node.annotation.id == "TypeAlias"
    ):
        return node.target.id if isinstance(node.target, ast.Name) else ""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
        name = node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""
        return name if name[:1].isupper() and not name.isupper() else ""
    return ""


@cache
def measures() -> dict[str, int]:
    files = list(PACKAGE.rglob("*.py"))
    nodes: Counter[str] = Counter()
    for path in files:
        nodes[path.relative_to(PACKAGE).parts[0].removesuffix(".py")] += nodes_of(
            path.read_text(encoding="utf-8")
        )
    return {
        "commands": len(COMMANDS),
        "options": len(CONNECTION)
        + sum(
            bool(action.option_strings) for parser in PARSERS.values() for action in shown(parser)
        ),
        "syntax nodes": sum(nodes.values()),
        **{f"syntax nodes of {part}": nodes[part] for part in PARTS},
        "syntax nodes of the surfaces": sum(nodes[name] for name in SURFACES),
        "syntax nodes of the product": sum(
            n for name, n in nodes.items() if name not in (*PARTS, *SURFACES)
        ),
        "functions with more than 15 branches": sum(
            branches(each) > 15 for each in functions_of(files)
        ),
        "connection methods": len(METHODS),
        "connection parameters": sum(
            len(inspect.signature(method).parameters) - 1 for method in METHODS.values()
        ),
        "public names": len(gt_secure.__all__),
        "names with several meanings": sum(len(places) > 1 for places in meanings().values()),
    }


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_in_a_guide(method: str) -> None:
    """A guide, a tutorial or the README shows it; the generated reference does not count."""
    guides = [
        ROOT / "README.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/how-to/*.md"),
        *ROOT.glob("notebooks/**/*.ipynb"),
    ]
    assert any(f".{method}(" in path.read_text(encoding="utf-8") for path in guides), (
        f"no guide shows gt.{method}()"
    )


@pytest.mark.parametrize("what", BUDGET)
def test_the_surface_only_shrinks(what: str) -> None:
    most, reason = BUDGET[what]
    assert measures()[what] <= most, f"{what}: at most {most:,}. {reason}"


PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    *sorted((ROOT / "notebooks").rglob("*.ipynb")),
]
"""What people read; the reference is made from the parser and shows every option."""
UNSHOWN: set[str] = set()
"""Options that no page shows, until they go."""


def test_every_option_is_shown_where_people_read() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    words = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text))
    options = {
        spelled(action): action.option_strings
        for parser in PARSERS.values()
        for action in offered(parser)
        if action.option_strings
    }
    missing = {name for name, spellings in options.items() if not words & set(spellings)}
    assert missing == UNSHOWN, "show it in a guide, a notebook or the README, or take it out"
