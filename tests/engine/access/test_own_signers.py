"""Signers of the bucket's account: a request is refused only if every role,
every user and the root user is refused.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.base.network import Source, parse_network
from gt_secure.engine.access import Claim, Exposure, prove
from gt_secure.engine.access.expectation import Expectation
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.matrix import matrix_html, matrix_of, matrix_text
from gt_secure.engine.access.request_kinds import _TYPES, OF_ROLES, Kind
from gt_secure.engine.policies.signer_limit import build_signer_limit
from support.answers import ACCOUNT, exposed

OFFICE, INSIDE, ELSEWHERE = "203.0.113.0/24", "203.0.113.7", "198.51.100.9"
ALL = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]
SIGNED = ("presigned", "post-form")
ANYTHING = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def refused(source: str) -> Expectation:
    return Expectation("refused", (Source.parse(source),))


def allowed(source: str) -> Expectation:
    return Expectation("allowed", (Source.parse(source),))


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{name}"


def deny(**condition: Any) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ALL,
        "Condition": condition,
    }


def guard(**condition: Any) -> dict[str, Any]:
    """A guard of presigned requests and forms, narrowed by other conditions."""
    outside: dict[str, Any] = {"NotIpAddress": {"aws:SourceIp": OFFICE}}
    outside["StringEquals"] = {"s3:authType": ["REST-QUERY-STRING", "POST"]} | condition.pop(
        "StringEquals", {}
    )
    return deny(**outside, **condition)


def asked(
    *statements: dict[str, Any], key: str = "k.png", facts: tuple[str, ...] = (), **layers: Any
) -> Exposure:
    exposure = exposed(
        {"Version": "2012-10-17", "Statement": list(statements)}, key, facts, **layers
    )
    return exposure if key else Exposure(exposure.locks, "", is_prefix=True)


USER, A_USER, ROOT = "signed by user/uploader", "signed by an IAM user", "signed by the root user"
FEDERATED, LONG_TERM = "signed by a federated user", "signed with long-term keys"
NAME, ID, ARN, TYPE = "aws:username", "aws:userid", "aws:PrincipalArn", "aws:PrincipalType"
OF_STS = f"arn:aws:sts::{ACCOUNT}:"


def spared_principals(*names: str) -> dict[str, Any]:
    statement = guard()
    del statement["Principal"]
    return {**statement, "NotPrincipal": {"AWS": [arn("root"), *names]}}


EXEMPTIONS = {
    "a user": (guard(ArnNotEquals={ARN: arn("user/uploader")}), USER),
    "a user by name": (guard(StringNotEquals={NAME: "uploader"}), USER),
    "a user by its principal": (spared_principals(arn("user/uploader")), "signed by the root user or user/uploader"),
    "users by type": (guard(StringNotEquals={TYPE: "User"}), A_USER),
    "users by pattern": (guard(ArnNotLike={ARN: arn("user/*")}), A_USER),
    "users of a path": (guard(ArnNotLike={ARN: arn("user/team/*")}), "signed by user/team/*"),
    "users by a part of the name": (guard(StringNotLikeIfExists={NAME: "up*"}), "signed by user/up*"),
    "users by id": (guard(StringNotLike={ID: "AID*"}), A_USER),
    "who has a name": (guard(Null={NAME: "true"}), A_USER),
    "the root user": (guard(ArnNotEquals={ARN: arn("root")}), ROOT),
    "the root user by type": (guard(StringNotEquals={TYPE: "Account"}), ROOT),
    "the root user by id": (guard(StringNotEquals={ID: ACCOUNT}), ROOT),
    "federated users": (guard(ArnNotLike={ARN: f"{OF_STS}federated-user/*"}), FEDERATED),
    "a federated user": (guard(ArnNotEquals={ARN: f"{OF_STS}federated-user/ann"}), "signed by federated-user/ann"),
    "federated users by type": (guard(StringNotEquals={TYPE: "FederatedUser"}), FEDERATED),
    "federated users by id": (guard(StringNotLike={ID: f"{ACCOUNT}:*"}), FEDERATED),
    "a role": (guard(ArnNotEquals={ARN: arn("role/ci")}), "signed by role/ci"),
    "a role by id": (guard(StringNotLike={ID: "AROAEXAMPLEID:*"}), "signed by a role with an aws:userid such as"),
    "a role and a user": (guard(ArnNotEquals={ARN: [arn("role/ci"), arn("user/up")]}), "signed by role/ci or user/up"),
    "all but roles": (guard(ArnLike={ARN: arn("role/*")}), f"{FEDERATED} or an IAM user or the root user"),
    "all but one": (guard(ArnEquals={ARN: arn("user/out")}), "unless signed by user/out"),
    "temporary credentials alone": (guard(Null={"aws:TokenIssueTime": "false"}), LONG_TERM),
    "credentials of old": (guard(DateLessThan={"aws:TokenIssueTime": "2999-01-01T00:00:00Z"}), LONG_TERM),
}  # fmt: skip
"""Guards that spare some signers, and words of who opens then."""


@pytest.mark.parametrize("key", ["k.png", ""])
@pytest.mark.parametrize("name", EXEMPTIONS)
def test_a_signer_who_is_spared_opens_from_elsewhere(name: str, key: str) -> None:
    statement, words = EXEMPTIONS[name]
    exposure = asked(statement, key=key)
    for kind in SIGNED:
        answer, row = exposure.at(ELSEWHERE, kind), exposure.row(kind)
        assert (answer.answer, row.refused.is_empty, row.unknown.is_empty) == ("opened", True, True)
        assert answer.when[0].startswith(words)
        assert words in " ".join(row.opened.when)
        assert exposure.at(INSIDE, kind).when == ()
    assert exposure.holds(refused(ELSEWHERE)).proved is False
    assert prove(exposure.locks, Claim("", (parse_network(OFFICE),))).proved is False


@pytest.mark.parametrize("key", ["k.png", ""])
def test_the_matrix_names_the_signers_in_the_cells_where_they_differ(key: str) -> None:
    rows = [asked(EXEMPTIONS["a user"][0], key=key).row("presigned")]
    matrix = matrix_of((row, row) for row in rows)
    assert [title for title, _ in matrix.columns] == [OFFICE, "other addresses", "any VPC endpoint"]
    words = ["opened", f"opened, {USER}", f"opened, {USER}"]
    assert [cell.after for line in matrix.lines for cell in line.cells] == words
    text, page = "\n".join(matrix_text(matrix, None)), str(matrix_html(matrix, ""))
    assert text.count(USER) == page.count(USER) == 2


def test_the_matrix_of_a_prefix_names_signers_only_where_no_other_opens_a_key() -> None:
    """Elsewhere everybody opens keys under one prefix, and one user those beside it."""
    of_a_prefix = deny(**guard(ArnNotEquals={ARN: arn("user/uploader")})["Condition"])
    del of_a_prefix["Resource"]
    beside = {**of_a_prefix, "NotResource": "arn:aws:s3:::gt-images/open/*"}
    for statements, words in (
        ([beside], {"opened"}),
        ([beside, EXEMPTIONS["a user"][0]], {"opened", f"opened, {USER}"}),
    ):
        row = asked(*statements, key="").row("presigned")
        matrix = matrix_of([(row, row)])
        assert {cell.after for line in matrix.lines for cell in line.cells} == words


REFUSED = {
    "nobody is spared": guard(),
    "another account": guard(StringNotEquals={"aws:PrincipalAccount": "444455556666"}),
    "nobody who signs has this type": guard(StringNotEquals={"aws:PrincipalType": "Anonymous"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_every_signer_is_refused_stays_refused(name: str) -> None:
    exposure = asked(REFUSED[name])
    assert [exposure.at(ELSEWHERE, kind).answer for kind in SIGNED] == ["refused", "refused"]
    assert exposure.holds(refused(ELSEWHERE)).proved is True


def test_no_role_signs_with_long_term_keys() -> None:
    """One statement spares a role, the other one credentials that no role has."""
    spared = (
        guard(ArnNotEquals={"aws:PrincipalArn": arn("role/ci")}),
        guard(Null={"aws:TokenIssueTime": "false"}),
    )
    exposure = asked(*spared)
    assert exposure.at(ELSEWHERE, "presigned").answer != "opened"
    assert exposure.row("presigned").opened.cidrs == (OFFICE,)
    assert (
        asked(*spared, guard(ArnNotEquals={"aws:PrincipalArn": arn("user/up")}))
        .at(INSIDE, "presigned")
        .when
        == ()
    )


def test_users_have_long_term_keys_and_can_have_temporary_ones() -> None:
    of_user = guard(ArnNotEquals={"aws:PrincipalArn": arn("user/up")})
    for statement, words in (
        (guard(Null={"aws:TokenIssueTime": "false"}), "signed with long-term keys"),
        (guard(Null={"aws:TokenIssueTime": "true"}), "signed with temporary credentials"),
    ):
        assert words in asked(of_user, statement).at(ELSEWHERE, "presigned").when


@pytest.mark.parametrize(
    ("fact", "answer"),
    [
        (f"aws:PrincipalArn={arn('user/uploader')}", "opened"),
        (f"aws:PrincipalArn={arn('user/other')}", "refused"),
        (f"aws:PrincipalArn={arn('role/uploader')}", "refused"),
        (f"aws:PrincipalArn={arn('root')}", "refused"),
    ],
)
def test_a_signer_who_is_known_is_asked_about_alone(fact: str, answer: str) -> None:
    exposure = asked(EXEMPTIONS["a user"][0], facts=(fact,))
    assert exposure.at(ELSEWHERE, "presigned").answer == answer
    assert exposure.row("presigned").opened.when == ()


def limited(*signers: str) -> dict[str, Any]:
    return dict(build_signer_limit("gt-images", [arn(each) for each in signers], ACCOUNT))


def test_each_listed_signer_is_asked_about_and_nobody_else() -> None:
    spared = EXEMPTIONS["a user"][0]
    for signers, answer in ((["role/app"], "refused"), (["role/app", "user/uploader"], "opened")):
        exposure = asked(spared, limited(*signers))
        assert exposure.at(ELSEWHERE, "presigned").answer == answer
        # a form is no URL, so a signer limit stops none
        assert exposure.at(ELSEWHERE, "post-form").when == (USER,)
    root = asked(EXEMPTIONS["the root user"][0], limited("role/app"))
    assert root.at(ELSEWHERE, "presigned").when == (ROOT,)
    inside = asked(guard(), limited("role/app")).at(INSIDE, "presigned")
    assert inside.when == ("signed by role/app or the root user",)
    assert asked(guard(), limited("role/app")).holds(allowed(INSIDE)).proved is True


def test_a_session_policy_is_that_of_a_role_or_a_federated_user() -> None:
    session = {"Version": "2012-10-17", "Statement": [ANYTHING]}
    for name, answer in (
        ("a user", "refused"),
        ("a role", "opened"),
        ("federated users", "opened"),
    ):
        exposure = asked(EXEMPTIONS[name][0], session=session)
        assert exposure.at(ELSEWHERE, "presigned").answer == answer


def test_the_role_of_a_team_is_known() -> None:
    spared = EXEMPTIONS["a user"][0]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [spared]})
    locks = EffectiveLocks(
        "gt-images", policy, has_portal=True, account=ACCOUNT, signer=arn("role/GroundTruth")
    )
    for each in (locks, replace(locks, signer="")):
        answers = [
            Exposure(each, "k").at(ELSEWHERE, kind).answer
            for kind in ("worker", "forwarded", "presigned")
        ]
        assert answers == ["refused", "refused", "opened"]


def test_an_allowed_source_is_unknown_where_signers_have_different_answers() -> None:
    for statement in (
        deny(ArnEquals={"aws:PrincipalArn": arn("user/up")}),
        deny(Null={"aws:username": "false"}),
    ):
        proof = asked(statement).holds(allowed(INSIDE))
        assert (proof.proved, proof.depends_on) == (None, ("aws:PrincipalArn",))
    for signer, expected in ((arn("role/app"), True), (arn("user/up"), False)):
        known = asked(deny(Null={"aws:username": "false"}), facts=(f"aws:PrincipalArn={signer}",))
        assert known.holds(allowed(INSIDE)).proved is expected


def test_a_service_control_policy_is_for_users_and_the_root_user_too() -> None:
    scp = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}],
    }
    assert asked(scp=[scp]).at(INSIDE, "presigned").answer == "refused"
    only: dict[str, Any] = {"ArnLike": {"aws:PrincipalArn": arn("root")}}
    no_root = {"Version": "2012-10-17", "Statement": [{**scp["Statement"][0], "Condition": only}]}  # type: ignore[dict-item]
    exposure = asked(guard(ArnNotEquals={"aws:PrincipalArn": arn("root")}), scp=[no_root])
    assert exposure.at(ELSEWHERE, "presigned").answer == "refused"


def test_a_folder_for_each_user_opens() -> None:
    spared = {**deny(), "NotResource": "arn:aws:s3:::gt-images/home/${aws:username}/*"}
    del spared["Resource"], spared["Condition"]
    locks = asked(spared).locks
    row = Exposure(locks, "home/", is_prefix=True).row("presigned")
    assert (row.opened.is_anyone, "signed by" in row.opened.when[0]) == (True, True)
    assert Exposure(locks, "k").row("presigned").word == "refused"


@pytest.mark.parametrize("name", ["federated users", "federated users by id"])
def test_rows_without_federated_users_are_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Kind, "principals", property(lambda _: ("session", "user", "root")))
    with pytest.raises(AssertionError):
        test_a_signer_who_is_spared_opens_from_elsewhere(name, "k.png")


def test_a_unique_id_apart_from_who_signs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "gt_secure.engine.access.request_kinds"
    monkeypatch.setattr(f"{module}._ids", lambda _: dict.fromkeys(_TYPES, OF_ROLES))
    with pytest.raises(AssertionError):
        test_a_signer_who_is_spared_opens_from_elsewhere("users by id", "k.png")
