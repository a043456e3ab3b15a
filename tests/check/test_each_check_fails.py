"""Each check fails where what it watches is open: its outcome, its subject,
and its sentence in full.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from gt_secure import Restriction, check, expect
from gt_secure.check import Report
from gt_secure.check.result import label
from gt_secure.check.spec import RULES
from gt_secure.restriction.files import dump_restriction
from support.scene import BUCKET, ELSEWHERE, GOOD, TEAM, Scene, row

WISH = Restriction(
    TEAM, addresses=["203.0.113.0/24"], bucket=BUCKET, expectations=[expect.refused(ELSEWHERE)]
)
GUARD = {"bucket": BUCKET, "addresses": ["203.0.113.0/24"]}
FILE, LOGS, BOOK = {"restriction": "wish.json"}, {"logs": ["log"]}, {"path": "book.ipynb"}
MEMBERS: dict[str, dict[str, Any]] = {
    "team_is_restricted": {"team": TEAM},
    "guard_is_in_place": GUARD,
    "no_foreign_hits": FILE | LOGS,
    "no_leaked_urls": LOGS,
    "urls_are_consistent": LOGS | {"pools": ["203.0.113.0/24"]},
    "no_findings": {"bucket": BUCKET, "severity": "high"},
    "nothing_drifted": FILE,
    "expectations_hold": FILE,
    "is_proved": GUARD,
    "no_code_cell_skipped": BOOK,
    "no_secret_saved": BOOK,
}
LEAK = (
    "Signed 20 Nov 09:00 UTC for scans/0001.png, first used from 203.0.113.7, then from"
    " 198.51.100.9 (once)."
)
SENTENCES = {
    "team_is_restricted": ("open-team", "The URL lock is off."),
    "guard_is_in_place": ("gt-images", "The bucket policy has no guard of gt_secure."),
    "no_foreign_hits": (
        "gt-images",
        "1 request with a presigned URL came from outside the restriction: 198.51.100.9 (1).",
    ),
    "no_leaked_urls": ("log", LEAK),
    "urls_are_consistent": ("log", f"Several addresses opened 1 presigned URL. {LEAK}"),
    "no_findings": (
        "gt-images",
        "Found presigned-from-anywhere (high: Presigned URLs work from anywhere).",
    ),
    "nothing_drifted": (
        "open-team and gt-images",
        (
            "It has drifted: Bucket guard of gt-images (now: no guard: a presigned URL works from"
            " anywhere), URL lock of open-team (now: off: a worker's URL works from any address)."
        ),
    ),
    "expectations_hold": (
        "open-team and gt-images",
        (
            "198.51.100.9 should be refused and is opened. Full permission of the signer was"
            " assumed, because not every identity policy was read."
        ),
    ),
    "is_proved": (
        "gt-images",
        (
            "s3:GetObject of arn:aws:s3:::gt-images/z is opened from 198.51.100.9, signed by"
            " arn:aws:sts::111122223333:assumed-role/some-role/some-session, unless a policy of the"
            " signer or the organization refuses it: Full permission of the signer was assumed,"
            " because not every identity policy was read."
        ),
    ),
    "no_code_cell_skipped": (
        "book.ipynb",
        "Code cells were never run: cell 0 (the first cell is 0).",
    ),
    "no_secret_saved": (
        "book.ipynb",
        "It holds an access key id (in cell 0, source). The first cell is 0.",
    ),
}


@pytest.fixture(scope="module")
def report(empty_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Every check of an account without a restriction, of a log with a leak,
    and of a notebook with a secret.
    """
    folder = tmp_path_factory.mktemp("open")
    (folder / "log").write_text("".join((*GOOD, row(ELSEWHERE, url=1))))
    secret = "AK" + "IA" + "Q3EGRZ5NV7B2YTKD"
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "source": f"key = '{secret}'",
        "outputs": [],
        "metadata": {},
    }
    book = {"cells": [cell], "metadata": {"tags": []}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "book.ipynb").write_text(json.dumps(book))
    dump_restriction(WISH, folder / "wish.json")
    path = folder / "checks.json"
    path.write_text(
        json.dumps({"checks": [{"check": name, **members} for name, members in MEMBERS.items()]})
    )
    return check.run_file(empty_scene.gt, path)


@pytest.mark.parametrize("name", RULES)
def test_what_is_open_fails(name: str, report: Report) -> None:
    [result] = [each for each in report.results if each.name == name]
    assert (result.status, result.passed) == ("failed", False)
    assert (result.subject, result.message) == SENTENCES[name]
    assert result.next_step


def test_the_report_of_failures_fails(report: Report) -> None:
    assert (report.passed, report.exit_code, len(report.results)) == (False, 2, len(RULES))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Restriction(TEAM), "open-team"),
        (Restriction(bucket=BUCKET, addresses=["203.0.113.0/24"]), "gt-images"),
        (WISH, "open-team and gt-images"),
        ("a" * 200, "a" * 120),
    ],
)
def test_a_subject_is_named_in_a_few_words(given: object, words: str) -> None:
    assert label(given) == words
