"""The site is built strictly, every link inside it leads somewhere, and nothing in it is fetched from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.blocks import ROOT

pytest.importorskip("myst_nb", reason="the docs tools are not installed here: make docs runs these tests")


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in {"script", "img", "iframe", "source"} and "src" in values:
            self.fetched.append(values["src"])
        if tag == "link" and values.get("rel") in {"stylesheet", "icon", "preload", "preconnect"}:
            self.fetched.append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site that ``make docs`` has built, or build it."""
    if "GT_SECURE_SITE" in os.environ:
        return Path(os.environ["GT_SECURE_SITE"])
    folder = tmp_path_factory.mktemp("site")
    # A proxy that nobody answers at: whatever would be fetched at build time fails.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/build_docs.py"), "--out", f"{folder}/site", "--pages", f"{folder}/pages"],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **nowhere},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def parsed(site: Path) -> dict[Path, _Links]:
    found = {}
    for page in site.rglob("*.html"):
        if "_static" in page.parts:  # templates of the theme
            continue
        found[page] = _Links()
        found[page].feed(page.read_text(encoding="utf-8"))
    return found


def test_every_internal_link_and_anchor_resolves(site: Path, parsed: dict[Path, _Links]) -> None:
    broken, looked = [], 0
    for page, links in parsed.items():
        for link in {*links.links, *links.fetched}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            looked += 1
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            missing = not target.is_file()
            in_lab = target.name == "lab.html" and parts.fragment.startswith("1.")  # fields of the lab
            if not missing and parts.fragment and target in parsed and not in_lab:
                missing = unquote(parts.fragment) not in parsed[target].ids
            if missing:
                broken.append(f"{page.relative_to(site)}: {link}")
    assert broken == []
    assert looked > 500


def test_nothing_is_fetched_from_elsewhere(site: Path, parsed: dict[Path, _Links]) -> None:
    foreign = [f for links in parsed.values() for f in links.fetched if urlsplit(f).netloc]
    assert foreign == []
    styles = [style.read_text(encoding="utf-8") for style in site.rglob("*.css")]
    assert [url for text in styles for url in re.findall(r"url\(['\"]?(https?://[^)]+)", text)] == []


def test_every_tutorial_is_in_the_site_with_its_figures(site: Path, parsed: dict[Path, _Links]) -> None:
    for book in (ROOT / "notebooks").rglob("*.ipynb"):
        page = site / "tutorials" / f"{book.stem}.html"
        figures = book.read_text(encoding="utf-8").count('"image/svg+xml"')
        assert len([f for f in parsed[page].fetched if f.endswith(".svg") and "_images" in f]) == figures


@pytest.mark.parametrize(("folder", "index"), [("decisions", "index"), ("reference/findings", "../findings")])
def test_every_page_of_a_folder_is_in_its_index(
    folder: str, index: str, site: Path, parsed: dict[Path, _Links]
) -> None:
    where = site / folder
    links = {link.rpartition("/")[2] for link in parsed[(where / f"{index}.html").resolve()].links}
    pages = {path.with_suffix(".html").name for path in (ROOT / "docs" / folder).glob("*.md")}
    assert pages - links - {"index.html"} == set()


def test_diagrams_have_a_dark_twin(site: Path, parsed: dict[Path, _Links]) -> None:
    pictures = {link.rpartition("/")[2] for link in parsed[site / "index.html"].fetched}
    assert {"three-locks.svg", "three-locks-dark.svg"} <= pictures


def test_public_names_have_an_anchor(site: Path, parsed: dict[Path, _Links]) -> None:
    """Autodoc has documented them: a page that lists a name without its text would pass the build."""
    ids = {anchor for page, links in parsed.items() if "python" in page.parts for anchor in links.ids}
    for name in ("connection.Connection.plan", "restriction.Restriction", "logs.Hits.count", "errors.AccessDenied"):
        assert f"gt_secure.{name}" in ids


def test_the_search_works_from_a_folder(site: Path) -> None:
    """The index is a script, not a file that a page would fetch, which browsers forbid without a server."""
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    assert "counterexampl" in index


def test_the_lab_has_what_it_loads(site: Path) -> None:
    if "GT_SECURE_SITE" not in os.environ:
        pytest.skip("make docs builds the engine of the lab first")
    lab = site / "_static" / "lab"
    names = {path.relative_to(lab).as_posix() for path in lab.rglob("*")}
    assert {"lab.js", "worker.js", "mistakes.json", "engine.zip", "started.bin.gz", "pyodide.asm.wasm.gz"} <= names
