"""Facts that are read: only what a policy asks for, and what may not be read stays unknown.

botocore's Stubber checks each call and each answer against the API's own model.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.stub import Stubber

from gt_secure.account.fact_reader import READ_ACCOUNT_BLOCK, read_account_block, read_facts
from gt_secure.account.organization import Organization
from gt_secure.account.state import State
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.policies.public_access import READ_STATUS, may_be_public
from support import states
from support.organizations import no_organization
from support.stubs import Stubs

ME, OTHER, ORG = "111122223333", "444455556666", "o-a1b2c3d4e5"
PATH = f"{ORG}/r-ab12/ou-ab12-11111111/"
ROLE = f"arn:aws:iam::{ME}:role/path/GTWorker"
WHOLE = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]
DENIED = NotRead(
    "the organization", "organizations:DescribeOrganization", "denied", "This role may not."
)
MEMBER = Organization(Part.of(ORG), Part.of(PATH), Part.of(()), Part.of(()), Part.of(False))
HIDDEN = Organization(*[Part.unread(DENIED)] * 5)


def policy(condition: dict[str, Any], effect: str = "Deny") -> dict[str, Any]:
    statement = {"Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": WHOLE}
    return {
        "Version": "2012-10-17",
        "Statement": [{**statement, **({"Condition": condition} if condition else {})}],
    }


ORGANIZATION = policy({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG}})
TAGS = policy(
    {"StringEquals": {"s3:ExistingObjectTag/class": "secret", "s3:ExistingObjectTag/site": "x"}}
)
ROLES = policy({"StringNotEquals": {"aws:PrincipalTag/team": "radiology"}})
PUBLIC = policy({}, "Allow")


def identify(stubs: Stubs) -> None:
    identity = {
        "Account": ME,
        "Arn": f"arn:aws:sts::{ME}:assumed-role/GTWorker/s",
        "UserId": "AROA:s",
    }
    stubs["sts"].add_response("get_caller_identity", identity)


def refuse(stub: Stubber, operation: str, code: str = "AccessDenied") -> None:
    stub.add_client_error(operation, code, http_status_code=403)


def read(stubs: Stubs, document: dict[str, Any] | str | None, **more: Any) -> Facts:
    text = json.dumps(document) if isinstance(document, dict) else document
    key, signer, endpoints = (
        more.pop("key", "k"),
        more.pop("signer", ROLE),
        more.pop("endpoints", ()),
    )
    seen: State = states.state(
        bucket=states.data_bucket(policy=text, public_access_block=more.pop("block", {})),
        facts=Facts({"aws:principalarn": (signer,)}),
        endpoints=endpoints,
        **({"organization": MEMBER} | more),
    )
    own = seen.bucket.public_access_block.value  # type: ignore[union-attr]
    if may_be_public(text) and not own and not seen.account_block.was_asked:
        seen = states.with_parts(seen, account_block=read_account_block(stubs.aws))
    return read_facts(stubs.aws, seen, key)


@pytest.mark.parametrize(
    "document",
    [None, "not json", policy({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
     policy({"StringEquals": {"aws:Referer": "x", "s3:authType": "POST"}})],
)  # fmt: skip
def test_a_policy_that_asks_for_no_fact_costs_no_call(stubs: Stubs, document: Any) -> None:
    assert read(stubs, document) == Facts()


@pytest.mark.parametrize(
    ("organization", "values", "missing"),
    [
        (MEMBER, {"aws:principalorgid": (ORG,)}, ()),
        (no_organization(), {"aws:principalorgid": ()}, ()),
        (HIDDEN, {}, ("organizations:DescribeOrganization",)),
    ],
)
def test_the_organization_is_that_of_the_state(
    stubs: Stubs, organization: Any, values: Any, missing: Any
) -> None:
    found = read(stubs, ORGANIZATION, organization=organization)
    assert (dict(found.values), found.missing) == (values, missing)


def test_keys_that_only_another_policy_names_are_read_too(stubs: Stubs) -> None:
    perimeter = policy({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG}})
    limit = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*",
                       "Condition": {"Null": {"aws:PrincipalOrgPaths": "true"}}}],
    }  # fmt: skip
    organization = Organization(
        Part.of(ORG), Part.of(PATH), Part.of((perimeter,)), Part.of((limit,)), Part.of(False)
    )
    found = read(stubs, None, organization=organization)
    assert found.values == {"aws:principalorgid": (ORG,), "aws:principalorgpaths": (PATH,)}
    endpoint = VpcEndpoint(
        "vpce-1", "vpc-1", "Gateway", "available", policy_text=json.dumps(perimeter)
    )
    assert read(stubs, None, endpoints=(endpoint,)).values == {"aws:principalorgid": (ORG,)}


@pytest.mark.parametrize("organization", [MEMBER, no_organization()])
def test_the_owner_of_the_bucket(stubs: Stubs, organization: Organization) -> None:
    identify(stubs)
    stubs["s3"].add_response("head_bucket", {}, {"Bucket": "gt-images", "ExpectedBucketOwner": ME})
    asks = policy({"StringNotEquals": {"aws:ResourceAccount": ME, "aws:ResourceOrgID": ORG}})
    assert read(stubs, asks, organization=organization).values == {
        "aws:resourceaccount": (ME,),
        "aws:resourceorgid": (ORG,) if organization is MEMBER else (),
    }


def test_an_owner_that_is_not_known_has_no_organization(stubs: Stubs) -> None:
    identify(stubs)
    refuse(stubs["s3"], "head_bucket", "403")
    found = read(stubs, policy({"StringNotEquals": {"aws:ResourceOrgID": ORG}}))
    assert (dict(found.values), found.missing) == ({}, ("s3:ListBucket",))


def test_tags_of_the_object_that_are_not_there_are_absent(stubs: Stubs) -> None:
    tags = {"TagSet": [{"Key": "class", "Value": "scan"}]}
    stubs["s3"].add_response("get_object_tagging", tags, {"Bucket": "gt-images", "Key": "k"})
    found = read(stubs, TAGS)
    assert found.values == {
        "s3:existingobjecttag/class": ("scan",),
        "s3:existingobjecttag/site": (),
    }
    assert read(stubs, TAGS, key=None).values == {}


def test_the_tags_of_the_role_are_read_under_an_assumption(stubs: Stubs) -> None:
    tags = {"Tags": [{"Key": "team", "Value": "radiology"}]}
    stubs["iam"].add_response("list_role_tags", tags, {"RoleName": "GTWorker"})
    found = read(stubs, ROLES)
    assert found.values == {"aws:principaltag/team": ("radiology",)}
    assert found.notes == ("Sessions of the role pass no tags of their own.",)
    assert read(stubs, ROLES, signer=f"arn:aws:iam::{ME}:user/u").values == {}


@pytest.mark.parametrize(
    ("document", "service", "operation", "action"),
    [
        (TAGS, "s3", "get_object_tagging", "s3:GetObjectTagging"),
        (ROLES, "iam", "list_role_tags", "iam:ListRoleTags"),
    ],
)
def test_what_may_not_be_read_stays_unknown(
    stubs: Stubs, document: dict[str, Any], service: str, operation: str, action: str
) -> None:
    refuse(stubs[service], operation)
    found = read(stubs, document)
    assert (dict(found.values), found.missing, found.notes) == ({}, (action,), ())


@pytest.mark.parametrize("owner", [ME, OTHER, ""])
def test_the_owner_of_an_endpoint_is_a_fact(stubs: Stubs, owner: str) -> None:
    if owner:
        identify(stubs)
    endpoint = VpcEndpoint("vpce-1", "vpc-1", "Gateway", "available", owner=owner)
    asked = {"aws:VpceOrgID": ORG, "aws:VpceOrgPaths": PATH}
    found = read(stubs, policy({"StringNotEqualsIfExists": asked}), endpoints=(endpoint,))
    keys = {"aws:sourcevpc": ("vpc-1",)} | ({"aws:vpceaccount": (owner,)} if owner else {})
    assert found.endpoints == {
        "vpce-1": keys
        | ({"aws:vpceorgid": (ORG,), "aws:vpceorgpaths": (PATH,)} if owner == ME else {})
    }


def block(stubs: Stubs, settings: dict[str, bool] | None) -> None:
    identify(stubs)
    if settings is None:
        stubs["s3control"].add_client_error(
            "get_public_access_block", "NoSuchPublicAccessBlockConfiguration", "", 404
        )
    else:
        answer = {"PublicAccessBlockConfiguration": settings}
        stubs["s3control"].add_response("get_public_access_block", answer, {"AccountId": ME})


@pytest.mark.parametrize("settings", [None, {"BlockPublicPolicy": True}])
def test_block_public_access_of_the_account_is_read_for_a_public_policy(
    stubs: Stubs, settings: Any
) -> None:
    block(stubs, settings)
    found = read_account_block(stubs.aws)
    assert found.value == {
        "BlockPublicAcls": False, "IgnorePublicAcls": False, "RestrictPublicBuckets": False,
        "BlockPublicPolicy": settings is not None,
    }  # fmt: skip
    assert read(stubs, PUBLIC, account_block=found).policy_is_public is None


@pytest.mark.parametrize("by", ["bucket", "account"])
@pytest.mark.parametrize("public", [True, False])
def test_the_verdict_of_s3_counts_where_public_access_is_blocked(
    stubs: Stubs, by: str, public: bool
) -> None:
    on = {"RestrictPublicBuckets": True}
    if by == "account":
        block(stubs, on)
    stubs["s3"].add_response("get_bucket_policy_status", {"PolicyStatus": {"IsPublic": public}})
    found = read(stubs, PUBLIC, block=on if by == "bucket" else {})
    assert found.policy_is_public is public
    assert any("S3 calls the bucket policy" in note for note in found.notes)


def test_an_unread_verdict_of_s3_is_missing_where_ours_is_not_sure(stubs: Stubs) -> None:
    narrowed = policy({}, "Allow")
    narrowed["Statement"] += policy({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})[
        "Statement"
    ]
    for document, missing in ((PUBLIC, ()), (narrowed, (READ_STATUS,))):
        refuse(stubs["s3"], "get_bucket_policy_status")
        assert read(stubs, document, block={"RestrictPublicBuckets": True}).missing == missing


def test_an_unread_block_of_the_account_is_missing(stubs: Stubs) -> None:
    identify(stubs)
    refuse(stubs["s3control"], "get_public_access_block")
    assert read(stubs, PUBLIC).missing == (READ_ACCOUNT_BLOCK,)
