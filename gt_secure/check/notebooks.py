"""``no_code_cell_skipped`` and ``no_secret_saved``: what must hold for a notebook that is kept as a test.

nbval passes a code cell that was never run in silence; and whatever a notebook shows, or its widgets hold, is saved.
"""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, NotFound
from ..secrets import SavedSecret, find_secrets, mask_secrets
from ..secrets.recogniser import table
from ..shared_files import replacing
from ..text import count, some
from .bypasses import find_bypasses
from .ledger import KEY
from .promise import cell_text, promise_of, ran_text, unkept
from .result import Check, CheckResult

SANITIZE_FILE = Path(__file__).with_name("nbval-sanitize.cfg")
"""For ``pytest --nbval-sanitize-with``: addresses, ports, times and ids that differ at each run."""

MAX_BYTES = 256 << 20


@Check
def no_code_cell_skipped(path: str | Path, *, allow_tag: str = "skip-execution") -> CheckResult:
    """Every code cell of a saved notebook was run, in the order of the cells, and every check that it promises passed.

    The outputs record which checks ran. A notebook that uses gt_secure without a record is not passed: state in its
    metadata which checks it has, or that it has none, with ``gt-secure check no-code-cell-skipped --write``. A check is
    bypassed by whatever lets nbval, papermill or nbclient pass without it, such as a tag, a comment or a raw cell.

    Parameters
    ----------
    path : path
        An ``.ipynb`` file.
    allow_tag : str
        Cells with this tag that hold no check may be unrun.
    """
    book = read_notebook(path)
    saved = saved_as_run(book, Path(path).name, allow_tag)
    return kept(book, book, saved) if saved.passed else saved


def saved_as_run(book: dict[str, Any], subject: str, allow_tag: str = "skip-execution") -> CheckResult:
    """Return whether the cells of a saved notebook were run, and none bypasses a check; not which checks passed."""
    code = [
        (i, cell) for i, cell in enumerate(book["cells"]) if cell.get("cell_type") == "code" and cell_text(cell).strip()
    ]
    wanted = [(i, cell) for i, cell in code if allow_tag not in ((cell.get("metadata") or {}).get("tags") or ())]
    skipped = [i for i, cell in wanted if cell.get("execution_count") is None]
    counts = [cell["execution_count"] for _, cell in wanted if cell.get("execution_count") is not None]
    bypassed = find_bypasses(book)
    details = {
        "code_cells": len(code),
        "skipped": skipped,
        "in_order": counts == sorted(counts),
        "bypassed": [{"cell": i, "reason": reason} for i, reason in bypassed],
    }
    fix = "Run all cells from the first to the last, and save."
    if bypassed:
        said = f"Checks pass without being run: {some([f'cell {i}: {reason}' for i, reason in bypassed])}."
        undo = "Remove that from the cell, run all cells from the first to the last, and save."
        return CheckResult("no_code_cell_skipped", subject, False, said, details, undo)
    if not code:
        return CheckResult("no_code_cell_skipped", subject, None, "It has no code cell.", details, "Check the path.")
    if skipped:
        said = f"Code cells were never run: {some([f'cell {i}' for i in skipped])} (the first cell is 0)."
        return CheckResult("no_code_cell_skipped", subject, False, said, details, fix)
    if not details["in_order"]:
        return CheckResult("no_code_cell_skipped", subject, False, "The cells were run in another order.", details, fix)
    return CheckResult("no_code_cell_skipped", subject, True, f"All {len(wanted):,} code cells were run.", details)


def kept(
    before: dict[str, Any],
    after: dict[str, Any],
    saved: CheckResult,
    *,
    at_least: int | None = None,
    of_checks: bool = False,
) -> CheckResult:
    """Return whether a run kept the promise of its notebook: every check ran and passed."""
    owed = unkept(after, promise_of(before), at_least=at_least, of_checks=of_checks)
    if not owed:
        return replace(saved, message=f"{saved.message} {ran_text(after)}".strip())
    fix = (
        "Run the checks again. A check for another mode says so with check.NAME.skip(reason). If a check was removed, "
        f"run 'gt-secure check no-code-cell-skipped --write --path {shlex.quote(saved.subject)}'."
    )
    said = f"The checks of the notebook did not all run and pass: {some(owed)}."
    return replace(saved, passed=False, message=said, details={**saved.details, "owed": owed}, next_step=fix)


def require_run(book: dict[str, Any], subject: str) -> None:
    """Raise CheckFailed unless no check of a notebook that was just run is bypassed, and all of them passed."""
    bypassed = [f"cell {i}: {reason}" for i, reason in find_bypasses(book)]
    said = f"Checks pass without being run: {some(bypassed)}." if bypassed else ""
    result = CheckResult("no_code_cell_skipped", subject, not bypassed, said, {}, "Remove that from the cell.")
    kept(book, book, result.require(), of_checks=True).require()


def write_promise(path: str | Path) -> dict[str, int]:
    """Write into the metadata of a notebook which checks its code calls, so that a deleted one is noticed."""
    book = read_notebook(path)
    bare = {"cells": [{**cell, "outputs": []} for cell in book["cells"] if cell.get("cell_type") == "code"]}
    metadata = book.setdefault("metadata", {})
    metadata[KEY] = {**metadata.get(KEY, {}), "checks": dict(sorted(promise_of(bare).calls.items()))}
    _replace(Path(path), json.dumps(book, indent=1, ensure_ascii=False) + "\n")
    return dict(metadata[KEY]["checks"])


@Check
def no_secret_saved(path: str | Path) -> CheckResult:
    """No presigned URL, key or token is anywhere in a saved notebook: sources, outputs, metadata, widget state.

    Parameters
    ----------
    path : path
        An ``.ipynb`` file.
    """
    book, subject = read_notebook(path), Path(path).name
    found, cells = find_secrets(book), len(book["cells"])
    details = {"found": [each.to_dict() for each in found], "kinds": len(table().kinds), "cells": cells}
    if found:
        said = f"It holds {some([f'{each.what} (in {each.place})' for each in found])}. The first cell is 0."
        fix = (
            f"Run 'gt-secure check no-secret-saved --remove --path {shlex.quote(subject)}', "
            "or clear that output and save. "
            "If the notebook was shared, revoke the URL or key."
        )
        return CheckResult("no_secret_saved", subject, False, said, details, fix)
    said = (
        f"{details['kinds']} kinds of secrets searched in {count(cells, 'cell')}, outputs, metadata and widget state: "
        "none found."
    )
    return CheckResult("no_secret_saved", subject, True, said, details)


def remove_secrets(path: str | Path) -> list[SavedSecret]:
    """Replace the secrets of a saved notebook with ``***``, in the file.

    In the source of a code cell only strings and comments are changed; what is left, :func:`no_secret_saved` names.

    Parameters
    ----------
    path : path
        An ``.ipynb`` file. It is written only if it has a secret.

    Returns
    -------
    list of SavedSecret
        What was removed, and from where.

    Raises
    ------
    NotFound, InvalidInput
        If there is no such file, or it is not a notebook.

    Examples
    --------
    >>> remove_secrets("notebook.ipynb")  # doctest: +SKIP
    [SavedSecret(place='cell 3, output', what='the signature of a presigned URL')]
    """
    book = read_notebook(path)
    found = mask_secrets(book)
    if found:
        _replace(Path(path), json.dumps(book, indent=1, ensure_ascii=False) + "\n")
    return found


def read_notebook(path: str | Path) -> dict[str, Any]:
    """Read a notebook of format 4 as data."""
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{file.name} is larger than {MAX_BYTES >> 20} MB.", next_step="Clear its outputs.")
        book = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotFound(f"There is no notebook '{file}'.", next_step="Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file.name} is not a notebook: it is not JSON.", next_step="Check the path.") from error
    if not isinstance(book, dict) or not isinstance(book.get("cells"), list):
        raise InvalidInput(f"{file.name} is not a notebook of format 4: it has no cells.", next_step="Check the path.")
    book["cells"] = [cell for cell in book["cells"] if isinstance(cell, dict)]
    return book


def _replace(file: Path, text: str) -> None:
    """Write a file as a whole or not at all: an interrupted write must not cost the notebook."""
    target = file.resolve()
    try:
        with replacing(target, 0o600) as fresh:
            fresh.write(text)
            shutil.copymode(target, fresh.name)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror}.", next_step="Check the folder.") from error
