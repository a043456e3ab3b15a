"""Condition keys that a sender chooses: the sandbox fills each one in, for the actions that have
it, and answers as the engine does.

Each case is a Deny with one condition for the objects below a folder of its own. The requests send
a value of the key, another one, or none: in a header, in the query, in a form, or in the body.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gt_secure.engine.iam import Policies, Request, evaluate
from gt_secure.engine.iam.request_keys import BY_ACTION, CHOSEN, CHOSEN_FAMILIES, is_chosen
from support.box import ACCOUNT

from .conftest import OFFICE, Box
from .test_guard_forms import send_form

BUCKET, NAME = "gt-sent", "sender"
LATER = (dt.datetime.now(dt.UTC) + dt.timedelta(days=10)).strftime("%Y-%m-%dT00:00:00Z")
METHODS: dict[str, tuple[str, str]] = {
    "GetObject": ("GET", ""),
    "PutObject": ("PUT", ""),
    "DeleteObject": ("DELETE", ""),
    "PutObjectAcl": ("PUT", "acl"),
    "PutObjectTagging": ("PUT", "tagging"),
    "PutObjectRetention": ("PUT", "retention"),
    "PutObjectLegalHold": ("PUT", "legal-hold"),
    "PutObjectAnnotation": ("PUT", "annotation"),
    "DeleteObjectAnnotation": ("DELETE", "annotation"),
    "ListBucket": ("GET", "list-type=2"),
    "ListBucketVersions": ("GET", "versions"),
    "PutBucketAcl": ("PUT", "acl"),
    "CreateBucket": ("PUT", ""),
}
"""Requests that the sandbox serves, and the sub-resource of each."""
BY_BODY = ("PutObjectTagging", "PutObjectRetention", "PutObjectLegalHold")
ON_BUCKETS = ("ListBucket", "ListBucketVersions", "PutBucketAcl", "CreateBucket")


@dataclass(frozen=True)
class Sent:
    """One way to send a condition key: headers, fields of the query, or a body."""

    key: str
    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    only: tuple[str, ...] = ()

    @property
    def values(self) -> list[str]:
        return [self.value] if isinstance(self.value, str) else list(self.value)


def header(key: str, value: str, name: str = "") -> Sent:
    return Sent(key, value, {name or key.partition(":")[2].lower(): value})


TAGS = "<Tagging><TagSet><Tag><Key>a</Key><Value>red</Value></Tag><Tag><Key>b</Key><Value/></Tag></TagSet></Tagging>"
SENT = (
    header("aws:Referer", "https://intra.example/x"),
    header("aws:UserAgent", "curl/8 (a b)", "User-Agent"),
    header("s3:if-match", '"0cc175b9c0f1b6a831c399e269772661"'),
    header("s3:if-none-match", "*"),
    header("s3:x-amz-acl", "bucket-owner-full-control"),
    header("s3:x-amz-acl", "public-read"),
    header("s3:x-amz-grant-full-control", 'id="1"'),
    header("s3:x-amz-grant-read", 'id="1"'),
    header("s3:x-amz-grant-read-acp", 'id="1"'),
    header("s3:x-amz-grant-write", 'id="1"'),
    header("s3:x-amz-grant-write-acp", 'id="1"'),
    header("s3:x-amz-copy-source", f"{BUCKET}/source"),
    Sent(
        "s3:x-amz-metadata-directive",
        "REPLACE",
        {"x-amz-copy-source": f"/{BUCKET}/source", "x-amz-metadata-directive": "REPLACE"},
    ),
    header("s3:x-amz-server-side-encryption", "AES256"),
    header("s3:x-amz-server-side-encryption-customer-algorithm", "AES256"),
    Sent(
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1",
        {
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1",
        },
    ),
    header("s3:x-amz-storage-class", "STANDARD_IA"),
    header("s3:x-amz-website-redirect-location", "/b"),
    header("s3:x-amz-object-ownership", "ObjectWriter"),
    header("s3:x-amz-bucket-namespace", "account-regional"),
    header("s3:x-amz-object-if-match", '"0"'),
    header("s3:object-lock-mode", "GOVERNANCE", "x-amz-object-lock-mode"),
    header("s3:object-lock-legal-hold", "ON", "x-amz-object-lock-legal-hold"),
    header("s3:object-lock-retain-until-date", LATER, "x-amz-object-lock-retain-until-date"),
    Sent("s3:object-lock-remaining-retention-days", "9", {"x-amz-object-lock-retain-until-date": LATER}),
    Sent("s3:RequestObjectTag/a", "red", {"x-amz-tagging": "a=red&b="}),
    Sent("s3:RequestObjectTagKeys", ("a", "b"), {"x-amz-tagging": "a=red&b="}),
    Sent("s3:RequestObjectTag/a", "red", body=TAGS, only=("PutObjectTagging",)),
    Sent("s3:RequestObjectTagKeys", ("a", "b"), body=TAGS, only=("PutObjectTagging",)),
    Sent(
        "s3:object-lock-mode",
        "GOVERNANCE",
        body=f"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{LATER}</RetainUntilDate></Retention>",
        only=("PutObjectRetention",),
    ),
    Sent(
        "s3:object-lock-retain-until-date",
        LATER,
        body=f"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{LATER}</RetainUntilDate></Retention>",
        only=("PutObjectRetention",),
    ),
    Sent(
        "s3:object-lock-legal-hold",
        "ON",
        body="<LegalHold><Status>ON</Status></LegalHold>",
        only=("PutObjectLegalHold",),
    ),
    Sent("s3:prefix", "a/b", query={"prefix": "a/b"}),
    Sent("s3:delimiter", "/", query={"delimiter": "/"}),
    Sent("s3:max-keys", "7", query={"max-keys": "7"}),
)  # fmt: skip


def actions(sent: Sent) -> Iterator[tuple[str, bool]]:
    """Yield the actions that can carry the key, and whether a request of the action has it."""
    listed = next((each for start, each in BY_ACTION if sent.key.lower().startswith(start)), None)
    for action in sent.only or METHODS:
        has = listed is None or f"s3:{action.lower()}" in listed
        if sent.headers and action in BY_BODY and sent.key.startswith(("s3:Req", "s3:object-lock")):
            continue  # these have their tags and locks in the body alone
        if sent.query and action not in ON_BUCKETS:
            continue
        yield action, has


def conditions(sent: Sent) -> dict[str, dict[str, Any]]:
    """Return conditions that hold, or do not, for each way of sending the key or none."""
    several = not isinstance(sent.value, str)
    start = "ForAnyValue:" if several else ""
    quoted = [each.replace("*", "${*}") for each in sent.values]
    return {
        "equal": {f"{start}StringEquals": {sent.key: sent.values}},
        "other": {f"{start}StringNotEquals": {sent.key: [*sent.values, "y"]}},
        "like": {f"{start}StringLike": {sent.key.upper(): [f"{each[:1]}*" for each in quoted]}},
        "there": {"Null": {sent.key: "false"}},
        "absent": {"Null": {sent.key: "true"}},
    }  # fmt: skip


def test_every_key_that_a_sender_chooses_is_sent() -> None:
    keys = [each.key.lower() for each in SENT]
    chosen = [key for key in CHOSEN if key != "aws:tokenissuetime"]  # who signs has it
    starts = [start for start, _ in BY_ACTION if is_chosen(start)]
    for start in (*chosen, *starts, *CHOSEN_FAMILIES):
        assert any(key.startswith(start) for key in keys), start
    assert all(is_chosen(key) for key in keys)


@dataclass
class Bench:
    """The box, its sender, and the policy that is there now."""

    box: Box
    keys: dict[str, str]

    def send(self, action: str, folder: str, sent: Sent | None, *, by: str = "query") -> int:
        """Send one request; returns its status."""
        method, part = METHODS[action]
        bucket = f"{BUCKET}-{folder}" if action == "CreateBucket" else BUCKET
        path = f"/{bucket}" + ("" if action in ON_BUCKETS else f"/{folder}/x")
        query = dict(sent.query) if sent else {}
        headers = dict(sent.headers) if sent else {}
        if by == "hoisted":
            query |= {k: v for k, v in headers.items() if k.startswith("x-amz-")}
            headers = {k: v for k, v in headers.items() if not k.startswith("x-amz-")}
        parts = "&".join(
            filter(None, (part, "annotationName=n" * (part == "annotation"), urlencode(query)))
        )
        request = AWSRequest(method, f"{self.box.url}{path}?{parts}", headers=headers)
        credentials = Credentials(self.keys["AccessKeyId"], self.keys["SecretAccessKey"])
        if by == "header":
            request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
            S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
        else:
            S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=300).add_auth(request)
        given = {k: v for k, v in request.headers.items() if k.lower() != "host"}
        body = None if method in ("GET", "DELETE") else (sent.body if sent else "").encode()
        return self.box.fetch(request.url, OFFICE, method, headers=given, body=body).status


@pytest.fixture(scope="module")
def bench(box: Box) -> Iterator[Bench]:
    s3 = box.client("s3")
    s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    s3.delete_public_access_block(Bucket=BUCKET)  # it would refuse public ACLs
    s3.put_object(Bucket=BUCKET, Key="source", Body=b"a")
    everything = {"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}
    yield Bench(box, box.keys(everything, name=NAME))
    s3.delete_bucket_policy(Bucket=BUCKET)


def statement(condition: Mapping[str, Any], folder: str, action: str) -> dict[str, Any]:
    resource = f"arn:aws:s3:::{BUCKET}" + ("" if action in ON_BUCKETS else f"/{folder}/*")
    return {
        "Effect": "Deny",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{NAME}"},
        "Action": f"s3:{action}",
        "Resource": resource,
        "Condition": dict(condition),
    }


def put(bench: Bench, statements: list[dict[str, Any]]) -> dict[str, Any]:
    policy = {"Version": "2012-10-17", "Statement": statements}
    bench.box.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    return policy


def predicted(policy: dict[str, Any], action: str, folder: str, keys: Mapping[str, Any]) -> bool:
    """Return whether the engine opens a request with exactly these keys."""
    resource = f"arn:aws:s3:::{BUCKET}" + ("" if action in ON_BUCKETS else f"/{folder}/x")
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    request = Request(f"s3:{action}", resource, f"arn:aws:iam::{ACCOUNT}:user/{NAME}", keys)
    verdict = evaluate(request, Policies(identity=[everything], resource=policy))
    assert verdict.decision in ("allow", "explicit-deny")
    return bool(verdict.decision == "allow")


@pytest.mark.parametrize(
    "sent", SENT, ids=lambda sent: f"{sent.key} {sent.value}{' body' * bool(sent.body)}"
)
def test_the_sandbox_answers_as_the_engine(bench: Bench, sent: Sent) -> None:
    met = set()
    for action, has in actions(sent):
        if action == "CreateBucket":
            continue  # no policy of a bucket refuses its creation
        asked = [
            each for name, each in conditions(sent).items() if has or name in ("there", "absent")
        ]
        folders = {f"{number}": each for number, each in enumerate(asked)}
        groups = (
            [list(folders.items())]
            if action not in ON_BUCKETS
            else [[each] for each in folders.items()]
        )
        for group in groups:
            policy = put(bench, [statement(each, folder, action) for folder, each in group])
            for folder, condition in group:
                for given in (sent, None):
                    keys = {sent.key: sent.value} if given and has else {}
                    opened = predicted(policy, action, folder, keys)
                    status = bench.send(action, folder, given)
                    assert (status != 403) is opened, (action, condition, given, status)
                    met.add(opened)
    assert met == {True, False}


@pytest.mark.parametrize("by", ["header", "hoisted"])
def test_a_header_and_the_query_say_the_same(bench: Bench, by: str) -> None:
    for number, sent in enumerate(each for each in SENT if each.headers and not each.only):
        if not dict(actions(sent)).get("PutObject"):
            continue
        policy = put(bench, [statement(conditions(sent)["equal"], f"{number}", "PutObject")])
        for given in (sent, None):
            keys = {sent.key: sent.value} if given else {}
            opened = predicted(policy, "PutObject", f"{number}", keys)
            status = bench.send("PutObject", f"{number}", given, by=by)
            assert (status != 403) is opened, (by, sent.key, given, status)


FIELDS = {
    "s3:x-amz-storage-class": {"x-amz-storage-class": "STANDARD_IA"},
    "s3:x-amz-acl": {"acl": "bucket-owner-full-control"},
    "s3:RequestObjectTag/a": {"tagging": TAGS},
    "s3:RequestObjectTagKeys": {"tagging": TAGS},
    "s3:x-amz-server-side-encryption": {"x-amz-server-side-encryption": "AES256"},
    "s3:x-amz-website-redirect-location": {"x-amz-website-redirect-location": "/b"},
}


@pytest.mark.parametrize("key", FIELDS)
def test_the_fields_of_a_form_count(bench: Bench, key: str) -> None:
    client = bench.box.client("s3", bench.keys)
    put(bench, [statement({"Null": {key: "false"}}, "form", "PutObject")])
    for fields in ({}, FIELDS[key]):
        form = client.generate_presigned_post(
            BUCKET,
            "form/x",
            Fields=dict(fields),
            Conditions=[{name: value} for name, value in fields.items()],
        )
        status = send_form(bench.box, form, OFFICE).status
        assert (status == 403) is bool(fields), (fields, status)


def test_who_makes_a_bucket_chooses_its_ownership(bench: Bench) -> None:
    for number, (key, value) in enumerate(
        (("s3:x-amz-object-ownership", "ObjectWriter"), ("s3:x-amz-acl", "public-read"))
    ):
        user = f"maker-{number}"
        keys = bench.box.keys(
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "s3:CreateBucket",
                "Resource": "*",
                "Condition": {"StringEquals": {key: value}},
            },
            name=user,
        )
        maker = Bench(bench.box, keys)
        refused = maker.send("CreateBucket", f"{number}a", header(key, value))
        assert (refused, maker.send("CreateBucket", f"{number}a", None)) == (403, 200)


def test_a_header_names_the_sum_of_the_body(bench: Bench) -> None:
    there = {"Null": {"s3:x-amz-content-sha256": "false"}}
    put(bench, [statement(there, "sum", "PutObject")])
    assert bench.send("PutObject", "sum", None, by="header") == 403
    assert bench.send("PutObject", "sum", None) == 200
