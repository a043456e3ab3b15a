"""Every question about a policy that S3 accepts ends after limited work, and what is not answered
names a key.

Work is the number of function calls, which no other process changes. Three million take about a
second of processor time.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from gt_secure.base.network import parse_network
from gt_secure.engine.access import (
    Claim,
    Exposure,
    locks as locks_module,
    locks_of_policies,
    proof,
    prove,
)
from gt_secure.engine.access.identities import parse_principals
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.access.signers import signers_of
from gt_secure.engine.iam import request_space, wildcards
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from support.principals import FOUR_PEOPLE

ME, OFFICE, ARN = "111122223333", "203.0.113.0/24", "arn:aws:s3:::gt-images"
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
OUTSIDE = {"NotIpAddress": {"aws:SourceIp": OFFICE}}
Family = Callable[[int], list[dict[str, Any]]]


def deny(condition: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [ARN, f"{ARN}/*"],
        **more,
    }
    return {**made, "Condition": condition}


def each(operator: str, key: str, value: str, **more: Any) -> Family:
    """A statement for each number, which stands in the value."""
    return lambda many: [
        deny({operator: {key: value.replace("N", str(n))}, **more}) for n in range(many)
    ]


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
MOST_CALLS = 7_000_000


PLACES: dict[str, Callable[[int], dict[str, Any]]] = {
    "names": lambda n: {"NotResource": [f"{ARN}/h{n}/${{aws:username}}/*", ARN]},
    "ids": lambda n: {"NotResource": [f"{ARN}/h{n}/${{aws:userid}}/*", ARN]},
    "tags": lambda n: {"NotResource": [f"{ARN}/h{n}/${{aws:PrincipalTag/t{n}}}/*", ARN]},
    "names and tags": lambda n: {
        "NotResource": [f"{ARN}/h{n}/${{aws:username}}/*", f"{ARN}/g/${{aws:PrincipalTag/t}}/{n}"]
    },
    "names in resources": lambda n: {"Resource": f"{ARN}/h{n}/${{aws:username}}/*"},
    "folders": lambda n: {"NotResource": [f"{ARN}/h{n}/*", ARN]},
    "tags of objects": lambda n: {
        "Resource": f"{ARN}/*", "Condition": {"StringNotEquals": {f"s3:ExistingObjectTag/t{n}": "${aws:username}"}}
    },
}  # fmt: skip
"""What a Deny of many names: policies of 90 such statements are as long as S3 accepts."""
MOST_FOR_SIGNERS = 20_000_000


class TooMuchWorkError(Exception):
    """More calls than a question may take."""


def limited(ask: Callable[[], Any], most: int = MOST_CALLS) -> Any:
    """Ask a question; raises if it takes more calls."""
    calls = 0

    def count(frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        if event == "call":
            calls += 1
            # Python ignores what is raised in a generator that it closes.
            if calls > most and not frame.f_code.co_flags & inspect.CO_GENERATOR:
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
    locks = locks_of_policies("gt-images", policy, ME)
    for key in ("scans/1.png", "scans/"):
        rows = limited(lambda key=key: list(Exposure(locks, key, is_prefix=key.endswith("/"))))
        assert all(row.unknown.depends_on for row in rows if not row.unknown.is_empty), rows
        assert not [word for row in rows for word in row.unknown.depends_on if word.endswith(".")]
        yield
    found = limited(lambda: prove(locks, Claim("", (parse_network(OFFICE),))))
    if name in FACTS:
        assert found.proved is None
        assert found.depends_on == ("aws:PrincipalTag/t",)
    else:
        assert found.proved is False, (name, many, found.depends_on)
        asked = found.counterexample["request"]
        request = Request(
            asked["action"], asked["resource"], asked["principal"], asked["context"], ME
        )
        assert evaluate(request, Policies((FULL,), resource=policy)).allowed
    yield


def test_a_proof_over_twelve_patterns_ends_with_an_answer() -> None:
    locks = locks_of_policies(
        "gt-images", {"Version": "2012-10-17", "Statement": FAMILIES["referers"](12)}, ME
    )
    assert (
        limited(lambda: prove(locks, Claim("", (parse_network(OFFICE),))), MOST_CALLS // 4).proved
        is False
    )


@pytest.mark.parametrize("name", ["roles, single digits", "referers", "keys"])
def test_eight_and_twelve_statements(name: str) -> None:
    for many in (8, 12):
        assert sum(1 for _ in questions(name, many)) == 3


@pytest.mark.parametrize("many", [15, 24])
def test_tags_that_have_no_part_in_common_are_not_multiplied(many: int) -> None:
    """The two classes of each tag make 32,768 of 15 tags together, and 16 million of 24."""
    statements = [
        deny({"StringEquals": {f"s3:ExistingObjectTag/t{number}": "x"}}) for number in range(many)
    ]
    locks = locks_of_policies("gt-images", {"Version": "2012-10-17", "Statement": statements}, ME)
    answer = limited(
        lambda: Exposure(locks, "scans/1.png").at("198.51.100.9", "presigned"), MOST_CALLS // 60
    )
    assert (answer.answer, len(answer.depends_on)) == ("unknown", many)


@pytest.mark.slow
@pytest.mark.parametrize("many", [4, 5, 6, 7, 8, 9, 10, 12, 16, 24, 40])
@pytest.mark.parametrize("name", FAMILIES)
def test_four_to_forty_statements(name: str, many: int) -> None:
    assert len(json.dumps(FAMILIES[name](many), separators=(",", ":"))) < 20_000
    assert sum(1 for _ in questions(name, many)) == 3


def denying(place: str, many: int) -> EffectiveLocks:
    """Return the locks of a bucket whose objects everybody may read,
    except for what many statements refuse.
    """
    statements = [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Condition": OUTSIDE,
            **PLACES[place](number),
        }
        for number in range(many)
    ]
    read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/*"}
    return locks_of_policies(
        "gt-images", {"Version": "2012-10-17", "Statement": [read, *statements]}, ME
    )


PEOPLE = parse_principals(json.dumps(FOUR_PEOPLE))


def answers(place: str, many: int) -> None:
    """Ask for a proof, for signers and for everybody, of an object and of the bucket:
    what is unknown names a key.
    """
    locks = denying(place, many)
    proved = limited(lambda: prove(locks, Claim("", (parse_network(OFFICE),))))
    assert proved.proved is not None or proved.depends_on
    for key in ("scans/1.png", ""):
        found = limited(
            lambda key=key: signers_of(Exposure(locks, key, is_prefix=not key), PEOPLE),
            MOST_FOR_SIGNERS,
        )
        assert all(each.depends_on for each in (*found, *found.refused) if each.answer == "unknown")
        rows = limited(
            lambda key=key: list(Exposure(locks, key, is_prefix=not key)), MOST_FOR_SIGNERS
        )
        assert all(row.unknown.depends_on for row in rows if not row.unknown.is_empty), rows


@pytest.mark.parametrize("place", PLACES)
def test_proofs_and_signers_of_twenty_statements(place: str) -> None:
    answers(place, 20)


@pytest.mark.slow
@pytest.mark.parametrize("many", [40, 90])
@pytest.mark.parametrize("place", PLACES)
def test_proofs_and_signers_of_the_longest_policies(place: str, many: int) -> None:
    answers(place, many)


def test_a_proof_without_a_limit_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_MOST_WORK", 10**9)
    with pytest.raises(TooMuchWorkError):
        answers("names and tags", 20)


def traded(keys: dict[str, str], many: int) -> dict[str, Any]:
    """Return a policy in which each text in a header is refused and allowed by statements of its
    own.

    No choice of a header is better than another, but one: the texts that the last statement asks
    for.
    """
    words = {
        key: [f"{first}{chr(97 + number)}" for number in range(many)] for key, first in keys.items()
    }
    found = [
        {"Effect": effect, "Condition": {"StringLike": {key: f"*{word}*"}}}
        for key, each in words.items()
        for word in each
        for effect in ("Deny", "Allow")
    ]
    found.append(
        {
            "Effect": "Allow",
            "Condition": {"StringLike": {key: f"*{first}{first}*" for key, first in keys.items()}},
        }
    )
    more = {"Principal": "*", "Action": "s3:GetObject*", "Resource": f"{ARN}/*"}
    return {"Version": "2012-10-17", "Statement": [{**more, **each} for each in found]}


HEADERS = {"aws:Referer": "R", "aws:UserAgent": "U", "s3:VersionId": "V"}


def opens(policy: dict[str, Any], keys: dict[str, str]) -> bool:
    """Return whether the request opens that the last statement allows."""
    texts = {key: first * 2 for key, first in keys.items()}
    context = {"aws:SourceIp": "198.51.100.9", "aws:SecureTransport": "true", **texts}
    action = "s3:GetObjectVersion" if "s3:VersionId" in keys else "s3:GetObject"
    return evaluate(
        Request(action, f"{ARN}/scans/1.png", "*", context, ME), Policies((), resource=policy)
    ).allowed


@pytest.mark.parametrize("many", [4, 7])
def test_choices_that_are_not_better_than_each_other_take_limited_work(many: int) -> None:
    keys = dict(list(HEADERS.items())[:2])
    policy = traded(keys, many)
    assert opens(policy, keys)
    locks = locks_of_policies("gt-images", policy, ME)
    answer = limited(lambda: Exposure(locks, "scans/1.png").at("198.51.100.9", "anonymous"))
    assert answer.answer == "opened"


@pytest.mark.parametrize("many", [3, 4, 5])
def test_proofs_over_such_choices_take_limited_work(many: int) -> None:
    policy = traded(HEADERS, many)
    assert opens(policy, HEADERS)
    proved = limited(
        lambda: prove(
            locks_of_policies("gt-images", policy, ME), Claim("", (parse_network(OFFICE),))
        )
    )
    assert proved.proved is False


@pytest.mark.parametrize(
    ("most", "words"), [(8, {"opened"}), (50, {"opened", "unknown"}), (300, {"opened"})]
)
def test_choices_that_are_too_many_are_not_left_out(
    monkeypatch: pytest.MonkeyPatch, most: int, words: set[str]
) -> None:
    """An answer is unknown, never refused and never a proof,
    where a choice not looked at may open the object.
    """
    monkeypatch.setattr(request_space, "MAX_CLASSES", most)
    answers = set()
    for many in (1, 2, 3, 4):
        keys = dict(list(HEADERS.items())[:2])
        locks = locks_of_policies("gt-images", traded(keys, many), ME)
        answer = Exposure(locks, "scans/1.png").at("198.51.100.9", "anonymous")
        assert answer.answer == "opened" or answer.depends_on, (many, answer)
        assert answer.answer != "refused"
        answers.add(answer.answer)
        claim = Claim("", (parse_network(OFFICE),))
        assert (
            prove(locks_of_policies("gt-images", traded(HEADERS, many), ME), claim).proved
            is not True
        )
    assert answers == words


def test_signers_of_many_access_points_take_limited_work() -> None:
    statements = [
        deny({
            "ArnNotLike": {"s3:DataAccessPointArn": f"arn:aws:s3:*:*:accesspoint/{number}*"},
            "StringNotLike": {"s3:DataAccessPointAccount": f"*{number}"},
        })
        for number in range(70)
    ]  # fmt: skip
    read = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/*"}
    locks = locks_of_policies(
        "gt-images", {"Version": "2012-10-17", "Statement": [read, *statements]}, ME
    )
    limited(lambda: signers_of(Exposure(locks, "scans/1.png"), PEOPLE), MOST_FOR_SIGNERS)


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
    # as a team's, if not read
    monkeypatch.setattr(locks_module, "EffectiveLocks", partial(EffectiveLocks, by="role"))
    with pytest.raises(TooMuchWorkError):
        list(questions("roles, single digits", 8))
    monkeypatch.undo()
    monkeypatch.setattr(request_space.RequestSpace, "_sampled", lambda *_: {})
    with pytest.raises(AssertionError):
        list(questions("referers", 12))
