"""``no_code_cell_skipped`` and ``no_secret_saved``: what must hold for a notebook that is kept as a test.

nbval passes a code cell that was never run in silence; and whatever a notebook shows, or its widgets hold, is saved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, NotFound
from .bypasses import cell_text, find_bypasses
from .result import Check, CheckResult, some

SANITIZE_FILE = Path(__file__).with_name("nbval-sanitize.cfg")
"""For ``pytest --nbval-sanitize-with``: addresses, ports, times and ids that differ at each run."""

MAX_BYTES = 256 << 20

# What follows a name in Python, JSON, INI and shell: 'name='...', 'name": "...', 'name=...'.
_IS = r"""['"]?\s*[=:]\s*['"]?"""
_SECRETS = {
    "the signature of a presigned URL": r"(?i)X-Amz-Signature(?:=|%3D)(?!X{8})[0-9a-f]{16}",
    "the credential of a presigned URL": r"(?i)X-Amz-Credential(?:=|%3D)(?!X{4})[A-Z0-9]{4}",
    "a presigned URL of the old kind": r"(?i)AWSAccessKeyId(?:=|%3D)(?!X{4})[A-Z0-9]{4}",
    "a session token": rf"(?i)X-Amz-Security-Token(?:=|%3D)(?!X{{8}})\S{{8}}|(?:aws_session_token|SessionToken){_IS}"
    r"[A-Za-z0-9+/]{16}",
    "an access key id": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a secret access key": rf"(?i)(?:aws_secret_access_key|SecretAccessKey|secret_key){_IS}[A-Za-z0-9+/]{{30}}",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _SECRETS.items()}


@Check
def no_code_cell_skipped(path: str | Path, *, allow_tag: str = "skip-execution") -> CheckResult:
    """Every code cell of a saved notebook was run, in the order of the cells, and no check in it is bypassed.

    A check is bypassed by whatever lets nbval, papermill or nbclient pass without it: the tags and comments that skip a
    cell or ignore its error or output, ``skip-execution`` too, a raw cell, a magic that does not run Python, an except
    clause that swallows the failure, a stripped output.

    Parameters
    ----------
    path : path
        An ``.ipynb`` file.
    allow_tag : str
        Cells with this tag that hold no check may be unrun.
    """
    book, subject = _read(path), Path(path).name
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


@Check
def no_secret_saved(path: str | Path) -> CheckResult:
    """No presigned URL, key or token is anywhere in a saved notebook: sources, outputs, metadata, widget state.

    Parameters
    ----------
    path : path
        An ``.ipynb`` file.
    """
    book, subject = _read(path), Path(path).name
    found = sorted({(place, name) for place, text in _strings(book) for name in secrets_in(text)})
    details = {"found": [{"place": place, "what": name} for place, name in found]}
    if found:
        said = f"It holds {some([f'{name} (in {place})' for place, name in found])}."
        fix = "Clear that output and save; if the notebook was shared, the URL or key must be ended at its source."
        return CheckResult("no_secret_saved", subject, False, said, details, fix)
    return CheckResult("no_secret_saved", subject, True, "It holds no presigned URL, key or token.", details)


def secrets_in(text: str) -> list[str]:
    """Name the kinds of secrets in a text; the secrets themselves are not returned."""
    return [name for name, pattern in _PATTERNS.items() if pattern.search(text)]


def _read(path: str | Path) -> dict[str, Any]:
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


def _strings(book: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text of the notebook with the place it is in; lists of lines also as one, pictures left out."""
    for i, cell in enumerate(book["cells"]):
        for text in _walk(cell):
            yield f"cell {i}", text
    for text in _walk({key: value for key, value in book.items() if key != "cells"}):
        yield "the metadata", text


def _walk(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            if item and all(isinstance(each, str) for each in item):
                yield "".join(item)  # a text may be saved as a list of its lines
            stack += item
        elif isinstance(item, dict):
            for key, each in item.items():
                if str(key).startswith(("image/png", "image/jpeg")):
                    continue
                if isinstance(each, str | int | float):
                    yield f'{key}="{each}"'
                else:
                    yield str(key)
                    stack.append(each)
