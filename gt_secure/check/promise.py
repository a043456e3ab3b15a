"""The checks that a notebook promises, and whether its run kept the promise: each ran, passed and was not replaced.

The promise is in the notebook's metadata (``gt-secure check no-code-cell-skipped --write``, or *Insert a
Regression-Test Cell*), and in its source: every check that a code cell names, also in a comment, and the code in a cell
that became Markdown.

nbval, papermill and nbclient each honour tags or comments that skip a cell or ignore its error. On an ordinary cell
that is fine. On a cell that holds a check it turns the check green, whatever the account is like. What the code around
a check does needs no rule here: the check records its outcome (:mod:`gt_secure.check.ledger`).
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..base.text import some
from .ledger import KEY, LedgerEntry, records_of
from .spec import RULES

CHECK_NAMES = frozenset({*RULES, "run_file", "run_specs"})
"""The names by which a notebook runs checks."""

_LINE = re.compile(
    r"(?:(?s:\A%%.*?)|^[#\s]*(?:\w+\s*=\s*)?[!%][^\n]*?|\b\w*(?:system|run|call|output|[pP]open)\([^)]*?)"
    r"gt[-_]secure['\",\s]+check['\",\s]+([a-z][\w-]*)?",
    re.MULTILINE,
)
_CALL = re.compile(rf"\b({'|'.join(CHECK_NAMES)})(?:\.look)?\s*\(")
_SAVED = re.compile(r"CheckResult\(name='(\w+)'")
_COMMENT = re.compile(r"^\s*#+ ?(.*)$", re.MULTILINE)
_REPORT = "run_file"
_USES = re.compile(r"gt[_-]secure")
_IMPORTS = re.compile(r"gt_secure\.check\b|from gt_secure import (?:\([^)]*|[^\n]*)\bcheck\b")


TAGS = ("raises-exception", "nbval-raises-exception", "nbval-skip", "nbval-ignore-output", "skip-execution")
"""Tags that skip a cell, ignore its error, or ignore what it shows."""

_BYPASS = re.compile(
    r"^\s*#\s*(NBVAL_SKIP|NBVAL_RAISES_EXCEPTION|NBVAL_IGNORE_OUTPUT|PYTEST_VALIDATE_IGNORE_OUTPUT)\b", re.MULTILINE
)
_CELL_MAGIC = re.compile(r"^\s*%%(\w+)")
_RUNS_PYTHON = {"time", "timeit", "prun", "capture", "gt_secure"}


class Promise(NamedTuple):
    """Checks that must run: the number of calls of each, those that are mentioned, and the cells that name them."""

    calls: Counter[str]
    mentions: frozenset[str]
    cells: dict[str, list[int]]
    declared: bool = False

    def __bool__(self) -> bool:
        return bool(self.calls or self.mentions)


def promise_of(book: dict[str, Any]) -> Promise:
    """Read the promise of a notebook from its metadata, source and saved outputs."""
    written = _written(book)
    calls: Counter[str] = Counter()
    mentions = set()
    cells: dict[str, list[int]] = {}
    renamed = renamed_checks(book)
    texts = set()
    for number, cell in enumerate(book["cells"]):
        text = cell_text(cell)
        sure, named = checks_in(text, cell.get("cell_type"), renamed)
        named |= {name for output in cell.get("outputs") or () for name in _SAVED.findall(str(output.get("data")))}
        for name in {*sure, *named}:
            cells.setdefault(name, []).append(number)
        mentions |= named
        calls.update({} if text in texts else sure)
        texts.add(text)
    return Promise(
        calls | _ran(list(records_of(book["cells"]))) | (written or Counter()),
        frozenset(mentions),
        cells,
        written is not None,
    )


def _written(book: dict[str, Any]) -> Counter[str] | None:
    held = (book.get("metadata") or {}).get(KEY)
    checks = held.get("checks") if isinstance(held, dict) else None
    if not isinstance(checks, dict):
        return None
    return Counter({str(name): number for name, number in checks.items() if isinstance(number, int) and number > 0})


def renamed_checks(book: dict[str, Any]) -> dict[str, str]:
    """Return the other names under which the notebook imports checks."""
    trees = [parsed(cell_text(cell)) for cell in book["cells"] if cell.get("cell_type") == "code"]
    nodes = [node for tree in trees if tree for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    aliases = [alias for node in nodes for alias in node.names]
    return {alias.asname: alias.name for alias in aliases if alias.asname and alias.name in CHECK_NAMES}


def cell_text(cell: dict[str, Any]) -> str:
    """Return the source of a cell, which is saved as a text or as a list of lines."""
    source = cell.get("source", "")
    return "".join(str(line) for line in source) if isinstance(source, list) else str(source)


def parsed(text: str) -> ast.Module | None:
    """Parse the source of a cell without its magics; None if it is no Python."""
    lines = ["pass" if line.lstrip().startswith(("%", "!")) else line for line in text.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def checks_in(text: str, kind: object, renamed: dict[str, str]) -> tuple[Counter[str], set[str]]:
    """Return the checks that the text of a cell calls, and those that it mentions."""
    tree, mentions = parsed(text), {_check_of(word) for word in _LINE.findall(text)}
    if kind not in ("code", "raw"):
        fenced = "".join(re.findall(r"```.*?```", text, re.DOTALL))
        calls = _calls(tree, renamed) if tree is not None and _CALL.search(text) else Counter()
        return calls, mentions | set(_CALL.findall(fenced))
    mentions |= set(_CALL.findall(text))
    if tree is None:
        return Counter(_CALL.findall(text)), mentions
    comments = [parsed(each) for each in _comments(text) if _CALL.search(each)]
    return sum((_calls(each, renamed) for each in comments if each is not None), _calls(tree, renamed)), mentions


def _check_of(word: str) -> str:
    name = word.replace("-", "_")
    return name if name in CHECK_NAMES else _REPORT


def _comments(text: str) -> Iterator[str]:
    """Yield the blocks of comments that can be code as a whole, and the lines of the others."""
    for found in re.finditer(r"(?:^[ \t]*#.*\n?)+", text, re.MULTILINE):
        block = _COMMENT.sub(r"\1", found[0])
        yield from [block] if parsed(block) is not None else block.splitlines()


def _calls(node: ast.AST, renamed: dict[str, str]) -> Counter[str]:
    """Count the checks that code names; of two branches of an ``if``, the larger number counts."""
    if isinstance(node, ast.If) and node.orelse:
        branches = [sum((_calls(each, renamed) for each in body), Counter()) for body in (node.body, node.orelse)]
        return _calls(node.test, renamed) + (branches[0] | branches[1])
    if isinstance(node, ast.Attribute) and node.attr == "skip":
        return Counter()
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return _calls(parsed(node.value.value) or ast.Module([], []), renamed)
    own = Counter(_named_check(node, renamed))
    return sum((_calls(child, renamed) for child in ast.iter_child_nodes(node)), own)


def _named_check(node: ast.AST, renamed: dict[str, str]) -> list[str]:
    """Return the check that a name or attribute reads, by its own name; none for another node."""
    word = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    word = renamed.get(word, word)
    if word not in CHECK_NAMES or not isinstance(getattr(node, "ctx", None), ast.Load):
        return []
    return [_REPORT if word == "run_specs" else word]


def _ran(records: list[LedgerEntry]) -> Counter[str]:
    """Count the places from which each check ran; a report counts as one, whatever checks it has."""
    places = {(_REPORT if each.at.startswith("report") else each.check, each.cell, each.at) for each in records}
    return Counter(name for name, *_ in places)


def unkept(
    book: dict[str, Any], promise: Promise, *, at_least: int | None = None, of_checks: bool = False
) -> list[str]:
    """Return what the run of a notebook owes to its promise, in sentences; its cells hold the outputs of the run.

    ``of_checks``: only a notebook that imports checks must run one, not each that uses gt_secure.
    """
    records = list(records_of(book["cells"]))
    owed = [*_not_passed(records), *_not_run(promise, records)]
    passed = sum(each.status == "passed" for each in records)
    declared = promise.declared if at_least is None else True
    if passed < (at_least or 0):
        return [*owed, f"{passed} of at least {at_least} checks passed"]
    if owed or passed or (declared and not records):
        return owed
    if records:
        return ["every check was skipped"]
    if _uses(book, _IMPORTS if of_checks else _USES) and not _asserts(book):
        return ["no check ran, and the notebook does not state that it has none"]
    return []


def _not_passed(records: list[LedgerEntry]) -> list[str]:
    """Return the checks that neither passed nor were skipped, each with its cell."""
    return [
        f"{each.check}({each.subject}) {each.status} in cell {each.cell}"
        for each in records
        if each.status not in ("passed", "skipped")
    ]


def _not_run(promise: Promise, records: list[LedgerEntry]) -> Iterator[str]:
    """Yield the promised checks that ran nowhere, or less often than promised."""
    ran, recorded = _ran(records), {each.check for each in records}
    for name in sorted({*promise.calls, *promise.mentions}):
        owed, done = promise.calls[name], ran[name]
        if done < owed or not (done or name in recorded):
            where = some([f"cell {number}" for number in promise.cells.get(name, ())])
            times = f"{done} of {owed} times" if done else "nowhere"
            yield f"{name} ran {times}" + (f" (named in {where})" if where else "")


def _uses(book: dict[str, Any], pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(cell_text(cell)) for cell in book["cells"] if cell.get("cell_type") == "code")


def _asserts(book: dict[str, Any]) -> bool:
    """Return whether a cell that was run asserts something by itself."""
    run = [cell for cell in book["cells"] if cell.get("execution_count") is not None]
    return any(isinstance(each, ast.Assert) for cell in run if (tree := parsed(cell_text(cell))) for each in tree.body)


def ran_text(book: dict[str, Any]) -> str:
    """Return how many checks passed and where, in a sentence; empty if none ran."""
    records = list(records_of(book["cells"]))
    words = Counter(f"{each.status}{' on the sandbox' if each.on else ''}" for each in records)
    return f"Checks: {', '.join(f'{number} {word}' for word, number in words.items())}." if words else ""


def find_bypasses(book: dict[str, Any]) -> list[tuple[int, str]]:
    """Return (number of the cell, reason) for each check of a notebook that passes without being run."""
    names = renamed_checks(book)
    held = [(i, cell) for i, cell in enumerate(book["cells"]) if _holds_check(cell, names)]
    found = [(i, reason) for i, cell in held for reason in _reasons(cell)]
    return [*found, *(_lost_parameters(book) if held else ())]


def _holds_check(cell: dict[str, Any], names: dict[str, str]) -> bool:
    text = cell_text(cell)
    calls, mentions = checks_in(text, "code", names)
    return cell.get("cell_type") in {"code", "raw"} and bool(calls or mentions or _holds_assert(text))


def _holds_assert(text: str) -> bool:
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
    for match in _BYPASS.finditer(text):
        yield f"it has the comment {match[1]}"
    if (magic := _CELL_MAGIC.match(text)) and magic[1] not in _RUNS_PYTHON:
        yield f"it is not run as Python, but by %%{magic[1]}"
    if _holds_assert(text) and (sys.flags.optimize or os.environ.get("PYTHONOPTIMIZE")):
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
