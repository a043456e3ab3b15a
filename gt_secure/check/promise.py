"""The promise of a notebook: the checks that a run must pass, each with its subject, and whether a
run kept it.

``gt-secure check no-code-cell-skipped --write`` writes the promise after a run, from what passed,
as a cell that calls :func:`promise`. The notebook's metadata has the same, for a cell that was
lost. Without either, the promise is only inferred: from the checks that the source names, also in a
comment or in a cell that became Markdown, and from the records of the saved run.

nbval, papermill and nbclient each honour tags or comments that skip a cell or ignore its error. On
an ordinary cell that is fine. On a cell that holds a check it turns the check green, whatever the
account is like. What the code around a check does needs no rule here: the check records its outcome
(:mod:`gt_secure.check.ledger`).
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, TypeGuard

from ..base.errors import InvalidInput
from ..base.handed import handed
from ..base.outcome import CheckResult
from ..base.text import Json, count, some
from .asserts import answers_in, asks, holds_always, mentions
from .ledger import (
    ASSERTS,
    KEY,
    LedgerEntry,
    fingerprint,
    kernel_shell,
    parsed,
    recorded_here,
    records_of,
)
from .spec import RULES

REPORT = "run_file"
"""The name by which a report of a check file is recorded, beside each of its checks."""
CHECK_NAMES = frozenset({*RULES, REPORT})
"""The names by which a notebook runs checks."""
_CALL = re.compile(rf"\b({'|'.join(CHECK_NAMES)})(?:\.look)?\s*\(")
_COMMENT = re.compile(r"^[^\S\n]*#+ ?(.*)$", re.MULTILINE)
_COMMAND = re.compile(
    r"((?s:\A%%.*?)|^[#\t ]*(?:\w+\s*=\s*)?[!%][^\n]*?"
    r"|\b\w*(?:system|run|call|output|[pP]open)\([^)]{0,2000}?)"
    r"gt[-_]secure['\",\s]+([a-z]+)\b([^\n]*)",
    re.MULTILINE,
)
_TALK = ("help", "print", "repr", "dir", "type", "signature", "getsource", "getdoc")
_USES = re.compile(r"gt[_-]secure")
_IMPORTS = re.compile(r"gt_secure\.check\b|from gt_secure import (?:\([^)]*|[^\n]*)\bcheck\b")
BY_COMMAND = "by_command"
"""The argument of a promise that holds the checks of processes."""
WRITE = "gt-secure check no-code-cell-skipped --write --path"

TAGS = (
    "raises-exception",
    "nbval-raises-exception",
    "nbval-skip",
    "nbval-ignore-output",
    "skip-execution",
)
"""Tags that skip a cell, ignore its error, or ignore what it shows."""

_BYPASS = re.compile(
    r"^[^\S\n]*#\s*(NBVAL_SKIP|NBVAL_RAISES_EXCEPTION|NBVAL_IGNORE_OUTPUT|PYTEST_VALIDATE_IGNORE_OUTPUT)\b",
    re.MULTILINE,
)
_CELL_MAGIC = re.compile(r"^\s*%%(\w+)")
_RUNS_PYTHON = {"time", "timeit", "prun", "capture", "gt_secure"}

Pair = tuple[str, str]
CheckNames: TypeAlias = dict[str, str]
"""The checks by the names under which a notebook imports them."""


class Promise(NamedTuple):
    """Checks that must pass, by name and subject; checks that must run, by name,
    with the cells that name them.
    """

    pairs: frozenset[Pair]
    named: Mapping[str, list[int]]
    stated: Literal["", "cell", "metadata", "unread"] = ""


def promise(
    *, by_command: Mapping[str, Iterable[str]] | None = None, **checks: Iterable[str]
) -> CheckResult:
    """State the checks of a notebook, each with its subjects. In a notebook, require that all of
    them have passed.

    ``gt-secure check no-code-cell-skipped --write`` writes the cell, as the last one. Without
    arguments it states that the notebook has no check.

    Parameters
    ----------
    by_command : mapping of str to list of str, optional
        The same for processes of the notebook, such as ``!gt-secure check``: the outputs of the
        notebook have these records, and this kernel does not. A runner compares them.
    **checks : list of str
        By the name of a check, the subjects for which it must pass.

    Raises
    ------
    CheckFailed
        If one of them did not run in this kernel, or did not pass.
    InvalidInput
        If the subjects of a check are no list.

    Examples
    --------
    >>> check.promise(guard_is_in_place=["gt-images"])  # doctest: +SKIP
    """
    for name, subjects in (*checks.items(), *(by_command or {}).items()):
        if isinstance(subjects, str):
            step = f'Write {name}=["{subjects[:40]}"].'
            raise InvalidInput(f"The subjects of {name} are a list.", next_step=step, field=name)
    owed = {(name, str(subject)) for name, subjects in checks.items() for subject in subjects}
    left = (
        sorted(_left({pair for pair in owed if pair[0] != ASSERTS}, recorded_here()))
        if kernel_shell()
        else []
    )
    text = f"Promised and not passed: {some([_pair_text(*pair) for pair in left])}." if left else ""
    text = text or f"{count(len(owed), 'check')} promised."
    fix = "Run the notebook from the first cell to the last."
    return CheckResult(
        "promise", "the notebook", not left, text, {"left": left}, fix if left else ""
    ).require()


def _left(owed: Iterable[Pair], records: Iterable[LedgerEntry]) -> set[Pair]:
    """Return the pairs that did not pass; a skip releases its check where that ran nowhere,
    or the subject it names.
    """
    records = list(records)
    passed = {pair for each in records if each.status == "passed" for pair in names_of(each)}
    skips = [each for each in records if each.status == "skipped"]
    others = {each.check for each in records} - {
        each.check for each in records if each.status != "skipped"
    }
    released = {
        (name, subject)
        for each in skips
        for name, subject in owed
        if name == each.check and (name in others or subject in each.subject)
    }
    return {*owed} - passed - released


def names_of(entry: LedgerEntry) -> Iterator[Pair]:
    """Yield the pairs that a record answers for: its subject alone, with its place,
    and an assert without its names.
    """
    plain = entry.subject.partition(" [")[0] if entry.check == ASSERTS else entry.subject
    yield from (
        (entry.check, each)
        for each in (entry.subject, f"{entry.subject} in {_place(entry)}", plain)
    )


def _pair_text(name: str, subject: str) -> str:
    return f"assert {subject}" if name == ASSERTS else f"{name}({subject})"


def promise_of(book: Json) -> Promise:
    """Read the promise of a notebook: from its cell, else from its metadata,
    else from its source and saved records.
    """
    held = (book.get("metadata") or {}).get(KEY)
    held = held if isinstance(held, dict) else {}
    named = _named(book)
    cells = [stated for cell in book["cells"] if (stated := stated_in(cell)) is not None]
    promised: Any = held.get("promise")
    is_read = isinstance(promised, dict) and all(
        isinstance(each, list) for each in promised.values()
    )
    mirrored = set(_pairs(promised)) if is_read else set()
    if cells or is_read:  # a merge may have kept the cell of one side
        return Promise(frozenset(mirrored.union(*cells)), named, "cell" if cells else "metadata")
    ran = [each for each in records_of(book["cells"]) if each.status != "skipped"]
    pairs = frozenset((each.check, each.subject) for each in ran)
    return Promise(pairs, named, "unread" if held else "")


def _pairs(checks: Json) -> Iterator[Pair]:
    for name, subjects in checks.items():
        yield from (
            (str(name), str(each))
            for each in (subjects if isinstance(subjects, list | tuple) else ())
        )


def stated_in(cell: Json) -> set[Pair] | None:
    """Return the pairs that a call of :func:`promise` in a cell states, also in a comment;
    None without one.
    """
    text = cell_text(cell)
    if "promise" not in text:
        return None
    trees = [parsed(text), *(parsed(block) for block in _comments(text) if "promise" in block)]
    calls = [
        node for tree in trees if tree is not None for node in ast.walk(tree) if _is_promise(node)
    ]
    pairs: set[Pair] = set()
    for call in calls:
        for keyword in call.keywords:
            try:
                value = ast.literal_eval(keyword.value)
                pairs |= set(
                    _pairs(value if keyword.arg == BY_COMMAND else {str(keyword.arg): value})
                )
            except (ValueError, AttributeError):
                pairs.add((str(keyword.arg), "a list that is written out, not computed"))
    return pairs if calls else None


def _is_promise(node: ast.AST) -> TypeGuard[ast.Call]:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "promise"
        and "check" in ast.unparse(function.value)
    )


def is_promise_cell(cell: Json) -> bool:
    """Return whether a cell does nothing but state the promise: it need not have run."""
    tree = parsed(cell_text(cell))
    others = (
        []
        if tree is None
        else [each for each in tree.body if not isinstance(each, ast.Import | ast.ImportFrom)]
    )
    return bool(others) and all(
        isinstance(each, ast.Expr) and _is_promise(each.value) for each in others
    )


def subjects_of(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """Return the subjects of each check."""
    subjects: dict[str, list[str]] = {}
    for name, subject in sorted(pairs):
        subjects.setdefault(name, []).append(subject)
    return subjects


def pairs_of(records: Iterable[LedgerEntry]) -> set[Pair]:
    """Return what records promise: check and subject,
    and account and region where the same ran in several.
    """
    records = list(records)
    places = Counter(
        each[:2] for each in {(each.check, each.subject, _place(each)) for each in records}
    )
    return {
        (each.check, f"{each.subject} in {_place(each)}" if places[each[:2]] > 1 else each.subject)
        for each in records
    }


def _place(entry: LedgerEntry) -> str:
    return f"{entry.account} {entry.region}"


def promise_cell(passed: Iterable[LedgerEntry]) -> str:
    """Return the source of the cell that states a promise."""
    here = pairs_of(each for each in passed if each.source or each.check == ASSERTS)
    others = pairs_of(passed) - here
    given = {**subjects_of(here), **({BY_COMMAND: subjects_of(others)} if others else {})}
    lines = [f"    {name}={json.dumps(each, ensure_ascii=False)}," for name, each in given.items()]
    return "\n".join(["from gt_secure import check", "", "check.promise(", *lines, ")"])


def cell_text(cell: Json) -> str:
    """Return the source of a cell, which is saved as a text or as a list of lines."""
    source = cell.get("source", "")
    return "".join(str(line) for line in source) if isinstance(source, list) else str(source)


def cell_tags(cell: Json) -> list[str]:
    """Return the tags of a cell."""
    tags: list[str] = (cell.get("metadata") or {}).get("tags") or []
    return tags


def _named(book: Json) -> dict[str, list[int]]:
    """Return the checks and verdicts that the source names, with the numbers of the cells."""
    cells: dict[str, list[int]] = {}
    renamed = renamed_checks(book)
    for number, cell in enumerate(book["cells"]):
        for name in sorted(checks_in(cell_text(cell), cell.get("cell_type"), renamed)):
            cells.setdefault(name, []).append(number)
    return cells


def renamed_checks(book: Json) -> CheckNames:
    """Return the other names under which the notebook imports checks."""
    trees = [parsed(cell_text(cell)) for cell in book["cells"] if cell.get("cell_type") == "code"]
    nodes = [
        node
        for tree in trees
        if tree
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    ]
    aliases = [alias for node in nodes for alias in node.names]
    return {
        alias.asname: alias.name for alias in aliases if alias.asname and alias.name in CHECK_NAMES
    }


def checks_in(text: str, kind: object, renamed: CheckNames) -> set[str]:
    """Return the checks and verdicts that the text of a cell names: in code, in commented code,
    or as a command.
    """
    named = set(_commands(text))
    if kind not in ("code", "raw"):
        fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
        blocks = [text, *fenced] if _CALL.search(text) else []
    else:
        blocks = [text, *(each for each in _comments(text) if _CALL.search(each))]
    for block in blocks:
        tree = parsed(block)
        if tree is None:
            named |= (
                set(_CALL.findall(text)) if block is text and kind in ("code", "raw") else set()
            )
        elif block is text or not all(
            isinstance(each, ast.AnnAssign) for each in tree.body
        ):  # TODO: is no code
            named |= _names(tree, renamed)
    return named


def _commands(text: str) -> Iterator[str]:
    """Yield the names of the verdict commands in a text,
    in each way that a notebook has to run one.
    """
    for start, name, rest in _COMMAND.findall(text) if _USES.search(text) else ():
        mark = (handed("verdicts") or {}).get(name, False)
        word = re.match(r"['\",\s]*([a-z][\w-]*)", rest)
        first = word[1].replace("-", "_") if word else ""
        if name == "check":
            yield first if first in RULES else REPORT
        elif (mark is True or (mark and mark in rest)) and not re.match(r"\s*\w+\s*=\s*%", start):
            yield name


def _comments(text: str) -> Iterator[str]:
    """Yield the blocks of comments that can be code as a whole, and the lines of the others;
    comments beside code.
    """
    for found in re.finditer(r"(?:^[ \t]*#.*\n?)+", text, re.MULTILINE):
        block = _COMMENT.sub(r"\1", found[0])
        yield from [block] if parsed(block) is not None else block.splitlines()
    yield from re.findall(r"^[^#\n]*\S[^#\n]*#+ ?(.*)$", text, re.MULTILINE)


def _names(node: ast.AST, renamed: CheckNames) -> set[str]:
    """Return the checks that code names; not those that it skips with a reason, or only shows."""
    if isinstance(node, ast.Attribute) and node.attr in ("skip", "__doc__"):
        return set()
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _TALK:
        return set().union(
            *(_names(each, renamed) for each in node.args if not isinstance(each, ast.Attribute))
        )
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CALL.search(node.value):
        return _names(parsed(node.value) or ast.Module([], []), renamed)
    word = ""
    if isinstance(node, ast.Attribute):
        word = node.attr
    elif isinstance(node, ast.Name):
        word = node.id
    word = renamed.get(word, word)
    own = (
        {word}
        if word in CHECK_NAMES and isinstance(getattr(node, "ctx", None), ast.Load)
        else set()
    )
    return own.union(*(_names(child, renamed) for child in ast.iter_child_nodes(node)))


def asserted(book: Json) -> Iterator[LedgerEntry]:
    """Yield the asserts of cells that ran without an error, if they ask an answer of gt_secure."""
    for number, each, known in _asserts(book, inside=False):
        cell = book["cells"][number]
        if cell.get("execution_count") is not None and not _errors(cell) and asks(each.test, known):
            yield LedgerEntry(ASSERTS, ast.unparse(each.test), "passed", cell=number)


def _asserts(book: Json, *, inside: bool) -> Iterator[tuple[int, ast.Assert, set[str]]]:
    """Yield the asserts of code cells, with the names that hold answers; ``inside``:
    also in functions and loops.
    """
    known: set[str] = set()
    for number, cell in enumerate(book["cells"]):
        tree = parsed(cell_text(cell)) if cell.get("cell_type") == "code" else None
        if tree is not None:
            known = answers_in(tree, known)
            nodes = ast.walk(tree) if inside else iter(tree.body)
            yield from ((number, each, known) for each in nodes if isinstance(each, ast.Assert))


def _errors(cell: Json) -> bool:
    return any(each.get("output_type") == "error" for each in cell.get("outputs") or ())


def ran(book: Json) -> list[LedgerEntry]:
    """Return what the run of a notebook recorded; the output of a cell that was emptied after it
    does not count.

    Asserts of the cell that connects are read from its source: recording begins with the next one.
    """
    records = [
        each for each in records_of(book["cells"]) if cell_text(book["cells"][each.cell]).strip()
    ]
    recorded = {
        (each.cell, each.subject.partition(" [")[0]) for each in records if each.check == ASSERTS
    }
    return [
        *records,
        *(each for each in asserted(book) if (each.cell, each.subject) not in recorded),
    ]


def unkept(
    book: Json,
    promise: Promise,
    *,
    at_least: int | None = None,
    of_checks: bool = False,
    since: dt.datetime | None = None,
) -> list[str]:
    """Return what the run of a notebook owes to its promise, in sentences; its cells hold the
    outputs of the run.

    ``of_checks``: only a notebook that imports checks must run one, not each that uses gt_secure.
    ``since``: the time in UTC after which the checks must have run.
    """
    records = ran(book)
    passed = sum(each.status == "passed" and each.check != REPORT for each in records)
    owed = [*_not_passed(book, records), *_not_run(promise, records), *_too_old(records, since)]
    if promise.stated == "unread":
        owed.append(
            "its promise has a format that this version cannot read: run it, save it, and run"
            f" '{WRITE} FILE'"
        )
    if passed < (at_least or 0):
        return [*owed, f"{passed} of at least {at_least} checks passed"]
    if owed or passed or (not records and (promise.stated or at_least is not None)):
        return owed
    if records:
        return ["every check was skipped"]
    if _uses(book, _IMPORTS if of_checks else _USES):
        return ["no check ran, and the notebook does not state that it has none (check.promise())"]
    return []


def _not_passed(book: Json, records: list[LedgerEntry]) -> Iterator[str]:
    """Yield the checks that neither passed nor were skipped,
    and those whose cell was changed after it ran.
    """
    changed = set()
    for each in records:
        if each.status not in ("passed", "skipped"):
            yield (
                f"{_pair_text(each.check, each.subject)} {each.status} in cell"
                f" {each.cell}{_where(each)}"
            )
        elif each.source and each.source != fingerprint(cell_text(book["cells"][each.cell])):
            changed.add(each.cell)
    yield from (f"cell {number} was changed after its checks ran" for number in sorted(changed))
    for number, cell in enumerate(book["cells"] if records else ()):
        if _errors(cell) and not {*cell_tags(cell)} & {*TAGS}:
            yield f"cell {number} ended with an error"
    yield from _out_of_order(records)


def _out_of_order(records: list[LedgerEntry]) -> Iterator[str]:
    """Yield the cells whose checks ran before those above them:
    their results are of a former run.
    """
    latest = ""
    for number in sorted({each.cell for each in records}):
        times = [each.time for each in records if each.cell == number and each.time]
        if times and min(times) < latest:
            yield f"the checks of cell {number} ran before those above it"
        latest = max([latest, *times])


def _not_run(promise: Promise, records: list[LedgerEntry]) -> Iterator[str]:
    """Yield the promised checks that did not pass for a subject,
    and the named ones that ran nowhere.
    """
    recorded = {pair for each in records for pair in names_of(each)}
    for pair in sorted(_left(promise.pairs, records) - recorded):
        yield f"{_pair_text(*pair)} ran nowhere"
    names = {each.check.removesuffix("_fails") for each in records} | {
        name for name, _ in promise.pairs
    }
    for name, cells in promise.named.items():
        if name not in names:
            yield f"{name} ran nowhere (named in {some([f'cell {number}' for number in cells])})"


def _too_old(records: list[LedgerEntry], since: dt.datetime | None) -> Iterator[str]:
    """Yield the time of records that are older than accepted, and where they looked."""
    oldest = min(
        (each for each in records if each.check != ASSERTS),
        key=lambda each: each.time,
        default=None,
    )
    if since is None or oldest is None or oldest.time >= f"{since:%Y-%m-%dT%H:%M:%SZ}":
        return
    when = f"at {oldest.time}" if oldest.time else "at a time that was not recorded"
    yield (
        f"{_pair_text(oldest.check, oldest.subject)} ran {when}{_where(oldest)}, before"
        f" {since:%Y-%m-%dT%H:%M:%SZ}"
    )


def _where(entry: LedgerEntry) -> str:
    account = f", account {entry.account}" if entry.account else ""
    return f"{account} ({entry.on})" if entry.on else account


def _uses(book: Json, pattern: re.Pattern[str]) -> bool:
    return any(
        pattern.search(cell_text(cell)) for cell in book["cells"] if cell.get("cell_type") == "code"
    )


def uses_checks(book: Json) -> bool:
    """Return whether a cell of a notebook names gt_secure."""
    return _uses(book, _USES)


def ran_text(book: Json, promise: Promise) -> str:
    """Return how many checks passed, for which account, where and when, in a sentence;
    empty if none ran.
    """
    records = [each for each in ran(book) if each.check != REPORT]
    if not records:
        return ""
    words = Counter(
        f"{each.status}{_where(each)}{f', {each.region}' if each.region else ''}"
        for each in records
    )
    latest = max(each.time for each in records)
    when = f", at {latest[:16].replace('T', ' ')} UTC" if latest else ""
    text = f"Checks: {'; '.join(f'{number} {word}' for word, number in words.items())}{when}."
    if not promise.stated:
        return f"{text} Which checks must run is only inferred: no promise is written."
    more = {
        each[:2]
        for each in records
        if each.status == "passed" and not promise.pairs.intersection(names_of(each))
    }
    return f"{text} {count(len(more), 'check')} not promised." if more else text


def find_bypasses(book: Json) -> list[tuple[int, str]]:
    """Return (number of the cell, reason)
    for each check of a notebook that passes without being run.
    """
    names = renamed_checks(book)
    held = [(i, cell) for i, cell in enumerate(book["cells"]) if _holds_check(cell, names)]
    found = [(i, reason) for i, cell in held for reason in _reasons(cell)]
    for i, each, known in _asserts(book, inside=True):
        if mentions(each.test, known) and holds_always(each.test):
            found.append((i, f"assert {ast.unparse(each.test)} holds whatever the answer is"))
    return [*found, *(_lost_parameters(book) if held else ()), *_uncalled(book, names)]


def _uncalled(book: Json, renamed: CheckNames) -> Iterator[tuple[int, str]]:
    """Yield the functions with a check that nothing in the notebook names,
    except where a test runner finds them.
    """
    cells = [cell_text(cell) if cell.get("cell_type") == "code" else "" for cell in book["cells"]]
    trees = [parsed(text) or ast.Module([], []) for text in cells]
    used = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if used & {"ipytest", "unittest"}:
        return
    for number, tree in enumerate(trees):
        for each in tree.body:
            if not isinstance(each, ast.FunctionDef) or each.decorator_list or each.name in used:
                continue
            if _names(each, renamed):
                yield number, f"nothing calls {each.name}()"


def _holds_check(cell: Json, names: CheckNames) -> bool:
    text = cell_text(cell)
    held = checks_in(text, "code", names) or stated_in(cell) is not None or _holds_assert(text)
    return cell.get("cell_type") in {"code", "raw"} and bool(held)


def _holds_assert(text: str) -> bool:
    tree = parsed(text)
    if tree is None:
        return re.search(r"\bassert\b", text) is not None
    return any(isinstance(node, ast.Assert) for node in ast.walk(tree))


def _reasons(cell: Json) -> Iterator[str]:
    text = cell_text(cell)
    if cell.get("cell_type") == "raw":
        yield "it is a raw cell, which nothing runs"
        return
    for tag in cell_tags(cell):
        if tag in TAGS:
            yield f"it has the tag {tag}"
    for match in _BYPASS.finditer(text):
        yield f"it has the comment {match[1]}"
    if (magic := _CELL_MAGIC.match(text)) and magic[1] not in _RUNS_PYTHON:
        yield f"it is not run as Python, but by %%{magic[1]}"
    if _holds_assert(text) and (sys.flags.optimize or os.environ.get("PYTHONOPTIMIZE")):
        yield "PYTHONOPTIMIZE removes its assert"


def _lost_parameters(book: Json) -> Iterator[tuple[int, str]]:
    """Yield the parameters of a run that nothing reads: papermill only warns,
    and runs with the default.
    """
    cells: dict[str, set[str]] = {"parameters": set(), "injected-parameters": set()}
    number = -1
    for i, cell in enumerate(book["cells"]):
        for tag in {*cells} & {*cell_tags(cell)}:
            nodes = [
                node
                for node in ast.walk(parsed(cell_text(cell)) or ast.Pass())
                if isinstance(node, ast.Name)
            ]
            cells[tag] |= {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
            number = i if tag == "injected-parameters" else number
    for name in sorted(cells["injected-parameters"] - cells["parameters"]):
        yield number, f"it sets {name}, which no cell with the tag parameters has"
