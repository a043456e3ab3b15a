"""The cards of the three locks: name, colour, words and sentence for each state,
and the data of the status bar.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any, cast

import pytest

from gt_secure.account.bucket_access import BucketAccess
from gt_secure.changes.plan import plan
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.model import Restriction
from gt_secure.widgets.lock_cards import (
    LocksView,
    headline,
    lock_states,
    locks_markup,
    worth_reading,
)
from support.guards import find_guards, merge_guards
from support.states import FORCE, OTHER, TEAM, data_bucket, state, workforce, workteam

from .conftest import words

AT = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)
POLICY = merge_guards(
    None, build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"]), 900
)
[GUARD] = find_guards(POLICY)
LIMITED = replace(FORCE, cidrs=("203.0.113.0/24", "198.51.100.0/24"))
GOOD = BucketAccess(
    "good", "Only 203.0.113.0/24 can open presigned URLs of gt-images.", "203.0.113.0/24"
)
OPEN = BucketAccess("open", "Anyone with a URL can open gt-images.")
READ = LocksView(
    team=TEAM, teams=(TEAM, OTHER), teams_at=AT, workforce=FORCE, workforce_known=True, bucket="gt-images",
    access=OPEN, guard_known=True, read_at=AT,
)  # fmt: skip


def planned(seen: Any = None, **values: Any) -> Any:
    wish = {
        "team": "radiology-team",
        "addresses": ["203.0.113.0/24"],
        "bucket": "gt-images",
        "prefix": "scans/",
    }
    return plan(cast(Any, None), Restriction(**{**wish, **values}), state=seen or state())


def cards(view: LocksView) -> list[str]:
    return [
        f"{each['name']} | {each['tone']} | {each['words']}" for each in lock_states(view)["locks"]
    ]


PORTALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "not read": (
        {"workforce_known": False},
        "plain | not read yet",
        "Shared by all 2 private workteams",
    ),
    "a vendor": (
        {"team": workteam("acme", "vendor")},
        "plain | not offered",
        "A vendor team uses a separate portal.",
    ),
    "none": (
        {"workforce": None},
        "plain | no workforce",
        "There is no private workforce in this region.",
    ),
    "open": ({}, "no | open to everybody", "Who may open the worker portal."),
    "in a VPC": (
        {"workforce": workforce("default", vpc_id="vpc-1")},
        "no | open to everybody",
        "VPC is not covered",
    ),
    "limited": (
        {"workforce": LIMITED},
        "ok | 2 ranges",
        "of the region: radiology-team, open-team",
    ),
    "limited long ago": ({"workforce": LIMITED, "is_old": True}, "plain | 2 ranges", ""),
    "will be": ({"plan": planned(portal_lock=True)}, "warn | will be 1 range", ""),
    "will change": (
        {"workforce": LIMITED, "plan": planned(state(workforce=LIMITED), portal_lock=True)},
        "warn | 2 ranges, will be 1",
        "",
    ),
    "will be open": (
        {"workforce": LIMITED, "plan": planned(state(workforce=LIMITED), portal_lock=False)},
        "no | will be open",
        "",
    ),
    "of no team": (
        {"teams": ()},
        "no | open to everybody",
        "Shared by all private workteams of the region.",
    ),
}
ON = replace(TEAM, url_lock=UrlLock(True))
URLS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no team": (
        {"team": None, "bucket": ""},
        "plain | no workteam",
        "It belongs to a Ground Truth workteam.",
    ),
    "not read": (
        {"teams_at": None},
        "plain | not read yet",
        "Each URL works only from its worker's own address.",
    ),
    "a vendor": (
        {"team": workteam("acme", "vendor")},
        "plain | not offered",
        "AWS offers none for a vendor team.",
    ),
    "off": ({}, "no | off", "A URL works from any address."),
    "on": ({"team": ON}, "ok | on", "Your address list does not apply."),
    "in a VPC": (
        {"team": replace(TEAM, url_lock=UrlLock(False, True))},
        "ok | on (VPC)",
        "own address",
    ),
    "both": (
        {"team": replace(TEAM, url_lock=UrlLock(True, True))},
        "no | both on",
        "no URL can ever work (SourceIp",
    ),
    "will be on": (
        {"plan": planned()},
        "warn | off, will be on",
        "After Apply each URL works only from its",
    ),
    "will be off": (
        {"team": ON, "plan": planned(state(team=ON), url_lock=False)},
        "warn | on, will be off",
        "Each URL works only from its",
    ),
    "will be another": (
        {"team": ON, "plan": planned(state(team=ON), url_lock="VpcSourceIp")},
        "warn | SourceIp, will be VpcSourceIp",
        "Each URL works only from its",
    ),
}
GUARDED = {"guard": GUARD, "guards": (GUARD,)}
GUARDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no bucket": (
        {"bucket": ""},
        "plain | no bucket chosen",
        "Refuses presigned requests from other addresses.",
    ),
    "not read": (
        {"guard_known": False},
        "plain | not read yet",
        "Refuses presigned requests from other addresses.",
    ),
    "denied": (
        {"guard_known": False, "guard_refused": True},
        "plain | not readable",
        "s3:GetBucketPolicy was denied.",
    ),
    "off": ({}, "no | off", "Anyone with a URL can open gt-images."),
    "refused by others": (
        {"access": GOOD},
        "plain | off",
        "Refuses presigned requests from other addresses.",
    ),
    "on": (
        {**GUARDED, "access": GOOD},
        "ok | 203.0.113.0/24",
        "Refuses presigned requests from other addresses.",
    ),
    "of a part": (
        {**GUARDED, "access": replace(GOOD, tone="part")},
        "warn |",
        "Only 203.0.113.0/24 can open",
    ),
    "will be on": (
        {"plan": planned()},
        "warn | off, will be on",
        "After Apply it refuses presigned requests",
    ),
    "will change": (
        {
            **GUARDED,
            "plan": planned(
                state(bucket=data_bucket(policy=POLICY)), addresses=["198.51.100.0/24"]
            ),
        },
        "warn | on, will change",
        "Refuses presigned requests from other addresses.",
    ),
    "will be removed": (
        {
            **GUARDED,
            "plan": planned(state(bucket=data_bucket(policy=POLICY)), guard=False, addresses=[]),
        },
        "warn | on, will be removed",
        "Refuses presigned requests from other addresses.",
    ),
}
AGES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no bucket": (
        {"bucket": "", "guard_known": False, "no_private_team": True},
        "plain | no bucket chosen",
        "",
    ),
    "not read": (
        {"guard_known": False},
        "plain | not read yet",
        "Refuses presigned URLs that were signed longer ago.",
    ),
    "none": ({}, "plain | no limit", "Refuses presigned URLs that were signed longer ago."),
    "15 minutes": (GUARDED, "ok | 15m", "Refuses presigned URLs that were signed longer ago."),
    "edited": (
        {**GUARDED, "guard": replace(GUARD, drifted=True)},
        "warn | 15m",
        "that were signed longer ago.",
    ),
}
CARDS = {
    f"{name}: {case}": (name, number, *row)
    for name, number, rows in (
        ("Portal lock", 0, PORTALS),
        ("URL lock", 1, URLS),
        ("Bucket guard", 2, GUARDS),
    )
    for case, row in rows.items()
} | {
    f"Age limit: {case}": ("Age limit", 1, {"team": None, **row[0]}, *row[1:])
    for case, row in AGES.items()
}


@pytest.mark.parametrize("case", CARDS)
def test_a_card_says_the_state_of_its_lock(case: str) -> None:
    name, number, values, shown, sentence = CARDS[case]
    view = replace(READ, **values)
    card = cards(view)[number]
    assert f"{card.partition(', as read')[0]}".startswith(f"{name} | {shown}")
    own = words(str(locks_markup(view)).split('<div class="gts-lock">')[number + 1])
    assert sentence in own
    assert own.startswith(name)


def test_the_status_bar_has_team_bucket_and_the_age_of_what_is_shown() -> None:
    data = lock_states(READ)
    assert (data["team"], data["bucket"]) == ("radiology-team", "gt-images")
    assert [each["words"].endswith("as read 12:00:00 UTC") for each in data["locks"]] == [
        False,
        False,
        True,
    ]
    assert lock_states(replace(READ, team=None))["team"] == ""
    assert not any("as read" in card for card in cards(replace(READ, teams_at=None, read_at=None)))


@pytest.mark.parametrize(
    ("values", "tone", "said"),
    [
        ({}, "no", "Anyone with a URL can open gt-images."),
        ({"access": GOOD}, "ok", "Only 203.0.113.0/24 can open presigned URLs of gt-images."),
        (
            {"access": GOOD, "is_old": True},
            "plain",
            "Only 203.0.113.0/24 can open presigned URLs of gt-images.",
        ),
        ({"bucket": ""}, "no", "Anyone with a URL can open the images of radiology-team."),
        (
            {"bucket": "", "team": ON},
            "ok",
            "A URL of a worker of radiology-team works only from the worker's own",
        ),
        ({"access": None}, "", "Who can open the objects"),
        ({"bucket": "", "team": None}, "", "Who can open the objects"),
    ],
)
def test_the_headline_is_of_the_bucket_or_else_of_the_team(
    values: dict[str, Any], tone: str, said: str
) -> None:
    shown = headline(replace(READ, **values))
    assert words(shown).startswith(said)
    assert (f"gts-says-{tone}" in shown) == bool(tone)
    assert words(shown).endswith(". Press Refresh.") == bool(values.get("is_old"))


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({}, set()),
        ({"revocations": ("One URL.",)}, {"revoked"}),
        ({"team": replace(TEAM, url_lock=UrlLock(True, True))}, {"impossible"}),
        ({"guard": replace(GUARD, drifted=True)}, {"drifted"}),
        ({"guard_refused": True}, {"refused"}),
    ],
)
def test_the_locks_are_open_for_what_the_headline_does_not_name(
    values: dict[str, Any], reasons: set[str]
) -> None:
    assert worth_reading(replace(READ, **values)) == reasons
