"""Plans over states made by hand: changes, notices, simulation, expectations,
and how they are shown.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from importlib import import_module
from typing import Any, cast

import pytest

from gt_secure.account.state import State
from gt_secure.aws.client import Aws
from gt_secure.base.errors import InvalidInput, PolicyError
from gt_secure.changes.case import Case
from gt_secure.changes.change import Change
from gt_secure.changes.plan import RULES, Plan, plan
from gt_secure.changes.render import parts
from gt_secure.changes.render.summary import today_and_after
from gt_secure.changes.services import users
from gt_secure.changes.targets import BucketGuard
from gt_secure.cli.output import fit
from gt_secure.engine.access.key_classes import Listing
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.findings.model import Acceptance, Finding
from gt_secure.logs import Hits
from gt_secure.restriction.expectations import expect
from gt_secure.restriction.model import Restriction
from support.guards import find_guard, merge_guard, without_forms
from support.opened import opened_by
from support.states import (
    ENDPOINT,
    FORCE,
    JOB,
    S3_ENDPOINT,
    TEAM,
    data_bucket,
    state,
    unread,
    with_parts,
)

pytestmark = pytest.mark.usefixtures("known_texts")

plans = import_module("gt_secure.changes.plan")
OFFICE = "203.0.113.0/24"
NO_AWS = cast(Aws, None)  # a state is given, so nothing is called


def made(seen: State | None = None, hits: Hits | None = None, **more: Any) -> Plan:
    values: dict[str, Any] = {
        "team": "radiology-team",
        "addresses": [OFFICE],
        "bucket": "gt-images",
        "prefix": "scans/",
    }
    return plan(NO_AWS, Restriction(**(values | more)), state=seen or state(), hits=hits)


def codes(one: Plan, severity: str | None = None) -> set[str]:
    return {notice.code for notice in one.notices if severity in (None, notice.severity)}


def document(effect: str, action: str, *resources: str) -> str:
    statement = {"Effect": effect, "Principal": "*", "Action": action, "Resource": list(resources)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def guarded(*networks: str, prefix: str = "scans/", endpoints: tuple[str, ...] = ()) -> str:
    return merge_guard(
        None, build_guard("gt-images", prefix=prefix, networks=networks, endpoints=endpoints)
    )


def bucket(policy: str | None) -> State:
    return state(bucket=data_bucket(policy=policy))


def answer(one: Plan, source: str, scene: str) -> tuple[str, str, str]:
    now, after = one.before.at(source, scene), one.after.at(source, scene)
    return now.answer, after.answer, after.lock


def stops(one: Plan, planned: dict[str, Any]) -> set[str]:
    """Return the codes of notices about services if these values were planned."""
    changes = [Change(BucketGuard("gt-images"), None, planned["bucket-guard"], "", "")]
    case = Case(NO_AWS, one.restriction, one.state, tuple(changes), given=True)
    rules = [each for each in RULES if each.run.__module__.endswith(".rules.log")]
    return {notice.code for notice in case.notices(rules)}


# changes


def test_the_order_is_guard_then_team_then_portal() -> None:
    assert [change.kind for change in made(portal_lock=True).changes] == [
        "bucket-guard",
        "url-lock",
        "portal-lock",
    ]


PART = f"Objects under scans/: only {OFFICE}. Other objects of gt-images: anyone with a URL."


@pytest.mark.parametrize(
    ("policy", "more", "line"),
    [
        (None, {}, f"Today: Anyone with a URL can open gt-images. After: {PART}"),
        (guarded(OFFICE), {}, f"Today and after: {PART}"),
        (
            guarded(OFFICE), {"prefix": ""},
            f"Today: {PART} After: Only {OFFICE} can open presigned URLs of gt-images.",
        ),
    ],
)  # fmt: skip
def test_a_plan_begins_with_who_can_open_the_whole_bucket(
    policy: Any, more: dict[str, Any], line: str
) -> None:
    one = made(bucket(policy), **more)
    assert one.to_text().split("\n")[1] == today_and_after(one) == line
    assert one.access is not None
    tone = {"good": "ok", "part": "warn"}[one.access.after.tone]
    head = one.to_html().partition("<p ")[0]
    assert f'<div class="gts-notice gts-{tone}">' in head
    assert line in head
    assert one.to_dict()["access"]["after"]["text"] in line
    assert "gts-ok" not in parts.changes_table(one), "the headline has the only coloured word"


def test_a_prefix_without_an_object_asks_and_is_unknown_where_keys_cannot_be_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed: dict[str, Any] = {
        "scans/": Listing(("scans/1.png",), True),
        "nosuch/": Listing((), True),
        "unseen/": None,
    }
    for module in ("gt_secure.changes.case", "gt_secure.changes.rules.bucket"):
        monkeypatch.setattr(f"{module}.listing_of", lambda aws, bucket: listed.get)
    monkeypatch.setattr(plans, "read_state", lambda aws, wish: state())
    monkeypatch.setattr(plans, "with_lists", lambda aws, wish: wish)
    for prefix, code, severity in (
        ("scans/", "", ""),
        ("nosuch/", "prefix-has-no-object", "blocker"),
        ("unseen/", "prefix-not-listed", "info"),
    ):
        one = plan(
            cast(Aws, object()), Restriction(bucket="gt-images", prefix=prefix, addresses=[OFFICE])
        )
        kept = {each.code: each for each in one.notices if each.code.startswith("prefix-")}
        assert set(kept) == {code} - {""}
        assert not code or (kept[code].severity, kept[code].confirmable) == (severity, True)


@pytest.mark.parametrize("room", [80, 120])
def test_the_table_of_a_plan_fits_and_shows_every_source(room: int) -> None:
    one = made(hits=opened_by("198.51.100.4", "203.0.113.9"))
    _, _, after = one.to_text(room, full=True).partition("Who can open the images")
    table = [line for line in after.split("\n")[1:] if line.startswith("  ")]
    assert max(map(len, table)) <= room
    assert {
        row.source for row in one.simulation if " " not in row.source and len(row.source) < 20
    } <= {line.split()[0] for line in table}


def test_the_text_is_short_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    one = made()
    lines = fit(one.to_text(80)).rstrip().split("\n")
    assert len(lines) + 2 <= 20, "with the command that applies it"
    assert "unknown: " not in one.to_text(full=True)
    stopped = made(hits=opened_by("198.51.100.4")).to_text()
    assert "--confirm refuses-labeler" in stopped


def test_nothing_to_change() -> None:
    seen = with_parts(bucket(guarded(OFFICE)), team=replace(TEAM, url_lock=UrlLock(source_ip=True)))
    one = made(seen)
    assert one.empty
    assert one.seconds_typical == 0
    assert "Nothing to change" in one.to_text()


@pytest.mark.parametrize(
    ("in_vpc", "addresses", "endpoints", "now", "expected"),
    [
        (False, [OFFICE], [], UrlLock(), "SourceIp"),
        (False, [], [ENDPOINT], UrlLock(), "SourceIp"),
        (True, [OFFICE], [], UrlLock(), "SourceIp"),
        (True, [], [ENDPOINT], UrlLock(), "VpcSourceIp"),
        (True, [OFFICE], [ENDPOINT], UrlLock(), "SourceIp"),
        (True, [OFFICE], [ENDPOINT], UrlLock(False, True), "VpcSourceIp"),
        (True, [OFFICE], [ENDPOINT], UrlLock(True, True), "SourceIp"),
    ],
)
def test_the_toggle_that_fits(
    in_vpc: bool, addresses: list[str], endpoints: list[str], now: UrlLock, expected: str
) -> None:
    force = replace(FORCE, vpc_id="vpc-0a1b2c3d") if in_vpc else FORCE
    seen = state(workforce=force, team=replace(TEAM, url_lock=now))
    one = made(seen, addresses=addresses, endpoints=endpoints)
    on = next((change.after for change in one.changes if change.kind == "url-lock"), None)
    assert (on or now).mode == expected


@pytest.mark.parametrize(
    ("portal", "expected"),
    [([], "SourceIp"), (["10.0.0.0/16"], "VpcSourceIp"), (["10.0.0.0/16", OFFICE], "SourceIp")],
)
def test_without_a_list_the_portal_that_workers_can_open_decides(
    portal: list[str], expected: str
) -> None:
    force = replace(FORCE, vpc_id="vpc-0a1b2c3d", cidrs=tuple(portal))
    one = made(state(workforce=force), addresses=[], guard=None)
    (change,) = [change for change in one.changes if change.kind == "url-lock"]
    assert change.after.mode == expected
    on = replace(TEAM, url_lock=UrlLock(False, True))
    assert made(state(workforce=force, team=on), addresses=[], guard=None).empty, "it stays"


@pytest.mark.parametrize("prefix", ["", "scans/"])
def test_a_guard_without_forms_is_replaced(prefix: str) -> None:
    guard = build_guard("gt-images", prefix=prefix, networks=[OFFICE])
    foreign = document("Deny", "s3:DeleteBucket", "arn:aws:s3:::gt-images")
    old = merge_guard(foreign, without_forms(guard))
    one = made(bucket(old), prefix=prefix, url_lock=None)
    (change,) = one.changes
    assert change.after == merge_guard(foreign, guard)
    assert "edited by hand" in change.before_text
    assert "edited by hand" not in change.after_text
    assert "guard-edited" in codes(one)
    assert made(bucket(change.after), prefix=prefix, url_lock=None).empty  # type: ignore[arg-type]


def test_the_portal_compares_meaning_not_text() -> None:
    seen = state(workforce=replace(FORCE, cidrs=("203.0.113.128/25", "203.0.113.7/25")))
    assert all(change.kind != "portal-lock" for change in made(seen, portal_lock=True).changes)


def test_the_portal_lock_off_is_stopped_and_named() -> None:
    one = made(state(workforce=replace(FORCE, cidrs=(OFFICE,))), portal_lock=False)
    assert codes(one, "blocker") == {"portal-opens"}
    assert "open-team" in str(one.blockers[0])


def test_a_guard_that_is_there_is_replaced_where_it_stands() -> None:
    foreign = document("Deny", "s3:DeleteBucket", "arn:aws:s3:::gt-images")
    text = merge_guard(
        foreign, build_guard("gt-images", prefix="scans/", networks=["192.0.2.0/24"])
    )
    one = made(bucket(text))
    change = one.changes[0]
    assert (
        find_guard(change.after).networks
        == Restriction("t", addresses=[OFFICE], bucket="x-y").addresses
    )  # type: ignore[union-attr]
    assert json.loads(change.after)["Statement"][0] == json.loads(foreign)["Statement"][0]
    assert "guard-drops" in codes(one, "warning")


def test_a_foreign_policy_that_is_too_long() -> None:
    long = document("Deny", "s3:*", *["arn:aws:s3:::gt-images/" + "a" * 900] * 22)
    with pytest.raises(PolicyError, match="20,480"):
        made(bucket(long))


def test_a_list_that_fits_only_without_blanks_is_still_taken() -> None:
    addresses = [f"20.{i // 128}.{i % 128 * 2}.1" for i in range(720)]
    one = made(addresses=addresses)
    assert len(one.changes[0].after) <= 20 * 1024


# what stops or warns


def test_another_prefix_gets_a_guard_of_its_own() -> None:
    one = made(bucket(guarded(OFFICE, prefix="slides/")), url_lock=False)
    slides, scans = json.loads(one.changes[0].after)["Statement"]
    assert slides == json.loads(guarded(OFFICE, prefix="slides/"))["Statement"][0]
    assert (slides["Sid"], scans["Sid"][:-8]) == ("GtSecurePresignGuard", "GtSecurePresignGuardx")
    assert scans["Resource"] == "arn:aws:s3:::gt-images/scans/*"
    assert codes(one) >= {"guards-room"}
    assert "guards-overlap" not in codes(one)
    assert (
        one.changes[0].before_text
        == "no guard of objects under scans/; other guards stay, of objects under slides/"
    )
    assert one.access is not None
    assert one.access.after.text.startswith(
        "Objects under slides/: only 203.0.113.0/24. Objects under scans/: only"
    )
    assert one.access.after.text.endswith("Other objects of gt-images: anyone with a URL.")


@pytest.mark.parametrize(
    ("there", "planned", "severity", "words"),
    [
        ("", "scans/", "warning", "from 203.0.113.0/25: their guards list 203.0.113.0/25, and"),
        ("scans/x/", "scans/", "warning", "Objects under scans/x/ would open only"),
        ("", "", None, ""),
        ("slides/", "scans/", None, ""),
    ],
)
def test_an_overlap_is_said_before_it_is_applied(
    there: str, planned: str, severity: str | None, words: str
) -> None:
    found = made(bucket(guarded("203.0.113.0/25", prefix=there)), prefix=planned).notices
    overlaps = [each for each in found if each.code == "guards-overlap"]
    assert [each.severity for each in overlaps] == ([severity] if severity else [])
    assert all(
        words in each.text and "only from 203.0.113.0/25:" in each.text and each.asks
        for each in overlaps
    )
    nobody = made(bucket(guarded("192.0.2.0/24", prefix="")))
    [blocker] = [each for each in nobody.blockers if each.code == "guards-overlap"]
    assert blocker.text.startswith(
        f"Nobody could open objects under scans/: their guards list 192.0.2.0/24, and {OFFICE}."
    )
    assert blocker.consent == "Nobody needs objects under scans/"
    assert "guards-overlap" not in codes(made(bucket(guarded(OFFICE, prefix=""))))


@pytest.mark.parametrize(
    ("there", "planned", "outcome"),
    [
        ("vision/", "vision", "asks"),
        ("vision/cats/", "vision", "asks"),
        ("speech/", "vision", "info"),
        ("vision/", "vision/", ""),
        ("vision/", "vis-", ""),
        ("vision/", "", ""),
    ],
)
def test_a_prefix_without_a_slash_names_what_else_it_covers(
    there: str, planned: str, outcome: str
) -> None:
    plan = made(bucket(guarded(OFFICE, prefix=there)), prefix=planned)
    found = [each for each in plan.notices if each.code == "prefix-without-slash"]
    assert ["asks" if each in plan.asks else each.severity for each in found] == [outcome][
        : bool(outcome)
    ]
    assert all(
        "under vision2/" in each.text and "s3://gt-images/vision/?" in each.fix for each in found
    )


@pytest.mark.parametrize(
    ("there", "planned", "words"),
    [
        ("speech/", "", "at least one of the"),
        ("speech/", "speech/", "the"),
        ("speech/", "vision/", "the"),
        ("", "", "the"),
    ],
)
def test_what_opens_some_objects_is_not_said_of_all(there: str, planned: str, words: str) -> None:
    plan = made(bucket(guarded("203.0.113.0/26", prefix=there)), prefix=planned, url_lock=None)
    assert f"Who can open {words} images after this plan, exactly:" in plan.to_text(full=True)


def test_a_guard_is_removed_by_its_prefix() -> None:
    only = bucket(guarded(OFFICE, prefix="slides/"))
    assert made(only, prefix="", addresses=(), guard=False, url_lock=False).changes[0].after is None
    assert made(only, prefix="scans/", addresses=(), guard=False, url_lock=False).empty
    two = bucket(made(only).changes[0].after)
    with pytest.raises(InvalidInput, match="2 of this kind, for objects under slides/, scans/"):
        made(two, prefix="", addresses=(), guard=False)
    left = made(two, addresses=(), guard=False).changes[0]
    assert left.after == guarded(OFFICE, prefix="slides/")
    assert (
        left.after_text
        == "no guard of objects under scans/; other guards stay, of objects under slides/"
    )


def test_an_edited_guard_is_not_overwritten_unseen() -> None:
    text = guarded(OFFICE).replace('"s3:*"', '"s3:GetObject"')
    one = made(bucket(text))
    assert "guard-edited" in codes(one, "blocker")
    assert "edited by hand" in one.changes[0].before_text


def test_portal_names_all_teams_and_what_is_dropped() -> None:
    one = made(state(workforce=replace(FORCE, cidrs=("192.0.2.0/24",))), portal_lock=True)
    assert codes(one, "blocker") == {"portal-drops"}
    assert "portal-affects-all" in codes(one, "warning")
    assert one.changes[-1].affects == ("workteam open-team",)


def test_private_ranges_shut_everybody_out_of_a_public_portal() -> None:
    closing = {"addresses": ["10.0.0.0/16"], "portal_lock": True, "bucket": None, "prefix": ""}
    assert "portal-closes" in codes(made(**closing), "blocker")
    in_vpc = state(workforce=replace(FORCE, vpc_id="vpc-0a1b2c3d"))
    assert "portal-closes" in codes(made(in_vpc, **closing), "warning")


def test_vpc_source_ip_without_a_vpc_is_stopped() -> None:
    assert "url-lock-needs-vpc" in codes(made(url_lock="VpcSourceIp"), "blocker")


def test_two_portals_and_one_toggle() -> None:
    seen = state(workforce=replace(FORCE, vpc_id="vpc-0a1b2c3d"))
    assert "url-lock-one-path" in codes(made(seen, url_lock="SourceIp"), "warning")


def test_dual_stack_is_said() -> None:
    assert "dual-stack" in codes(
        made(state(workforce=replace(FORCE, ip_address_type="dualstack"))), "warning"
    )


def test_jobs_in_progress_are_named() -> None:
    one = made(state(jobs=(JOB,)))
    [text] = (each.text for each in one.notices if each.code == "loses-access:radiology-team")
    assert "is labeling chest-scans" in text
    assert any("chest-scans" in text for text in one.changes[0].affects)


def test_review_workflows_are_in_the_blast_radius() -> None:
    one = made(state(reviews=("invoice-review",), evaluations=("ratings",)))
    assert "human-review workflow invoice-review" in one.changes[1].affects
    assert "evaluation job ratings of Bedrock" in one.changes[1].affects
    blind = made(state(evaluations=unread("bedrock:ListEvaluationJobs")))
    assert (
        "could not be listed (bedrock:ListEvaluationJobs was denied)"
        in blind.changes[1].affects[-1]
    )


@pytest.mark.parametrize(
    ("endpoints", "step"),
    [
        ((), "Check the id and region."),
        ((S3_ENDPOINT,), f"Did you mean {S3_ENDPOINT.id}?"),
        ((replace(S3_ENDPOINT, id="vpce-0fedcba9876543210"),), "Check the id and region."),
    ],
)
def test_an_endpoint_that_is_not_here_asks(endpoints: Any, step: str) -> None:
    mistyped = f"{S3_ENDPOINT.id[:-2]}91"
    plan = made(state(endpoints=endpoints), endpoints=[mistyped])
    [asked] = [each for each in plan.asks if each.code == "endpoint-unknown"]
    assert "The owner of the endpoint could open the objects" in asked.text
    assert asked.fix == step
    assert all(each.id in asked.text for each in endpoints)
    unread_endpoints = made(
        state(endpoints=unread("ec2:DescribeVpcEndpoints")), endpoints=[mistyped]
    )
    assert "endpoint-unknown" not in codes(unread_endpoints)


@pytest.mark.parametrize(
    ("endpoints", "code"),
    [
        ((), "endpoint-unknown"),
        ((replace(S3_ENDPOINT, state="pending"),), "endpoint-not-available"),
        ((replace(S3_ENDPOINT, type="Interface"),), "endpoint-no-dns"),
    ],
)
def test_endpoints_that_cannot_serve(endpoints: Any, code: str) -> None:
    assert code in codes(made(state(endpoints=endpoints), endpoints=[ENDPOINT]), "warning")


def test_a_good_endpoint_is_no_warning() -> None:
    assert not {code for code in codes(made(endpoints=[ENDPOINT])) if code.startswith("endpoint")}


# who gets in


def test_inside_outside_and_forwarded() -> None:
    one = made()
    assert answer(one, "203.0.113.0", "worker") == ("opened", "opened", "")
    assert answer(one, "203.0.113.255", "worker") == ("opened", "opened", "")
    assert answer(one, "203.0.112.255", "worker") == ("opened", "refused", "bucket guard")
    assert answer(one, "203.0.114.0", "forwarded") == ("opened", "refused", "bucket guard")


def test_the_url_lock_alone_stops_forwarded_urls_only() -> None:
    one = made(addresses=(), bucket=None, prefix="")
    assert answer(one, "198.51.100.9", "worker") == ("opened", "opened", "")
    assert answer(one, "198.51.100.9", "forwarded") == ("opened", "refused", "URL lock")


def test_the_portal_lock_keeps_workers_out() -> None:
    one = made(portal_lock=True, guard=None)
    assert answer(one, "198.51.100.9", "worker") == ("opened", "refused", "portal lock")


def test_an_endpoint_and_the_two_toggles() -> None:
    source_ip = made(endpoints=[ENDPOINT])
    assert answer(source_ip, ENDPOINT, "worker") == ("opened", "refused", "URL lock")
    seen = state(workforce=replace(FORCE, vpc_id="vpc-0a1b2c3d"))
    vpc = made(seen, endpoints=[ENDPOINT], addresses=())
    assert answer(vpc, ENDPOINT, "worker") == ("opened", "opened", "")
    assert answer(vpc, "198.51.100.9", "worker") == ("opened", "refused", "URL lock") or answer(
        vpc, "198.51.100.9", "worker"
    ) == ("opened", "refused", "bucket guard")


def test_an_endpoint_policy_counts() -> None:
    deny = document("Deny", "s3:*", "*")
    seen = state(
        endpoints=(replace(S3_ENDPOINT, policy_text=deny),), team=None, teams=(), workforce=None
    )
    one = made(seen, team=None, endpoints=[ENDPOINT])
    assert answer(one, ENDPOINT, "presigned") == ("refused", "refused", "VPC endpoint policy")


def test_ground_truth_log_delivery_and_the_caller_pass_our_guard() -> None:
    one = made()
    rows = [row for row in one.simulation if row.request in ("Ground Truth", "caller")]
    assert len(rows) == 6
    assert all(row.before.answer == row.after.answer == "opened" for row in rows)


def test_a_policy_that_cannot_be_read_is_unknown_not_allowed() -> None:
    seen = state(bucket=data_bucket(policy=unread("s3:GetBucketPolicy")))
    one = made(
        seen, guard=None, addresses=(), prefix="", expectations=[expect.allowed("203.0.113.7")]
    )
    assert {row.after.answer for row in one.simulation} == {"unknown"}
    assert one.expectations[0].proved is None
    assert one.after.row("presigned").unknown.depends_on == ("s3:GetBucketPolicy",)


def test_a_policy_that_is_not_valid_is_unknown() -> None:
    seen = bucket('{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}')
    one = made(seen, guard=None, addresses=(), prefix="")
    assert {row.after.answer for row in one.simulation} == {"unknown"}
    assert one.after.at("203.0.113.7", "worker").answer == "unknown"


def test_labelers_of_the_log_are_not_shut_out_unseen() -> None:
    one = made(hits=opened_by("203.0.113.40", "198.51.100.23", "10.0.3.4"))
    assert codes(one, "blocker") == {"refuses-labeler"}
    assert "198.51.100.23" in one.blockers[0].text
    assert "203.0.113.40" not in one.blockers[0].text
    assert not codes(made(hits=opened_by("203.0.113.40")), "blocker")


def test_a_caller_who_would_lose_the_right_to_undo() -> None:
    """Our own guard never does that; a guard edited to bite more than presigned requests would."""
    one = made()
    deny_all = document("Deny", "s3:*", "arn:aws:s3:::gt-images", "arn:aws:s3:::gt-images/*")
    worse = {"bucket-guard": deny_all}
    assert {"loses-undo", "refuses-ground-truth", "opens-nobody"} <= stops(one, worse)


def test_a_bucket_that_takes_logs() -> None:
    grant = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    one = made(bucket(json.dumps({"Version": "2012-10-17", "Statement": [grant]})))
    row = next(row for row in one.simulation if row.request == "log delivery")
    assert row.before.answer == row.after.answer == "opened"
    assert stops(one, {"bucket-guard": None}) == {"refuses-log-delivery"}


# expectations


def test_expectations_hold_or_stop() -> None:
    good = made(expectations=[expect.allowed("203.0.113.7"), expect.refused("198.51.100.9")])
    assert [result.proved for result in good.expectations] == [True, True]
    bad = made(expectations=[expect.allowed("198.51.100.9")])
    assert codes(bad, "blocker") == {"expectation-broken"}
    assert not bad.blockers[0].confirmable
    assert bad.expectations[0].answers[0].lock == "bucket guard"


def test_refused_means_also_for_a_worker() -> None:
    one = made(addresses=(), guard=None, expectations=[expect.refused("198.51.100.9")])
    assert one.expectations[0].proved is False
    assert one.expectations[0].answers[0].answer == "opened"


def test_expectations_of_a_bucket_and_a_prefix() -> None:
    one = made(
        expectations=[
            expect.allowed("vpce-0a1b2c3d4e5f60718", of="bucket", prefix="other/"),
            expect.refused("198.51.100.9", of="bucket"),
            expect.allowed("198.51.100.9", of="bucket", prefix="other/"),
        ]
    )
    assert [result.proved for result in one.expectations] == [True, True, True]


def test_expectations_alone_are_checked() -> None:
    seen = with_parts(bucket(guarded(OFFICE)), team=replace(TEAM, url_lock=UrlLock(source_ip=True)))
    one = made(seen, expectations=[expect.allowed("198.51.100.9")])
    assert one.empty
    assert codes(one, "blocker") == {"expectation-broken"}


# how it is shown

HOSTILE = '<img src=x onerror="alert(1)">\x1b[2J\u202e'


def test_html_and_text_are_safe_with_hostile_names() -> None:
    job = replace(JOB, name=HOSTILE)
    seen = state(jobs=(job,), reviews=(HOSTILE,), team=replace(TEAM, members=(HOSTILE,)))
    one = made(seen, portal_lock=True, hits=opened_by("198.51.100.9"))
    page = one.to_html()
    assert "<img" not in page
    assert "&lt;img" in page
    for text in (page, one.to_text(), one.to_cli(), one.to_terraform()):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "style=" not in page
    assert "<script" not in page
    assert all(
        name.startswith("gts-")
        for part in page.split('class="')[1:]
        for name in part.split('"')[0].split()
    )


def test_the_page_stands_alone_and_is_safe() -> None:
    one = made(state(team=replace(TEAM, members=(HOSTILE,))), portal_lock=True)
    page = one.to_html(standalone=True)
    assert page.startswith("<!doctype html>")
    summary = page.partition("<details")[0].partition("<body")[2]
    assert len(re.sub("<[^>]*>", " ", summary).split()) < 250, "the rest is folded"
    assert "<style>" in page
    assert "default-src 'none'" in page
    assert "<img" not in page
    assert "<script" not in page
    assert not re.search(r"https?:|url\(|@import|<[^>]*(src|href)=", page), "it needs no other file"
    assert "light-dark(" in page
    output = one._repr_html_()
    verdict = one.to_html().partition("</p>")[2]
    assert output.endswith(f"{verdict}</div>")
    assert "Requested by" in output.partition(verdict)[0]
    assert not re.search(r"\bbody\b", output.partition("</style>")[0])
    style = output.partition("<style>")[2].partition("</style>")[0]
    assert style.startswith(".gts-out{")
    assert style.count("{") == style.count("}")


def test_sources_that_get_the_same_share_a_row_and_reasons_are_short() -> None:
    one = made(
        addresses="203.0.113.0/24\n192.0.2.44", expectations=[expect.refused("198.51.100.9")]
    )
    page = one.to_html()
    named = one.simulation
    table = page.rpartition("AWS services and known clients")[2].partition("</table>")[0]
    assert all(row.source in table for row in named)
    assert table.count("<tr>") - 1 < len(named)
    assert table.count("bucket guard: not on its list") == 1
    assert "just outside" not in page
    assert "NotIpAddress" not in page.partition("AWS CLI commands")[0]
    assert any("NotIpAddress" in row.after.reason for row in one.simulation), (
        "programs get all of it"
    )
    assert "NotIpAddress" in str(one.to_dict()["expectations"])
    assert "NotIpAddress" not in one.to_text()


def test_dict_is_json_and_complete() -> None:
    data = json.loads(
        json.dumps(made(portal_lock=True, expectations=[expect.allowed("203.0.113.7")]).to_dict())
    )
    assert {
        "changes",
        "notices",
        "findings",
        "simulation",
        "expectations",
        "permissions",
        "unseen",
    } <= set(data)
    assert [change["kind"] for change in data["changes"]] == [
        "bucket-guard",
        "url-lock",
        "portal-lock",
    ]


def test_permissions_are_enough_to_undo() -> None:
    policy = made(portal_lock=True).permissions
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert actions == {
        "s3:GetBucketPolicy",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "sagemaker:DescribeWorkteam",
        "sagemaker:UpdateWorkteam",
        "sagemaker:DescribeWorkforce",
        "sagemaker:UpdateWorkforce",
    }


def test_findings_are_those_that_remain() -> None:
    found = {finding.code for finding in made().findings}
    assert "url-lock-off" not in found
    assert "guard-missing" not in found
    assert "logging-off" in found


def test_the_review_lists_open_findings_and_folds_accepted_ones() -> None:
    entry = Acceptance("guard-open", "known", date.max)
    rows = (("high", None), ("medium", None), ("low", None), ("high", entry), ("low", entry))
    names = [f"finding {number}" for number in range(len(rows))]
    findings = [
        Finding("guard-open", severity, name, "", "", "", (), name, accepted=accepted)  # type: ignore[arg-type]
        for name, (severity, accepted) in zip(names, rows, strict=True)
    ]
    one = replace(made(), findings=tuple(findings))
    shown, _, folded = parts.before_apply(one).partition("<details")
    found = [
        [name for name in names if name in text] for text in (shown, folded, parts.accepted(one))
    ]
    assert found == [names[:2], names[2:3], names[3:]]


def test_the_difference_is_on_every_rendering() -> None:
    one = made(bucket(guarded("10.0.0.0/8", OFFICE)))
    assert "10.0.0.0/8" in one.to_text()
    for page in (one.to_html(), one.to_html(standalone=True)):
        assert "16,777,216 IPv4" in page
        assert "opened → refused" in re.sub("<[^>]*>", "", page)
    row = next(row for row in one.to_dict()["exposure"] if row["request"] == "presigned")
    assert row["loses_access"]["cidrs"] == ["10.0.0.0/8"]
    assert row["after"]["opened"]["cidrs"] == [OFFICE]


def test_features_of_aws_that_presign_are_sources_of_their_own() -> None:
    one = made()
    for name in (
        "S3 console",
        "S3 Object Lambda",
        "Redshift Spectrum",
        "CopyObject across Regions",
    ):
        row = next(row for row in one.simulation if row.source == name)
        assert row.request == "feature of AWS"
        assert (row.before.answer, row.after.answer, row.after.lock) == (
            "opened",
            "refused",
            "bucket guard",
        )
        assert row.source in one.to_html(standalone=True)


def test_kinds_with_the_same_answer_are_folded_together() -> None:
    text = made(state(team=replace(TEAM, url_lock=UrlLock(source_ip=True)))).to_text(full=True)
    assert (text.count("opened:"), text.count("refused:"), text.count("unknown:")) == (4, 6, 0)
    assert "all endpoints (bucket guard)" in text
    assert "\n  Any other presigned URL, an upload form  opened" in text
    assert text.index("presigned: any other presigned URL") < text.index(
        "post-form: an upload form"
    )


def test_a_plan_counts_the_notes_that_it_leaves_out() -> None:
    one = made()
    kinds = ("note", "finding,", "warning")
    full = [line for line in one.to_text(full=True).splitlines() if line.startswith(kinds)]
    notes = one.to_text().replace("  ! No access log", "").count("\n  ! ")
    left = len(full) - notes
    assert left > 1
    assert f"\n  … {left} more notes: " in one.to_text()
    assert "more note" not in one.to_text(full=True)


def test_an_ipv4_address_in_its_ipv6_form_is_one_user() -> None:
    hits = opened_by(
        "203.0.113.7", "::ffff:198.51.100.9", "10.0.3.4", "2001:db8:40::1f", "::ffff:203.0.113.7"
    )
    assert sorted(map(str, users(hits, None, ""))) == [
        "10.0.3.4",
        "198.51.100.9",
        "2001:db8:40::1f",
        "203.0.113.7",
    ]


def test_lines_of_a_plan_name_what_may_change_their_answers() -> None:
    one = made()
    sentence = "Opened, unless a policy of the signer or the organization refuses it."
    assert sentence in one.to_html()
    assert sentence in " ".join(one.to_text(full=True).split())
    assert not [
        text for text in (one.to_html(), one.to_text(), parts.folds(one)) if "Assumed" in text
    ]


def test_the_data_of_a_plan_name_what_was_not_read() -> None:
    one = made(state(endpoints=unread("ec2:DescribeVpcEndpoints", "the endpoints")))
    unseen = one.to_dict()["unseen"]
    assert [(each["what"], each["action"]) for each in unseen] == [
        ("the endpoints", "ec2:DescribeVpcEndpoints")
    ]
    assert made().to_dict()["unseen"] == []


def test_a_second_guard_of_the_prefix_is_not_nothing_to_do() -> None:
    """Somebody's own copy of the guard admits other addresses:
    the first one alone is what is wanted.
    """
    policy = json.loads(guarded(OFFICE))
    second = json.loads(guarded(OFFICE, "198.51.100.0/24"))["Statement"][0]
    [sid] = [each["Sid"] for each in policy["Statement"]]
    both = {**policy, "Statement": [*policy["Statement"], {**second, "Sid": f"{sid}x0123abcd"}]}
    made_of = {"portal_lock": None, "url_lock": "keep"}
    assert made(state(bucket=data_bucket(policy=json.dumps(policy))), **made_of).empty
    assert not made(state(bucket=data_bucket(policy=json.dumps(both))), **made_of).empty
