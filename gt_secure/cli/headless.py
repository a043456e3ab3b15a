"""Run the quickstart notebook without a browser, guard an application's bucket,
and write the results to a folder.
"""

from __future__ import annotations

import asyncio
import base64
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import sandbox
from ..base.errors import GtSecureError, InvalidInput
from ..base.text import Json
from ..connection import connect
from ..explain.expectation_log import MIME
from .demonstration import application_scenes
from .exit_codes import FOUND, OK
from .output import only_sandbox, say, show_json, table

_CELL_TIMEOUT_S = 180


def run_headless(notebook: Path, out: Path, *, as_json: bool = False) -> int:
    """Execute a notebook on a fresh sandbox;
    return 0 if there are scenes and each is as expected, else 2.
    """
    import nbformat

    try:  # before the minutes of work
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise InvalidInput(
            f"The results cannot be written to {out}: {error.strerror}.",
            next_step="Choose a folder that you can write to: --out DIR",
            field="out",
        ) from error
    started = time.perf_counter()
    with sandbox.Sandbox(log_delay_s=1.0, seed="demo") as running:
        executed, failure = _execute(notebook, out, running.environment())
        application = application_scenes(connect(sandbox=running)).to_dicts()
    (out / notebook.name).write_text(nbformat.writes(executed) + "\n", encoding="utf-8")  # type: ignore[no-untyped-call]
    # A notebook shows the same growing list several times: the last one is complete.
    scenes = list(_outputs(executed, MIME))[-1:]
    scenes = scenes[0] if scenes else []
    pngs, svgs = list(_outputs(executed, "image/png")), list(_outputs(executed, "image/svg+xml"))
    plots = []
    if pngs:
        (out / "hits.png").write_bytes(base64.b64decode(pngs[-1]))
        plots.append("hits.png")
    if svgs:
        (out / "hits.svg").write_text("".join(svgs[-1]), encoding="utf-8")
        plots.append("hits.svg")
    good = not failure and bool(scenes) and bool(plots)
    scenes += application
    good = good and all(scene["as_expected"] for scene in scenes)
    summary = {
        "as_expected": good,
        "scenes": scenes,
        "error": failure,
        "files": [notebook.name, *plots],
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {
            name: metadata.version(name)
            for name in ("gt_secure", "boto3", "ipywidgets", "matplotlib", "duckdb")
        },
        "python": platform.python_version(),
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    _show(summary, out, as_json)
    return OK if good else FOUND


def _execute(notebook: Path, out: Path, aws: Mapping[str, str]) -> tuple[Any, str]:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    book = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        book,
        timeout=_CELL_TIMEOUT_S,
        # after four seconds nbclient drops the outputs of a cell that has ended
        iopub_timeout=_CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(out)}},
    )
    try:
        # The kernel's own output is of no use here: errors of cells arrive as messages, and ours is
        # read as JSON. Not ``execute``: it handles SIGINT and SIGTERM itself, and Ctrl-C would end
        # in a traceback.
        client.reset_execution_trackers()
        with client.setup_kernel(
            env=only_sandbox(aws), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ):
            try:
                for index, cell in enumerate(book.cells):
                    client.execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
            except KeyboardInterrupt:
                # nobody waits for their errors now
                for task in asyncio.all_tasks(asyncio.get_event_loop()):
                    task.add_done_callback(lambda done: done.cancelled() or done.exception())
                raise
            client.set_widgets_metadata()
    except CellExecutionError as error:
        return book, f"{error.ename}: {error.evalue}"
    except (CellTimeoutError, DeadKernelError) as error:
        return book, f"{type(error).__name__}: {error}"
    return book, ""


def _outputs(book: Any, mime: str) -> Iterator[Any]:
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            if mime in output.get("data", {}):
                yield output["data"][mime]


def _show(summary: Json, out: Path, as_json: bool) -> None:
    if as_json:
        show_json(summary)
        return
    rows = [
        (
            s["scene"],
            s["source"],
            s["expected"],
            s["observed"],
            s["http_status"] or "-",
            "ok" if s["as_expected"] else "NOT",
        )
        for s in summary["scenes"]
    ]
    say(table(("scene", "source", "expected", "observed", "status", ""), rows))
    say(f"\n{len(rows)} scenes, {summary['seconds']} s; results in {out}")
    if summary["error"]:
        raise GtSecureError(
            f"The notebook stopped: {summary['error']}", next_step=f"See the notebook in {out}."
        )
