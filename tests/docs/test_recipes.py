"""Each recipe of the page on the whole is made in a copy, passes its tests,
and gives what it promises.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.blocks import ROOT
from support.rooms import clean

PAGE = ROOT / "docs" / "how-it-fits.md"
NEEDED = ("gt_secure", "tests", "tools", "integrations", "docs", "pyproject.toml", "setup.cfg")
"""Files and folders of a copy."""
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "images", "decisions", "browser", "clients", "notebooks", "build"
)
_DIFF = re.compile(r"^```diff\n--- (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

USES = {
    "A kind of request": (
        """
from support.answers import exposed
elsewhere = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObjectTagging", "Resource": "*", "Condition": elsewhere}
exposure = exposed({"Version": "2012-10-17", "Statement": [deny]})
assert exposure.row("tags").to_dict()["opened"]["cidrs"] == ["203.0.113.0/24"]
assert exposure.row("presigned").to_dict()["opened"]["cidrs"] == ["0.0.0.0/0", "::/0"]
assert "a presigned URL for the tags" in str(exposure)
"""
    ),
    "A panel field": (
        """
from gt_secure.widgets import AllowEditor
editor = AllowEditor(bucket="gt-images", addresses=["203.0.113.0/24"])
editor.inputs["version_4_only"].value = "Yes"
assert editor.restriction().version_4_only is True
"""
    ),
    "A check": (
        """
import json, os
from gt_secure.cli.main import main
from gt_secure.sandbox import Sandbox
with Sandbox() as sandbox:
    os.environ |= sandbox.environment()
    code = main(["check", "access-is-logged", "s3://gt-images"])  # logging is on there
    assert code == 0, code
"""
    ),
    "A log column": (
        """
import contextlib, io, json
from pathlib import Path
from gt_secure.cli.main import main
from gt_secure.logs import count_hits, read_hits
from support.scene import GOOD
Path("a.log").write_text("".join(GOOD))
expected = [{"extension": "png", "hits": 2}]
table, _ = count_hits("a.log", "extension")
assert table.to_dicts() == expected
with read_hits("a.log") as hits:
    assert hits.count("extension").to_dicts() == expected
    assert hits.where("extension = 'png'").rows(columns=["extension"]).to_dicts() == [{"extension": "png"}] * 2
with contextlib.redirect_stdout(io.StringIO()) as text:
    assert main(["hits", "a.log", "--by", "extension", "--json"]) == 0
assert json.loads(text.getvalue()) == expected
"""
    ),
    "A finding": (
        """
import contextlib, io, json
from pathlib import Path
from gt_secure.cli.main import main
assert main(["findings", "--explain", "service-grant"]) == 0
service = {"Service": "textract.amazonaws.com"}
allow = {"Effect": "Allow", "Principal": service, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*"}
properties = {"Bucket": "gt-images", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow]}}
template = {"Resources": {"Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}}}
Path("template.json").write_text(json.dumps(template))
with contextlib.redirect_stdout(io.StringIO()) as text:
    main(["findings", "--cloudformation", "template.json", "--account", "111122223333", "--json"])
assert "service-grant" in {row["code"] for row in json.loads(text.getvalue())["findings"] if row["state"] == "found"}
"""
    ),
}
"""For each recipe a program that uses what was added."""


def recipes() -> dict[str, str]:
    """Return the recipes of the page by their headings."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## Recipes\n")[2].partition("\n## ")[0]
    return {part.partition("\n")[0]: part for part in text.split("\n### ")[1:]}


def edit(folder: Path, name: str, diff: str) -> None:
    """Make the change of a block: unchanged lines show the only place where each part belongs."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    for part in diff.split("@@\n"):
        lines = part.splitlines()
        old, new = (
            "".join(line[1:] + "\n" for line in lines if not line.startswith(sign)) for sign in "+-"
        )
        assert text.count(old) == 1, f"{name} has {text.count(old)} places for:\n{old}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def run(folder: Path, *words: str) -> None:
    """Run Python in the copy, which is found before the checkout."""
    paths = {"PYTHONPATH": f"{folder}:{folder / 'tests'}"}
    kept = {
        name: str(folder / "kept")
        for name in ("GT_SECURE_JOURNAL", "GT_SECURE_CACHE", "GT_SECURE_REPORTS")
    }
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=clean() | paths | kept,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"


def test_every_recipe_is_tried() -> None:
    assert set(recipes()) == set(USES)


@pytest.mark.parametrize("heading", USES)
def test_a_recipe_is_a_whole_change(heading: str, tmp_path: Path) -> None:
    recipe = recipes()[heading]
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=LEFT_OUT)
        else:
            shutil.copy2(source, tmp_path / name)
    edits = _DIFF.findall(recipe)
    assert len(edits) >= 2
    for name, diff in edits:
        edit(tmp_path, name, diff)
    here = (
        "import gt_secure; from pathlib import Path; assert Path(gt_secure.__file__).parents[1] =="
        " Path.cwd()\n"
    )
    run(tmp_path, "-c", here + USES[heading])
    for tool in re.findall(r"Then run `\.venv/bin/python (tools/\w+\.py)`", recipe):
        run(tmp_path, tool)
    [line] = re.findall(r"^Tests: (.*)$", recipe, re.MULTILINE)
    tests = re.findall(r"`(tests/[^`]+\.py)`", line.partition(". ")[0])
    run(tmp_path, "-m", "pytest", "-n", "0", "-q", "-m", "quick", "-p", "no:cacheprovider", *tests)
