"""No command asks twice: between two writes of a command no read is sent again.

Every request that leaves the process is seen below botocore, whoever sent it: each command runs as
a person runs it. A change looks at the account anew when it begins, since somebody else may have
changed it after the plan. From there on, what a change writes is read as often as finding the
writes of others needs, and nothing else twice.
"""

from __future__ import annotations

import shlex
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gt_secure.aws.client_errors import is_refusal
from gt_secure.aws.memo import Memo
from gt_secure.cli.main import main
from gt_secure.sandbox import Sandbox
from support.command_lines import LINES, filled_in
from support.requests_sent import Requests, watched
from support.rig import Rig

CHANGES = ("apply", "undo", "revoke")
TARGETS = ("?policy", "DescribeWorkteam ", "DescribeWorkforce ")
"""Texts of the requests that read what a change writes."""
WAITS = ("list-type=2", "GetCallerIdentity")
"""Sent again: a listing whose end is waited for, and the call whose answer has the time of AWS."""
QUICK = (
    "apply s3",
    "undo CHANGE",
    "report",
    "findings --team",
    "who s3://gt-images/scans/0001.png --team",
)
"""Beginnings of the lines that the quick part runs."""
MOST, MOST_OF_BUCKET = 70, 12
"""Calls of a report on six teams and the two buckets that they use, and of each further bucket."""


@pytest.fixture
def rig(sandbox: Sandbox) -> Rig:
    return Rig(sandbox)


def asked(line: str, names: dict[str, str]) -> Requests:
    with watched() as seen:
        main(shlex.split(filled_in(line, names)))
    return seen


def twice(seen: Requests, *, is_change: bool) -> Counter[str]:
    """Return the reads that were sent again, without those that have to be."""
    found: Counter[str] = Counter()
    for each, times in seen.repeated().items():
        text = str(each)
        if any(word in text for word in WAITS) or (
            is_change and any(word in f"{text} " for word in TARGETS)
        ):
            continue
        found[text] += times
    return found


@pytest.mark.parametrize(
    "line",
    [
        line if line.startswith(QUICK) else pytest.param(line, marks=pytest.mark.slow)
        for line in LINES
        if "<" not in line
    ],
)
def test_no_read_is_sent_again(line: str, names: dict[str, str]) -> None:
    is_change = line.startswith(CHANGES)
    found = twice(asked(line, names), is_change=is_change)
    assert not found or (is_change and max(found.values()) == 1), found


def test_a_reader_that_forgets_is_seen(
    names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Memo, "over", lambda _, client: client)
    assert sum(twice(asked("report", names), is_change=False).values()) > 50


def test_a_region_takes_few_calls(rig: Rig) -> None:
    """Also in Python, where a connection lives on: the second report asks as much as the first."""
    gt = rig.connect()
    sent = []
    for choice, buckets in (("used", 2), ("used", 2), ("all", 4)):
        with watched() as seen:
            made = gt.report(buckets=choice)
        assert (len(made.teams), len(made.buckets)) == (6, buckets)
        assert not twice(seen, is_change=False)
        sent.append(len(seen.sent))
    first, second, every = sent
    assert first <= MOST
    assert second >= first - 1, "GetCallerIdentity alone is of the connection"
    assert every - second <= 2 * MOST_OF_BUCKET


def test_a_refusal_is_remembered_and_no_failure(rig: Rig) -> None:
    """A denied call is not sent again; what failed for a moment is."""
    aws = rig.user_with("s3:ListBucket").aws.remembering()
    with watched() as seen:
        for _ in range(3):
            with pytest.raises(ClientError, match="AccessDenied"):
                aws.client("s3").get_bucket_policy(Bucket="gt-images")
    assert len(seen.sent) == 1
    busy: Any = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}
    assert not is_refusal(ClientError(busy, "GetBucketPolicy"))


def test_a_write_is_seen_at_once(rig: Rig) -> None:
    """Also by a question that began before it, and by whoever asks at the same time."""
    aws = rig.aws().remembering()
    s3 = aws.client("s3")

    def tags(_: object = None) -> object:
        return s3.get_bucket_tagging(Bucket="gt-images")["TagSet"]

    for value in ("1", "2"):
        s3.put_bucket_tagging(
            Bucket="gt-images", Tagging={"TagSet": [{"Key": "a", "Value": value}]}
        )
        with watched() as seen, ThreadPoolExecutor(8) as pool:
            assert [*pool.map(tags, range(16))] == [[{"Key": "a", "Value": value}]] * 16
        assert len(seen.sent) == 1
    s3.delete_bucket_tagging(Bucket="gt-images")


def test_what_an_answer_holds_is_nobody_elses(rig: Rig) -> None:
    s3 = rig.aws().remembering().client("s3")
    first = s3.list_buckets()
    first["Buckets"].clear()
    assert s3.list_buckets()["Buckets"]


def test_another_question_asks_again(rig: Rig) -> None:
    """A connection of a panel lives for days: what others write is seen by its next question."""
    gt, s3 = rig.connect(), rig.client("s3")
    for value in ("1", "2"):
        s3.put_bucket_tagging(
            Bucket="gt-images", Tagging={"TagSet": [{"Key": "a", "Value": value}]}
        )
        bucket = gt.state(bucket="gt-images").bucket
        assert bucket is not None
        assert bucket.tags.value == {"a": value}
        with watched() as seen:
            gt.findings(bucket="gt-images")
        assert "GET /gt-images?policy" in map(str, seen.sent)
    s3.delete_bucket_tagging(Bucket="gt-images")
