"""Revocations: their statements, their ends, and what the access model says about them."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from gt_secure.access.policy_files import PolicyFiles, exposures
from gt_secure.policies.bucket_guard import build_guard, merge_guard, own_statements, remove_statements
from gt_secure.policies.revocation import (
    build_revocations,
    expired_revocations,
    find_revocations,
    object_resource,
    prefix_resource,
)

AT = dt.datetime(2026, 11, 25, 9, 0, 1, tzinfo=dt.UTC)
END = AT + dt.timedelta(hours=1)
OBJECT = object_resource("aws", "gt-images", "scans/a*?${x}.png")
SESSION = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/SageMaker"
USER = "arn:aws:iam::111122223333:user/staff/ann"
READS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::gt-images/*"}]}'  # noqa: E501


@pytest.mark.parametrize(
    ("signer", "names", "keys"),
    [
        (None, [], [{"DateLessThan"}]),
        (SESSION, ["role/GroundTruthExecution", "role/*/GroundTruthExecution"], [{"DateLessThan", "ArnLike"}]),
        (USER, ["user/staff/ann"], [{"Null", "ArnEquals"}]),
        ("arn:aws:iam::111122223333:root", ["root"], [{"Null", "ArnEquals"}]),
        ("79a59df9" * 8, [], [{"DateLessThan"}, {"Null"}]),
        ("", [], [{"DateLessThan"}, {"Null"}]),
    ],
)
def test_the_signer_decides_the_conditions(signer: str | None, names: list[str], keys: list[set[str]]) -> None:
    made = build_revocations(OBJECT, before=AT, until=END, signer=signer)
    assert [set(each["Condition"]) - {"StringEquals"} for each in made] == keys  # type: ignore[call-overload]
    assert all(name in json.dumps(made) for name in names)
    assert all(each["Condition"]["StringEquals"] == {"s3:authType": ["REST-QUERY-STRING", "POST"]} for each in made)  # type: ignore[index]
    assert len({each["Sid"] for each in made}) == len(made)
    assert all(str(each["Sid"]).isalnum() for each in made)


def test_the_end_is_in_the_sid() -> None:
    text: str | None = None
    for until in (END, END + dt.timedelta(hours=1), None):
        for statement in build_revocations(OBJECT, before=AT, until=until, signer=SESSION):
            text = merge_guard(text, statement)
    assert [each.until for each in find_revocations(text)] == [END, END + dt.timedelta(hours=1), None]
    assert len(expired_revocations(text, END)) == 0
    assert len(expired_revocations(text, END + dt.timedelta(seconds=1))) == 1
    ended = expired_revocations(text, dt.datetime(2030, 1, 1, tzinfo=dt.UTC))
    assert len(ended) == 2
    assert [each.until for each in find_revocations(remove_statements(str(text), ended))] == [None]


def test_other_statements_stay_as_they_are() -> None:
    policy = merge_guard(READS, build_guard("gt-images", networks=["203.0.113.0/24"]))
    [statement] = build_revocations(OBJECT, before=AT, until=END)
    assert remove_statements(merge_guard(policy, statement), [str(statement["Sid"])]) == policy
    assert len(own_statements(merge_guard(policy, statement))) == 2


def test_a_key_is_taken_literally() -> None:
    assert OBJECT == "arn:aws:s3:::gt-images/scans/a${*}${?}${$}{x}.png"
    assert prefix_resource("aws", "b-1", "") == ["arn:aws:s3:::b-1", "arn:aws:s3:::b-1/*"]


def test_an_exposure_says_which_credentials_still_work() -> None:
    text: str | None = None
    for statement in build_revocations(prefix_resource("aws", "gt-images", ""), before=AT, until=END):
        text = merge_guard(text, statement)
    rows = {row.request: row for row in exposures(PolicyFiles("gt-images", text), "scans/a.png")}
    assert rows["presigned"].unknown.is_empty
    assert "signed with credentials issued at 2026-11-25T09:00:01Z or later" in (rows["presigned"].opened.when)
    assert rows["header"].opened.when == ()
