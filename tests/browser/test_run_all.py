"""*Run all* in a real JupyterLab: what it saves is accepted only if every promised
check ran and passed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import nbformat
import pytest

from gt_secure.sandbox import Sandbox
from support.kernels import NBVAL
from support.promised import AS_IT_WAS, is_accepted, promised, why
from support.rooms import ROOT, clean
from support.warm import Warm

from .conftest import Lab, Notebook, take_page, until

pytestmark = pytest.mark.browser
LOUD = ("a check that is gone", "a check that raises", "a command that fails")
NOT_PROVED = (
    'assert gt.prove(gt_secure.Restriction(bucket="gt-images", addresses="203.0.113.0/24"))'
)
IDLE = """() => {
  const { sessionContext } = window.jupyterapp.shell.currentWidget;
  const prompts = [...document.querySelectorAll('.jp-InputPrompt')].map((each) => each.textContent);
  return sessionContext.session?.kernel?.status === 'idle' && !prompts.some((each) => each.includes('*'));
}"""


@pytest.fixture
def notebook(lab: Lab, chromium: Any) -> Iterator[Notebook]:
    path = lab.folder / "promised.ipynb"
    nbformat.write(promised(), path)
    opened = Notebook(lab, take_page(chromium, lab, 1280, 1000), path.name)
    opened.open()
    yield opened
    opened.close(failed=False)


def run_all(notebook: Notebook) -> None:
    """Choose *Run all*, wait until no cell works or waits, and save."""
    notebook.command("notebook:run-all-cells")
    until(notebook.page, IDLE)
    notebook.save()


def change(notebook: Notebook, *sources: str) -> None:
    """Edit the cells in the page; their outputs stay."""
    notebook.page.evaluate(
        "sources => window.jupyterapp.shell.currentWidget.model.sharedModel.cells"
        ".forEach((cell, i) => cell.getSource() === sources[i] || cell.setSource(sources[i]))",
        list(sources),
    )


def sources(name: str = AS_IT_WAS) -> list[str]:
    return [cell.source for cell in promised(name).cells]


def of_pytest(notebook: Notebook, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Return whether the plugin accepts the saved file when it runs it again, and its report."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *NBVAL]
    done = subprocess.run(
        [*command, "--gt-secure-notebooks", notebook.name], cwd=notebook.lab.folder,
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return done.returncode == 0, done.stdout


def test_run_all_with_a_failed_cell(notebook: Notebook, sandbox: Sandbox, warm: Warm) -> None:
    """The cells after an assert that failed did not run, and the file,
    the check and the plugin for pytest agree.
    """
    path = notebook.lab.folder / notebook.name
    environment = {
        **warm.environment({**clean(), **sandbox.environment()}),
        "PYTHONPATH": str(ROOT),
    }
    cells = sources()
    change(notebook, cells[0], f"{cells[1]}\n{NOT_PROVED}", *cells[2:])
    run_all(notebook)
    saved = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in saved.cells] == [1, 2, None, None, None]
    assert saved.cells[1].outputs[-1].ename == "AssertionError"
    assert "Code cells were never run: cell 2, cell 3" in why(path)
    passed, report = of_pytest(notebook, environment)
    assert not passed, report
    assert not is_accepted(path)
    change(notebook, *cells)
    run_all(notebook)
    assert is_accepted(path), why(path)
    passed, report = of_pytest(notebook, environment)
    assert passed, report
    assert notebook.problems == []


def test_each_saved_run_is_judged(notebook: Notebook) -> None:
    path = notebook.lab.folder / notebook.name
    for name in LOUD:
        change(notebook, *sources(name))
        run_all(notebook)
        assert not is_accepted(path), name
    change(notebook, *sources())
    run_all(notebook)
    assert is_accepted(path), why(path)


def test_nothing_of_a_former_kernel_is_left_below_a_cell_that_failed(notebook: Notebook) -> None:
    """JupyterLab stops at the error, and clears the cells after it."""
    path = notebook.lab.folder / notebook.name
    run_all(notebook)
    assert is_accepted(path), why(path)
    notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()"
    )
    change(notebook, *sources("an error before"))
    run_all(notebook)
    saved = nbformat.read(path, as_version=4)
    assert [(cell.execution_count, bool(cell.outputs)) for cell in saved.cells[2:]] == [
        (None, False)
    ] * 3
    assert "Code cells were never run: cell 2, cell 3" in why(path)
