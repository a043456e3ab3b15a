"""A release is what its page says: one version everywhere, notes from the changelog, and the steps
of the owner by name.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import re
import runpy
import shutil
from pathlib import Path

import pytest
import yaml

from gt_secure.base.errors import MissingExtra
from gt_secure.base.version import __version__
from gt_secure.cli import demo

ROOT = Path(__file__).resolve().parents[2]
RELEASING = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
WHEELS = runpy.run_path(str(ROOT / "tools" / "make_wheel.py"))
SETTER = runpy.run_path(str(ROOT / "tools" / "set_version.py"))
NOTES = runpy.run_path(str(ROOT / "tools" / "release_notes.py"))["notes_of"]


def test_each_file_has_the_version() -> None:
    files = {
        "setup.cfg": r"(?m)^version = (.+)$",
        "recipe/recipe.yaml": r'(?m)^  version: "(.+)"$',
        "CITATION.cff": r"(?m)^version: (.+)$",
    }
    found = {
        name: re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"))
        for name, pattern in files.items()
    }
    assert found == {name: [__version__] for name in files}
    package = json.loads((ROOT / "labextension" / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__
    assert all(f"`{name}`" in RELEASING for name in files), "the page names what to change"


def test_the_citation_has_what_its_format_asks_for() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["license"] in (ROOT / "setup.cfg").read_text(encoding="utf-8")


PLACEHOLDERS = (".github/CODEOWNERS", ".github/ISSUE_TEMPLATE/config.yml")


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_the_owner_is_told_where_the_name_of_the_owner_is_missing(name: str) -> None:
    assert "OWNER" in (ROOT / name).read_text(encoding="utf-8")
    [row] = [line for line in RELEASING.splitlines() if f"`{name}`" in line]
    assert "OWNER" in row


CHANGES = "# Changelog\n\n## Unreleased\n\n## 1.2.0 (2026-12-02)\n\n### Added\n- A.\n\n## 1.1.0 (2026-11-25)\n- B.\n"


@pytest.mark.parametrize(
    ("version", "notes"),
    [("1.2.0", "### Added\n- A."), ("1.1.0", "- B."), ("1.2", ""), ("1x2.0", ""), ("9.9.9", "")],
)
def test_the_notes_of_a_release_are_its_section(version: str, notes: str) -> None:
    assert NOTES(version, CHANGES) == notes


STAYS = (
    "CHANGELOG.md",
    "docs/decisions/",
    "requirements/",
    "tests/data/",
    "labextension/package-lock.json",
)
"""Text files in which a former version may stand: history, and versions of other packages."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that a release changes, with one line under Unreleased."""
    for name in (*SETTER["FILES"], "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    log = tmp_path / "CHANGELOG.md"
    text = log.read_text(encoding="utf-8").replace(
        "## Unreleased\n", "## Unreleased\n\n### Added\n- New.\n", 1
    )
    log.write_text(text, encoding="utf-8")
    return tmp_path


def test_one_command_gives_every_file_the_version(checkout: Path) -> None:
    assert SETTER["set_version"](checkout, "9.8.7", dt.date(2027, 1, 2)) == []
    left = re.compile(rf"(?<![\d.]){re.escape(__version__)}(?![\d.]*\d)")
    made = tuple(name for names in SETTER["MADE"].values() for name in names)
    named = set()
    for name in WHEELS["source_files"](ROOT):
        path = checkout / name
        if name.startswith((*STAYS, *made)) or not (ROOT / name).is_file():
            continue
        data = (path if path.is_file() else ROOT / name).read_bytes()
        if b"\0" not in data and left.search(data.decode("utf-8", "replace")):
            named.add(name)
    assert named == set(), "add the file to FILES or MADE of tools/set_version.py"
    changes = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    assert NOTES("9.8.7", changes).startswith("### Added\n- New.")
    assert "## Unreleased\n\n## 9.8.7 (2027-01-02)\n" in changes
    lock = json.loads((checkout / "labextension" / "package-lock.json").read_text())
    assert lock["version"] == lock["packages"][""]["version"] == "9.8.7"
    both = (ROOT / "labextension" / "package-lock.json").read_text(), json.dumps(lock)
    assert both[0].count('"9.8.7"') == 0
    assert both[1].count('"9.8.7"') == 2


@pytest.mark.parametrize(
    ("version", "lost", "said"),
    [
        ("9.8", "", "9.8 is not a new version of three numbers, such as 1.2.3"),
        (__version__, "", "is not a new version"),
        ("9.8.7", "CITATION.cff", "CITATION.cff does not name"),
        ("9.8.7", "CHANGELOG.md", "CHANGELOG.md has nothing under Unreleased"),
    ],
)
def test_a_version_that_does_not_fit_changes_nothing(
    checkout: Path, version: str, lost: str, said: str
) -> None:
    if lost:
        (checkout / lost).write_text("## Unreleased\n\n## 0.1.0 (2026-01-01)\n- A.\n")
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}
    [problem] = SETTER["set_version"](checkout, version, dt.date(2027, 1, 2))
    assert said in problem
    assert {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()} == before


def test_this_version_has_its_notes() -> None:
    assert NOTES(__version__, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def test_the_lab_serves_the_licences_of_what_it_carries() -> None:
    build = runpy.run_path(str(ROOT / "tools" / "build_lab.py"))
    page = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")
    texts = {
        "pyodide": "Mozilla Public License Version 2.0",
        "duckdb": "Permission is hereby granted",
    }
    for package in build["PACKAGES"]:
        path = f"assets/lab/licenses/{package.folder}.txt"
        if package.folder in texts:
            assert texts[package.folder] in (ROOT / "docs" / path).read_text(encoding="utf-8")
            assert f"({path})" in page
        else:
            assert {"LICENSE.txt", "NOTICE.txt"} <= set(package.files)
            assert f"`assets/lab/{package.folder}/LICENSE.txt`" in page
    python = (ROOT / "docs" / "assets" / "lab" / "licenses" / "python.txt").read_text()
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in python


def test_an_index_does_not_show_that_the_package_is_on_no_index(tmp_path: Path) -> None:
    for part in WHEELS["PARTS"]:
        (tmp_path / part).mkdir(parents=True, exist_ok=True)
        for name in ("README.md", "setup.cfg"):
            shutil.copy(ROOT / part / name, tmp_path / part / name)
    (tmp_path / "gt_secure" / "base").mkdir(parents=True)
    shutil.copy(ROOT / "gt_secure" / "base" / "version.py", tmp_path / "gt_secure" / "base")
    assert WHEELS["UNPUBLISHED"] in (tmp_path / "README.md").read_text(encoding="utf-8")
    WHEELS["add_links"](tmp_path, "https://github.com/acme/gt_secure")
    texts = [
        (tmp_path / part / "README.md").read_text(encoding="utf-8") for part in WHEELS["PARTS"]
    ]
    assert [text for text in texts if re.search("index yet|not on a package", text)] == []
    assert "Run `pip install gt_secure`, or [install a wheel](https://" in texts[0]


@pytest.mark.parametrize("there", [(), ("nbclient",), ("ipykernel",)])
def test_the_demo_names_all_that_is_missing_in_one_hint(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...]
) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: object() if name in there else None
    )
    missing = [name for name in ("nbclient", "ipykernel") if name not in there]
    with pytest.raises(MissingExtra) as caught:
        demo._need("nbclient", "ipykernel")
    assert caught.value.next_step == f"Run: pip install {' '.join(missing)}"
    assert all(name in caught.value.message for name in missing)
