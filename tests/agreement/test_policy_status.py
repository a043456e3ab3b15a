"""An exposure says what S3 says of a bucket policy: whether it is public."""

from __future__ import annotations

import json

from .conftest import Box

NAME = "status-of-policies"
GRANT = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{NAME}/*",
}


def test_an_exposure_says_what_s3_says(box: Box) -> None:
    s3 = box.client("s3")
    s3.create_bucket(Bucket=NAME)
    s3.delete_public_access_block(Bucket=NAME)
    s3.put_bucket_policy(
        Bucket=NAME, Policy=json.dumps({"Version": "2012-10-17", "Statement": [GRANT]})
    )
    s3.put_public_access_block(
        Bucket=NAME, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    found = box.gt.who_can_open(NAME, "k")
    assert "S3 calls the bucket policy public, as gt_secure does." in found.facts
    rows = {row.request: row for row in found}
    assert rows["anonymous"].refused.decided_by == ("Block Public Access",)
    blind = box.user({"Effect": "Allow", "Action": "*", "Resource": "*"},
                     {"Effect": "Deny", "Action": "s3:GetBucketPolicyStatus", "Resource": "*"})  # fmt: skip
    assert not any("S3 calls" in each for each in blind.who_can_open(NAME, "k").facts)
