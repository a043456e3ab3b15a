"""The ledger of a notebook: each check and verdict of a kernel leaves a record in the outputs of
its cell.

The record is display data without data: nothing is shown, and every runner keeps it (nbval,
papermill, nbclient, a notebook job, JupyterLab). A process that a notebook starts, such as
``!gt-secure check``, writes it to standard error as a line. :mod:`gt_secure.check.promise` compares
the records with the checks that a notebook promises.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..base.clock import utc_now
from ..base.outcome import CheckResult
from ..base.text import Json, printable

if TYPE_CHECKING:
    from ..aws.client import Aws

KEY = "gt_secure"
"""The member of a notebook's metadata, and of an output's, that holds promise and records."""
ASSERTS = "asserts"
"""The name of the assert statements that ask an answer."""
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


def kernel_shell() -> Any:
    """Return the shell of the kernel that this process is; None in any other process."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell if hasattr(shell, "kernel") else None


def is_recording() -> bool:
    """Return whether an outcome is recorded: in a kernel, and in processes that it starts."""
    return kernel_shell() is not None or "JPY_PARENT_PID" in os.environ


def recorded_place(caller: Aws | None) -> RecordedPlace | None:
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
    now = f"{utc_now():%Y-%m-%dT%H:%M:%SZ}"
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


def recorded(result: CheckResult, place: RecordedPlace | None = None) -> CheckResult:
    """Return a result, and leave a record in the notebook that runs, if one does."""
    record(result.name, result.subject, result.status, place, result.message)
    return result


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


def records_of(cells: Iterable[Json]) -> Iterator[LedgerEntry]:
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


def _facts(text: str) -> Json:
    pairs = (word.partition("=") for word in text.split())
    return {name: value for name, _, value in pairs if name in _FACTS}
