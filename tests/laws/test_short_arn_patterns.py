"""A pattern of fewer than six parts for an ARN decides nothing: AWS does not say whether it
matches.

Each answer under a policy with such a pattern is compared with the answers under two other
policies. In one of them a pattern that matches every ARN stands in its place, in the other one that
matches none. Where both answers are the same, it is the answer; otherwise the answer is unknown,
and names the pattern.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from gt_secure.base.network import parse_network
from gt_secure.engine.access import Claim, Exposure, locks_of_policies, prove
from gt_secure.engine.access.decision import decide_request
from gt_secure.engine.access.identities import parse_principals
from gt_secure.engine.access.signers import signers_of
from gt_secure.engine.iam import operators
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import presigned_context
from support.principals import ACCOUNT, READ, ROOT, arn, details, doc, role, st, trust, user

BUCKET = "arn:aws:s3:::gt-images"
OFFICE, SOURCES = "203.0.113.0/24", ("203.0.113.7", "198.51.100.9")
EVERY, NONE = "arn:*:*:*:*:*", "arn:none:none:none:none:none"
PATTERNS = ("*", "arn:*", "arn:aws:*", "arn:aws:iam:*", "arn:aws:iam::*", "?rn:*:*", "arn:aws:iam::111122223333", "x",
            "arn:aws:${aws:PrincipalTag/t}", "${aws:username}*")  # fmt: skip
OPERATORS = ("ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals", "ArnLikeIfExists", "ArnNotEqualsIfExists",
             "ForAnyValue:ArnLike", "ForAllValues:ArnNotLike")  # fmt: skip
KEYS = ("aws:PrincipalArn", "aws:SourceArn", "s3:DataAccessPointArn")
OTHERS: tuple[dict[str, Any], ...] = (
    {}, {"Null": {"aws:PrincipalArn": "false"}}, {"NotIpAddress": {"aws:SourceIp": OFFICE}},
    {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
)  # fmt: skip
FULL = doc(st("*"))
ALLOWED = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [BUCKET, f"{BUCKET}/*"],
}
OUTSIDE = {**ALLOWED, "Effect": "Deny", "Condition": {"NotIpAddress": {"aws:SourceIp": OFFICE}}}
Case = tuple[str, str, str, str, dict[str, Any]]
Answers = dict[str, tuple[str, tuple[str, ...]]]
CASES: list[Case] = [*product(("Deny", "Allow"), OPERATORS, KEYS, PATTERNS, OTHERS)]


def condition_of(case: Case, pattern: str) -> dict[str, Any]:
    _, operator, key, _, more = case
    return {operator: {key: pattern}, **more}


def bucket_policy(case: Case, pattern: str) -> str:
    """Return a policy: the case's statement, beside one of the other effect."""
    asked = {**ALLOWED, "Effect": case[0], "Condition": condition_of(case, pattern)}
    return json.dumps(doc(asked, ALLOWED if case[0] == "Deny" else OUTSIDE))


def of_requests(case: Case, pattern: str) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    policy = bucket_policy(case, pattern)
    locks = locks_of_policies("gt-images", policy, ACCOUNT)
    exposure = Exposure(locks, "scans/1.png")
    for name, source in product(("presigned", "other-account", "anonymous"), SOURCES):
        answer = exposure.at(source, name)
        yield f"{name} at {source}", (answer.answer, answer.depends_on)
        row = exposure.row(name)
        words = [w for w in ("opened", "refused", "unknown") if _holds(row.places(w).cidrs, source)]
        yield f"{name} in the row, {source}", (*words, row.unknown.depends_on)
    proof = prove(locks, Claim(allowed=OFFICE))
    yield (
        "prove",
        ({True: "proved", False: "opened", None: "unknown"}[proof.proved], proof.depends_on),
    )
    for who, source in product((arn("user/ann"), "arn:aws:iam::444455556666:user/bob"), SOURCES):
        context = {**presigned_context(source), "aws:PrincipalArn": who, "aws:username": who[-3:]}
        request = Request("s3:GetObject", f"{BUCKET}/scans/1.png", who, context, ACCOUNT)
        for decide in (evaluate, decide_request):
            verdict = decide(request, Policies((FULL,), resource=policy))
            word = (
                "opened"
                if verdict.allowed
                else "unknown"
                if verdict.decision == "unknown"
                else "refused"
            )
            yield f"{decide.__name__} {who} {source}", (word, verdict.depends_on)


def _holds(cidrs: tuple[str, ...], source: str) -> bool:
    return any(
        parse_network(source).subnet_of(parse_network(each)) for each in cidrs if "." in each
    )


def of_signers(case: Case, pattern: str) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Yield who signs: the condition stands in a policy of a user, in one of the bucket,
    and in a trust policy.
    """
    asked, more = condition_of(case, pattern), [READ] if case[0] == "Deny" else []
    statement = st("s3:GetObject", f"{BUCKET}/*", case[0], **asked)
    trusting = trust(ROOT, **asked)
    account = details(
        user("ann", statement, *more), user("ben", READ),
        role("app", READ, trusts=trusting), user("carl", st("sts:AssumeRole", arn("role/app"))),
    )  # fmt: skip
    for policy in (None, bucket_policy(case, pattern)):
        locks = locks_of_policies("gt-images", policy, ACCOUNT)
        found = signers_of(Exposure(locks, "scans/1.png"), parse_principals(json.dumps(account)))
        for each in (*found, *found.refused):
            yield f"{each.arn} {policy is None}", (each.answer, each.depends_on)


def accepted(case: Case, name: str, without: str) -> Iterator[str]:
    """Yield more answers for a pattern with a variable:
    without a value of that it matches nothing.
    """
    if "${" in case[3]:
        if "username" not in case[3] or "user/" not in name:
            yield without
        if case[2] == "s3:DataAccessPointArn":
            yield "unknown"  # access points are not compared with values of variables


def wrong(case: Case, counts: Counter[str]) -> Iterator[str]:
    """Yield what is answered otherwise than under both other policies."""
    for ask in (of_requests, of_signers):
        short, every, none = (dict(ask(case, pattern)) for pattern in (case[3], EVERY, NONE))
        for name, (word, depends_on) in short.items():
            words = every[name][0], none[name][0]
            expected = words[0] if words[0] == words[1] else "unknown"
            if word not in (expected, *accepted(case, name, words[1])):
                yield f"{case}: {name} is {word}, and not {expected}"
            elif (
                word == "unknown"
                and "unknown" not in words
                and not any(case[3] in key for key in depends_on)
            ):
                yield f"{case}: {name} depends on {depends_on}"
            counts[word] += 1


def check(cases: list[Case]) -> None:
    counts: Counter[str] = Counter()
    assert [text for case in cases for text in wrong(case, counts)] == []
    assert min(counts[word] for word in ("opened", "refused", "unknown")) * 10 >= counts.total(), (
        counts
    )


QUICK = [
    ("Deny", "ArnLike", KEYS[0], "arn:*", OTHERS[2]),
    ("Allow", "ArnNotEquals", KEYS[1], "*", OTHERS[0]),
]


def test_some_patterns_decide_nothing() -> None:
    check(QUICK)


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_pattern_decides_anything(operator: str) -> None:
    check([case for case in CASES if case[1] == operator][::5])


@pytest.mark.slow
@pytest.mark.parametrize("operator", OPERATORS)
def test_no_pattern_decides_anything_in_any_place(operator: str) -> None:
    check([case for case in CASES if case[1] == operator])


def test_resources_and_principals_are_completed_or_refused() -> None:
    """A resource of fewer parts is documented: its missing parts are wildcards.
    A principal has no wildcard.
    """
    policy = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3"}
    request = Request("s3:GetObject", f"{BUCKET}/x", arn("user/ann"), {}, ACCOUNT)
    assert evaluate(request, Policies((doc(policy),))).decision == "allow"
    named = {**ALLOWED, "Principal": {"AWS": "arn:aws:iam::*"}}
    assert evaluate(request, Policies((FULL,), resource=doc(named))).decision == "invalid"


def test_the_law_sees_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "open_pattern", lambda _: "")
    with pytest.raises(AssertionError):
        check(QUICK)
