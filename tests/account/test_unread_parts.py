"""Parts of a state: each that was asked for and not read is met by its name, wherever it is."""

from __future__ import annotations

from dataclasses import replace

from gt_secure.account.state import OtherTeam
from support.states import OTHER, data_bucket, state, template, unread, with_parts


def test_the_parts_of_a_state_are_those_of_the_account_and_of_what_it_names() -> None:
    """Each part that was not read is met by its name: templates, jobs of other teams,
    the bucket and its log bucket.
    """
    log_bucket = data_bucket(
        "gt-logs", policy=unread("s3:GetBucketPolicy", "the policy of gt-logs")
    )
    seen = with_parts(
        state(
            bucket=data_bucket(
                acl_grants=unread("s3:GetBucketAcl", "the ACL"), log_bucket=log_bucket
            )
        ),
        templates=(template("read", "x"), template("denied")),
        others=(
            OtherTeam(OTHER, unread("sagemaker:ListLabelingJobsForWorkteam", "jobs of open-team")),
        ),
        endpoints=unread("ec2:DescribeVpcEndpoints", "the endpoints"),
    )
    assert [
        (name, each.what) for name, each in seen.unread() if not name.startswith("organization")
    ] == [
        ("endpoints", "the endpoints"),
        ("templates", "the template of denied"),
        ("jobs", "jobs of open-team"),
        ("bucket.acl_grants", "the ACL"),
        ("bucket.log_bucket.policy", "the policy of gt-logs"),
    ]
    assert {each.what for each in seen.missing()} == {each.what for _, each in seen.unread()}
    own = replace(seen, bucket=data_bucket("gt-logs", log_bucket=log_bucket))
    assert "bucket.log_bucket.policy" not in dict(own.parts()), (
        "a bucket that has its own log is met once"
    )
