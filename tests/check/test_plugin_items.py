"""The tests that the plugin makes of a notebook, without a pytest of their own."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gt_secure import pytest_plugin as plugin
from gt_secure.base.outcome import CheckResult
from gt_secure.check import notebooks

BEGUN = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
CELL = {"cell_type": "code", "execution_count": 1, "source": "1", "outputs": [], "metadata": {}}


class Stash(dict[Any, Any]):
    """A stash of pytest, as far as the plugin uses it."""


def item(path: Path, *, items: Any = ()) -> Any:
    """Return what a test of a notebook knows."""
    stash = Stash({plugin._BEGUN: BEGUN})
    config = SimpleNamespace(stash=stash, getoption={"--gt-secure-checks": 3}.__getitem__)
    made = SimpleNamespace(
        path=path, config=config, session=SimpleNamespace(items=items), user_properties=[]
    )
    made._as_run = lambda saved: plugin._ChecksRan._as_run(made, saved)
    return made


def notebook(folder: Path, **more: Any) -> Path:
    path = folder / "study.ipynb"
    book = {"cells": [CELL, {"cell_type": "markdown", "source": "x"}, CELL], "metadata": {}, "nbformat": 4}  # fmt: skip
    path.write_text(json.dumps(book | more))
    return path


@pytest.mark.parametrize(
    ("said", "shown"), [("2 checks ran", "2 checks ran"), ("", "no check is promised")]
)
def test_a_run_that_kept_its_promise_says_so_with_the_name_of_the_notebook(
    said: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def kept(before: Any, after: Any, saved: CheckResult, **more: Any) -> CheckResult:
        seen.append((before, after, saved, more))
        return CheckResult(saved.name, saved.subject, True, said, {})

    monkeypatch.setattr(notebooks, "kept", kept)
    path = notebook(tmp_path)
    asked = item(path)
    plugin._ChecksRan.runtest(asked)
    assert asked.user_properties == [("gt_secure", f"study.ipynb: {shown}")]
    [(before, after, saved, more)] = seen
    assert [cell.get("outputs") for cell in after["cells"]] == [None, None, None]
    assert before == json.loads(path.read_text())
    assert (saved.name, saved.subject, saved.passed) == ("no_code_cell_skipped", "study.ipynb", True)  # fmt: skip
    assert more == {"at_least": 3, "since": BEGUN}


def test_the_outputs_of_a_run_are_those_of_the_cells_of_this_notebook(tmp_path: Path) -> None:
    path = notebook(tmp_path)
    cells = [
        SimpleNamespace(path=path, cell_num=1, test_outputs=["second"]),
        SimpleNamespace(path=path),  # a test that is no cell
        SimpleNamespace(path=tmp_path / "other.ipynb", cell_num=0, test_outputs=["other"]),
    ]
    saved = json.loads(path.read_text())
    ran = plugin._ChecksRan._as_run(item(path, items=cells), saved)
    assert [cell.get("outputs") for cell in ran["cells"]] == [None, None, ["second"]]
    assert ran["metadata"] == saved["metadata"]


def test_only_the_property_of_the_plugin_is_written_at_the_end() -> None:
    lines: list[str] = []
    reports = [
        SimpleNamespace(user_properties=[("gt_secure", "a.ipynb: 2 checks ran"), ("time", "9")]),
        SimpleNamespace(),
    ]
    reporter = SimpleNamespace(stats={"passed": reports}, write_line=lines.append)
    plugin.pytest_terminal_summary(reporter)
    plugin.pytest_terminal_summary(SimpleNamespace(stats={}, write_line=lines.append))
    assert lines == ["gt_secure: a.ipynb: 2 checks ran"]


@pytest.mark.parametrize(
    ("name", "asked", "is_taken"),
    [
        ("study.ipynb", True, True),
        ("study.ipynb", False, False),
        ("study.py", True, False),
        (".ipynb_checkpoints/study.ipynb", True, False),
    ],
)
def test_notebooks_are_collected_if_asked_for(
    name: str, asked: bool, is_taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent: Any = SimpleNamespace(
        config=SimpleNamespace(getoption={"--gt-secure-notebooks": asked}.__getitem__)
    )
    monkeypatch.setattr(plugin._Notebook, "from_parent", lambda parent, path: (parent, path))
    path = Path(name)
    assert plugin.pytest_collect_file(path, parent) == ((parent, path) if is_taken else None)


@pytest.mark.parametrize("name", ["no_secret_saved", "no_code_cell_skipped"])
def test_a_test_of_a_notebook_runs_the_check_of_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    asked: Any = SimpleNamespace(path=notebook(tmp_path), name=name)
    monkeypatch.setattr(plugin.check, "no_secret_saved", lambda path: seen.append(path))

    def as_run(saved: Any, subject: str) -> CheckResult:
        seen.append((saved, subject))
        return CheckResult("no_code_cell_skipped", subject, False, "Cell 1 was skipped.", {})

    monkeypatch.setattr(notebooks, "saved_as_run", as_run)
    if name == "no_secret_saved":
        plugin._NotebookCheck.runtest(asked)
        assert seen == [asked.path]
    else:
        with pytest.raises(AssertionError, match="Cell 1 was skipped"):
            plugin._NotebookCheck.runtest(asked)
        assert seen == [(json.loads(asked.path.read_text()), "study.ipynb")]
    assert plugin._NotebookCheck.reportinfo(asked) == (asked.path, None, f"study.ipynb: {name}")
