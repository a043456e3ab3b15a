"""Answers for single sources: which lock refuses a worker's own URL,
one used from another address, and others.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.engine.access import Exposure
from gt_secure.engine.access.answer import CLAIMS
from gt_secure.engine.access.exposure import OF_A_TEAM
from gt_secure.engine.access.locks import (
    READ_ENDPOINTS,
    READ_POLICY,
    READ_TEAM,
    READ_WORKFORCE,
    EffectiveLocks,
)
from gt_secure.engine.access.request_kinds import KINDS
from gt_secure.engine.iam.facts import supplied_facts
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from support.answers import ENDPOINT, S3_ENDPOINT, team_locks
from support.guards import merge_guard

OFFICE, OTHER, VPC = "203.0.113.7", "198.51.100.20", f"10.0.3.4 via {ENDPOINT}"
GUARD = merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"]))
SOURCE_IP, VPC_SOURCE_IP, BOTH = UrlLock(True), UrlLock(False, True), UrlLock(True, True)


def document(**statement: Any) -> str:
    made = {"Principal": "*", "Action": "*", "Resource": "*"} | statement
    return json.dumps({"Version": "2012-10-17", "Statement": [made]})


PUBLIC = document(Effect="Allow", Action="s3:GetObject", Resource="arn:aws:s3:::gt-images/*")
CLOSED = document(Effect="Deny")


def exposure(
    policy: str | None = None,
    *,
    lock: UrlLock | None = None,
    portal: tuple[str, ...] = (),
    endpoint: str | None = None,
    **more: Any,
) -> Exposure:
    places = {ENDPOINT: replace(S3_ENDPOINT, type="Interface", policy_text=endpoint)}
    values = {"url_lock": lock or UrlLock(), "cidrs": portal, "endpoints": places}
    return Exposure(team_locks(policy, **(values | more)), "scans/1.png")


def ask(*args: Any, **more: Any) -> dict[tuple[str, str], tuple[str, str]]:
    answers = exposure(*args, **more).at([OFFICE, OTHER, VPC])
    return {(each.source, each.request): (each.answer, each.lock) for each in answers}


OPENED = ("opened", "")


def test_every_kind_of_request_has_its_words() -> None:
    assert {*KINDS, *OF_A_TEAM} == set(CLAIMS)


def test_without_locks_everybody_with_a_url_is_opened() -> None:
    found = ask()
    assert {
        found[place, kind] for place in (OFFICE, OTHER, VPC) for kind in ("worker", "forwarded")
    } == {OPENED}


def test_the_url_lock_refuses_a_url_that_is_used_elsewhere() -> None:
    found = ask(lock=SOURCE_IP)
    assert found[OFFICE, "worker"] == found[OTHER, "worker"] == OPENED
    assert found[OTHER, "forwarded"] == ("refused", "URL lock")
    assert found[VPC, "worker"] == ("refused", "URL lock")
    assert found[OTHER, "presigned"] == OPENED


def test_the_vpc_url_lock_needs_an_endpoint() -> None:
    found = ask(lock=VPC_SOURCE_IP)
    assert found[VPC, "worker"] == OPENED
    assert found[OFFICE, "worker"] == ("refused", "URL lock")


def test_both_settings_open_to_nobody() -> None:
    found = ask(lock=BOTH)
    assert {
        answer for (_, kind), (answer, _) in found.items() if kind in ("worker", "forwarded")
    } == {"refused"}


def test_the_guard_refuses_sources_that_are_not_listed() -> None:
    found = ask(GUARD)
    assert found[OFFICE, "forwarded"] == OPENED
    assert found[OTHER, "worker"] == ("refused", "bucket guard")
    assert found[VPC, "worker"] == ("refused", "bucket guard")


def test_the_portal_lock_refuses_urls_that_are_made_here() -> None:
    found = ask(portal=("203.0.113.0/24",))
    assert found[OFFICE, "worker"] == OPENED
    assert found[OTHER, "worker"] == ("refused", "portal lock")
    assert found[OTHER, "forwarded"] == OPENED
    assert found[VPC, "worker"] == OPENED, (
        "the address that a public portal sees behind an endpoint is another one"
    )


def test_a_public_grant_undoes_the_url_lock() -> None:
    assert ask(PUBLIC, lock=SOURCE_IP)[OTHER, "forwarded"] == OPENED


def test_an_endpoint_policy_counts_for_its_endpoint() -> None:
    found = ask(endpoint=CLOSED)
    assert found[VPC, "worker"] == ("refused", "VPC endpoint policy")
    assert found[OFFICE, "worker"] == OPENED
    other = document(Effect="Allow", Resource="arn:aws:s3:::other/*")
    assert ask(endpoint=other, lock=VPC_SOURCE_IP)[VPC, "worker"] == (
        "refused",
        "VPC endpoint policy",
    )


UNREAD: dict[str, dict[str, Any]] = {
    READ_TEAM: {"url_lock": None},
    READ_WORKFORCE: {"cidrs": None},
    READ_ENDPOINTS: {"endpoints": {}, "not_read": frozenset({READ_ENDPOINTS})},
    READ_POLICY: {"not_read": frozenset({READ_POLICY})},
}
"""The locks of an account where a role may not call an action."""


@pytest.mark.parametrize("action", list(UNREAD))
def test_what_was_not_read_is_not_answered(action: str) -> None:
    source = VPC if action.startswith("ec2:") else OTHER
    found = exposure(**UNREAD[action])
    answer = found.at(source, "worker")
    assert (answer.answer, answer.depends_on) == ("unknown", (action,))
    places = found.row("worker").unknown
    assert action in places.depends_on
    assert places.has_endpoints if source == VPC else places.cidrs == ("0.0.0.0/0", "::/0")
    assert action in answer.reason


def test_a_deny_that_was_read_is_certain() -> None:
    found = exposure(GUARD, url_lock=None)
    assert found.at(OTHER, "worker").answer == found.at(OTHER, "forwarded").answer == "refused"
    assert found.at(OFFICE, "forwarded").depends_on == (READ_TEAM,)
    assert exposure("{").at(OTHER, "worker").answer == "unknown"


def test_answers_read_as_text_html_and_json() -> None:
    found = Exposure(team_locks(GUARD), "<b>.png").at([OFFICE, OTHER])
    rows = found.to_dicts()
    assert json.loads(json.dumps(rows)) == rows
    row = next(each for each in rows if (each["source"], each["request"]) == (OTHER, "forwarded"))
    assert (row["lock"], row["statement"]) == ("bucket guard", 'statement 1 "GtSecurePresignGuard"')
    assert row["claim"] == "a worker's URL used from another address"
    lines = repr(found).splitlines()
    assert lines[0].split() == ["REQUEST", "SOURCE", "ANSWER", "DECIDED", "BY", "REASON"]
    column = lines[0].index("ANSWER")
    assert {
        line[column:].split(maxsplit=1)[0] for line in lines[1:] if not line.startswith("[")
    } == {
        "opened",
        "refused",
    }
    html = found._repr_html_()
    assert html.count("<tr>") == 1 + len(found)
    assert "<b>.png" not in html
    tones = re.findall(r"gts-chip gts-(\w+)[^>]*>(?:<span[^>]*>. </span>)?<bdi>(\w+)<", html)
    assert ("no", "opened") in tones, "a worker's URL that opens elsewhere is a hole"
    assert ("ok", "refused") in tones


def test_a_kind_of_request_that_there_is_not_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no requests"):
        exposure(has_portal=False).at(OFFICE, "worker")


def test_the_signing_role_is_known_to_conditions() -> None:
    role = "arn:aws:iam::111122223333:role/GroundTruthExecution"

    def other_than(arn: str) -> str:
        return document(Effect="Deny", Condition={"ArnNotEquals": {"aws:PrincipalArn": arn}})

    def answer(policy: str, signer: str | None) -> str:
        facts = supplied_facts({"aws:PrincipalArn": signer} if signer else None)
        return exposure(policy, facts=facts, signer=signer or "").at(OFFICE, "worker").answer

    assert answer(other_than(role), role) == "opened"
    assert answer(other_than(role), None) == "unknown"
    assert answer(other_than(role), role.replace("GroundTruth", "Other")) == "refused"
    user = "arn:aws:iam::111122223333:user/alice"
    assert answer(other_than(user), user) == "opened"


@pytest.mark.parametrize(
    "signer",
    [
        "arn:aws:iam::111122223333:role/GroundTruth",
        "arn:aws:iam::111122223333:role/service-role/GroundTruth",
        "arn:aws:sts::111122223333:assumed-role/GroundTruth/anna",
        "arn:aws:iam::111122223333:user/anna",
    ],
)
def test_the_back_end_is_the_signer_for_conditions(signer: str) -> None:
    """A role has its path in ``aws:PrincipalArn``;
    the ARN of a session there is that of its role.
    """
    principal = signer.replace(":sts:", ":iam:").replace(
        "assumed-role/GroundTruth/anna", "role/GroundTruth"
    )
    for listed, answer in ((principal, "opened"), (f"{principal}2", "refused")):
        policy = document(
            Effect="Deny", Condition={"StringNotEquals": {"aws:PrincipalArn": listed}}
        )
        locks = EffectiveLocks("gt-images", policy, account="111122223333", signer=signer)
        assert locks.ground_truth(ENDPOINT, "scans/1.png", "s3:GetObject").answer == answer


@pytest.mark.parametrize(
    ("key", "tags", "answer"),
    [
        ("home/red/1.png", {}, "unknown"),
        ("home/red/1.png", {"aws:PrincipalTag/team": "red"}, "refused"),
        ("home/red/1.png", {"aws:PrincipalTag/team": "blue"}, "opened"),
        ("home/red/1.png", {"aws:PrincipalTag/team": ""}, "opened"),
        ("1.png", {}, "opened"),
    ],
)
def test_one_request_for_an_object_named_by_a_tag_is_unknown_until_the_tag_is_known(
    key: str, tags: dict[str, str], answer: str
) -> None:
    policy = document(
        Effect="Deny", Resource="arn:aws:s3:::gt-images/home/${aws:PrincipalTag/team}/*"
    )
    role = "arn:aws:iam::111122223333:role/GroundTruth"
    locks = EffectiveLocks(
        "gt-images", policy, account="111122223333", signer=role, facts=supplied_facts(tags)
    )
    found = locks.ground_truth(ENDPOINT, key, "s3:GetObject")
    assert (found.answer, found.depends_on) == (
        answer,
        ("aws:PrincipalTag/team",) if answer == "unknown" else (),
    )


@pytest.mark.parametrize(("region", "answer"), [("us-east-1", "opened"), ("eu-west-1", "refused")])
def test_services_and_the_caller_ask_in_the_region_of_the_bucket(region: str, answer: str) -> None:
    elsewhere = {
        "Effect": "Deny",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}},
    }
    delivery = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
    }
    statements = [json.loads(document(**each))["Statement"][0] for each in (elsewhere, delivery)]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    role = "arn:aws:iam::111122223333:role/GroundTruth"
    locks = EffectiveLocks("gt-images", policy, account="111122223333", signer=role, region=region)
    assert locks.ground_truth(ENDPOINT, "scans/1.png", "s3:GetObject").answer == answer
    assert locks.caller(role, "s3:PutBucketPolicy").answer == answer
    assert locks.log_delivery("logs/1").answer == answer
    nowhere = replace(locks, region="").ground_truth(ENDPOINT, "scans/1.png", "s3:GetObject")
    assert (nowhere.answer, nowhere.depends_on) == ("unknown", ("aws:RequestedRegion",))


def test_an_account_in_the_policy_of_a_gateway_endpoint_opens_to_no_role() -> None:
    mine = document(Effect="Allow", Principal={"AWS": "111122223333"})
    assert ask(endpoint=mine)[VPC, "worker"] == OPENED
    gateway = {ENDPOINT: replace(S3_ENDPOINT, policy_text=mine)}
    assert ask(endpoints=gateway)[VPC, "worker"] == ("refused", "VPC endpoint policy")


CHOICES = {
    "a young URL": ({"NumericLessThan": {"s3:signatureAge": "3000"}}, "refused"),
    "HTTPS": ({"Bool": {"aws:SecureTransport": "true"}}, "refused"),
    "a new TLS version": ({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}, "refused"),
    "another referer": ({"StringNotLike": {"aws:Referer": "https://x.example/*"}}, "refused"),
    "HTTP": ({"Bool": {"aws:SecureTransport": "false"}}, "opened"),
    "an old URL": ({"NumericGreaterThan": {"s3:signatureAge": "600000"}}, "opened"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_any_choice_of_the_sender_and_what_a_browser_gets_now(name: str) -> None:
    condition, plain = CHOICES[name]
    found = exposure(document(Effect="Deny", Condition=condition))
    assert found.at(OTHER, "presigned").answer == "opened"
    assert found.plain(OTHER, "presigned").answer == plain
