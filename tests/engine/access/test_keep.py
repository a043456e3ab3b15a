"""Principals who must keep working: what refuses them, and whether somebody can change it back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.engine.access import keep
from gt_secure.engine.access.keep import WORK, Kept, keeps_working, parse_keep
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.iam import batch
from gt_secure.engine.policies.bucket_guard import build_guard
from support.answers import exposed

ROOT = Path(__file__).parents[2]
CASES = json.loads((ROOT / "data" / "lock-outs.json").read_text(encoding="utf-8"))
CI = "arn:aws:iam::111122223333:role/ci"
OFFICE = "203.0.113.0/24"
GUARD = build_guard("gt-images", networks=[OFFICE])
BOTH = ["arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*"]


def ask(*statements, keep=(CI,), allow=(OFFICE,), prefix="", facts=(), **layers):
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    locks = exposed(document, facts=facts, **layers).locks
    proof = prove(locks, Claim(prefix, allow, keep=parse_keep(keep)))
    if proof.refused is not None:
        verdict = json.loads(next(batch.run([json.dumps(proof.refused)])))
        assert verdict["verdict"] in ("explicit-deny", "implicit-deny"), proof.refused
    return proof


def deny(action="s3:*", **condition):
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": BOTH, **condition}


@pytest.mark.parametrize("case", CASES, ids=[each["source"] for each in CASES])
def test_a_public_lock_out_is_shown_with_its_statement(case):
    document = {"Version": "2012-10-17", "Statement": [case["statement"]]}
    locks = exposed(document).locks
    proof = prove(locks, Claim("", OFFICE, keep=parse_keep(case["works_here"])))
    assert (proof.refused is not None) == case["locked_out"]
    if case["locked_out"]:
        assert proof.proved is False
        assert "statement 1" in proof.refused["refused_by"].lower()
        assert "/ci/" in proof.refused["request"]["principal"]
        assert "Not proved: " in proof.text
        assert "is refused" in proof.text
    else:
        assert proof.proved is True
        assert proof.text.startswith("Proved closed to strangers and open to those who work here:")
        assert f"Nothing that was read refuses {CI} for {', '.join(WORK)}, unless" in proof.text
        assert "Whether this principal exists was not looked up." in proof.text


def test_statements_on_other_keys_cost_no_decisions(monkeypatch):
    """A policy of 15 kB has a statement for each team: of each only its own keys are asked about."""
    made, every = [], keep.decide_request
    monkeypatch.setattr(keep, "decide_request", lambda *a, **k: made.append(1) or every(*a, **k))
    teams = [
        {
            **deny("s3:GetObject", Condition={"NotIpAddress": {"aws:SourceIp": f"203.0.{i}.0/24"}, "ArnNotLike": {"aws:PrincipalArn": [CI, f"{CI}-{i}"]}}),
            "Resource": f"arn:aws:s3:::gt-images/team{i}/*",
        }
        for i in range(30)
    ]  # fmt: skip
    assert ask(GUARD, *teams).proved is True
    assert len(made) < 400


ADMIN = "arn:aws:iam::111122223333:role/admin"
OTHER = "arn:aws:iam::444455556666:role/x"
LOGS = "logging.s3.amazonaws.com"
NOT_ADMIN = {"ArnNotLike": {"aws:PrincipalArn": ADMIN}}


def allow(principal, action, **condition):
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": BOTH, **condition}  # fmt: skip


def unless(operator, key, value):
    return {"Condition": {operator: {key: value}}}


@pytest.mark.parametrize(
    ("statement", "keep", "said"),
    [
        (deny(**unless("NotIpAddress", "aws:SourceIp", OFFICE)), f"{CI} from 203.0.113.0/25", ""),
        (deny(**unless("NotIpAddress", "aws:SourceIp", OFFICE)), f"{CI} from 203.0.112.0/23", "from 203.0.112."),
        (deny(**unless("StringNotEquals", "aws:SourceVpce", "vpce-0a1b2c3d")), f"{CI} from vpce-0a1b2c3d", ""),
        (deny(**unless("StringNotEquals", "aws:SourceVpce", "vpce-0a1b2c3d")), f"{CI} from vpce-0a1b2c3e", "vpce-0a1b2c3e"),
        (deny("s3:GetObject", **unless("StringEquals", "aws:SourceVpce", "vpce-0a1b2c3d")), CI, "from vpce-0a1b2c3d"),
        (deny(**unless("StringNotEquals", "aws:SourceVpc", "vpc-0a1b2c3d")), f"{CI} from vpc-0a1b2c3d", ""),
        (deny(**unless("StringNotEquals", "aws:SourceVpc", "vpc-0a1b2c3d")), f"{CI} from vpc-0a1b2c3e", "vpc-0a1b2c3e"),
        (deny(**unless("NotIpAddressIfExists", "aws:VpcSourceIp", "10.0.0.0/16")), f"{CI} from vpce-0a1b2c3d", "vpce-0a1b2c3d"),
        (deny(**unless("Bool", "aws:SecureTransport", "false")), CI, ""),
        (deny(**unless("DateGreaterThan", "aws:CurrentTime", "2099-01-01T00:00:00Z")), CI, "aws:CurrentTime"),
        (deny(**unless("DateLessThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z")), CI, ""),
        (deny(**unless("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/team/*")), "arn:aws:iam::111122223333:role/team/ci", ""),
        (deny(**unless("ArnNotLike", "aws:PrincipalArn", CI)), "arn:aws:iam::111122223333:role/team/ci", "role/team/ci"),
        (deny(**unless("StringNotEquals", "aws:username", "eve")), "arn:aws:iam::111122223333:user/eve", ""),
        (deny(**unless("StringNotEquals", "aws:username", "eve")), CI, "aws:username"),
        ({**deny("s3:GetObject"), "Resource": "arn:aws:s3:::gt-images/secret/*"}, CI, "gt-images/secret/"),
        (deny("s3:PutBucketPolicy", Condition=NOT_ADMIN), CI, "s3:PutBucketPolicy"),
        (deny("s3:PutBucketPolicy", Condition=NOT_ADMIN), f"{CI} for s3:GetObject", ""),
        (deny("s3:PutBucketPolicy"), f"{CI} for s3:GetObject", "No user or role of account 111122223333 can change"),
        (deny(["s3:PutBucketPolicy", "s3:DeleteBucketPolicy"]), "arn:aws:iam::111122223333:root for s3:PutBucketPolicy", "The way back is the root user"),
        (deny("s3:DeleteBucket"), "arn:aws:iam::111122223333:root", ""),
        (deny(), "arn:aws:iam::111122223333:root", "s3:GetObject"),
        (allow({"AWS": OTHER}, "s3:GetObject"), f"{OTHER} for s3:GetObject", ""),
        (allow({"AWS": OTHER}, "s3:GetObject"), OTHER, "another account"),
        (allow({"Service": LOGS}, "s3:PutObject"), LOGS, ""),
        (allow({"Service": LOGS}, "s3:PutObject", **unless("StringEquals", "aws:SourceAccount", "444455556666")), LOGS, LOGS),
        (allow({"AWS": OTHER}, "s3:GetObject"), LOGS, "Only the bucket policy could allow this caller"),
    ],
)  # fmt: skip
def test_each_kind_of_statement_and_principal(statement, keep, said):
    proof = ask(GUARD, statement, keep=[keep])
    assert proof.counterexample is None
    assert proof.proved is (not said)
    assert said in proof.text
    if not said:
        assert keep.partition(" ")[0] in " ".join(proof.kept)


@pytest.mark.parametrize(
    ("statement", "keep", "facts", "depends_on"),
    [
        (deny(**unless("StringNotEquals", "aws:PrincipalOrgID", "o-abcdefghij")), CI, [], "aws:PrincipalOrgID"),
        (deny(**unless("StringNotEquals", "aws:PrincipalOrgID", "o-abcdefghij")), CI, ["aws:PrincipalOrgID=o-abcdefghij"], ""),
        (deny(**unless("StringNotEquals", "aws:PrincipalTag/team", "x")), CI, [], "aws:PrincipalTag/team"),
        (deny("s3:PutObject", **unless("StringNotEquals", "s3:x-amz-server-side-encryption", "aws:kms")), CI, [], "s3:x-amz-server-side-encryption"),
        (deny("s3:PutObject", **unless("StringNotEquals", "s3:x-amz-server-side-encryption", "aws:kms")), CI, ["s3:x-amz-server-side-encryption=aws:kms"], ""),
        (deny("s3:ListBucket", **unless("StringNotLike", "s3:prefix", "home/*")), CI, [], "s3:prefix"),
        ({**deny(), "Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/ci/me"}}, CI, [], "aws:userid"),
        (allow({"AWS": "arn:aws:sts::444455556666:assumed-role/x/me"}, "s3:*"), OTHER, [], "the account, id or session of the principal"),
        (allow({"Service": LOGS}, "s3:*", **unless("ArnLike", "aws:SourceArn", "arn:aws:s3:::a")), LOGS, [], "aws:SourceArn"),
    ],
)  # fmt: skip
def test_what_is_not_known_stays_unknown_with_its_reason(statement, keep, facts, depends_on):
    proof = ask(GUARD, statement, keep=[keep], facts=facts)
    assert (proof.proved, proof.refused) == (None if depends_on else True, None)
    assert list(proof.depends_on) == ([depends_on] if depends_on else [])


def test_each_side_is_reported():
    proof = ask(
        deny("s3:GetObject", **unless("NotIpAddress", "aws:SourceIp", OFFICE)),
        allow=["203.0.113.0/25"],
    )
    assert (proof.proved, [found[0].split()[-1] for found in proof.found]) == (False, ["opened", "refused"])  # fmt: skip
    assert proof.to_dict()["refused"]["request"]["action"] == "s3:GetObject"


def test_a_control_policy_refuses_too():
    level = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}]}  # fmt: skip
    proof = ask(GUARD, scp=[level])
    assert "service control policy" in proof.refused["refused_by"]
    everything = {"Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": "*"}
    level = {"Version": "2012-10-17", "Statement": [everything]}
    proof = ask(GUARD, keep=[f"{CI} for s3:GetObject"], rcp=[level])
    assert "unless its organization refuses that user too" in proof.text


def test_a_prefix_is_asked_about_alone():
    hidden = {**deny("s3:GetObject"), "Resource": "arn:aws:s3:::gt-images/secret/*"}
    scans = build_guard("gt-images", networks=[OFFICE], prefix="scans/")
    assert ask(scans, hidden, prefix="scans/").proved is True
    assert ask(scans, hidden, prefix="s").proved is False


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (CI, WORK),
        (f"{CI} for s3:getobject, s3:LISTBUCKET", ("s3:GetObject", "s3:ListBucket")),
        (f" {CI}  from  203.0.113.0/24, vpc-0a1b2c3d", WORK),
        (f"{CI} for s3:GetObject from vpce-0a1b2c3d", ("s3:GetObject",)),
        (LOGS, ("s3:PutObject",)),
        ("arn:aws-cn:iam::111122223333:root", WORK),
    ],
)
def test_a_text_is_read_and_written(text, asked):
    [kept] = parse_keep(text)
    assert kept.asked == asked
    assert Kept.of(str(kept)) == kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ci", "not a principal"),
        ("*", "not a user"),
        ("", "not a principal"),
        ("111122223333", "not a principal"),
        ("arn:aws:iam::111122223333:role/*", "not the ARN of one role or user"),
        ("arn:aws:sts::111122223333:assumed-role/ci/me", "not a user"),
        (f"{CI} for s3:*", "not one action"),
        (f"{CI} for s3:GetObjekt", "not one action"),
        (f"{CI} from office", "office"),
        ("arn:aws:sts::111122223333:federated-user/eve", "not a user"),
        (7, "not a principal"),
    ],
)
def test_another_text_is_an_error(text, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        parse_keep([text])
    assert caught.value.next_step


def test_block_public_access_refuses_other_accounts():
    document = {"Version": "2012-10-17", "Statement": [GUARD, allow("*", "s3:*")]}
    locks = replace(exposed(document).locks, restricts_public=True)
    proof = prove(locks, Claim("", OFFICE, keep=parse_keep([OTHER])))
    assert "Block Public Access refuses it" in proof.refused["refused_by"]
    assert prove(locks, Claim("", OFFICE, keep=parse_keep([CI]))).proved is True


def test_the_policy_of_an_endpoint_counts_where_it_is_named():
    only = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [only]})
    through = VpcEndpoint("vpce-0a1b2c3d", "vpc-0a1b2c3d", "Interface", "available", policy_text=policy)  # fmt: skip
    document = {"Version": "2012-10-17", "Statement": [GUARD]}
    locks = replace(exposed(document).locks, endpoints={through.id: through})
    asked = {
        f"{CI} from vpce-0a1b2c3d": "refused",
        f"{CI} for s3:GetObject from vpce-0a1b2c3d": "opened",
        CI: "opened",
    }
    for text, word in asked.items():
        assert keeps_working(locks, *parse_keep(text)).answer == word
