"""The card in JupyterLab's launcher: what the wheel ships, and the real thing, clicked."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

import gt_secure
from gt_secure.check import no_secret_saved
from gt_secure.sandbox import Sandbox
from support.rooms import ROOT, Room

from ..browser.conftest import SHOTS, start_chromium, start_lab

CARDS = ROOT / "launcher" / "jp_app_launcher_gt_secure.yaml"
PLACE = "share/jupyter/jupyter_app_launcher/"


def card() -> dict[str, str]:
    [one] = yaml.safe_load(CARDS.read_text(encoding="utf-8"))
    return one


def test_the_card_has_what_jupyter_app_launcher_wants() -> None:
    """Its config.schema.json (0.3.2): these four are required, and unknown members make it drop the card."""
    assert CARDS.name.startswith("jp_app_launcher"), "other names are not looked at"
    assert {"id", "title", "source", "type"} <= set(card())
    assert set(card()) <= {"id", "title", "source", "type", "description", "icon", "cwd", "catalog", "args"}
    assert card()["type"] == "notebook"


def test_what_the_card_names_is_there() -> None:
    source = CARDS.parent / card()["source"]
    book = nbformat.read(source, as_version=4)
    nbformat.validate(book)
    assert no_secret_saved.look(source).passed
    [code] = [cell.source for cell in book.cells if cell.cell_type == "code"]
    assert "gt_secure.panel()" in code
    assert callable(gt_secure.panel)
    icon = ET.fromstring((CARDS.parent / card()["icon"]).read_text(encoding="utf-8"))
    assert icon.tag.endswith("svg")


@pytest.mark.slow
def test_the_wheel_puts_them_where_jupyter_looks(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition(".data/data/")[2] for name in archive.namelist()}
    for name in (CARDS.name, card()["source"], card()["icon"]):
        assert PLACE + name in names


@pytest.mark.slow
@pytest.mark.browser
def test_clicking_the_card_opens_a_notebook_with_the_panel(wheel: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    room = Room(tmp_path / "room", sys.executable)
    room.install(f"gt_secure[launcher,browser] @ {wheel.as_uri()}", "jupyterlab", "ipykernel")
    (tmp_path / "home").mkdir()
    with start_lab(str(room.python), tmp_path / "home", sandbox.environment()) as lab, start_chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        page.goto(f"{lab.url}/lab?token={lab.token}&reset")
        button = page.locator(f'.jp-LauncherCard[title*="{card()["description"]}"]')
        button.wait_for(timeout=60_000)
        assert button.locator("svg").count() >= 1, "the icon is drawn"
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / "launcher.png")
        button.click()
        opened(page)
        page.keyboard.press("Shift+Enter")
        panel = page.locator(".gts-panel").first
        panel.wait_for(timeout=60_000)
        panel.get_by_label("Workteam", exact=True).locator("option").first.wait_for(state="attached")
        page.screenshot(path=SHOTS / "launcher-panel.png")
        names = [path.name for path in lab.folder.glob("*.ipynb")]
    assert names == [f"{card()['title']}.ipynb"]


def opened(page: Any) -> None:
    """Wait until the new notebook has its name, its kernel, and its second cell chosen."""
    page.wait_for_function(
        """title => {
          const panel = window.jupyterapp.shell.currentWidget;
          return panel?.context?.path === `${title}.ipynb` && !panel.context.model.dirty
            && panel.sessionContext?.session?.kernel?.connectionStatus === 'connected'
            && panel.content.activeCellIndex === 1;
        }""",
        arg=card()["title"],
        timeout=60_000,
    )
    page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activate()")
