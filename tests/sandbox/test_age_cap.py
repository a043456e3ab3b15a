"""The age cap over HTTP: planned, enforced, explained, exported and undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.client import Config

from gt_secure.restriction.model import Restriction
from support.past import aged, in_the_past

from .conftest import ELSEWHERE, OFFICE, Box

CAPPED = {"addresses": ["203.0.113.0/24"], "bucket": "gt-images", "prefix": "scans/"}


def sigv2(box: Box) -> str:
    client = box.session_of().client("s3", endpoint_url=box.url, config=Config(signature_version="s3"))
    params = {"Bucket": "gt-images", "Key": "scans/0001.png"}
    return str(client.generate_presigned_url("get_object", Params=params, ExpiresIn=300))


def test_old_urls_and_version_2_are_refused(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gt = box.gt
    young, old = aged(box, monkeypatch, 5), aged(box, monkeypatch, 3600)
    before = gt.bucket("gt-images").policy_text
    assert [box.fetch(url).status for url in (young, old, sigv2(box))] == [200, 200, 200]
    plan = gt.plan(Restriction(**CAPPED, max_age="15m"))
    done = gt.apply(plan, journal_dir=tmp_path)
    try:
        assert [box.fetch(url).status for url in (young, old, sigv2(box))] == [200, 403, 403]
        assert box.fetch(young, ELSEWHERE).status == 403
        restriction, _ = gt.export(bucket="gt-images")
        assert restriction.max_age == "15m"
        assert gt.plan(restriction).empty
        presigned = next(row for row in gt.exposure("gt-images", "scans/") if row.request == "presigned")
        assert "with a signature not older than 15 minutes" in presigned.opened.when
        tested = in_the_past(monkeypatch, 1800, lambda: gt.test_url("gt-images", "scans/0001.png", expires_in=3600))
        explanation = gt.explain(gt.probe(tested, OFFICE), url=tested)
        assert (explanation.cause, explanation.lock) == ("url-too-old", "bucket guard")
        longer = gt.apply(gt.plan(Restriction(**CAPPED, max_age="2h")), journal_dir=tmp_path)
        assert box.fetch(old).status == 200
        gt.undo(longer, journal_dir=tmp_path)
        assert box.fetch(old).status == 403
    finally:
        gt.undo(done, journal_dir=tmp_path)
    assert gt.bucket("gt-images").policy_text == before
    assert box.fetch(old).status == 200


def test_a_proof_holds_with_the_cap(box: Box, tmp_path: Path) -> None:
    gt, restriction = box.gt, Restriction(**CAPPED, max_age="1h")
    done = gt.apply(gt.plan(restriction), journal_dir=tmp_path)
    try:
        assert gt.prove(restriction).proved
        off = gt.plan(Restriction(bucket="gt-images", guard=False))
        gt.apply(off, confirm=[each.code for each in off.blockers], journal_dir=tmp_path)
        assert gt.bucket("gt-images").policy_text is None
    finally:
        box.client("s3").delete_bucket_policy(Bucket="gt-images")
    assert done.certain
