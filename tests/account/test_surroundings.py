"""Findings about what lies around: task templates, the log bucket, the key.
Each appears when its cause is made.
"""

from __future__ import annotations

import json

import pytest

from gt_secure.account.state import TaskLines, TaskTemplate
from gt_secure.connection import Connection
from gt_secure.engine.access.part import Part
from gt_secure.findings.page_links import links_of
from support.rig import Rig


@pytest.fixture(scope="module")
def gt():
    with Rig.running() as rig:
        yield rig.gt


def codes(gt: Connection) -> set[str]:
    return {finding.code for finding in gt.findings(team="radiology-team", bucket="gt-images")}


def test_as_seeded_none_of_them_is_there(gt):
    assert not codes(gt) & {
        "template-without-grant",
        "log-target-unfit",
        "kms-session",
        "not-checked",
    }


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ('<img src="{{ task.input.taskObject }}">', "s3://gt-images/scans/0001.png"),
        (
            (
                '{% comment %}{{ x | grant_read_access }}{% endcomment %}<img src="{{'
                ' task.input.taskObject }}">'
            ),
            "s3://gt-images/scans/0012.png",
        ),
        (
            '<img src="https://gt-images.s3.us-east-1.amazonaws.com/scans/0001.png">',
            "s3://gt-images/scans/0001.png",
        ),
        (
            (
                '<img src="{{ task.input.taskObject | grant_read_access }}"><img src="{{'
                " task.input['source-ref'] }}\">"
            ),
            "s3://gt-images/scans/0002.png",
        ),
    ],
)
def test_a_link_that_is_not_signed_is_named(gt, text, link):
    s3, key = gt.aws.client("s3"), "templates/bounding-box.liquid.html"
    before = s3.get_object(Bucket="gt-images", Key=key)["Body"].read()
    s3.put_object(Bucket="gt-images", Key=key, Body=text.encode())
    try:
        found = {each.code: each for each in gt.findings(team="radiology-team", bucket="gt-images")}
        finding = found["template-without-grant"]
        assert (finding.state, finding.subject) == ("found", "chest-scans")
        assert "s3://gt-images/scans/0001.png" in finding.detail
        state = gt.state(team="radiology-team", bucket="gt-images")
        assert link in links_of(state.templates.value[0], text, state.account_id).links
    finally:
        s3.put_object(Bucket="gt-images", Key=key, Body=before)


def test_a_manifest_that_is_not_read_leaves_the_answer_unknown(gt):
    s3, key = gt.aws.client("s3"), "templates/bounding-box.liquid.html"
    before = s3.get_object(Bucket="gt-images", Key=key)["Body"].read()
    manifest = s3.get_object(Bucket="gt-images", Key="manifests/chest-scans.manifest")[
        "Body"
    ].read()
    s3.put_object(Bucket="gt-images", Key=key, Body=b"<p>{{ task.input.title }}</p>")
    s3.delete_object(Bucket="gt-images", Key="manifests/chest-scans.manifest")
    try:
        found = {each.code: each for each in gt.findings(team="radiology-team", bucket="gt-images")}
        finding = found["template-without-grant"]
        assert (finding.state, finding.depends_on) == (
            "unknown",
            ("s3://gt-images/manifests/chest-scans.manifest",),
        )
        assert "s3:GetObject got no answer" in finding.detail
        # whatever its tasks have passes the filter
        s3.put_object(Bucket="gt-images", Key=key, Body=before)
        assert "template-without-grant" not in codes(gt)
    finally:
        s3.put_object(Bucket="gt-images", Key=key, Body=before)
        s3.put_object(Bucket="gt-images", Key="manifests/chest-scans.manifest", Body=manifest)


@pytest.mark.parametrize("how", ["kms", "deny"])
def test_a_log_bucket_that_cannot_receive(gt, how):
    s3 = gt.aws.client("s3")
    policy = s3.get_bucket_policy(Bucket="gt-logs")["Policy"]
    rule = {
        "ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": "alias/k",
        }
    }
    if how == "kms":
        s3.put_bucket_encryption(
            Bucket="gt-logs", ServerSideEncryptionConfiguration={"Rules": [rule]}
        )
    else:
        document = json.loads(policy)
        deny = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::gt-logs/*",
        }
        document["Statement"].append(deny)
        s3.put_bucket_policy(Bucket="gt-logs", Policy=json.dumps(document))
    try:
        assert "log-target-unfit" in codes(gt)
    finally:
        s3.delete_bucket_encryption(Bucket="gt-logs")
        s3.put_bucket_policy(Bucket="gt-logs", Policy=policy)


def test_a_key_whose_policy_cannot_be_read_is_said(gt):
    """The sandbox has no KMS: what its policy says is unknown,
    which is reported and not passed over.
    """
    s3 = gt.aws.client("s3")
    rule = {
        "ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": "alias/k",
        }
    }
    s3.put_bucket_encryption(
        Bucket="gt-images", ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    try:
        found = gt.findings(bucket="gt-images")
        assert "kms-session" in {finding.code for finding in found}
        assert any(
            "kms:GetKeyPolicy" in finding.detail
            for finding in found
            if finding.code == "not-checked"
        )
    finally:
        s3.delete_bucket_encryption(Bucket="gt-images")


FUNCTION = "arn:aws:lambda:us-east-1:432418664414:function:PRE-BoundingBox"
"""A function of AWS, which makes the input of a task from a line of the manifest."""


@pytest.mark.parametrize(("function", "doubt"), [(FUNCTION, ""), ("", "Task 1 cannot be rendered")])
def test_a_function_of_aws_adds_labels_to_a_task(function, doubt):
    """Without them a page that shows its labels cannot be rendered,
    and nothing is known of its links.
    """
    text = "<img src='{{ task.input.taskObject | grant_read_access }}'> of {{ task.input.labels }}"
    lines = Part.of(TaskLines(({"source-ref": "s3://gt-images/a.png"},), whole=True))
    found = links_of(
        TaskTemplate("job", Part.of(text), tasks=lines, function=function), text, "111122223333"
    )
    assert found.links == ()
    assert found.doubt.startswith(doubt)
    assert bool(found.doubt) == bool(doubt)
