"""The built JupyterLab extension: what it is made of, that it is that of the source,
and that JupyterLab takes it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import gt_secure
from gt_secure.check import mask_secrets
from gt_secure.secrets.recogniser import find
from support.notebooks import all_notebooks
from support.rooms import ROOT, Room, clean
from support.secret_corpus import vectors

BUILT = ROOT / "gt_secure" / "labextension"
SOURCE = ROOT / "labextension"
PLACE = "share/jupyter/labextensions/gt_secure/"
MOST = 97_000
"""Bytes. Half of them are the program; the table of kinds grows with what services give out."""


@pytest.fixture(scope="module")
def packages() -> None:
    """The packages of the lock file, beside the source."""
    if (SOURCE / "node_modules").is_dir():
        return
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    command = ["npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
    if "ENOTFOUND" in done.stderr or "EAI_AGAIN" in done.stderr:
        pytest.skip("the npm packages cannot be fetched")
    assert done.returncode == 0, done.stdout + done.stderr


def built() -> list[Path]:
    return sorted(path for path in BUILT.rglob("*") if path.is_file())


def test_it_is_small_and_complete() -> None:
    about = json.loads((BUILT / "package.json").read_text(encoding="utf-8"))
    assert (BUILT / about["jupyterlab"]["_build"]["load"]).is_file()
    assert sum(path.stat().st_size for path in built()) < MOST
    assert (
        json.loads((BUILT / "install.json").read_text(encoding="utf-8"))["packageName"]
        == "gt_secure"
    )
    schema = json.loads(
        (BUILT / "schemas" / "gt_secure" / "plugin.json").read_text(encoding="utf-8")
    )
    source = json.loads((SOURCE / "schema" / "plugin.json").read_text(encoding="utf-8"))
    assert schema == source


def test_its_version_is_that_of_the_package() -> None:
    for folder in (SOURCE, BUILT):
        assert (
            json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
            == gt_secure.__version__
        )


def test_every_setting_has_a_default_in_schema_and_code() -> None:
    properties = json.loads((SOURCE / "schema" / "plugin.json").read_text(encoding="utf-8"))[
        "properties"
    ]
    code = (SOURCE / "src" / "settings.ts").read_text(encoding="utf-8")
    body = code.partition("DEFAULTS: IChoices = {")[2].partition("};")[0]
    defaults = {
        name: json.loads(value.replace("'", '"'))
        for name, value in re.findall(r"(\w+): ([^,\n]+)", body)
    }
    assert defaults == {name: each["default"] for name, each in properties.items()}


def test_nothing_in_it_names_a_host_that_it_could_call() -> None:
    for path in (path for path in built() if "license" not in path.name.lower()):
        hosts = set(re.findall(r"https?://([\w.-]+)", path.read_text(encoding="utf-8"))) - {
            "www.w3.org",
            "github.com",
        }
        assert not hosts, f"{path.name}: {hosts}"
    assert '"resolved"' not in (SOURCE / "package-lock.json").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("packages")
def test_the_committed_files_are_those_of_the_source() -> None:
    done = subprocess.run(
        [sys.executable, "tools/build_labextension.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("packages")
def test_its_own_tests_and_lint_pass() -> None:
    for script in ("lint", "test"):
        done = subprocess.run(
            ["npm", "run", "--silent", script], cwd=SOURCE, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_wheel_brings_it_and_jupyterlab_says_ok(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition(".data/data/")[2] for name in archive.namelist()}
    for path in built():
        assert PLACE + path.relative_to(BUILT).as_posix() in names
    assert wheel.name.endswith("-none-any.whl")
    room = Room(tmp_path / "room", sys.executable)
    room.install("jupyterlab", "ipywidgets")
    room.install("--no-deps", str(wheel))
    # Not "jupyter labextension": that is the first one of the PATH, with the extensions that are
    # there.
    command = [room.python, "-m", "jupyterlab.labextensions", "list"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=clean())
    listed = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    assert str(room.path) in listed
    [line] = [line for line in listed.splitlines() if "gt_secure" in line]
    assert re.search(rf"gt_secure v{re.escape(gt_secure.__version__)} enabled OK", line), listed


@pytest.mark.slow
@pytest.mark.usefixtures("packages")
def test_the_secret_check_finds_and_masks_what_the_check_does(tmp_path: Path) -> None:
    books, texts = all_notebooks(), vectors()
    corpus = tmp_path / "corpus.json"
    corpus.write_text(json.dumps({"texts": texts, "books": books}), encoding="utf-8")
    done = subprocess.run(
        ["npm", "run", "--silent", "test"],
        cwd=SOURCE,
        env={**os.environ, "GT_SECURE_CORPUS": str(corpus)},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    theirs = json.loads(corpus.with_name("corpus.json.found").read_text(encoding="utf-8"))
    for text, found in zip(texts, theirs["texts"], strict=True):
        assert [list(span) for span in find(text)] == found, text
    assert len(theirs["books"]) == len(books)
    for book, their in zip(books, theirs["books"], strict=True):
        assert sorted_places(mask_secrets(book)) == sorted_places(their["places"]), book
        assert book == their["book"]
    assert sum(bool(their["places"]) for their in theirs["books"]) > 300


def sorted_places(found: list[Any]) -> list[tuple[str, str, str]]:
    each = [e if isinstance(e, dict) else e.to_dict() for e in found]
    return sorted((e["place"], e["what"], e["id"]) for e in each)
