"""A variable may be any field of the ARN of a caller: who fits it is asked about.

Policies name callers by ARNs with variables in every field, beside literals and wildcards. Callers
are drawn by a sampler that knows nothing of how gt_secure finds them: it cuts their ARNs at every
field and gives the pieces to their tags. Where an answer says *refused* or *proved*, none of their
requests is opened.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

import pytest

from gt_secure.engine.access import Claim, Exposure, locks_of_policies, prove, request_kinds
from gt_secure.engine.iam import three_valued
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.facts import Facts
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import presigned_context

OWN, OTHER, OUTSIDE, OFFICE = "111122223333", "444455556666", "198.51.100.9", "203.0.113.0/24"
BUCKET = "arn:aws:s3:::gt-images"
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TAGS = ("aws:PrincipalTag/t", "aws:PrincipalTag/u")
VARIABLES = (*TAGS, *TAGS, *TAGS, "aws:PrincipalTag/t, 'role'", f"aws:PrincipalTag/u, '{OWN}'", "aws:PrincipalAccount",
             "aws:ResourceAccount", "aws:username", "team:of")  # fmt: skip
OPERATORS = ("ArnNotLike", "ArnNotLike", "ArnNotEquals", "StringNotLike", "StringNotEquals",
             "StringNotEqualsIgnoreCase", "ArnLike", "StringLike")  # fmt: skip
NAMES = ("x", "xy", "app", "team/x", "team/app/x", "role", "user")


def pattern(random: Random) -> str:
    """Return an ARN with one to three variables, whole fields or parts of them."""
    kind, account = (
        random.choice(("role", "role", "user", "root")),
        random.choice((OWN, OWN, OTHER)),
    )
    fields = ["arn", "aws", "iam", "", account, kind, *random.choice(NAMES).split("/")][
        : 6 if kind == "root" else None
    ]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        place = random.choice((1, 2, 4, 4, 4, 5, 5, len(fields) - 1))
        variable, text = f"${{{random.choice(VARIABLES)}}}", fields[place]
        parts = (variable, variable, text[:1] + variable, variable + text[-1:])
        fields[place] = random.choice(parts) if "$" not in text else text
    if random.random() < 0.25:
        fields[random.choice((4, 5, len(fields) - 1))] = random.choice(("*", "?*"))
    return ":".join([*fields[:5], "/".join(fields[5:])])


def policy(random: Random) -> dict[str, Any]:
    """Return a guard that spares some callers, or refuses only some,
    at times beside another one or a grant.
    """
    both = {"Principal": "*", "Action": "s3:*", "Resource": [BUCKET, f"{BUCKET}/*"]}
    statements = []
    for _ in range(random.choice((1, 1, 2))):
        operator, texts = (
            random.choice(OPERATORS),
            [pattern(random) for _ in range(random.choice((1, 1, 2)))],
        )
        if "IgnoreCase" in operator:
            texts = [
                re.sub(r"(\$\{[^}]*\})|[^$]+", lambda match: match[1] or match[0].upper(), each)
                for each in texts
            ]
        condition = {
            "NotIpAddress": {"aws:SourceIp": OFFICE},
            operator: {"aws:PrincipalArn": texts},
        }
        statements.append({"Effect": "Deny", **both, "Condition": condition})
    if random.random() < 0.3:
        spared = {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/x"}
        statements.append({"Effect": "Deny", **both, "Condition": {"ArnEquals": spared}})
    if random.random() < 0.4:
        statements.append(
            {"Effect": "Allow", **both, "Principal": {"AWS": random.choice(("*", OTHER))}}
        )
    return {"Version": "2012-10-17", "Statement": statements}


ARN = re.compile(r"arn:aws:iam::([0-9]{12}):(role/|user/|root$)([\w+=,.@/-]*)")
FIELDS = (OWN, OWN, OTHER, "role", "user", "root", "aws", "iam", *NAMES)


def fitting(random: Random, texts: list[str]) -> tuple[str, dict[str, str]]:
    """Return the ARN that a pattern becomes with some values of its variables and wildcards,
    and these values.
    """
    tags = {key: random.choice(FIELDS) for key in (*TAGS, "team:of")}

    def fill(match: re.Match[str]) -> str:
        key, _, default = match[1].partition(", ")
        if default and random.random() < 0.5:
            tags[key] = ""
        return tags.get(key, OWN) or default.strip("'")

    arn = re.sub(r"\$\{([^}]*)\}", fill, random.choice(texts))
    return re.sub(r"\?|\*", lambda _: random.choice(("x", "role", OWN)), arn).lower(), tags


def caller(
    random: Random, signer: str, texts: list[str], roles_only: bool, given: dict[str, str]
) -> Request | None:
    """Return a presigned request from outside by somebody who fits a pattern, or by anybody; None
    for nobody.

    ``given`` are tags that every signer of the own account has.
    """
    account, tags = (
        OWN if signer == "own" else OTHER,
        {key: random.choice((*FIELDS, "")) for key in (*TAGS, "team:of")},
    )
    arn = f"arn:aws:iam::{account}:{random.choice(('role', 'user'))}/{random.choice(NAMES)}"
    if random.random() < 0.8:
        arn, tags = fitting(random, texts)
    found = ARN.fullmatch(arn)
    if (
        found is None
        or found[1] != account
        or (roles_only and found[2] != "role/")
        or arn.endswith("/")
    ):
        return None
    name = arn.rpartition("/")[2]
    keys: dict[str, Any] = {
        **presigned_context(OUTSIDE),
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": account,
    }
    keys |= {"aws:ResourceAccount": OWN, **({"aws:username": name} if found[2] == "user/" else {})}
    keys |= {
        key: value for key, value in (given if given and signer == "own" else tags).items() if value
    }
    principal = f"arn:aws:sts::{account}:assumed-role/{name}/s" if found[2] == "role/" else arn
    return Request("s3:GetObject", f"{BUCKET}/scans/1.png", principal, keys, OWN)


def contradictions(seeds: Iterable[int], counts: Counter[str], drawn: int = 60) -> Iterator[str]:
    """Yield each request that an answer contradicts."""
    for seed in seeds:
        random = Random(seed)
        document = policy(random)
        given = (
            {tag: random.choice((OWN, "role", "x", "")) for tag in TAGS}
            if random.random() < 0.4
            else {}
        )
        supplied = {key.lower(): (value,) if value else () for key, value in given.items()}
        locks = locks_of_policies("gt-images", json.dumps(document), OWN, Facts(supplied))
        proved = prove(locks, Claim(allowed=OFFICE)).proved
        counts[f"proof {proved}"] += 1
        exposure, policies = Exposure(locks, "scans/1.png"), Policies((FULL,), resource=document)
        kinds = {"own": "presigned", "other": "other-account"}
        answers = {signer: exposure.at(OUTSIDE, kind).answer for signer, kind in kinds.items()}
        counts.update(answers.values())
        texts = re.findall(r'"((?i:arn):(?!aws:s3)[^"]*)"', json.dumps(document))
        for number in range(drawn):
            signer = random.choice(("own", "own", "other"))
            request = caller(random, signer, texts, number % 2 == 0, given)
            if request is None or not evaluate(request, policies).allowed:
                continue
            counts["requests opened"] += 1
            if proved:
                yield f"seed {seed}: proved, and opens {request}"
            if number % 2 == 0 and answers[signer] == "refused":
                yield f"seed {seed}: {signer} is refused, and opens {request}"


QUICK = (0, 1, 2, 3, 4, 23, 41, 121)
"""Policies among which each fault below shows, and some with each answer."""


def holds(seeds: Iterable[int]) -> None:
    counts: Counter[str] = Counter()
    assert [*contradictions(seeds, counts)] == []
    policies = sum(counts[f"proof {each}"] for each in (True, False, None))
    assert min(counts[f"proof {each}"] for each in (True, False, None)) * 8 >= policies, counts
    assert counts["refused"] * 2 >= policies, counts
    assert counts["opened"] * 10 >= policies, counts
    assert counts["requests opened"] >= policies, counts


def test_no_caller_is_left_out() -> None:
    holds(QUICK)


@pytest.mark.slow
def test_no_caller_is_left_out_of_more_policies() -> None:
    holds(range(1000, 1100))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 20_000, 500))
def test_no_caller_is_left_out_of_any_policy(first: int) -> None:
    holds(range(first, first + 500))


def _nobody_fits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        three_valued, "_pattern", lambda each, text: None if "${" in text else PATTERN(each, text)
    )


def _no_variable_is_settled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(request_kinds, "settled", lambda text, _: text)


PATTERN = three_valued._pattern
FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "nobody fits a pattern with a variable": (_nobody_fits, 23),
    "no variable is settled": (_no_variable_is_settled, 121),
}
"""Each fault, and the policy among the few in which it shows."""


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_back, seed = FAULTS[fault]
    assert seed in QUICK
    put_back(monkeypatch)
    assert [*contradictions([seed], Counter())]
