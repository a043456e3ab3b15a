"""Every question about a policy that S3 accepts ends after limited work, and what is not answered names a key.

Work is the number of function calls, which no other process changes. Three million take about a second of processor
time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gt_secure.base.network import parse_network
from gt_secure.engine.access import Claim, Exposure, locks_of_files, prove
from gt_secure.engine.iam import request_space, wildcards
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request

ME, OFFICE, ARN = "111122223333", "203.0.113.0/24", "arn:aws:s3:::gt-images"
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
OUTSIDE = {"NotIpAddress": {"aws:SourceIp": OFFICE}}
Family = Callable[[int], list[dict[str, Any]]]


def deny(condition: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"], **more}
    return {**made, "Condition": condition}


def each(operator: str, key: str, value: str, **more: Any) -> Family:
    """A statement for each number, which stands in the value."""
    return lambda many: [deny({operator: {key: value.replace("N", str(n))}, **more}) for n in range(many)]


FAMILIES: dict[str, Family] = {
    "roles": each("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ME}:role/*Nx*"),
    "roles, single digits": each("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ME}:role/*N*"),
    "roles outside": each("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ME}:role/*Nx*", **OUTSIDE),
    "roles by start": each("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ME}:role/teamN-*"),
    "referers": each("StringLike", "aws:Referer", "*Nx*", **OUTSIDE),
    "users": each("StringLike", "aws:username", "*Nx*", **OUTSIDE),
    "user ids": each("StringLike", "aws:userid", "*:*Nx*"),
    "object tags": each("StringLike", "s3:ExistingObjectTag/t", "*Nx*", **OUTSIDE),
    "tags": each("StringLike", "aws:PrincipalTag/t", "*Nx*"),
    "endpoints": each("StringLike", "aws:SourceVpce", "vpce-*Nx*"),
    "keys": lambda many: [deny(OUTSIDE, Resource=f"{ARN}/*{n}x*") for n in range(many)],
    "keys and tags": lambda many: [
        deny({"StringLike": {"s3:ExistingObjectTag/t": f"*{n}x*"}, **OUTSIDE}, Resource=f"{ARN}/*{n}x*")
        for n in range(many)
    ],
    "several keys": lambda many: [
        deny({
            "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ME}:role/*{n}x*"},
            "StringLike": {"aws:PrincipalTag/t": f"*{n}x*", "aws:Referer": f"*{n}x*", "aws:UserAgent": f"*{n}y*"},
        })
        for n in range(many)
    ],
}  # fmt: skip
FACTS = {"tags"}
"""Families whose proof depends on a fact: unknown is the exact answer."""
MOST_CALLS = 6_000_000


class TooMuchWorkError(Exception):
    """More calls than a question may take."""


def limited(ask: Callable[[], Any], most: int = MOST_CALLS) -> Any:
    """Ask a question; raises if it takes more calls."""
    calls = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        if event == "call":
            calls += 1
            if calls > most:
                raise TooMuchWorkError

    wildcards._witnesses.cache_clear()
    sys.setprofile(count)
    try:
        return ask()
    finally:
        sys.setprofile(None)


def questions(name: str, many: int) -> Iterator[None]:
    """Ask who can open an object and a prefix, and for a proof; yields after each."""
    policy = {"Version": "2012-10-17", "Statement": FAMILIES[name](many)}
    locks = locks_of_files("gt-images", policy, ME)
    for key in ("scans/1.png", "scans/"):
        rows = limited(lambda key=key: list(Exposure(locks, key, is_prefix=key.endswith("/"))))
        assert all(row.unknown.depends_on for row in rows if not row.unknown.is_empty), rows
        assert not [word for row in rows for word in row.unknown.depends_on if word.endswith(".")]
        yield
    proof = limited(lambda: prove(locks, Claim("", (parse_network(OFFICE),))))
    if name in FACTS:
        assert proof.proved is None
        assert proof.depends_on == ("aws:PrincipalTag/t",)
    else:
        assert proof.proved is False, (name, many, proof.depends_on)
        asked = proof.counterexample["request"]
        request = Request(asked["action"], asked["resource"], asked["principal"], asked["context"], ME)
        assert evaluate(request, Policies((FULL,), resource=policy)).allowed
    yield


def test_a_proof_over_twelve_patterns_ends_with_an_answer() -> None:
    locks = locks_of_files("gt-images", {"Version": "2012-10-17", "Statement": FAMILIES["referers"](12)}, ME)
    assert limited(lambda: prove(locks, Claim("", (parse_network(OFFICE),))), MOST_CALLS // 4).proved is False


@pytest.mark.parametrize("name", ["roles, single digits", "referers", "keys"])
def test_eight_and_twelve_statements(name: str) -> None:
    for many in (8, 12):
        assert sum(1 for _ in questions(name, many)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("many", [4, 5, 6, 7, 8, 9, 10, 12, 16, 24, 40])
@pytest.mark.parametrize("name", FAMILIES)
def test_four_to_forty_statements(name: str, many: int) -> None:
    assert len(json.dumps(FAMILIES[name](many), separators=(",", ":"))) < 20_000
    assert sum(1 for _ in questions(name, many)) == 3


def pairwise_support(classes: Any, results: Any) -> Iterator[str]:
    """What an answer depends on, by comparing all pairs of classes over all results."""
    for place, group in enumerate(classes):
        size = range(len(group.members))
        pairs = {
            (one, other)
            for one in size
            for other in range(one)
            if any(
                (results[(*rest[:place], one, *rest[place + 1 :])] is None)
                != (results[(*rest[:place], other, *rest[place + 1 :])] is None)
                for rest in results
            )
        }
        yield from (dimension.name for dimension in group.group.facts if pairs)


def test_a_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_space, "_support", pairwise_support)
    with pytest.raises(TooMuchWorkError):
        list(questions("roles, single digits", 8))
    monkeypatch.undo()
    monkeypatch.setattr(request_space.RequestSpace, "_sampled", lambda *_: {})
    with pytest.raises(AssertionError):
        list(questions("referers", 12))
