"""Workers label through the portal, before and after a restriction,
and the job of the sandbox counts their labels.
"""

from __future__ import annotations

import pytest

from gt_secure import Restriction
from gt_secure.base.errors import AccessDenied, InvalidInput
from gt_secure.sandbox import open_task, submit_task
from support.box import job_request
from support.consents import AGREED

from .conftest import ELSEWHERE, OFFICE


def test_workers_finish_a_job_across_a_restriction(box, tmp_path):
    """The whole job: labels before and after the restriction count alike,
    and the last one completes it.
    """
    sm, keys = box.client("sagemaker"), [f"scans/{number:04d}.png" for number in (1, 2, 3)]
    source = box.put_manifest("across.manifest", *keys)
    sm.create_labeling_job(**job_request("across") | {"InputConfig": source})
    before = sm.describe_labeling_job(LabelingJobName="across")
    assert (before["LabelCounters"]["Unlabeled"], before["LabelCounters"]["HumanLabeled"]) == (3, 0)
    assert box.gt.probe(open_task(box.gt.aws, "open-team", keys[0], OFFICE), ELSEWHERE).opened
    assert submit_task(box.gt.aws, "open-team", keys[0], OFFICE)["counters"]["HumanLabeled"] == 1

    wish = Restriction("open-team", addresses="203.0.113.0/24", bucket="gt-images", prefix="scans/")
    plan = box.gt.plan(wish)
    assert "across" in plan.to_text(full=True)
    change = box.gt.apply(plan, confirm=AGREED)
    try:
        url = open_task(box.gt.aws, "open-team", keys[1], OFFICE)
        assert box.gt.probe(url, OFFICE).opened
        assert not box.gt.probe(url, ELSEWHERE).opened
        during = sm.describe_labeling_job(LabelingJobName="across")
        for member in (
            "HumanTaskConfig",
            "InputConfig",
            "OutputConfig",
            "RoleArn",
            "LabelingJobStatus",
        ):
            assert during[member] == before[member]
        assert submit_task(box.gt.aws, "open-team", keys[1], OFFICE)["status"] == "InProgress"
        assert (
            submit_task(box.gt.aws, "open-team", keys[1], OFFICE)["counters"]["HumanLabeled"] == 2
        )
        done = submit_task(box.gt.aws, "open-team", keys[2], OFFICE)
        assert (
            done["status"],
            done["counters"]["HumanLabeled"],
            done["counters"]["Unlabeled"],
        ) == ("Completed", 3, 0)
        assert (
            sm.describe_labeling_job(LabelingJobName="across")["LabelingJobStatus"] == "Completed"
        )
        with pytest.raises(InvalidInput, match="no labeling job in progress"):
            submit_task(box.gt.aws, "open-team", keys[0], OFFICE)
    finally:
        box.gt.undo(change)


def test_a_label_needs_an_object_of_the_job_and_an_address_of_the_portal(box):
    sm = box.client("sagemaker")
    with pytest.raises(InvalidInput, match="has an object 'templates/bounding-box"):
        submit_task(box.gt.aws, "radiology-team", "templates/bounding-box.liquid.html", OFFICE)
    sm.update_workforce(
        WorkforceName="private-workforce", SourceIpConfig={"Cidrs": ["203.0.113.0/24"]}
    )
    try:
        with pytest.raises(AccessDenied):
            submit_task(box.gt.aws, "radiology-team", "scans/0009.png", ELSEWHERE)
    finally:
        box.until(
            lambda: (
                sm.describe_workforce(WorkforceName="private-workforce")["Workforce"]["Status"]
                == "Active"
            )
        )
        sm.update_workforce(WorkforceName="private-workforce", SourceIpConfig={"Cidrs": []})
        box.until(
            lambda: (
                sm.describe_workforce(WorkforceName="private-workforce")["Workforce"]["Status"]
                == "Active"
            )
        )
    counted = submit_task(box.gt.aws, "radiology-team", "scans/0005.png", OFFICE)["counters"]
    assert (counted["HumanLabeled"], counted["Unlabeled"]) == (5, 7)
