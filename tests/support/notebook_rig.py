"""A folder for each notebook, and a sandbox on which all is well or nothing is: for tests of what
hides a check.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from gt_secure import Restriction, connect
from gt_secure.check.notebooks import write_promise
from gt_secure.sandbox import Sandbox
from support.kernels import NBVAL, NotebookClient, run_notebooks

SETUP = """import gt_secure
from gt_secure import Restriction, check
gt = gt_secure.connect(sandbox=True)
R = Restriction("open-team", addresses="203.0.113.0/24", bucket="gt-images")
"""
ASKS = ("url-lock-one-path", "loses-access:radiology-team")


class Case(NamedTuple):
    """The cells of a notebook before and after a mistake, and the files beside it."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    files: tuple[str, str] = ("", "")
    name: str = "beside.txt"


def case(
    before: str | tuple[str, ...], after: str | tuple[str, ...] | None = None, **more: Any
) -> Case:
    first = (before,) if isinstance(before, str) else before
    return Case(
        first, first if after is None else (after,) if isinstance(after, str) else after, **more
    )


def notebook(sources: tuple[str, ...]) -> dict[str, Any]:
    cells = [nbformat.v4.new_code_cell(each) for each in (SETUP, *sources)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return dict(nbformat.v4.new_notebook(cells=cells, metadata=kernel))


class Rig:
    """A folder for each notebook, and a sandbox on which all is well, or nothing is."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PYTEST_"))
        }
        self.kernel: KernelManager | None = None
        self.env |= {
            **sandbox.environment(),
            "PYTHONDONTWRITEBYTECODE": "",
            "JUPYTER_PLATFORM_DIRS": "1",
        }
        self.env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def lock(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.sandbox.environment().items():
                patch.setenv(name, value)
            gt = connect(sandbox=self.sandbox)
            gt.apply(
                gt.plan(Restriction("open-team", addresses="203.0.113.0/24", bucket="gt-images")),
                confirm=ASKS,
            )

    def unlock(self) -> None:
        self.sandbox.reset()

    def place(self, name: str, sources: tuple[str, ...], case: Case, *, after: bool) -> Path:
        folder = self.folder / "".join(c if c.isalnum() else f"{ord(c):x}" for c in name)
        folder.mkdir(exist_ok=True)
        (folder / case.name).write_text(case.files[after])
        path = folder / f"{folder.name}.ipynb"
        if not after:
            path.write_text(json.dumps(notebook(sources)))
        return path

    def run(self, path: Path) -> None:
        """Run a notebook and save it, as a person does; an error in a cell is saved, too."""
        if self.kernel is None:
            self.kernel = KernelManager(kernel_name="python3")
            self.kernel.start_kernel(env=self.env)
        book = nbformat.read(path, as_version=4)
        move = (
            f"import os, sys; os.chdir({str(path.parent)!r}); sys.path[:0] = [''];"
            " sys.modules.pop('beside', None)"
        )
        book.cells.insert(0, nbformat.v4.new_code_cell(move))
        NotebookClient(book, km=self.kernel, allow_errors=True, timeout=180).execute()
        del book.cells[0]
        nbformat.write(book, path)

    def promise(self, path: Path) -> str:
        return write_promise(path).status

    def change(self, path: Path, sources: tuple[str, ...]) -> None:
        """Put other sources in place of all cells but the first and the promise,
        with their saved outputs.
        """
        book = json.loads(path.read_text())
        first, *middle = book["cells"]
        end = [cell for cell in middle if "check.promise(" in "".join(cell["source"])][-1:]
        middle = [cell for cell in middle if cell not in end]
        fresh = copy.deepcopy(
            [cell for _, cell in zip(sources, [*middle, *middle[:1] * len(sources)], strict=False)]
        )
        for number, (cell, source) in enumerate(zip(fresh, sources, strict=True)):
            cell["source"], cell["id"] = source, f"changed-{number}"
        if end and end[0]["execution_count"] is None:
            end[0]["execution_count"] = 99
        book["cells"] = [first, *fresh, *end]
        path.write_text(json.dumps(book))

    def green(self, *paths: Path) -> set[str]:
        """Run nbval with the plugin; return the notebooks of which every test passed."""
        options = [
            *NBVAL,
            "--gt-secure-notebooks",
            "-p",
            "no:cacheprovider",
            "-q",
        ]
        names = [str(path.relative_to(self.folder)) for path in paths]
        command = [sys.executable, "-m", "pytest", *options, "--junitxml=report.xml", *names]
        done = run_notebooks(command, cwd=self.folder, env=self.env, timeout=3000)
        (self.folder / "log.txt").write_text(done.stdout + done.stderr)
        cases = list(ElementTree.parse(self.folder / "report.xml").iter("testcase"))
        red = {
            case.get("classname", "").split(".")[0]
            for case in cases
            if case.find("failure") is not None or case.find("error") is not None
        }
        assert {case.get("classname", "").split(".")[0] for case in cases} == {
            path.stem for path in paths
        }
        return {path.stem for path in paths} - red

    def close(self) -> None:
        """End the kernel, if one was started."""
        if self.kernel is not None:
            self.kernel.shutdown_kernel(now=True)
