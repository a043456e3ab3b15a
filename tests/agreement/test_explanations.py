"""Real bodies of frequent answers, and the explanation of each: name, cause, next step."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from botocore.config import Config

from gt_secure.base.network import ProbeOrigin
from gt_secure.engine.policies.session_policy import session_policy
from gt_secure.explain.explanation import explain
from gt_secure.presign.probe import Probe, probe

from .conftest import ELSEWHERE, OFFICE, ROLE

KMS_KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SECRET = {"Bucket": "gt-images", "Key": "kms/0001.png"}


def look(box, url, **headers):
    """Fetch a URL as the probe does, with further headers."""
    origin = ProbeOrigin(
        "kernel", None, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    return explain(probe(url, origin))


def sent(box, url):
    """Send a URL that the probe itself refuses to send, and explain the answer."""
    answer = box.fetch(url)
    code, message = (re.search(f"<{name}>([^<]*)", answer.text)[1] for name in ("Code", "Message"))
    given = {"probe_origin": "kernel", "source": None, "bucket": "b", "key": "k", "elapsed_ms": 1.0}
    return explain(
        Probe(answer.status, error_code=code, error_message=message, request_id="A", **given)
    )


def old(box, key="scans/0001.png", **more):
    """Presign with signature version 2."""
    session = box.session
    s3 = session.client("s3", endpoint_url=box.url, config=Config(signature_version="s3"))
    return s3.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": key, **more}
    )


def encrypted(box, **options):
    """Store an object with a kind of encryption; returns its key."""
    box.client("s3").put_object(Bucket="gt-images", Key="encrypted/own.png", Body=b"x", **options)
    return "encrypted/own.png"


def authorization(box):
    session = box.session.get_credentials()
    scope = f"{session.access_key}/20260101/us-east-1/s3/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda box: look(box, box.presign(), Authorization=authorization(box)), "two-signatures"),
        (lambda box: look(box, box.presign(), x_amz_acl="private"), "unsigned-headers"),
        (lambda box: sent(box, re.sub("&Expires=.*", "", old(box))), "cut-url"),
        (lambda box: sent(box, re.sub("&X-Amz-Expires=[^&]*", "", box.presign())), "cut-url"),
        (lambda box: sent(box, re.sub(r"Expires=\d+", "Expires=soon", old(box))), "cut-url"),
        (
            lambda box: look(box, old(box, encrypted(box, ServerSideEncryption="aws:kms"))),
            "signature-version",
        ),
        (lambda box: look(box, box.presign(key=encrypted(box, **own_key()))), "customer-key"),
        (lambda box: look(box, box.presign(), Range="bytes=99999999-"), "range"),
        (lambda box: look(box, box.presign().replace("us-east-1", "eu-west-1")), "region"),
        (lambda box: look(box, re.sub("Signature=.", "Signature=x", box.presign())), "signature"),
        (lambda box: look(box, box.presign(key="not/there.png")), "not-found"),
    ],
    ids=[
        "two",
        "headers",
        "cut v2",
        "cut v4",
        "date",
        "kms v2",
        "sse-c",
        "range",
        "region",
        "signature",
        "no key",
    ],
)
def test_real_answers_have_a_name_a_cause_and_a_next_step(box, make, cause):
    answer = make(box)
    assert (answer.cause, answer.observed) == (cause, "unknown"), "no policy refused it"
    assert answer.why
    assert answer.next_step
    assert "Signature=" not in answer.to_text()


def own_key():
    key = b"0" * 32
    return {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(key).decode(),
        "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }


def test_the_headers_are_named(box):
    assert "x-amz-acl" in look(box, box.presign(), x_amz_acl="private").headline


def test_a_session_policy_must_name_the_key(box):
    box.client("s3").put_object(
        **SECRET, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=KMS_KEY
    )
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KMS_KEY}
    role = box.client("iam")
    role.put_role_policy(
        RoleName="GroundTruthExecution", PolicyName="kms",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [decrypt]}),
    )  # fmt: skip
    try:
        for key, status in ((None, 403), (KMS_KEY, 200)):
            policy = session_policy(
                **{name.lower(): value for name, value in SECRET.items()},
                source=OFFICE,
                kms_key=key,
            )
            session = box.client("sts").assume_role(
                RoleArn=ROLE, RoleSessionName="worker", Policy=policy
            )
            keys = session["Credentials"]
            url = box.client("s3", keys).generate_presigned_url("get_object", Params=SECRET)
            answer = box.fetch(url, OFFICE)
            assert answer.status == status, answer.text
            assert box.fetch(url, ELSEWHERE).status == 403
            if status == 403:
                assert explain(box.gt.probe(url, OFFICE)).cause == "kms"
    finally:
        role.delete_role_policy(RoleName="GroundTruthExecution", PolicyName="kms")
