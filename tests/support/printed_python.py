"""Python that the program, its catalogs and the guides tell a person to write.

``lines()`` collects the calls from messages, docstrings and JSON of the package, the rendered
catalogs of texts, and the running text of the docs. ``problem_of`` compares one with the
signatures: names, methods, attributes and arguments that do not exist are a problem.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.config

import gt_secure
from gt_secure import check, logs, sandbox
from support.blocks import ROOT, pages

RENDERED = (
    "tests/every_text.md",
    "tests/every_document.md",
    "tests/aws/errors.md",
    "tests/restriction/bad_restrictions.md",
)
TYPES = {
    "gt": "Connection",
    "plan": "Plan",
    "change": "Change",
    "hits": "Hits",
    "leaks": "Leaks",
    "probe": "Probe",
    "report": "AccountReport",
    "url": "TestUrl",
    "demo": "Demo",
}
"""Names of values in texts, and their classes."""
MODULES: dict[str, Any] = {"gt_secure": gt_secure, "check": check, "expect": gt_secure.expect}
FUNCTIONS = ("connect", "panel", "plan", "load_restriction", "count_hits", "read_hits")
_FIRST = re.compile(
    rf"(?<![\w.'\"/$-])(?:(?:{'|'.join([*TYPES, *MODULES])})(?:\.[a-z_]\w*)+|[A-Z][a-z]\w+|"
    rf"{'|'.join(FUNCTIONS)})\("
)
_FENCED = re.compile(r"```.*?```", re.DOTALL)
OTHERS = re.compile(r"Networks\(\w+ named|Hits\(\w+ rows|Table\(\w+;|Source\(\d")
"""Representations of values, which nobody writes."""


def calls_in(text: str) -> Iterator[str]:
    """Yield the expressions of a text that call something, up to their last attribute."""
    for found in _FIRST.finditer(text):
        end = _end(text, found.end() - 1)
        while end and (more := re.compile(r"(\.[a-z_]\w*)+").match(text, end)):
            is_call = text[more.end() : more.end() + 1] == "("
            end = _end(text, more.end()) if is_call else more.end()
            if not is_call:
                break
        if end:
            yield text[found.start() : end].replace("…", "...").replace('\\"', '"')


def _end(text: str, start: int) -> int:
    """Return where the bracket at ``start`` is closed; 0 if nowhere."""
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] in "([{") - (text[index] in ")]}")
        if depth == 0:
            return index + 1
    return 0


def texts() -> Iterator[tuple[str, str]]:
    """Yield the texts, each with its place."""
    for name in RENDERED:
        yield name, (ROOT / name).read_text(encoding="utf-8")
    package = ROOT / "gt_secure"
    for path in sorted(package.rglob("*.json")):
        yield path.name, path.read_text(encoding="utf-8")
    for path in sorted(package.rglob("*.py")):
        for line, text in _constants(path):
            yield f"{path.relative_to(ROOT)}:{line}", text
    for path in pages():
        if path.parent.name != "decisions" and path.name not in ("CHANGELOG.md", "glossary.md"):
            prose = _FENCED.sub("", path.read_text(encoding="utf-8"))
            yield path.name, "\n".join(re.findall(r"`([^`\n]+)`", prose))


def _constants(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "X"
                    for part in node.values
                ),
            )
        elif isinstance(node, ast.Constant) and id(node) not in parts:
            yield node.lineno, str(node.value)


@cache
def lines() -> dict[str, str]:
    """Return each line of Python once, with a place that prints it."""
    known = {*TYPES, *MODULES, *FUNCTIONS}
    return {
        call: place
        for place, text in texts()
        for call in calls_in(text)
        if (re.split(r"[.(]", call)[0] in known or _bare(re.split(r"[.(]", call)[0]) is not None)
        and not OTHERS.match(call)
    }


def _bare(name: str) -> Any:
    """Return what a guide imports under a name."""
    for home in (gt_secure, logs, sandbox, check, botocore.config):
        if (value := getattr(home, name, None)) is not None:
            return value
    return None


@cache
def _modules() -> dict[str, str]:
    """Return the module of each class of the package, by name."""
    return {
        node.name: ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "gt_secure").rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }


def _class(annotation: object) -> Any:
    """Return the class of the package that an annotation names first; None without one."""
    for name in re.findall(r"[A-Z]\w+", annotation if isinstance(annotation, str) else ""):
        if name in _modules():
            return getattr(importlib.import_module(_modules()[name]), name)
    return None


class _Value:
    """A value of a class, where a name alone is the class itself."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind


def problem_of(line: str) -> str:
    """Return what a line names that does not exist; "" if all exists."""
    try:
        tree = ast.parse(line, mode="eval")
    except SyntaxError as error:
        return f"no Python: {error.msg}"
    try:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _look(node)
        _look(tree.body)
    except (AttributeError, TypeError, KeyError) as error:
        return str(error)
    return ""


def _look(node: ast.expr) -> Any:
    """Return what an expression is, as far as annotations say; None where they do not."""
    if isinstance(node, ast.Name):
        if node.id in TYPES:
            return _Value(_class(TYPES[node.id]))
        if (found := MODULES.get(node.id, _bare(node.id))) is None and node.id in FUNCTIONS:
            raise AttributeError(f"nothing has the name {node.id} alone")
        return found
    if isinstance(node, ast.Attribute):
        return _attribute(_look(node.value), node.attr)
    if isinstance(node, ast.Call):
        called = _look(node.func)
        return None if called is None else _called(called, node)
    return None


def _attribute(owner: Any, name: str) -> Any:
    if owner is None:
        return None
    if not isinstance(owner, _Value):
        return getattr(owner, name)
    if owner.kind is None:
        return None
    for base in owner.kind.__mro__:
        if name in vars(base):
            found = vars(base)[name]
            if isinstance(found, property):
                return _Value(_class(found.fget.__annotations__.get("return")))
            if callable(found) or isinstance(found, classmethod | staticmethod):
                return getattr(owner.kind, name), found
        if name in inspect.get_annotations(base):
            return _Value(_class(inspect.get_annotations(base)[name]))
    if hasattr(owner.kind, name):
        return None
    raise AttributeError(f"{owner.kind.__name__} has no {name}")


def _called(called: Any, node: ast.Call) -> Any:
    """Bind the arguments to the signature, and return the value of the call."""
    bound = False
    if isinstance(called, tuple):
        called, raw = called
        bound = not isinstance(raw, classmethod | staticmethod)
    if isinstance(called, _Value):
        return None
    signature = inspect.signature(called)
    parameters = [
        each
        for each in signature.parameters.values()
        if not (each.kind is each.VAR_KEYWORD and "Never" in str(each.annotation))
    ]
    signature = signature.replace(parameters=parameters[1:] if bound else parameters)
    given = [each for each in node.args if not _is_short(each)]
    is_short = given != node.args or any(each.arg is None for each in node.keywords)
    bind = signature.bind_partial if is_short else signature.bind
    bind(*given, **{each.arg: 0 for each in node.keywords if each.arg})
    if inspect.isclass(called):
        return _Value(called)
    return _Value(_class(signature.return_annotation))


def _is_short(argument: ast.expr) -> bool:
    """Return whether an argument stands for several: ``...`` or ``*names``."""
    is_dots = isinstance(argument, ast.Constant) and argument.value is ...
    return is_dots or isinstance(argument, ast.Starred)
