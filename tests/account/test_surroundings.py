"""Findings about what lies around: task templates, the log bucket, the key. Each appears when its cause is made."""

from __future__ import annotations

import json

import pytest

from gt_secure.connection import Connection
from support.rig import Rig


@pytest.fixture(scope="module")
def gt():
    with Rig.running() as rig:
        yield rig.gt


def codes(gt: Connection) -> set[str]:
    return {finding.code for finding in gt.findings(team="radiology-team", bucket="gt-images")}


def test_as_seeded_none_of_them_is_there(gt):
    assert not codes(gt) & {"template-without-grant", "log-target-unfit", "kms-session", "not-checked"}


def test_a_template_that_signs_no_urls(gt):
    s3, key = gt.aws.client("s3"), "templates/bounding-box.liquid.html"
    before = s3.get_object(Bucket="gt-images", Key=key)["Body"].read()
    s3.put_object(Bucket="gt-images", Key=key, Body=before.replace(b"| grant_read_access", b""))
    try:
        assert "template-without-grant" in codes(gt)
    finally:
        s3.put_object(Bucket="gt-images", Key=key, Body=before)


@pytest.mark.parametrize("how", ["kms", "deny"])
def test_a_log_bucket_that_cannot_receive(gt, how):
    s3 = gt.aws.client("s3")
    policy = s3.get_bucket_policy(Bucket="gt-logs")["Policy"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/k"}}
    if how == "kms":
        s3.put_bucket_encryption(Bucket="gt-logs", ServerSideEncryptionConfiguration={"Rules": [rule]})
    else:
        document = json.loads(policy)
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::gt-logs/*"}
        document["Statement"].append(deny)
        s3.put_bucket_policy(Bucket="gt-logs", Policy=json.dumps(document))
    try:
        assert "log-target-unfit" in codes(gt)
    finally:
        s3.delete_bucket_encryption(Bucket="gt-logs")
        s3.put_bucket_policy(Bucket="gt-logs", Policy=policy)


def test_a_key_whose_policy_cannot_be_read_is_said(gt):
    """The sandbox has no KMS: what its policy says is unknown, which is reported and not passed over."""
    s3 = gt.aws.client("s3")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/k"}}
    s3.put_bucket_encryption(Bucket="gt-images", ServerSideEncryptionConfiguration={"Rules": [rule]})
    try:
        found = gt.findings(bucket="gt-images")
        assert "kms-session" in {finding.code for finding in found}
        assert any("kms:GetKeyPolicy" in finding.detail for finding in found if finding.code == "not-checked")
    finally:
        s3.delete_bucket_encryption(Bucket="gt-images")
