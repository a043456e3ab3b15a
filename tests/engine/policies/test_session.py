import json
import re

import pytest
from hypothesis import given, strategies as st

from gt_secure.base.errors import InvalidInput, PolicyError
from gt_secure.base.network import Source
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import header_context, presigned_context
from gt_secure.engine.policies.session_policy import MAX_SESSION_POLICY, session_policy

SESSION = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/test"
IDENTITY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


def ask(policy, source, *, key="scans/0001.png", action="s3:GetObject", version=None, via=False):
    more = {"aws:ViaAWSService": str(via).lower(), **({"s3:VersionId": version} if version else {})}
    context = presigned_context(source, extra=more)
    resource = key if key.startswith("arn:") else f"arn:aws:s3:::gt-images/{key}"
    return evaluate(
        Request(action, resource, SESSION, context), Policies(identity=[IDENTITY], session=policy)
    ).allowed


def test_one_public_address():
    policy = session_policy("gt-images", "scans/0001.png", source="203.0.113.7")
    assert json.loads(policy)["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::gt-images/scans/0001.png",
            "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.7/32"]}},
        }
    ]
    assert ask(policy, "203.0.113.7")
    assert not ask(policy, "203.0.113.8")
    assert not ask(policy, "203.0.113.7 via vpce-0a1b2c3d")
    assert not ask(policy, "203.0.113.7", key="scans/0002.png")
    assert not ask(policy, "203.0.113.7", action="s3:PutObject")


def test_one_address_behind_an_endpoint():
    policy = session_policy(
        "gt-images", "scans/0001.png", source=Source.parse("10.0.3.4 via vpce-0a1b2c3d")
    )
    assert ask(policy, "10.0.3.4 via vpce-0a1b2c3d")
    assert not ask(policy, "10.0.3.5 via vpce-0a1b2c3d")
    assert not ask(policy, "10.0.3.4")


def test_without_a_lock_it_works_from_anywhere_but_for_one_object():
    policy = session_policy("gt-images", "k")
    assert ask(policy, "198.51.100.1", key="k")
    assert not ask(policy, "198.51.100.1", key="kk")


def test_a_version_needs_the_version_action():
    policy = session_policy("gt-images", "k", version_id="v1", source="203.0.113.7")
    assert ask(policy, "203.0.113.7", key="k", action="s3:GetObjectVersion", version="v1")
    assert not ask(policy, "203.0.113.7", key="k", action="s3:GetObjectVersion", version="v2")
    assert not ask(policy, "203.0.113.7", key="k")
    assert not ask(policy, "203.0.113.8", key="k", action="s3:GetObjectVersion", version="v1")


def test_kms_is_allowed_for_calls_that_s3_makes_only():
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    policy = session_policy("gt-images", "k", source="203.0.113.7", kms_key=key)

    def decrypt(via):
        context = header_context("198.51.100.9", extra={"aws:ViaAWSService": str(via).lower()})
        identity = {"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}
        return evaluate(
            Request("kms:Decrypt", key, SESSION, context), Policies([identity], policy)
        ).allowed

    assert decrypt(True)
    assert not decrypt(False)


def test_the_limit_of_sts():
    with pytest.raises(PolicyError, match=r"characters; STS takes 2,048") as caught:
        session_policy("gt-images", "k" * MAX_SESSION_POLICY)
    assert "shorter key" in caught.value.next_step


def test_the_longest_policy_has_exactly_2048_characters():
    room = MAX_SESSION_POLICY - len(session_policy("gt-images", "k"))
    assert len(session_policy("gt-images", "k" * (room + 1))) == MAX_SESSION_POLICY
    with pytest.raises(PolicyError):
        session_policy("gt-images", "k" * (room + 2))


@pytest.mark.parametrize(("bucket", "key"), [("", "k"), ("b", "")])
def test_it_needs_one_object(bucket, key):
    with pytest.raises(InvalidInput):
        session_policy(bucket, key)


keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
odd = st.text("*?${},'ab/:é中\\\"", min_size=1, max_size=20)


@given(st.one_of(keys, odd), st.one_of(keys, odd))
def test_any_key_names_itself_and_nothing_else(key, other):
    policy = session_policy("gt-images", key)
    assert re.fullmatch(r"[\t\n\r\u0020-\u00FF]+", policy)  # what STS accepts as Policy
    assert ask(policy, "203.0.113.7", key=f"arn:aws:s3:::gt-images/{key}")
    if other != key:
        assert not ask(policy, "203.0.113.7", key=f"arn:aws:s3:::gt-images/{other}")


def test_an_endpoint_without_an_address_limits_to_the_endpoint():
    policy = session_policy("gt-images", "k", source="vpce-0a1b2c3d")
    assert ask(policy, "10.0.3.4 via vpce-0a1b2c3d", key="k")
    assert not ask(policy, "10.0.3.4 via vpce-0b1b2c3d", key="k")
    assert not ask(policy, "203.0.113.7", key="k")
