"""A bucket without a workteam is examined without what only workteams need."""

from __future__ import annotations

import pytest

from gt_secure.doctor.features import Feature, Permission, choose


@pytest.mark.parametrize(
    ("action", "target", "of_teams"),
    [
        ("sagemaker:ListWorkteams", "*", True),
        ("sagemaker:UpdateWorkteam", "workteam", True),
        ("bedrock:ListEvaluationJobs", "*", True),
        ("iam:PassRole", "role", True),
        ("s3:GetObject", "labeling-job", True),  # by its resource alone
        ("s3:GetBucketPolicy", "bucket", False),
        ("sts:AssumeRole", "role", False),
        ("ec2:DescribeVpcEndpoints", "*", False),
    ],
)
def test_a_permission_is_of_teams_by_its_action_or_its_resource(
    action: str, target: str, of_teams: bool
) -> None:
    assert Permission(action, target).is_of_teams is of_teams  # type: ignore[arg-type]


def test_a_feature_keeps_the_permissions_of_the_bucket() -> None:
    read, put = (
        Permission("s3:GetBucketPolicy", "bucket"),
        Permission("sagemaker:ListWorkteams", "*"),
    )
    whole = Feature("guard", "set the guard", (read, put), "a note")
    assert whole.of_bucket() == Feature("guard", "set the guard", (read,), "a note")
    assert Feature("teams", "see teams", (put,)).of_bucket() is None


def test_the_features_of_a_bucket() -> None:
    kept = {each.name: each.of_bucket() for each in choose(())}
    assert [name for name, feature in kept.items() if feature is None] == [
        "teams",
        "url-lock",
        "portal-lock",
        "render",
    ]
    for feature in filter(None, kept.values()):
        assert not [
            each.action
            for each in feature.permissions
            if each.action.startswith(("sagemaker:", "bedrock:", "iam:Pass"))
        ]
