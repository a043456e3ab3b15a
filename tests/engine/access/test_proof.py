"""The proof that no presigned request from elsewhere is opened, and its counterexamples."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gt_secure.base.network import parse_network
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.access.vpc_endpoint import VpcEndpoint
from gt_secure.engine.iam import batch
from gt_secure.engine.policies.bucket_guard import build_guard
from support.answers import exposed
from support.guards import without_forms

OFFICE, ENDPOINT = "203.0.113.0/24", "vpce-11111111"
GUARD = build_guard("gt-images", networks=[OFFICE], endpoints=[ENDPOINT])
SCANS = build_guard("gt-images", networks=[OFFICE], endpoints=[ENDPOINT], prefix="scans/")
PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::gt-images/*", "arn:aws:s3:::gt-images"]}  # fmt: skip

OF_THE_ACCOUNT = {**PUBLIC, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}


def with_condition(guard, **changes):
    return {**guard, "Condition": {**guard["Condition"], **changes}}


def without(guard, *names):
    return {name: value for name, value in guard.items() if name not in names}


def ask(*statements, prefix="", allow=(OFFICE,), endpoints=(ENDPOINT,), facts=(), **layers):
    document = {"Version": "2012-10-17", "Statement": list(statements)} if statements else None
    proof = prove(
        exposed(document, facts=facts, **layers).locks,
        Claim(prefix, (*allow, *endpoints)),
    )
    if proof.counterexample is not None:
        verdict = json.loads(next(batch.run([json.dumps(proof.counterexample)])))
        assert verdict["verdict"] == "allow", proof.counterexample
    return proof


@pytest.mark.parametrize(
    ("statements", "prefix"),
    [
        ([GUARD], ""),
        ([SCANS], "scans/"),
        ([SCANS], "scans/day-1/"),
        ([GUARD, OF_THE_ACCOUNT], ""),
        ([GUARD, SCANS], "scans/"),
    ],
)
def test_our_guard_is_proved(statements, prefix):
    proof = ask(*statements, prefix=prefix)
    assert (proof.proved, proof.depends_on) == (True, ())
    assert any("root" in sentence for sentence in proof.limits)


@pytest.mark.parametrize("reads", [False, True])
def test_a_url_without_its_signature_is_a_request_too(reads):
    """Whoever has a presigned URL for an object that anybody may read needs no signature."""
    locks = exposed({"Version": "2012-10-17", "Statement": [GUARD, PUBLIC]}).locks
    proof = prove(locks, Claim("", [OFFICE, ENDPOINT], reads=reads))
    assert proof.proved is False
    assert proof.counterexample["form"] == "unsigned"
    assert "without a signature, unless" in proof.text
    assert "Block Public Access refuses it" in proof.text
    assert "anonymous request" in proof.claim
    closed = replace(locks, restricts_public=True, acls={})
    assert prove(closed, Claim("", [OFFICE, ENDPOINT])).proved is True


@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:GetObjectOfTheFuture"])
def test_nobody_asks_for_the_bucket_or_in_a_way_that_s3_adds_later(action):
    """A request without a signature is not only one for an object, by a name of today."""
    spared = with_condition(GUARD, StringEquals={"s3:authType": ["REST-QUERY-STRING", "POST"]})
    resource = "arn:aws:s3:::gt-images" + "/*" * (action != "s3:ListBucket")
    allow = {**PUBLIC, "Action": action, "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [spared, allow]}
    proof = prove(exposed(document).locks, Claim("", [OFFICE, ENDPOINT]))
    assert proof.proved is not True
    if action == "s3:ListBucket":
        assert (proof.counterexample["form"], proof.counterexample["request"]["action"]) == (
            "unsigned",
            action,
        )
    else:
        assert proof.depends_on == (f"{action}, an action of S3 that this version does not know",)


def test_every_value_of_the_claim_counts():
    assert ask(GUARD, allow=[OFFICE, "198.51.100.0/24"]).proved is True
    assert ask(GUARD, allow=["203.0.113.0/25"]).proved is False
    assert ask(GUARD, endpoints=()).counterexample["source"] == ENDPOINT
    assert ask(SCANS, prefix="scan").proved is False
    assert ask(SCANS).proved is False


POST_LESS = with_condition(SCANS, StringEquals={"s3:authType": "REST-QUERY-STRING"})
SIGV4 = with_condition(GUARD, StringEquals={"s3:authType": ["REST-QUERY-STRING", "POST"], "s3:signatureversion": "AWS4-HMAC-SHA256"})  # fmt: skip
ADMIN = with_condition(
    GUARD, ArnNotLike={"aws:PrincipalArn": "arn:aws:iam::111122223333:role/Admin*"}
)
YOUNG = with_condition(GUARD, NumericGreaterThan={"s3:signatureAge": "1000"})
NEXT_YEAR = with_condition(GUARD, DateLessThan={"aws:CurrentTime": "2999-01-01T00:00:00Z"})
NOT_PRINCIPAL = {
    **without(GUARD, "Principal"),
    "NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:role/A", "arn:aws:iam::111122223333:root", "arn:aws:sts::111122223333:assumed-role/A/me"]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("statements", "prefix", "member", "value"),
    [
        ([], "", "form", "presigned"),
        ([POST_LESS], "scans/", "form", "post-form"),
        ([SIGV4], "", "form", "presigned"),
        ([ADMIN], "", "form", "presigned"),
        ([YOUNG], "", "form", "presigned"),
        ([NEXT_YEAR], "", "form", "presigned"),
        ([NOT_PRINCIPAL], "", "form", "presigned"),
        ([{**without(GUARD, "Action"), "NotAction": "s3:GetObjectTor*"}], "", "action", "s3:GetObjectTorrent"),
        ([{**GUARD, "Resource": "arn:aws:s3:::gt-images/*"}], "", "resource", "arn:aws:s3:::gt-images"),
        ([{**GUARD, "Resource": ["arn:aws:s3:::gt-images/?*.png", "arn:aws:s3:::gt-images"]}], "", "form", "presigned"),
        ([with_condition(GUARD, StringNotLike={"aws:Referer": "https://x/*"})], "", "form", "presigned"),
        ([with_condition(GUARD, Bool={"aws:SecureTransport": "false"})], "", "form", "presigned"),
        ([{**GUARD, "Principal": {"AWS": "111122223333"}}, PUBLIC], "", "principal", "arn:aws:sts::444455556666:assumed-role/some-role/some-session"),
    ],
)  # fmt: skip
def test_a_hole_is_shown(statements, prefix, member, value):
    proof = ask(*statements, prefix=prefix)
    assert proof.proved is False
    assert {**proof.counterexample, **proof.counterexample["request"]}[member] == value


def sparing(*resources, **condition):
    """A guard of all objects but some, and of the bucket."""
    spared = [f"arn:aws:s3:::gt-images/{each}" for each in resources]
    return with_condition({**without(GUARD, "Resource"), "NotResource": spared}, **condition)


OWN = "home/${aws:username}/*"
TEAM = "home/${aws:PrincipalTag/team}/*"
DEFAULT = "home/${aws:PrincipalTag/team, 'none'}/*"
BUT_RED = with_condition(GUARD, StringNotEquals={"aws:PrincipalTag/team": "red"})
RED, NONE = ["aws:PrincipalTag/team=red"], ["aws:PrincipalTag/team="]


@pytest.mark.parametrize(
    ("statements", "facts", "proved", "key"),
    [
        ([sparing(OWN)], [], False, "home/x/"),
        ([sparing("home/${aws:username}/${aws:username}/*")], [], False, "home/x/x/"),
        ([sparing("${aws:PrincipalAccount}/*")], [], False, "111122223333/"),
        ([sparing(TEAM)], [], None, None),
        ([sparing(TEAM)], RED, False, "home/red/"),
        ([sparing(TEAM)], NONE, True, None),
        ([sparing(DEFAULT)], NONE, False, "home/none/"),
        ([sparing(TEAM), BUT_RED], [], None, None),
        ([sparing(TEAM), BUT_RED], RED, False, "home/red/"),
        ([sparing(TEAM), BUT_RED], ["aws:PrincipalTag/team=blue"], True, None),
        ([sparing(OWN, TEAM)], NONE, False, "home/x/"),
        ([sparing("home/${aws:SourceIp}/*")], [], None, None),
        ([GUARD, {**PUBLIC, "Resource": f"arn:aws:s3:::gt-images/{OWN}"}], [], True, None),
        ([GUARD, sparing(OWN)], [], True, None),
    ],
)
def test_a_folder_for_each_user_or_tag_is_told_apart(statements, facts, proved, key):
    """A guard that spares the folder of whoever signs is open for the key that the
    signer's own value makes.
    """
    proof = ask(*statements, facts=facts)
    found = proof.counterexample and proof.counterexample["request"]["resource"].partition("/")[2]
    assert (proof.proved, found) == (proved, key)
    assert bool(proof.depends_on) == (proved is None)


@pytest.mark.parametrize(("text", "proved"), [(None, False), (json.dumps({"Statement": without(PUBLIC, "Resource") | {"Resource": "arn:aws:s3:::other/*"}}), True)])  # fmt: skip
def test_an_endpoint_beside_the_claim_is_asked_with_its_own_policy(text, proved):
    places = {
        ENDPOINT: VpcEndpoint(ENDPOINT, "vpc-11111111", "Interface", "available", policy_text=text)
    }
    locks = replace(
        exposed({"Version": "2012-10-17", "Statement": [GUARD]}).locks, endpoints=places
    )
    assert prove(locks, Claim("", (parse_network(OFFICE),))).proved is proved


@pytest.mark.parametrize(("spared", "proved"), [("s3:PutObject", True), ("s3:GetObject", False), ("s3:GetObjectTagging", False)])  # fmt: skip
def test_a_claim_about_reads_is_about_every_action_except_uploads(spared, proved):
    guard = without(GUARD, "Action") | {"NotAction": spared}
    claim = Claim("", (OFFICE, ENDPOINT), reads=True)
    assert (
        prove(exposed({"Version": "2012-10-17", "Statement": [guard]}).locks, claim).proved
        is proved
    )


def test_unknown_facts():
    inside = with_condition(
        GUARD, StringNotEqualsIfExists={"aws:SourceVpce": [ENDPOINT], "aws:PrincipalOrgID": "o-a"}
    )
    assert (ask(inside).proved, ask(inside).depends_on) == (None, ("aws:PrincipalOrgID",))
    assert ask(inside, facts=["aws:PrincipalOrgID=o-a"]).proved is False
    assert ask(inside, facts=["aws:PrincipalOrgID=o-b"]).proved is True
    rcp = {"Version": "2012-10-17", "Statement": [{**GUARD, "Sid": "X", "Resource": "*"}]}
    assert ask(rcp=[rcp]).proved is True
    assert (
        ask(
            scp=[
                {
                    "Version": "2012-10-17",
                    "Statement": [{**without(GUARD, "Principal", "Sid"), "Resource": "*"}],
                }
            ]
        ).proved
        is True
    )
    assert ask(PUBLIC, scp=[{"Version": "2012-10-17", "Statement": [{**without(GUARD, "Principal", "Sid"), "Resource": "*"}]}]).proved is False  # fmt: skip


@pytest.mark.parametrize(
    ("statements", "more", "code"),
    [
        ([without_forms(GUARD)], {}, "guard-drifted"),
        ([without_forms(SCANS)], {"prefix": "scans/"}, "guard-drifted"),
        ([], {}, "guard-missing"),
        ([PUBLIC], {}, "guard-missing"),
        ([GUARD], {"allow": ["203.0.113.0/25"]}, "guard-narrower"),
        ([with_condition(GUARD, StringEquals={"s3:authType": "POST"})], {}, "guard-drifted"),
        ([without_forms(GUARD)], {"allow": (), "endpoints": ()}, None),
    ],
)
def test_a_counterexample_names_the_finding_that_fixes_it(statements, more, code):
    assert ask(*statements, **more).counterexample.get("finding") == code
