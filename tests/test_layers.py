"""Imports go one way: no package imports from one above it, a part imports only what it may, and
there is no circle.

Read from the source of every module. Every import counts, also in functions and under
``TYPE_CHECKING``; a name of a lazy face counts as an import of the module that defines it. What is
exempt is named, edge by edge, with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from inspect import isfunction
from pathlib import Path

import pytest

from gt_secure.connection import Connection
from support.parts import PACKAGE as ROOT, PARTS

LAYERS = [
    [
        "base.version",
        "base.clock",
        "base.copies",
        "base.lazy",
        "base.text",
        "base.truth",
        "base.copies",
        "base.groups",
        "base.optional",
        "base.shared_files",
        "base.handed",
        "base.denials",
        "base.budget",
        "base.task_liquid",
    ],
    ["secrets", "base.mask"],
    ["base.shown", "base.tracebacks"],
    ["base.errors"],
    [
        "base.evidence",
        "base.html",
        "base.files",
        "base.outcome",
        "base.pages",
        "base.url_journal",
        "base.viewers",
        "base.wording",
    ],
    ["base.columns", "base.situations"],
    ["base.network"],
    ["base.allowed"],
    ["errors"],
    ["logs.named_networks"],
    ["logs"],
    ["logs.plots"],
    ["engine.iam"],
    ["engine.policies"],
    ["engine.access"],
    ["aws"],
    ["restriction"],
    ["account"],
    ["presign"],
    ["sandbox"],
    ["explain"],
    ["findings"],
    ["check.ledger"],
    ["changes"],
    ["findings.listings"],
    ["connection_arguments"],
    ["doctor.features"],
    ["report"],
    ["check.proof"],
    ["connection"],
    ["doctor", "check"],
    ["widgets"],
    ["cli.demonstration"],
    ["cli"],
    ["magics", "pytest_plugin"],
    ["base", "engine"],
    ["", "__main__"],
]
"""Packages and modules, the lowest first. Those in one row do not import each other. The longest
name that fits counts; the last rows are faces, which list what is below."""
SHELVES = {name: row for row, names in enumerate(LAYERS) for name in names}

A_METHOD_RENDERS = "a method imports the function that renders its object, when somebody looks"
EXEMPT = {
    ("changes.plan", "changes.render.html"): A_METHOD_RENDERS,
    ("changes.plan", "changes.render.infrastructure_code"): A_METHOD_RENDERS,
    ("changes.plan", "changes.render.text"): A_METHOD_RENDERS,
    (
        "sandbox",
        "presign.worker",
    ): "the face lists what acts as a worker, a client of the sandbox, for the guides",
    ("engine.access.answer", "engine.access.exposure_text"): A_METHOD_RENDERS,
    ("engine.access.exposure", "engine.access.exposure_text"): A_METHOD_RENDERS,
}
"""Edges that do not count, with the reason."""

SANDBOX_MAY_IMPORT = {
    "base.clock",
    "base.lazy",
    "base.text",
    "base.mask",
    "base.errors",
    "base.network",
    "base.version",
    "sandbox",
}
SANDBOX_MAY_IMPORT |= {"base.budget", "base.task_liquid"}
"""Prediction and enforcement come from different code. What evaluates a template is one thing:
it decides nothing.
"""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below ``gt_secure``;
    the package itself is the empty name.
    """
    result = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        result[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return result


MODULES = modules()


@cache
def _imports_of(path: Path) -> list[ast.Import | ast.ImportFrom]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def _written(name: str) -> Iterator[tuple[str, str, int]]:
    """Yield what a module imports as it is written: a module or a package,
    the name taken from it, the line.
    """
    path = MODULES[name]
    base = name.split(".") if name else []
    if path.name != "__init__.py":
        base = base[:-1]
    for node in _imports_of(path):
        if isinstance(node, ast.ImportFrom):
            yield from _from(node, base)
        else:
            for alias in node.names:
                if alias.name.split(".")[0] == "gt_secure":
                    yield alias.name.removeprefix("gt_secure").lstrip("."), "", node.lineno


def _from(node: ast.ImportFrom, base: list[str]) -> Iterator[tuple[str, str, int]]:
    if node.level == 0:
        if (node.module or "").split(".")[0] != "gt_secure":
            return
        start = (node.module or "").split(".")[1:]
    else:
        start = base[: len(base) - node.level + 1] + (node.module.split(".") if node.module else [])
    for alias in node.names:
        deeper = ".".join([*start, alias.name])
        yield (
            (deeper, "", node.lineno)
            if deeper in MODULES
            else (".".join(start), alias.name, node.lineno)
        )


@cache
def _homes(face: str) -> dict[str, str]:
    """Return the modules that define the names of a lazy face."""
    if face not in MODULES or "__getattr__" not in MODULES[face].read_text(encoding="utf-8"):
        return {}
    names: dict[str, str] = {}
    for node in _imports_of(MODULES[face]):
        if isinstance(node, ast.ImportFrom):
            own = _from(node, face.split(".") if face else [])
            names |= {
                alias.name: target for alias, (target, _, _) in zip(node.names, own, strict=False)
            }
    return names


def imports(name: str) -> Iterator[tuple[str, int]]:
    """Yield the modules of the package that a module imports, with the line;
    a name of a face is its module.
    """
    for target, taken, line in _written(name):
        while taken in (homes := _homes(target)) and homes[taken] != target:
            target = homes[taken]
        if target != name:
            yield target, line


def shelf(name: str) -> str:
    """Return the entry of LAYERS in which a module is."""
    parts = name.split(".")
    fitting = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    found = next((each for each in fitting if each in SHELVES), None)
    assert found is not None, f"{name} is in no layer: put it into LAYERS where it belongs"
    return found


def _place(name: str, line: int) -> str:
    return f"{MODULES[name].relative_to(ROOT)}:{line}"


def test_nothing_imports_upward() -> None:
    wrong = [
        f"{_place(name, line)} imports {target or 'the package'}"
        for name in MODULES
        for target, line in imports(name)
        if name and shelf(target) != shelf(name)
        if SHELVES[shelf(target)] >= SHELVES[shelf(name)] and (name, target) not in EXEMPT
    ]
    assert not wrong, "\n".join(wrong)


def test_a_face_imports_none_of_its_modules() -> None:
    """Two threads may import a package and a module of it at the same time;
    each would wait for the other's lock.
    """
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for name, path in MODULES.items()
        if path.name == "__init__.py" and name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        and any(target.startswith(f"{name}.") for target, _, _ in _from(node, name.split(".")))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_circle() -> None:
    """A face's list of its own modules is no import:
    each is loaded when somebody takes a name of it.
    """
    graph = {
        name: {
            target
            for target, _ in imports(name)
            if target in MODULES
            and (name, target) not in EXEMPT
            and not (_homes(name) and _is_below(target, name))
        }
        for name in MODULES
        if name
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


def _is_below(name: str, package: str) -> bool:
    return name.startswith(f"{package}.")


def test_each_exempt_edge_is_there() -> None:
    edges = {(name, target) for name in MODULES for target, _ in imports(name)}
    gone = [edge for edge in EXEMPT if edge not in edges]
    assert gone == [], "take these out of EXEMPT"


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_only_what_it_may(part: str) -> None:
    wrong = [
        f"{_place(name, line)} imports {target or 'the package'}"
        for name in MODULES
        if name.split(".")[0] == part
        for target, line in imports(name)
        if target.split(".")[0] not in (part, *PARTS[part]) and (name, target) not in EXEMPT
    ]
    assert not wrong, "\n".join(wrong)


SURFACES = {"cli", "magics", "pytest_plugin", "widgets"}
LEDGER = {"ledger", "asserts", "promise", "recordedplace", "ledgerentry"}


def _names_of_product(source: str) -> Iterator[str]:
    """Yield what the code of a module says about the ledger, a surface,
    or methods of a connection; not its prose.
    """
    methods = {
        name
        for name, each in vars(Connection).items()
        if isfunction(each) and not name.startswith("_")
    }
    for node in ast.walk(ast.parse(source)):
        words = [
            getattr(node, name, None) for name in ("id", "attr", "arg", "module", "name", "asname")
        ]
        parts = {
            part for word in words if isinstance(word, str) for part in word.lower().split(".")
        }
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"[.\w]+", node.value)
        ):
            parts |= (
                {*node.value.lower().split(".")}
                if "." in node.value
                else {node.value.lower()} & LEDGER
            )
        is_module = isinstance(node, ast.alias | ast.ImportFrom | ast.Constant)
        yield from sorted(parts & (LEDGER | SURFACES if is_module else LEDGER))
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            texts = [
                each.value for each in ast.iter_child_nodes(node) if isinstance(each, ast.Constant)
            ]
            named = methods.intersection(each for each in texts if isinstance(each, str))
            if len(named) > 3 and 2 * len(named) > len(texts):
                yield f"methods of a connection: {', '.join(sorted(named))}"


@pytest.mark.parametrize("part", PARTS)
def test_a_part_names_no_ledger_and_no_surface(part: str) -> None:
    """Not as an import, an identifier or a text either:
    what a notebook records is wrapped around the parts.
    """
    paths = [
        (name, path)
        for name, path in MODULES.items()
        if name.split(".")[0] == part and part != "sandbox"
    ]
    wrong = [
        f"{name}: {word}"
        for name, path in paths
        for word in _names_of_product(path.read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "source",
    [
        "from ..check.ledger import record",
        "def f():\n    from gt_secure import widgets",
        "import gt_secure.cli.main",
        "load('gt_secure.cli.main')",
        "place: RecordedPlace | None = None",
        "names = {*('apply', 'report', 'explain', 'findings', 'examine')}",
        "handed('ledger')",
    ],
)
def test_a_name_of_the_product_is_found_however_it_is_written(source: str) -> None:
    assert [*_names_of_product(source)]


def test_the_sandbox_shares_no_code_with_the_prediction() -> None:
    wrong = [
        f"{_place(name, line)} imports {target}"
        for name in MODULES
        if name.split(".")[0] == "sandbox"
        for target, line in imports(name)
        if shelf(target) not in SANDBOX_MAY_IMPORT and (name, target) not in EXEMPT
    ]
    assert not wrong, "\n".join(wrong)


KNOW_THE_SANDBOX = {"sandbox", "connection_arguments", "cli", "pytest_plugin"}


def test_only_entry_points_know_the_sandbox() -> None:
    wrong = [
        f"{_place(name, line)} imports {target}"
        for name in MODULES
        if name and name.split(".")[0] not in KNOW_THE_SANDBOX
        for target, line in imports(name)
        if target.split(".")[0] == "sandbox"
    ]
    assert not wrong, "\n".join(wrong)


def test_the_roof_holds_few_modules() -> None:
    """What a visitor sees first: the parts, the product's packages, and at most eight modules."""
    assert len([*ROOT.glob("*.py")]) <= 8


def test_every_module_is_in_a_layer() -> None:
    for name in MODULES:
        shelf(name)


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
