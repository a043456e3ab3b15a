"""The URLs of one viewer are stopped over HTTP, and nobody else's; where no policy can,
that is said with the cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.viewers import viewer_session
from gt_secure.cli.main import main
from gt_secure.logs import Viewers
from support.consents import AGREED

from .conftest import ELSEWHERE, OFFICE, ROLE, Box
from .test_revoke import next_second

OBJECT = "s3://gt-images/scans/0001.png"
KEY = b"0123456789abcdef"


@pytest.fixture
def clean(box: Box) -> Iterator[Box]:
    yield box
    box.client("s3").delete_bucket_policy(Bucket="gt-images")


@pytest.mark.parametrize("role", [ROLE, None])
@pytest.mark.parametrize("key", [None, KEY])
def test_one_viewer_is_stopped(clean: Box, role: str | None, key: bytes | None) -> None:
    gt = replace(clean.gt, viewers=Viewers(key=key))
    anna, bob = (gt.sign(OBJECT, viewer=each, role_arn=role) for each in ("anna", "bob"))
    for url in (anna, bob):
        assert gt.probe(url, OFFICE).status == 200
    next_second()
    before = gt.state(bucket="gt-images").bucket.policy.value
    plan = gt.revoke(viewer="anna", bucket="gt-images")
    [change] = plan.changes
    assert viewer_session(anna.viewer) in str(change.after)
    assert anna.viewer in change.after_text
    assert {each.code for each in plan.notices} >= {"revoke-viewer"}
    done = gt.apply(plan, confirm=AGREED)
    for source in (OFFICE, ELSEWHERE):
        assert gt.probe(anna, source).status == 403
        assert gt.probe(bob, source).status == 200
    next_second()
    assert gt.probe(gt.sign(OBJECT, viewer="anna", role_arn=role), OFFICE).status == 200
    gt.undo(done)
    assert gt.state(bucket="gt-images").bucket.policy.value == before
    assert gt.probe(anna, OFFICE).status == 200


def test_a_viewer_whom_others_sign_for_needs_their_signer(
    clean: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    gt = clean.gt
    # as an application signs it
    carl = gt.sign(OBJECT, viewer="carl", sign_with="own-keys", expires_in=3600)
    dora = gt.sign(OBJECT, viewer="dora", sign_with="own-keys", expires_in=3600)
    for url in (carl, dora):
        assert gt.probe(url, OFFICE).status == 200
    clean.flush()
    with gt.hits("gt-images") as hits:
        with pytest.raises(
            InvalidInput, match="1 URL of carl that may still work cannot be told"
        ) as caught:
            gt.revoke(viewer="carl", bucket="gt-images", logs=hits)
        step = caught.value.next_step
        assert gt.aws.caller_arn in step
        assert "fingerprint" in step
        assert "in all" in step
        plan = gt.revoke(viewer="carl", signer=gt.aws.caller_arn, bucket="gt-images", logs=hits)
    assert any("viewer" in text for text in plan.changes[0].affects)
    done = gt.apply(plan, confirm=AGREED)
    assert [gt.probe(url, OFFICE).status for url in (carl, dora)] == [403, 403]
    gt.undo(done)


def test_arguments_that_do_not_go_together(clean: Box) -> None:
    for arguments in (
        {"viewer": "anna"},
        {"viewer": "", "bucket": "gt-images"},
        {"viewer": "x" * 200, "bucket": "b"},
    ):
        with pytest.raises(InvalidInput):
            clean.gt.revoke(**arguments)


def test_the_command(
    clean: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    clean.use_environment(monkeypatch, GT_SECURE_JOURNAL=str(tmp_path))
    gt = clean.gt
    anna = gt.sign(OBJECT, viewer="anna")
    assert gt.probe(anna, OFFICE).status == 200
    next_second()
    code = main(["revoke", "s3://gt-images", "--viewer", "anna", "--yes"])
    shown = capsys.readouterr()
    assert code == 0, shown
    assert gt.probe(anna, OFFICE).status == 403
