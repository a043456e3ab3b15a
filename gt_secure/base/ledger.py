"""The ledger of a notebook: each check and verdict of a kernel leaves a record in the outputs of
its cell.

The record is display data without data: nothing is shown, and every runner keeps it (nbval,
papermill, nbclient, a notebook job, JupyterLab). A process that a notebook starts, such as
``!gt-secure check``, writes it to standard error as a line. :mod:`gt_secure.check.promise` compares
the records with the checks that a notebook promises.
"""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from .text import printable

KEY = "gt_secure"
"""The member of a notebook's metadata, and of an output's, that holds promise and records."""
ASSERTS = "asserts"
"""The name of the assert statements that ask an answer."""
_ANSWERS = {
    *(
        "apply",
        "audit",
        "examine",
        "expectations_hold",
        "explain",
        "findings",
        "hits",
        "history",
        "holds",
        "leaks",
    ),
    *(
        "look",
        "plan",
        "probe",
        "prove",
        "proves",
        "run_file",
        "run_specs",
        "sweep",
        "verify",
        "who_can_open",
    ),
    *("workforce", "workteam", "workteams"),
}
"""Methods whose answer an assert can ask."""
_ALWAYS_TRUE = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Lambda, ast.JoinedStr)
_SHOWS = {"hasattr", "id", "isinstance", "repr", "str", "type"}
_SUBJECT = re.compile(r"(?!.*://)[\w.:/@-]{1,63}")

_LINE = re.compile(
    rf"(?:^|\r){KEY}: (passed|failed|unknown|skipped) (\w+)\((.*)\)((?: \w+=\S+)*)\s*$",
    re.MULTILINE,
)
_FACTS = ("account", "region", "on", "time")
_PROCESS = os.getpid()
_pending: list[LedgerEntry] = []
_session: list[LedgerEntry] = []


class RecordedPlace(NamedTuple):
    """The origin of an answer: account, region, and ``sandbox`` outside AWS."""

    account: str = ""
    region: str = ""
    on: str = ""


class LedgerEntry(NamedTuple):
    """One check or verdict: its outcome, where and when it looked,
    and what the outcome rests on.
    """

    check: str
    subject: str
    status: str
    account: str = ""
    region: str = ""
    on: str = ""
    time: str = ""
    evidence: str = ""
    source: str = ""
    cell: int = 0


class HasCaller(Protocol):
    """Credentials that know their account and region."""

    @property
    def region(self) -> str:
        """The region."""

    @property
    def is_local(self) -> bool:
        """True on the sandbox."""

    @property
    def account_id(self) -> str:
        """The account."""


def kernel_shell() -> Any:
    """Return the shell of the kernel that this process is; None in any other process."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell if hasattr(shell, "kernel") else None


def is_recording() -> bool:
    """Return whether an outcome is recorded: in a kernel, and in processes that it starts."""
    return kernel_shell() is not None or "JPY_PARENT_PID" in os.environ


def recorded_place(caller: HasCaller | None) -> RecordedPlace | None:
    """Return account and region of credentials; None if nothing is recorded,
    and an empty account if it is unknown.
    """
    if caller is None or not is_recording():
        return None
    try:
        account = caller.account_id
    except Exception:
        account = ""
    return RecordedPlace(account, caller.region, "sandbox" if caller.is_local else "")


def record(
    check: str, subject: str, status: str, place: RecordedPlace | None = None, evidence: str = ""
) -> None:
    """Note an outcome for the outputs of the cell that runs; does nothing outside a notebook."""
    if not is_recording():
        return
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    where = place or RecordedPlace()
    entry = LedgerEntry(
        check, printable(subject)[:500], status, *where, now, printable(evidence)[:300]
    )
    shell = kernel_shell()
    if shell is None or os.getpid() != _PROCESS:
        _write_line(entry)
        return
    _pending.append(entry)
    _session.append(entry)
    shell.events.register("post_run_cell", _publish)


def recorded_here() -> list[LedgerEntry]:
    """Return what this kernel has recorded since it was started."""
    return list(_session)


def _write_line(entry: LedgerEntry) -> None:
    """Write a record to standard error, unless that is one pipe with standard output:
    a program reads it.
    """
    try:
        if os.isatty(2) or not os.path.sameopenfile(1, 2):
            facts = "".join(
                f" {name}={value}" for name in _FACTS if (value := getattr(entry, name))
            )
            sys.stderr.write(f"\r{KEY}: {entry.status} {entry.check}({entry.subject}){facts}\n")
            sys.stderr.flush()
    except (OSError, ValueError):  # closed: nobody reads it
        return


def _publish(result: Any = None, *_: object) -> None:
    """Put the records into the outputs of the cell that ends; those of its threads, too."""
    shell = kernel_shell()
    # %%capture runs a cell in the cell, and keeps what it shows
    if "Capturing" in type(shell.display_pub).__name__:
        return
    source = fingerprint(str(getattr(getattr(result, "info", None), "raw_cell", "") or ""))
    entries = [_pending.pop(0)._replace(source=source) for _ in range(len(_pending))]
    kept = [
        {name: value for name, value in each._asdict().items() if value and name != "cell"}
        for each in entries
    ]
    if kept:
        shell.display_pub.publish({}, {KEY: {"checks": kept}})


def parsed(text: str) -> ast.Module | None:
    """Parse the source of a cell without its magics; None if it is no Python."""
    lines = [_without_magic(line) for line in text.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_magic(line: str) -> str:
    """Return a line as Python: an assigned magic of ours as a call of the command,
    any other magic as nothing.
    """
    if line.lstrip().startswith(("%", "!")):
        return "pass"
    assigned = re.match(r"(\s*[\w, ]+=\s*)[!%](?:gt_secure +(\w+))?", line)
    return f"{assigned[1]}magic.{assigned[2] or 'run'}()" if assigned else line


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
    calls = (each.func for each in inside if isinstance(each, ast.Call))
    return bool(names & known) or any(
        isinstance(each, ast.Attribute) and each.attr in _ANSWERS for each in calls
    )


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
        return isinstance(method, ast.Attribute) and method.attr in _ANSWERS - {"workforce"}
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


def fingerprint(text: str) -> str:
    """Return what identifies the code of a cell, whatever its layout and comments;
    empty for none.
    """
    tree = None if re.search(r"^\s*(?:\w+\s*=\s*)?[%!]", text, re.MULTILINE) else parsed(text)
    code = (
        "\n".join(line.rstrip() for line in text.strip().splitlines())
        if tree is None
        else ast.dump(tree)
    )
    return (
        hashlib.blake2b(code.encode("utf-8", "replace"), digest_size=6).hexdigest()
        if text.strip()
        else ""
    )


def records_of(cells: Iterable[dict[str, Any]]) -> Iterator[LedgerEntry]:
    """Yield what the outputs of cells record: in metadata, or as a line of a process."""
    for number, cell in enumerate(cells):
        for output in cell.get("outputs") or ():
            held = (output.get("metadata") or {}).get(KEY)
            for each in (held or {}).get("checks", ()) if isinstance(held, dict) else ():
                yield LedgerEntry(
                    **{name: str(each.get(name, "")) for name in LedgerEntry._fields[:-1]},
                    cell=number,
                )
            text = output.get("text", "") if output.get("output_type") == "stream" else ""
            for status, check, subject, facts in _LINE.findall(
                text if isinstance(text, str) else "".join(text)
            ):
                yield LedgerEntry(check, subject, status, cell=number)._replace(**_facts(facts))


def _facts(text: str) -> dict[str, Any]:
    pairs = (word.partition("=") for word in text.split())
    return {name: value for name, _, value in pairs if name in _FACTS}
