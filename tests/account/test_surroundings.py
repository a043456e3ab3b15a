"""Findings about what lies around: task templates, the log bucket, the key.
Each appears when its cause is made.
"""

from __future__ import annotations

import html
import json
import re
from urllib.parse import quote

import pytest

from gt_secure.account.state import TaskLines, TaskTemplate
from gt_secure.connection import Connection
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.findings.page_links import links_of
from support.box import job_request
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


@pytest.mark.parametrize(
    ("function", "field", "doubt"),
    [
        (FUNCTION, "labels", ""),
        ("", "labels", ""),
        ("", "title", ""),
        (FUNCTION, "title", f"Whether {FUNCTION} adds title to its tasks is not known."),
        (FUNCTION, "title | grant_read_access", ""),
    ],
)
def test_a_field_that_a_function_may_add_leaves_the_answer_unknown(function, field, doubt):
    """A task without a function has the fields of its line alone."""
    text = f"<img src='{{{{ task.input.taskObject | grant_read_access }}}}'>{{{{ task.input.{field} }}}}"
    lines = Part.of(TaskLines(({"source-ref": "s3://gt-images/a.png"},), whole=True))
    template = TaskTemplate("job", Part.of(text), tasks=lines, function=function)
    assert links_of(template, text, "111122223333") == ((), doubt, "")


def test_labels_that_were_not_read_leave_the_answer_unknown():
    text = "{% for each in task.input.labels %}{{ task.input.taskObject }}{% endfor %}"
    lines = Part.of(TaskLines(({"source-ref": "s3://gt-images/a.png"},), whole=True))
    denied = NotRead("the labels of job", "s3:GetObject", "denied", "no")
    for labels, found in (
        (Part.unread(denied), ()),
        (Part.of([]), ()),
        (Part.of(["Cat"]), ("s3://gt-images/a.png",)),
    ):
        template = TaskTemplate("job", Part.of(text), tasks=lines, labels=labels)
        page = links_of(template, text, "111122223333")
        assert page.links == found
        assert ("labels of its tasks are not known" in page.doubt) == (labels.missing is not None)


DOCUMENTED = {
    "bounding box": (
        '<crowd-form><crowd-bounding-box name="boundingBox"'
        ' src="{{ task.input.taskObject | grant_read_access }}" header="{{ task.input.header }}"'
        ' labels="{{ task.input.labels | to_json | escape }}"></crowd-bounding-box></crowd-form>'
    ),
    "semantic segmentation": (
        '<crowd-semantic-segmentation src="{{ task.input.taskObject | grant_read_access }}"'
        ' labels="{{ task.input.labels | to_json | escape }}" initial-value="{ \'src\':'
        " '{{ task.input.manifestLine.prior | grant_read_access }}' }\">"
        "</crowd-semantic-segmentation>"
    ),
    "text classification": (
        '<crowd-classifier categories="{{ task.input.labels | to_json | escape }}">'
        "<classification-target>{{ task.input.taskObject }}</classification-target>"
        "</crowd-classifier>"
    ),
    "custom text": (
        "<crowd-classifier categories='{{ task.input.labels | to_json }}'"
        " header='{{ task.input.header }}'><classification-target>{{ task.input.source }}"
        "</classification-target></crowd-classifier>"
    ),
    "custom form": (
        '<crowd-form><img src="{{ task.input.document | grant_read_access }}">'
        "{{ task.input.note | upcase }}{% for each in task.input.none %}x{% endfor %}</crowd-form>"
    ),
    "labels with links": (
        '{% for each in task.input.labels %}<a href="{{ task.input.taskObject }}">{{ each }}</a>'
        "{% endfor %}"
    ),
    "manifest line": '<a href="{{ task.input.manifestLine.prior }}">prior</a>',
}
"""Templates of the Developer Guide (the last two show links that are not signed)."""
TASKS: dict[str, dict[str, object]] = {
    "bounding box": {},
    "semantic segmentation": {"prior": "s3://gt-images/scans/0003.png"},
    "text classification": {"source": "Is s3://gt-images/scans/0004.png sharp?"},
    "custom text": {"source": "so so", "labels": ["good", "bad <&>"], "header": "How is it?"},
    "custom form": {"document": "s3://gt-images/scans/0005.png"},
    "labels with links": {},
    "manifest line": {"prior": "s3://gt-images/scans/0006.png"},
}
LINKS = {
    "text classification": {"s3://gt-images/scans/0004.png"},
    "labels with links": {"s3://gt-images/labels with links.png"},
    "manifest line": {"s3://gt-images/scans/0006.png"},
}
LABELS = {"document-version": "2018-11-28", "labels": [{"label": "Cat"}, {"label": "Dog & co"}]}


def line_of(case: str) -> dict[str, object]:
    task = TASKS[case]
    return task if "source" in task else {"source-ref": f"s3://gt-images/{case}.png", **task}


@pytest.fixture(scope="module")
def documented():
    """A team with a job for each documented template, and the sandbox of it."""
    with Rig.running() as rig:
        s3, sagemaker = rig.client("s3"), rig.client("sagemaker")
        s3.put_object(Bucket="gt-images", Key="labels.json", Body=json.dumps(LABELS).encode())
        for case, text in DOCUMENTED.items():
            request = job_request(case.replace(" ", "-"))
            s3.put_object(Bucket="gt-images", Key=f"templates/{case}", Body=text.encode())
            s3.put_object(
                Bucket="gt-images", Key=f"manifests/{case}", Body=json.dumps(line_of(case)).encode()
            )
            source = request["InputConfig"]["DataSource"]["S3DataSource"]
            source["ManifestS3Uri"] = f"s3://gt-images/manifests/{case}"
            tasks = request["HumanTaskConfig"]
            tasks["UiConfig"]["UiTemplateS3Uri"] = f"s3://gt-images/templates/{case}"
            if case.startswith("custom"):
                del tasks["PreHumanTaskLambdaArn"]
            else:
                request["LabelCategoryConfigS3Uri"] = "s3://gt-images/labels.json"
            sagemaker.create_labeling_job(**request)
        yield rig


@pytest.fixture(scope="module")
def findings_of_documented(documented):
    found = documented.gt.state(team="open-team", bucket="gt-images").templates.value
    return {
        each.job.replace("-", " "): links_of(each, each.text.value, "111122223333")
        for each in found
    }


@pytest.mark.parametrize("case", DOCUMENTED)
def test_a_documented_template_shows_the_links_that_the_finding_names(
    documented, findings_of_documented, case
):
    line = line_of(case)
    key = str(line.get("source", f"{case}.png"))
    answer = documented.fetch(
        f"/_gt_secure/portal/tasks/open-team?key={quote(key)}",
        "203.0.113.7",
        headers={"Accept": "application/json"},
    )
    assert answer.status == 200, answer.text
    page = html.unescape(answer.json()["page"])
    shown = {*re.findall(r"s3://[^\"'<>?]+?\.png", page)}
    assert shown == LINKS.get(case, set())
    assert findings_of_documented[case] == (tuple(shown), "", f"s3://gt-images/manifests/{case}")


def test_labels_and_fields_of_a_task_are_on_its_page(documented):
    def page(key: str) -> str:
        path = f"/_gt_secure/portal/tasks/open-team?key={quote(key)}"
        answer = documented.fetch(path, "203.0.113.7", headers={"Accept": "application/json"})
        return str(answer.json()["page"])

    box, text = page("bounding box.png"), page("so so")
    assert 'labels="[&#34;Cat&#34;, &#34;Dog &amp; co&#34;]"' in box
    assert 'header=""' in box
    assert "['good', 'bad <&>']".replace("'", '"') in html.unescape(text)
    assert "header='How is it?'" in text
    label = documented.fetch(
        "/_gt_secure/portal/tasks/open-team?key=so%20so", "203.0.113.7", method="POST"
    )
    assert (label.json()["job"], label.json()["status"]) == ("custom-text", "Completed")
