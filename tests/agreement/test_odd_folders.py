"""Folders whose names have characters of policies: the guard is of these keys and no others."""

from __future__ import annotations

import pytest

from gt_secure import Restriction
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from support.rig import Rig

OFFICE, OUTSIDE = "203.0.113.7", "198.51.100.9"
FOLDERS = {"a*b/": "axb/", "what?/": "whatx/", "${x}/": "x/", "100$/${*}é/": "100$/*é/"}
"""Each with one that a pattern of its name would match."""


def statuses(rig: Rig, folder: str) -> list[int]:
    key = f"{folder}1.png"
    rig.client("s3").put_object(Bucket="gt-images", Key=key, Body=b"x")
    return [rig.fetch(rig.presign_plain(key), each).status for each in (OFFICE, OUTSIDE)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_guard_of_a_folder_is_of_its_keys_alone(box: Rig, folder: str) -> None:
    rig, gt = box, box.gt
    assert statuses(rig, folder) == [200, 200]
    wanted = Restriction(bucket="gt-images", prefix=folder, addresses=["203.0.113.0/24"])
    plan = gt.plan(wanted)
    done = gt.apply(plan, confirm=[each.code for each in plan.asks])
    [guard] = BucketPolicy.of(policy(rig)).guards
    assert (guard.prefix, guard.drifted) == (folder, False)
    assert statuses(rig, folder) == [200, 403]
    assert statuses(rig, FOLDERS[folder]) == [200, 200]
    assert gt.plan(wanted).empty
    exported, _ = gt.export(bucket=f"s3://gt-images/{folder}")
    assert gt.plan(exported).empty
    where = gt.who_can_open("gt-images", folder)
    assert where.at(OUTSIDE, "presigned").answer == "refused"
    gt.undo(done)
    assert policy(rig) == ""
    assert statuses(rig, folder) == [200, 200]


def policy(rig: Rig) -> str:
    client = rig.client("s3")
    try:
        text: str = client.get_bucket_policy(Bucket="gt-images")["Policy"]
    except client.exceptions.ClientError:
        return ""
    return text
