"""Long tables of the panel: a field filters their rows, by keyboard, in both themes,
in pages without a kernel too.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from gt_secure.widgets.hits_view import sources_table

from .conftest import SHOTS
from .test_access import violations

pytestmark = pytest.mark.browser

SCRIPT = """([code]) => import(URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))).then(
  (part) => part.default.render({ model: { send() {} }, el: document.querySelector('.gts-step i') }))"""
SHOWN = (
    "() => [...document.querySelectorAll('tbody tr')].filter(e => e.checkVisibility()).map(e =>"
    " e.cells[0].innerText)"
)


def source(number: int) -> dict[str, Any]:
    side = "inside" if number < 4 else "outside"
    return {
        "address": f"198.51.100.{number}",
        "endpoint": "",
        "other": number,
        "refused": 0,
        "allowlist": side,
    }


@pytest.mark.parametrize(("theme", "width"), [("true", 320), ("false", 900)])
def test_a_long_table_has_a_filter(chromium: Any, axe: str, theme: str, width: int) -> None:
    files = resources.files("gt_secure")
    style = (files / "widgets" / "style.css").read_text(encoding="utf-8") + (
        files / "widgets" / "tables.css"
    ).read_text("utf-8")
    short, long = (
        sources_table([source(1)]),
        sources_table([source(number) for number in range(1, 14)]),
    )
    page = chromium.new_page(viewport={"width": width, "height": 800})
    try:
        page.set_content(
            f'<!doctype html><html lang="en"><title>x</title><style>{style}</style><body'
            f' data-jp-theme-light="{theme}"><main class="gts gts-panel"><div'
            f' class="gts-step"><i></i>{short}{long}</div></main></body></html>'
        )
        page.evaluate(
            "() => document.querySelectorAll('details').forEach(each => { each.open = true })"
        )
        page.evaluate(SCRIPT, [(files / "widgets" / "states.js").read_text(encoding="utf-8")])
        field = page.get_by_role("searchbox", name="Filter rows", exact=True)
        assert field.count() == 1, "a table of one row needs none"
        field.focus()
        page.keyboard.type("outside 198.51.100.1")
        assert page.evaluate(SHOWN) == ["198.51.100.1", *(f"198.51.100.{n}" for n in range(10, 14))]
        assert page.get_by_role("status").inner_text() == "4 of 13 rows"
        if width > 500:  # else rows are cards without a head
            page.get_by_role("button", name="Opened or other").last.click()
            assert page.evaluate(SHOWN)[1] == "198.51.100.13", "what is filtered can be sorted"
        else:
            assert page.get_by_role("button").count() == 0, "no focus goes where it cannot be seen"
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"filter-{width}.png", full_page=True)
        found = [
            each
            for each in violations(page, axe)
            if each["impact"] in ("serious", "critical", "moderate")
        ]
        assert found == [], json.dumps(found, indent=1)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        field.focus()
        page.keyboard.press("Escape")
        assert len(page.evaluate(SHOWN)) == 14
    finally:
        page.close()
