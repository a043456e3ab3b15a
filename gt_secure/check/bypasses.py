"""Detection of cells with a check that nothing runs, or whose error nobody sees: tags, comments, magics, parameters.

nbval, papermill and nbclient each honour tags or comments that skip a cell or ignore its error. On an ordinary cell
that is fine. On a cell that holds a check it turns the check green, whatever the account is like. What the code around
a check does needs no rule here: the check records its outcome (:mod:`gt_secure.check.ledger`).
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from .promise import cell_text, checks_in, parsed, renamed_checks

TAGS = ("raises-exception", "nbval-raises-exception", "nbval-skip", "nbval-ignore-output", "skip-execution")
"""Tags that skip a cell, ignore its error, or ignore what it shows."""

_COMMENT = re.compile(
    r"^\s*#\s*(NBVAL_SKIP|NBVAL_RAISES_EXCEPTION|NBVAL_IGNORE_OUTPUT|PYTEST_VALIDATE_IGNORE_OUTPUT)\b", re.MULTILINE
)
_CELL_MAGIC = re.compile(r"^\s*%%(\w+)")
_RUNS_PYTHON = {"time", "timeit", "prun", "capture", "gt_secure"}


def find_bypasses(book: dict[str, Any]) -> list[tuple[int, str]]:
    """Return (number of the cell, reason) for each check of a notebook that passes without being run."""
    names = renamed_checks(book)
    held = [(i, cell) for i, cell in enumerate(book["cells"]) if _holds_check(cell, names)]
    found = [(i, reason) for i, cell in held for reason in _reasons(cell)]
    return [*found, *(_lost_parameters(book) if held else ())]


def _holds_check(cell: dict[str, Any], names: dict[str, str]) -> bool:
    text = cell_text(cell)
    calls, mentions = checks_in(text, "code", names)
    return cell.get("cell_type") in {"code", "raw"} and bool(calls or mentions or _asserts(text))


def _asserts(text: str) -> bool:
    tree = parsed(text)
    if tree is None:
        return re.search(r"\bassert\b", text) is not None
    return any(isinstance(node, ast.Assert) for node in ast.walk(tree))


def _reasons(cell: dict[str, Any]) -> Iterator[str]:
    text = cell_text(cell)
    if cell.get("cell_type") == "raw":
        yield "it is a raw cell, which nothing runs"
        return
    for tag in (cell.get("metadata") or {}).get("tags") or ():
        if tag in TAGS:
            yield f"it has the tag {tag}"
    for match in _COMMENT.finditer(text):
        yield f"it has the comment {match[1]}"
    if (magic := _CELL_MAGIC.match(text)) and magic[1] not in _RUNS_PYTHON:
        yield f"it is not run as Python, but by %%{magic[1]}"
    if _asserts(text) and (sys.flags.optimize or os.environ.get("PYTHONOPTIMIZE")):
        yield "PYTHONOPTIMIZE removes its assert"


def _lost_parameters(book: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield the parameters of a run that nothing reads: papermill only warns, and runs with the default."""
    cells: dict[str, set[str]] = {"parameters": set(), "injected-parameters": set()}
    number = -1
    for i, cell in enumerate(book["cells"]):
        for tag in {*cells} & {*((cell.get("metadata") or {}).get("tags") or ())}:
            nodes = [node for node in ast.walk(parsed(cell_text(cell)) or ast.Pass()) if isinstance(node, ast.Name)]
            cells[tag] |= {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
            number = i if tag == "injected-parameters" else number
    for name in sorted(cells["injected-parameters"] - cells["parameters"]):
        yield number, f"it sets {name}, which no cell with the tag parameters has"
