"""A notebook that was executed, and its widgets in the page of ipywidgets:
for panels outside of JupyterLab.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from gt_secure.sandbox import Sandbox
from support.chromium import npm_file
from support.kernels import NotebookClient

STATE, VIEW = (
    "application/vnd.jupyter.widget-state+json",
    "application/vnd.jupyter.widget-view+json",
)

_LIVE = """
const mark = 'jupyter-widgets-disconnected';
new MutationObserver(() => document.querySelectorAll('.' + mark).forEach(e => e.classList.remove(mark)))
  .observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['class'] });
"""


def executed(sandbox: Sandbox, code: str, home: Path) -> Any:
    """Execute a cell and return its notebook with the state of its widgets."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "GT_SECURE"))
    }
    env = {
        **kept,
        **sandbox.environment(),
        "IPYTHONDIR": str(home),
        "GT_SECURE_JOURNAL": str(home / "journal"),
    }
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    client = NotebookClient(book, timeout=600, kernel_name="python3", store_widget_state=True)
    client.execute(env=env, cwd=str(Path.cwd()))
    return book


def widgets_of(book: Any) -> tuple[dict[str, Any], str]:
    """Return the state of the widgets, and the id of the model that the cell shows."""
    [shown] = [out["data"][VIEW] for out in book.cells[0].outputs if VIEW in out.get("data", {})]
    return book.metadata["widgets"][STATE], shown["model_id"]


def write_page(
    folder: Path,
    widgets: tuple[Any, str],
    colours: Mapping[str, str],
    body: str,
    main: str = "margin:0",
    *,
    is_live: bool = True,
) -> str:
    """Write the page, with VS Code's variables and the attributes of its body and ``main``;
    return its URL.

    No kernel is behind it, of which ipywidgets marks each view; ``is_live`` takes the marks away,
    to show what a person with a kernel sees.
    """
    state, model = widgets
    view = {"version_major": 2, "version_minor": 0, "model_id": model}
    style = html.escape(";".join(f"--vscode-{name}:{value}" for name, value in colours.items()))
    script = npm_file("@jupyter-widgets/html-manager@1.0.15", "dist/embed.js").as_uri()
    live = f"<script>{_LIVE}</script>" if is_live else ""
    data = "".join(
        f'<script type="{kind}">{json.dumps(each).replace("<", chr(92) + "u003c")}</script>'
        for kind, each in ((STATE, state), (VIEW, view))
    )
    page = folder / "page.html"
    page.write_text(
        f'<!doctype html><html lang="en" style="{style}"><head><meta'
        f' charset="utf-8"><title>x</title></head><body {body}><main'
        f' class="cell-output-ipywidget-background" style="{main}">{live}<script'
        f' src="{script}"></script>{data}</main></body></html>',
        encoding="utf-8",
    )
    return page.as_uri()
