"""The ledger of a notebook: each check that runs in a kernel leaves a record in the outputs of its cell.

The record is display data without data: nothing is shown, and every runner keeps it (nbval, papermill, nbclient, a
notebook job, JupyterLab). :mod:`gt_secure.check.promise` compares the records with the checks that a notebook promises.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from ..base.text import printable

KEY = "gt_secure"
"""The member of a notebook's metadata, and of an output's, that holds promise and records."""

_ROW = re.compile(r"^(passed|failed|unknown) +([a-z-]+) +(\S.*?)(?:  |$)", re.MULTILINE)
_JSON = re.compile(r'"check": "(\w+)",\s+"subject": "([^"]*)",\s+"status": "(\w+)"')
_FOREIGN = ("__main__", "unittest.mock")
_pending: list[dict[str, str]] = []


class LedgerEntry(NamedTuple):
    """One check that ran: its outcome, the place of its call, and where it looked (``sandbox``, or empty)."""

    check: str
    subject: str
    status: str
    at: str = ""
    on: str = ""
    cell: int = 0


def kernel_shell() -> Any:
    """Return the shell of the kernel that this process is; None in any other process."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell if hasattr(shell, "kernel") else None


def record(check: str, subject: str, status: str, gt: object = None) -> None:
    """Note an outcome for the outputs of the cell that runs; does nothing outside a kernel."""
    shell = kernel_shell()
    if shell is None:
        return
    on = "sandbox" if getattr(getattr(gt, "aws", None), "is_local", False) else ""
    _pending.append(LedgerEntry(check, printable(subject)[:120], status, _call_site(), on)._asdict())
    shell.events.register("post_run_cell", _publish)


def _publish(*_: object) -> None:
    """Put the records into the outputs of the cell that ends; those of its threads, too."""
    shell = kernel_shell()
    if "Capturing" in type(shell.display_pub).__name__:  # %%capture runs a cell in the cell, and keeps what it shows
        return
    records = [_pending.pop(0) for _ in range(len(_pending))]
    kept = [{name: value for name, value in each.items() if value and name != "cell"} for each in records]
    if kept:
        shell.display_pub.publish({}, {KEY: {"checks": kept}})


def _call_site() -> str:
    """Return the place of the call outside this package; a report's checks share one, which says so."""
    frame: FrameType | None = sys._getframe(2)
    report = ""
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == KEY:
        report = report or ("report " if frame.f_globals["__name__"] == "gt_secure.check.running" else "")
        frame = frame.f_back
    if frame is None:
        return report.strip()
    column = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), (0, 0, 0, 0))[2]
    return f"{report}{Path(frame.f_code.co_filename).stem}:{frame.f_lineno}:{column}"


def replaced(arguments: Iterable[object]) -> str:
    """Return a name of this package, or of an argument, that the notebook has replaced; empty outside a kernel."""
    if kernel_shell() is None:
        return ""
    for argument in arguments:
        if type(argument).__module__ == _FOREIGN[1]:
            return f"an argument with a {type(argument).__name__}"
        for member, value in vars(argument).items() if hasattr(argument, "__dict__") else ():
            if hasattr(type(argument), member) and getattr(value, "__module__", "") in _FOREIGN:
                return f"{type(argument).__name__}.{member}"
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != KEY:
            continue
        for holder in (module, *(each for each in vars(module).values() if getattr(each, "__module__", "") == name)):
            for member, value in list(getattr(holder, "__dict__", {}).items()):
                if callable(value) and getattr(value, "__module__", "") in _FOREIGN:
                    return f"{getattr(holder, '__name__', name)}.{member}"
    return ""


def records_of(cells: Iterable[dict[str, Any]]) -> Iterator[LedgerEntry]:
    """Yield what the outputs of cells record: in metadata, or as ``gt-secure check`` prints it."""
    for number, cell in enumerate(cells):
        for output in cell.get("outputs") or ():
            held = (output.get("metadata") or {}).get(KEY)
            for each in (held or {}).get("checks", ()) if isinstance(held, dict) else ():
                yield LedgerEntry(**{name: str(each.get(name, "")) for name in LedgerEntry._fields[:-1]}, cell=number)
            text = output.get("text", "") if output.get("output_type") == "stream" else ""
            text = text if isinstance(text, str) else "".join(text)
            for status, check, subject in _ROW.findall(text) if re.search("gt.secure", str(cell.get("source"))) else ():
                yield LedgerEntry(check.replace("-", "_"), subject, status, "report", cell=number)
            for check, subject, status in _JSON.findall(text):
                yield LedgerEntry(check, subject, status, "report", cell=number)
