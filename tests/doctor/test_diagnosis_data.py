"""A diagnosis as data and in one line: each member and each word is that of its example."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gt_secure.doctor.diagnosis import NOT_TRIED, Diagnosis, FeatureState, PermissionAnswer
from gt_secure.doctor.environment import Fact
from gt_secure.doctor.features import Feature, Permission
from gt_secure.doctor.resources import Scope

BUCKET = "arn:aws:s3:::gt-images"
READ, LIST = Permission("s3:GetBucketPolicy", "bucket"), Permission("s3:ListBucket", "bucket", optional=True)  # fmt: skip
PUT = Permission("s3:PutBucketPolicy", "bucket", writes=True)
DENIED = "This role may not call s3:GetBucketPolicy."


def answer(permission: Permission, status: str, reason: str = "", resource: str | None = BUCKET) -> PermissionAnswer:  # fmt: skip
    return PermissionAnswer(permission, resource, status, reason)  # type: ignore[arg-type]


def feature(*answers: PermissionAnswer) -> FeatureState:
    made = Feature("guard", "set the guard", tuple(each.permission for each in answers))
    return FeatureState(made, answers)


def diagnosis() -> Diagnosis:
    scope = Scope("aws", "us-east-1", "111122223333", role="arn:aws:iam::111122223333:role/GroundTruth")  # fmt: skip
    told = feature(answer(READ, "no", DENIED), answer(LIST, "yes"))
    return Diagnosis(
        "arn:aws:iam::111122223333:user/anna", scope, (told,), (Fact("clock", "90 s", "wrong", "Set it."),)
    )  # fmt: skip


def test_a_diagnosis_is_whole() -> None:
    headline = "0 of 1 features can be used; not: guard; needs fixing: clock."
    data = diagnosis().to_dict()
    assert list(data) == ["caller", "account", "region", "role", "headline", "features", "facts"]
    assert data == {
        "caller": "arn:aws:iam::111122223333:user/anna",
        "account": "111122223333",
        "region": "us-east-1",
        "role": "arn:aws:iam::111122223333:role/GroundTruth",
        "headline": headline,
        "features": [
            {
                "feature": "guard",
                "title": "set the guard",
                "status": "no",
                "why": "AWS denied s3:GetBucketPolicy",
                "permissions": [
                    {
                        "action": "s3:GetBucketPolicy", "optional": False, "resource": BUCKET, "status": "no",
                        "reason": DENIED,
                    },
                    {"action": "s3:ListBucket", "optional": True, "resource": BUCKET, "status": "yes", "reason": ""},
                ],
            }
        ],
        "facts": [{"name": "clock", "value": "90 s", "mark": "wrong", "said": "Set it."}],
    }  # fmt: skip
    cells = [each for each in re.sub(r"(?s)<style.*?</style>|<[^>]+>", "\n", diagnosis()._repr_html_()).split("\n") if each]  # fmt: skip
    assert cells == [
        headline, "feature", "can be used", "reason", "set the guard", "no", "AWS denied s3:GetBucketPolicy"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "status", "why"),
    [
        ([answer(READ, "yes"), answer(LIST, "yes")], "yes", ""),
        ([answer(READ, "yes"), answer(LIST, "no")], "yes", "works without optional s3:ListBucket"),
        ([answer(READ, "yes"), answer(LIST, "unknown", NOT_TRIED)], "yes", ""),
        ([answer(READ, "no"), answer(PUT, "no"), answer(LIST, "no")], "no", "AWS denied s3:GetBucketPolicy, s3:PutBucketPolicy"),
        ([answer(READ, "no"), answer(PUT, "unknown", NOT_TRIED)], "no", "AWS denied s3:GetBucketPolicy"),
        ([answer(READ, "unknown", NOT_TRIED), answer(PUT, "unknown", NOT_TRIED)], "unknown", "not tried: s3:GetBucketPolicy, s3:PutBucketPolicy"),
        ([answer(READ, "unknown", "no answer"), answer(PUT, "unknown", NOT_TRIED)], "unknown", "no answer; not tried: s3:PutBucketPolicy"),
        ([answer(READ, "unknown", "add s3://NAME", None), answer(PUT, "unknown", "add s3://NAME", None)], "unknown", "unknown until you add s3://NAME"),
    ],
)  # fmt: skip
def test_a_feature_says_why_in_a_few_words(
    answers: list[PermissionAnswer], status: str, why: str
) -> None:
    state = feature(*answers)
    assert (state.status, state.why) == (status, why)
    assert state.to_dict()["why"] == why
    assert state.lacking == tuple(each for each in answers if each.status != "yes")


def test_a_headline_names_each_group_and_only_facts_that_are_wrong() -> None:
    told = diagnosis()
    one, two, three = (
        replace(feature(answer(READ, status)), feature=Feature(name, name, ()))
        for name, status in (("teams", "yes"), ("sign", "no"), ("hits", "unknown"))
    )
    facts = (*told.facts, Fact("SDK", "1.2"), Fact("region", "us-east-1", "note"))
    assert replace(told, features=(one, two, three), facts=facts).headline == (
        "1 of 3 features can be used; not: sign; unknown: hits; needs fixing: clock."
    )
    assert replace(told, features=(one,), facts=()).headline == "1 of 1 features can be used."
