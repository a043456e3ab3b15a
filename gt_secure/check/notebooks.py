"""``no_code_cell_skipped`` and ``no_secret_saved``: what must hold for a notebook that is kept as a
test.

nbval passes a code cell that was never run in silence; and whatever a notebook shows, or its
widgets hold, is saved.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..base.errors import InvalidInput
from ..base.files import loads, read_text, write_text
from ..base.outcome import CheckResult
from ..base.text import Json, count, some
from ..findings.accepted import AcceptedLike, read_accepted
from ..findings.model import SAVED_SECRET, Acceptances
from ..logs.time_range import TimeLike, parse_time
from ..secrets import SavedSecret, find_secrets, mask_secrets, mask_text, secrets_of_text
from ..secrets.recogniser import table
from .ledger import KEY, LedgerEntry, fingerprint, records_of
from .promise import (
    NO_EVIDENCE,
    WRITE,
    Promise,
    cell_text,
    is_promise_cell,
    promise_cell,
    promise_of,
    stated_in,
    statements,
    unkept,
    untimely,
)
from .result import Check

SANITIZE_FILE = Path(__file__).with_name("nbval-sanitize.cfg")
"""For ``pytest --nbval-sanitize-with``: addresses, ports, times and ids that differ at each run."""

MAX_BYTES = 256 << 20
_MAY_SKIP = "skip-execution"
_MAY_FAIL = {"raises-exception", "nbval-raises-exception"}
_USES = re.compile(r"gt[_-]secure")
_IMPORTS = re.compile(r"gt_secure\.check\b|from gt_secure import (?:\([^)]*|[^\n]*)\bcheck\b")
_RUN_ALL = "Run all cells from the first to the last, and save."


@Check
def no_code_cell_skipped(path: str | Path, *, run_within: TimeLike = "24h") -> CheckResult:
    """Every code cell of a saved notebook was run, in the order of the cells, and every check that
    it promises passed.

    The outputs record which checks ran, for which account and when. A notebook that uses gt_secure
    without a record is not passed: ``gt-secure check no-code-cell-skipped --write`` writes a cell
    with the checks that passed, and ``check.promise()`` states that there is none.

    Parameters
    ----------
    path : path
        An ``.ipynb`` file. Cells with the tag ``skip-execution`` and without a check need not have
        run.
    run_within : str or timedelta
        The age of the oldest record that counts, or a time in UTC; ``any`` for a committed example.
    """
    book = read_notebook(path)
    since = None if run_within == "any" else parse_time(run_within, "run_within")
    saved = saved_as_run(book, Path(path).name)
    return kept(book, book, saved, since=since) if saved.passed else saved


def _must_run(cell: Json) -> bool:
    was_run = cell.get("execution_count") is not None
    return _MAY_SKIP not in _tags(cell) and (was_run or not is_promise_cell(cell))


def _tags(cell: Json) -> list[str]:
    return (cell.get("metadata") or {}).get("tags") or []


def saved_as_run(book: Json, subject: str) -> CheckResult:
    """Return whether the cells of a saved notebook were run; not which checks passed."""
    code = {
        i: cell
        for i, cell in enumerate(book["cells"])
        if cell.get("cell_type") == "code" and cell_text(cell).strip()
    }
    counts = {i: cell.get("execution_count") for i, cell in code.items() if _must_run(cell)}
    skipped = [i for i, number in counts.items() if number is None]
    run = [number for number in counts.values() if number is not None]
    in_order = run == sorted(run)
    details = {"code_cells": len(code), "skipped": skipped, "in_order": in_order}
    passed: bool | None = False
    fix = _RUN_ALL
    if not counts:
        passed, fix = None, "Check the path."
        text = (
            f"It has no code cell without the tag {_MAY_SKIP}." if code else "It has no code cell."
        )
    elif skipped:
        text = (
            f"Code cells were never run: {some([f'cell {i}' for i in skipped])} (the first cell"
            " is 0)."
        )
    elif not in_order:
        text = "The cells were run in another order."
    else:
        passed, fix, text = True, "", f"All {len(counts):,} code cells were run."
    return CheckResult("no_code_cell_skipped", subject, passed, text, details, fix)


def kept(
    before: Json,
    after: Json,
    saved: CheckResult,
    *,
    at_least: int | None = None,
    of_checks: bool = False,
    since: dt.datetime | None = None,
) -> CheckResult:
    """Return whether a run kept the promise of its notebook: every check ran and passed.

    ``at_least``: how many checks must pass in a notebook without a promise. ``of_checks``: only a
    notebook that imports checks must run one, not each that uses gt_secure. ``since``: the time in
    UTC after which the checks must have run.
    """
    promise, records = promise_of(before), _ran(after)
    owed = list(dict.fromkeys(_owed(after, promise, records, since)))
    passed = sum(each.counts for each in records)
    least = 0 if promise.stated else at_least
    if passed < (least or 0):
        owed.append(f"{passed} of at least {least} checks passed")
    elif records and not (owed or passed):
        is_own = any(each.own for each in records)
        owed.append(f"every check {NO_EVIDENCE}" if is_own else "every check was skipped")
    elif not owed and not records and least is None and _uses(after, of_checks):
        owed.append(
            "no check ran, and the notebook does not state that it has none (check.promise())."
            " A command is recorded after import gt_secure"
        )
    if not owed:
        return replace(saved, message=f"{saved.message} {_summary(promise, records)}".strip())
    fix = (
        "Run the notebook again, and save it. A check for another mode says so with"
        f" check.NAME.skip(reason). If a check was removed on purpose, run '{WRITE}"
        f" {shlex.quote(saved.subject)}' after that."
    )
    message = f"The checks of the notebook did not all run and pass: {some(owed)}."
    return replace(
        saved, passed=False, message=message, details={**saved.details, "owed": owed}, next_step=fix
    )


def _ran(book: Json) -> list[LedgerEntry]:
    """Return what the run of a notebook recorded; the output of a cell that was emptied after it
    does not count.
    """
    cells = book["cells"]
    return [each for each in records_of(cells) if cell_text(cells[each.cell]).strip()]


def _owed(
    book: Json, promise: Promise, records: list[LedgerEntry], since: dt.datetime | None
) -> Iterator[str]:
    """Yield in sentences what the run of a notebook owes; its cells hold the outputs of the run."""
    yield from (str(each) for each in records if each.status not in ("passed", "skipped"))
    for number, source in dict.fromkeys((each.cell, each.source) for each in records):
        if source and source != fingerprint(cell_text(book["cells"][number])):
            yield f"cell {number} was changed after its checks ran"
    for number, cell in enumerate(book["cells"] if records else ()):
        outputs = [each.get("output_type") for each in cell.get("outputs") or ()]
        if "error" in outputs and _MAY_FAIL.isdisjoint(_tags(cell)):
            yield f"cell {number} ended with an error"
    yield from unkept(promise.claims, records)
    yield from untimely(records, since)


def _uses(book: Json, of_checks: bool) -> bool:
    """Return whether the code of a notebook names gt_secure, or imports its checks."""
    wanted = _IMPORTS if of_checks else _USES
    code = (cell_text(each) for each in book["cells"] if each.get("cell_type") == "code")
    return any(map(wanted.search, code))


def _summary(promise: Promise, records: list[LedgerEntry]) -> str:
    """Return how many checks passed, for which account, where and when, in a sentence;
    empty if none ran.
    """
    if not records:
        return ""
    words = Counter(f"{each.status}{each.where}" for each in records)
    latest = max(each.time for each in records)
    when = f", at {latest[:16].replace('T', ' ')} UTC" if latest else ""
    text = f"Checks: {'; '.join(f'{number} {word}' for word, number in words.items())}{when}."
    if own := sum(bool(each.own and each.on) for each in records):
        text = f"{text} {count(own, 'check')} looked at what this run wrote to the sandbox."
    if not promise.stated:
        return f"{text} Which checks must run is only inferred: no promise is written."
    more = {
        each.asked
        for each in records
        if each.status == "passed" and not any(claim.is_of(each) for claim in promise.claims)
    }
    return f"{text} {count(len(more), 'check')} not promised." if more else text


def require_run(before: Json, after: Json, subject: str, **options: Any) -> CheckResult:
    """Return the result of :func:`kept` for a notebook that was just run;
    raise CheckFailed unless it passed.
    """
    result = CheckResult("no_code_cell_skipped", subject, True, "", {})
    return kept(before, after, result, **options).require()


def write_promise(path: str | Path) -> CheckResult:
    """Write what passed in the saved run of a notebook as its promise: the last cell, and the same
    in the metadata.

    A promise without checks stays, and a notebook without gt_secure is not changed.
    """
    book, file = read_notebook(path), Path(path)
    text, fix = "It promises no check.", ""
    if stated := statements(each for each in _ran(book) if each.status == "passed"):
        _state(book, stated)
        _save(book, file)
        text = f"Its last cell promises {count(len(promise_of(book).claims), 'check')}."
    elif not promise_of(book).stated and _uses(book, of_checks=False):
        text = (
            "No check passed in its saved run, so there is nothing to promise. It is not changed."
        )
        fix = (
            f"{_RUN_ALL} If its checks are commands, add import gt_secure to the first"
            " cell. If it has no check, add a cell with check.promise()."
        )
    return CheckResult("no_code_cell_skipped", file.name, None if fix else True, text, {}, fix)


def _state(book: Json, stated: list[Json]) -> None:
    """Put the promise into the last cell of a notebook and into its metadata."""
    cells = [cell for cell in book["cells"] if not is_promise_cell(cell)]
    for number, each in enumerate(cells):
        if stated_in(each):
            step = "Move check.promise(...) into a separate cell, and try again."
            raise InvalidInput(
                f"Cell {number} states the promise beside other code.", next_step=step, field="path"
            )
    cell: Json = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": promise_cell(stated).splitlines(keepends=True),
    }
    if book.get("nbformat_minor", 0) >= 5:
        cell["id"] = "gt-secure-promise"
    book["cells"] = [*cells, cell]
    book.setdefault("metadata", {})[KEY] = {"promise": stated}


@Check
def no_secret_saved(path: str | Path, *, accepted: AcceptedLike | None = None) -> CheckResult:
    """No presigned URL, key or token is anywhere in a saved notebook: sources, outputs, metadata,
    widget state.

    Its pairs of jupytext are searched too.

    Parameters
    ----------
    path : path
        An ``.ipynb`` file, or a notebook that is saved as text, such as a ``.py`` or ``.md`` file.
    accepted : path or iterable, optional
        Accepted secrets: a check file with a list ``accepted``, or the entries. Their ``finding``
        is ``saved-secret`` and their ``subject`` the id of a secret, which ``details`` and the next
        step name.
    """
    known, file = read_accepted(accepted), Path(path)
    book, pairs, unread = _with_pairs(file)
    sources = {pair.name: read_text(pair, MAX_BYTES) for pair in pairs}
    cells, kinds = len(book["cells"]), len(table().kinds)
    everything = find_secrets(book)
    everything += [each for name in sources for each in secrets_of_text(sources[name], name)]
    exempt = [each for each in everything if is_accepted(each, known)]
    secrets = [each for each in everything if each not in exempt]
    details: Json = {
        "found": [each.to_dict() for each in secrets],
        "accepted": [each.to_dict() for each in exempt],
        "kinds": kinds,
        "cells": cells,
        "texts": [*sources],
    }
    outcome = f"none found except {count(len(exempt), 'accepted one')}" if exempt else "none found"
    parts = [f"{count(cells, 'cell')}, outputs, metadata and widget state"] if cells else []
    text = f"{kinds} kinds of secrets searched in {some([*parts, *sources])}: {outcome}."
    passed: bool | None = True
    fix = ""
    if secrets:
        passed, named = False, some(list(dict.fromkeys(map(str, secrets))))
        text = f"It holds {named}.{' The first cell is 0.' if cells else ''}"
        fix = (
            f"Run 'gt-secure check no-secret-saved --fix --path {shlex.quote(file.name)}', or clear"
            " that output and save. If the notebook was shared, revoke the URL or key. What may"
            " stay goes into the list 'accepted' of a check file, with the finding saved-secret and"
            f" the subject: {some(list(dict.fromkeys(each.id for each in secrets)))}."
        )
    elif unread:
        text = f"Its jupytext pair '{unread}' is not in the same folder and was not searched."
        passed, fix = None, "Name both files with --path."
    elif not (cells or any(map(str.strip, sources.values()))):
        passed, text, fix = None, "It has no cell.", "Check a notebook with cells."
    return CheckResult("no_secret_saved", file.name, passed, text, details, fix)


TEXT_SUFFIXES = (".py", ".md", ".rmd", ".qmd", ".r", ".jl", ".sh", ".scala", ".cpp", ".js", ".ts")
"""Files in which jupytext saves a notebook as text."""


def _with_pairs(file: Path) -> tuple[Json, list[Path], str]:
    """Read a notebook; return it, its pairs in the same folder,
    and the format of one that is not there. One that is saved as text is a pair of no cells.
    """
    if file.suffix.lower() in TEXT_SUFFIXES:
        return {"cells": []}, [file], ""
    book = read_notebook(file)
    jupytext = (book.get("metadata") or {}).get("jupytext")
    listed = jupytext.get("formats") if isinstance(jupytext, dict) else None
    named = listed.split(",") if isinstance(listed, str) else map(str, listed or ())
    formats = [each.partition(":")[0].strip() for each in named]
    others = [each for each in formats if each and not each.endswith("ipynb")]
    beside = {
        each: file.with_name(f"{file.stem}.{each.lstrip('.')}")
        for each in others
        if "/" not in each
    }
    pairs = {each: pair for each, pair in beside.items() if pair.is_file()}
    return book, [*pairs.values()], next((each for each in others if each not in pairs), "")


def is_accepted(secret: SavedSecret, known: Acceptances) -> bool:
    """Return whether somebody accepted a secret until a day that is not over."""
    return any(each.covers(SAVED_SECRET, secret.id) and not each.ended() for each in known)


def remove_secrets(path: str | Path) -> list[SavedSecret]:
    """Replace the secrets of a saved notebook with ``***``, in the file.

    In the source of a code cell only strings and comments are changed; what is left,
    :func:`no_secret_saved` names. The pairs of jupytext are masked too. A file without a secret is
    not written.

    Examples
    --------
    >>> remove_secrets("notebook.ipynb")  # doctest: +SKIP
    [SavedSecret(place='cell 3, output', what='the signature of a presigned URL')]
    """
    file = Path(path)
    book, pairs, _ = _with_pairs(file)
    found = mask_secrets(book)
    if found:
        _save(book, file)
    for pair in pairs:
        text = read_text(pair, MAX_BYTES)
        if (masked := mask_text(text, code=pair.suffix.lower() == ".py")) != text:
            found += secrets_of_text(text, pair.name)
            write_text(pair.resolve(), masked, 0o600)
    return found


def read_notebook(path: str | Path) -> Json:
    """Read a notebook of format 4 as data."""
    file = Path(path)
    book: Json = loads(read_text(file, MAX_BYTES), name=file.name)
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise InvalidInput(
            f"{file.name} is not a notebook of format 4: it has no list of cells.",
            next_step="Check the path.",
        )
    return book


def _save(book: Json, file: Path) -> None:
    text = json.dumps(book, indent=1, ensure_ascii=False) + "\n"
    write_text(file.resolve(), text, 0o600)
