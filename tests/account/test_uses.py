"""What another team uses of a bucket, in words and as a prefix, and who else wrote its policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gt_secure.account.event_history import OtherWrite, _is_write, _write
from gt_secure.account.state import OtherTeam, Sign
from gt_secure.engine.access.part import Part
from gt_secure.restriction.model import Restriction
from support.states import JOB, OTHER, unread

NO_JOBS: Part[Any] = Part.of(())
WISH = Restriction(bucket="gt-images", prefix="open/", addresses="203.0.113.0/24")
TAG = Sign("the tag team=open-team of the bucket")
FOLDER = Sign("the folder open-team/ of the bucket", "open-team/")
NEXT = replace(
    JOB,
    name="next-scans",
    input_uri="s3://gt-images/next/manifest.json",
    output_uri="s3://gt-images/out/",
)


@pytest.mark.parametrize(
    ("values", "prefix", "uses"),
    [
        ({}, "", ["workteam open-team with its restriction"]),
        ({"wish": WISH}, "open/", ["workteam open-team with its restriction"]),
        ({"signs": (TAG,)}, "", [f"workteam open-team that {TAG.words} names"]),
        ({"signs": (FOLDER,)}, "open-team/", [f"workteam open-team that {FOLDER.words} names"]),
        (
            {"signs": (TAG, FOLDER)},
            "",
            [f"workteam open-team that {TAG.words} and {FOLDER.words} names"],
        ),
        ({"signs": (FOLDER,), "wish": WISH}, "open/", ["workteam open-team with its restriction"]),
        (
            {
                "jobs": Part.of((replace(JOB, output_uri="s3://gt-images/scans/out/"),)),
                "wish": WISH,
            },
            "",
            ["labeling job chest-scans of open-team, with manifests and labels under scans/"],
        ),
        (
            {"jobs": Part.of((JOB, NEXT))},
            "",
            ["labeling job chest-scans of open-team", "labeling job next-scans of open-team"],
        ),
        (
            {
                "jobs": Part.of((replace(JOB, input_uri="s3://b/m", output_uri="s3://b/o"),)),
                "wish": WISH,
            },
            "open/",
            None,
        ),
        (
            {"jobs": unread("sagemaker:ListLabelingJobs", "the jobs"), "signs": (FOLDER,)},
            "open-team/",
            None,
        ),
    ],
)
def test_a_team_is_named_with_what_it_uses(
    values: dict[str, Any], prefix: str, uses: list[str] | None
) -> None:
    team = OtherTeam(OTHER, **{"jobs": NO_JOBS, **values})
    assert team.prefix_on("gt-images") == prefix
    assert uses is None or team.uses_of("gt-images") == uses
    assert team.uses("gt-images") == bool(values)


EVENT: dict[str, Any] = {
    "eventTime": "2026-11-20T09:30:00Z", "eventName": "PutBucketPolicy", "eventID": "e1", "requestID": "r1",
    "userIdentity": {"arn": "arn:aws:iam::111122223333:user/anna"},
    "requestParameters": {"bucketName": "gt-images", "bucketPolicy": {"Version": "2012-10-17"}},
}  # fmt: skip
WRITE = OtherWrite(
    "2026-11-20T09:30:00Z", "arn:aws:iam::111122223333:user/anna", "PutBucketPolicy", "e1",
    '{"Version": "2012-10-17"}', "r1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("missing", "values"),
    [
        ("", {}),
        ("userIdentity", {"writer": "unknown"}),
        ("requestParameters", {"policy_text": None}),
        ("eventTime", {"at": ""}),
        ("eventID", {"event_id": ""}),
        ("requestID", {"request": ""}),
    ],
)
def test_an_event_of_cloudtrail_becomes_a_write(missing: str, values: dict[str, Any]) -> None:
    assert _write({**EVENT, missing: None}) == replace(WRITE, **values)


@pytest.mark.parametrize(
    ("values", "is_write"),
    [
        ({}, True),
        ({"eventName": "DeleteBucketPolicy"}, True),
        ({"eventName": "PutBucketAcl"}, False),
        ({"errorCode": "AccessDenied"}, False),
        ({"requestParameters": {"bucketName": "other"}}, False),
        ({"requestParameters": None}, False),
    ],
)
def test_what_changed_the_policy_of_the_bucket_is_a_write(
    values: dict[str, Any], is_write: bool
) -> None:
    assert _is_write({**EVENT, **values}, "gt-images") == is_write
