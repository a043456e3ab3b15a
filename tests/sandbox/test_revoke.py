"""A leaked URL is stopped over HTTP, and nothing else: planned, journalled, undone, and removed once it has ended."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gt_secure.changes import revoke as module
from gt_secure.errors import InvalidInput
from gt_secure.logs.leaks import url_uses
from gt_secure.restriction.model import Restriction

from .conftest import ELSEWHERE, OFFICE, Box
from .test_guard_forms import form, send_form

KEY, OTHER = "scans/0001.png", "scans/0002.png"


@pytest.fixture
def clean(box: Box) -> Iterator[Box]:
    yield box
    box.client("s3").delete_bucket_policy(Bucket="gt-images")


def next_second() -> dt.datetime:
    """Wait for the next second: times of issue are whole seconds."""
    start = int(time.time())
    while int(time.time()) == start:
        time.sleep(0.02)
    return dt.datetime.now(dt.UTC)


def test_a_leak_is_stopped_and_fresh_urls_work(clean: Box, tmp_path: Path) -> None:
    gt = clean.gt
    leaked, same_session = clean.presign(life_s=600), clean.presign(key=OTHER, life_s=600)
    plain = clean.presign_plain(KEY)
    assert clean.fetch(leaked, OFFICE).status == 200
    assert clean.fetch(leaked, ELSEWHERE).status == 200
    next_second()
    next_second()
    clean.flush()
    with gt.hits("gt-images", cache=False, filters={"key": KEY}) as hits:
        # Other tests of this sandbox may have leaked a URL of this object earlier.
        leaks = [leak for leak in hits.leaks() if leak.key == KEY and leak.minted]
        found = sorted(leaks, key=lambda leak: leak.minted, reverse=True)
        plan = gt.revoke(found[0], hits=hits)
        assert url_uses(hits, found[0].fingerprint) == found[0]
    before = gt.bucket("gt-images").policy_text
    [change] = plan.changes
    assert "role" in change.after_text
    assert any("URL" in text for text in change.affects)
    assert not plan.blockers
    done = gt.apply(plan, journal_dir=tmp_path)
    assert clean.fetch(leaked, OFFICE).status == 403
    assert clean.fetch(leaked, ELSEWHERE).status == 403
    assert clean.fetch(clean.presign(life_s=600), OFFICE).status == 200
    assert clean.fetch(same_session, OFFICE).status == 200
    assert clean.fetch(plain, OFFICE).status == 200
    assert gt.revoke(found[0]).empty
    gt.undo(done, journal_dir=tmp_path)
    assert gt.bucket("gt-images").policy_text == before
    assert clean.fetch(leaked, ELSEWHERE).status == 200


def test_a_leaked_url_of_long_term_keys_is_stopped_by_its_user(clean: Box, tmp_path: Path) -> None:
    gt = clean.gt
    leaked, other = clean.presign_plain(KEY), clean.presign(key=KEY, life_s=600)
    for source in (OFFICE, ELSEWHERE):
        assert clean.fetch(leaked, source).status == 200
        next_second()
    clean.flush()
    user = gt.aws.caller_arn
    with gt.hits("gt-images", cache=False, filters={"key": KEY, "requester": user}) as hits:
        leak = next(leak for leak in hits.leaks() if leak.signer == user)
        plan = gt.revoke(leak, hits=hits)
    assert "aws:PrincipalArn" in str(plan.changes[0].after)
    done = gt.apply(plan, journal_dir=tmp_path)
    assert clean.fetch(leaked, ELSEWHERE).status == 403
    assert clean.fetch(other, OFFICE).status == 200, "another signer's URL works"
    gt.undo(done, journal_dir=tmp_path)
    assert clean.fetch(leaked, ELSEWHERE).status == 200


def test_forms_and_urls_of_older_sessions_are_refused(clean: Box, tmp_path: Path) -> None:
    gt = clean.gt
    old, post = clean.presign(), form(clean)
    cut = next_second()
    gt.apply(gt.revoke(before=cut, bucket="gt-images"), journal_dir=tmp_path)
    assert clean.fetch(old).status == 403
    assert clean.fetch(clean.presign()).status == 200
    # The administrator has long-term keys, which have no time of issue.
    assert send_form(clean, post, OFFICE).status in (200, 204)
    user = gt.aws.caller_arn
    gt.apply(gt.revoke(before=cut, bucket="gt-images", signer=user), journal_dir=tmp_path)
    if ":user/" in user:
        assert send_form(clean, form(clean), OFFICE).status == 403
        assert clean.fetch(clean.presign_plain()).status == 403
    assert gt.aws.client("s3").get_object(Bucket="gt-images", Key=KEY)["ContentLength"] > 0


def test_a_later_plan_removes_what_has_ended(clean: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gt = clean.gt
    restriction = Restriction(addresses=["203.0.113.0/24"], bucket="gt-images")
    gt.apply(gt.plan(restriction), journal_dir=tmp_path)
    guarded = gt.bucket("gt-images").policy_text
    with monkeypatch.context() as patch:
        patch.setattr(module, "LONGEST", dt.timedelta(seconds=3))
        cut = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        gt.apply(gt.revoke(before=cut, bucket="gt-images"), journal_dir=tmp_path)
    assert gt.plan(restriction).empty or "ended" in gt.plan(restriction).to_text()
    clean.until(lambda: not gt.plan(restriction).empty)
    plan = gt.plan(restriction)
    assert "1 ended revocation is removed" in plan.to_text()
    gt.apply(plan, journal_dir=tmp_path)
    assert gt.bucket("gt-images").policy_text == guarded
    assert gt.plan(restriction).empty


def test_what_cannot_be_revoked_is_an_error(clean: Box) -> None:
    gt = clean.gt
    future = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    for arguments in ({}, {"before": "1h"}, {"before": future, "bucket": "gt-images"}, {"before": "x", "bucket": "b-1"},
                      {"before": "30d", "bucket": "gt-images"}):  # fmt: skip
        with pytest.raises(InvalidInput):
            gt.revoke(**arguments)
