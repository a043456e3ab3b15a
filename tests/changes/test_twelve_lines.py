"""A plan fits twelve lines, whatever the account is, and hides no question."""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import replace
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.changes.plan import Plan, plan
from gt_secure.changes.render.summary import summary
from gt_secure.cli.changes import shown
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.messages import Notice, notice, notices
from gt_secure.restriction.model import Restriction
from support.guards import merge_guard
from support.states import ENDPOINT, FORCE, JOB, TEAM, data_bucket, state, unread

OFFICE = "203.0.113.0/24"
TEAMS = {"team": ("radiology-team",), "no team": ("",)}
POLICIES = {
    "open": None,
    "guarded": merge_guard(None, build_guard("gt-images", networks=["198.51.100.0/24"])),
    "part": merge_guard(
        None, build_guard("gt-images", networks=[OFFICE], prefix="slides/", reads=True)
    ),
}
WISHES: dict[str, dict[str, Any]] = {
    "whole": {"addresses": OFFICE},
    "prefix": {"addresses": f"{OFFICE} 2001:db8::/32", "prefix": "scans/"},
    "off": {"guard": False, "url_lock": False},
    "limits": {"addresses": OFFICE, "age_limit": "15m", "version_4_only": True},
    "portal": {"addresses": OFFICE, "portal_lock": True},
    "many": {"addresses": [f"203.0.{number}.0/25" for number in range(40)]},
}
ACCOUNTS: dict[str, dict[str, Any]] = {
    "quiet": {},
    "unread": {"endpoints": unread("ec2:DescribeVpcEndpoints", "the endpoints")},
    "vpc": {"workforce": replace(FORCE, vpc_id="vpc-0a1b2c3d")},
    "locked": {"team": replace(TEAM, url_lock=UrlLock(source_ip=True)), "jobs": (JOB,)},
}


def made(team: str, policy: str, wish: str, account: str) -> Plan:
    values = {"bucket": "gt-images", **WISHES[wish]}
    if not TEAMS[team][0]:
        values.pop("portal_lock", None)
        values.pop("url_lock", None)
    asked = Restriction(*filter(None, TEAMS[team]), **values)
    seen = state(bucket=data_bucket(policy=POLICIES[policy]), **ACCOUNTS[account])
    return plan(cast(Aws, None), asked, state=seen)


def words(one: Plan) -> int:
    return len(re.findall(r"\S+", one.to_text()))


def is_short(one: Plan) -> None:
    lines, questions = one.to_text().splitlines(), len(one.asks)
    assert len(lines) + (not one.empty) <= 12, one.to_text()
    extra = sum(line.startswith(("  !", "  ✕")) for line in lines)
    most = 95 + 25 * questions + 25 * extra + 25 * max(0, len(one.changes) - 2)
    assert words(one) <= most, one.to_text()
    assert all(f"--confirm {each.code}" in one.to_text() for each in one.asks)


@pytest.mark.parametrize("wish", WISHES)
def test_a_plan_has_twelve_lines_and_few_words(wish: str) -> None:
    number = [*WISHES].index(wish)
    policy, account = [*POLICIES][number % 3], [*ACCOUNTS][number % 4]
    is_short(made("team", policy, wish, account))


@pytest.mark.check
@pytest.mark.parametrize(("team", "policy"), itertools.product(TEAMS, POLICIES))
def test_each_plan_of_many_states_is_short(team: str, policy: str) -> None:
    plans = [
        made(team, policy, wish, account) for wish, account in itertools.product(WISHES, ACCOUNTS)
    ]
    assert sum(not one.empty for one in plans) >= 8
    for one in plans:
        is_short(one)


def test_two_changes_and_a_question_are_said_in_120_words() -> None:
    one = made("team", "open", "whole", "vpc")
    asked = [notice("url-lock-one-path", team="radiology-team", refused="VPC")]
    one = replace(one, notices=tuple(asked), findings=())
    assert (len(one.changes), len(one.asks)) == (2, 1)
    assert words(one) <= 120 - 16, "the command has up to 16 words more"
    changes = [line for line in summary(one) if line.startswith("  + ")]
    assert len(changes) == 2
    assert all("opened → refused" in line for line in changes)


SHORT = {"refused": "b", "folder": "objects under scans/"}
"""Values that are short wherever they are."""


def test_every_question_is_asked_in_25_words() -> None:
    """The longest values of a notice leave its title."""
    one = made("team", "open", "whole", "quiet")
    values = dict.fromkeys(
        re.findall(r"{(\w+)}", str(notices())), "several words of one value " * 8
    )
    asked = [code for code, row in notices().items() if row.get("consent") != ""]
    assert len(asked) > 25
    for code in asked:
        made_of = notice(code, **values | {"team": "radiology-team", **SHORT})
        if made_of.asks:
            [line] = [
                each for each in summary(replace(one, notices=(made_of,))) if each[2:3] == "?"
            ]
            assert len(line.split()) <= 25, line
            assert f"--confirm {made_of.code}" in line


def test_a_blocker_that_nobody_can_confirm_has_no_option() -> None:
    stop = Notice("hard-stop", "blocker", "The policy is too long.", "Shorten it.", "", False)
    one = replace(made("team", "open", "whole", "quiet"), notices=(stop,))
    [line] = [each for each in summary(one) if "hard-stop" in each]
    assert line == "  ✕ The policy is too long. Shorten it. [hard-stop]"


def test_the_page_and_the_cell_begin_with_the_same_lines() -> None:
    one = made("team", "open", "whole", "vpc")
    for page in (one.to_html(), one.to_html(standalone=True), one._repr_html_()):
        text = html.unescape(re.sub(r"</?bdi>|</?b>", "", page.partition("<details")[0]))
        places = [text.find(line.strip()) for line in summary(one)]
        assert places == sorted(places)
        assert places[0] > 0
    page = one.to_html(standalone=True).partition("<details")[0]
    assert one.digest in page
    assert "→ <b>refused</b>" in page


@pytest.mark.parametrize("wish", WISHES)
def test_a_ticket_has_policy_digest_test_and_undo(wish: str) -> None:
    one = made("team", "guarded", wish, "quiet")
    ticket = one.to_ticket()
    assert one.digest in ticket
    assert "put-bucket-policy" in ticket or "delete-bucket-policy" in ticket
    assert ("\ngt-secure check guard-is-in-place s3://gt-images" in ticket) == (wish != "off")
    assert "198.51.100.0/24" in ticket.partition("Undo")[2], "the policy of today comes back"


STOP = Notice("hard-stop", "blocker", "The policy is too long.", confirmable=False)


def asks_in_code(one: Plan) -> None:
    """Assert that no command of a plan runs while it asks or stops, and each one does otherwise."""
    stopped = replace(one, notices=(*one.notices, STOP))
    for code in (Plan.to_cli, Plan.to_terraform, Plan.to_ticket):
        runs = running(code(replace(one, notices=())))
        assert runs or code is Plan.to_terraform or one.empty
        for each in (one, stopped):
            text = code(each)
            if each.asks or each.blockers:
                assert running(text) == []
                assert [line for line in runs if f"\n# {line}\n" not in text] == []
            else:
                assert running(text) == runs
            for asked in each.asks:
                place = text.find(f": --confirm {asked.code}")
                assert 0 < place < text.find(f"\n# {one.changes[0].title}")


def running(code: str) -> list[str]:
    """Return the lines of a script, Terraform or ticket that would apply a change."""
    before = code.partition("\nTest:")[0].partition("\nUndo (")[0]
    if "Terraform" in before:
        return [line for line in before.splitlines() if line and line[0] != "#"]
    return re.findall(r"^aws .*", before, re.M)


@pytest.mark.parametrize("wish", WISHES)
def test_no_command_runs_before_the_questions_are_answered(wish: str) -> None:
    asks_in_code(made("team", "open", wish, "vpc"))


@pytest.mark.check
@pytest.mark.parametrize(("team", "policy"), itertools.product(TEAMS, POLICIES))
def test_no_command_of_many_states_runs_before_its_questions(team: str, policy: str) -> None:
    plans = [
        made(team, policy, wish, account) for wish, account in itertools.product(WISHES, ACCOUNTS)
    ]
    assert sum(bool(one.asks) for one in plans) >= 4
    for one in plans:
        asks_in_code(one)


def test_a_row_of_two_kinds_of_sources_is_one_sentence() -> None:
    one = made("team", "open", "whole", "quiet")
    assert summary(one)[:2] == [
        (
            "  + Bucket guard of gt-images: opened → refused for a presigned URL, from all addresses"
            f" except {OFFICE}, and through all VPC endpoints."
        ),
        "  + URL lock of radiology-team: opened → refused for a worker's URL used from another address.",
    ]


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        (
            {"addresses": OFFICE},
            f"from all addresses except {OFFICE}, and through all VPC endpoints.",
        ),
        (
            {"endpoints": ENDPOINT},
            f"from all addresses, and through all VPC endpoints except {ENDPOINT}.",
        ),
    ],
)
def test_a_change_line_names_addresses_and_vpc_endpoints(lists: dict[str, Any], said: str) -> None:
    """What is excepted is of one of the two; the lock of a team is not under a prefix."""
    asked = Restriction("radiology-team", bucket="gt-images", prefix="scans/", **lists)
    one = plan(cast(Aws, None), asked, state=state(bucket=data_bucket()))
    guard, url = (line for line in summary(one) if line.startswith("  + "))
    assert guard.endswith(f": opened → refused under scans/ for a presigned URL, {said}")
    assert "scans/" not in url


def test_each_surface_names_its_own_way_to_the_rest() -> None:
    one = made("team", "open", "whole", "vpc")
    [line] = [each for each in one.to_text().splitlines() if each.startswith("  …")]
    assert line.endswith(" more notes: plan.to_text(full=True)")
    [line] = [each for each in shown(one).splitlines() if each.startswith("  …")]
    assert line.endswith(" more notes: plan with --full")
    assert "…" not in one.to_text(full=True)
    for page in (one.to_html(), one.to_html(standalone=True), one.to_ticket(), one.to_cli()):
        assert "to_text" not in page
        assert "--full" not in page
