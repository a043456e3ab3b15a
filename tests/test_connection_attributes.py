"""Journal, cache, networks, facts and accepted findings belong to the connection,
and a sandbox brings its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

import gt_secure
from gt_secure import Connection, Restriction
from gt_secure.base.errors import GtSecureError, Unreachable
from gt_secure.sandbox import Sandbox
from support.consents import AGREED

ROOT = Path(__file__).parents[1]
WISH = Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images")


@pytest.fixture(scope="module")
def gt(sandbox: Sandbox) -> Connection:
    return gt_secure.connect(sandbox=sandbox)


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def own_environment(home: Path, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "GT_SECURE_", "XDG_"))
    }
    return {**kept, "HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": str(ROOT), **more}


def python(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_block_of_the_readme_writes_nothing_into_the_home(tmp_path: Path) -> None:
    [block] = re.findall(
        r"```python\n(import gt_secure\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    home = tmp_path / "home"
    home.mkdir()
    watched = "hits = gt.hits('gt-images')\nprint(gt.journal.path, len(hits))\nsandbox.stop()"
    assert "200 403" in python(block.replace("sandbox.stop()", watched), own_environment(home))
    assert files_under(home) == []


def test_a_second_shell_with_the_variables_of_the_sandbox_undoes(
    sandbox: Sandbox, gt: Connection
) -> None:
    done = gt.apply(gt.plan(WISH), confirm=AGREED)
    assert [record.id for record in gt.journal] == [done.id]
    command = [sys.executable, "-m", "gt_secure", "undo", done.id, "--yes", "--json"]
    environment = {**own_environment(Path.home()), **sandbox.environment()}
    undone = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(undone.stdout)["of"] == done.id
    assert [record.status for record in gt.journal] == ["undone", "applied"]


def test_true_starts_a_sandbox_that_ends_with_the_process(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import gt_secure\ngt = gt_secure.connect(sandbox=True)\nagain ="
        " gt_secure.connect(sandbox=True)\nprint(len(gt.workteams()) > 0, gt.aws.endpoint_url =="
        " again.aws.endpoint_url, gt.aws.endpoint_url)"
    )
    started, result = python(code, own_environment(home)).strip().splitlines()
    assert "sandbox" in started
    assert result.startswith("True True http://127.0.0.1:")
    assert files_under(home) == []
    with pytest.raises(GtSecureError):
        gt_secure.sandbox.check_answers(result.split()[-1])


def test_a_named_sandbox_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ENDPOINT_URL": "http://127.0.0.1:9",
        "ACCESS_KEY_ID": "a",
        "SECRET_ACCESS_KEY": "b",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(Unreachable) as caught:
        gt_secure.connect(sandbox=True)
    assert "127.0.0.1:9" in caught.value.message


def test_a_variant_keeps_the_rest(gt: Connection, tmp_path: Path) -> None:
    known = {"aws:PrincipalOrgID": "o-abc123"}
    variant = replace(gt, context=known, journal=tmp_path / "journal")
    assert (variant.context, variant.aws, variant.cache) == (known, gt.aws, gt.cache)
    assert variant.journal.path == tmp_path / "journal"
    assert gt.context == {}
    with pytest.raises(FrozenInstanceError):
        gt.context = known  # type: ignore[misc]


def test_a_bad_value_is_an_error_of_connect(sandbox: Sandbox, tmp_path: Path) -> None:
    wrong: dict[str, object]
    for wrong in (
        {"accepted": str(tmp_path / "none.json")},
        {"networks": str(tmp_path / "none.json")},
        {"context": {"aws:PrincipalOrgID": 7}},
        {"journal": "https://gt-images.s3.amazonaws.com/a?X-Amz-Signature=1"},
    ):
        with pytest.raises(GtSecureError):
            gt_secure.connect(sandbox=sandbox, **wrong)  # type: ignore[arg-type]


def test_the_journal_shows_its_table(gt: Connection) -> None:
    done = gt.apply(gt.plan(WISH), confirm=AGREED)
    gt.undo(done)
    assert str(gt.journal).splitlines()[0].split() == [
        "CHANGE",
        "STATUS",
        "KIND",
        "TARGETS",
        "CALLER",
        "REASON",
    ]
    assert done.id in str(gt.journal)
    assert "<table" in gt.journal._repr_html_()
    assert gt.journal.find(done.id).status == "undone"


def test_logs_are_hits_or_a_place(gt: Connection, tmp_path: Path) -> None:
    row = (
        "79a59df900b949e55d96a1e698fb gt-images [20/Nov/2026:09:10:00 +0000] 198.51.100.77 -"
        ' 3E57427F3EXAMPLE REST.GET.OBJECT scans/0001.png "GET'
        " /gt-images/scans/0001.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE%2F20261120%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261120T090900Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=XXXX"
        ' HTTP/1.1" 200 - 113 113 7 6 "-" "Mozilla/5.0" - host= SigV4 TLS_AES_128_GCM_SHA256'
        " QueryString gt-images.s3.amazonaws.com TLSv1.3 - -\n"
    )
    (tmp_path / "log").write_text(row)
    with gt_secure.read_hits(tmp_path / "log") as hits:
        by_hits = gt.plan(WISH, logs=hits)
        found = gt.findings(bucket="gt-images", logs=hits)
    by_place = gt.plan(WISH, logs=tmp_path / "log")
    assert gt.findings(bucket="gt-images", logs=tmp_path / "log") == found
    codes = [[notice.code for notice in plan.blockers] for plan in (by_hits, by_place)]
    assert codes[0] == codes[1] == ["refuses-labeler"]
