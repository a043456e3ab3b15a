"""The wheel of the part that recognises secrets: small, without dependencies,
under a name of its own.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.blocks import ROOT

PART = ROOT / "integrations" / "redact"
GENERATE = runpy.run_path(str(PART / "generate.py"))
SIGNATURE = "0123456789abcdef" * 4
URL = f"https://gt-images.s3.amazonaws.com/a.png?X-Amz-Expires=600&X-Amz-Signature={SIGNATURE}"
KEY = "AKIA" + "QYLPMN5HFIQR7XYA"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the package alone."""
    made: Path = tmp_path_factory.mktemp("packages")
    GENERATE["write"](made)
    return made


ALONE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import gt_secure_redact as part
from gt_secure_redact import hook, SaveCheck
book = json.loads(sys.argv[2])
masked = SaveCheck().check(book, "a.ipynb")
refused = ""
book["cells"][0]["source"] = f"url = '{sys.argv[3]}'"
try:
    SaveCheck().check(book, "a.ipynb")
except part.SecretInNotebook as error:
    refused = str(error)
others = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"__main__"}
print(json.dumps([part.redact(sys.argv[3]), len(masked), refused, sorted(others)]))
"""


def test_it_masks_and_guards_with_the_standard_library_alone(folder: Path) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": URL}
    cell = {
        "cell_type": "code",
        "source": "1",
        "metadata": {},
        "execution_count": 1,
        "outputs": [output],
    }
    book = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(folder), book, URL]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    masked, number, refused, modules = json.loads(done.stdout)
    assert masked == URL.replace(SIGNATURE, "***")
    assert number == 1
    assert refused.startswith(
        "a.ipynb is not saved: it holds the signature of a presigned URL (in cell 0, source)."
    )
    assert modules == ["gt_secure_redact"]


def test_it_needs_nothing_and_imports_nothing_of_the_product(folder: Path) -> None:
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in (folder / "gt_secure_redact").glob("*.py")
    }
    assert set(texts) == {name for name in GENERATE["files"]() if name.endswith(".py")}
    assert [
        name for name, text in texts.items() if "from .." in text or "import gt_secure\n" in text
    ] == []
    assert (
        "install_requires"
        not in (PART / "setup.cfg").read_text(encoding="utf-8").partition("[metadata]")[2]
    )


def test_the_hook_of_the_repository_needs_only_python(tmp_path: Path) -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["language"] == "script"
    assert os.access(ROOT / hook["entry"], os.X_OK)
    good, bad = ROOT / "notebooks" / "01_quickstart.ipynb", tmp_path / "bad.ipynb"
    bad.write_text(good.read_text(encoding="utf-8").replace("# ", f"# {KEY} ", 1), encoding="utf-8")
    command = [sys.executable, "-I", "-S", str(ROOT / hook["entry"])]
    assert subprocess.run([*command, str(good)], capture_output=True).returncode == 0
    done = subprocess.run([*command, str(good), str(bad)], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    [line] = done.stdout.splitlines()
    assert line.startswith(f"{bad}: an access key id (in cell 0, source), id ")
    assert KEY not in done.stdout
    accepted = [*command, str(bad), "--accept", line.rpartition(" ")[2]]
    assert subprocess.run(accepted, capture_output=True).returncode == 0


FAILING = f"""
import logging, warnings
def test_it():
    url = {URL!r}
    logging.warning(url)
    warnings.warn(url)
    print(url)
    assert not url, url
"""


def test_pytest_shows_no_secret(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FAILING, encoding="utf-8")
    plain = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(folder)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--showlocals",
        "-o",
        "log_cli=true",
        "--junitxml=x.xml",
        "-p",
    ]
    for plugin, is_shown in (("no:cacheprovider", True), ("gt_secure_redact.pytest_plugin", False)):
        done = subprocess.run(
            [*command, plugin], cwd=tmp_path, env=plain, capture_output=True, text=True
        )
        assert done.returncode == 1, done.stderr
        report = done.stdout + (tmp_path / "x.xml").read_text(encoding="utf-8")
        assert (SIGNATURE in report.replace("url = " + repr(URL), "")) is is_shown
    assert "Signature=***" in done.stdout
