"""Users and roles of random accounts sign over HTTP, and get what the list of signers says."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from gt_secure.engine.access.identities import parse_principals
from gt_secure.engine.access.signers import signers_of
from support.principals import ACCOUNT, READ, arn, random_account, role, st, trust, user
from support.rig import Rig

from .conftest import ELSEWHERE, OFFICE, Box

KEY = "scans/0001.png"


def make(box: Rig, data: dict[str, Any]) -> None:
    """Make the users, roles, groups and managed policies of an account."""
    iam = box.client("iam")
    for each in data["Policies"]:
        document = json.dumps(each["PolicyVersionList"][0]["Document"])
        iam.create_policy(PolicyName=each["Arn"].rpartition("/")[2], PolicyDocument=document)
    for each in data["GroupDetailList"]:
        iam.create_group(GroupName=each["GroupName"])
        for policy in each["AttachedManagedPolicies"]:
            iam.attach_group_policy(GroupName=each["GroupName"], PolicyArn=policy["PolicyArn"])
    for kind in ("User", "Role"):
        for each in data[f"{kind}DetailList"]:
            name = {f"{kind}Name": each[f"{kind}Name"]}
            more = (
                {"AssumeRolePolicyDocument": json.dumps(each["AssumeRolePolicyDocument"])}
                if kind == "Role"
                else {}
            )
            if "PermissionsBoundary" in each:
                more["PermissionsBoundary"] = each["PermissionsBoundary"]["PermissionsBoundaryArn"]
            getattr(iam, f"create_{kind.lower()}")(**name, Tags=each["Tags"], **more)
            for policy in each[f"{kind}PolicyList"]:
                document = json.dumps(policy["PolicyDocument"])
                getattr(iam, f"put_{kind.lower()}_policy")(
                    **name, PolicyName=policy["PolicyName"], PolicyDocument=document
                )
            for policy in each["AttachedManagedPolicies"]:
                getattr(iam, f"attach_{kind.lower()}_policy")(**name, PolicyArn=policy["PolicyArn"])
            for group in each.get("GroupList", ()):
                iam.add_user_to_group(**name, GroupName=group)


def keys_of(box: Rig, each: dict[str, Any]) -> dict[str, str]:
    if "UserName" in each:
        return dict(box.client("iam").create_access_key(UserName=each["UserName"])["AccessKey"])
    return box.assume(role=each["Arn"])


def check(box: Rig, data: dict[str, Any], bucket: dict[str, Any]) -> int:
    """Compare the answer for each principal with what it gets;
    return how many requests were sent.
    """
    make(box, data)
    if bucket["Statement"]:
        box.client("s3").put_bucket_policy(Bucket="gt-images", Policy=json.dumps(bucket))
    gt = replace(box.gt, context={"aws:SecureTransport": "false"})
    # The emulator leaves boundaries out of its authorization details, so they come as IAM prints
    # them.
    found = signers_of(gt.who_can_open("gt-images", KEY), parse_principals(json.dumps(data)))
    signing = {each.arn: each for each in found if each.signing == "signs"}
    assert not [each for each in signing.values() if each.answer == "unknown"]
    asked = 0
    for each in (*data["UserDetailList"], *data["RoleDetailList"]):
        client = box.client("s3", keys_of(box, each))
        url = client.generate_presigned_url(
            "get_object", Params={"Bucket": "gt-images", "Key": KEY}, ExpiresIn=300
        )
        ranges = (
            [ip_network(cidr) for cidr in signing[each["Arn"]].opened.cidrs]
            if each["Arn"] in signing
            else []
        )
        for source in (OFFICE, ELSEWHERE):
            opened = any(ip_address(source) in cidr for cidr in ranges)
            assert (box.fetch(url, source).status == 200) == opened, (
                each["Arn"],
                source,
                each,
                bucket,
            )
            asked += 1
    return asked


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 40))]
)
def test_random_accounts_sign_what_the_list_says(box: Box, seed: int) -> None:
    box.sandbox.reset()
    data, bucket, _ = random_account(random.Random(seed), 8)
    named = [
        each for each in bucket["Statement"] if each["Principal"] != "*" or each["Effect"] == "Deny"
    ]
    bucket["Statement"] = [
        {**{key: value for key, value in each.items() if key != "NotAction"},
         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*"}
        for each in named
    ]  # fmt: skip
    assert check(box, data, bucket) == 16


def test_who_reaches_a_signer_signs_as_it(box: Box) -> None:
    box.sandbox.reset()
    signs = role("signs", READ, trusts=trust({"AWS": arn("root")}))
    step = user("step", st("sts:AssumeRole", arn("role/signs")))
    make(
        box,
        {
            "Policies": [],
            "GroupDetailList": [],
            "UserDetailList": [step],
            "RoleDetailList": [signs],
        },
    )
    found = {each.arn: each for each in box.gt.who_can_open("gt-images", KEY).signers}
    assert (found[arn("user/step")].signing, found[arn("user/step")].chain[-1]) == (
        "reaches",
        arn("role/signs"),
    )
    assert found[arn("role/signs")].longest_s == 3600
    sts = box.client("sts", keys_of(box, step))
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/signs", RoleSessionName="tester")[
        "Credentials"
    ]
    client = box.client("s3", keys)
    url = client.generate_presigned_url(
        "get_object", Params={"Bucket": "gt-images", "Key": KEY}, ExpiresIn=300
    )
    assert box.fetch(url, OFFICE).status == 200
