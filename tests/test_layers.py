"""Imports go one way: no package imports from one above it, and no modules import each other in a circle.

Read from the source of every module: imports at the top, inside functions, and under ``TYPE_CHECKING``, where lazy
package faces list their names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import gt_secure

ROOT = Path(gt_secure.__file__).parent

LAYERS = [
    ["_version", "_lazy", "text", "optional", "shared_files", "handed", "denials", "secrets"],
    ["mask"],
    ["tracebacks"],
    ["errors"],
    ["html", "files", "url_journal", "wording"],
    ["columns"],
    ["network", "applications"],
    ["named_networks"],
    ["logs"],
    ["plots"],
    ["aws"],
    ["iam"],
    ["policies"],
    ["restriction"],
    ["account"],
    ["presign"],
    ["sandbox"],
    ["access"],
    ["findings"],
    ["changes"],
    ["listings"],
    ["connection_arguments"],
    ["data_buckets"],
    ["audit"],
    ["connection"],
    ["doctor", "check"],
    ["sweeps"],
    ["widgets"],
    ["demonstration"],
    ["cli"],
    ["magics", "pytest_plugin", "agent_tools"],
    ["", "__main__"],
]
"""Packages and modules of the top level, the lowest first. Those in one row do not import each other."""

SANDBOX_MAY_IMPORT = {
    "_version",
    "_lazy",
    "text",
    "mask",
    "tracebacks",
    "errors",
    "shared_files",
    "network",
    "sandbox",
}
"""Prediction and enforcement come from different code."""

OF_THE_WORKER = ("sandbox", "presign.worker")
"""The face of the sandbox lists what acts as a worker, which is a client of the sandbox and no part of it."""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below ``gt_secure``; the package itself is the empty name."""
    result = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        result[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return result


MODULES = modules()


@cache
def _imports_of(path: Path) -> list[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Return the imports of a file, and whether each is in the body of a function."""
    found = []
    todo: list[tuple[ast.AST, bool]] = [(ast.parse(path.read_text(encoding="utf-8")), False)]
    while todo:
        node, inside = todo.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append((node, inside))
        elif not isinstance(node, ast.expr):
            inside = inside or isinstance(node, ast.FunctionDef)
            todo += [(child, inside) for child in ast.iter_child_nodes(node)]
    return found


def imports(name: str, path: Path) -> Iterator[tuple[str, int]]:
    """Yield the modules of the package that a module imports, with the line."""
    base = name.split(".") if name else []
    if path.name != "__init__.py":
        base = base[:-1]
    for node, _ in _imports_of(path):
        if isinstance(node, ast.ImportFrom):
            yield from _from(node, base)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "gt_secure":
                    yield alias.name.removeprefix("gt_secure").lstrip("."), node.lineno


def _from(node: ast.ImportFrom, base: list[str]) -> Iterator[tuple[str, int]]:
    if node.level == 0:
        if (node.module or "").split(".")[0] != "gt_secure":
            return
        start = (node.module or "").split(".")[1:]
    else:
        start = base[: len(base) - node.level + 1] + (node.module.split(".") if node.module else [])
    for alias in node.names:
        deeper = ".".join([*start, alias.name])
        yield (deeper if deeper in MODULES else ".".join(start)), node.lineno


def layer(name: str) -> int:
    """Return the row of a module's top-level name."""
    top = name.split(".")[0]
    for index, row in enumerate(LAYERS):
        if top in row:
            return index
    raise AssertionError(f"{top} is in no layer: put it into LAYERS where it belongs")


def test_nothing_imports_upward() -> None:
    wrong = []
    for name, path in MODULES.items():
        for target, line in imports(name, path):
            if name == "" or target.split(".")[0] == name.split(".")[0]:
                continue
            if layer(target) >= layer(name):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {target or 'the package'}")
    assert not wrong, "\n".join(wrong)


def test_a_face_imports_none_of_its_modules() -> None:
    """Two threads may import a package and a module of it at the same time; each would wait for the other's lock."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for name, path in MODULES.items()
        if path.name == "__init__.py" and name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        and any(target.startswith(f"{name}.") for target, _ in _from(node, name.split(".")))
    ]
    assert not wrong, "\n".join(wrong)


def _in_functions(path: Path) -> set[int]:
    """Return the lines of imports in the bodies of functions."""
    return {node.lineno for node, inside in _imports_of(path) if inside}


def test_no_circle() -> None:
    """An object may import the functions that render it, in the body of its method and in its own package."""
    graph = {
        name: {
            target
            for target, line in imports(name, path)
            if target in MODULES
            and target != name
            and not (line in deferred and target.split(".")[0] == name.split(".")[0])
        }
        for name, path in MODULES.items()
        if name
        for deferred in [_in_functions(path)]
    }
    state: dict[str, int] = {}
    circles: list[str] = []

    def visit(name: str, trail: list[str]) -> None:
        state[name] = 1
        for target in sorted(graph.get(name, ())):
            if state.get(target) == 1 and target in trail:
                circles.append(" -> ".join([*trail[trail.index(target) :], target]))
            elif target not in state:
                visit(target, [*trail, target])
        state[name] = 2

    for name in sorted(graph):
        if name not in state:
            visit(name, [name])
    assert not circles, "\n".join(circles)


def test_the_sandbox_shares_no_code_with_the_prediction() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for name, path in MODULES.items()
        if name.split(".")[0] == "sandbox"
        for target, line in imports(name, path)
        if target.split(".")[0] not in SANDBOX_MAY_IMPORT and (name, target) != OF_THE_WORKER
    ]
    assert not wrong, "\n".join(wrong)


KNOW_THE_SANDBOX = {"sandbox", "connection_arguments", "demonstration", "cli", "pytest_plugin"}


def test_only_entry_points_know_the_sandbox() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for name, path in MODULES.items()
        if name and name.split(".")[0] not in KNOW_THE_SANDBOX
        for target, line in imports(name, path)
        if target.split(".")[0] == "sandbox"
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_is_in_a_layer() -> None:
    for name in MODULES:
        layer(name)


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
