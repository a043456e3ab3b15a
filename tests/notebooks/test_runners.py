"""Programs that run notebooks: each is green only if every promised check passed, or its saved run
is refused.

Those that need no package beyond the set-up are here, the others in
``packaging/test_notebook_tools.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient.exceptions import CellExecutionError

from gt_secure.base.errors import GtSecureError
from gt_secure.check import SecretCheck
from gt_secure.sandbox import Sandbox
from support.kernels import START_S, NotebookClient, RunningKernel
from support.promised import (
    AS_IT_WAS,
    CHANGES,
    is_accepted,
    outputs_of,
    promised,
    why,
    write_promised,
)
from support.warm import Warm


class Code(RunningKernel):
    """Visual Studio Code's way to run a notebook, without its window.

    Source: microsoft/vscode-jupyter, ``src/kernels/execution``: ``cellExecution.ts`` (the request
    and its metadata; an empty cell is no request), ``cellExecutionQueue.ts`` (a cell that failed
    ends the queue; the cells after it keep their outputs) and ``cellExecutionMessageHandler.ts``
    (outputs; carriage returns of streams are carried out).
    """

    def restart(self) -> None:
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=START_S)

    def run(self, path: Path, *, interrupt_at: int = -1) -> bool:
        """Run all cells and save; return whether none failed."""
        book = nbformat.read(path, as_version=4)
        failed = False
        for number, cell in enumerate(book.cells):
            if cell.cell_type != "code" or not cell.source.strip() or failed:
                continue
            cell.outputs = []
            failed = self._run_cell(
                cell, f"vscode-notebook-cell:{path}#W{number}sZmlsZQ==", number == interrupt_at
            )
        nbformat.write(book, path)
        return not failed

    def _run_cell(self, cell: Any, uri: str, interrupted: bool) -> bool:
        content = {
            "code": cell.source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
        }
        content |= {"allow_stdin": True, "stop_on_error": False}
        message = self.client.session.msg(
            "execute_request", content, metadata={"cellId": uri, **cell.metadata}
        )
        self.client.shell_channel.send(message)
        while True:
            answer = self.client.get_iopub_msg(timeout=START_S)
            kind, content = answer["header"]["msg_type"], answer["content"]
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind == "execute_input":
                cell.execution_count = content["execution_count"]
            # a signal before the cell's first line would not meet it
            if (
                kind == "stream" and interrupted
            ):
                self.manager.interrupt_kernel()
                interrupted = False
            self._show(cell.outputs, kind, content)
        return any(each.output_type == "error" for each in cell.outputs)

    @staticmethod
    def _show(outputs: list[Any], kind: str, content: dict[str, Any]) -> None:
        if kind == "clear_output":
            outputs.clear()
        if kind not in ("stream", "display_data", "execute_result", "error"):
            return
        content.pop("transient", None)
        last = outputs[-1] if outputs else None
        if kind == "stream" and last is not None and last.get("name") == content["name"]:
            last["text"] = written(last["text"] + content["text"])
            return
        if kind == "stream":
            content = {**content, "text": written(content["text"])}
        outputs.append(nbformat.v4.new_output(kind, **content))


def written(text: str) -> str:
    """Carry out the carriage returns of a stream, as a terminal does."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        base = ""
        for part in line.split("\r"):
            base = part + base[len(part) :]
        lines.append(base)
    return "\n".join(lines)


@pytest.fixture
def kernels(running_sandbox: Sandbox, warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox as it was seeded, and kernels that start warm and see it."""
    running_sandbox.reset()
    for name, value in warm.environment(running_sandbox.environment()).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def code(kernels: None) -> Iterator[Code]:
    session = Code()
    yield session
    session.close()


@pytest.mark.parametrize("change", CHANGES)
def test_visual_studio_code(change: str, code: Code, tmp_path: Path) -> None:
    path = write_promised(tmp_path / "book.ipynb", change)
    ended_well = code.run(path)
    assert (ended_well and is_accepted(path)) == (change == AS_IT_WAS), why(path)
    assert ended_well or not is_accepted(path)


def test_visual_studio_code_is_interrupted_and_runs_again(code: Code, tmp_path: Path) -> None:
    path = write_promised(tmp_path / "book.ipynb")
    assert code.run(path)
    assert is_accepted(path), why(path)
    book = nbformat.read(path, as_version=4)
    book.cells[
        2
    ].source = f"import time\nprint('Waits.', flush=True)\ntime.sleep(600)\n{book.cells[2].source}"
    nbformat.write(book, path)
    code.restart()
    assert not code.run(path, interrupt_at=2)
    assert "cell 2 ended with an error" in why(path), "the cells after it keep their results"
    book.cells[2].source = promised().cells[2].source
    nbformat.write(book, path)
    assert code.run(path)
    assert is_accepted(path), why(path)


def test_a_long_line_before_a_record_hides_no_record(code: Code, tmp_path: Path) -> None:
    path = write_promised(tmp_path / "book.ipynb")
    book = nbformat.read(path, as_version=4)
    line = "import sys; sys.stderr.write('#' * 400)"
    book.cells[3].source = book.cells[3].source.replace("!", f'!python -c "{line}"; ')
    nbformat.write(book, path)
    assert code.run(path)
    assert "####" in outputs_of(path)
    assert is_accepted(path), why(path)


def by_papermill(path: Path) -> bool:
    """Run as a notebook job does: papermill's own engine, parameters, an output elsewhere;
    and as our engine does.
    """
    out = path.with_suffix(".out.ipynb")
    green = []
    for engine in (None, "gt_secure"):
        given = {
            "engine_name": engine,
            "kernel_name": "python3",
            "progress_bar": False,
            "cwd": str(path.parent),
        }
        given["start_timeout"] = START_S
        try:
            papermill.execute_notebook(
                str(path), str(out), parameters={"OTHER": 1} if engine is None else {}, **given
            )
            green.append(engine is not None or is_accepted(out))
        except (papermill.exceptions.PapermillExecutionError, GtSecureError):
            green.append(False)
            assert not is_accepted(out)
    assert len({*green}) == 1, "both agree"
    return green[0]


def by_nbclient(path: Path) -> bool:
    """Run with nbclient: to the end in spite of errors, as *Run all* without a stop,
    and with our hook.
    """
    green = []
    for options in ({"allow_errors": True}, {"on_notebook_complete": SecretCheck().after_run}):
        book = nbformat.read(path, as_version=4)
        resources = {"metadata": {"path": str(path.parent)}}
        client = NotebookClient(book, kernel_name="python3", resources=resources, **options)
        try:
            client.execute()
            out = path.with_suffix(".out.ipynb")
            nbformat.write(book, out)
            green.append(is_accepted(out))
        except (CellExecutionError, GtSecureError):
            green.append(False)
    assert len({*green}) == 1, "both agree"
    return green[0]


RUNNERS: dict[str, Callable[[Path], bool]] = {"papermill": by_papermill, "nbclient": by_nbclient}
FEW = (AS_IT_WAS, "a check that is gone", "a command that fails")


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize(
    "change",
    [pytest.param(each, marks=() if each in FEW else pytest.mark.slow) for each in CHANGES],
)
def test_each_runner_is_green_only_if_all_is_well(
    change: str, runner: str, kernels: None, tmp_path: Path
) -> None:
    if runner == "papermill":
        book = promised(change)
        book.cells[0].source += "\nOTHER = 0"
        nbformat.write(book, tmp_path / "book.ipynb")
    else:
        write_promised(tmp_path / "book.ipynb", change)
    assert RUNNERS[runner](tmp_path / "book.ipynb") == (change == AS_IT_WAS)
