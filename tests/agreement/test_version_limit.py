"""Signature version 2 is refused over HTTP and nothing else: tried on the log, planned, applied,
proven and undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.engine.policies.age_limit import AGE_SID, SIGV2_SID
from gt_secure.restriction.model import Restriction
from support.consents import AGREED

from .conftest import ELSEWHERE, OFFICE, Box
from .test_guard_forms import send_form

KEY = "scans/0001.png"
BUCKET = {"bucket": "gt-images"}
GUARD = {**BUCKET, "addresses": "203.0.113.0/24"}


@pytest.fixture
def clean(box: Box) -> Iterator[Box]:
    yield box
    box.client("s3").delete_bucket_policy(Bucket="gt-images")


def url(box: Box, version: str, key: str = KEY) -> str:
    config = Config(signature_version=version, s3={"addressing_style": "path"})
    client = box.session.client("s3", endpoint_url=box.url, region_name="us-east-1", config=config)
    return str(
        client.generate_presigned_url("get_object", Params={"Bucket": "gt-images", "Key": key})
    )


def statuses(box: Box) -> list[int]:
    return [
        box.fetch(url(box, version), place).status
        for version in ("s3", "s3v4")
        for place in (OFFICE, ELSEWHERE)
    ]


def policy(box: Box) -> str:
    return box.gt.state(bucket="gt-images").bucket.policy.value or ""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (BUCKET, [403, 403, 200, 200]),
        ({**BUCKET, "prefix": "scans/"}, [403, 403, 200, 200]),
        ({**BUCKET, "prefix": "pages/"}, [200, 200, 200, 200]),
        (GUARD, [403, 403, 200, 403]),
        ({**GUARD, "age_limit": "15m"}, [403, 403, 200, 403]),
        ({**GUARD, "guard": "reads"}, [403, 403, 200, 403]),
    ],
)
def test_version_2_is_refused_alone_or_with_the_guard(
    clean: Box, fields: dict[str, Any], expected: list[int]
) -> None:
    gt = clean.gt
    assert statuses(clean) == [200, 200, 200, 200]
    wanted = Restriction(**fields, version_4_only=True)
    assert Restriction.from_dict(wanted.to_dict()) == wanted
    plan = gt.plan(wanted)
    done = gt.apply(plan, confirm=AGREED)
    assert statuses(clean) == expected
    # headers are spared
    assert clean.client("s3").list_objects_v2(Bucket="gt-images", MaxKeys=1)["KeyCount"] == 1
    assert policy(clean).count(SIGV2_SID) == 1
    assert gt.plan(wanted).empty
    exported, _ = gt.export(bucket="gt-images")
    assert gt.plan(exported).empty
    assert exported.version_4_only is (None if wanted.age_limit else True)
    exposure = gt.who_can_open("gt-images", KEY)
    assert exposure.at(OFFICE, "presigned").answer == "opened"  # version 4
    assert fields.get("prefix") == "pages/" or "version 4" in str(exposure), str(exposure)
    gt.undo(done)
    assert policy(clean) == ""
    assert statuses(clean) == [200, 200, 200, 200]


def test_a_form_of_version_2_is_refused_too(clean: Box) -> None:
    config = Config(signature_version="s3", s3={"addressing_style": "path"})
    client = clean.session.client(
        "s3", endpoint_url=clean.url, region_name="us-east-1", config=config
    )
    fields = client.generate_presigned_post("gt-images", "forms/new.txt")
    before = send_form(clean, fields, OFFICE)
    clean.gt.apply(clean.gt.plan(Restriction(**BUCKET, version_4_only=True)), confirm=AGREED)
    after = send_form(clean, fields, OFFICE)
    assert getattr(after, "status", after) == 403, (before, after)


def test_the_guard_leaves_a_version_limit_alone_and_false_removes_it(clean: Box) -> None:
    gt = clean.gt
    gt.apply(gt.plan(Restriction(**BUCKET, version_4_only=True)), confirm=AGREED)
    gt.apply(gt.plan(Restriction(**GUARD)), confirm=AGREED)
    assert SIGV2_SID in policy(clean)
    assert not [each for each in gt.findings(bucket="gt-images") if each.code == "guard-drifted"]
    gt.apply(gt.plan(Restriction(**GUARD, age_limit="15m")), confirm=AGREED)
    assert AGE_SID in policy(clean)
    gt.apply(gt.plan(Restriction(**GUARD, version_4_only=False)), confirm=AGREED)
    assert SIGV2_SID not in policy(clean)
    assert AGE_SID not in policy(clean)


def test_the_dry_run_names_who_still_signs_so(clean: Box) -> None:
    gt = clean.gt
    assert clean.fetch(url(clean, "s3"), OFFICE).status == 200
    clean.flush()
    with gt.hits("gt-images") as hits:
        plan = gt.plan(Restriction(**BUCKET, version_4_only=True), logs=hits)
        assert plan.dry_run is not None
        assert plan.dry_run.version_2 == plan.dry_run.refused >= 1
        assert "with signature version 2" in plan.dry_run.sentence
        assert "age-limit-version-2" in {each.code for each in plan.blockers}
        assert any(each.signed_with_2 for each in plan.dry_run.usages)
        found = {each.code: each for each in gt.findings(bucket="gt-images", logs=hits)}
        assert "By application: " in found["version-2-urls"].detail
        gt.apply(plan, confirm=[*AGREED, "age-limit-version-2"])
        assert "version-2-urls" not in {
            each.code for each in gt.findings(bucket="gt-images", logs=hits)
        }


@pytest.mark.parametrize("fields", [{"team": "radiology-team"}, {**GUARD, "age_limit": "15m", "version_4_only": False},
                                    {**BUCKET, "version_4_only": "yes"}])  # fmt: skip
def test_fields_that_do_not_go_together(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Restriction(**({"version_4_only": True} | fields))


def test_the_command(clean: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean.use_environment(monkeypatch, GT_SECURE_JOURNAL=str(tmp_path))
    assert main(["apply", "s3://gt-images", "--version-4-only", "--yes"]) == 0
    assert statuses(clean) == [403, 403, 200, 200]
    assert main(["apply", "s3://gt-images", "--no-version-4-only", "--yes"]) == 0
    assert statuses(clean) == [200, 200, 200, 200]
