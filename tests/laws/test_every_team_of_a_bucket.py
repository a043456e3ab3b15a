"""No plan takes a bucket or a part of it from a workteam in silence, and none accuses where no team
loses anything.

Accounts are drawn: up to five teams with any setting of the URL lock, a portal lock, a bucket that
some of them use by a job, by a restriction in the journal or by a tag or folder that names them, a
guard with a prefix, statements of others, and with or without an access log. A restriction is
planned for one team or for the bucket alone. Single requests are decided with ``evaluate``, under a
session policy that is written here, before and after the calls of the plan. A team *loses* if some
key under the prefix of the plan was opened to it and is from none of these sources, or from none of
those that its restriction lists, unless a complete log shows where all its people are. It *loses a
part* if some key was opened to it from some source from which the key is not opened after, and a
log shows its people there, or its job is in progress and no log shows where all of them are: a
source that stays open in theory stands for none that is lost. The plan then asks about the team by
name.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from ipaddress import ip_address, ip_network
from typing import Any, cast

import pytest

from gt_secure.account import people
from gt_secure.account.state import OtherTeam, Sign, State
from gt_secure.account.whereabouts import Whereabouts
from gt_secure.aws.client import Aws
from gt_secure.aws.teams import LabelingJob, Workforce, Workteam
from gt_secure.base.network import Source
from gt_secure.changes import other_teams, services
from gt_secure.changes.plan import Plan, plan
from gt_secure.engine.access.answer import Answer
from gt_secure.engine.access.difference import Difference, moved
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.part import Part
from gt_secure.engine.access.source_sets import SourceSet
from gt_secure.engine.iam import Policies, Request, evaluate, presigned_context
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.restriction.model import Restriction
from support.answers import ACCOUNT
from support.opened import opened_by
from support.states import FORCE, data_bucket, endpoint, state, workteam

plans = import_module("gt_secure.changes.plan")
BUCKET, SEED = "gt-images", 20261129
OFFICE, BRANCH = "203.0.113.0/24", "198.51.100.0/25"
ENDPOINTS = ("vpce-0a1b2c3d4e5f60718", "vpce-0fedcba9876543210")
PLACES = (
    "203.0.113.7",
    "198.51.100.9",
    "8.8.8.8",
    *(f"10.0.3.4 via {each}" for each in (*ENDPOINTS, "vpce-0000beef")),
)
IN_A_VPC, LOGGED = "10.0.3.4", "scans/0007.png"
"""Columns of a log for a request through an endpoint, which it does not name;
and the object of each row.
"""
KEYS = ("root.png", "scans/a.png", "scans/x/b.png", "docs/c.png")
PREFIXES = ("", "", "scans/", "docs/")
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
MODES = (
    UrlLock(),
    UrlLock(True),
    UrlLock(True),
    UrlLock(False, True),
    UrlLock(False, True),
    UrlLock(True, True),
)
LISTS: tuple[tuple[list[str], list[str]], ...] = (
    ([OFFICE], []), ([OFFICE], []), ([BRANCH], []), ([OFFICE, BRANCH], []), ([], [ENDPOINTS[0]]), ([], [ENDPOINTS[1]]),
    ([OFFICE], [ENDPOINTS[0]]), ([], [*ENDPOINTS]), ([OFFICE, BRANCH], [*ENDPOINTS]),
)  # fmt: skip
OTHERS: tuple[dict[str, Any], ...] = (
    {
        "Resource": f"arn:aws:s3:::{BUCKET}/scans/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": ENDPOINTS[1]}},
    },
    {
        "Resource": f"arn:aws:s3:::{BUCKET}/scans/x/*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": BRANCH}},
    },
    {"Resource": f"arn:aws:s3:::{BUCKET}/*", "Condition": {"Null": {"aws:SourceVpce": "false"}}},
)


@dataclass(frozen=True)
class Drawn:
    """An account and what is planned."""

    state: State
    wish: Restriction
    teams: tuple[Workteam, ...]
    seen: tuple[str, ...]


def signs_drawn(seed: int, team: Workteam) -> tuple[Sign, ...]:
    """Draw tags and folders of the bucket that name a team, by dice of their own."""
    dice = random.Random(f"{seed} {team.name}")
    return dice.choice(((), (), (), (Sign("the tag"),), (Sign("the folder", "docs/"),)))


def status_drawn(seed: int, team: Workteam) -> str:
    """Draw whether the job of a team is in progress, by dice of their own."""
    return random.Random(f"{seed} job of {team.name}").choice(
        ("InProgress", "InProgress", "Completed")
    )


def people_drawn(seed: int, team: Workteam) -> Whereabouts | None:
    """Draw from where a log shows the people of a team, if one was read, by dice of their own."""
    dice = random.Random(f"{seed} people of {team.name}")
    sources = tuple(dice.sample((*PLACES[:3], *ENDPOINTS), dice.randint(0, 2)))
    missing = dice.choice(("", "", "one log object was not read"))
    return dice.choice((None, Whereabouts(sources, missing=missing)))


def draw(seed: int) -> Drawn:
    dice = random.Random(SEED + seed)
    teams = [
        replace(workteam(f"team-{name}"), url_lock=dice.choice(MODES))
        for name in "abcde"[: dice.randint(1, 5)]
    ]
    if dice.random() < 0.1:
        teams[-1] = workteam("Vendor & Co", "vendor")
    own = None if dice.random() < 0.25 or teams[0].kind == "vendor" else teams[0]
    others = []
    for team in teams if own is None else teams[1:]:
        uses = dice.choice(("job", "job", "journal", "both", "none"))
        place = BUCKET if uses in ("job", "both") else "elsewhere"
        status = status_drawn(seed, team)
        job = LabelingJob(
            f"job-of-{team.name}", status, team.arn, input_uri=f"s3://{place}/m/x.manifest"
        )
        kept = None
        if uses in ("journal", "both"):
            addresses, endpoints = dice.choice(LISTS)
            lists: dict[str, Any] = {
                "addresses": addresses,
                "endpoints": endpoints,
                "prefix": dice.choice(PREFIXES),
            }
            kept = Restriction(team, url_lock=None, bucket=BUCKET, **lists)
        others.append(OtherTeam(team, Part.of((job,)), kept, signs_drawn(seed, team)))
    statements = [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", **each}
        for each in OTHERS
        if dice.random() < 0.08
    ]
    if dice.random() < 0.6:
        networks, endpoints = dice.choice(LISTS[3:])
        listed: dict[str, Any] = {"networks": networks, "endpoints": endpoints}
        statements.append(build_guard(BUCKET, prefix=dice.choice(PREFIXES), **listed))
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None
    addresses, endpoints = dice.choice(LISTS)
    guard: Any = dice.choice((True,) * 8 + (False, None))
    lock: Any = (
        dice.choice((True, None, "VpcSourceIp", "SourceIp", None)) if own is not None else None
    )
    if guard is None and lock is None:
        guard = True
    force = replace(
        FORCE, vpc_id="vpc-1", cidrs=dice.choice(((), (), (), (OFFICE,), (OFFICE, BRANCH)))
    )
    wish = Restriction(
        own,
        bucket=BUCKET,
        prefix=dice.choice(PREFIXES),
        addresses=addresses if guard else [],
        endpoints=endpoints if guard else [],
        guard=guard,
        url_lock=lock,
    )
    account = state(
        team=own,
        teams=tuple(teams),
        workforce=force if own is not None else None,
        bucket=data_bucket(policy=policy),
        endpoints=(endpoint(ENDPOINTS[0], "vpc-1"), endpoint(ENDPOINTS[1], "vpc-2")),
    )
    account = replace(
        account, others=tuple(others), portal=Part.of(force) if own is None else account.portal
    )
    known = {team.arn: people_drawn(seed, team) for team in teams}
    account = replace(account, seen={arn: each for arn, each in known.items() if each is not None})
    logged = dice.random() < 0.5 and LOGGED.startswith(wish.prefix)
    seen = dice.sample((*PLACES[:3], IN_A_VPC), dice.randint(1, 2)) if logged else ()
    return Drawn(account, wish, tuple(teams), tuple(seen))


# The judge: single requests, before and after what the plan writes.


def opens(
    policy: str | None, lock: UrlLock | None, cidrs: tuple[str, ...], key: str, place: str
) -> bool:
    """Decide a request with a URL that the portal makes for a worker at a place; without a lock,
    any presigned one.
    """
    source = Source.parse(place)
    inside = (
        source.is_endpoint
        or not cidrs
        or any(ip_address(place) in ip_network(each) for each in cidrs)
    )
    names = {
        "aws:SourceIp": lock is not None and lock.source_ip,
        "aws:VpcSourceIp": lock is not None and lock.vpc_source_ip,
    }
    only = {"IpAddress": {name: [f"{source.address}/32"] for name, on in names.items() if on}}
    resource = f"arn:aws:s3:::{BUCKET}/{key}"
    session = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": resource,
        **({"Condition": only} if any(names.values()) else {}),
    }
    policies = Policies(
        (FULL,), json.dumps({"Version": "2012-10-17", "Statement": [session]}), policy
    )
    context = presigned_context(source) | {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/w"
    return (
        inside
        and evaluate(Request("s3:GetObject", resource, who, context, ACCOUNT), policies).allowed
    )


class Judge:
    """The account before and after a plan."""

    def __init__(self, drawn: Drawn, one: Plan) -> None:
        self.drawn = drawn
        values = {change.kind: change.after for change in one.changes}
        assert drawn.state.bucket is not None
        policy = drawn.state.bucket.policy.value
        self.policies = policy, values.get("bucket-guard", policy)
        self.lock = values.get("url-lock")
        forces: tuple[Part[Workforce], ...] = (drawn.state.workforce, drawn.state.portal)
        self.cidrs = next((each.if_read.cidrs for each in forces if each.if_read is not None), ())
        self.keys = [key for key in KEYS if key.startswith(drawn.wish.prefix)]
        if drawn.wish.prefix and not self.keys:
            raise AssertionError("each prefix has a key")

    def opened(self, team: Workteam, after: bool, key: str) -> set[str]:
        """Return the places from which a team opens a key."""
        lock = (
            self.lock
            if after and self.lock and team.name == self.drawn.wish.team
            else team.url_lock
        )
        cidrs = self.cidrs if team.kind == "private" else ()
        return {
            each
            for each in PLACES
            if opens(self.policies[after], lock or UrlLock(), cidrs, key, each)
        }

    def known(self, team: Workteam) -> Whereabouts:
        """Return what a log shows of the people of a team."""
        return self.drawn.state.seen.get(team.arn, Whereabouts())

    def loses(self, team: Workteam) -> bool:
        """Return whether a team that uses the bucket loses a key,
        or a place that its restriction lists.
        """
        own = team.name == self.drawn.wish.team
        other = next((each for each in self.drawn.state.others if each.team == team), None)
        wish = None if other is None else other.wish
        jobs = other is not None and "gt-images" in str(other.jobs.value)
        signs = () if other is None else other.signs
        if not (own or jobs or wish or signs):
            return False
        starts = [wish.prefix] if wish is not None else [each.prefix for each in signs]
        keys = [
            key
            for key in self.keys
            if own or jobs or any(key.startswith(start) for start in starts)
        ]
        listed = set() if wish is None or not self.known(team).missing else {
            each for each in PLACES
            if each.partition(" via ")[2] in wish.endpoints
            or ("via" not in each and any(ip_address(each) in network for network in wish.addresses))
        }  # fmt: skip
        pairs = [(self.opened(team, False, key), self.opened(team, True, key)) for key in keys]
        if own:  # its own restriction says what it wants, of all keys together
            return any(before for before, _ in pairs) and not any(after for _, after in pairs)
        seen = self.known(team)
        gone = {place for before, after in pairs for place in before - after}
        names = {name for place in gone for name in (place, place.partition(" via ")[2])}
        if not seen.missing and not names & {*seen.sources}:
            return False  # all its people are known, and none of them is where a way closes
        return any(
            (before and not before & after) or (listed & before) - after for before, after in pairs
        )

    def loses_a_part(self, team: Workteam) -> bool:
        """Return whether a team loses some key from a place where its people are, or may be."""
        seen, own = self.known(team), team.name == self.drawn.wish.team
        other = next((each for each in self.drawn.state.others if each.team == team), None)
        jobs = () if other is None else other.jobs.value or ()
        here = [job for job in jobs if job.input_uri.startswith(f"s3://{BUCKET}/")]
        starts = [""] if own or here else []
        if other is not None and not here:
            wished = [] if other.wish is None else [other.wish.prefix]
            starts = wished or [each.prefix for each in other.signs]
        lost = set[str]()
        for key in self.keys:
            if key.startswith(tuple(starts)):
                lost |= self.opened(team, False, key) - self.opened(team, True, key)
        shown = {place for place in lost if {place, place.partition(" via ")[2]} & {*seen.sources}}
        running = any(job.status == "InProgress" for job in here)
        return bool(shown or (running and lost and seen.missing))

    def cleared(self, team: Workteam) -> bool:
        """Return whether a team loses some key, and a complete log shows nobody of it there."""
        is_open = any(
            self.opened(team, False, key) - self.opened(team, True, key) for key in self.keys
        )
        return is_open and not self.known(team).missing

    def answers(self, place: str, after: bool) -> set[bool]:
        """Return whether each key is opened to a place,
        by a lock of a team that uses the bucket.
        """
        used = {each.team for each in self.drawn.state.users} | {self.drawn.state.team.value}
        teams = [each for each in used if each is not None]
        spots = set(PLACES[3:] if place == IN_A_VPC else [place])
        return {any(spots & self.opened(each, after, key) for each in teams) for key in self.keys}

    def plain(self, place: str, after: bool) -> set[bool]:
        """Return whether each key is opened to a place by some other presigned URL."""
        spots = PLACES[3:] if place == IN_A_VPC else [place]
        return {
            any(opens(self.policies[after], None, (), key, each) for each in spots)
            for key in self.keys
        }


_hits = cache(opened_by)


def judge(seed: int) -> tuple[Counter[str], list[str]]:
    """Compare a plan with the judge; returns the outcomes, and what is wrong."""
    drawn = draw(seed)
    hits = _hits(*drawn.seen) if drawn.seen else None
    one = plan(cast(Aws, None), drawn.wish, state=drawn.state, hits=hits)
    # a log that is read shows where people are
    drawn = replace(drawn, state=replace(drawn.state, seen=one.state.seen))
    found, texts = Judge(drawn, one), {each.code: each.text for each in one.blockers}
    losing = {team.name for team in drawn.teams if found.loses(team)}
    named = {team.name for team in drawn.teams if team.name in texts.get("refuses-team", "")}
    named |= (
        {drawn.wish.team or ""} & losing
        if f"{drawn.wish.team}" in texts.get("opens-nobody", "")
        else set()
    )
    bad = [f"{name} loses in silence" for name in losing - named] + [
        f"{name} loses nothing" for name in named - losing
    ]
    partly = {team.name for team in drawn.teams if found.loses_a_part(team)}
    asks = {
        each.code.partition(":")[2]: each.text
        for each in one.asks
        if each.code.startswith("loses-access:")
    }
    asked = {name for name, text in asks.items() if f" {name} " in text}
    bad += [f"{name} loses a part in silence" for name in partly - named - asked]
    bad += [f"{name} loses no part" for name in asked - partly]
    counts = Counter(
        {
            "loses" if losing else "keeps": 1,
            "loses a part": len(partly - named),
            "shown by a log": len({each for each in asked if "this week" in asks[each]}),
            "nobody there": len({team.name for team in drawn.teams if found.cleared(team)} - asked),
            "keeps all": not losing and not partly,
            "with a log": hits is not None and len(hits) > 0,
            "bucket alone": drawn.wish.team is None,
        }
    )
    for place in drawn.seen:
        before, after = (
            [found.answers(place, each), found.plain(place, each)] for each in (False, True)
        )
        never = before == [{False}, {False}] and after == before
        word = place in texts.get("prediction-contradicts-log", "")
        if word and any(True in each for each in before):
            bad.append(f"{place} is opened, and the log is said to contradict")
        lost = place in texts.get("refuses-labeler", "") + texts.get("refuses-source", "")
        some = any(True in b and True not in a for b, a in zip(before, after, strict=True))
        surely = any(b == {True} and True not in a for b, a in zip(before, after, strict=True))
        if (lost and not some) or (surely and not lost):
            bad.append(f"{place} {'loses nothing' if lost else 'loses in silence'}")
        counts["logged source refused"] += lost
        counts["logged source kept"] += not lost and not never
        counts["contradiction"] += word
    return counts, [
        f"seed {seed}: {each}; {texts}; {one.changes and one.changes[0].after_text}" for each in bad
    ]


def law(seeds: Any) -> Counter[str]:
    """Judge accounts; returns how many had each outcome."""
    results = [judge(seed) for seed in seeds]
    assert not [text for _, bad in results for text in bad]
    return sum((counts for counts, _ in results), Counter[str]())


def logged_for_one_team(source: Source, now: Exposure, after: Exposure) -> Difference[Answer]:
    """Return the row of a source as it was made:
    every request of the log was one of the plan's own team.
    """
    scene: Any = "worker" if now.locks.has_portal else "presigned"
    return Difference(
        now.plain(source, scene), after.plain(source, scene), scene, str(source), services.LOGGED
    )


def without_endpoints(*words: Any) -> SourceSet:
    """Return what moves between two answers outside endpoints alone."""
    return moved(*words).only(addresses=True, endpoints=False)


FAULTS: dict[str, tuple[int, tuple[Any, str, Any]]] = {
    "the other teams are not asked": (2, (plans, "RULES", tuple(each for each in plans.RULES if each.code != "teams"))),
    "one key stands for the prefix": (17, (Exposure, "keys_beside", lambda self, *_: self.keys[:1])),
    "a place that stays open stands for those that are lost": (47, (other_teams, "moved", lambda *_: SourceSet())),
    "an endpoint is no place of a worker": (11, (other_teams, "moved", without_endpoints)),
    "the restriction of a team is not looked at": (57, (people, "spans_of", lambda _: ())),
    "a log is not looked at": (3, (State, "whereabouts", lambda *_: Whereabouts())),
    "a log that was not read whole counts as whole": (2, (Whereabouts, "complete", True)),
    "one team stands for all in the log": (60, (services, "_logged", logged_for_one_team)),
    "another team's lock is not asked": (
        147, (Exposure, "of_workers", property(lambda self: ("worker",) if self.locks.has_portal else ()))),
    "a private address in the log is dropped": (16, (services, "scope", lambda _: "shared")),
    "a private address counts as a public one": (7, (services, "_through_some_endpoint", Exposure.plain)),
}  # fmt: skip
"""Faults that this law is for, each with an account that shows it."""


@pytest.mark.parametrize(
    "seed", dict.fromkeys((*(seed for seed, _ in FAULTS.values()), 3, 5, 8, 9))
)
def test_no_team_loses_a_bucket_in_silence(seed: int) -> None:
    law([seed])


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_finds_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seed, patch = FAULTS[fault]
    monkeypatch.setattr(*patch)
    assert judge(seed)[1]


OF: dict[str, Counter[str]] = {"check": Counter(), "slow": Counter()}
"""Outcomes of the accounts of each tier."""


def enough(counts: Counter[str], least: int) -> None:
    """Demand a share of each outcome."""
    print(counts)
    assert min(counts[name] for name in ("loses", "keeps", "keeps all")) >= least
    rare = (
        "loses a part",
        "shown by a log",
        "nobody there",
        "logged source refused",
        "logged source kept",
        "contradiction",
    )
    assert min(counts[name] for name in rare) >= least // 6


@pytest.mark.parametrize("part", range(4))
def test_of_forty_accounts(part: int) -> None:
    OF["check"] += law(range(1000 + 10 * part, 1010 + 10 * part))
    if part == 3:
        enough(OF["check"], 12)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_of_two_hundred_accounts(part: int) -> None:
    OF["slow"] += law(range(20 * part, 20 * part + 20))
    if part == 9:
        enough(OF["slow"], 60)
