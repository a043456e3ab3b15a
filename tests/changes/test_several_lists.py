"""A plan names the objects of a folder that nobody opens under the lists of several guards."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.render.summary import summary, today_and_after
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.restriction.model import Restriction
from support.guards import merge_guards
from support.states import data_bucket, state

BUCKET, LISTS = "gt-images", ("203.0.113.0/24", "192.0.2.0/24", "203.0.113.0/25")


def made(guards: dict[str, str], prefix: str, wanted: str) -> Plan:
    policy = None
    for folder, networks in guards.items():
        policy = merge_guards(policy, build_guard(BUCKET, networks=[networks], prefix=folder), None)
    seen = state(team=None, workforce=None, bucket=data_bucket(policy=policy))
    asked = Restriction(bucket=BUCKET, addresses=wanted, prefix=prefix)
    return plan(cast(Any, None), asked, state=seen)


def test_the_answer_names_a_folder_that_nobody_opens() -> None:
    office, lab, _ = LISTS
    one = made({"mlflow/1/": office}, "", lab)
    assert today_and_after(one).endswith(
        f"After: Only {lab} can open presigned URLs of gt-images. Nobody can open presigned URLs of"
        " objects of gt-images under mlflow/1/."
    )
    inner = Exposure(one.after.locks, "mlflow/1/a")
    for address in ("203.0.113.7", "192.0.2.7"):
        assert inner.at(address, "presigned").answer == "refused"


@pytest.mark.parametrize("wanted", LISTS)
@pytest.mark.parametrize("there", LISTS)
def test_each_question_names_its_folder_both_lists_and_who_is_left(there: str, wanted: str) -> None:
    one = made({"mlflow/1/": there, "mlflow/2/": there}, "", wanted)
    lines = [each for each in summary(one) if each.endswith("--confirm guards-overlap")]
    if there == wanted:
        assert lines == []
        return
    nobody = "192" in there or "192" in wanted
    narrow = LISTS[2]
    for number, line in enumerate(lines, 1):
        assert f"under mlflow/{number}/" in line.partition("Agree")[0]
        assert f"under mlflow/{number}/" in line.partition("Agree")[2]
        assert f"{wanted}, and {there}" in line or f"{there}, and {wanted}" in line
        assert ("Nobody" in line) is nobody
        assert nobody or f"only from {narrow}" in line
        assert len(line.split()) <= 25, line
    assert len(lines) == 2
    text = today_and_after(one)
    assert ("Nobody can open" in text) is nobody
