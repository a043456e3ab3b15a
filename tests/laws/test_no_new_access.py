"""A new version of a policy that is proved to open nothing new opens no request that the former
one refuses; and a request that is shown as newly opened is one.

Pairs of policies are drawn: statements come, go and change by one of their elements. Requests are
drawn by the sampler of the law of both sides, which knows nothing of classes, and decided under each
version by the second evaluator, which shares no code with the engine.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

import pytest

from gt_secure.changes import new_access as module
from gt_secure.changes.new_access import prove_no_new_access
from gt_secure.engine.access import proof as engine_proof
from gt_secure.engine.access.locks import locks_of_policies
from laws import test_it_stays_open_to_those_who_work_here as drawn
from laws.test_it_stays_open_to_those_who_work_here import BUCKET, FULL, OTHER, OWN, PRINCIPALS
from support.second_evaluator import Asker, Place, opens

ASKERS = (*PRINCIPALS, *PRINCIPALS, f"arn:aws:iam::{OWN}:role/else", "")


def statement(draw: Random) -> dict[str, Any]:
    """Draw a Deny, or a grant to another account, to a principal of the account, or to everybody."""
    made = drawn.statement(draw)
    if draw.random() < 0.3:
        whom = draw.choice(("*", {"AWS": draw.choice(PRINCIPALS)}, {"AWS": OTHER}))
        made |= {"Effect": "Allow", "Principal": whom}
    return made


def changed(draw: Random, statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Draw the next version of some statements."""
    after = copy.deepcopy(statements)
    for _ in range(draw.choice((1, 1, 1, 2))):
        at = draw.randrange(len(after)) if after else -1
        kind = draw.choice(("add", "add", "remove", "condition", "resource", "action", "same"))
        if kind == "add" or at < 0:
            after.insert(draw.randint(0, len(after)), statement(draw))
        elif kind == "remove":
            del after[at]
        elif kind == "condition":
            after[at].pop("Condition", None)
            if found := drawn.condition(draw):
                after[at]["Condition"] = found
        elif kind == "resource":
            after[at]["Resource"] = draw.choice(([BUCKET, f"{BUCKET}/*"], [f"{BUCKET}/scans/*"]))
        elif kind == "action" and "Action" in after[at]:
            after[at]["Action"] = draw.sample(drawn.ACTIONS, draw.choice((1, 2)))
    return after


def versions(draw: Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Draw a policy and its next version."""
    before = drawn.policy(draw)["Statement"] + [statement(draw)] * (draw.random() < 0.5)
    return before, changed(draw, before)


def answers(draw: Random, places: Iterable[Place]) -> tuple[str, list[bool]]:
    """Draw a request, and decide it at each place."""
    arn = draw.choice(ASKERS)
    keys: dict[str, Any] = drawn.place(draw) | {"aws:currenttime": drawn.moment(draw)}
    keys |= {"aws:securetransport": draw.choice(("true", "true", "false"))}
    signed = draw.choice(
        ("POST", *("REST-QUERY-STRING", "REST-HEADER") * 3) if arn else ("POST", "")
    )
    is_form = signed == "POST"
    keys |= {"s3:authtype": signed} if signed else {}
    keys |= {"s3:signatureage": "1000"} if signed in ("POST", "REST-QUERY-STRING") else {}
    keys |= {"aws:viaawsservice": "false", "aws:principalisawsservice": "false"}
    action = "s3:PutObject" if is_form else draw.choice(("s3:GetObject", "s3:GetObject", "s3:PutObject", "s3:ListBucket"))  # fmt: skip
    key = drawn.target(draw, action)
    who, own = drawn.asker(arn) if arn else (Asker(), {})
    if arn and arn.split(":")[4] == OWN and draw.random() < 0.5:
        who = Asker(who.arn, who.role)  # it has only what the bucket policy grants
    sent = keys | own | ({"s3:signatureversion": "AWS4-HMAC-SHA256"} if signed else {}) | ({"aws:principaltag/team": "red"} if arn and draw.random() < 0.3 else {})  # fmt: skip
    said = f"{action} {key} by {arn} with {len(who.policies)} policies from {keys}"
    return said, [opens(place, who, action, key, sent) for place in places]


def faults(seeds: Iterable[int], counts: Counter[str]) -> Iterator[str]:
    """Yield what contradicts the answer about a drawn pair of versions."""
    for seed in seeds:
        draw = Random(seed)
        pair = versions(draw)
        locks = [locks_of_policies("gt-images", json.dumps({"Version": "2012-10-17", "Statement": each}), OWN) for each in pair]  # fmt: skip
        proof = prove_no_new_access(*locks)
        counts[str(proof.proved)] += 1
        places = [Place("gt-images", OWN, each) for each in pair]
        requests = (answers(draw, places) for _ in range(400))
        new = [said for said, (before, after) in requests if after and not before]
        counts["shows"] += bool(new)
        if proof.proved and new:
            yield f"seed {seed}: {new[0]} is newly opened"
        if proof.counterexample is not None:
            yield from (
                f"seed {seed}: {each}" for each in shown_falsely(places, proof.counterexample)
            )


def shown_falsely(places: list[Place], case: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong about a request that is shown as newly opened."""
    request = case["request"]
    keys = {name.lower(): value for name, value in request["context"].items()}
    keys = {"aws:sourcevpc": "vpc-77", **keys} if "aws:sourcevpce" in keys else keys
    arn = keys.get("aws:principalarn", "")
    key = request["resource"].partition(f"{BUCKET}/")[2]
    granted = () if case["refused_by"].startswith("no statement") and f":{OWN}:" in arn else FULL
    # the ARN of a session does not tell the path of its role
    ends = arn.split(":")[4:5], arn.rpartition("/")[2]
    alike = {each for each in PRINCIPALS if (each.split(":")[4:5], each.rpartition("/")[2]) == ends}
    found = set[tuple[bool, bool]]()
    for role in {arn, *alike} if ":role/" in arn else {""}:
        who = Asker(request["principal"], role, granted) if arn else Asker()
        own = {"aws:principalarn": role} if role else {}
        before, after = (opens(each, who, request["action"], key, keys | own) for each in places)
        found.add((before, after))
    if (False, True) not in found:
        yield f"opened before and after: {found}: {request}, {case['refused_by']}"


def holds(seeds: Iterable[int]) -> Counter[str]:
    """Assert that nothing contradicts an answer; return how many of each there are."""
    counts: Counter[str] = Counter()
    assert [*faults(seeds, counts)] == []
    return counts


QUICK = {0: "True", 4: "False", 11: "False", 20: "None", 66: "False", 148: "False"}
"""Pairs among which each fault below shows, and every answer, with the answer of each."""


@pytest.mark.parametrize("seed", QUICK)
def test_no_answer_is_contradicted(seed: int) -> None:
    assert holds([seed])[QUICK[seed]] == 1


@pytest.mark.check
def test_more_pairs() -> None:
    counts = holds(range(1000, 1400))
    assert counts["True"] >= 100
    assert counts["False"] >= 100
    assert counts["None"] <= 40, counts


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 15_000, 1000))
def test_many_pairs(first: int) -> None:
    counts = holds(range(first, first + 1000))
    assert counts["None"] <= 100, counts


@pytest.mark.parametrize("seed", [6, 12, 13])
def test_calls_of_an_sdk_are_asked_about(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = [each for each in engine_proof._FORMS if each[0] != "header"]
    assert [*faults([seed], Counter())] == []
    monkeypatch.setattr(engine_proof, "_FORMS", forms)
    assert [*faults([seed], Counter())]


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_fault_is_seen(effect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two ways to be refused that is not asked about."""
    asked = module._questions
    skipped = "no statement" if effect == "Allow" else "statement"
    monkeypatch.setattr(
        module,
        "_questions",
        lambda *pair: (q for q in asked(*pair) if not q[2].startswith(skipped)),
    )
    assert [*faults(QUICK, Counter())]
