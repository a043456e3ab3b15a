"""Asserts of a notebook that ask an answer of gt_secure: which these are,
and the record that each leaves.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from inspect import isfunction

from ..connection import Connection
from .ledger import ASSERTS, KEY, kernel_shell, record

_ALWAYS_TRUE = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Lambda, ast.JoinedStr)
_SHOWS = {"hasattr", "id", "isinstance", "repr", "str", "type"}
_SUBJECT = re.compile(r"(?!.*://)[\w.:/@-]{1,63}")
_FUNCTIONS = (
    "access_to",
    "access_under",
    "examine",
    "explain_probe",
    "holds",
    "look",
    "plan_revoke",
    "probe_own",
    "prove",
    "proves",
    "read_hits",
    "run_file",
    "run_specs",
    "signers_of",
    "verify",
    "wait_for_hits",
)
ANSWERS: dict[str, str] = {
    **{
        name: str(each.__annotations__.get("return"))
        for name, each in vars(Connection).items()
        if isfunction(each)
    },
    **dict.fromkeys(_FUNCTIONS, ""),
}
"""What an assert can ask, with the types: each method of a connection,
and functions and methods of other packages.
"""
del ANSWERS["plot"]  # a figure is no answer, and others draw, too


def asks(node: ast.AST, known: set[str]) -> bool:
    """Return whether an expression asks an answer of gt_secure, and can be false because of it."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return all(asks(each, known) for each in node.values)
    return mentions(node, known) and not holds_always(node)


def mentions(node: ast.AST, known: set[str]) -> bool:
    """Return whether an expression calls a method that answers,
    or has a name that holds an answer.
    """
    inside = list(ast.walk(node))
    names = {each.id for each in inside if isinstance(each, ast.Name)}
    return bool(names & known) or any(isinstance(each, ast.Call) and _asks(each) for each in inside)


def _asks(call: ast.Call) -> bool:
    """Return whether a call is of what answers;
    ``keys()`` without arguments is that of a dictionary.
    """
    if isinstance(call.func, ast.Name):
        return call.func.id in _FUNCTIONS
    name = getattr(call.func, "attr", "")
    return name in ANSWERS and bool(call.args or call.keywords or not hasattr(dict, name))


def holds_always(node: ast.AST) -> bool:
    """Return whether an expression is true whatever the answer in it is: a tuple, a text,
    ``is not None``.
    """
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return any(holds_always(each) for each in node.values)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _SHOWS
    if isinstance(node, ast.Compare) and isinstance(node.comparators[0], ast.Constant):
        method = node.left.func if isinstance(node.left, ast.Call) else None
        return isinstance(method, ast.Attribute) and "None" not in ANSWERS.get(method.attr, "None")
    return isinstance(node, _ALWAYS_TRUE) or (isinstance(node, ast.Constant) and bool(node.value))


def answers_in(tree: ast.AST, known: set[str]) -> set[str]:
    """Return the names that hold answers after the code of a cell."""
    for each in ast.walk(tree):
        value = getattr(each, "value", None) or getattr(each, "iter", None)
        targets = getattr(each, "targets", None) or [getattr(each, "target", None)]
        if isinstance(value, ast.AST) and mentions(value, known):
            known = known | {target.id for target in targets if isinstance(target, ast.Name)}
    return known


class _Asserts(ast.NodeTransformer):
    """Adds to each assert of a cell that it is recorded once it holds,
    with the subjects that its names stand for.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()

    def visit_Module(self, node: ast.Module) -> ast.AST:
        """Learn which names hold answers."""
        self.known = answers_in(node, self.known)
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST | list[ast.stmt]:
        """Add the record after an assert."""
        if holds_always(node.test):
            return node
        names = sorted({each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)})
        values = ", ".join(f"{name!r}: lambda: {name}" for name in names)
        words = f"{ast.unparse(node.test)!r}, {asks(node.test, self.known)}, {{{values}}}"
        [call] = ast.parse(f"__import__('sys').modules[{__name__!r}].record_assert({words})").body
        return [node, ast.copy_location(call, node)]


def watch_asserts() -> None:
    """Record from the next cell on the asserts that ask an answer;
    does nothing outside a kernel.
    """
    shell = kernel_shell()
    if shell is not None and not any(isinstance(each, _Asserts) for each in shell.ast_transformers):
        shell.ast_transformers.append(_Asserts())


def record_assert(test: str, asked: bool, values: Mapping[str, Callable[[], object]]) -> None:
    """Record an assert that held, if it asked an answer;
    as unknown if that answer decided nothing.
    """
    found: dict[str, object] = {}
    for name, value in values.items():
        with suppress(NameError):  # a name of a comprehension
            found[name] = value()
    if asked or any(_is_ours(each) and hasattr(type(each), "__bool__") for each in found.values()):
        named = (
            f"{name}: {text}" for name, value in found.items() if (text := _subjects_of(value))
        )
        status = "unknown" if any(map(_is_undecided, found.values())) else "passed"
        record(ASSERTS, f"{test} [{'; '.join(named)}]", status)


def _is_ours(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == KEY


def _is_undecided(value: object) -> bool:
    """Return whether a value is, or holds, the answer to a request that decided nothing."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_is_undecided, value))
    return _is_ours(value) and bool(getattr(value, "why_unknown", ""))


def _subjects_of(value: object) -> str:
    """Return the teams, buckets or addresses that a value names; empty for none,
    and for URLs and long texts.
    """
    if isinstance(value, str):
        return value if _SUBJECT.fullmatch(value) else ""
    if isinstance(value, list | tuple | set | frozenset | dict):
        return ", ".join(filter(None, map(_subjects_of, value))) or f"{len(value)} values"
    if not _is_ours(value):
        return ""
    members = (
        getattr(value, name, None) for name in ("team", "bucket", "prefix", "subject", "name")
    )
    return " ".join(each for each in members if isinstance(each, str) and each)
