"""A revocation refuses whom its sentence names, and nobody else.

The plan of a revocation and every surface that finds it later show sentences. The sampler draws
what to revoke: an object, a prefix or a bucket; a time; a role, a session, a user or everybody; a
viewer as well or alone. A reader of its own reads the sentences, and requests are drawn around all
of them: the policy denies one exactly if a sentence says so.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from gt_secure.base.viewers import viewer_session
from gt_secure.changes import revoke
from gt_secure.changes.revoke import Revoked
from gt_secure.engine.access import Exposure, locks_of_policies
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.engine.policies.revocation import Revocation

OWN, BUCKET, ARN = "111122223333", "gt-images", "arn:aws:s3:::gt-images"
CUT = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
KEYS = (
    "scans/1.png",
    "scans/a*b.png",
    "scans/aXb.png",
    "scans/${x}.png",
    "scans/q?.png",
    "other/1.png",
)
IAM, STS = f"arn:aws:iam::{OWN}:", f"arn:aws:sts::{OWN}:"
SIGNERS = (
    None, f"{IAM}role/app", f"{IAM}role/path/app", f"{STS}assumed-role/app/work", f"{STS}assumed-role/app",
    f"{IAM}user/bob", f"{IAM}user/staff/bob", f"{IAM}root", f"{STS}federated-user/bob", "SAML:somebody", "",
)  # fmt: skip
CALLERS = (
    *((f"{IAM}role/{role}", session) for role in ("app", "path/app", "app2", "App") for session in ("work", "anna", "zoe")),
    (f"{IAM}user/bob", ""), (f"{IAM}user/staff/bob", ""), (f"{IAM}user/bobby", ""), (f"{IAM}root", ""),
    (f"{STS}federated-user/bob", ""), (f"{STS}federated-user/anna", ""),
)  # fmt: skip
VIEWERS = (None, None, "anna", "zoe")


def drawn(random: Random) -> Revoked:
    """Return what to revoke; what was leaked long ago has ended."""
    place: dict[str, Any] = random.choice(
        ({"key": random.choice(KEYS)}, {"prefix": "scans/"}, {"prefix": "scans/a*"}, {})
    )
    before = CUT + dt.timedelta(hours=random.choice((-30, 0, 1)))
    return Revoked(
        BUCKET,
        place.get("prefix", ""),
        place.get("key"),
        random.choice(SIGNERS),
        before,
        random.choice((None, before + dt.timedelta(hours=random.choice((2, 200))))),
        viewer=random.choice(VIEWERS),
    )


def request(random: Random, wish: Revoked) -> tuple[Request, dict[str, str]]:
    """Return a request, and its context."""
    callers = [each for each in CALLERS if each[0].rpartition("/")[2] in (wish.signer or "")]
    principal, session = random.choice((*CALLERS, *callers * 2))
    name = principal.rpartition("/")[2]
    is_temporary = bool(session) or "federated" in principal or random.random() < 0.5
    worn = viewer_session(session) if session in ("anna", "zoe") else session or name
    keys = {
        "aws:PrincipalArn": principal,
        "aws:userid": f"AROAEXAMPLE:{worn}" if is_temporary and session else "AIDAEXAMPLE",
        "s3:authType": random.choice(("REST-QUERY-STRING", "REST-QUERY-STRING", "POST", "REST-HEADER")),
        "aws:SourceIp": "198.51.100.9",
    }  # fmt: skip
    if is_temporary:
        issued = CUT + dt.timedelta(hours=random.choice((-31, -30, -1, 0, 1, 2)))
        keys["aws:TokenIssueTime"] = f"{issued:%Y-%m-%dT%H:%M:%SZ}"
    arn = f"{STS}assumed-role/{name}/{worn}" if session else principal
    near = wish.key or random.choice(KEYS[:3])
    place = random.choice((ARN, *(f"{ARN}/{key}" for key in (*KEYS, *[near] * 8))))
    action = "s3:ListBucket" if place == ARN else "s3:GetObject"
    return Request(action, place, arn, keys, OWN), keys


SENTENCE = re.compile(
    r"A revocation refuses presigned requests for (?P<place>.+?), signed"
    r"(?: for (?P<session>\S+) by gt_secure| by (?P<signers>arn:\S+(?: or arn:\S+)*))? with"
    r" (?:(?P<long>long-term keys \(new URLs too\))|credentials issued before (?P<issued>\S+)),"
    r" (?:until \S+ \S+ UTC|without an end)\."
)


def like(pattern: str) -> str:
    """Return the regular expression of a pattern of IAM."""
    parts = re.split(r"(\$\{[*?$]\}|[*?])", pattern)
    kinds = {"*": ".*", "?": "."}
    return "".join(
        re.escape(each[2]) if each.startswith("${") and len(each) == 4 else kinds.get(each) or re.escape(each)
        for each in parts
    )  # fmt: skip


def says_refused(sentence: str, asked: Request, keys: dict[str, str]) -> bool:
    """Return whether a sentence says that a request is refused."""
    found = SENTENCE.fullmatch(sentence)
    assert found, sentence
    places = found["place"].split(", ") if ", " in found["place"] else [found["place"]]
    is_there = any(re.fullmatch(like(each), asked.resource[13:]) for each in places)
    if not is_there or keys["s3:authType"] == "REST-HEADER":
        return False
    if found["session"] and not keys["aws:userid"].endswith(f":{found['session']}"):
        return False
    signers = (found["signers"] or "*").split(" or ")
    if not any(re.fullmatch(like(each), keys["aws:PrincipalArn"]) for each in signers):
        return False
    issued = keys.get("aws:TokenIssueTime")
    return issued is None if found["long"] else issued is not None and issued < found["issued"]


def faults(seeds: Iterable[int], counts: Counter[str], requests: int = 60) -> Iterator[str]:
    """Yield each request that the sentences describe otherwise than the policy decides."""
    for seed in seeds:
        random = Random(seed)
        wish = drawn(random)
        change = revoke._change(wish, BucketPolicy.of(None), "us-east-1", "aws", CUT, None)
        if change is None:
            counts["ended"] += 1
            continue
        policy = BucketPolicy.of(change.after)
        sentences = [each.sentence for each in policy.revocations]
        shown = change.after_text
        for each in sentences:
            if wish.viewer is not None:  # the policy holds a digest of the name
                each = each.replace(viewer_session(wish.viewer), wish.viewer)
            if each.removesuffix(".") not in shown:
                yield f"seed {seed}: the plan says {shown!r}, and not {each!r}"
        if shown.count("refuses") != len(sentences):
            yield f"seed {seed}: the plan says more than {sentences}: {shown!r}"
        locks = locks_of_policies(BUCKET, str(change.after), OWN)
        for key in KEYS[:2]:
            if not {*Exposure(locks, key).revocations} <= {*sentences}:
                yield f"seed {seed}: who says otherwise"
        both = Policies((FULL,), resource=json.loads(str(change.after)))
        counts[f"{len(sentences)} sentences"] += 1
        counts["a viewer"] += wish.viewer is not None
        for _ in range(requests):
            asked, keys = request(random, wish)
            refused = any(says_refused(each, asked, keys) for each in sentences)
            counts["refused" if refused else "opened"] += 1
            if (evaluate(asked, both).decision == "explicit-deny") != refused:
                yield f"seed {seed}: {sentences} of {asked.resource} {keys}: {refused}"


QUICK = range(45)


def holds(seeds: range) -> None:
    counts: Counter[str] = Counter()
    assert [*faults(seeds, counts)] == []
    assert counts["refused"] * 8 >= counts["opened"], counts
    assert counts["ended"] * 4 <= len(seeds), counts
    assert counts["2 sentences"] * 8 >= len(seeds), counts
    assert counts["a viewer"] * 4 >= len(seeds), counts


def test_a_revocation_refuses_whom_it_names() -> None:
    holds(QUICK)


def test_more_revocations_refuse_whom_they_name() -> None:
    holds(range(1000, 1500))


@pytest.mark.slow
def test_many_revocations_refuse_whom_they_name() -> None:
    holds(range(10_000, 20_000))


def told_by_the_wish(patch: pytest.MonkeyPatch) -> None:
    """The plan has words of its own."""
    written = revoke._change

    def change(wish: Revoked, *rest: Any) -> Any:
        made = written(wish, *rest)
        return made and replace(made, after_text=f"presigned requests for {wish.key} are refused")

    patch.setattr(revoke, "_change", change)


def without(pattern: str) -> Callable[[pytest.MonkeyPatch], None]:
    """A sentence leaves out a condition."""
    described = Revocation.described

    def put_back(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(
            Revocation, "described", lambda *asked: re.sub(pattern, "", described(*asked))
        )

    return put_back


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a viewer is everybody": without(r" for \S+ by gt_secure"),
    "a signer is everybody": without(r" by arn:\S+( or arn:\S+)*"),
    "a role has one path": without(r" or arn:\S+"),
    "the bucket has no listing": without(r"gt-images, (?=gt-images/)"),
    "the plan has words of its own": told_by_the_wish,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_law_sees_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    assert any(faults(QUICK, Counter()))
