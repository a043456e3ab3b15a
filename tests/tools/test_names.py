"""Locals of a function with many branches are named by type or role:
the names are what guides its reader.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ruler import Function, branches

PACKAGE = Path(__file__).parents[2] / "gt_secure"
FREE = 10
"""Branches up to which a function may name its locals freely."""
VAGUE = frozenset({"wish", "told", "said", "seen", "found", "given", "made", "kept"})
"""Names that say what happened to a value, and not what it is."""


def locals_of(function: Function) -> set[str]:
    """Return the parameters of a function and the names that it assigns."""
    names = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    return names | {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }


def functions(source: str, place: str) -> Iterator[tuple[str, Function]]:
    """Yield the functions of a module with their place, such as ``logs/hits.py:Hits.count``."""

    def below(node: ast.AST, names: tuple[str, ...]) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield from below(child, (*names, child.name))
            elif isinstance(child, Function):
                yield f"{place}:{'.'.join((*names, child.name))}", child

    yield from below(ast.parse(source), ())


def vague(source: str, place: str) -> dict[str, list[str]]:
    """Return the vague locals of the functions with many branches, by place."""
    names = {
        at: VAGUE & locals_of(each)
        for at, each in functions(source, place)
        if branches(each) > FREE
    }
    return {at: sorted(each) for at, each in names.items() if each}


@pytest.fixture(scope="module")
def places() -> dict[str, list[str]]:
    return {
        at: names
        for path in sorted(PACKAGE.rglob("*.py"))
        for at, names in vague(
            path.read_text(encoding="utf-8"), path.relative_to(PACKAGE).as_posix()
        ).items()
    }


def test_locals_of_dense_functions_are_named_by_type_or_role(places: dict[str, list[str]]) -> None:
    assert places == {}


def test_a_vague_name_is_noticed_in_a_dense_function_only() -> None:
    lines = [f"    if rows[{i}]:\n        found.append({i})" for i in range(FREE + 1)]
    dense = "\n".join(["def f(rows):", "    found = []", *lines])
    assert vague(dense, "m.py") == {"m.py:f": ["found"]}
    assert vague("\n".join(dense.split("\n")[:-2]), "m.py") == {}
    assert vague(dense.replace("found", "numbers"), "m.py") == {}
