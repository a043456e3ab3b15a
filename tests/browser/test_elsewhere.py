"""The panel in a page that is not JupyterLab: the widgets of ipywidgets' own page, with the colours
of VS Code.

VS Code shows widgets in a page of its own that has ``--vscode-*`` variables, a class on the body
that names the kind of theme, and ipywidgets' light ``--jp-*`` variables, whatever the theme. So has
this page; VS Code itself is not run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import SHOTS
from .test_access import violations
from .widget_page import executed, widgets_of, write_page

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
p.test.sign()
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
    return widgets_of(executed(sandbox, CELL, tmp_path_factory.mktemp("elsewhere")))


@pytest.mark.parametrize("theme", sorted(THEMES))
@pytest.mark.parametrize("width", [600, 1280])
def test_the_colours_of_vs_code_win(
    widgets: Any, chromium: Any, axe: str, tmp_path: Path, theme: str, width: int
) -> None:
    foreground, background, quiet = THEMES[theme]
    values = {
        "editor-foreground": foreground,
        "editor-background": background,
        "descriptionForeground": quiet,
        "font-family": "sans-serif",
    }
    body = f'class="{theme}" style="background:{background}"'
    url = write_page(tmp_path, widgets, values, body, "background:white")
    page = chromium.new_page(viewport={"width": width, "height": 3000})
    try:
        page.goto(url)
        panel = page.locator(".gts-panel").first
        panel.wait_for()
        panel.get_by_text("Probe results").wait_for(state="attached")
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"{theme}-{width}.png", full_page=True)
        look = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
        assert panel.evaluate(look) == [_rgb(background), _rgb(foreground)]
        assert (
            page.locator("main").evaluate("e => getComputedStyle(e).backgroundColor")
            == "rgba(0, 0, 0, 0)"
        )
        shown, hidden = ("dark", "light") if theme == "vscode-dark" else ("light", "dark")
        assert panel.locator(f".gts-plot-{shown} svg").is_visible()
        assert panel.locator(f".gts-plot-{hidden} svg").is_hidden()
        found = [
            each
            for each in violations(page, axe)
            if each["impact"] in ("serious", "critical", "moderate")
        ]
        assert found == [], json.dumps(found, indent=1)
    finally:
        page.close()


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"
