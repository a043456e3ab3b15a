"""A command line in any text of the package is shown whole, at every width of a terminal, and each
option is real.

The texts are those of the source (messages, next steps, tables of notices and findings), with their
placeholders filled in. What is a command is decided by the parser of the command line, which shares
no code with the layout.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gt_secure.base import columns
from gt_secure.base.errors import GtSecureError
from gt_secure.cli.main import build_parser, parse

PACKAGE = Path(columns.__file__).parents[1]
WIDTHS = (20, 33, 40, 60, 80, 100)
MOST_WORDS = 9


def texts() -> Iterator[str]:
    """Yield the texts of the package that name the command line, other than docstrings."""
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "labextension" in path.parts or "gt-secure " not in source:
            continue
        tree = ast.parse(source)
        nodes = list(ast.walk(tree))
        left_out = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        left_out.update(
            id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values
        )
        for node in nodes:
            if id(node) not in left_out and (text := _text(node)) and "gt-secure " in text:
                yield text
    for path in (PACKAGE / "restriction" / "notices.json", PACKAGE / "findings" / "findings.json"):
        yield from _strings(json.loads(path.read_text(encoding="utf-8")))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "20261124-1" for part in node.values
        )
    return ""


def _strings(data: object) -> Iterator[str]:
    if isinstance(data, str) and "gt-secure " in data:
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _strings(value)


@cache
def _parses(words: tuple[str, ...]) -> bool:
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            return parse(words) is not None
        except (GtSecureError, SystemExit):
            return False


def commands_of(text: str) -> list[str]:
    """Return the command lines of a text:
    the most words after ``gt-secure`` of one line that the parser accepts.
    """
    commands = []
    for line in text.splitlines():
        for match in re.finditer(r"gt-secure (?=[a-z])", line):
            rest, *after = re.split(r"(['\"`])", line[match.end() :])
            rest = rest.split(" ")
            for size in range(min(len(rest), MOST_WORDS), 0, -1):
                words = [word.rstrip(".,;:)") for word in rest[:size]]
                is_sentence = any(
                    word != bare for word, bare in zip(rest[: size - 1], words, strict=False)
                )
                before, last = ["", *words][-2:]
                # Without quotes, nobody can tell a bare word from the rest of the sentence.
                is_prose = (
                    before != ""
                    and not after
                    and last.islower()
                    and last.isalpha()
                    and before[0] != "-"
                )
                if not is_sentence and not is_prose and _parses(tuple(words)):
                    commands.append(" ".join(["gt-secure", *words]))
                    break
    return commands


TEXTS = sorted({line for text in texts() for line in text.splitlines() if "gt-secure " in line})


def broken(text: str, width: int) -> list[str]:
    """Return the commands of a text that are not whole when it is laid out."""
    shown = "\n".join(columns.wrapped(text, 4, width))
    return [command for command in commands_of(text) if command not in shown]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_command_is_whole(width: int) -> None:
    assert len(TEXTS) > 60
    assert sum(len(commands_of(text)) for text in TEXTS) > 60
    assert [(text, lost) for text in TEXTS if (lost := broken(text, width))] == []


def test_the_law_sees_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_words", lambda text: text.split(" "))
    assert any(broken(text, 40) for text in TEXTS)


OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
PLACES = {
    "NAME": "gt-images",
    "BUCKET": "gt-images",
    "PREFIX": "scans/",
    "RANGE": "203.0.113.0/24",
    "FILE": "file.yaml",
}


@cache
def options_of(command: str) -> frozenset[str]:
    parsers = build_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr, index]
    return frozenset(parsers[command]._option_string_actions)  # type: ignore[call-overload, index]


def advice() -> Iterator[str]:
    """Yield the texts of plans, notices, findings and checks that name an option
    of the command line.
    """
    for part in ("account", "changes", "check", "findings", "restriction", "engine", "presign"):
        for path in sorted((PACKAGE / part).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if (
                    id(node) not in docs
                    and OPTION.search(_text(node))
                    and " " in (text := _text(node))
                ):
                    yield f"{text} FILE" if OPTION.search(text.split()[-1]) else text
    for path in (PACKAGE / "restriction" / "notices.json", PACKAGE / "findings" / "findings.json"):
        for entry in json.loads(path.read_text(encoding="utf-8")).values():
            yield from (
                text for text in entry.values() if isinstance(text, str) and OPTION.search(text)
            )


def unreal(text: str) -> list[str]:
    """Return the options of a text that its commands do not have, and those of a command that does
    not parse.

    An option without a command is one of the plan, the check, the proof or the revocation that the
    text is about.
    """
    for word, value in PLACES.items():
        text = text.replace(word, value)
    known = set().union(*map(options_of, ("plan", "check", "prove", "revoke")))
    wrong = []
    for sentence in re.split(r"(?<=[.;:)]) |\n", re.sub(r"['`]", "", text)):
        before, *commands = re.split(r"gt-secure (?=[a-z])", sentence)
        wrong += [name for name in OPTION.findall(before) if name not in known]
        for command in commands:
            whole = " ".join(commands_of(f"gt-secure {command}"))
            wrong += [
                name
                for name in OPTION.findall(command.partition(", ")[0])
                if name not in OPTION.findall(whole)
            ]
    return wrong


def test_every_option_of_an_advice_is_real() -> None:
    texts = sorted(set(advice()))
    assert len(texts) >= 12
    assert [(text, names) for text in texts if (names := unreal(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "To guard these alone, add --prefix mlflow/",
        "Remove one of these guards (--guard off with its --prefix).",
        "Run gt-secure plan s3://NAME --prefix mlflow/ first.",
        "Look at gt-secure who s3://NAME/ --signer, and limit it.",
    ],
)
def test_the_law_sees_an_option_that_no_plan_has(text: str) -> None:
    assert unreal(text)


def test_a_long_text_fits_beside_its_commands() -> None:
    text = (
        "Run 'gt-secure history show 20261124-101500-0001' to see what was changed, and by whom,"
        " before you undo it."
    )
    lines = [*columns.wrapped(text, 4, 40)]
    assert all(columns.width(line) <= 40 for line in lines if "gt-secure" not in line)
    assert any("gt-secure history show 20261124-101500-0001" in line for line in lines)
