"""The age limit over HTTP: planned, enforced, explained, exported and undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.client import Config

from gt_secure.explain.dry_run import dry_run
from gt_secure.restriction.model import Restriction
from support.consents import AGREED
from support.past import aged, in_the_past

from .conftest import ELSEWHERE, OFFICE, Box
from .test_guard_forms import send_form

LIMITED = {"addresses": ["203.0.113.0/24"], "bucket": "gt-images", "prefix": "scans/"}


def sigv2(box: Box) -> str:
    client = box.session_of().client(
        "s3", endpoint_url=box.url, config=Config(signature_version="s3")
    )
    params = {"Bucket": "gt-images", "Key": "scans/0001.png"}
    return str(client.generate_presigned_url("get_object", Params=params, ExpiresIn=300))


def test_old_urls_and_version_2_are_refused(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gt = box.gt
    young, old = aged(box, monkeypatch, 5), aged(box, monkeypatch, 3600)
    before = gt.state(bucket="gt-images").bucket.policy.value
    assert [box.fetch(url).status for url in (young, old, sigv2(box))] == [200, 200, 200]
    plan = gt.plan(Restriction(**LIMITED, age_limit="15m"))
    [said] = [each for each in plan.notices if each.code == "age-limit-version-2"]
    assert (said.severity, "signature_version='s3v4'" in said.fix) == ("info", True)
    done = gt.apply(plan, confirm=AGREED)
    try:
        assert [box.fetch(url).status for url in (young, old, sigv2(box))] == [200, 403, 403]
        assert box.fetch(young, ELSEWHERE).status == 403
        restriction, _ = gt.export(bucket="gt-images")
        assert restriction.age_limit == "15m"
        assert gt.plan(restriction).empty
        presigned = next(
            row for row in gt.who_can_open("gt-images", "scans/") if row.request == "presigned"
        )
        assert presigned.opened.when[-2:] == (
            "with a signature not older than 15 minutes",
            "with signature version 4 only: version 2 is refused",
        )
        pasted = {url: gt.explain(gt.probe(url, OFFICE), url=url) for url in (old, sigv2(box))}
        assert [each.cause for each in pasted.values()] == ["url-too-old", "signature-version-2"]
        assert {each.lock for each in pasted.values()} == {"bucket guard"}
        assert "GtSecurePresignAge" in pasted[old].why
        tested = in_the_past(
            monkeypatch, 1800, lambda: gt.sign("gt-images", "scans/0001.png", expires_in=3600)
        )
        explanation = gt.explain(gt.probe(tested, OFFICE), url=tested)
        assert (explanation.cause, explanation.lock) == ("url-too-old", "bucket guard")
        longer = gt.apply(gt.plan(Restriction(**LIMITED, age_limit="2h")), confirm=AGREED)
        assert box.fetch(old).status == 200
        gt.undo(longer)
        assert box.fetch(old).status == 403
    finally:
        gt.undo(done)
    assert gt.state(bucket="gt-images").bucket.policy.value == before
    assert box.fetch(old).status == 200


def test_a_proof_holds_with_the_cap(box: Box, tmp_path: Path) -> None:
    gt, restriction = box.gt, Restriction(**LIMITED, age_limit="1h")
    done = gt.apply(gt.plan(restriction), confirm=AGREED)
    try:
        assert gt.prove(restriction).proved
        off = gt.plan(Restriction(bucket="gt-images", guard=False))
        gt.apply(off, confirm=[each.code for each in off.asks])
        assert gt.state(bucket="gt-images").bucket.policy.value is None
    finally:
        box.client("s3").delete_bucket_policy(Bucket="gt-images")
    assert done.certain


def test_old_forms_are_refused(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def form(age_s: int) -> dict[str, Any]:
        post = box.client("s3").generate_presigned_post
        made: dict[str, Any] = in_the_past(
            monkeypatch, age_s, lambda: post("gt-images", "scans/form.png", ExpiresIn=600)
        )
        return made

    young, old = form(5), form(3600)
    assert [send_form(box, each, OFFICE).status for each in (young, old)] == [204, 204]
    done = box.gt.apply(box.gt.plan(Restriction(**LIMITED, age_limit="15m")), confirm=AGREED)
    try:
        assert [send_form(box, each, OFFICE).status for each in (young, old)] == [204, 403]
    finally:
        box.gt.undo(done)


def test_ages_of_the_log_and_of_the_cap_differ_by_less_than_a_second(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gt, limit, key = box.gt, 2, "scans/age-in-milliseconds.png"
    box.client("s3").put_object(Bucket="gt-images", Key=key, Body=b"x")
    done = gt.apply(gt.plan(Restriction(**LIMITED, age_limit=f"{limit}s")), confirm=AGREED)
    try:
        for age_s in (0, 1, 2, 3) * 4:
            box.fetch(aged(box, monkeypatch, age_s, key))
        # It expired within the second that the log gives as its age.
        short = in_the_past(monkeypatch, 2, lambda: box.presign_plain(key, life_s=2))
        assert "expired" in box.fetch(short).text
        box.flush()
        with gt.hits(
            "gt-images", since="1h", predict=True, filters={"key": key, "presigned": True}
        ) as hits:
            rows = hits.query(
                "SELECT age_s, refused, expires_s, refused_by FROM {hits} ORDER BY time"
            )
            opened = hits.filter(refused=False)
            [(highest,)] = opened.query("SELECT max(age_s) FROM {hits}")
            assert highest <= limit
            tried = dry_run(Restriction(**LIMITED, age_limit=f"{highest + 1}s"), opened)
            assert tried is not None
            assert (tried.refused, tried.unknown) == (0, 0)
    finally:
        gt.undo(done)
    long_lived = [row for row in rows if row[2] > 2]
    assert {refused for age, refused, *_ in long_lived if age < limit} <= {False}
    assert {refused for age, refused, *_ in long_lived if age > limit} == {True}
    assert [lock for *_, expires_s, lock in rows if expires_s == 2] == ["expired URL (predicted)"]
    assert "URL lock or IAM (predicted)" not in {lock for *_, lock in rows}
