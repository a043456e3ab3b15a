"""Reading who signs into the one state: what was not read is unknown,
for the reason that an exposure names too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.account import AccountExposure, locks_of, reader, with_signers
from gt_secure.account.principals import read_principals
from gt_secure.account.state import State
from gt_secure.engine.access import Exposure
from gt_secure.engine.access.access_points import AccessPoint
from gt_secure.engine.access.identities import parse_principals
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.engine.access.signers import Signers, signers_of
from support.principals import ACCOUNT, READ, ROOT, arn, details, doc, role, st, trust, user
from support.states import data_bucket, encrypted, state, unread
from support.stubs import Stubs

KEY = "scans/0001.png"
KMS = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11112222-3333-4444-5555-666677778888"
POINT = f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/images"
TO_THE_ACCOUNT = json.dumps(
    doc({"Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"})
)
DELEGATES = doc(
    {
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::gt-images/*",
        "Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}},
    }
)  # fmt: skip
PEOPLE = Part.of(
    parse_principals(
        json.dumps(
            details(
                user("reader", READ, st("kms:Decrypt", KMS)),
                user("point", st("s3:GetObject", f"{POINT}/object/*"), st("kms:Decrypt", KMS)),
                user("nobody"),
            )
        )
    )
)


def whole(**parts: Any) -> State:
    """Return a state in which everything was read, and both users sign."""
    made: dict[str, Any] = {
        "policy": json.dumps(DELEGATES), "encryption": encrypted(KMS), "key_policy": TO_THE_ACCOUNT,
        "access_points": (AccessPoint("images", POINT, "", Part.of(None)),),
    }  # fmt: skip
    of_state = {name: parts.pop(name) for name in ("endpoints", "account_block") if name in parts}
    return state(bucket=data_bucket(**made | parts), principals=PEOPLE, **of_state)


def ask(seen: State) -> tuple[Exposure, Signers]:
    """Return the exposure of an object and its signers."""
    exposure = Exposure(locks_of(seen), KEY)
    return exposure, signers_of(exposure, seen.principals.missing or seen.principals.value)  # type: ignore[arg-type]


def of(found: Signers) -> dict[str, tuple[str, tuple[str, ...]]]:
    every = (*found, *found.refused)
    return {each.arn.rpartition("/")[2]: (each.answer, each.depends_on) for each in every}


def test_what_was_read_is_certain() -> None:
    _, found = ask(whole())
    assert of(found) == {
        "reader": ("opened", ()),
        "point": ("opened", ()),
        "nobody": ("refused", ()),
    }
    assert found.sentence == f"2 identities can sign URLs for {KEY}. Add --logs to see who did."


NO_KEY = ("kms:GetKeyPolicy",)
UNREAD = {
    "s3:GetBucketPolicy": ("policy", {"reader", "point", "nobody"}),
    "s3:GetEncryptionConfiguration": ("encryption", {"reader", "point"}),
    "kms:GetKeyPolicy": ("key_policy", {"reader", "point"}),
    "s3:ListAccessPoints": ("access_points", {"point"}),
}
"""The part that an action reads, and who is unknown without it."""


@pytest.mark.parametrize("why", ["denied", "no answer", "not asked"])
@pytest.mark.parametrize("action", UNREAD)
def test_what_was_not_read_is_unknown_and_named(action: str, why: Any) -> None:
    name, users = UNREAD[action]
    seen = whole(**{name: unread(action, why=why)})
    exposure, found = ask(seen)
    expected = dict.fromkeys(users, (action,))
    if why == "not asked":
        expected = {
            "encryption": {},
            "access_points": {"point": ("s3:DataAccessPointAccount",)},
        }.get(name, expected)
    unknown = {
        user: depends_on for user, (answer, depends_on) in of(found).items() if answer == "unknown"
    }
    assert unknown == expected
    if name == "policy":
        assert exposure.row("presigned").unknown.depends_on == (action,)
    elif why != "not asked":
        [missing] = seen.missing()
        assert any(each.startswith(f"{missing.text}, so ") for each in found.assumed), found.assumed


@pytest.mark.parametrize("action", ["iam:CreateAccessKey", "iam:UpdateAssumeRolePolicy"])
def test_who_can_become_somebody_who_may_sign_may_sign(action: str) -> None:
    decrypt = st("kms:Decrypt", KMS)
    name = "user/reader" if action == "iam:CreateAccessKey" else "role/reader"
    signer = (
        user("reader", READ, decrypt) if name.startswith("user") else role("reader", READ, decrypt)
    )
    people = parse_principals(json.dumps(details(signer, user("maker", st(action, arn(name))))))
    for key_policy, answer in (
        (TO_THE_ACCOUNT, ("opened", ())),
        (unread("kms:GetKeyPolicy"), ("unknown", NO_KEY)),
    ):
        found = signers_of(Exposure(locks_of(whole(key_policy=key_policy)), KEY), people)
        assert of(found) == {"reader": answer, "maker": answer}
        assert [each.signing for each in found] == ["signs", "can-become"]


def test_an_access_point_whose_policy_was_not_asked_for_opens_nothing_for_certain() -> None:
    _, found = ask(whole(access_points=(AccessPoint("images", POINT),)))
    assert of(found)["point"] == ("unknown", ("s3:GetAccessPointPolicy",))
    assert of(found)["reader"] == ("opened", ())


@pytest.mark.parametrize("why", ["denied", "no answer"])
def test_endpoints_that_were_not_read_do_not_open_in_either(why: Any) -> None:
    exposure, found = ask(whole(endpoints=unread("ec2:DescribeVpcEndpoints", why=why)))
    row = exposure.row("header")
    reader = next(each for each in found if each.arn == arn("user/reader"))
    for each in (row.opened, reader.opened):
        assert (each.cidrs, each.has_endpoints) == (("0.0.0.0/0", "::/0"), False)
    assert row.unknown.depends_on == ("ec2:DescribeVpcEndpoints",)
    assert reader.depends_on == ("ec2:DescribeVpcEndpoints",)


@pytest.mark.parametrize("part", ["policy", "endpoint"])
def test_a_policy_that_is_not_valid_makes_everybody_unknown(part: str) -> None:
    seen = whole(policy="{") if part == "policy" else whole()
    if part == "endpoint":
        [endpoint] = seen.endpoints.value or ()
        seen = replace(seen, endpoints=Part.of((replace(endpoint, policy_text="{"),)))
    exposure, found = ask(seen)
    assert set(of(found).values()) == {("unknown", ("a policy that is not valid",))}
    assert exposure.row("presigned").unknown.depends_on == ("a policy that is not valid",)


def test_too_many_classes_of_keys_do_not_mean_that_nobody_signs() -> None:
    many = [f"arn:aws:s3:::gt-images/*{a}*{b}*{a}{b}*" for a in "abcdefgh" for b in "ijklmnop"]
    policy = doc(
        *({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": each} for each in many)
    )
    locks = locks_of(whole(policy=json.dumps(policy)))
    exposure = Exposure(locks, "", is_prefix=True)
    assert exposure.objects == ()
    assert PEOPLE.value is not None
    found = signers_of(exposure, PEOPLE.value)
    words = set(of(found).values())
    assert words == {("opened", ()), ("unknown", ("the key of the object",))}, "one key is enough"
    assert exposure.row("presigned").opened.is_anyone
    assert "unknown for" in found.sentence


def test_without_users_and_roles_it_is_unknown_who_signs() -> None:
    missing = NotRead(
        "the users and roles", "iam:GetAccountAuthorizationDetails", "denied", "This role may not."
    )
    found = signers_of(Exposure(locks_of(whole()), KEY), missing)
    text = (
        "iam:GetAccountAuthorizationDetails was denied, so it is unknown who can sign URLs for"
        f" {KEY}."
    )
    assert (list(found), str(found), found.unread, found.sentence) == (
        [],
        text,
        (text,),
        "This role may not.",
    )
    assert text in found._repr_html_()
    assert found.to_dict()["missing"] == missing.to_dict()
    assert found.seen_in(None) is found  # type: ignore[arg-type]


# Reading.


def list_people(stubs: Stubs, sessions: str = "") -> None:
    listed = details(role("x", READ, trusts=trust(ROOT)))
    answer = {
        name: listed[name]
        for name in ("UserDetailList", "RoleDetailList", "GroupDetailList", "Policies")
    }
    for each in answer["RoleDetailList"]:
        each.pop("AttachedManagedPolicies")
        each |= {
            "AssumeRolePolicyDocument": json.dumps(each["AssumeRolePolicyDocument"]),
            "CreateDate": 0,
        }
        for one in each["RolePolicyList"]:
            one["PolicyDocument"] = json.dumps(one["PolicyDocument"])
    stubs["iam"].add_response("get_account_authorization_details", answer)
    if sessions:
        stubs["iam"].add_client_error("list_roles", sessions)
        return
    one = {
        "Path": "/",
        "RoleName": "x",
        "RoleId": f"AROA{'X' * 17}",
        "Arn": arn("role/x"),
        "CreateDate": 0,
    }
    stubs["iam"].add_response("list_roles", {"Roles": [{**one, "MaxSessionDuration": 7200}]})


@pytest.mark.parametrize(("code", "why"), [("AccessDenied", "denied"), ("Throttling", "no answer")])
def test_principals_that_are_not_read_are_a_part_with_its_reason(
    stubs: Stubs, code: str, why: str
) -> None:
    stubs["iam"].add_client_error("get_account_authorization_details", code, http_status_code=403)
    missing = read_principals(stubs.aws).missing
    assert missing is not None
    assert (missing.action, missing.why) == ("iam:GetAccountAuthorizationDetails", why)


@pytest.mark.parametrize("code", ["", "AccessDenied", "Throttling"])
def test_the_longest_sessions_are_not_needed(stubs: Stubs, code: str) -> None:
    list_people(stubs, code)
    found = read_principals(stubs.aws).value
    assert found is not None
    assert [each.max_session_s for each in found.all] == [None if code else 7200]


def test_what_the_state_has_is_not_read_again(stubs: Stubs) -> None:
    list_people(stubs)
    seen = replace(whole(access_points=()), principals=Part.unasked("the users and roles", "iam:X"))
    found = with_signers(stubs.aws, seen)
    assert found.bucket == seen.bucket
    assert found.principals.value is not None


def test_access_points_are_read_from_every_page(stubs: Stubs) -> None:
    """The one without an ARN in the list has that of the account and region;
    one of a VPC says so.
    """
    list_people(stubs)
    stubs["sts"].add_response(
        "get_caller_identity", {"Account": ACCOUNT, "Arn": arn("user/me"), "UserId": "A"}
    )
    listed = {"NetworkOrigin": "Internet", "Bucket": "gt-images"}
    private = {
        "NetworkOrigin": "VPC",
        "Bucket": "gt-images",
        "VpcConfiguration": {"VpcId": "vpc-0abc"},
    }
    of_vpc = f"{POINT}-2"
    points = (
        [{"Name": "images", **listed}],
        [{"Name": "images-2", "AccessPointArn": of_vpc, **private}],
    )
    for number, page in enumerate(points):
        more = {"NextToken": "more"} if number == 0 else {}
        stubs["s3control"].add_response("list_access_points", {"AccessPointList": page, **more})
    for _ in range(2):
        stubs["s3control"].add_client_error("get_access_point_policy", "NoSuchAccessPointPolicy")
    seen = whole(
        access_points=Part.unasked("the access points of gt-images", "s3:ListAccessPoints")
    )
    bucket = with_signers(stubs.aws, seen).bucket
    assert bucket is not None
    assert [(each.arn, each.vpc) for each in bucket.access_points.value or ()] == [
        (POINT, ""),
        (of_vpc, "vpc-0abc"),
    ]


def test_without_principals_nothing_else_is_read(stubs: Stubs) -> None:
    stubs["iam"].add_client_error("get_account_authorization_details", "AccessDenied")
    seen = whole(key_policy=Part.unasked("the key policy", "kms:GetKeyPolicy"))
    found = with_signers(stubs.aws, seen)
    assert found.bucket == seen.bucket
    assert found.principals.missing is not None


def test_a_file_of_principals_is_read_before_anything_is_asked(stubs: Stubs, tmp_path: Any) -> None:
    file = tmp_path / "people.json"
    file.write_text(json.dumps(details(user("ann", READ))))
    people = with_signers(stubs.aws, whole(access_points=()), file).principals.value
    assert people is not None
    assert [each.arn for each in people.all] == [arn("user/ann")]


def test_an_exposure_reads_who_signs_once_and_only_when_asked() -> None:
    seen, reads = whole(), []

    def read() -> State:
        reads.append(1)
        return seen

    exposure = AccountExposure(locks_of(seen), KEY, read)
    assert exposure.row("presigned").opened.cidrs
    assert not reads
    assert of(exposure.signers)["reader"] == ("opened", ())
    assert exposure.signers is exposure.signers
    assert len(reads) == 1


DENIED = NotRead("the access points of gt-images", "s3:ListAccessPoints", "denied", "no")


def point(principal: Any, vpc: str = "") -> AccessPoint:
    grant = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": f"{POINT}/object/*",
    }
    return AccessPoint("images", POINT, vpc, Part.of(json.dumps(doc(grant))), Part.of(None))


@pytest.mark.parametrize(
    "made", [point("*"), point({"AWS": arn("user/x")}), point("*", "vpc-0abc"), None]
)
def test_the_block_of_the_account_is_read_where_a_policy_may_be_public(
    made: AccessPoint | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = Part[Any].unread(DENIED) if made is None else Part.of((made,))
    seen = state(bucket=data_bucket(access_points=points))
    for name, found in {
        "read_principals": Part.of(parse_principals(json.dumps(details(user("x"))))),
        "read_access_point": made, "read_account_block": Part.of({"RestrictPublicBuckets": True}),
        "bucket_tags": seen.facts,
    }.items():  # fmt: skip
        monkeypatch.setattr(reader, name, lambda *_, found=found: found)
    aws: Any = None
    public = made is not None and made.vpc == "" and '"*"' in str(made.policy.value)
    assert locks_of(reader.with_signers(aws, seen)).account_restricts_public is (
        True if public else None
    )
