"""Measures of the program and not of its layout: nodes of the syntax tree,
and branches of a function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


def branches(function: Function) -> int:
    """Return the number of places where a function decides or repeats,
    those of nested functions included.
    """
    number = 0
    for node in ast.walk(function):
        if isinstance(
            node,
            ast.If
            | ast.For
            | ast.AsyncFor
            | ast.While
            | ast.ExceptHandler
            | ast.IfExp
            | ast.match_case,
        ):
            number += 1
        elif isinstance(node, ast.comprehension):
            number += 1 + len(node.ifs)
        elif isinstance(node, ast.BoolOp):
            number += len(node.values) - 1
    return number


def nodes_of(text: str) -> int:
    """Count the nodes of a module's syntax tree, without docstrings:
    neither layout nor explanation counts.
    """
    nodes = list(ast.walk(ast.parse(text)))
    documented = [
        node
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node, clean=False) is not None
    ]
    return len(nodes) - 2 * len(documented)


def functions_of(files: Iterable[Path]) -> Iterator[Function]:
    """Yield the functions of modules."""
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield node
