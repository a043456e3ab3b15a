"""A release is what its page says: one version everywhere, notes from the changelog, and the steps
of the owner by name.
"""

from __future__ import annotations

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
