"""Every notice, finding and cause is met by a test,
and the page of all their texts has no other.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gt_secure.base.situations import situations
from gt_secure.explain.causes import causes
from gt_secure.restriction.messages import notice
from support import texts

NOTICES = ("gt_secure.restriction", "notices.json")
FINDINGS = ("gt_secure.findings", "findings.json")


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*?".join(map(re.escape, re.split(r"\{\w+\}", " ".join(text.split())))))


def test_every_row_of_the_catalogues_is_on_the_page() -> None:
    page: dict[tuple[str, str], list[str]] = {}
    for kind, code, text in texts.known():
        # that of a team has its name
        page.setdefault((kind, code.partition(":")[0]), []).append(text)
    rows = [
        (kind, key.partition("/")[0], row.get("text", ""))
        for kind, file in (("notice", NOTICES), ("finding", FINDINGS))
        for key, row in situations(*file).items()
    ]
    rows += [
        ("cause", key.partition("/")[0], f"{row['text']} | {row['why']}")
        for key, row in causes().items()
    ]
    assert [
        f"{kind} {code}: {text}"
        for kind, code, text in rows
        if not any(map(_pattern(text).search, page.get((kind, code), ())))
    ] == []


@pytest.mark.slow
def test_the_page_has_what_the_tests_meet_and_nothing_else(tmp_path: Path) -> None:
    """Run all files in one new process: what a part of them meets is checked where they run."""
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "0",
            "-m",
            "quick or check",
            *map(str, texts.files()),
        ],
        env={**os.environ, texts.WRITE_TO: str(tmp_path)},
        cwd=texts.TESTS.parent,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-2_000:]
    page = texts.page_of(texts.written(tmp_path))
    if os.environ.get("GT_SECURE_UPDATE"):
        texts.PAGE.write_text(page, encoding="utf-8")
    assert page == texts.PAGE.read_text(encoding="utf-8"), (
        "texts that no test meets any more: GT_SECURE_UPDATE=1"
    )


def test_a_text_that_is_not_on_the_page_is_seen() -> None:
    with pytest.MonkeyPatch.context() as patch:
        _, check = texts.watched(patch)
        notice("guard-drops", sources="a source that no test drops", users="")
        with pytest.raises(AssertionError, match="a source that no test drops"):
            check()
