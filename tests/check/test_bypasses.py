"""Sabotages of a notebook that is kept as a test: none may turn a check green in silence, under any of the runners."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gt_secure import check
from gt_secure.check import CheckFailed
from gt_secure.check.bypasses import find_bypasses

Cell = dict[str, Any]
SHOWN = {"output_type": "execute_result", "execution_count": 2, "metadata": {}, "data": {"text/plain": "passed"}}
IMPORT = "from gt_secure import check"
CHECK = "check.no_secret_saved('secret.ipynb')"
"""A check that fails: the notebook that it names holds a key."""


def code(source: str, count: int | None, *outputs: Any, **metadata: Any) -> Cell:
    return {
        "cell_type": "code", "execution_count": count, "source": source, "outputs": list(outputs), "metadata": metadata,
        "id": f"cell-{count}",
    }  # fmt: skip


def tagged(tag: str) -> Callable[[Cell], None]:
    return lambda cell: cell["metadata"].update(tags=[tag])


def source(text: str) -> Callable[[Cell], None]:
    return lambda cell: cell.update(source=text)


def raw(cell: Cell) -> None:
    cell["cell_type"] = "raw"
    for name in ("outputs", "execution_count"):
        cell.pop(name)


SABOTAGES: dict[str, Callable[[Cell], None]] = {
    **{f"tag {tag}": tagged(tag) for tag in
       ("raises-exception", "nbval-raises-exception", "nbval-skip", "nbval-ignore-output", "skip-execution")},
    **{f"comment {word}": source(f"# {word}\n{CHECK}") for word in
       ("NBVAL_SKIP", "NBVAL_RAISES_EXCEPTION", "NBVAL_IGNORE_OUTPUT", "PYTEST_VALIDATE_IGNORE_OUTPUT")},
    "never run": lambda cell: cell.update(execution_count=None, outputs=[]),
    "output stripped": lambda cell: cell.update(outputs=[]),
    "raw cell": raw,
    "except pass": source(f"try:\n    {CHECK}\nexcept Exception:\n    pass"),
    "bare except": source(f"try:\n    {CHECK}\nexcept:\n    print('fine')"),
    "suppress": source(f"import contextlib\nwith contextlib.suppress(AssertionError):\n    {CHECK}"),
    "if False": source(f"if False:\n    {CHECK}"),
    "while 0": source(f"while 0:\n    {CHECK}"),
    "script magic": source(f"%%script true\n{CHECK}"),
    "bash magic": source("%%bash --no-raise-error\ngt-secure check checks.yaml"),
    "written to a file": source(f"%%writefile checks.py\n{CHECK}"),
    "replaced function": source(f"check.no_secret_saved = lambda *_: True\n{CHECK}"),
    "replaced module": source(f"check = __import__('unittest.mock').mock.MagicMock()\n{CHECK}"),
}  # fmt: skip


def book(sabotage: Callable[[Cell], None] | None = None, text: str = CHECK) -> dict[str, Any]:
    """A notebook that was run and saved while all was well, and is sabotaged after that."""
    cells = [code(IMPORT, 1), code(text, 2, copy.deepcopy(SHOWN))]
    if sabotage is not None:
        sabotage(cells[1])
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secret = {"cells": [code("'AKIA" + "Q3EGRZ5NV7B2YTKD'", 1)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "secret.ipynb").write_text(json.dumps(secret))
    return tmp_path


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_sabotaged_check_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps(book(SABOTAGES[name])))
    result = check.no_code_cell_skipped.look(path)
    assert result.status == "failed"
    assert "cell 1" in result.message
    with pytest.raises(CheckFailed):
        check.no_code_cell_skipped(path)


FORMS = [
    "check.team_is_restricted(gt, 'a')",
    "check.team_is_restricted.look(gt, 'a')",
    "from gt_secure import check as c\nc.no_findings(gt)",
    "from gt_secure.check import no_findings\nno_findings(gt)",
    "from gt_secure.check import no_findings as f\nresult = f(gt)",
    "import gt_secure.check as gc\ngc.no_findings(gt)",
    "import gt_secure\ngt_secure.check.run_file(gt, 'checks.yaml')",
    "assert gt.workteam('a').url_lock",
    "!gt-secure check checks.yaml",
    "%gt_secure check checks.yaml",
    "files = !ls\ncheck.no_findings(gt)",
    "for team in teams:\n    check.team_is_restricted(gt, team)",
]


@pytest.mark.parametrize("text", FORMS)
def test_a_check_is_found_in_each_form(text: str) -> None:
    assert find_bypasses(book(tagged("raises-exception"), text)) == [(1, "it has the tag raises-exception")]


@pytest.mark.parametrize(
    ("sabotage", "text"),
    [
        (tagged("raises-exception"), "1 / 0"),
        (tagged("nbval-skip"), "plot(check_boxes)"),
        (source("# NBVAL_SKIP\nprint('now')"), ""),
        (source(f"# this is not NBVAL_SKIP\n{CHECK}"), ""),
        (source(f"try:\n    {CHECK}\nexcept Exception:\n    print('see above')\n    raise"), ""),
        (source(f"if team:\n    {CHECK}"), ""),
        (source(f"%%time\n{CHECK}"), ""),
        (lambda cell: cell.update(outputs=[]), f"{CHECK};"),
        (lambda cell: cell.update(outputs=[]), f"result = {CHECK}"),
        (lambda cell: cell.update(cell_type="markdown"), f"`{CHECK}`"),
    ],
)  # fmt: skip
def test_what_bypasses_no_check_is_left_alone(sabotage: Callable[[Cell], None], text: str) -> None:
    assert find_bypasses(book(sabotage, text)) == []


def test_cells_that_are_no_python_are_read_as_text() -> None:
    assert find_bypasses(book(tagged("nbval-skip"), "this is )( no Python: check.no_findings(gt)"))
    assert not find_bypasses(book(tagged("nbval-skip"), "this is )( no Python"))


def run(folder: Path, *args: str) -> tuple[int, str]:
    command = [sys.executable, "-m", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout + done.stderr


def guarded(path: Path) -> bool:
    """Whether the check of the saved notebook, which belongs to every run, passes."""
    return check.no_code_cell_skipped.look(path).status == "passed"


def by_nbval(folder: Path, path: Path) -> bool:
    options = ["--nbval-lax", "--nbval-current-env", "--gt-secure-notebooks", "-p", "no:cacheprovider", "-q"]
    return run(folder, "pytest", *options, path.name)[0] == 0


def by_papermill(folder: Path, path: Path) -> bool:
    return run(folder, "papermill", "--no-progress-bar", path.name, "out.ipynb")[0] == 0 and guarded(
        folder / "out.ipynb"
    )


def by_nbclient(folder: Path, path: Path) -> bool:
    return run(folder, "jupyter", "execute", "--inplace", path.name)[0] == 0 and guarded(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SABOTAGES)
@pytest.mark.parametrize("runner", [by_nbval, by_papermill, by_nbclient])
def test_no_runner_is_green(runner: Callable[[Path, Path], bool], name: str, folder: Path) -> None:
    path = folder / "book.ipynb"
    path.write_text(json.dumps(book(SABOTAGES[name])))
    if runner is not by_nbval and name == "output stripped":
        path.write_text(json.dumps(book(lambda cell: cell.update(outputs=[]))))  # the run itself fails on the check
    assert not runner(folder, path)


@pytest.mark.slow
@pytest.mark.parametrize("runner", [by_nbval, by_papermill, by_nbclient])
def test_a_sound_notebook_is_green(runner: Callable[[Path, Path], bool], folder: Path) -> None:
    path = folder / "book.ipynb"
    path.write_text(json.dumps(book(text="check.no_secret_saved('book.ipynb')")))
    assert runner(folder, path)
