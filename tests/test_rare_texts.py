"""Texts of notices and causes that no other test over an account made by hand meets."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure import Restriction
from gt_secure.account import export
from gt_secure.aws.client import Aws
from gt_secure.aws.managed_lists import ManagedList
from gt_secure.base import clock
from gt_secure.base.network import Source, parse_networks
from gt_secure.changes import revoke, services
from gt_secure.changes.plan import plan
from gt_secure.changes.revoke import Revoked
from gt_secure.changes.rules import bucket, locks, log, signers
from gt_secure.engine.access.part import NotRead, Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.explain.explanation import explain
from gt_secure.presign.probe import Probe
from gt_secure.restriction.messages import notice
from support.guards import find_guard, merge_guard
from support.states import state, unread, with_parts, workforce

pytestmark = pytest.mark.usefixtures("known_texts")
GUARD = merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"]))
DAY = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"


@pytest.mark.parametrize("leaked", [True, False])
@pytest.mark.parametrize("until", [None, DAY])
@pytest.mark.parametrize(
    ("signer", "viewer"), [(None, None), (ROLE, None), (ROLE, "anna"), ("SAML:somebody", None)]
)
@pytest.mark.parametrize("key", ["scans/0001.png", None])
def test_a_revocation(
    leaked: bool, until: Any, signer: str | None, viewer: str | None, key: str | None
) -> None:
    revoked = Revoked("gt-images", "", key, signer, DAY, until, leaked, viewer)
    codes = {each.code for each in revoke._notices(revoked)}
    assert ("revoke-no-end" in codes) == (until is None)
    assert ("revoke-viewer" in codes) == (viewer is not None)
    assert ("revoke-whole-bucket" in codes) == (leaked and key is None)


@pytest.mark.parametrize(
    ("ahead_s", "words"),
    [(1200, "1,200 seconds behind AWS"), (-3600, "3,600 seconds ahead of AWS")],
)
def test_a_clock_that_is_off(ahead_s: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_AHEAD", {True: dt.timedelta(seconds=ahead_s)})
    revoked = Revoked("gt-images", "", None, ROLE, DAY, DAY)
    assert words in {each.code: each.text for each in revoke._notices(revoked)}["clock-off"]


@pytest.mark.parametrize("title", ["", "com.amazonaws.global.cloudfront.origin-facing"])
def test_a_list_that_aws_keeps(title: str) -> None:
    office, left = parse_networks("203.0.113.0/24"), parse_networks("10.0.0.0/8")
    wish = Restriction(bucket="gt-images", addresses=["pl-0a1b2c3d"])
    kept = ManagedList("pl-0a1b2c3d", office, left, title, "3", "AWS")
    case = SimpleNamespace(restriction=wish.with_lists([kept]), state=state())
    codes = {each.code for each in locks.lists.run(case)}
    assert codes == {"list-ranges-left-out", "list-of-aws"}


def test_a_portal_lock_as_it_is_exported() -> None:
    made: list[Any] = []
    assert (
        export._portal_ranges(unread("sagemaker:DescribeWorkforce", "the workforce"), None, made)
        == ()
    )
    other = Part.of(workforce("default", ("198.51.100.0/24",)))
    assert export._portal_ranges(other, find_guard(GUARD), made) == ()
    assert [each.code for each in made] == ["portal-unseen", "portal-differs"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"addresses": ["203.0.113.7", "203.0.113.7"]}, "duplicates"),
        ({"addresses": ["203.0.113.0/24", "203.0.113.7"]}, "overlaps"),
        ({"addresses": ["2400::/12"]}, "very-broad"),
        ({"addresses": ["200.64.0.0/15"]}, "very-broad"),
        (
            {"team": "arn:aws:sagemaker:us-east-1:111122223333:workteam/vendor-crowd/acme"},
            "no-url-lock",
        ),
    ],
)
def test_a_restriction_that_says_more_than_it_must(values: dict[str, Any], code: str) -> None:
    wish = Restriction(**{"bucket": "gt-images", "addresses": ["203.0.113.0/24"], **values})
    assert code in {each.code for each in wish.notices}


def test_a_portal_lock_for_ipv6_alone() -> None:
    wish = Restriction("radiology-team", addresses=["2001:db8::/32"], portal_lock=True)
    assert "portal-ipv6-only" in {each.code for each in wish.notices}


def test_a_policy_with_a_principal_that_is_deleted() -> None:
    after = GUARD.replace('"Principal": "*"', '"Principal": {"AWS": "AROA1234567890EXAMPLE"}')
    case = SimpleNamespace(planned=BucketPolicy(after))
    assert [each.code for each in bucket.deleted_principals.run(case)] == ["principal-deleted"]


def test_a_bucket_of_another_region() -> None:
    text = "gt-images is in a region that AWS does not name, which eu-west-1 cannot ask"
    missing = NotRead("workteams", "sagemaker:ListWorkteams", "elsewhere", text)
    wish = Restriction(bucket="gt-images", addresses=["203.0.113.0/24"])
    made = plan(
        cast(Aws, None), wish, state=with_parts(state(), team=None, teams=Part.unread(missing))
    )
    [asked] = (each for each in made.asks if each.code == "bucket-teams-unread")
    assert asked.text == f"Whom the plan locks out is unknown: workteams ({text})."


def test_a_bucket_and_a_team_in_two_regions() -> None:
    wish = Restriction("radiology-team", bucket="gt-images", addresses=["203.0.113.0/24"])
    far = state(region="eu-west-1")
    made = plan(cast(Aws, None), wish, state=far)
    assert "bucket-elsewhere" in {each.code for each in made.notices}
    assert "bucket-elsewhere" not in {each.code for each in made.asks}
    assert "team-elsewhere" in {each.code for each in made.asks}


def test_the_log_against_the_prediction() -> None:
    class Row:
        why, source, request, shut_out = services.LOGGED, "198.51.100.9", "presigned", False
        before = after = type("Now", (), {"answer": "refused", "depends_on": ()})

    case = SimpleNamespace(simulation=[Row])
    assert [each.code for each in log.prediction.run(case)] == ["prediction-contradicts-log"]


def test_signers_of_the_log_who_are_not_listed() -> None:
    class Signed:
        def presigners(self, _bucket: str, _prefix: str) -> tuple[dict[str, int], int]:
            return {"arn:aws:sts::111122223333:assumed-role/other/session": 3}, 1

        def asked(self, question: Any, _: Any) -> tuple[Any, None]:
            return question(self), None

    wish: Any = Restriction(bucket="gt-images", signers=[ROLE])
    [made] = signers.logged.run(SimpleNamespace(restriction=wish, hits=Signed()))
    assert made.text.count("role/other")


def _answer(
    status: int, code: str = "", *, method: str = "GET", signed_for: str = "", message: str = ""
) -> Probe:
    given: dict[str, Any] = {
        "error_code": code,
        "error_message": message,
        "method": method,
        "signed_for": signed_for,
    }
    source = Source.parse("198.51.100.20")
    return Probe(probe_origin="kernel", source=source, bucket="gt-images", key="k", status=status, elapsed_ms=1.0,
                 request_id="ABC", **given)  # fmt: skip


@pytest.mark.parametrize(
    ("probe", "cause"),
    [
        (_answer(200, method="PUT"), "opened"),
        (_answer(403, method="HEAD"), "no-reason"),
        (_answer(403, "SignatureDoesNotMatch", signed_for="GET"), "signature"),
        (_answer(403, "SignatureDoesNotMatch", signed_for="PUT"), "signature"),
        (
            _answer(403, "AccessDenied", message="with an explicit deny in a session policy"),
            "session-policy",
        ),
    ],
)
def test_an_answer_that_other_tests_do_not_meet(probe: Probe, cause: str) -> None:
    assert explain(probe, bound_to="198.51.100.20").cause == cause


def test_an_undo_of_the_portal_of_all_teams() -> None:
    asked = notice("portal-undo", words="the worker portal opens from anywhere")
    assert asked.asks


@pytest.mark.parametrize(
    "missing", [("s3:GetBucketPolicy",), ("iam:GetRole", "s3:GetBucketPolicy")]
)
def test_a_fact_that_a_permission_would_show(
    missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "unknown_keys", lambda *_: ("aws:PrincipalTag/team",))
    case = SimpleNamespace(simulation=(), exposures=(), before=SimpleNamespace(missing=missing))
    [made] = log.facts.run(case)
    noun = "permission" if len(missing) == 1 else "permissions"
    assert made.text.endswith(f" Missing {noun}: {', '.join(missing)}.")
