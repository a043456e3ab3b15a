"""Detection of checks in a notebook that pass without being run: tags, comments, magics and surrounding code.

nbval, papermill and nbclient each honour tags or comments that skip a cell or ignore its error. On an ordinary cell
that is fine. On a cell that holds a check it turns the check green, whatever the account is like.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

TAGS = ("raises-exception", "nbval-raises-exception", "nbval-skip", "nbval-ignore-output", "skip-execution")
"""Tags that skip a cell, ignore its error, or ignore what it shows."""

_COMMENT = re.compile(
    r"^\s*#\s*(NBVAL_SKIP|NBVAL_RAISES_EXCEPTION|NBVAL_IGNORE_OUTPUT|PYTEST_VALIDATE_IGNORE_OUTPUT)\b", re.MULTILINE
)
_CELL_MAGIC = re.compile(r"^\s*%%(\w+)")
_RUNS_PYTHON = {"time", "timeit", "prun", "capture", "gt_secure"}
_MENTIONS = re.compile(r"\bassert\b|\bgt_secure\.check\b|\bgt-secure check\b|\bcheck\.[a-z]\w+\(")
_MODULES = ("gt_secure.check", "gt_secure.pytest_plugin")


def find_bypasses(book: dict[str, Any]) -> list[tuple[int, str]]:
    """Return (number of the cell, reason) for each check of a notebook that passes without being run."""
    names = _check_names(book)
    return [(i, reason) for i, cell in enumerate(book["cells"]) for reason in _reasons(cell, names)]


def _reasons(cell: dict[str, Any], names: set[str]) -> Iterator[str]:
    text = cell_text(cell)
    kind = cell.get("cell_type")
    tree = _parsed(text)
    if kind not in {"code", "raw"} or not _holds_check(text, tree, names):
        return
    if kind == "raw":
        yield "it is a raw cell, which nothing runs"
        return
    for tag in (cell.get("metadata") or {}).get("tags") or ():
        if tag in TAGS:
            yield f"it has the tag {tag}"
    for match in _COMMENT.finditer(text):
        yield f"it has the comment {match[1]}"
    if (magic := _CELL_MAGIC.match(text)) and magic[1] not in _RUNS_PYTHON:
        yield f"it is not run as Python, but by %%{magic[1]}"
    if tree is not None:
        yield from _code_reasons(tree, names)
        if _shows_result(text, tree, names) and cell.get("execution_count") is not None and not cell.get("outputs"):
            yield "its output was stripped"


def cell_text(cell: dict[str, Any]) -> str:
    """Return the source of a cell, which is saved as a text or as a list of lines."""
    source = cell.get("source", "")
    return "".join(str(line) for line in source) if isinstance(source, list) else str(source)


def _parsed(text: str) -> ast.Module | None:
    lines = ["pass" if line.lstrip().startswith(("%", "!")) else line for line in text.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _check_names(book: dict[str, Any]) -> set[str]:
    """Collect the names under which the notebook imports checks."""
    names: set[str] = set()
    for cell in book["cells"]:
        tree = _parsed(cell_text(cell)) if cell.get("cell_type") == "code" else None
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.ImportFrom) and node.module == "gt_secure":
                names |= {alias.asname or alias.name for alias in node.names if alias.name == "check"}
            elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
                names |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.Import):
                names |= {alias.asname for alias in node.names if alias.asname and alias.name in _MODULES}
    return names


def _holds_check(text: str, tree: ast.Module | None, names: set[str]) -> bool:
    if tree is None:
        return bool(_MENTIONS.search(text))
    if "gt-secure check" in text or re.search(r"^\s*%+gt_secure check\b", text, re.MULTILINE):
        return True
    return any(isinstance(node, ast.Assert) or _is_check(node, names) for node in ast.walk(tree))


def _is_check(node: ast.AST, names: set[str]) -> bool:
    """Return True if a node calls a check: ``check.name(...)``, ``name(...)`` or ``gt_secure.check.name(...)``."""
    if not isinstance(node, ast.Call):
        return False
    inner: ast.expr = node.func
    while isinstance(inner, ast.Attribute):
        if inner.attr == "check" and isinstance(inner.value, ast.Name) and inner.value.id == "gt_secure":
            return True
        inner = inner.value
    return isinstance(inner, ast.Name) and inner.id in names and inner.id != "CheckFailed"


def _code_reasons(tree: ast.Module, names: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and _any_check(node.body, names) and not all(map(_raises, node.handlers)):
            yield "an except clause swallows its failure"
        elif isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items):
            if _any_check(node.body, names):
                yield "suppress() swallows its failure"
        elif isinstance(node, ast.If | ast.While) and _never(node.test) and _any_check(node.body, names):
            yield "its condition is never true"
        elif isinstance(node, ast.Assign | ast.AnnAssign) and _replaces(node, names):
            yield "it replaces a check"


def _any_check(body: list[ast.stmt], names: set[str]) -> bool:
    nodes = (node for statement in body for node in ast.walk(statement))
    return any(isinstance(node, ast.Assert) or _is_check(node, names) for node in nodes)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def _suppresses(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Call) and ast.unparse(expression.func).rpartition(".")[2] == "suppress"


def _never(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant) and not test.value


def _replaces(node: ast.Assign | ast.AnnAssign, names: set[str]) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    roots = [target.value if isinstance(target, ast.Attribute) else target for target in targets]
    return any(isinstance(root, ast.Name) and root.id in names for root in roots)


def _shows_result(text: str, tree: ast.Module, names: set[str]) -> bool:
    """Return True if the last expression is a check, whose result the cell shows."""
    if not tree.body or text.rstrip().endswith(";"):
        return False
    last = tree.body[-1]
    return isinstance(last, ast.Expr) and _is_check(last.value, names)
