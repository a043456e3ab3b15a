"""A call that is denied takes the answer of exactly the rules that ask for what it reads.

States are drawn and one part of each is taken away, with the parts that cannot be read without it.
Which rules ask for the part is watched from outside (``support/asked.py``): the rules' own tables
of what they look at are not read. A rule that asks is clean no more. Every other rule keeps its
outcome and its findings.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from gt_secure.account.bucket import AclGrant
from gt_secure.account.state import State, action_of
from gt_secure.engine.access import part as parts
from gt_secure.engine.access.access_points import AccessPoint
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.findings import examine, run
from gt_secure.findings.model import Rule
from gt_secure.findings.run import RULES
from gt_secure.restriction.model import Restriction
from support import states
from support.asked import asked_by
from support.guards import merge_guard

BUCKET, SEED, OFFICE, VPC = "gt-images", 20261130, "203.0.113.0/24", "vpc-1"
ENDPOINT, ROLE = "vpce-0a1b2c3d4e5f60718", "arn:aws:iam::111122223333:role/GroundTruthExecution"
POINT = "arn:aws:s3:us-east-1:111122223333:accesspoint/one"
EVERYONE = AclGrant("http://acs.amazonaws.com/groups/global/AllUsers", "READ")
POINTS_ONLY = {
    "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*",
    "Condition": {"Null": {"s3:DataAccessPointArn": "true"}},
}  # fmt: skip
WITH_IT = {
    "team": ("jobs", "templates"),
    "jobs": ("templates",),
    "bucket.logging": ("bucket.log_bucket",),
    "bucket.encryption": ("bucket.key_policy",),
}
"""Parts that cannot be read without another."""
ANY_ROLE = ("bucket-deny-breaks-ground-truth", "jobs")
"""A rule that is asked about any role where the one that signs is not known: clean,
it is clean for each of them.
"""


def draw(seed: int) -> State:
    dice = random.Random(SEED + seed)
    networks, endpoints = dice.choice([([OFFICE], []), ([OFFICE], [ENDPOINT]), ([], [ENDPOINT])])
    guard = (
        build_guard(BUCKET, networks=networks, endpoints=endpoints) if dice.random() < 0.7 else None
    )
    policy = merge_guard(None, guard) if guard is not None else None
    if dice.random() < 0.15:
        policy = merge_guard(policy, POINTS_ONLY)
    wish = Restriction("radiology-team", bucket=BUCKET, addresses=networks, endpoints=endpoints)
    settings: dict[str, Any] = {
        "policy": policy,
        "cors": dice.choice([(), ({"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},)]),
        "public_access_block": dict.fromkeys(("IgnorePublicAcls", "RestrictPublicBuckets"), dice.random() < 0.5),
        "encryption": dice.choice([{}, states.encrypted("key-1")]),
        "acl_grants": dice.choice([(), (), (EVERYONE,)]),
        "access_points": dice.choice([(), (), (AccessPoint("one", POINT),)]),
        "tags": {},
        "folders": (),
    }  # fmt: skip
    settings |= dice.choice([{}, states.logs(policy=None), states.logs(kms=True)])
    job = replace(states.JOB, role_arn=dice.choice(["", ROLE]))
    force = states.workforce("default", dice.choice([(), (OFFICE,)]), dice.choice([None, VPC, VPC]),
                             dice.choice(["ipv4", "dualstack"]))  # fmt: skip
    lock = dice.choice([(False, False), (True, False), (False, True), (True, True)])
    return states.state(
        team=states.workteam("radiology-team", "private", *lock),
        teams=(),
        workforce=force,
        bucket=states.data_bucket(BUCKET, **settings) if dice.random() < 0.9 else None,
        endpoints=dice.choice([(), (states.endpoint(ENDPOINT, VPC),)]),
        jobs=(job,),
        templates=(
            states.template("job-1", "<img src='{{ task.input.src | grant_read_access }}'>"),
        ),
        account_block=dict.fromkeys(("IgnorePublicAcls", "RestrictPublicBuckets"), False),
        wanted=wish if dice.random() < 0.5 else None,
    )


def without(state: State, names: Iterable[str]) -> State:
    """Return a state in which some parts were denied."""
    for name in names:
        gone, path = states.unread(action_of(name), name), name.split(".")
        bucket = state.bucket
        if path[0] != "bucket":
            state = replace(state, **{name: gone})
        elif bucket is not None and len(path) == 2:
            state = replace(state, bucket=replace(bucket, **{path[1]: gone}))
        elif bucket is not None:
            held = bucket.log_bucket.value
            assert held is not None
            state = replace(
                state, bucket=replace(bucket, log_bucket=Part.of(replace(held, **{path[2]: gone})))
            )
    return state


def seen(state: State) -> dict[str, tuple[str, list[str]]]:
    """Return the outcome of each rule, with its findings."""
    done = examine(state)
    details = {
        each.code: [one.detail for one in done.findings if one.code == each.code] for each in RULES
    }
    return {each.code: (each.outcome, details[each.code]) for each in done.checked}


ASKED_LATER = {("presigned-from-anywhere", "bucket.ownership")}
"""A part that a rule asks for only where another one, such as the ACL, may grant something."""


def judge(seed: int, most: int = 100) -> tuple[Counter[str], list[str]]:
    """Judge a drawn state, without some of its parts."""
    state = draw(seed)
    asked = {rule.code: asked_by(rule, state) for rule in RULES}
    before, counts, wrong = seen(state), Counter[str](), []
    names = {
        name
        for name, part in state.parts()
        if part.missing is None and not name.endswith("log_bucket.log")
    }
    for name in random.Random(seed).sample(sorted(names), min(most, len(names))):
        gone = {name, *WITH_IT.get(name, ())}
        after = seen(without(state, gone))
        for code, (word, details) in before.items():
            asks = any(each in gone or each.startswith(f"{name}.") for each in asked[code])
            if (code, name) in ASKED_LATER:
                continue
            if not asks and after[code] != (word, details):
                wrong.append(f"{seed}: {code} does not ask for {name}: {word}, then {after[code]}")
            elif (
                asks
                and after[code][0] == "clean"
                and (code, name) not in (ANY_ROLE, (ANY_ROLE[0], "team"))
            ):
                wrong.append(f"{seed}: {code} asks for {name} and is clean without it")
            counts[
                f"{'lost' if asks and word == 'clean' else 'asks' if asks else 'kept'} {word}"
            ] += 1
    return counts, wrong


def law(seeds: Iterable[int]) -> None:
    counts: Counter[str] = Counter()
    for seed in seeds:
        more, wrong = judge(seed)
        counts += more
        assert not wrong
    print(dict(counts))
    assert counts["lost clean"] > 0.01 * counts.total()
    assert min(counts["kept clean"], counts["kept found"]) > 0.05 * counts.total()


@pytest.mark.parametrize("seed", range(4))
def test_a_rule_loses_its_answer_exactly_if_it_asks(seed: int) -> None:
    counts, wrong = judge(seed, 5)
    assert not wrong
    assert counts["kept clean"] > counts["lost clean"]


def test_of_twenty_states() -> None:
    law(range(100, 120))


@pytest.mark.slow
def test_of_three_hundred_states() -> None:
    law(range(1000, 1300))


def everything(rule: Rule, part: str) -> bool:
    """Look at each part, as if a rule needed whatever was denied."""
    return True


FAULTS: dict[str, tuple[Any, str, Any]] = {
    "what was denied takes every rule": (Rule, "looks_at", everything),
    "a part that is looked past is not noted": (parts, "note_missing", lambda _: None),
    "a rule that looks past a part is clean": (Rule, "looks_at", lambda *_: False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_finds_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    if fault.startswith("what was denied"):
        monkeypatch.setattr(run, "asked_in_vain", _Everything)
    assert any(judge(seed, 5)[1] for seed in range(8))


class _Everything(set[Any]):
    """Every part, as if each had been asked for."""

    def __enter__(self) -> _Everything:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __contains__(self, _: object) -> bool:
        return True


def test_a_rule_about_an_unknown_role_is_clean_for_each_role() -> None:
    """The one exception above: no role that a job may name makes a finding of a policy
    that is clean for any.
    """
    [rule] = [each for each in RULES if each.code == ANY_ROLE[0]]
    clean = 0
    for seed in range(12):
        state = draw(seed)
        blind = without(state, ("jobs",))
        if {each.code: each.outcome for each in examine(blind, [rule]).checked}[
            rule.code
        ] != "clean":
            continue
        for role in ("GroundTruthExecution", "a", "service-role/AmazonSageMaker-ExecutionRole"):
            job = replace(states.JOB, role_arn=f"arn:aws:iam::111122223333:role/{role}")
            [outcome] = examine(replace(state, jobs=Part.of((job,))), [rule]).checked
            assert outcome.outcome == "clean"
            clean += 1
    assert clean >= 15
