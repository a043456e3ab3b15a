"""Revocations: their statements, their ends, and what the access model says about them."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.base.viewers import viewer_session
from gt_secure.engine.policies.bucket_guard import build_guard, prefix_resource
from gt_secure.engine.policies.revocation import (
    build_revocations,
    check_signer,
    has_ended,
    is_signer,
    object_resource,
)
from support.answers import exposed
from support.guards import (
    expired_revocations,
    find_revocations,
    merge_guard,
    own_statements,
    remove_statements,
)

AT = dt.datetime(2026, 11, 25, 9, 0, 1, tzinfo=dt.UTC)
END = AT + dt.timedelta(hours=1)
OBJECT = object_resource("aws", "gt-images", "scans/a*?${x}.png")
SESSION = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/SageMaker"
USER = "arn:aws:iam::111122223333:user/staff/ann"
READS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::gt-images/*"}]}'


@pytest.mark.parametrize(
    ("signer", "names", "keys"),
    [
        (None, [], [{"DateLessThan"}]),
        (
            SESSION,
            ["role/GroundTruthExecution", "role/*/GroundTruthExecution"],
            [{"DateLessThan", "ArnLike"}],
        ),
        (USER, ["user/staff/ann"], [{"DateLessThan", "ArnEquals"}, {"Null", "ArnEquals"}]),
        (
            "arn:aws:iam::111122223333:root",
            ["root"],
            [{"DateLessThan", "ArnEquals"}, {"Null", "ArnEquals"}],
        ),
        ("79a59df9" * 8, [], [{"DateLessThan"}, {"Null"}]),
        ("", [], [{"DateLessThan"}, {"Null"}]),
    ],
)
def test_the_signer_decides_the_conditions(
    signer: str | None, names: list[str], keys: list[set[str]]
) -> None:
    made = build_revocations(OBJECT, before=AT, until=END, signer=signer)
    assert [set(each["Condition"]) - {"StringEquals"} for each in made] == keys  # type: ignore[call-overload]
    assert all(name in json.dumps(made) for name in names)
    assert all(
        each["Condition"]["StringEquals"] == {"s3:authType": ["REST-QUERY-STRING", "POST"]}
        for each in made
    )  # type: ignore[index]
    assert len({each["Sid"] for each in made}) == len(made)
    assert all(str(each["Sid"]).isalnum() for each in made)


def test_the_end_is_in_the_sid() -> None:
    text: str | None = None
    for until in (END, END + dt.timedelta(hours=1), None):
        for statement in build_revocations(OBJECT, before=AT, until=until, signer=SESSION):
            text = merge_guard(text, statement)
    assert [each.until for each in find_revocations(text)] == [
        END,
        END + dt.timedelta(hours=1),
        None,
    ]
    assert len(expired_revocations(text, END)) == 0
    assert len(expired_revocations(text, END + dt.timedelta(seconds=1))) == 1
    ended = expired_revocations(text, dt.datetime(2030, 1, 1, tzinfo=dt.UTC))
    assert len(ended) == 2
    assert [each.until for each in find_revocations(remove_statements(str(text), ended))] == [None]


@pytest.mark.parametrize("signer", [USER, "79a59df9" * 8, ""])
def test_what_long_term_keys_sign_has_an_end_of_its_own(signer: str) -> None:
    made = build_revocations(OBJECT, before=AT, until=END, signer=signer)
    assert ["Null" in each["Condition"] for each in made] == [False, True]  # type: ignore[operator]
    assert [has_ended(each, END + dt.timedelta(seconds=1)) for each in made] == [True, False]
    made = build_revocations(OBJECT, before=AT, until=END, signer=signer, long_term_until=END)
    assert [has_ended(each, END + dt.timedelta(seconds=1)) for each in made] == [True, True]


ROLES = "arn:aws:iam::111122223333:role/"


@pytest.mark.parametrize(
    "text",
    [f"{ROLES}Gt", f"{ROLES}service-role/a/Gt", USER, "arn:aws:iam::111122223333:root", SESSION, f" {USER}\n",
     "arn:aws-cn:iam::111122223333:user/ann", "arn:aws:sts::111122223333:federated-user/ann"],
)  # fmt: skip
def test_an_arn_of_one_role_or_user_is_a_signer(text: str) -> None:
    assert check_signer(text) == text.strip()
    assert len(build_revocations(OBJECT, before=AT, until=END, signer=check_signer(text))) < 3


@pytest.mark.parametrize(
    "text",
    ["", " ", "*", "uesr app", "user/x", "not-an-arn", "GroundTruthExecution", "111122223333", f"{ROLES}*", ROLES,
     f"{ROLES}Gt*", f"{ROLES}*/Gt", f"{ROLES}G?", "arn:aws:iam::111122223333:user/*", "arn:aws:iam::*:user/ann",
     "arn:aws:iam::111122223333:user/${aws:username}", "arn:aws:iam::111122223333:uesr/ann",
     "arn:aws:iam::111122223333:group/staff", "arn:aws:iam::1111:user/ann", "arn:*:iam::111122223333:user/ann",
     "arn:aws:sts::111122223333:assumed-role/*/x", "arn:aws:sts::111122223333:assumed-role/Gt/*",
     "arn:aws:iam::111122223333:root/x", "arn:aws:s3:::gt-images", f"{ROLES}a b", f"{USER},{USER}", 5, None, [USER]],
)  # fmt: skip
def test_other_text_is_no_signer(text: object) -> None:
    with pytest.raises(InvalidInput, match="arn:aws:iam::111122223333:user/NAME") as caught:
        check_signer(text)
    assert caught.value.field == "signer"


def test_a_wildcard_in_a_log_names_nobody() -> None:
    """A name from a log with a wildcard must not become a pattern that covers
    other users and roles.
    """
    for signer in (
        "arn:aws:iam::111122223333:user/*",
        f"{ROLES}*",
        "arn:aws:sts::111122223333:assumed-role/*/x",
    ):
        assert "aws:PrincipalArn" not in json.dumps(
            build_revocations(OBJECT, before=AT, until=END, signer=signer)
        )


def test_a_session_in_a_log_is_its_role() -> None:
    assert is_signer(SESSION, f"{ROLES}service-role/GroundTruthExecution")
    assert is_signer(SESSION, SESSION.replace("SageMaker", "other"))
    assert not is_signer(SESSION, f"{ROLES}GroundTruth")
    assert not is_signer(SESSION, SESSION.replace("111122223333", "444455556666"))
    assert is_signer(USER, USER)
    assert not is_signer(USER, USER + "a")
    assert not is_signer("", USER)


def test_other_statements_stay_as_they_are() -> None:
    policy = merge_guard(READS, build_guard("gt-images", networks=["203.0.113.0/24"]))
    [statement] = build_revocations(OBJECT, before=AT, until=END)
    assert remove_statements(merge_guard(policy, statement), [str(statement["Sid"])]) == policy
    assert len(own_statements(merge_guard(policy, statement))) == 2


def test_a_key_is_taken_literally() -> None:
    assert OBJECT == "arn:aws:s3:::gt-images/scans/a${*}${?}${$}{x}.png"
    assert prefix_resource("aws", "b-1", "") == ["arn:aws:s3:::b-1", "arn:aws:s3:::b-1/*"]


def test_an_exposure_says_which_credentials_still_work() -> None:
    text: str | None = None
    for statement in build_revocations(
        prefix_resource("aws", "gt-images", ""), before=AT, until=END
    ):
        text = merge_guard(text, statement)
    rows = {row.request: row for row in exposed(text, "scans/a.png")}
    assert rows["presigned"].unknown.is_empty
    words = (
        "signed with credentials issued at 2026-11-25T09:00:01Z or later, or with long-term keys"
    )
    assert words in rows["presigned"].opened.when
    assert rows["header"].opened.when == ()


def test_an_exposure_claims_nothing_of_other_viewers() -> None:
    """A refusal of older credentials depends on whose session they are."""
    resource = prefix_resource("aws", "gt-images", "")
    [statement] = build_revocations(resource, before=AT, until=END, session=viewer_session("anna"))
    rows = {row.request: row for row in exposed(merge_guard(None, statement), "scans/a.png")}
    assert rows["presigned"].opened.when == (
        "with some values of aws:PrincipalArn, aws:TokenIssueTime",
    )
    assert rows["presigned"].unknown.is_empty
