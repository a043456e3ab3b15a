"""The panel in a page that is not JupyterLab: the widgets of ipywidgets' own page, with the colours of VS Code.

VS Code shows widgets in a page of its own that has ``--vscode-*`` variables, a class on the body that names the kind of
theme, and ipywidgets' light ``--jp-*`` variables, whatever the theme. So has this page; VS Code itself is not run.
"""

from __future__ import annotations

import html
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from .conftest import SHOTS, npm_file
from .test_access import violations

pytestmark = pytest.mark.browser

# Without anywidget, as in a kernel where only the wheel is installed.
CELL = """
import sys
sys.modules["anywidget"] = None
import gt_secure
p = gt_secure.panel(team="radiology-team", bucket="gt-images", addresses=["203.0.113.0/24", "10.0.0.0/8"])
await p.wait_idle()
p.allow.addresses = ("203.0.113.0/24",)
await p.wait_idle()
p.test.generate()
await p.wait_idle()
p.test.probe()
await p.wait_idle()
p.hits.plot_hits()
await p.wait_idle()
for step in p.steps:
    step.opened = True
p.examine()
while p.diagnosis is None:
    import asyncio
    await asyncio.sleep(0.05)
p
"""
THEMES = {
    # Values of the themes “Light Modern” and “Dark Modern”.
    "vscode-light": ("#3b3b3b", "#ffffff", "#3b3b3b"),
    "vscode-dark": ("#cccccc", "#1f1f1f", "#9d9d9d"),
}


@pytest.fixture(scope="module")
def widgets(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The state of an executed panel, and the id of its model."""
    home = tmp_path_factory.mktemp("elsewhere")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GT_SECURE"))}
    env = {**kept, **sandbox.environment(), "IPYTHONDIR": str(home), "GT_SECURE_JOURNAL": str(home / "journal")}
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    client = NotebookClient(book, timeout=600, kernel_name="python3", store_widget_state=True)
    client.execute(env=env, cwd=str(Path.cwd()))
    state = book.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]
    [shown] = [
        out for out in book.cells[0].outputs if "application/vnd.jupyter.widget-view+json" in out.get("data", {})
    ]
    return state, shown["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]


@pytest.mark.parametrize("theme", sorted(THEMES))
@pytest.mark.parametrize("width", [600, 1280])
def test_the_colours_of_vs_code_win(
    widgets: Any, chromium: Any, axe: str, tmp_path: Path, theme: str, width: int
) -> None:
    state, model = widgets
    foreground, background, quiet = THEMES[theme]
    values = {
        "editor-foreground": foreground,
        "editor-background": background,
        "descriptionForeground": quiet,
        "font-family": "sans-serif",
    }
    variables = ";".join(f"--vscode-{name}:{value}" for name, value in values.items())
    view = {"version_major": 2, "version_minor": 0, "model_id": model}
    script = npm_file("@jupyter-widgets/html-manager@1.0.15", "dist/embed.js").as_uri()
    (tmp_path / "page.html").write_text(
        f'<!doctype html><html lang="en" style="{html.escape(variables)}"><head><meta charset="utf-8"><title>x</title>'
        f'</head><body class="{theme}" style="background:{background}"><main class="cell-output-ipywidget-background" '
        f'style="background:white"><script src="{script}"></script>'
        f'<script type="application/vnd.jupyter.widget-state+json">{_inside(state)}</script>'
        f'<script type="application/vnd.jupyter.widget-view+json">{_inside(view)}</script></main></body></html>',
        encoding="utf-8",
    )
    page = chromium.new_page(viewport={"width": width, "height": 3000})
    try:
        page.goto((tmp_path / "page.html").as_uri())
        panel = page.locator(".gts-panel").first
        panel.wait_for()
        panel.get_by_text("Probe results").wait_for()
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"{theme}-{width}.png", full_page=True)
        look = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
        assert panel.evaluate(look) == [_rgb(background), _rgb(foreground)]
        assert page.locator("main").evaluate("e => getComputedStyle(e).backgroundColor") == "rgba(0, 0, 0, 0)"
        shown, hidden = ("dark", "light") if theme == "vscode-dark" else ("light", "dark")
        assert panel.locator(f".gts-plot-{shown} svg").is_visible()
        assert panel.locator(f".gts-plot-{hidden} svg").is_hidden()
        found = [each for each in violations(page, axe) if each["impact"] in ("serious", "critical", "moderate")]
        assert found == [], json.dumps(found, indent=1)
    finally:
        page.close()


def _inside(data: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(data).replace("<", "\\u003c")


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"
