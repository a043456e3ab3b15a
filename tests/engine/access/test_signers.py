"""Who can sign: users and roles by class, from what IAM prints,
and the same answers as for each principal alone.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.access.identities import Principals, parse_principals
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.engine.access.signers import Signers, signers_of
from gt_secure.engine.iam import Policies, Request, evaluate, presigned_context
from support.examples import examples
from support.principals import (
    ACCOUNT,
    OBJECT,
    READ,
    ROOT,
    arn,
    details,
    doc,
    group,
    policy,
    random_account,
    role,
    st,
    trust,
    user,
)  # fmt: skip

KEY = OBJECT.partition("gt-images/")[2]
EVERYWHERE = ["0.0.0.0/0", "::/0"]
RED = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/named/bob"


def ask(
    *people: dict[str, Any], bucket: Any = None, scp: Any = (), rcp: Any = (), **context: Any
) -> Signers:
    locks = locks_of_policies(
        "gt-images", bucket, ACCOUNT, scp=tuple(scp), rcp=tuple(rcp), **context
    )
    return signers_of(Exposure(locks, KEY), parse_principals(json.dumps(details(*people))))


def grant(principal: object, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    made = {
        "Effect": effect,
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    return doc({**made, "Condition": condition} if condition else made)


MANAGED = policy("reading", doc(), doc(READ))
SIGNING: dict[str, tuple[tuple[dict[str, Any], ...], dict[str, Any], str]] = {
    "inline": ((user("x", READ),), {}, "opened"),
    "nothing": ((user("x"),), {}, "refused"),
    "default version": ((user("x", managed=[arn("policy/reading")]), MANAGED), {}, "opened"),
    "not the first version": (
        (user("x", managed=[arn("policy/p")]), policy("p", doc(READ), doc(st("s3:List*")))), {}, "refused",
    ),
    "by a group": ((user("x", groups=["g"]), group("g", arn("policy/reading")), MANAGED), {}, "opened"),
    "a group that was not read": ((user("x", groups=["g"]),), {}, "unknown"),
    "a managed policy that was not read": ((user("x", managed=["arn:aws:iam::aws:policy/Big"]),), {}, "unknown"),
    "unread, and denied": (
        (user("x", st("s3:*", effect="Deny"), managed=["arn:aws:iam::aws:policy/Big"]),), {}, "refused",
    ),
    "boundary": ((user("x", READ, boundary=arn("policy/p")), policy("p", doc(st("ec2:*")))), {}, "refused"),
    "boundary that was not read": ((user("x", READ, boundary=arn("policy/p")),), {}, "unknown"),
    "boundary, and named by ARN": (
        (user("x", boundary=arn("policy/p")), policy("p", doc(st("ec2:*")))),
        {"bucket": grant({"AWS": arn("user/x")})}, "opened",
    ),
    "boundary, and a role named by ARN": (
        (role("x", boundary=arn("policy/p")), policy("p", doc(st("ec2:*")))),
        {"bucket": grant({"AWS": arn("role/x")})}, "refused",
    ),
    "SCP": ((user("x", READ),), {"scp": [doc(st("*"), st("s3:*", effect="Deny"))]}, "refused"),
    "SCP, service-linked": (
        (role("AWSServiceRoleForX", READ, path="/aws-service-role/x.amazonaws.com/"),),
        {"scp": [doc(st("*"), st("s3:*", effect="Deny"))]}, "opened",
    ),
    "SCP, only named like service-linked": (
        (role("AWSServiceRoleForX", READ),), {"scp": [doc(st("*"), st("s3:*", effect="Deny"))]}, "refused",
    ),
    "SCP that allows something else": ((user("x", READ),), {"scp": [doc(st("ec2:*"))]}, "refused"),
    "level of SCPs without an Allow": ((user("x", READ),), {"scp": [(doc(st("ec2:*", effect="Deny")),)]}, "refused"),
    "level of SCPs with one Sid": (
        (user("x", READ),),
        {"scp": [(doc({**st("ec2:*", effect="Deny"), "Sid": "S"}), doc({**st("*"), "Sid": "S"}))]}, "opened",
    ),
    "RCP without Allow for it": (
        (user("x", READ),),
        {"rcp": [doc({"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"})]}, "refused",
    ),
    "bucket policy denies": ((user("x", READ),), {"bucket": grant("*", "Deny")}, "refused"),
    "bucket policy spares": (
        (user("x", READ),),
        {"bucket": grant("*", "Deny", ArnNotLike={"aws:PrincipalArn": [arn("user/x"), arn("root")]})}, "opened",
    ),
    "own tag": ((user("x", st("s3:GetObject", **RED), tags={"Team": "red"}),), {}, "opened"),
    "other tag": ((user("x", st("s3:GetObject", **RED), tags={"team": "blue"}),), {}, "refused"),
    "session tag": (
        (role("x", st("s3:GetObject", **RED), trusts=trust(ROOT, ["sts:AssumeRole", "sts:TagSession"])),), {}, "opened",
    ),
    "session tag, by NotAction": (
        (role("x", st("s3:GetObject", **RED), trusts=doc(
            {"Effect": "Allow", "Principal": ROOT, "NotAction": "sts:AssumeRoleWithSAML"})),), {}, "opened",
    ),
    "session tag that the trust does not let through": (
        (role("x", st("s3:GetObject", **RED), trusts=doc(
            *trust(ROOT)["Statement"],
            *trust(ROOT, "sts:TagSession", StringEquals={"aws:RequestTag/team": "green"})["Statement"])),),
        {}, "refused",
    ),
    "no session tags": ((role("x", st("s3:GetObject", **RED), trusts=trust(ROOT)),), {}, "refused"),
    "a tag of the bucket": (
        (user("x", st("s3:GetObject", StringEquals={"aws:ResourceTag/a": "b"})),), {}, "unknown",
    ),
    "a fact that nobody knows": (
        (user("x", st("s3:GetObject", StringEquals={"aws:PrincipalOrgID": "o-abc"})),), {}, "unknown",
    ),
    "another account": ((user("x", READ),), {"bucket": None, "other": True}, "refused"),
    "not JSON": (
        (user("x") | {"UserPolicyList": [{"PolicyName": "p", "PolicyDocument": "%7B"}]},), {}, "unknown",
    ),
    "not valid": ((user("x", st("s3:GetObject", Nonsense={"a": "b"})),), {}, "unknown"),
    "no version, so that a variable is only text": (
        (user("scans") | {"UserPolicyList": [{"PolicyName": "p", "PolicyDocument": {
            "Statement": [st("s3:GetObject", "arn:aws:s3:::gt-images/${aws:username}/*")]}}]},), {}, "refused",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNING)
def test_who_holds_the_permission(name: str) -> None:
    people, around, expected = SIGNING[name]
    if "other" in around:
        around = {}
        people = tuple(
            {**each, "Arn": each["Arn"].replace(ACCOUNT, "444455556666")} for each in people
        )
    found = ask(*people, **around)
    (item,) = (*found, *found.refused)
    assert (item.signing, item.answer) == ("signs", expected)
    assert bool(item.depends_on) == (expected == "unknown")


def test_from_where_and_how_long() -> None:
    aged = grant("*", "Deny", NumericGreaterThan={"s3:signatureAge": "600000"})
    aged["Statement"].append(
        {**grant("*", "Deny", StringEquals={"s3:signatureversion": "AWS"})["Statement"][0]}
    )
    office = user("x", st("s3:GetObject", IpAddress={"aws:SourceIp": "203.0.113.0/24"}))
    found = ask(office, role("y", READ, MaxSessionDuration=7200), role("z", READ), user("w", READ))
    by_name = {each.arn.rpartition("/")[2]: each for each in found}
    assert by_name["x"].opened.places() == {"cidrs": ["203.0.113.0/24"], "endpoints": []}
    assert by_name["w"].opened.places() == {"cidrs": EVERYWHERE, "endpoints": "any"}
    assert {name: each.longest_s for name, each in by_name.items()} == {
        "x": 604800,
        "y": 7200,
        "z": None,
        "w": 604800,
    }
    assert {each.longest_s for each in ask(user("x", READ), role("z", READ), bucket=aged)} == {600}


@pytest.mark.parametrize(
    ("ages", "longest_s"),
    [
        ({"scans/a/*": 600, "scans/*": 1200}, 1200),
        ({"scans/a/*": 600}, 604800),
        ({"scans/*": 600}, 600),
    ],
    ids=["each key has one", "some keys have none", "all keys have the same"],
)
def test_a_url_of_a_prefix_lives_as_long_as_its_oldest_key_allows(
    ages: dict[str, int], longest_s: int
) -> None:
    denied = [
        st(
            "s3:GetObject",
            f"arn:aws:s3:::gt-images/{keys}",
            effect="Deny",
            NumericGreaterThan={"s3:signatureAge": age * 1000},
        )
        for keys, age in ages.items()
    ]
    # it states no age
    denied.append(st("s3:GetObject", effect="Deny", StringEquals={"s3:signatureversion": "AWS"}))
    policy = doc(*({**each, "Principal": "*"} for each in denied))
    exposure = Exposure(locks_of_policies("gt-images", policy, ACCOUNT), "scans/", is_prefix=True)
    [found] = signers_of(exposure, parse_principals(json.dumps(details(user("x", READ)))))
    assert found.longest_s == longest_s


def test_the_name_of_a_session_is_open() -> None:
    found = ask(role("named", trusts=trust(ROOT)), bucket=grant({"AWS": SESSION}))
    assert found[0].opened.when == ('for a session named "bob"',)
    only = trust(ROOT, StringEquals={"sts:RoleSessionName": "ann"})
    assert not ask(role("named", trusts=only), bucket=grant({"AWS": SESSION}))
    for name, named in (("ann", ['for a session named "bob"']), ("bob", [])):
        refused = st("sts:AssumeRole", effect="Deny", StringEquals={"sts:RoleSessionName": name})
        del refused["Resource"]
        trusts = doc(*trust(ROOT)["Statement"], {**refused, "Principal": "*"})
        found = ask(role("named", trusts=trusts), bucket=grant({"AWS": SESSION}))
        assert [phrase for each in found for phrase in each.opened.when] == named
        # who signs in with MFA keeps the name
        refused["Condition"]["Bool"] = {"aws:MultiFactorAuthPresent": "false"}
        trusts = doc(*trust(ROOT)["Statement"], {**refused, "Principal": "*"})
        assert ask(role("named", trusts=trusts), bucket=grant({"AWS": SESSION}))[0].opened.when
    by_id = grant("*", StringLike={"aws:userid": "*:bob"})
    assert ask(role("named", trusts=trust(ROOT)), bucket=by_id)[0].opened.when == (
        'for a session named "bob"',
    )
    denied = grant("*", "Deny", StringLike={"aws:userid": "*:bob"})
    assert ask(role("named", READ), bucket=denied)[0].opened.when == (
        'for a session not named "bob"',
    )


SIGNS = role("signs", READ, trusts=trust(ROOT))
FOR_SAGEMAKER = role("signs", READ, trusts=trust({"Service": "sagemaker.amazonaws.com"}))
PASSES = st(
    "iam:PassRole",
    arn("role/signs"),
    StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"},
)
TRAINS = st("sagemaker:CreateTrainingJob", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/*")
MAY = st("sts:AssumeRole", arn("role/signs"))
REACHING: dict[str, tuple[tuple[dict[str, Any], ...], str, str]] = {
    "may assume": ((user("x", MAY), SIGNS), "opened", ""),
    "named by the trust policy": ((user("x"), role("signs", READ, trusts=trust({"AWS": arn("user/x")}))), "opened", ""),
    "no permission": ((user("x"), SIGNS), "refused", ""),
    "no trust": ((user("x", MAY), role("signs", READ)), "refused", ""),
    "denied": ((user("x", MAY, st("sts:*", effect="Deny")), SIGNS), "refused", ""),
    "external id": (
        (user("x", MAY), role("signs", READ, trusts=trust(ROOT, StringEquals={"sts:ExternalId": "e1"}))),
        "opened", 'with sts:ExternalId "e1"',
    ),
    "session name": (
        (user("x", MAY), role("signs", READ, trusts=trust(ROOT, StringEquals={"sts:RoleSessionName": "ann"}))),
        "opened", 'with sts:RoleSessionName "ann"',
    ),
    "from an address": (
        (user("x", st("sts:AssumeRole", IpAddress={"aws:SourceIp": "203.0.113.0/24"})), SIGNS),
        "opened", "from 203.0.113.0/24",
    ),
    "MFA": (
        (user("x", MAY), role("signs", READ, trusts=trust(ROOT, Bool={"aws:MultiFactorAuthPresent": "true"}))),
        "unknown", "",
    ),
    "trust that was not read": ((user("x", MAY), {**SIGNS, "AssumeRolePolicyDocument": "{"}), "unknown", ""),
    "passes to a training job": ((user("x", PASSES, TRAINS), FOR_SAGEMAKER), "opened", "job or notebook"),
    "passes, starts nothing": ((user("x", PASSES), FOR_SAGEMAKER), "refused", ""),
    "passes, and may start something": (
        (user("x", PASSES, st("sagemaker:CreateTrainingJob", StringEquals={"aws:PrincipalOrgID": "o-abc"})),
         FOR_SAGEMAKER), "unknown", "",
    ),
    "starts, passes nothing": ((user("x", TRAINS), FOR_SAGEMAKER), "refused", ""),
    "passes a role that SageMaker cannot use": ((user("x", PASSES, TRAINS), SIGNS), "refused", ""),
    "passes to another service": (
        (user("x", st("iam:PassRole", StringEquals={"iam:PassedToService": "ec2.amazonaws.com"}), TRAINS),
         FOR_SAGEMAKER), "refused", "",
    ),
    "transform job without a model": (
        (user("x", PASSES, st("sagemaker:CreateTransformJob")), FOR_SAGEMAKER), "refused", "",
    ),
    "transform job": (
        (user("x", PASSES, st(["sagemaker:CreateTransformJob", "sagemaker:CreateModel"])), FOR_SAGEMAKER),
        "opened", "job",
    ),
    "labeling job": (
        (user("x", PASSES, st("sagemaker:CreateLabelingJob")), FOR_SAGEMAKER),
        "opened", "has images signed for workers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REACHING)
def test_who_reaches_a_signer(name: str) -> None:
    people, expected, when = REACHING[name]
    found = ask(*people)
    item = next(each for each in (*found, *found.refused) if each.arn == arn("user/x"))
    assert item.answer == expected
    if expected != "refused":
        assert (item.signing, item.chain) == ("reaches", (arn("user/x"), arn("role/signs")))
        assert when in " ".join(item.opened.when)
        assert bool(item.opened.when) == bool(when)


def test_a_chain_ends_after_an_hour() -> None:
    step = role("step", MAY, trusts=trust({"AWS": arn("user/x")}))
    found = {
        each.arn: each for each in ask(user("x"), step, {**SIGNS, "MaxSessionDuration": 43200})
    }
    assert found[arn("user/x")].chain == (arn("user/x"), arn("role/step"), arn("role/signs"))
    assert {found[arn(name)].longest_s for name in ("user/x", "role/step")} == {3600}
    assert found[arn("role/signs")].longest_s == 43200


BECOMING: dict[str, tuple[dict[str, Any], ...]] = {
    "iam:PutUserPolicy": (user("x", st("iam:PutUserPolicy", arn("user/${aws:username}"))),),
    "iam:AttachUserPolicy": (user("x", st("iam:Attach*")),),
    "iam:PutRolePolicy": (role("x", st("iam:PutRolePolicy", arn("role/x"))),),
    "iam:PutGroupPolicy": (user("x", st("iam:PutGroupPolicy"), groups=["g"]), group("g")),
    "iam:AddUserToGroup": (user("x", st("iam:AddUserToGroup")), group("g", arn("policy/reading")), MANAGED),
    "iam:CreatePolicyVersion": (
        user("x", st("iam:CreatePolicyVersion"), managed=[arn("policy/p")]), policy("p", doc(st("ec2:*"))),
    ),
    "iam:UpdateAssumeRolePolicy": (user("x", st("iam:UpdateAssumeRolePolicy", arn("role/*"))), role("y", READ)),
    "iam:CreateAccessKey": (user("x", st("iam:CreateAccessKey")), user("y", READ)),
    "s3:PutBucketPolicy": (user("x", st("s3:PutBucketPolicy", "arn:aws:s3:::gt-images")),),
    "": (
        user("x", st("iam:PutUserPolicy", arn("user/somebody-else")), st("s3:PutBucketPolicy", "arn:aws:s3:::other")),
        user("y", st("iam:CreateAccessKey")),
    ),
}  # fmt: skip
ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-abc"}}
MAY_BECOME = st("iam:PutUserPolicy", **ORGANIZATION)


@pytest.mark.parametrize("action", BECOMING)
def test_who_can_become_one(action: str) -> None:
    found = [each for each in ask(*BECOMING[action]) if each.arn.endswith("/x")]
    assert [each.signing for each in found] == (["can-become"] if action else [])
    assert not action or found[0].opened.when[0].startswith(f"after {action} on ")


def test_grants_that_a_signer_does_not_need_are_no_choice_of_it() -> None:
    tags = [
        grant("*", StringEquals={f"aws:PrincipalTag/t{n}": "x"})["Statement"][0] for n in range(9)
    ]
    opens = role("x", READ, trusts=trust(ROOT, ["sts:AssumeRole", "sts:TagSession"]))
    assert ask(opens, bucket=doc(*tags))[0].opened.when == ()


def test_it_is_unknown_who_can_become_one_where_a_fact_decides_it() -> None:
    [item] = ask(user("x", MAY_BECOME))
    assert (item.signing, item.answer, item.depends_on) == (
        "can-become",
        "unknown",
        ("aws:PrincipalOrgID",),
    )
    [item] = ask(user("x", MAY_BECOME, st("iam:AttachUserPolicy")))
    assert (item.answer, item.opened.when[0]) == (
        "opened",
        f"after iam:AttachUserPolicy on {arn('user/x')}",
    )
    [item] = ask(user("x", READ, st("iam:PutUserPolicy")))
    assert (item.signing, item.answer, item.opened.when) == ("signs", "opened", ())


def test_nobody_becomes_one_by_a_policy_of_aws() -> None:
    """A customer cannot change the versions of such a policy, whatever its own policies allow."""
    of_aws = {**policy("Big", doc(st("ec2:*"))), "Arn": "arn:aws:iam::aws:policy/Big"}
    assert not ask(user("x", st("iam:*Policy*Version", "*"), managed=[of_aws["Arn"]]), of_aws)


def test_nobody_becomes_what_an_organization_refuses() -> None:
    denied = [doc(st("*"), st("s3:GetObject", effect="Deny"))]
    for people in BECOMING.values():
        assert not ask(*people, scp=denied)


def naive(people: Principals, bucket: Any, scp: Any) -> dict[tuple[str, str], bool]:
    """Decide each principal alone with all its documents,
    for a session and for addresses that the policies name.
    """
    answers = {}
    for each in people.all:
        documents = [doc(*policy.statements) for policy in each.policies]
        limit = each.boundary and doc(*each.boundary.statements)
        policies = Policies(documents, boundary=limit, resource=bucket, scp=scp)
        extra = {f"aws:PrincipalTag/{key}": value for key, value in each.tags.items()}
        extra["aws:PrincipalType"] = "AssumedRole" if each.is_role else "User"
        extra |= {} if each.is_role else {"aws:username": each.arn.rpartition("/")[2]}
        for address in ("203.0.113.7", "203.0.113.200", "198.51.100.9", "192.0.2.1"):
            made = [
                Request(
                    "s3:GetObject", OBJECT, each.caller.text,
                    presigned_context(address, principal_arn=each.arn, extra=extra, secure=secure), ACCOUNT,
                )
                for secure in (True, False)
            ]  # fmt: skip
            answers[each.arn, address] = any(
                evaluate(request, policies).allowed for request in made
            )
    return answers


def test_groups_of_principals_have_the_answer_of_each_alone() -> None:
    for seed in range(examples(120)):
        data, bucket, scp = random_account(random.Random(seed))
        people = parse_principals(json.dumps(data))
        found = signers_of(
            Exposure(locks_of_policies("gt-images", bucket, ACCOUNT, scp=tuple(scp)), KEY), people
        )
        rows = {each.arn: each for each in (*found, *found.refused) if each.signing == "signs"}
        for (name, address), opened in naive(people, bucket, scp).items():
            if name in rows:
                assert covers(rows[name].opened.cidrs, address) == opened, (seed, name, address)
            else:
                assert not opened, (seed, name, address)


def covers(cidrs: tuple[str, ...], address: str) -> bool:
    return any(ip_address(address) in ip_network(each) for each in cidrs if ":" not in each)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"UserDetailList"', "3", '[{"a": 1}]'])
def test_what_iam_does_not_print_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="get-account-authorization-details"):
        raise_with_step(text)


def raise_with_step(text: str) -> None:
    try:
        parse_principals(text)
    except InvalidInput as error:
        raise InvalidInput(str(error.next_step)) from error


def test_what_was_not_read_is_said() -> None:
    found = ask_page({"RoleDetailList": [role("x", READ)], "IsTruncated": True})
    assert {"The users were not read.", "The groups were not read."} < set(found.assumed)
    assert any("cut off" in each for each in found.assumed)


def ask_page(page: dict[str, Any]) -> Signers:
    return signers_of(
        Exposure(locks_of_policies("gt-images", None, ACCOUNT), KEY),
        parse_principals(json.dumps(page)),
    )


BUCKET = "arn:aws:s3:::gt-images"
FOLDERS = [
    role(f"app{i}", st("s3:GetObject", f"{BUCKET}/scans/team{i}/*"), trusts=trust(ROOT))
    for i in range(12)
]
TAGGED = st("s3:GetObject", BUCKET + "/scans/${aws:PrincipalTag/team}/*")
NOT_TAGGED = {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": TAGGED["Resource"]}
BY_ID = st("s3:GetObject", BUCKET + "/scans/${aws:userid}/*")
GREEN = doc(
    *trust(ROOT, StringLike={"sts:RoleSessionName": "dev-*"})["Statement"],
    *trust(ROOT, "sts:TagSession", StringEquals={"aws:RequestTag/team": "green"})["Statement"],
)
OF_FOLDERS: dict[str, tuple[list[dict[str, Any]], str, list[str]]] = {
    "by the name": ([user("x", st("s3:GetObject", BUCKET + "/scans/${aws:username}/*"))], "opened", ["scans/x/*"]),
    "by the own tag": ([user("x", TAGGED, tags={"team": "red"})], "opened", ["scans/red/*"]),
    "by a tag that it has not": ([user("x", TAGGED)], "refused", []),
    "by a tag of the session": (
        [role("x", TAGGED, trusts=trust(ROOT, ["sts:AssumeRole", "sts:TagSession"]))],
        "opened",
        ["scans/*/*"],
    ),
    "by the tag that the trust lets through": ([role("x", TAGGED, trusts=GREEN)], "opened", ["scans/green/*"]),
    "unless it has the tag": (
        [role("x", NOT_TAGGED, trusts=GREEN)], "opened",
        ["all keys except scans/green/*"],
    ),
    "by the name of the session": (
        [role("x", BY_ID, trusts=GREEN)], "opened", ["scans/AROAXXXXXXXXXXXXXXXXX:dev-*/*"]
    ),
    "within a boundary": (
        [user("x", READ, boundary=arn("policy/p")), policy("p", doc(st("s3:*", f"{BUCKET}/*.png")))], "opened",
        ["*.png"],
    ),
    "by a group, denied in part": (
        [user("x", st("s3:*", f"{BUCKET}/scans/s*", "Deny"), groups=["g"]), group("g", arn("policy/p")),
         policy("p", doc(st("s3:*", ["arn:aws:s3:::gt-*/scans/?/*", f"{BUCKET}/home"])))],
        "opened", ["*/scans/?/* except scans/s*", "scans/?/* except scans/s*"],
    ),
    "a folder elsewhere": ([user("x", st("s3:GetObject", f"{BUCKET}/home/*"))], "refused", []),
    "a statement that is not valid": (
        [user("x", st("s3:GetObject", f"{BUCKET}/scans/x/*", Nonsense={"a": "b"}))], "unknown", []
    ),
    "a folder of a role": (
        [user("x", st("sts:AssumeRole", arn("role/app3"))), FOLDERS[3]], "opened", ["scans/team3/*"]
    ),
    "becomes one, but for a folder": (
        [user("x", st("iam:PutUserPolicy"), st("s3:*", f"{BUCKET}/scans/x/*", "Deny"))], "opened",
        ["all keys except scans/x/*"],
    ),
}  # fmt: skip


def of_prefix(people: list[dict[str, Any]], prefix: str = "scans/") -> Signers:
    data = json.dumps(details(*people))
    locks = locks_of_policies("gt-images", None, ACCOUNT)
    return signers_of(Exposure(locks, prefix, is_prefix=True), parse_principals(data))


@pytest.mark.parametrize("name", OF_FOLDERS)
def test_who_signs_for_some_keys_of_a_prefix(name: str) -> None:
    people, answer, keys = OF_FOLDERS[name]
    found = of_prefix(people)
    item = next(each for each in (*found, *found.refused) if each.arn.endswith("/x"))
    assert (item.answer, list(map(str, item.opened.keys))) == (answer, keys)


def test_a_folder_for_each_role_makes_each_of_them_a_signer() -> None:
    may = user("may", st("sts:AssumeRole", arn("role/app3")))
    found = of_prefix([*FOLDERS, may])
    assert len(found) == 13
    assert found.numbers.startswith(
        "12 identities can sign URLs for scans/, each for some keys only."
    )
    assert found[0].to_dict()["keys"] == [{"patterns": ["scans/team0/*"], "except": []}]
    assert found.row(found[0])[3] == "scans/team0/*; all addresses; all endpoints"
    assert {each.arn for each in of_prefix([*FOLDERS, may], "scans/team3/")} == {
        arn("role/app3"),
        may["Arn"],
    }


def test_sources_of_a_prefix_are_those_of_its_keys_together() -> None:
    office = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    home = {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}
    some = user(
        "x", st("s3:*", f"{BUCKET}/scans/a/*", **office), st("s3:*", f"{BUCKET}/scans/b/*", **home)
    )
    [item] = of_prefix([some])
    assert item.opened.cidrs == ("198.51.100.0/24", "203.0.113.0/24")
    assert item.opened.when == (
        "for scans/a/*, from 203.0.113.0/24",
        "for scans/b/*, from 198.51.100.0/24",
    )


KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11112222-3333-4444-5555-666677778888"
DECRYPT = st("kms:Decrypt", KEY_ARN)
BY_ROOT = doc({"Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"})
BY_NAME = doc(
    {
        "Effect": "Allow",
        "Principal": {"AWS": arn("user/x")},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
)
BY_S3 = doc(
    {
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
        "Condition": {"StringEquals": {
            "kms:CallerAccount": ACCOUNT, "kms:ViaService": "s3.us-east-1.amazonaws.com",
        }},
    }
)  # fmt: skip
FROM_OFFICE = doc(
    {**BY_ROOT["Statement"][0], "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
)
WITH_KEY: dict[str, tuple[tuple[Any, ...], str, Any, str]] = {
    "no key": ((READ,), "", None, "opened"),
    "a policy that was not read": ((READ, DECRYPT), KEY_ARN, None, "unknown"),
    "an alias": ((READ, DECRYPT), "alias/mine", BY_ROOT, "unknown"),
    "delegated, and held": ((READ, DECRYPT), KEY_ARN, BY_ROOT, "opened"),
    "delegated, and not held": ((READ,), KEY_ARN, BY_ROOT, "refused"),
    "named, and not held": ((READ,), KEY_ARN, BY_NAME, "opened"),
    "held alone: the key policy must grant": ((READ, DECRYPT), KEY_ARN, doc(), "refused"),
    "by way of S3": ((READ,), KEY_ARN, BY_S3, "opened"),
    "another key is held": (
        (READ, st("kms:Decrypt", KEY_ARN.replace("1111", "9999"))),
        KEY_ARN,
        BY_ROOT,
        "refused",
    ),
    "on a condition": ((READ, DECRYPT), KEY_ARN, FROM_OFFICE, "unknown"),
    "nothing at all": ((), KEY_ARN, BY_ROOT, "refused"),
}


@pytest.mark.parametrize(
    ("statements", "key", "policy_of_key", "expected"), WITH_KEY.values(), ids=WITH_KEY
)
def test_a_signer_needs_the_key_of_the_object(
    statements: Any, key: str, policy_of_key: Any, expected: str
) -> None:
    people = parse_principals(json.dumps(details(user("x", *statements))))
    denied = NotRead(
        "the key policy", "kms:GetKeyPolicy", "denied", "This role may not call kms:GetKeyPolicy."
    )
    text = Part[Any].unread(denied) if policy_of_key is None else Part.of(json.dumps(policy_of_key))
    locks = replace(
        locks_of_policies("gt-images", None, ACCOUNT), kms_key=Part.of(key), kms_policy=text
    )
    found = signers_of(Exposure(locks, KEY), people)
    [one] = [*found, *found.refused]
    assert (one.answer, one.signing) == (expected, "signs")
    assert any("is encrypted" in each for each in found.assumed)
