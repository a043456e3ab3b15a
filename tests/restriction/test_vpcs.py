"""A VPC as an allowed source: what is written, planned, proved, read back,
exported and compared with a log.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure import check
from gt_secure.account.export import current_restriction
from gt_secure.aws.client import Aws
from gt_secure.base.allowed import Allowed
from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import Source
from gt_secure.changes.diff import wanted_lock
from gt_secure.changes.plan import plan
from gt_secure.cli.changes import restriction_from
from gt_secure.cli.main import parse
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.locks import locks_of_policies
from gt_secure.engine.access.part import Part
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.policies import BucketPolicy, build_guard
from gt_secure.explain.dry_run import dry_run
from gt_secure.logs import read_hits
from gt_secure.restriction.claim import claim_from
from gt_secure.restriction.model import Restriction
from gt_secure.widgets import AllowEditor
from support import corpus
from support.guards import find_guard
from support.states import ENDPOINT, S3_ENDPOINT, data_bucket, state

pytestmark = pytest.mark.usefixtures("known_texts")
VPC, OTHER_VPC, OFFICE = S3_ENDPOINT.vpc_id, "vpc-0b1b2c3d", "203.0.113.0/24"
BUCKET, ME = "gt-images", "111122223333"
NO_AWS = cast(Aws, None)
IN_VPC = Restriction(bucket=BUCKET, vpcs=VPC)
OPEN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ME}:root"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
    ],
}


def test_the_form_of_an_id_decides_wherever_it_is_written(tmp_path: Path) -> None:
    both = Restriction(bucket=BUCKET, endpoints=[ENDPOINT], vpcs=[VPC])
    assert (both.endpoints, both.vpcs) == ((ENDPOINT,), (VPC,))
    assert (
        Restriction(bucket=BUCKET, endpoints=f"{VPC}, {ENDPOINT}")
        == both
        == Restriction.from_dict(both.to_dict())
    )
    args = parse(["plan", f"s3://{BUCKET}", "--endpoint", VPC, "--endpoint", ENDPOINT])
    assert restriction_from(args) == both
    path = tmp_path / "restriction.json"
    path.write_text(json.dumps(both.to_dict()))
    replaced = parse(["plan", "-f", str(path), "--endpoint", OTHER_VPC])
    assert restriction_from(replaced).allowed == Allowed.of(OTHER_VPC)
    assert AllowEditor(bucket=BUCKET, endpoints=[VPC.upper(), ENDPOINT]).restriction() == both
    assert IN_VPC.including([Restriction(bucket=BUCKET, endpoints=ENDPOINT)]) == both
    assert replace(both, vpcs=()).allowed == Allowed.of(ENDPOINT)
    assert "vpcs" not in Restriction(bucket=BUCKET, endpoints=ENDPOINT).to_dict()
    with pytest.raises(InvalidInput, match="vpce-"):
        Restriction(bucket=BUCKET, vpcs="vpc-office")
    with pytest.raises(InvalidInput, match=f"endpoints=\\['{VPC}'\\]"):
        Restriction(bucket=BUCKET, addresses=VPC)


def hold(words: list[str]) -> None:
    """A guard reads back as the value it was made of,
    and opens from a source what the value admits.
    """
    allowed = Allowed.of(words)
    policy = BucketPolicy(json.dumps(OPEN)).with_statement(build_guard(BUCKET, allowed))
    exposure = Exposure(locks_of_policies(BUCKET, policy, ME), "a.png")
    for vpc in (VPC, OTHER_VPC):
        for source in (Source(None, ENDPOINT, vpc), Source(None, "vpce-0b1b2c3d", vpc)):
            opened = exposure.at(source, "presigned").answer == "opened"
            assert opened == allowed.admits(source), (words, source)
    for address in ("203.0.113.7", "198.51.100.9"):
        assert (exposure.at(address, "presigned").answer == "opened") == allowed.admits(
            Source.parse(address)
        ), words
    found = find_guard(policy)
    assert found is not None
    assert (found.allowed, found.drifted) == (allowed, False)


LISTS = [
    [VPC],
    [VPC, OFFICE],
    [VPC, ENDPOINT],
    [OFFICE, ENDPOINT, OTHER_VPC],
    [VPC, OTHER_VPC, OFFICE, ENDPOINT],
]


@pytest.mark.parametrize("words", LISTS)
def test_a_request_comes_from_one_of_the_lists(words: list[str]) -> None:
    hold(words)


real_build_guard = build_guard


def under_one_key(*args: Any, **more: Any) -> dict[str, object]:
    """Return what a guard was: it compared ids of VPCs with that of the endpoint."""
    made: Any = real_build_guard(*args, **more)
    ids = [
        each
        for listed in made["Condition"].pop("StringNotEqualsIfExists").values()
        for each in listed
    ]
    return {
        **made,
        "Condition": {**made["Condition"], "StringNotEqualsIfExists": {"aws:SourceVpce": ids}},
    }


def test_a_guard_that_compares_the_endpoint_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hold.__globals__, "build_guard", under_one_key)
    for words in LISTS:
        with pytest.raises(AssertionError, match="Source"):
            hold(words)


def proved(allowed: list[str], claimed: list[str]) -> bool | None:
    policy = BucketPolicy(json.dumps(OPEN)).with_statement(build_guard(BUCKET, Allowed.of(allowed)))
    return prove(locks_of_policies(BUCKET, policy, ME), Claim("", Allowed.of(claimed))).proved


def test_a_proof_counts_every_vpc() -> None:
    assert proved([OFFICE, ENDPOINT, VPC], [OFFICE, ENDPOINT, VPC]) is True
    assert proved([VPC], [VPC, OTHER_VPC]) is True
    assert proved([VPC], [OTHER_VPC]) is False
    assert proved([VPC], [ENDPOINT]) is False
    assert proved([VPC, OTHER_VPC], [VPC]) is False


def test_a_known_endpoint_of_a_listed_vpc_is_listed() -> None:
    policy = BucketPolicy(json.dumps(OPEN)).with_statement(build_guard(BUCKET, [VPC]))
    locks = replace(locks_of_policies(BUCKET, policy, ME), endpoints={ENDPOINT: S3_ENDPOINT})
    assert prove(locks, claim_from(IN_VPC)).proved is True
    assert not Exposure(locks, "a.png").opens_nobody(IN_VPC.allowed)
    of_the_endpoint = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
                       "Condition": {"StringNotEquals": {"aws:SourceVpce": ENDPOINT}}}  # fmt: skip
    narrowed = json.loads(policy)
    narrowed["Statement"].append(of_the_endpoint)
    assert not Exposure(replace(locks, policy=json.dumps(narrowed)), "a.png").opens_nobody(
        IN_VPC.allowed
    )


def test_a_plan_writes_a_vpc_once_and_asks_about_one_that_is_not_here() -> None:
    here = state(team=None, workforce=None, bucket=data_bucket())
    made = plan(NO_AWS, IN_VPC, state=here)
    assert "vpc-unknown" not in {each.code for each in made.notices}
    after = made.changes[0].after
    assert VPC in made.changes[0].after_text
    assert plan(NO_AWS, IN_VPC, state=replace(here, bucket=data_bucket(policy=after))).empty
    [asked] = plan(NO_AWS, Restriction(bucket=BUCKET, vpcs=OTHER_VPC), state=here).asks
    assert (asked.code, OTHER_VPC in asked.text) == ("vpc-unknown", True)


def test_lists_of_endpoints_and_of_vpcs_may_share_sources() -> None:
    inner = BucketPolicy().with_statement(build_guard(BUCKET, [ENDPOINT], prefix="scans/"))
    found = plan(
        NO_AWS, IN_VPC, state=state(team=None, workforce=None, bucket=data_bucket(policy=inner))
    )
    [overlap] = [each for each in found.notices if each.code == "guards-overlap"]
    assert (overlap.severity, "unknown sources, because" in overlap.text) == ("warning", True)


def test_a_portal_in_a_vpc_gets_its_own_setting() -> None:
    seen = state()
    force = replace(seen.workforce.value, vpc_id=VPC)
    lock = wanted_lock(
        Restriction("radiology-team", bucket=BUCKET, vpcs=VPC),
        replace(seen, workforce=Part.of(force)),
    )
    assert lock is not None
    assert lock.mode == "VpcSourceIp"


def test_equal_guards_are_merged_and_others_are_not() -> None:
    policy = BucketPolicy()
    for prefix, words in (("a/", [VPC]), ("b/", [VPC]), ("c/", [OTHER_VPC])):
        policy = policy.put_statement(build_guard(BUCKET, words, prefix=prefix), prefix)
    merged = policy.joined()
    assert len(json.loads(merged)["Statement"]) == 2
    assert {each.prefix: each.allowed.vpcs for each in merged.guards} == {
        "a/": (VPC,),
        "b/": (VPC,),
        "c/": (OTHER_VPC,),
    }


def test_an_export_has_the_vpcs(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = BucketPolicy().with_statement(build_guard(BUCKET, [VPC, ENDPOINT]))
    seen = state(team=Part[Any].of(None), bucket=data_bucket(policy=policy))
    monkeypatch.setattr("gt_secure.account.export.read_scope", lambda *_: seen)
    found, _ = current_restriction(cast(Aws, SimpleNamespace()), bucket=BUCKET)
    assert found.allowed == Allowed.of([VPC, ENDPOINT])


def test_a_log_does_not_say_in_which_vpc_an_endpoint_is(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(
        corpus.write({**corpus.BASE, **corpus.PRESIGNED, "remote_ip": "10.0.3.4"}) + "\n"
    )
    with read_hits(tmp_path / "log") as unnamed:
        named = unnamed._with(
            f"SELECT * REPLACE ('{ENDPOINT}' AS endpoint) FROM ({rows})"
            for rows in unnamed._relations
        )
        sides = [
            each.with_restriction(IN_VPC.allowed).count("allowlist").rows[0][0]
            for each in (unnamed, named)
        ]
        assert sides == ["endpoint", "unknown"]
        result = check.no_foreign_hits.look(named, IN_VPC, trust_private=True)
        assert (result.status, "in which VPC" in result.message) == ("unknown", True)
        tried = dry_run(IN_VPC, named)
        assert tried is not None
        assert (tried.refused, tried.no_vpc) == (0, 1)
        assert "1 through an endpoint whose VPC is not in the log" in tried.sentence
        listed = Restriction(bucket=BUCKET, vpcs=VPC, endpoints=ENDPOINT)
        assert check.no_foreign_hits.look(named, listed).status == "passed"
