"""Facts that are read for an answer: only what the policy asks for, and what may not be read stays unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gt_secure.access.facts import read_given
from gt_secure.access.read import who
from gt_secure.aws.client import Aws, connect_aws

ME = "111122223333"
WHOLE = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]


def policy(condition: dict[str, Any]) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": WHOLE, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


ORG = policy({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})
TAGS = policy({"StringEquals": {"s3:ExistingObjectTag/class": "secret", "s3:ExistingObjectTag/site": "x"}})


@pytest.fixture
def aws() -> Aws:
    return connect_aws(boto3_session=boto3.Session("AKIAEXAMPLE", "secret", region_name="us-east-1"))


@pytest.fixture
def stubs(aws: Aws) -> Iterator[dict[str, Stubber]]:
    found = {service: Stubber(aws.client(service)) for service in ("sts", "s3", "organizations", "s3control", "iam")}
    for stub in found.values():
        stub.activate()
    yield found
    for stub in found.values():
        stub.assert_no_pending_responses()


def identify(stubs: dict[str, Stubber], *, owner: bool = True) -> None:
    stubs["sts"].add_response("get_caller_identity", {"Account": ME, "Arn": f"arn:aws:iam::{ME}:user/u", "UserId": "U"})
    if owner:
        stubs["s3"].add_response("head_bucket", {}, {"Bucket": "gt-images", "ExpectedBucketOwner": ME})


def read(aws: Aws, text: str | None) -> dict[str, Any]:
    return dict(read_given(aws, text, bucket="gt-images", key="k").values)


@pytest.mark.parametrize(
    "text",
    [None, "not json", policy({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
     policy({"StringEquals": {"aws:Referer": "x", "s3:authType": "POST"}})],
)  # fmt: skip
def test_a_policy_that_asks_for_no_fact_costs_no_call(aws: Aws, stubs: dict[str, Stubber], text: str | None) -> None:
    assert read(aws, text) == {}


def test_the_organization_is_read_when_it_is_asked_for(aws: Aws, stubs: dict[str, Stubber]) -> None:
    identify(stubs)
    stubs["organizations"].add_response("describe_organization", {"Organization": {"Id": "o-a1b2c3d4e5"}})
    stubs["organizations"].add_client_error("list_parents", "AccessDeniedException", http_status_code=403)
    assert read(aws, ORG) == {"aws:principalorgid": ("o-a1b2c3d4e5",)}


def test_an_account_without_an_organization_has_no_such_key(aws: Aws, stubs: dict[str, Stubber]) -> None:
    identify(stubs)
    stubs["organizations"].add_client_error("describe_organization", "AWSOrganizationsNotInUseException")
    assert read(aws, ORG) == {"aws:principalorgid": ()}


def test_tags_of_the_object_that_are_not_there_are_absent(aws: Aws, stubs: dict[str, Stubber]) -> None:
    identify(stubs)
    stubs["s3"].add_response("get_object_tagging", {"TagSet": [{"Key": "class", "Value": "scan"}]})
    assert read(aws, TAGS) == {"s3:existingobjecttag/class": ("scan",), "s3:existingobjecttag/site": ()}


@pytest.mark.parametrize("text", [ORG, TAGS])
def test_what_may_not_be_read_stays_unknown(aws: Aws, stubs: dict[str, Stubber], text: str) -> None:
    identify(stubs, owner=False)
    stubs["s3"].add_client_error("head_bucket", "403", http_status_code=403)
    if text == ORG:
        stubs["organizations"].add_client_error("describe_organization", "AccessDeniedException", http_status_code=403)
    else:
        stubs["s3"].add_client_error("get_object_tagging", "AccessDenied", http_status_code=403)
    assert read(aws, text) == {}


@pytest.mark.parametrize(("known", "opens"), [("o-a1b2c3d4e5", True), ("o-other12345", False), ("", None)])
def test_the_table_uses_what_was_read(
    aws: Aws, stubs: dict[str, Stubber], monkeypatch: pytest.MonkeyPatch, known: str, opens: bool | None
) -> None:
    from gt_secure.access import read as module
    from gt_secure.aws.buckets import BucketState
    from gt_secure.iam.facts import Facts

    state = BucketState("gt-images", "us-east-1", policy_text=ORG)
    given = Facts({"aws:principalorgid": (known,)} if known else {})
    monkeypatch.setattr(module, "read_bucket", lambda *_: state)
    monkeypatch.setattr(module, "read_given", lambda *_, **__: given)
    identify(stubs, owner=False)
    rows = who(aws, "gt-images", "k", ["203.0.113.7"], forwarded_from=None)
    assert {row.opens for row in rows} == {opens}
